"""Fills that a venue tells only as a total: what stands in for them, when, and how it gives way."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from orchestrator.domain.ledger import FROM_TOTAL
from orchestrator.domain.orders import Order, OrderState
from orchestrator.ports import VenueState
from tests.desk import TestDesk


class Totals:
    """A venue whose executions are told when it likes; its list of orders tells totals at once."""

    def __init__(self, desk: TestDesk) -> None:
        self._broker, self.silent = desk.broker, True
        self.price: Decimal | None = Decimal("100.5")
        self.name, self.profile = desk.broker.name, desk.broker.profile
        self.submit, self.cancel, self.find = desk.broker.submit, desk.broker.cancel, desk.broker.find

    def state(self, cursor: str) -> VenueState:
        told = self._broker.state("")
        orders = [replace(order, avg_price=self.price if order.filled_qty else None) for order in told.open_orders]
        return replace(told, open_orders=orders, fills=[] if self.silent else told.fills)


@pytest.fixture
def desk() -> TestDesk:
    desk = TestDesk()
    desk.broker.fill_fraction = Decimal(0)
    return desk


def entered(desk: TestDesk, venue: Totals, *, part: Decimal = Decimal(1)) -> Order:
    desk.module.entries = ["XLK"]
    desk.cycle(broker=venue)
    desk.module.entries = []
    (order,) = desk.book.orders.values()
    desk.broker.fill(order.id, order.intent.qty * part, Decimal("100.5"))
    if part < 1:
        desk.broker.end(order.id, OrderState.CANCELLED)
    return order


def test_a_total_without_executions_is_booked_after_a_while_at_its_average_price(desk: TestDesk) -> None:
    venue = Totals(desk)
    order = entered(desk, venue)
    desk.cycle(broker=venue)
    desk.cycle(broker=venue)
    assert desk.book.positions == {}, "the executions may only be late"
    assert desk.book.orders[order.id].outstanding_qty == order.intent.qty, "and the room stays reserved"
    desk.cycle(minutes=20, broker=venue)
    (position,) = desk.book.positions.values()
    assert (position.units, position.entry_px) == (order.intent.qty, Decimal("100.5"))
    assert desk.book.orders[order.id].state is OrderState.FILLED
    desk.cycle(broker=venue)
    assert desk.book.drift == {}
    assert len(desk.book.orders[order.id].fills) == 1, "once"


def test_the_venues_own_executions_take_its_place(desk: TestDesk) -> None:
    venue = Totals(desk)
    order = entered(desk, venue)
    for minutes in (5, 5, 20):
        desk.cycle(minutes=minutes, broker=venue)
    assert desk.book.orders[order.id].fills[0].trade_id.startswith(FROM_TOTAL)
    venue.silent = False
    desk.cycle(broker=venue)
    (fill,) = desk.book.orders[order.id].fills
    assert not fill.trade_id.startswith(FROM_TOTAL)
    (position,) = desk.book.positions.values()
    assert position.units == order.intent.qty == desk.broker.positions["XLK"]


def test_a_part_is_booked_as_a_part(desk: TestDesk) -> None:
    venue = Totals(desk)
    order = entered(desk, venue, part=Decimal("0.5"))
    for minutes in (5, 5, 20):
        desk.cycle(minutes=minutes, broker=venue)
    (position,) = desk.book.positions.values()
    assert position.units == order.intent.qty / 2
    assert desk.book.orders[order.id].state is OrderState.CANCELLED


def test_a_total_that_the_account_does_not_bear_out_is_not_booked(desk: TestDesk) -> None:
    venue = Totals(desk)
    order = entered(desk, venue)
    desk.broker.positions["XLK"] = Decimal(0)
    for minutes in (5, 5, 60):
        desk.cycle(minutes=minutes, broker=venue)
    assert desk.book.positions == {}
    assert desk.book.orders[order.id].fills == ()


def test_a_total_without_a_price_is_not_booked(desk: TestDesk) -> None:
    venue = Totals(desk)
    venue.price = None
    order = entered(desk, venue)
    for minutes in (5, 5, 60):
        desk.cycle(minutes=minutes, broker=venue)
    assert desk.book.orders[order.id].fills == ()


def test_the_rest_beyond_known_executions_is_booked_at_what_the_average_implies(desk: TestDesk) -> None:
    venue = Totals(desk)
    venue.silent = False
    order = entered(desk, venue, part=Decimal("0.5"))
    desk.cycle(broker=venue)
    venue.silent, venue.price = True, Decimal("101.5")
    desk.broker._held(order.id).filled_qty = order.intent.qty
    desk.broker.positions["XLK"] = order.intent.qty
    for minutes in (5, 5, 20):
        desk.cycle(minutes=minutes, broker=venue)
    known, rest = desk.book.orders[order.id].fills
    assert (known.price, rest.price, rest.qty) == (Decimal("100.5"), Decimal("102.5"), order.intent.qty / 2)
