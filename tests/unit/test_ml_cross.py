"""The sweep of crossing means earns, pair by pair, what the engine says of the same signals."""

from dataclasses import fields, replace

import numpy as np
import pytest

from ml.backtest import layout
from ml.backtest.account import Account, Costs, Limits
from ml.backtest.cross import Cross, crosses, sweep
from ml.backtest.engine import Market, Plan, Rules, backtest
from orchestrator.domain.errors import DomainError
from orchestrator.domain.indicators import average_true_range, mean
from orchestrator.domain.market import Panel
from orchestrator.domain.stops import ExitRules, Rung

PAIRS = [Cross(fast, slow) for fast in (3, 10, 25) for slow in (30, 100)]
WIDE = ExitRules(stop_moves=8, target_r=10, trail_after_r=10, trail_r=5, max_hold_hours=2160)
TIGHT = ExitRules(stop_moves=2, target_r=2, trail_after_r=0.5, trail_r=0.5, break_even_r=0.3, max_hold_hours=1)
LADDER = ExitRules(stop_moves=4, target_r=3, chandelier_moves=6, ladder=(Rung(at_r=0.5, part=0.5),))
FREE = Account(capital=1e5, compound=True, limits=Limits(gross=1.0))
FULL = Account(
    capital=1e5,
    compound=True,
    costs=Costs(fee=0.001, half_spread=0.0002, impact=0.1, least_fee=0.1),
    limits=Limits(risk_per_trade=0.01, strategy=0.5, symbol=0.4, gross=0.9, min_order=10, volume_share=0.05),
)


def minutes(rows=9_000, seed=7):
    chance = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(chance.normal(0, 0.001, rows)))
    opened = np.concatenate([[100.0], close[:-1]]) * (1 + chance.normal(0, 1e-4, rows))
    high = np.maximum(opened, close) * (1 + np.abs(chance.normal(0, 4e-4, rows)))
    low = np.minimum(opened, close) * (1 - np.abs(chance.normal(0, 4e-4, rows)))
    columns = (opened, high, low, close, chance.uniform(1e3, 1e4, rows))
    ends = 1_700_000_040 + 60 * np.arange(rows, dtype=np.int64)
    panel = Panel(("A",), ends, *(column[:, None] for column in columns))
    return Market(panel, average_true_range(panel, 14), 0.0005, np.full((rows, 1), 0.7))


@pytest.mark.parametrize("exits", [WIDE, TIGHT, LADDER], ids=["wide", "tight", "ladder"])
@pytest.mark.parametrize("account", [FREE, FULL], ids=["free", "full"])
def test_each_pair_earns_what_the_engine_says(exits, account):
    market, rules = minutes(), Rules(exits, 1, 1.0)
    found = sweep(market, PAIRS, rules, account, threads=2)
    for place, pair in enumerate(PAIRS):
        one = backtest(market, [Plan("cross", crosses(market.panel, pair), rules)], account)
        assert found.equity[place] == pytest.approx(one.equity[-1], rel=1e-12)
        assert (found.trades[place], found.wins[place]) == (one.count, (one.trades > 0).sum())
        assert found.costs[place] == pytest.approx(one.costs.sum() * account.capital)
        assert found.gained[place] - found.lost[place] == pytest.approx(one.equity[-1] - account.capital)
    assert found.trades.min() > 5


@pytest.mark.parametrize("threads", [0, 2, 5])
def test_a_sweep_shared_among_threads_earns_the_same(threads):
    market, rules = minutes(), Rules(TIGHT, 1, 1.0)
    alone, shared = (sweep(market, PAIRS, rules, FULL, threads=count) for count in (1, threads))
    assert all(np.array_equal(getattr(alone, one.name), getattr(shared, one.name)) for one in fields(alone))


@pytest.mark.parametrize("exits", [WIDE, TIGHT, LADDER], ids=["wide", "tight", "ladder"])
def test_passing_quiet_rows_at_once_changes_nothing(exits):
    """With flags, even none set, the engine looks at each row. The highest high is kept for chandeliers only."""
    market = minutes()
    plan = Plan("cross", crosses(market.panel, Cross(10, 100)), Rules(exits, 1, 1.0))
    watched = replace(market, flags=np.zeros(len(market.panel), np.int64))
    quick, slow = (backtest(one, [plan], FULL) for one in (market, watched))
    told = np.arange(layout.TRADE) != layout.T_POSITION + layout.HIGH - layout.SIDE
    assert np.array_equal(quick.ledger[:, told], slow.ledger[:, told], equal_nan=True)
    assert np.array_equal(quick.equity, slow.equity)
    assert np.array_equal(quick.gross, slow.gross)


def test_crossings_are_those_of_the_means():
    panel, pair = minutes(9_000).panel, Cross(10, 30)
    above = mean(panel.close, pair.fast) > mean(panel.close, pair.slow)
    rises, falls = above[1:] & ~above[:-1], ~above[1:] & above[:-1]
    target = crosses(panel, pair).target
    known = slice(pair.slow, None)
    assert np.array_equal((target == 1.0)[known], np.vstack([[[False]], rises])[known])
    assert np.array_equal((target == 0.0)[known], np.vstack([[[False]], falls])[known])
    assert np.isnan(target[: pair.slow]).all()


def test_crossings_do_not_look_ahead():
    panel, pair = minutes(9_000).panel, Cross(10, 30)
    whole = crosses(panel, pair).target
    for rows in (31, 4_096, 4_097, 8_200):
        assert np.array_equal(crosses(panel[:rows], pair).target, whole[:rows], equal_nan=True)


@pytest.mark.parametrize("pair", [Cross(30, 10), Cross(0, 5), Cross(5, 5)])
def test_windows_that_cannot_cross_are_refused(pair):
    with pytest.raises(DomainError, match=r"fast \d+ is not below slow"):
        sweep(minutes(100), [pair], Rules(WIDE, 1, 1.0), FREE)


def test_what_needs_every_bar_is_refused():
    market, rules = minutes(100), Rules(WIDE, 1, 1.0)
    with pytest.raises(DomainError, match="need every bar"):
        sweep(market, PAIRS, rules, Account(limits=Limits(daily_loss=0.02)))
    market.panel.close[50] = np.nan
    with pytest.raises(DomainError, match="missing bars"):
        sweep(market, PAIRS, rules, FREE)
