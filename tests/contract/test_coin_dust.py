"""A rest of coins at the local venue that is less than its least order: neither a stop nor an exit would be taken."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from orchestrator.commands import CONSOLE, execute
from orchestrator.cycle import Desk, ModularOrchestrator
from orchestrator.domain.base import ModuleName
from orchestrator.domain.codec import decode, encode
from orchestrator.domain.documents import (
    DESK_STATE,
    BookDoc,
    CommandKind,
    DeskStateDoc,
    EventKind,
    book_path,
)
from orchestrator.domain.orders import OrderState, Purpose
from orchestrator.domain.risk import DeskState
from orchestrator.module import ModuleConfig
from orchestrator.ports import Put
from orchestrator.seed import seed
from tests.contract.broker_stage import Stage, kraken_stage
from tests.desk import ScriptedParameters, TestDesk
from tests.watched_desk import put_command

CRYPTO = ModuleName.CRYPTO


@dataclass
class Scene:
    """A desk that holds a thousandth of a coin at a venue that takes 0.00005 at least."""

    desk: TestDesk
    stage: Stage

    def care(self) -> None:
        """Let a minute pass, then the caretaker look after the book."""
        self.stage.venue.advance(self.stage.now() + timedelta(minutes=1))
        self.desk.now = self.stage.now()
        self.desk.prices({"BTC/USD": Decimal(60005)})
        desk = Desk(self.desk.module, ModuleConfig(universe={}), self.stage.broker, self.desk.market)
        ModularOrchestrator(self.desk.store, {CRYPTO: lambda: desk}).care(CRYPTO, now=self.desk.now)

    @property
    def book(self) -> BookDoc:
        path = book_path(CRYPTO)
        return decode(BookDoc, dict(self.desk.store.get_many([path])[path].data), where=path)

    def told(self, kind: EventKind) -> list[str]:
        return [str(one.data["text"]) for one in self.desk.store.query("events") if one.data["kind"] == kind]


@pytest.fixture
def scene() -> Iterator[Scene]:
    with kraken_stage() as stage:
        scene = Scene(TestDesk(now=stage.now()), stage)
        seed(scene.desk.store, {CRYPTO: ScriptedParameters()}, now=stage.now())
        stage.broker.submit(stage.order("held", qty=Decimal("0.001")))
        scene.care()
        asked: dict[str, Any] = {"args": {"symbol": "BTC/USD", "stop": "50000"}, "created_at": stage.now()}
        done = execute(
            scene.desk.store, put_command(scene.desk.store, CommandKind.ADOPT, by=CONSOLE, **asked), scene.desk.now
        )
        assert done.status == "done"
        scene.care()
        yield scene


def flatten(scene: Scene, fraction: str) -> None:
    """Let the owner flatten the desk, and the first exit fill by a part only."""
    doc = DeskStateDoc(state=DeskState.HALTED, flatten=True, by="owner", reason="test", changed_at=scene.desk.now)
    scene.desk.store.commit([Put(DESK_STATE, encode(doc))])
    scene.stage.venue.fault("partial_fill", "AddOrder$", method="POST", fraction=fraction)
    for _ in range(4):
        scene.care()


def test_a_flatten_that_leaves_dust_ends_and_repeats_no_refused_order(scene: Scene) -> None:
    flatten(scene, "0.98")
    book = scene.book
    assert all(not left for left in (book.positions, book.drift, book.naked, book.foreign, book.cash_drift))
    assert {order.state for order in book.orders.values()} == {OrderState.CANCELLED}
    (text,) = scene.told(EventKind.POSITION_CLOSED)
    assert text == "BTC/USD: the rest of 0.00002 is less than the least order, 0.00005: written off"


def test_a_rest_of_the_least_order_is_sold(scene: Scene) -> None:
    flatten(scene, "0.95")
    assert scene.book.positions == {}
    sold = [order for order in scene.book.orders.values() if order.intent.purpose is Purpose.EXIT]
    assert [order.filled_qty for order in sold] == [Decimal("0.00095"), Decimal("0.00005")]
