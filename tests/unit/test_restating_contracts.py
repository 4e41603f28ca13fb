"""Contracts whose underlying splits: followed where the venue shows the adjusted ones, else quarantined and told."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from orchestrator.adapters.memory.broker import MemoryBroker
from orchestrator.adapters.memory.store import MemoryDataLayer
from orchestrator.domain.base import ModuleName
from orchestrator.domain.codec import encode
from orchestrator.domain.documents import BookDoc, book_path
from orchestrator.domain.positions import PositionLeg
from orchestrator.ports import CashEvent, Put
from orchestrator.reconcile import reconcile
from orchestrator.seed import seed
from orchestrator.unit import Unit, open_unit
from tests.builders import NOW, position
from tests.desk import ScriptedParameters

OLD, NEW, STRANGER = "AAPL140620C00645000", "AAPL140620C00092140", "AAPL140620C00095000"
SPREAD = (
    PositionLeg(symbol=OLD, qty=Decimal(2), avg_px=Decimal(14), multiplier=Decimal(100)),
    PositionLeg(symbol="AAPL140620C00665000", qty=Decimal(-2), avg_px=Decimal(7), multiplier=Decimal(100)),
)


@pytest.fixture
def broker() -> MemoryBroker:
    held = {leg.symbol: leg.qty for leg in SPREAD}
    return MemoryBroker(now=lambda: NOW, positions=held)


def unit_with(broker: MemoryBroker) -> Unit:
    """Open a cycle of the options module, which holds the spread."""
    store = MemoryDataLayer()
    seed(store, {ModuleName.OPTIONS: ScriptedParameters()}, now=NOW)
    held = position(
        id="oabcdefghijklmnop2", module=ModuleName.OPTIONS, symbol="AAPL", legs=SPREAD, entry_px=7, max_loss_usd=700
    )
    book = BookDoc(module=ModuleName.OPTIONS, positions={held.id: held}, cursors={broker.name: "0"}, updated_at=NOW)
    store.commit([Put(book_path(ModuleName.OPTIONS), encode(book))])
    return open_unit(store, ModuleName.OPTIONS, slot=NOW, now=NOW + timedelta(minutes=5), venue=broker.name)


def activity(key: str, symbol: str, qty: int) -> CashEvent:
    return CashEvent(key, "SPLIT", symbol, Decimal(0), Decimal(qty), Decimal(0), NOW)


def adjusted(broker: MemoryBroker) -> None:
    """Let the venue replace the contracts, seven for one, and say so of each."""
    broker.positions.clear()
    for key, symbol, qty in (("s1", NEW, 14), ("s2", "AAPL140620C00095000", -14)):
        broker.tell(activity(key, symbol, qty))


def test_a_spread_follows_its_contracts_at_the_rate_of_the_split(broker: MemoryBroker) -> None:
    adjusted(broker)
    unit = unit_with(broker)
    reconcile(unit, broker)
    (held,) = unit.book.positions.values()
    assert {leg.symbol: leg.qty for leg in held.legs} == broker.positions
    assert (held.units, held.entry_px, held.max_loss_usd) == (14, 1, 100)
    assert unit.book.drift == {}
    assert "split of 7 for 1" in unit.book.quarantine["AAPL"]


def test_contracts_that_are_shown_later_are_followed_later(broker: MemoryBroker) -> None:
    old = dict(broker.positions)
    adjusted(broker)
    new = dict(broker.positions)
    broker.positions = {**old, NEW: Decimal(14)}
    unit = unit_with(broker)
    reconcile(unit, broker)
    broker.positions = new
    reconcile(unit, broker)
    (held,) = unit.book.positions.values()
    assert {leg.symbol: leg.qty for leg in held.legs} == new


def test_contracts_of_a_renamed_stock_follow_when_the_venue_renames_them(broker: MemoryBroker) -> None:
    went = CashEvent("n1", "NC", "AAPL", Decimal(0), Decimal(-5), Decimal(0), NOW)
    broker.tell(went)
    broker.tell(replace(went, id="n2", symbol="PEAR", qty=Decimal(5)))
    broker.positions = {leg.symbol: leg.qty for leg in SPREAD}
    unit = unit_with(broker)
    reconcile(unit, broker)
    (held,) = unit.book.positions.values()
    assert (held.symbol, held.legs) == ("AAPL", SPREAD)
    assert {"AAPL", "PEAR"} <= set(unit.book.quarantine)
    broker.positions = {leg.symbol.replace("AAPL", "PEAR"): leg.qty for leg in SPREAD}
    reconcile(unit, broker)
    (held,) = unit.book.positions.values()
    assert held.symbol == "PEAR"
    assert {leg.symbol: leg.qty for leg in held.legs} == broker.positions
    assert unit.book.drift == {}


def test_an_activity_that_makes_no_sense_keeps_the_cycle_from_nothing(broker: MemoryBroker) -> None:
    broker.tell(replace(activity("s1", "AAPL", 0), new_rate=Decimal("NaN"), old_rate=Decimal(1)))
    unit = unit_with(broker)
    reconcile(unit, broker)
    (held,) = unit.book.positions.values()
    assert held.legs == SPREAD
    assert "cannot work out" in unit.book.quarantine["AAPL"]


def test_a_contract_that_keeps_its_name_is_quarantined_and_told(broker: MemoryBroker) -> None:
    broker.tell(activity("s1", OLD, 0))
    unit = unit_with(broker)
    reconcile(unit, broker)
    (held,) = unit.book.positions.values()
    assert held.legs == SPREAD
    assert "cannot work out" in unit.book.quarantine["AAPL"]
    assert [event.severity for event in unit.events.values() if "compare the book" in event.text] == ["critical"]


def test_contracts_of_another_strike_are_no_successors(broker: MemoryBroker) -> None:
    broker.positions.clear()
    broker.tell(activity("s1", STRANGER, 14))
    unit = unit_with(broker)
    reconcile(unit, broker)
    assert OLD in {leg.symbol for held in unit.book.positions.values() for leg in held.legs}
    assert "AAPL" in unit.book.quarantine
