"""A position below the venue's least order ends in the book, once nothing can change it any more."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from orchestrator.activities import write_off_dust
from orchestrator.adapters.memory.broker import MemoryBroker
from orchestrator.adapters.memory.store import MemoryDataLayer
from orchestrator.domain.base import ModuleName
from orchestrator.domain.codec import encode
from orchestrator.domain.documents import BookDoc, book_path
from orchestrator.domain.orders import Order, OrderState, Purpose
from orchestrator.domain.positions import PositionLeg
from orchestrator.ports import Put, VenueState
from orchestrator.seed import seed
from orchestrator.unit import Unit, open_unit
from tests.builders import NOW, order, position
from tests.desk import ScriptedParameters

CRYPTO, BTC, LEAST = ModuleName.CRYPTO, "BTC/USD", Decimal("0.00005")


def holding(qty: str, *orders: Order) -> Unit:
    """Open a cycle of the crypto module, which holds so many bitcoin at 60,000 USD."""
    store = MemoryDataLayer()
    seed(store, {CRYPTO: ScriptedParameters()}, now=NOW)
    leg = PositionLeg(symbol=BTC, qty=Decimal(qty), avg_px=Decimal(60_000))
    held = position(id="cabcdefghijklmnop2", module=CRYPTO, symbol=BTC, legs=(leg,), entry_px=60_000)
    known = {one.id: one for one in orders}
    book = BookDoc(module=CRYPTO, positions={held.id: held}, orders=known, cursors={"memory": "0"}, updated_at=NOW)
    store.commit([Put(book_path(CRYPTO), encode(book))])
    return open_unit(store, CRYPTO, slot=NOW, now=NOW + timedelta(minutes=5), venue="memory")


def taking(least: Decimal) -> VenueState:
    """Return what a venue says that takes so much of a coin at least."""
    said = MemoryBroker(now=lambda: NOW).state("")
    return VenueState(said.account, {}, [], [], least={BTC: least})


def leaving(state: OrderState) -> Order:
    return order(state, purpose=Purpose.PROTECT, position_id="cabcdefghijklmnop2", symbol=BTC)


def test_it_is_a_trade_that_got_nothing() -> None:
    unit = holding("0.00002", leaving(OrderState.CANCELLED))
    write_off_dust(unit, taking(LEAST))
    (trade,) = unit.trades.values()
    assert (unit.book.positions, trade.exit_reason) == ({}, "less than an order")
    assert unit.book.realized_pnl == Decimal("-1.2")


@pytest.mark.parametrize("state", [OrderState.WORKING, OrderState.UNKNOWN, OrderState.PLANNED])
def test_it_stays_while_an_order_may_still_leave_it(state: OrderState) -> None:
    unit = holding("0.00002", leaving(state))
    write_off_dust(unit, taking(LEAST))
    assert len(unit.book.positions) == 1


def test_what_is_enough_for_an_order_stays() -> None:
    unit = holding(str(LEAST))
    write_off_dust(unit, taking(LEAST))
    assert len(unit.book.positions) == 1


def test_a_least_order_that_makes_dust_of_real_money_is_not_believed() -> None:
    unit = holding("0.5")
    write_off_dust(unit, taking(Decimal(1_000_000)))
    assert len(unit.book.positions) == 1
