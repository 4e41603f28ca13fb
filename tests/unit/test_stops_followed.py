"""Stops that follow the price, and ladders of profits: what each rule asks for, and that no stop ever loosens."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.domain.actions import post_action
from orchestrator.domain.base import ModuleName
from orchestrator.domain.errors import ParameterOutOfBoundsError
from orchestrator.domain.foreign import CorporateAction
from orchestrator.domain.ledger import with_raised_stops
from orchestrator.domain.opportunities import ExitReason
from orchestrator.domain.orders import Side
from orchestrator.domain.positions import Position, PositionLeg, with_raised_stop
from orchestrator.domain.stops import (
    ExitRules,
    Swing,
    due_exit,
    effective_stop,
    initial_risk,
    resting_stop,
    rung_units,
    stop_distance,
)
from tests.builders import book

OPENED = datetime(2026, 7, 16, 14, tzinfo=UTC)
OFF = ExitRules(trail_after_r=10, trail_r=5)
"""Rules under which nothing follows the price."""
THIRDS = ExitRules(
    ladder=({"at_r": 1, "part": 1 / 3}, {"at_r": 2, "part": 1 / 3}, {"at_r": 3, "part": 1 / 3})  # type: ignore[arg-type]
)
ONE = Decimal(1)


def rules(**changes) -> ExitRules:
    return ExitRules(**{"trail_after_r": 10, "trail_r": 5} | changes)


def held(units: object = 10, **changes) -> Position:
    values = {
        "id": "s1",
        "module": ModuleName.STOCKS,
        "strategy": "momentum",
        "symbol": "XLK",
        "legs": (PositionLeg(symbol="XLK", qty=Decimal(str(units)), avg_px=Decimal(100)),),
        "opened_at": OPENED,
        "entry_px": Decimal(100),
        "decision_px": Decimal(100),
        "stop_price": Decimal(90),
    }
    return Position(**values | changes)


def stop_of(position: Position, mark: str, by: ExitRules, swing: Swing | None = None) -> Decimal | None:
    return effective_stop(position, Decimal(mark), rules=by, swing=swing)


def test_everything_new_is_off_by_default():
    plain = ExitRules()
    assert {plain.stop_pct, plain.break_even_r, plain.chandelier_moves, plain.restop_r} == {0}
    assert plain.ladder == ()
    assert stop_of(held(high_water_px=Decimal(109)), "109", plain, Swing(Decimal(150), ONE)) == 90


@pytest.mark.parametrize(("high", "stop"), [("104.99", 90), ("105", 100), ("139", 100)])
def test_the_stop_is_at_break_even_once_half_a_risk_was_gained(high, stop):
    assert stop_of(held(high_water_px=Decimal(high)), "101", rules(break_even_r=0.5)) == stop


def test_break_even_is_the_price_that_was_really_paid():
    paid = held(entry_px=Decimal("100.4"), high_water_px=Decimal(111))
    assert stop_of(paid, "105", rules(break_even_r=1)) == Decimal("100.4")


@pytest.mark.parametrize(
    ("high", "move", "stop"),
    [("112", "2", "106"), ("104", "2", "98"), (None, "2", "95"), ("112", "8", "90"), ("90", "1", "98")],
)
def test_the_chandelier_hangs_so_many_moves_below_the_highest_high(high, move, stop):
    swing = Swing(None if high is None else Decimal(high), Decimal(move))
    assert stop_of(held(), "101", rules(chandelier_moves=3), swing) == Decimal(stop)


def test_a_chandelier_without_bars_leaves_the_stop_where_it_was():
    assert stop_of(held(), "150", rules(chandelier_moves=3)) == 90
    assert stop_of(held(raised_stop=Decimal(97)), "150", rules(chandelier_moves=3)) == 97


def test_wilder_bars_do_not_loosen_a_stop_that_was_tighter():
    known = with_raised_stop(held(), Decimal(106))
    assert stop_of(known, "110", rules(chandelier_moves=3), Swing(Decimal(112), Decimal(6))) == 106
    assert due_exit(known, Decimal(106), rules=OFF, now=OPENED) is ExitReason.STOP


def test_a_stop_is_raised_never_lowered_and_never_for_a_sold_position():
    once = with_raised_stop(held(), Decimal(95))
    assert with_raised_stop(once, Decimal(94)) is once
    assert with_raised_stop(held(), Decimal(90)).raised_stop is None
    short = held(side=Side.SELL, stop_price=Decimal(110))
    assert with_raised_stop(short, Decimal(105)) is short


def test_the_book_keeps_the_highest_stop_of_each_position():
    one = held()
    mine = with_raised_stops(book(positions={one.id: one}), {one.id: Decimal(95), "gone": Decimal(1)})
    assert mine.positions[one.id].raised_stop == 95
    assert with_raised_stops(mine, {}) is mine


def test_a_split_moves_the_raised_stop_and_what_was_sold():
    one = held(raised_stop=Decimal(96), exit_qty=Decimal(4))
    split = CorporateAction(id="x", symbol="XLK", becomes="XLK", new=Decimal(2), old=Decimal(1), at=OPENED)
    after = post_action(book(positions={one.id: one}), split).positions[one.id]
    assert (after.raised_stop, after.exit_qty, after.entered_units) == (48, 8, 28)


@pytest.mark.parametrize(
    ("position", "risk"), [(held(), 10), (held(stop_price=None), None), (held(stop_price=Decimal(101)), None)]
)
def test_the_initial_risk_is_the_way_from_decision_to_stop(position, risk):
    assert initial_risk(position) == risk


@pytest.mark.parametrize(
    ("by", "distance"),
    [(rules(stop_moves=2.5), "5.0"), (rules(stop_pct=0.08), "8.0"), (rules(stop_pct=0.001), "1.0")],
)
def test_a_stop_is_moves_of_a_bar_or_a_fraction_of_the_price_and_never_too_near(by, distance):
    assert stop_distance(Decimal(100), move=2.0, rules=by, least_pct=0.01) == Decimal(distance)


@pytest.mark.parametrize(
    ("stop", "price"),
    [("95.004", "95.00"), ("95.006", "95.01"), ("99.999", "99.99"), ("100", None), ("101", None), ("0.004", None)],
)
def test_a_resting_stop_on_the_wrong_side_is_refused(stop, price):
    found = resting_stop(Decimal(stop), Decimal(100), tick=Decimal("0.01"))
    assert found == (None if price is None else Decimal(price))


def sold(units: object, mark: str, by: ExitRules = THIRDS, *, before: object = 0, least: str = "1") -> Decimal:
    position = held(units, exit_qty=Decimal(str(before)))
    return rung_units(position, Decimal(mark), rules=by, lot=Decimal(least), least=Decimal(least))


@pytest.mark.parametrize(
    ("mark", "before", "units"),
    [("109.99", 0, 0), ("110", 0, 3), ("110", 3, 0), ("120", 3, 3), ("120", 0, 6), ("130", 6, 4), ("200", 0, 10)],
)
def test_each_rung_sells_its_part_once_and_the_last_takes_the_rest(mark, before, units):
    assert sold(10 - before, mark, before=before) == units


def test_a_rung_that_was_sold_in_part_is_finished():
    assert sold(8, "110", before=2) == 1


def test_parts_under_the_lot_wait_for_the_next_rung():
    assert [sold(2, mark) for mark in ("110", "120", "130")] == [0, 1, 2]


def test_what_would_leave_less_than_an_order_sells_everything():
    half = rules(ladder=({"at_r": 1, "part": 0.95},))
    assert sold("0.5", "110", half, least="0.1") == Decimal("0.4")
    coarse = held("0.5")
    assert rung_units(coarse, Decimal(110), rules=half, lot=Decimal("0.001"), least=Decimal("0.1")) == Decimal("0.5")


def test_a_ladder_of_less_than_the_whole_leaves_the_rest_to_the_stop():
    some = rules(ladder=({"at_r": 1, "part": 0.5},))
    assert [sold(10, "200", some), sold(5, "200", some, before=5)] == [5, 0]


def test_no_risk_or_a_sold_position_has_no_rungs():
    assert rung_units(held(stop_price=None), Decimal(500), rules=THIRDS, lot=ONE, least=ONE) == 0
    short = held(side=Side.SELL, stop_price=Decimal(110))
    assert rung_units(short, Decimal(50), rules=THIRDS, lot=ONE, least=ONE) == 0


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"ladder": [{"at_r": 2, "part": 0.5}, {"at_r": 1, "part": 0.5}]}, "must rise"),
        ({"ladder": [{"at_r": 1, "part": 0.5}, {"at_r": 1, "part": 0.5}]}, "must rise"),
        ({"ladder": [{"at_r": 1, "part": 0.6}, {"at_r": 2, "part": 0.6}]}, "more than 1"),
        ({"ladder": [{"at_r": 1, "part": 0}]}, "ladder.0.part"),
        ({"ladder": [{"at_r": 0.1, "part": 0.5}]}, "ladder.0.at_r"),
        ({"ladder": [{"at_r": n + 1, "part": 0.1} for n in range(6)]}, "ladder"),
        ({"chandelier_moves": -1}, "chandelier_moves"),
        ({"stop_pct": 0.51}, "stop_pct"),
        ({"trailing": 1}, "trailing"),
    ],
)
def test_bad_rules_are_refused_with_their_name(changes, why):
    with pytest.raises(ParameterOutOfBoundsError, match=why):
        ExitRules.parse(changes, where="exits")


price = st.decimals("50", "200", places=2)
knobs = st.builds(
    rules,
    trail_after_r=st.floats(0.25, 10),
    trail_r=st.floats(0.25, 5),
    break_even_r=st.one_of(st.just(0), st.floats(0.1, 10)),
    chandelier_moves=st.one_of(st.just(0), st.floats(0.1, 10)),
)
bar = st.one_of(st.none(), st.tuples(st.one_of(st.none(), price), st.decimals("0.01", 20, places=2)))


@given(steps=st.lists(st.tuples(price, bar, knobs), min_size=1, max_size=15))
def test_a_stop_never_loosens_whatever_price_bars_and_rules_do(steps):
    position, last = held(), Decimal(0)
    for mark, swing, by in steps:
        stop = effective_stop(position, mark, rules=by, swing=None if swing is None else Swing(*swing))
        assert stop is not None
        assert stop >= last
        position, last = with_raised_stop(position, stop), stop


parts = st.lists(st.floats(0.05, 1), min_size=1, max_size=5)


@given(
    lots=st.integers(1, 500),
    shares=parts,
    whole=st.booleans(),
    marks=st.lists(st.decimals("80", "320", places=1), max_size=12),
    fraction=st.sampled_from(["1", "0.5", "0.1"]),
)
def test_a_ladder_never_sells_more_than_is_held_and_adds_up_to_its_parts(lots, shares, whole, marks, fraction):
    total = sum(shares) if whole or sum(shares) > 1 else 1.0
    ladder = tuple({"at_r": 1 + n, "part": min(max(part / total, 0.05), 1)} for n, part in enumerate(shares))
    if sum(rung["part"] for rung in ladder) > 1:
        return
    by, lot = rules(ladder=ladder), Decimal("0.01")
    position = held(lots * lot)
    for mark in [*marks, Decimal(1000), Decimal(1000), *[Decimal(1000)] * 12]:
        due = rung_units(position, mark, rules=by, lot=lot, least=lot)
        assert 0 <= due <= position.units
        filled = due if mark == 1000 else max((due * Decimal(fraction)).quantize(lot, "ROUND_DOWN"), Decimal(0))
        left = (PositionLeg(symbol="XLK", qty=position.units - filled, avg_px=Decimal(100)),)
        position = position.model_copy(update={"legs": left, "exit_qty": position.exit_qty + filled})
    assert position.entered_units == lots * lot
    part = sum(rung["part"] for rung in ladder)
    if part >= 1 - 1e-9:
        assert position.units == 0
    else:
        wanted = lots * lot * Decimal(repr(part))
        assert wanted - lot < position.exit_qty <= wanted or position.units == 0
