"""A backtest at the moments of the desk: fills at the touch, and only the resting stop works within a bar."""

from dataclasses import replace

import numpy as np
import pytest

from ml.backtest import layout
from ml.backtest.account import Account, Costs, Fill, Limits
from ml.backtest.engine import Market, Plan, Rules, backtest
from ml.backtest.unfolded import unchased_plans, unfolded_market, unfolded_plans
from orchestrator.domain.market import Panel, Signals
from orchestrator.domain.stops import ExitRules

DAY = 86_400
COSTS = Costs(half_spread=0.0001, sale_fee=0.0000278, sale_fee_per_unit=0.000166, fee_step=0.01, through=0.0005)

NO_LIMITS = Limits()


def ran(days, wishes, *, confidence=1.0, limits=NO_LIMITS, symbols=("A",), chase=1.5, exits=None):
    """Trade bars of (open, high, low, close) in whole units of which 100 may be had; a move of a bar is 2."""
    bars = np.array(days, np.float64)
    bars = bars[:, None, :] if bars.ndim == 2 else bars
    target = np.array(wishes, np.float64).reshape(bars.shape[:2])
    ends = (np.arange(len(bars)) + 1) * DAY - 1
    columns = [np.ascontiguousarray(bars[:, :, place]) for place in range(4)]
    panel = Panel(symbols, ends, *columns, np.full(target.shape, 1e6))
    lots = dict.fromkeys(symbols, 1.0)
    market = Market(panel, np.full(target.shape, 2.0), 0.005, np.full(target.shape, 0.1), lots=lots)
    plan = Plan(
        "one", Signals(target, np.full(target.shape, confidence), np.zeros(target.shape, int), ("",)), rules(exits)
    )
    account = Account(capital=100_000, compound=True, fill=Fill.MOMENTS, costs=COSTS, limits=limits)
    plans = unfolded_plans(market, [plan], max_chase_moves=chase, at_open=True)
    return backtest(unfolded_market(market, ends - DAY + 1, dict.fromkeys(symbols, 0.01)), plans, account)


def rules(exits):
    return Rules(exits or ExitRules(stop_moves=2.5, target_r=2.0, trail_after_r=10), 2, 0.1)


def test_a_wish_of_the_close_is_bought_at_the_ask_and_sold_at_the_bid_of_later_closes():
    result = ran([(100, 101, 99, 100.5), (100, 101, 99, 101), (100, 101, 99, 102)], [1, np.nan, 0])
    assert result.position(layout.PAID) == pytest.approx([100.52])
    assert result.position(layout.GOT) / result.position(layout.UNITS) == pytest.approx([101.98])
    assert result.ledger[0, layout.T_EXIT] == 5
    sold = 99 * 101.98
    fee = np.ceil((sold * COSTS.sale_fee + 99 * COSTS.sale_fee_per_unit) * 100) / 100
    assert result.equity[-1] == pytest.approx(100_000 + 99 * (101.98 - 100.52) - fee)


def test_a_target_that_only_the_high_touched_is_not_sold():
    result = ran([(100, 101, 99, 100), (100, 130, 99, 100), (100, 101, 99, 111)], [1, np.nan, np.nan])
    assert list(result.ledger[0, [layout.T_EXIT, layout.T_REASON]]) == [5, layout.REACHED]
    assert result.position(layout.GOT) / result.position(layout.UNITS) == pytest.approx([110.98])


def test_the_resting_stop_fills_at_its_level_within_the_bar_and_at_the_bid_after_a_gap():
    inside = ran([(100, 101, 99, 100), (100, 101, 90, 99)], [1, np.nan])
    assert inside.position(layout.GOT) / inside.position(layout.UNITS) == pytest.approx([95.0])
    gap = ran([(100, 101, 99, 100), (90, 91, 89, 90)], [1, np.nan])
    assert gap.position(layout.GOT) / gap.position(layout.UNITS) == pytest.approx([89.99])
    assert gap.ledger[0, layout.T_EXIT] == 2


def test_a_stop_that_has_followed_counts_at_the_moments_only():
    exits = ExitRules(stop_moves=2.5, target_r=10, trail_after_r=1, trail_r=0.5)
    days = [(100, 101, 99, 100), (106, 107, 105, 106), (106, 107, 102, 106), (103, 104, 102, 103)]
    result = ran(days, [1, np.nan, np.nan, np.nan], exits=exits)
    assert list(result.ledger[0, [layout.T_EXIT, layout.T_REASON]]) == [6, layout.STOPPED]
    assert result.position(layout.GOT) / result.position(layout.UNITS) == pytest.approx([102.98])


def test_what_was_refused_at_the_close_is_asked_for_again_at_the_open_unless_the_price_has_left():
    limits = Limits(gross=0.1)
    two = [[(100, 101, 99, 100)] * 2, [(100, 101, 99, 100)] * 2, [(100, 101, 99, 100)] * 2]
    both = ran(two, [[1, 1], [0, 1], [0, 1]], limits=limits, symbols=("A", "B"))
    entered = {
        int(row[layout.T_COLUMN]): int(one) for row, one in zip(both.ledger, both.position(layout.ROW), strict=True)
    }
    assert entered == {0: 1, 1: 4}, "what is left at a close makes room at the next open"
    left = ran([(100, 101, 99, 100), (104, 105, 103, 104)], [1, 0], limits=Limits(gross=0.0))
    assert left.count == 0


def test_a_symbol_that_was_just_left_waits_for_the_next_close():
    result = ran([(100, 101, 99, 100), (100, 101, 99, 100), (100, 101, 99, 100)], [1, 0, 1])
    assert sorted(result.position(layout.ROW)) == [1, 5]


def test_at_the_next_open_nothing_is_entered_that_has_moved_further_than_the_desk_follows():
    opens = np.array([[100.0], [103.0], [103.5], [99.0]])
    flat = np.full((4, 1), 100.0)
    panel = Panel(("A",), (np.arange(4) + 1) * DAY, opens, opens + 1, opens - 9, flat, flat)
    market = Market(panel, np.full((4, 1), 2.0), 0.005, np.full((4, 1), 0.1))
    wishes = np.array([[1.0], [np.nan], [1.0], [1.0]])
    plan = Plan("one", Signals(wishes, wishes, np.zeros((4, 1), int), ("",)), rules(None))
    [kept] = unchased_plans(market, [plan], max_chase_moves=1.5)
    assert np.array_equal(kept.signals.target[:, 0], [1.0, np.nan, 1.0, 1.0], equal_nan=True)
    [kept] = unchased_plans(market, [plan], max_chase_moves=1.4)
    assert np.array_equal(kept.signals.target[:, 0], [np.nan, np.nan, 1.0, 1.0], equal_nan=True)
    leaving = replace(plan, signals=replace(plan.signals, target=np.zeros((4, 1))))
    assert not unchased_plans(market, [leaving], max_chase_moves=0.0)[0].signals.target.any()


def test_a_flag_to_leave_counts_once_the_bar_is_over_and_not_at_its_open():
    flags = np.array([0, layout.LEAVE])
    panel = Panel(("A",), (np.arange(2) + 1) * DAY, *(np.full((2, 1), 100.0) for _ in range(5)))
    market = Market(panel, np.full((2, 1), 2.0), 0.005, np.full((2, 1), 0.1), flags=flags)
    told = unfolded_market(market, panel.ends - DAY + 1, {"A": 0.01}).flags
    assert list(told & layout.LEAVE) == [0, 0, 0, layout.LEAVE]
    assert list(told & layout.OPENING > 0) == [True, False, True, False]
