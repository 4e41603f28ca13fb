"""A holding of ten and a half shares at the local venue, which trades part of one in orders of the day only."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

import pytest

from orchestrator.adapters.alpaca.broker import AlpacaBroker
from orchestrator.adapters.alpaca.client import AlpacaKeys
from orchestrator.commands import CONSOLE, execute
from orchestrator.domain.base import ModuleName
from orchestrator.domain.codec import encode
from orchestrator.domain.documents import DESK_STATE, CommandKind, DeskStateDoc
from orchestrator.domain.orders import Order, OrderState, OrderType, Purpose, TimeInForce
from orchestrator.domain.risk import DeskState
from orchestrator.ports import Put
from tests.contract.broker_stage import _VenueTime
from tests.contract.venue_market import OPEN, Venue, market, open_venue
from tests.desk import TestDesk
from tests.watched_desk import put_command
from venue.scripted import quote, stock


@dataclass
class Scene:
    """A desk without a module of its own, that has adopted what its owner held."""

    desk: TestDesk
    venue: Venue
    broker: AlpacaBroker

    def care(self, price: str = "100") -> None:
        """Let a minute pass, then the caretaker look after the book."""
        self.venue.advance(self.venue.exchange.now + timedelta(minutes=1))
        self.desk.now = self.venue.exchange.now
        self.desk.prices({"XLK": Decimal(price)})
        self.desk.orchestrator(self.broker).care(ModuleName.STOCKS, now=self.desk.now)

    def flatten(self) -> None:
        doc = DeskStateDoc(state=DeskState.HALTED, flatten=True, by="owner", reason="test", changed_at=self.desk.now)
        self.desk.store.commit([Put(DESK_STATE, encode(doc))])

    @property
    def orders(self) -> list[Order]:
        return list(self.desk.book.orders.values())

    @property
    def shown(self) -> Decimal:
        return self.broker.state("").positions.get("XLK", Decimal(0))


@pytest.fixture
def scene() -> Iterator[Scene]:
    feed = market()
    feed.listed["XLK"] = stock("XLK", lot="0.001")
    feed.say("XLK", quote(OPEN + timedelta(seconds=30), "99.99", "100.01", size="5000"))
    with open_venue(feed) as venue:
        keys = AlpacaKeys("key", "secret", base_url=venue.url, data_url=venue.url)
        broker = AlpacaBroker(keys, clock=_VenueTime(venue), sleep=lambda _: None)
        scene = Scene(TestDesk(now=OPEN), venue, broker)
        venue.advance(OPEN + timedelta(minutes=1))
        body = {"symbol": "XLK", "qty": "10.5", "side": "buy", "type": "market", "time_in_force": "day"}
        venue.http.post("/v2/orders", json=body, headers=venue_keys()).raise_for_status()
        scene.care()
        asked = {"args": {"symbol": "XLK", "stop": "95"}, "created_at": scene.desk.now, "by": CONSOLE}
        done = execute(scene.desk.store, put_command(scene.desk.store, CommandKind.ADOPT, **asked), scene.desk.now)
        assert done.status == "done"
        yield scene
        broker.close()


def venue_keys() -> dict[str, str]:
    return {"APCA-API-KEY-ID": "key", "APCA-API-SECRET-KEY": "secret"}


def test_its_stop_rests_for_the_whole_shares_and_nothing_counts_as_naked(scene: Scene) -> None:
    for _ in range(3):
        scene.care()
    (stop,) = scene.orders
    assert (stop.intent.purpose, stop.state, stop.intent.qty) == (Purpose.PROTECT, OrderState.WORKING, 10)
    assert (scene.desk.book.naked, scene.desk.book.drift) == ({}, {})


def test_a_flatten_sells_the_whole_shares_and_then_the_part(scene: Scene) -> None:
    scene.care()
    scene.flatten()
    for _ in range(4):
        scene.care()
    assert (scene.shown, scene.desk.book.positions, scene.desk.book.drift) == (0, {}, {})
    sold = [order for order in scene.orders if order.intent.purpose is Purpose.EXIT]
    assert [(one.intent.qty, one.intent.order_type, one.intent.time_in_force) for one in sold] == [
        (10, OrderType.LIMIT, TimeInForce.IOC),
        (Decimal("0.5"), OrderType.MARKET, TimeInForce.DAY),
    ]
