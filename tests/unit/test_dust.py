"""A position below the venue's least order ends in the book, once nothing can change it any more."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from orchestrator.adapters.memory.broker import MemoryBroker
from orchestrator.domain.orders import OrderState
from orchestrator.ports import VenueState
from tests.desk import TestDesk


class Choosy(MemoryBroker):
    """A venue whose least order is set by the test."""

    least = Decimal(0)

    def state(self, cursor: str) -> VenueState:
        return replace(super().state(cursor), least={"XLK": self.least})


@pytest.fixture
def desk() -> TestDesk:
    """A desk that holds XLK, with a stop at the venue."""
    desk = TestDesk()
    desk.broker = Choosy(now=lambda: desk.now, name="venue")
    desk.module.entries, desk.module.protects = ["XLK"], True
    desk.cycle()
    desk.module.entries = []
    desk.cycle()
    assert len(desk.book.positions) == 1
    return desk


def raise_least(desk: TestDesk) -> None:
    """Let the least order grow beyond what is held."""
    assert isinstance(desk.broker, Choosy)
    desk.broker.least = desk.book.positions[next(iter(desk.book.positions))].units + 1


def test_it_stays_while_an_order_may_still_leave_it(desk: TestDesk) -> None:
    raise_least(desk)
    for _ in range(3):
        desk.cycle()
    assert len(desk.book.positions) == 1


def test_without_one_it_is_a_trade_that_got_nothing(desk: TestDesk) -> None:
    desk.module.protects = False
    (stop,) = (order for order in desk.book.orders.values() if order.state is OrderState.WORKING)
    desk.broker.cancel(stop)
    raise_least(desk)
    (held,) = desk.book.positions.values()
    desk.cycle()
    assert (desk.book.positions, desk.book.trades) == ({}, 1)
    assert desk.book.realized_pnl == -held.units * held.entry_px


def test_what_is_enough_for_an_order_stays_when_its_stop_has_gone(desk: TestDesk) -> None:
    desk.module.protects = False
    (stop,) = (order for order in desk.book.orders.values() if order.state is OrderState.WORKING)
    desk.broker.cancel(stop)
    desk.broker.least = next(iter(desk.book.positions.values())).units  # type: ignore[attr-defined]
    desk.cycle()
    assert len(desk.book.positions) == 1
