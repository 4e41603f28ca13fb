"""A venue where no stop can rest: the desk looks at the stops itself, whoever runs and whatever the brake says."""

from __future__ import annotations

from decimal import Decimal

import pytest

from orchestrator.adapters.memory.broker import MemoryBroker
from orchestrator.domain.base import ModuleName
from orchestrator.domain.codec import encode
from orchestrator.domain.documents import DESK_STATE, DeskStateDoc
from orchestrator.domain.market import Quote
from orchestrator.domain.orders import Purpose
from orchestrator.domain.risk import DeskState
from orchestrator.domain.venues import MEMORY, Protection
from orchestrator.ports import Put
from tests.desk import TestDesk

FALLEN = {"XLK": Decimal(90), "XLF": Decimal(50), "AAPL": Decimal(200)}
HIGHER = {"XLK": Decimal("95.5"), "XLF": Decimal(50), "AAPL": Decimal(200)}


@pytest.fixture
def desk() -> TestDesk:
    """A desk that holds XLK, bought at 100 with its stop at 95."""
    found = TestDesk()
    found.broker = MemoryBroker(lambda: found.now, profile=MEMORY.model_copy(update={"protection": Protection.NONE}))
    found.module.entries, found.module.protects = ["XLK"], True
    found.cycle()
    found.module.entries = []
    return found


def sent(desk: TestDesk) -> list[Purpose]:
    return [order.intent.purpose for order in desk.book.orders.values()]


def test_no_stop_is_sent_and_nobody_is_told_that_it_is_missing(desk: TestDesk) -> None:
    for _ in range(4):
        desk.cycle(prices=HIGHER)
    assert sent(desk) == [Purpose.ENTRY]
    assert not any(row.data["kind"] == "naked_position" for row in desk.store.query("events"))


def test_what_has_reached_its_stop_leaves_once(desk: TestDesk) -> None:
    desk.module.exits = True  # the module wants to leave it as well
    desk.cycle(prices=FALLEN)
    assert sent(desk) == [Purpose.ENTRY, Purpose.PROTECT]
    desk.cycle(prices=FALLEN)
    assert not desk.book.positions
    assert sent(desk) == [Purpose.ENTRY, Purpose.PROTECT]
    assert desk.store.query("trades")[0].data["trade"]["exit_reason"].startswith("stop")


def test_a_halted_desk_leaves_at_the_stop_too(desk: TestDesk) -> None:
    halted = DeskStateDoc(state=DeskState.HALTED, by="owner", changed_at=desk.now)
    desk.store.commit([Put(DESK_STATE, encode(halted))])
    desk.cycle(prices=FALLEN)
    desk.cycle(prices=FALLEN)
    assert not desk.book.positions


def test_the_caretaker_does_it_for_a_module_that_is_dead(desk: TestDesk) -> None:
    desk.prices(FALLEN)
    desk.orchestrator().care(ModuleName.STOCKS, now=desk.now)
    desk.orchestrator().care(ModuleName.STOCKS, now=desk.now)
    assert not desk.book.positions


def test_the_caretaker_watches_part_of_a_share_at_any_venue() -> None:
    desk = TestDesk()
    desk.module.entries, desk.broker.fill_fraction = ["XLK"], Decimal("0.004")
    desk.cycle()
    desk.module.entries = []
    desk.cycle()
    (held,) = desk.book.positions.values()
    assert held.units < 1
    (entered,) = desk.book.orders.values()
    desk.broker.cancel(entered)
    desk.prices(HIGHER)
    desk.orchestrator().care(ModuleName.STOCKS, now=desk.now)
    assert sent(desk) == [Purpose.ENTRY]
    desk.broker.fill_fraction = Decimal(1)
    for _ in range(2):
        desk.prices(FALLEN)
        desk.orchestrator().care(ModuleName.STOCKS, now=desk.now)
    assert not desk.book.positions


def test_a_stub_quote_gives_nothing_away(desk: TestDesk) -> None:
    desk.prices(FALLEN)
    size = Decimal(1000)
    stub = Quote(symbol="XLK", ts=desk.now, bid=Decimal(1), ask=Decimal(90), bid_size=size, ask_size=size)
    desk.market.put_quotes([stub])
    desk.orchestrator().care(ModuleName.STOCKS, now=desk.now)
    assert sent(desk) == [Purpose.ENTRY]
