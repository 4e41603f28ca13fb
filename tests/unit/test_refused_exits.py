"""What the venue refuses each time is not asked of it in each cycle: every try costs the stop and tells a person."""

from __future__ import annotations

import pytest

from orchestrator.adapters.memory.broker import MemoryBroker
from orchestrator.domain.documents import EventKind
from orchestrator.domain.errors import OrderRefusedError
from orchestrator.domain.orders import Order, OrderState, Purpose
from orchestrator.domain.risk import DenialCode, Denied
from orchestrator.ports import VenueOrder
from tests.desk import TestDesk

WORDS = "trade denied due to pattern day trading protection"


class Refusing(MemoryBroker):
    """A venue that refuses orders of one purpose."""

    refuses: Purpose | None = None

    def submit(self, order: Order) -> VenueOrder:
        if order.intent.purpose is self.refuses:
            self.calls.append(("submit", order.id))
            raise OrderRefusedError(WORDS, code="40310100")
        return super().submit(order)


@pytest.fixture
def desk() -> TestDesk:
    """A desk that holds XLK with a stop at the venue, and now wants to leave it."""
    desk = TestDesk()
    desk.broker = Refusing(now=lambda: desk.now, name="venue")
    desk.module.entries, desk.module.protects = ["XLK"], True
    desk.cycle()
    desk.module.entries = []
    desk.cycle()
    desk.module.exits = True
    return desk


def exits(desk: TestDesk) -> list[Order]:
    return [order for order in desk.book.orders.values() if order.intent.purpose is Purpose.EXIT]


def test_after_five_refusals_the_stop_rests_and_the_next_exit_waits(desk: TestDesk) -> None:
    assert isinstance(desk.broker, Refusing)
    desk.broker.refuses = Purpose.EXIT
    for _ in range(5):
        desk.cycle(minutes=1)
    report = desk.cycle(minutes=1)
    assert len(exits(desk)) == 5
    (verdict,) = (one.verdict for one in report.results if one.opportunity.purpose is Purpose.EXIT)
    assert isinstance(verdict, Denied)
    assert verdict.code is DenialCode.REFUSALS_ABOVE_MAX
    assert WORDS in verdict.observed
    stops = [order for order in desk.book.orders.values() if order.intent.purpose is Purpose.PROTECT]
    assert [order.state for order in stops][-1] is OrderState.WORKING
    assert desk.book.naked == {}


def test_whoever_is_told_of_a_naked_position_is_told_why_the_venue_refuses_its_stop(desk: TestDesk) -> None:
    assert isinstance(desk.broker, Refusing)
    desk.module.exits, desk.broker.refuses = False, Purpose.PROTECT
    (stop,) = (order for order in desk.book.orders.values() if order.state is OrderState.WORKING)
    desk.broker.cancel(stop)
    for _ in range(3):
        desk.cycle(minutes=1)
    (told,) = (one.data for one in desk.store.query("events") if one.data["kind"] == EventKind.NAKED_POSITION)
    assert WORDS in str(told["text"])


def test_once_the_venue_takes_it_again_the_position_is_left(desk: TestDesk) -> None:
    assert isinstance(desk.broker, Refusing)
    desk.broker.refuses = Purpose.EXIT
    for _ in range(6):
        desk.cycle(minutes=1)
    desk.broker.refuses = None
    desk.cycle(minutes=8)
    assert len(exits(desk)) == 5
    desk.cycle(minutes=2)
    desk.cycle(minutes=1)
    assert desk.book.positions == {}
