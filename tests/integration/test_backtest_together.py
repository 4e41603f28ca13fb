"""`desk backtest` of several modules in one account: the desk itself, summed up as every backtest is."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from orchestrator.cli import app

DAYS = ["--from", "2026-07-16", "--to", "2026-07-21"]
SYMBOLS = "stocks=XLK,XLF,SPY options=SPY crypto=BTC"


def told(*words: str) -> dict[str, Any]:
    result = CliRunner().invoke(app, [*words, "--json"])
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def test_modules_in_one_account_earn_what_the_desk_earned_in_the_replay(data_root: Path) -> None:
    days = ["--data", str(data_root), *DAYS]
    found = told("backtest", "stocks", "options", "crypto", "--symbols", SYMBOLS, *days)
    replay = told("replay", "--store", "memory", "--universe", SYMBOLS, *days)
    assert found["capital"] == replay["equity_start"] == 100_000
    assert found["plain"]["final_equity"] == pytest.approx(replay["equity_final"], abs=0.02)
    assert found["plain"]["final_equity"] != found["capital"]
    assert len(found["trades"]) == sum(one["trades"] for one in replay["modules"].values())
    assert any("share one desk" in text for text in found["execution"])
