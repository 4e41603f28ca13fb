"""Splits and changes of symbol restate a book: nothing is gained or lost, whatever arrives first, twice or late."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.domain.actions import (
    Rate,
    gap_like_a_split,
    post_action,
    post_adjustment,
    rate_of,
    rate_told,
    rate_with_fraction,
    restated,
    successor,
)
from orchestrator.domain.foreign import CorporateAction, ForeignHolding, How
from orchestrator.domain.ledger import post_fill, post_fraction
from orchestrator.domain.orders import OrderState, OrderType, Purpose, Side
from orchestrator.domain.positions import PositionLeg
from tests.builders import NOW, book, fill, order, position

CALL, PUT = "XLK260821C00645000", "XLK260821P00600000"


def split(new: int, old: int = 1, **changes: Any) -> CorporateAction:
    base = {"id": "a1", "symbol": "XLK", "becomes": "XLK", "new": new, "old": old, "at": NOW}
    return CorporateAction.model_validate(base | changes)


@pytest.mark.parametrize(
    ("before", "after", "rate"),
    [
        (10, 70, (7, 1)),
        (30, 10, (1, 3)),
        (10, 15, (3, 2)),
        (-10, -40, (4, 1)),
        (1000, 4, (1, 250)),
        (10, 13, (13, 10)),
        (100, 137, None),
        (10, 10, None),
        (10, 0, None),
        (0, 10, None),
        (10, -10, None),
    ],
)
def test_a_split_has_a_ratio_that_splits_have(before: int, after: int, rate: tuple[int, int] | None) -> None:
    found = rate_of(Decimal(before), Decimal(after))
    assert found == (None if rate is None else Rate(Decimal(rate[0]), Decimal(rate[1])))


def test_a_rate_is_understood_however_the_venue_writes_it() -> None:
    assert rate_told(Decimal("0.1"), Decimal(1)) == rate_told(Decimal(1), Decimal(10)) == Rate(Decimal(1), Decimal(10))
    assert rate_told(Decimal("0.3333333"), Decimal(1)) == Rate(Decimal(1), Decimal(3))
    assert rate_told(Decimal(1), Decimal(1)) is None
    assert rate_told(Decimal(0), Decimal(1)) is None
    assert rate_told(Decimal(501), Decimal(1)) is None
    assert rate_of(Decimal(1), Decimal("1e300")) is None


def test_a_reverse_split_whose_fraction_was_paid_out_is_known_if_only_one_fits() -> None:
    assert rate_with_fraction(Decimal(105), Decimal(10)) == Rate(Decimal(1), Decimal(10))
    assert rate_with_fraction(Decimal(5), Decimal(1)) is None
    assert rate_with_fraction(Decimal(-5), Decimal(1)) is None


@pytest.mark.parametrize(
    ("before", "price", "like"), [(700, 101, True), (10, 99, True), (100, 67, True), (100, 55, False), (100, 99, False)]
)
def test_a_price_that_jumped_as_at_a_split_is_a_sign(before: int, price: int, like: bool) -> None:
    assert gap_like_a_split(Decimal(before), Decimal(price)) is like


def test_a_split_keeps_the_value_and_moves_every_level() -> None:
    held = position(
        stop_price=Decimal(95), take_profit=Decimal(120), high_water_px=Decimal(104), raised_stop=Decimal(96)
    )
    after = post_action(book(positions={held.id: held}), split(2)).positions[held.id]
    assert (after.units, after.legs[0].avg_px, after.market_value) == (20, 50, 1000)
    assert (after.stop_price, after.take_profit, after.high_water_px) == (Decimal("47.5"), 60, 52)
    assert after.raised_stop == 48


def test_a_resting_stop_is_restated_with_what_has_filled_of_it() -> None:
    stop = order(
        OrderState.WORKING,
        purpose=Purpose.PROTECT,
        side=Side.SELL,
        order_type=OrderType.STOP,
        limit_price=None,
        stop_price=Decimal("380.11"),
    ).model_copy(update={"fills": (fill(qty=Decimal(2), price=Decimal(380)),), "filled_qty": Decimal(2)})
    after = post_action(book(orders={stop.id: stop}), split(4)).orders[stop.id]
    assert (after.intent.qty, after.intent.stop_price, after.filled_qty) == (40, Decimal("95.03"), 8)
    assert (after.fills[0].qty, after.fills[0].price, after.leaves_qty) == (8, 95, 32)


def test_a_change_of_symbol_is_followed_by_all_that_knows_it() -> None:
    held, working = position(), order(OrderState.WORKING, purpose=Purpose.PROTECT)
    holding = ForeignHolding(qty=Decimal(3), price=Decimal(100), value_usd=Decimal(300), first_seen=NOW, how=How.FILL)
    before = book(
        positions={held.id: held},
        orders={working.id: working},
        foreign={"XLK": holding},
        memory={"held XLK": "x", "held XLKE": "y"},
        drift={"XLK": Decimal(1)},
    )
    after = post_action(before, split(1, becomes="TECH"))
    assert (after.positions[held.id].symbol, after.positions[held.id].legs[0].symbol) == ("TECH", "TECH")
    assert after.orders[working.id].intent.symbol == after.orders[working.id].intent.legs[0].symbol == "TECH"
    assert after.foreign == {"TECH": holding}
    assert after.memory == {"held TECH": "x", "held XLKE": "y"}
    assert after.drift == {}
    assert after.positions[held.id].market_value == held.market_value


def test_an_action_taken_in_already_changes_nothing() -> None:
    held = position()
    once = post_action(book(positions={held.id: held}), split(2))
    assert post_action(once, split(2)) is once


def test_other_symbols_are_left_alone() -> None:
    held = position(symbol="XLF", legs=(PositionLeg(symbol="XLF", qty=Decimal(10), avg_px=Decimal(100)),))
    other = order(OrderState.WORKING, symbol="XLF", legs=())
    before = book(positions={held.id: held}, orders={other.id: other})
    after = post_action(before, split(2))
    assert (after.positions, after.orders) == (before.positions, before.orders)


def test_a_late_execution_of_before_the_split_is_restated_one_of_after_is_not() -> None:
    actions = [split(2, at=NOW), split(1, at=NOW + timedelta(days=1), becomes="TECH")]
    early = restated(fill(ts_event=NOW - timedelta(hours=1)), actions)
    assert (early.symbol, early.qty, early.price) == ("TECH", 20, 50)
    between = restated(fill(ts_event=NOW), actions)
    assert (between.symbol, between.qty) == ("TECH", 10)
    late = fill(ts_event=NOW + timedelta(days=2))
    assert restated(late, actions) == late


@given(
    qty=st.integers(1, 500),
    price=st.decimals("0.5", 900, places=2),
    rate=st.sampled_from([(2, 1), (7, 1), (3, 2), (1, 3), (1, 10), (20, 1)]),
    late=st.booleans(),
)
def test_a_fill_told_before_or_after_the_split_gives_the_same_position(
    qty: int, price: Decimal, rate: tuple[int, int], late: bool
) -> None:
    entry = order(OrderState.WORKING, qty=Decimal(qty))
    told = fill(qty=Decimal(qty), price=price, ts_event=NOW - timedelta(hours=1))
    begun, action = book(orders={entry.id: entry}), split(*rate)
    if late:
        after = post_action(begun, action)
        after = post_fill(after, after.orders[entry.id], restated(told, after.actions), NOW).book
    else:
        after = post_action(post_fill(begun, entry, told, NOW).book, action)
    (held,) = after.positions.values()
    assert held.units == Decimal(qty) * rate[0] / rate[1]
    assert abs(held.legs[0].cost - qty * price) < Decimal("1e-9")
    assert after.orders[entry.id].state is OrderState.FILLED
    assert held.stop_price is not None
    assert abs(held.stop_price - Decimal(95) * rate[1] / rate[0]) < Decimal("1e-9")


def test_a_fraction_that_was_paid_out_is_a_sale_at_what_was_paid() -> None:
    held = position(legs=(PositionLeg(symbol="XLK", qty=Decimal("10.5"), avg_px=Decimal(100)),))
    posted = post_fraction(
        book(positions={held.id: held}), "XLK", Decimal("0.5"), event_id="e", price=Decimal(110), moment=NOW
    )
    assert posted.book.positions[held.id].units == 10
    assert posted.book.realized_pnl == 5


def test_a_holding_that_was_paid_out_whole_is_a_closed_trade() -> None:
    held = position(legs=(PositionLeg(symbol="XLK", qty=Decimal("0.5"), avg_px=Decimal(100)),))
    posted = post_fraction(
        book(positions={held.id: held}), "XLK", Decimal("0.5"), event_id="e", price=Decimal(90), moment=NOW
    )
    assert posted.trade is not None
    assert (posted.trade.realized_pnl, posted.trade.exit_px) == (-5, 90)
    empty = book()
    assert post_fraction(empty, "XLK", Decimal("0.5"), event_id="e", price=Decimal(1), moment=NOW).book is empty


def test_contracts_are_followed_to_their_adjusted_ones() -> None:
    action = split(7)
    held = ["XLK260821C00092140", "XLK260821C00092000", "XLK260821P00092140", "XLK", CALL]
    assert successor(CALL, action, held) == "XLK260821C00092140"
    assert successor(PUT, action, held) is None


def test_a_spread_is_adjusted_as_one() -> None:
    legs = (
        PositionLeg(symbol=CALL, qty=Decimal(2), avg_px=Decimal(14), multiplier=Decimal(100)),
        PositionLeg(symbol=PUT, qty=Decimal(-2), avg_px=Decimal(7), multiplier=Decimal(100)),
    )
    held = position(legs=legs, entry_px=Decimal(7), max_loss_usd=Decimal(700))
    names = {CALL: "XLK260821C00092140", PUT: "XLK260821P00085710"}
    after = post_adjustment(book(positions={held.id: held}), held.id, split(7), names).positions[held.id]
    assert [leg.symbol for leg in after.legs] == list(names.values())
    assert (after.units, after.entry_px, after.max_loss_usd) == (14, 1, 100)
    assert after.gross_exposure == held.gross_exposure
