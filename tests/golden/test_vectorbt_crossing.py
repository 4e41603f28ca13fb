"""The backtest against what vectorbt recorded of the same bars: the same trades and equity to 1e-9.

`docs/benchmarks/backtest_recorded.py` made the recording.
"""

import json
from pathlib import Path

import numpy as np
import pytest

from ml.backtest import layout
from ml.backtest.account import Account, Costs, Limits
from ml.backtest.cross import Cross, crosses
from ml.backtest.engine import Market, Plan, Rules, backtest
from orchestrator.domain.market import Panel
from orchestrator.domain.stops import ExitRules

RECORDED = json.loads(Path(__file__).with_name("vectorbt_crossing.json").read_text())
NEVER = ExitRules(stop_pct=0.5, target_r=10, trail_after_r=10, trail_r=5, max_hold_hours=2160)


@pytest.fixture(scope="module")
def result():
    opens, closes = (np.array(RECORDED[name])[:, None] for name in ("open", "close"))
    terms, ends = RECORDED["terms"], 1_700_000_040 + 60 * np.arange(len(opens), dtype=np.int64)
    high, low = np.maximum(opens, closes), np.minimum(opens, closes)
    panel = Panel(("A",), ends, opens, high, low, closes, np.full(opens.shape, 1e6))
    market = Market(panel, closes * 0.0005, 0.0005, np.ones(closes.shape))
    plan = Plan("cross", crosses(panel, Cross(terms["fast"], terms["slow"])), Rules(NEVER, 1, 1.0))
    account = Account(capital=terms["cash"], compound=True, costs=Costs(fee=terms["fee"]), limits=Limits(gross=1.0))
    return backtest(market, [plan], account)


def test_every_trade_is_the_recorded_one(result):
    closed = result.ledger[result.ledger[:, layout.T_REASON] != layout.ENDED]

    def held(place):
        return closed[:, layout.T_POSITION + place - layout.SIDE]

    ours = {
        "entry_idx": held(layout.ROW),
        "exit_idx": closed[:, layout.T_EXIT],
        "size": held(layout.UNITS),
        "entry_price": held(layout.PAID),
        "exit_price": held(layout.GOT) / held(layout.UNITS),
        "pnl": held(layout.FLOW),
    }
    assert len(RECORDED["trades"]) > 5
    for name, found in ours.items():
        theirs = [trade[name] for trade in RECORDED["trades"]]
        np.testing.assert_allclose(found, theirs, rtol=1e-9, atol=1e-9, err_msg=name)


def test_the_equity_is_the_recorded_one_on_every_bar(result):
    """The last bar is left out: the backtest sells there what it holds."""
    np.testing.assert_allclose(result.equity[:-1], RECORDED["equity"][:-1], rtol=1e-9)
