"""`desk backtest options`: the module on recorded chains, summed up as every backtest is."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from orchestrator.cli import app

DAYS = ["--from", "2026-07-16", "--to", "2026-07-24"]
CALLS = ["--strategy", "bull_call_spread", "--symbols", "SPY"]


def backtest(data_root: Path, *more: str) -> dict[str, Any]:
    result = CliRunner().invoke(app, ["backtest", "options", *CALLS, *DAYS, "--data", str(data_root), "--json", *more])
    assert result.exit_code == 0, result.output
    assert "NaN" not in result.stdout
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def test_what_the_engine_earned_is_what_the_summary_says(data_root: Path, tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    found = backtest(data_root, "--sweep", "exits.debit_stop=0.5,0.9", "--out", str(page))
    (trade,) = found["trades"]
    assert (trade["strategy"], trade["symbol"], trade["reason"]) == ("bull_call_spread", "SPY", "stop")
    assert not any("still open" in text for text in found["cautions"])
    assert found["plain"]["final_equity"] == pytest.approx(found["capital"] + trade["profit"], abs=0.005)
    assert trade["profit"] < 0 < trade["costs"] < trade["risk"]
    assert found["plain"]["turnover"] > 0
    assert 0 < found["plain"]["exposure"] < 0.05
    assert any("touch of its legs" in text for text in found["execution"])
    stopped, held = sorted(found["sweep"], key=lambda point: point["values"]["exits.debit_stop"])
    assert stopped["final_equity"] == pytest.approx(found["plain"]["final_equity"])
    assert held["final_equity"] != stopped["final_equity"]
    assert "bull_call_spread" in page.read_text(encoding="utf-8")


def test_doubled_costs_cost_twice_as_much(data_root: Path) -> None:
    once, twice = (backtest(data_root, "--cost-times", times)["trades"][0] for times in ("1", "2"))
    assert twice["costs"] == pytest.approx(2 * once["costs"])
    assert twice["profit"] == pytest.approx(once["profit"] - once["costs"])


@pytest.mark.parametrize(
    ("more", "why"),
    [
        (["--data", "DATA", *DAYS, "--benchmark", "GLD"], "no bars of it"),
        (["--data", "DATA", "--from", "2025-03-03", "--to", "2025-03-07"], "2025-03-0"),
    ],
    ids=["an unknown benchmark", "days without chains"],
)
def test_what_chains_do_not_know_is_refused_in_one_line(data_root: Path, more: list[str], why: str) -> None:
    arguments = [str(data_root) if part == "DATA" else part for part in more]
    result = CliRunner().invoke(app, ["backtest", "options", *CALLS, *arguments])
    assert result.exit_code == 2
    assert why in result.output
