"""Stops, targets, trailing and time: which of them is due, and in which order."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.domain.base import ModuleName
from orchestrator.domain.opportunities import ExitReason
from orchestrator.domain.orders import Side
from orchestrator.domain.positions import Position, PositionLeg
from orchestrator.domain.stops import ExitRules, due_exit, effective_stop, levels

OPENED = datetime(2026, 7, 16, 14, tzinfo=UTC)
RULES = ExitRules(trail_after_r=1.0, trail_r=0.5, max_hold_hours=24)


def held(**changes) -> Position:
    values = {
        "id": "s1",
        "module": ModuleName.STOCKS,
        "strategy": "momentum",
        "symbol": "XLK",
        "legs": (PositionLeg(symbol="XLK", qty=Decimal(10), avg_px=Decimal(100)),),
        "opened_at": OPENED,
        "entry_px": Decimal(100),
        "decision_px": Decimal(100),
        "stop_price": Decimal(90),
        "take_profit": Decimal(130),
    }
    return Position(**values | changes)


def due(position: Position, mark: str, hours: float = 1) -> ExitReason | None:
    return due_exit(position, Decimal(mark), rules=RULES, now=OPENED + timedelta(hours=hours))


def test_nothing_is_due_between_the_levels():
    assert due(held(), "100") is None


@pytest.mark.parametrize("mark", ["90", "89.99", "0.01"])
def test_the_stop_is_due_at_and_under_its_price(mark):
    assert due(held(), mark) is ExitReason.STOP


@pytest.mark.parametrize("mark", ["130", "200"])
def test_the_target_is_due_at_and_over_its_price(mark):
    assert due(held(), mark) is ExitReason.TARGET


def test_time_is_due_at_its_end_and_after_the_levels():
    assert due(held(), "100", hours=23.9) is None
    assert due(held(), "100", hours=24) is ExitReason.TIME
    assert due(held(), "130", hours=24) is ExitReason.TARGET
    assert due(held(), "90", hours=24) is ExitReason.STOP


def test_a_position_without_levels_is_only_left_by_time():
    bare = held(stop_price=None, take_profit=None)
    assert due(bare, "0.01") is None
    assert due(bare, "100", hours=24) is ExitReason.TIME


def test_the_stop_follows_the_high_once_the_gain_is_one_risk():
    rising = held(high_water_px=Decimal(110))
    assert effective_stop(rising, Decimal(108), rules=RULES) == Decimal(105)
    assert due(rising, "105") is ExitReason.STOP
    assert effective_stop(held(high_water_px=Decimal("109.99")), Decimal(100), rules=RULES) == Decimal(90)


def test_the_mark_itself_counts_as_a_high():
    assert effective_stop(held(), Decimal(120), rules=RULES) == Decimal(115)


def test_a_stop_at_or_above_the_entry_decision_does_not_follow():
    assert effective_stop(held(stop_price=Decimal(101)), Decimal(150), rules=RULES) == Decimal(101)


def test_a_sold_position_mirrors_the_levels_and_does_not_follow():
    short = held(side=Side.SELL, stop_price=Decimal(110), take_profit=Decimal(80), high_water_px=Decimal(200))
    assert due(short, "109") is None
    assert due(short, "110") is ExitReason.STOP
    assert due(short, "80") is ExitReason.TARGET


def test_a_credit_structure_is_left_when_its_net_price_falls():
    credit = held(
        entry_px=Decimal("-1.50"),
        decision_px=Decimal("-1.50"),
        stop_price=Decimal("-3.00"),
        take_profit=Decimal("-0.50"),
    )
    assert due(credit, "-2.00") is None
    assert due(credit, "-3.10") is ExitReason.STOP
    assert due(credit, "-0.40") is ExitReason.TARGET


def test_levels_lie_on_both_sides_on_the_grid():
    both = levels(Decimal("100.00"), distance=Decimal("2.503"), target_r=2.0)
    assert (both.stop, both.target) == (Decimal("97.50"), Decimal("105.01"))
    sold = levels(Decimal(100), distance=Decimal(2), target_r=1.5, side=Side.SELL)
    assert (sold.stop, sold.target) == (Decimal(102), Decimal(97))


def test_a_stop_stays_above_zero_where_prices_do():
    assert levels(Decimal("1.00"), distance=Decimal(3), target_r=1.0).stop == Decimal("0.01")
    assert levels(Decimal("-1.00"), distance=Decimal(3), target_r=1.0).stop == Decimal(-4)


def test_a_distance_within_a_tick_is_no_level():
    assert levels(Decimal(100), distance=Decimal("0.009"), target_r=2.0) is None


price = st.decimals("0.01", 1000, places=2)


@given(marks=st.lists(price, min_size=1, max_size=20))
def test_a_following_stop_never_falls(marks):
    position, last = held(), Decimal(0)
    for mark in marks:
        high = mark if position.high_water_px is None else max(mark, position.high_water_px)
        position = position.model_copy(update={"high_water_px": high})
        stop = effective_stop(position, mark, rules=RULES)
        assert stop >= last
        last = stop


@given(px=price, distance=price, target_r=st.floats(0.25, 10))
def test_levels_never_lie_on_the_wrong_side(px, distance, target_r):
    both = levels(px, distance=distance, target_r=target_r)
    assert both.stop <= max(px, Decimal("0.01"))
    assert both.target >= px
