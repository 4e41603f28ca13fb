"""One column is traded by a loop of its own; it earns to the last bit what the loop for several columns says."""

from dataclasses import replace

import numpy as np
import pytest

from ml.backtest import layout
from ml.backtest.account import Account, Costs, Fill, Limits
from ml.backtest.engine import Market, Plan, Rules, backtest
from orchestrator.domain.kelly import SizingRules
from orchestrator.domain.market import Panel, Signals
from orchestrator.domain.stops import ExitRules, Rung

EXITS = [
    ExitRules(stop_moves=2, target_r=2, trail_after_r=0.5, trail_r=0.5, break_even_r=0.3, max_hold_hours=30),
    ExitRules(stop_moves=4, target_r=3, chandelier_moves=6, ladder=(Rung(at_r=0.5, part=0.5), Rung(at_r=1, part=0.25))),
    ExitRules(stop_pct=0.03, target_r=4, max_hold_hours=200),
]
ACCOUNT = Account(
    capital=1e5,
    short=True,
    costs=Costs(fee=0.001, half_spread=0.0002, impact=0.1, least_fee=0.1, sale_fee=0.0001, fee_step=0.01),
    limits=Limits(risk_per_trade=0.01, symbol=0.8, gross=0.9, min_order=10, volume_share=0.05),
)


def hours(seed, *, gaps, rows=1_500):
    """Return a market and wishes of every kind, some of them again and again."""
    chance = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(chance.normal(0, 0.01, (rows, 1)), axis=0))
    opened = np.vstack([close[:1], close[:-1]]) * (1 + chance.normal(0, 1e-3, (rows, 1)))
    high = np.maximum(opened, close) * (1 + np.abs(chance.normal(0, 4e-3, (rows, 1))))
    low = np.minimum(opened, close) * (1 - np.abs(chance.normal(0, 4e-3, (rows, 1))))
    for prices in (opened, high, low, close):
        prices[100 : 100 + 3 * gaps : 3] = np.nan
    ends = 1_700_000_000 + 3600 * np.arange(rows, dtype=np.int64)
    panel = Panel(("A",), ends, opened, high, low, close, chance.uniform(1e3, 1e4, (rows, 1)))
    wish = chance.choice([np.nan, 1.0, 0.0, -1.0], (rows, 1), p=[0.8, 0.1, 0.05, 0.05])
    market = Market(panel, close * 0.01, 0.0005, np.full((rows, 1), 0.7), lots={"A": 0.5})
    return market, Signals(wish, np.zeros((rows, 1)), np.zeros((rows, 1), np.int64), ("any",))


@pytest.mark.parametrize("fill", [Fill.NEXT_OPEN, Fill.SAME_CLOSE])
@pytest.mark.parametrize("compound", [False, True])
@pytest.mark.parametrize("kind", range(len(EXITS)))
def test_one_column_alone_earns_what_it_earns_among_several(fill, compound, kind):
    method = ("volatility_target", "fixed_fraction", "kelly")[kind]
    rules = Rules(EXITS[kind], 1, 0.6, SizingRules(method=method))
    account = replace(ACCOUNT, fill=fill, compound=compound)
    for gaps in (0, 20):
        market, signals = hours(kind, gaps=gaps)
        watched = replace(market, flags=np.zeros(len(market.panel), np.int64))
        alone, among = (backtest(one, [Plan("any", signals, rules)], account) for one in (market, watched))
        told = np.arange(layout.TRADE) != layout.T_POSITION + layout.HIGH
        assert alone.count > 15
        assert alone.ledger[:, told].tobytes() == among.ledger[:, told].tobytes()
        assert alone.equity.tobytes() == among.equity.tobytes()
        assert alone.gross.tobytes() == among.gross.tobytes()


def test_an_entry_on_the_last_row_is_not_made_and_one_before_it_is_closed_there():
    market, signals = hours(1, gaps=0, rows=40)
    wish = np.full((40, 1), np.nan)
    wish[[38, 39]] = 1.0
    plan = Plan("late", replace(signals, target=wish), Rules(EXITS[2], 1, 0.6))
    found = backtest(market, [plan], ACCOUNT)
    assert found.position(layout.ROW).tolist() == [39.0]
    assert found.ledger[:, layout.T_EXIT].tolist() == [39.0]
