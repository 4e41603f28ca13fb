"""Which desk a command talks to: the environment's, else the suite that runs on this machine."""

import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from orchestrator.cli import app, target
from orchestrator.cli.faults import BAD_INPUT, UNAVAILABLE, code_of
from orchestrator.domain import errors
from orchestrator.domain.errors import ConfigurationError, TradingError
from scripts.ports import free_ports

NAMES = ("FIRESTORE_EMULATOR_HOST", "GCLOUD_PROJECT", "GOOGLE_CLOUD_PROJECT", "GOOGLE_APPLICATION_CREDENTIALS")


@pytest.fixture
def note(tmp_path: Path) -> Path:
    return tmp_path / "state" / "local.json"


@pytest.fixture
def unnamed(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)


def test_the_running_suite_is_found_and_forgotten_at_its_end(note: Path) -> None:
    with target.announced({"GCLOUD_PROJECT": "demo-here"}, page="http://page", note=note):
        assert target.environment({"PATH": "x"}, note) == {"PATH": "x", "GCLOUD_PROJECT": "demo-here"}
        found = target.running_suite(note)
        assert found is not None
        assert (found.pid, found.page) == (os.getpid(), "http://page")
    assert not note.exists()


def test_what_the_environment_names_comes_first(note: Path) -> None:
    with target.announced({"GCLOUD_PROJECT": "demo-here"}, page="", note=note):
        assert target.environment({"GCLOUD_PROJECT": "mine"}, note) == {"GCLOUD_PROJECT": "mine"}


def test_the_note_of_a_program_that_is_gone_does_not_count(note: Path) -> None:
    note.parent.mkdir()
    note.write_text('{"pid": 999999999, "page": "", "environment": {"GCLOUD_PROJECT": "demo-gone"}}')
    assert target.running_suite(note) is None
    with pytest.raises(ConfigurationError, match="make up"):
        target.environment({}, note)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": "x"}'])
def test_a_damaged_note_does_not_count(note: Path, text: str) -> None:
    note.parent.mkdir()
    note.write_text(text)
    assert target.running_suite(note) is None


def test_the_note_of_a_newer_suite_stays(note: Path) -> None:
    with target.announced({}, page="", note=note):
        note.write_text('{"pid": 1, "page": "", "environment": {}}')
    assert note.exists()


@pytest.mark.parametrize("command", [["status"], ["watch", "--once"], ["halt"], ["resume"], ["run", "stocks"]])
def test_an_emulator_that_does_not_answer_is_one_line_and_exit_3(command: list[str], unnamed: None) -> None:
    host = f"127.0.0.1:{free_ports(['nobody'])['nobody']}"
    result = CliRunner().invoke(app, command, env={"FIRESTORE_EMULATOR_HOST": host})
    assert result.exit_code == UNAVAILABLE
    assert result.stderr.count("\n") == 1
    assert f"Firestore emulator {host} does not answer" in result.stderr


@pytest.mark.parametrize("host", ["nonsense", "localhost:", ":8080", "localhost:http"])
def test_an_emulator_without_host_and_port_is_one_line_and_exit_2(host: str, unnamed: None) -> None:
    result = CliRunner().invoke(app, ["status"], env={"FIRESTORE_EMULATOR_HOST": host})
    assert result.exit_code == BAD_INPUT
    assert f"FIRESTORE_EMULATOR_HOST is {host!r}: name host and port" in result.stderr


def test_no_desk_at_all_is_one_line_and_exit_2(unnamed: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(target, "running_suite", lambda _note: None)
    result = CliRunner().invoke(app, ["status"])
    assert result.exit_code == BAD_INPUT
    assert "no desk to talk to: start one with `make up`, or set GCLOUD_PROJECT" in result.stderr


def test_a_project_without_credentials_says_how_to_get_them(
    unnamed: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "nowhere.json"))
    result = CliRunner().invoke(app, ["status"], env={"GCLOUD_PROJECT": "my-desk"})
    assert result.exit_code == BAD_INPUT, result.output
    assert "no Google credentials for my-desk" in result.stderr


def test_every_error_of_the_desk_has_an_exit_code() -> None:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, TradingError)]
    out_of_reach = {kind.__name__ for kind in kinds if code_of(kind.__new__(kind)) == UNAVAILABLE}
    assert {"StoreUnavailableError", "BrokerUnavailableError", "RateLimitedError"} <= out_of_reach
    assert not {"ConfigurationError", "MalformedDataError", "BrokerAuthError"} & out_of_reach
