"""`desk backtest options`: the module on recorded chains, summed up as every backtest is."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from orchestrator.cli import app


def test_what_the_replay_earned_is_what_the_summary_says(data_root: Path) -> None:
    asked = ["backtest", "--strategy", "bull_call_spread", "--data", str(data_root), "--symbols", "SPY", "--json"]
    result = CliRunner().invoke(app, [*asked, "--from", "2026-07-16", "--to", "2026-07-24"])
    assert result.exit_code == 0, result.output
    assert "NaN" not in result.stdout
    found = json.loads(result.stdout)
    (trade,) = found["trades"]
    assert (trade["strategy"], trade["symbol"], trade["reason"]) == ("bull_call_spread", "SPY", "stop")
    assert not any("still open" in text for text in found["cautions"])
    assert found["plain"]["final_equity"] == pytest.approx(found["capital"] + trade["profit"], abs=0.005)
    assert trade["profit"] < 0 < trade["costs"]
    assert found["plain"]["turnover"] > 0
    assert found["plain"]["exposure"] is None
    assert any("through the desk itself" in text for text in found["execution"])
