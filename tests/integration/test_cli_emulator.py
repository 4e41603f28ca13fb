"""The command line against the Firestore emulator, found by the environment as a person's shell has it."""

import json
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from orchestrator.bootstrap import Builder
from orchestrator.cli import app
from orchestrator.domain.codec import decode
from orchestrator.domain.documents import BacktestDoc
from orchestrator.settings import Settings
from scripts.suite import Suite
from tests.backtest_files import write_stocks
from tests.small_market import desk_on, write_folder

pytestmark = pytest.mark.emulator
SLOT = datetime(2026, 7, 16, 13, 40, tzinfo=UTC)


@pytest.fixture
def shell(firestore_emulator: Suite, firestore_project: str, tmp_path: Path) -> Iterator[dict[str, str]]:
    """The variables of a desk whose store is an empty database of the emulator and whose venue is in this process."""
    with desk_on(write_folder(tmp_path / "data")) as (built, exchange):
        exchange.advance(SLOT)
        found = {**built.settings.values, "FIRESTORE_EMULATOR_HOST": firestore_emulator.address("firestore")}
        yield {**found, "GCLOUD_PROJECT": firestore_project}


def desk(shell: dict[str, str], *arguments: str, code: int = 0) -> dict[str, Any]:
    result = CliRunner().invoke(app, [*arguments, "--json"], env=shell)
    assert result.exit_code == code, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def test_a_desk_is_set_up_looked_at_run_and_halted(shell: dict[str, str]) -> None:
    assert Settings(shell).emulated
    created = desk(shell, "doctor", "--seed")["created"]
    assert {"desk/state", "books/crypto", "parameters/options"} <= set(created)
    assert desk(shell, "doctor")["created"] == []
    report = desk(shell, "run", "stocks", "--slot", f"{SLOT:%Y-%m-%dT%H:%M:%SZ}")
    assert report["round_trips"] <= 5
    assert desk(shell, "status")["summary"]["modules"]["stocks"]["last_slot"] == SLOT.isoformat()
    assert desk(shell, "halt", "--wait", "0", "--reason", "tried")["ok"]
    found = desk(shell, "status")
    assert (found["summary"]["state"], found["brake"]["by"]) == ("HALTED", "console")
    assert desk(shell, "resume", "--wait", "0")["ok"]
    assert desk(shell, "parameters", "crypto")["active"] == 1


def test_a_backtest_is_kept_once(shell: dict[str, str], tmp_path: Path) -> None:
    bars = write_stocks(tmp_path / "bars")
    asked = ("backtest", "--strategy", "momentum", "--data", str(bars), "--symbols", "SPY,AAPL,MSFT", "--store")
    first, second = (desk(shell, *asked) for _ in range(2))
    assert first["stored"] == second["stored"]
    with closing(Builder(Settings(shell))) as built:
        (kept,) = built.store.query("backtests", [], order_by="-created_at")
    assert kept.path == first["stored"]
    assert decode(BacktestDoc, kept.data, where=kept.path).trades == len(first["trades"])
