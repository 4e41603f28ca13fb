"""A desk through splits and changes of symbol: whatever comes first, twice, late, or never."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from orchestrator.domain.base import ModuleName
from orchestrator.domain.codec import encode
from orchestrator.domain.documents import EventDoc, EventKind, book_path
from orchestrator.domain.orders import Order, OrderState, Purpose
from orchestrator.domain.positions import Position
from orchestrator.ports import CashEvent, Put
from tests.desk import TestDesk
from tests.unit.test_foreign import by_hand, told

CALM = {"XLK": Decimal(100), "XLF": Decimal(50), "AAPL": Decimal(200)}


@pytest.fixture
def desk() -> TestDesk:
    """A desk that holds XLK under a resting stop."""
    desk = TestDesk()
    desk.module.entries = ["XLK"]
    desk.cycle()
    desk.module.entries, desk.module.protects = [], True
    desk.cycle()
    desk.cycle()
    desk.cycle(minutes=120)
    assert desk.broker.positions["XLK"] % 10 == 0
    return desk


def units(desk: TestDesk) -> Decimal:
    (held,) = desk.book.positions.values()
    return held.units


def resting(desk: TestDesk) -> list[Order]:
    live = [order for order in desk.book.orders.values() if not order.state.terminal]
    assert all(order.intent.purpose is Purpose.PROTECT for order in live)
    return live


def split(desk: TestDesk, new: int, old: int = 1, *, key: str = "s1", amount: int = 0, short: int = 0) -> CashEvent:
    """Return the activity of a split of all that the account holds, `short` of a share being paid out."""
    held = desk.broker.positions["XLK"]
    after = held * new / old
    return CashEvent(
        key, "SPLIT", "XLK", Decimal(amount), (after - after % 1 if short else after) - held, Decimal(0), desk.now
    )


def show(desk: TestDesk, event: CashEvent) -> None:
    """Let the position change, and nothing be told of it."""
    desk.broker.positions["XLK"] += event.qty


def tell(desk: TestDesk, event: CashEvent) -> None:
    """Let the activity be told, and the position not change with it."""
    desk.broker.tell(event)
    desk.broker.positions["XLK"] -= event.qty


def orders_follow(desk: TestDesk, new: int, old: int = 1, *, how: str) -> None:
    for held in desk.broker._orders:
        if held.state.terminal:
            continue
        if how == "cancelled":
            held.state = OrderState.CANCELLED
        elif how == "scaled":
            stop = held.intent.stop_price
            assert stop is not None
            update = {"qty": held.intent.qty * new / old, "stop_price": stop * old / new}
            held.intent = held.intent.model_copy(update=update)


def at(price: str) -> dict[str, Decimal]:
    return CALM | {"XLK": Decimal(price)}


def calm(desk: TestDesk, price: str, cycles: int = 3) -> None:
    """Let cycles pass, after which nothing is left to explain."""
    for _ in range(cycles):
        desk.cycle(prices=at(price))
    assert (desk.book.drift, desk.book.quarantine, desk.book.foreign) == ({}, {}, {})
    assert units(desk) == desk.broker.positions["XLK"]


@pytest.mark.parametrize("how", ["cancelled", "scaled"])
def test_a_split_scales_the_position_and_ends_with_one_stop_at_the_scaled_level(desk: TestDesk, how: str) -> None:
    before, sent = units(desk), len(desk.submitted())
    event = split(desk, 2)
    orders_follow(desk, 2, how=how)
    desk.broker.tell(event)
    desk.cycle(prices=at("50"))
    assert "split of 2 for 1" in desk.book.quarantine["XLK"]
    assert units(desk) == 2 * before
    calm(desk, "50")
    (stop,) = resting(desk)
    assert (stop.intent.qty, stop.intent.stop_price) == (2 * before, Decimal("47.5"))
    assert len(desk.submitted()) - sent == (1 if how == "cancelled" else 0)


def test_a_stop_that_the_venue_left_as_it_was_is_replaced(desk: TestDesk) -> None:
    before = units(desk)
    desk.broker.tell(split(desk, 1, 2))
    desk.cycle(prices=at("200"))
    calm(desk, "200")
    (stop,) = resting(desk)
    assert (stop.intent.qty, stop.intent.stop_price) == (before / 2, 190)


@pytest.mark.parametrize("first", ["activity", "position"])
def test_the_activity_may_come_before_or_after_the_position(desk: TestDesk, first: str) -> None:
    before, event = units(desk), split(desk, 4)
    orders_follow(desk, 4, how="cancelled")
    step, other = (tell, show) if first == "activity" else (show, tell)
    step(desk, event)
    desk.cycle(prices=at("25"))
    assert "XLK" in desk.book.quarantine
    assert units(desk) == 4 * before
    other(desk, event)
    desk.cycle(prices=at("25"))
    assert units(desk) == 4 * before
    calm(desk, "25")
    assert len(desk.book.actions) == 1
    assert told(desk, EventKind.DRIFT_FOUND) == []


def test_a_quantity_off_by_a_split_without_its_price_is_a_sign_and_nothing_more(desk: TestDesk) -> None:
    before = units(desk)
    show(desk, split(desk, 2))
    desk.cycle()
    assert "2 for 1 of what the books hold" in desk.book.quarantine["XLK"]
    assert units(desk) == before


def test_a_price_that_jumps_like_a_split_is_a_sign_for_a_cycle(desk: TestDesk) -> None:
    before = units(desk)
    orders_follow(desk, 2, how="cancelled")
    desk.module.protects = False
    desk.cycle(prices=at("50"))
    assert "as it does at a split" in desk.book.quarantine["XLK"]
    assert units(desk) == before
    desk.cycle(prices=at("50"))
    assert desk.book.quarantine == {}


def test_an_activity_told_twice_counts_once_even_under_another_id(desk: TestDesk) -> None:
    before, event = units(desk), split(desk, 2)
    orders_follow(desk, 2, how="scaled")
    desk.broker.tell(event)
    desk.cycle(prices=at("50"))
    tell(desk, event)
    tell(desk, CashEvent("s2", "SPLIT", "XLK", Decimal(0), event.qty, Decimal(0), desk.now))
    desk.cycle(prices=at("50"))
    assert units(desk) == 2 * before
    calm(desk, "50")


def test_what_is_foreign_follows_the_split_too(desk: TestDesk) -> None:
    by_hand(desk, "XLK", qty=30)
    desk.cycle()
    before = units(desk)
    orders_follow(desk, 2, how="scaled")
    desk.broker.tell(split(desk, 2))
    desk.cycle(prices=at("50"))
    assert units(desk) == 2 * before
    assert desk.book.foreign["XLK"].qty == 60
    assert desk.book.drift == {}


def test_a_fraction_is_paid_out_in_cash_and_booked_as_a_sale(desk: TestDesk) -> None:
    odd = desk.broker.positions["XLK"] - 5
    by_hand(desk, "AAPL", qty=1)
    desk.broker.positions["XLK"] = odd
    (held,) = desk.book.positions.values()
    smaller = held.model_copy(update={"legs": (held.legs[0].model_copy(update={"qty": odd}),)})
    put_position(desk, smaller)
    orders_follow(desk, 1, 10, how="cancelled")
    desk.broker.tell(split(desk, 1, 10, amount=520, short=1))
    desk.cycle(prices=at("1000"))
    assert units(desk) == odd // 10
    assert desk.book.realized_pnl == 520 - Decimal("0.5") * 1000 * held.entry_px / 100
    desk.cycle(prices=at("1000"))
    assert desk.book.cash_drift == 0


def put_position(desk: TestDesk, position: Position) -> None:
    (key,) = desk.book.positions
    after = desk.book.model_copy(update={"positions": {key: position}})
    desk.store.commit([Put(book_path(ModuleName.STOCKS), encode(after))])


def test_a_split_that_cannot_be_worked_out_is_not_guessed(desk: TestDesk) -> None:
    before = units(desk)
    desk.broker.tell(CashEvent("s1", "SPLIT", "XLK", Decimal(0), Decimal(37), Decimal(0), desk.now))
    desk.cycle()
    assert units(desk) == before
    assert "cannot work out" in desk.book.quarantine["XLK"]
    (critical,) = (event for event in events(desk) if event.severity == "critical")
    assert "compare the book" in critical.text
    desk.cycle()
    assert "XLK" in desk.book.quarantine


def events(desk: TestDesk) -> list[EventDoc]:
    return told(desk, EventKind.DRIFT_FOUND)


def renaming(desk: TestDesk, at_once: bool = True) -> list[CashEvent]:
    held = desk.broker.positions["XLK"]
    went = CashEvent("n1", "NC", "XLK", Decimal(0), -held, Decimal(0), desk.now)
    came = CashEvent("n2", "NC", "TECH", Decimal(0), held, Decimal(0), desk.now)
    return [went, came] if at_once else [came, went]


@pytest.mark.parametrize("in_order", [True, False])
def test_a_change_of_symbol_is_followed_by_position_stop_and_memory(desk: TestDesk, in_order: bool) -> None:
    before = units(desk)
    (stop,) = resting(desk)
    for event in renaming(desk, at_once=in_order):
        desk.broker.tell(event)
    for held in desk.broker._orders:
        legs = tuple(leg.model_copy(update={"symbol": "TECH"}) for leg in held.intent.legs)
        held.intent = held.intent.model_copy(update={"symbol": "TECH", "legs": legs})
    desk.cycle(prices=CALM | {"TECH": Decimal(100)})
    (position,) = desk.book.positions.values()
    assert (position.symbol, position.units) == ("TECH", before)
    assert set(desk.book.quarantine) == {"XLK", "TECH"}
    desk.cycle(prices=CALM | {"TECH": Decimal(100)})
    assert (desk.book.quarantine, desk.book.drift, desk.book.foreign) == ({}, {}, {})
    assert desk.book.orders[stop.id].intent.legs[0].symbol == "TECH"
    assert [order.id for order in resting(desk)] == [stop.id]


def test_a_working_entry_does_not_outlive_a_quarantine(desk: TestDesk) -> None:
    desk.broker.fill_fraction = Decimal(0)
    desk.module.entries = ["XLF"]
    desk.cycle()
    (entry,) = (order for order in desk.book.orders.values() if order.intent.symbol == "XLF")
    desk.broker.tell(CashEvent("s1", "SPLIT", "XLF", Decimal(0), Decimal(0), Decimal(0), desk.now))
    desk.module.entries = []
    desk.cycle()
    assert ("cancel", entry.id) in desk.broker.calls


def test_a_dividend_is_income_once_and_of_a_foreign_part_nothing(desk: TestDesk) -> None:
    own = units(desk)
    by_hand(desk, "XLK", qty=int(own))
    desk.broker.tell(CashEvent("d1", "DIV", "XLK", Decimal(80), Decimal(0), Decimal(0), desk.now))
    desk.cycle()
    desk.cycle()
    assert desk.book.income == 40
    assert desk.book.cash_drift == 0


def test_interest_and_a_dividend_on_what_was_sold_are_not_lost(desk: TestDesk) -> None:
    desk.broker.tell(CashEvent("i1", "INT", "", Decimal(3), Decimal(0), Decimal(0), desk.now))
    desk.broker.tell(CashEvent("d1", "DIV", "F", Decimal(4), Decimal(0), Decimal(0), desk.now))
    desk.cycle()
    assert desk.book.income == 7


def test_a_late_fill_of_before_the_split_is_booked_in_new_shares() -> None:
    desk = TestDesk()
    desk.broker.fill_fraction = Decimal(0)
    desk.module.entries = ["XLK"]
    desk.cycle()
    desk.module.entries = []
    (entry,) = desk.book.orders
    desk.broker.positions["XLK"] = Decimal(10)
    desk.cycle()
    desk.broker.positions["XLK"] = Decimal(0)
    qty = desk.book.orders[entry].intent.qty
    moment = desk.now
    desk.now += timedelta(minutes=1)
    desk.broker.tell(CashEvent("s1", "SPLIT", "XLK", Decimal(0), qty, Decimal(0), desk.now))
    desk.broker.positions["XLK"] = qty
    desk.broker.now = lambda: moment
    desk.broker.fill(entry, qty, Decimal(100))
    desk.broker.now = lambda: desk.now
    desk.cycle(prices=at("50"))
    assert units(desk) == 2 * qty
    desk.cycle(prices=at("50"))
    assert desk.book.drift == {}
