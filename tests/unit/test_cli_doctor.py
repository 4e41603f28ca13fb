"""The doctor: one line for each thing the desk needs, and exit 1 when one of them is not right."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from orchestrator.adapters.memory.store import MemoryDataLayer
from orchestrator.bootstrap import Builder
from orchestrator.cli import app
from orchestrator.cli.doctor import machine
from orchestrator.cli.doctor.desk import MODELS
from orchestrator.cli.doctor.finding import Finding
from orchestrator.ports import Put
from orchestrator.seed import seed
from orchestrator.settings import Settings
from tests.small_market import desk_on, write_folder
from tests.unit.test_cli_desk import told


@pytest.fixture(autouse=True)
def whole_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """What this machine has is not under test here."""
    monkeypatch.setattr(machine, "findings", lambda *, local: iter([Finding("machine", ok=True, detail=str(local))]))


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Builder]:
    with desk_on(write_folder(tmp_path / "data")) as (built, _):
        yield built


def doctor(built: Builder | None, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["doctor", *arguments], obj=built)


def findings(built: Builder, *, code: int) -> dict[str, Any]:
    return {one["name"]: one for one in told(doctor(built, "--json"), code=code)["findings"]}


def test_a_whole_desk_is_exit_0(desk: Builder) -> None:
    result = doctor(desk)
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[-1] == "everything that is needed is there"
    assert all(line.startswith("ok") for line in lines[:-1])
    for name in (*MODELS, "Alpaca", "Kraken", "indexes", "store"):
        assert any(line.split()[1].startswith(name.split()[0]) for line in lines[:-1]), name


def test_what_is_missing_is_named_with_what_to_do(desk: Builder) -> None:
    empty = Builder(desk.settings, store=MemoryDataLayer())
    result = doctor(empty)
    empty.close()
    assert result.exit_code == 1
    assert f"{len(MODELS)} needed and not right" in result.stdout
    assert result.stdout.count("create it with `desk doctor --seed`") == len(MODELS)


def test_seed_creates_what_is_missing_and_leaves_the_rest(desk: Builder) -> None:
    desk.store.commit([Put("config/market", {"schema": 1, "name": "mine", "synthetic": False})])
    empty = Builder(desk.settings, store=MemoryDataLayer())
    first = told(doctor(empty, "--seed", "--json"))
    assert set(first["created"]) >= set(MODELS)
    assert told(doctor(empty, "--seed", "--json"))["created"] == []
    empty.close()
    assert told(doctor(desk, "--seed", "--json"))["created"] == []
    assert desk.store.get_many(["config/market"])["config/market"].data["name"] == "mine"


def test_a_damaged_document_is_named_with_its_field(desk: Builder) -> None:
    desk.store.commit(
        [Put("config/risk", {"schema": 1, "limits": {"daily_loss": "7"}, "updated_at": datetime.now(UTC)})]
    )
    found = findings(desk, code=1)["config/risk"]
    assert not found["ok"]
    assert "daily_loss" in found["detail"]


def test_parameters_out_of_range_are_named_with_their_bound(desk: Builder) -> None:
    path = "parameters/crypto"
    data = desk.store.get_many([path])[path].data
    desk.store.commit([Put(path, {**data, "values": {"no_such_parameter": 1}})])
    found = findings(desk, code=1)[path]
    assert "no_such_parameter" in found["detail"]
    assert "restore" in found["advice"]


def test_the_doctor_writes_nothing_unless_asked(desk: Builder) -> None:
    before = desk.store.usage.writes
    doctor(desk)
    assert desk.store.usage.writes == before


def test_keys_are_the_functions_secrets_in_the_cloud(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("httpx.get", _no_network)
    store = MemoryDataLayer()
    built = Builder(Settings({"GCLOUD_PROJECT": "my-desk"}), store=store)
    seed(store, _defaults(), now=datetime(2026, 7, 16, tzinfo=UTC))
    result = doctor(built)
    assert result.exit_code == 0, result.output
    assert "ALPACA_API_KEY" in result.stdout
    assert "firebase functions:secrets:set ALPACA_API_KEY" in result.stdout
    assert "not compared" in result.stdout


def test_a_key_that_the_venue_refuses_is_not_right(desk: Builder) -> None:
    settings = Settings({**desk.settings.values, "KRAKEN_API_KEY": "demo-key", "KRAKEN_SECRET": "not base64 !"})
    built = Builder(settings, store=desk.store)
    found = findings(built, code=1)["Kraken"]
    built.close()
    assert found["needed"]
    assert not found["ok"]


def test_a_venue_out_of_reach_is_not_right(tmp_path: Path) -> None:
    with desk_on(write_folder(tmp_path / "data"), ALPACA_BASE_URL="http://127.0.0.1:9", FIREDESK_CLOCK="") as (
        built,
        _,
    ):
        found = findings(built, code=1)
    assert "cannot be reached" in found["Alpaca"]["detail"]
    assert found["Kraken"]["ok"]
    assert found["Alpaca clock"]["detail"].startswith("not compared")
    assert found["Kraken clock"]["ok"]


def test_without_a_desk_the_machine_is_still_checked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("FIRESTORE_EMULATOR_HOST", "GCLOUD_PROJECT", "GOOGLE_CLOUD_PROJECT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("orchestrator.cli.target.environment", _no_desk)
    result = doctor(None)
    assert result.exit_code == 1
    assert "machine" in result.stdout
    assert "make up" in result.stdout


def _no_desk(*_: object) -> dict[str, str]:
    from orchestrator.domain.errors import ConfigurationError

    raise ConfigurationError("no desk to talk to: start one with `make up`")


def _no_network(*_: object, **__: object) -> None:
    import httpx

    raise httpx.ConnectError("no network in this test")


def _defaults() -> Any:
    from orchestrator.bootstrap import default_parameters

    return default_parameters()


def test_findings_tell_a_program_the_same(desk: Builder) -> None:
    found = json.loads(doctor(desk, "--json").stdout)
    assert set(found) == {"created", "findings"}
    assert {"name", "ok", "needed", "detail", "advice"} == set(found["findings"][0])
