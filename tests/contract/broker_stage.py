"""One stage per broker: the broker, a market that falls from 100 % to about 97 %, and ways to make it fail."""

from __future__ import annotations

import hashlib
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from orchestrator.adapters.alpaca.broker import AlpacaBroker
from orchestrator.adapters.alpaca.client import AlpacaKeys
from orchestrator.adapters.ccxt.broker import KrakenBroker
from orchestrator.adapters.ccxt.client import kraken_client
from orchestrator.adapters.memory.broker import MemoryBroker
from orchestrator.adapters.memory.faults import Fault
from orchestrator.domain.base import ModuleName
from orchestrator.domain.orders import (
    Leg,
    Order,
    OrderIntent,
    OrderState,
    OrderType,
    Purpose,
    Side,
    plan,
)
from orchestrator.domain.venues import KRAKEN, MEMORY, VenueProfile
from orchestrator.ports import Broker
from tests.contract.venue_market import HOUR, OPEN, Venue, market, open_venue
from venue.scripted import quote

SECRET = "c2VjcmV0"
VENUE_FAULTS = {
    Fault.RATE_LIMITED: {"kind": "http_429"},
    Fault.LOST_BEFORE_ACCEPTANCE: {"kind": "timeout_before"},
    Fault.LOST_AFTER_ACCEPTANCE: {"kind": "timeout_after"},
}
SUBMIT_PATHS = {"alpaca": "^/v2/orders$", "kraken": "AddOrder$"}


@dataclass
class Stage:
    """A broker to be tested, and what the tests may do to its venue."""

    broker: Broker
    symbol: str
    qty: Decimal
    price: Decimal
    now: Callable[[], datetime]
    fall: Callable[[], None]
    """Let the market fall by two to four per cent."""
    fail: Callable[[Fault], None]
    """Let the next submission fail."""
    fill_part: Callable[[], None]
    """Let the next order fill by half only."""
    unreachable: Callable[[], Broker]
    """The same kind of broker, pointed at where nobody listens."""
    live: Venue | None = None
    calls: Callable[[], int] = lambda: 0
    closing: list[Any] = field(default_factory=list)

    @property
    def venue(self) -> Venue:
        """The local venue behind it."""
        assert self.live is not None
        return self.live

    def order(self, name: str, side: Side = Side.BUY, **more: Any) -> Order:
        """An order of the stage's symbol; a market order unless prices are given."""
        kind = OrderType.MARKET
        if "limit_price" in more:
            kind = OrderType.LIMIT
        if "stop_price" in more:
            kind = OrderType.STOP
        fields: dict[str, Any] = {
            "client_order_id": client_id(name),
            "module": ModuleName.STOCKS,
            "strategy": "test",
            "purpose": Purpose.ENTRY if side is Side.BUY else Purpose.EXIT,
            "symbol": self.symbol,
            "legs": (Leg(symbol=self.symbol, side=side),),
            "side": side,
            "qty": self.qty,
            "order_type": kind,
            "decided_at": self.now(),
            "valid_until": self.now() + HOUR,
            "decision_px": self.price,
            "position_id": client_id(name),
        }
        return plan(OrderIntent(**(fields | more)), self.now())

    def state_of(self, order: Order) -> OrderState:
        """What the venue says of an order that it must know."""
        found = self.broker.find(order)
        assert found is not None
        return found.state

    def below(self, percent: str) -> Decimal:
        """A price that many per cent below the market at the start."""
        return (self.price * (100 - Decimal(percent)) / 100).quantize(Decimal(1))


def client_id(name: str) -> str:
    """A client order id of the desk's form: 18 characters."""
    return "s" + hashlib.sha256(name.encode()).hexdigest()[:17]


def closed_port() -> int:
    """A port on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@dataclass
class _Time:
    """A clock that the test moves."""

    at: datetime = OPEN

    def now(self) -> datetime:
        return self.at


@contextmanager
def memory_stage(profile: VenueProfile = MEMORY) -> Iterator[Stage]:
    """The fake."""
    time = _Time()
    broker = MemoryBroker(now=time.now, cash=Decimal(80_000), profile=profile)
    broker.set_prices({"XLK": Decimal(100)})

    def fall() -> None:
        time.at += 2 * HOUR
        broker.fill_fraction = Decimal(1)
        broker.set_prices({"XLK": Decimal(97)})

    def halve() -> None:
        broker.fill_fraction = Decimal("0.5")

    def unreachable() -> Broker:
        dead = MemoryBroker(now=time.now)
        for call in ("submit", "state", "find"):
            dead.faults.add(call, Fault.UNAVAILABLE)
        return dead

    yield Stage(
        broker=broker,
        symbol="XLK",
        qty=Decimal(10),
        price=Decimal(100),
        now=time.now,
        fall=fall,
        fail=lambda fault: broker.faults.add("submit", fault),
        fill_part=halve,
        unreachable=unreachable,
    )


@contextmanager
def alpaca_stage() -> Iterator[Stage]:
    """alpaca-py against the local venue."""
    feed = market()
    feed.say("XLK", quote(OPEN + 2 * HOUR, "97.00", "97.02"))
    with open_venue(feed) as venue:
        closing: list[AlpacaBroker] = []

        def broker_at(url: str) -> AlpacaBroker:
            keys = AlpacaKeys("key", "secret", base_url=url, data_url=url)
            closing.append(AlpacaBroker(keys, clock=_VenueTime(venue), sleep=lambda _: None))
            return closing[-1]

        broker = broker_at(venue.url)
        yield _venue_stage(venue, broker, "alpaca", broker_at, symbol="XLK", qty=Decimal(10), price=Decimal(100))
        for one in closing:
            one.close()


@contextmanager
def kraken_stage(profile: VenueProfile = KRAKEN) -> Iterator[Stage]:
    """ccxt's kraken against the local venue, which keeps this profile's rules."""
    feed = market()
    feed.say("BTC/USD", quote(OPEN + 2 * HOUR, "58000", "58010", size="5"))
    with open_venue(feed) as venue:
        closing = []

        def broker_at(url: str) -> KrakenBroker:
            client = kraken_client("key", SECRET, base_url=url, profile=profile, sleep=lambda _: None)
            closing.append(client)
            return KrakenBroker(client, clock=_VenueTime(venue))

        venue.http.post("/venue/profiles", json={"account": "kraken", "profile": profile.name}).raise_for_status()
        broker = broker_at(venue.url)
        yield _venue_stage(
            venue, broker, "kraken", broker_at, symbol="BTC/USD", qty=Decimal("0.01"), price=Decimal(60000)
        )
        for one in closing:
            one.close()


@dataclass
class _VenueTime:
    """The venue's clock."""

    venue: Venue

    def now(self) -> datetime:
        return self.venue.exchange.now


def _venue_stage(venue: Venue, broker: Any, kind: str, broker_at: Callable[[str], Any], **market_: Any) -> Stage:
    path = SUBMIT_PATHS[kind]

    def fail(fault: Fault) -> None:
        venue.fault(path=path, method="POST", **VENUE_FAULTS[fault])

    return Stage(
        broker=broker,
        now=lambda: venue.exchange.now,
        fall=lambda: venue.advance(OPEN + 2 * HOUR + timedelta(seconds=1)),
        fail=fail,
        fill_part=lambda: venue.fault("partial_fill", path, method="POST", fraction="0.5"),
        unreachable=lambda: broker_at(f"http://127.0.0.1:{closed_port()}"),
        live=venue,
        calls=lambda: broker.meter.calls,
        **market_,
    )


STAGES = {"memory": memory_stage, "alpaca": alpaca_stage, "kraken": kraken_stage}
