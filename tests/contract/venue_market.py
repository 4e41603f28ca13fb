"""A small scripted market, and the unmodified clients pointed at a venue that serves it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cached_property
from typing import Any

import ccxt
import httpx
from alpaca.data.historical.option import OptionHistoricalDataClient
from alpaca.data.historical.stock import StockHistoricalDataClient
from alpaca.trading.client import TradingClient

from venue import Exchange, serve
from venue.feed import ContractQuote
from venue.occ import spell
from venue.scripted import ScriptedFeed, bar, chain, pair, quote, stock

OPEN = datetime(2026, 7, 16, 13, 30, tzinfo=UTC)
CLOSE = datetime(2026, 7, 16, 20, 0, tzinfo=UTC)
EXPIRY = date(2026, 7, 17)
CALL_640 = spell("SPY", EXPIRY, "C", Decimal(640))
CALL_645 = spell("SPY", EXPIRY, "C", Decimal(645))
PUT_630 = spell("SPY", EXPIRY, "P", Decimal(630))
PUT_625 = spell("SPY", EXPIRY, "P", Decimal(625))
HOUR = timedelta(hours=1)


def contract(right: str, strike: int, bid: str | None, ask: str, size: int = 50) -> ContractQuote:
    """A contract of the scripted chain, with IV and Greeks."""
    side = None if bid is None else Decimal(bid)
    return ContractQuote(
        spell("SPY", EXPIRY, right, Decimal(strike)),
        EXPIRY,
        right,
        Decimal(strike),
        side,
        Decimal(ask),
        Decimal(size if side is not None else 0),
        Decimal(size),
        Decimal(ask),
        100,
        1000,
        iv=0.15,
        delta=0.5,
        gamma=0.01,
        theta=-0.2,
        vega=0.3,
        rho=0.1,
    )


CONTRACTS = [
    contract("C", 640, "3.00", "3.10"),
    contract("C", 645, "1.50", "1.60"),
    contract("P", 630, "2.00", "2.10"),
    contract("P", 625, "1.00", "1.10"),
    contract("P", 500, None, "0.01"),
]


def market() -> ScriptedFeed:
    """SPY and XLK on the hour, a chain, three pairs, a week of daily bars."""
    listed = {
        "SPY": stock("SPY"),
        "XLK": stock("XLK"),
        "BTC/USD": pair("BTC/USD", "0.1", "0.00000001", "0.00005"),
        "ETH/USD": pair("ETH/USD", "0.01", "0.00000001", "0.001"),
        "SOL/USD": pair("SOL/USD", "0.01", "0.00000001", "0.02"),
    }
    feed = ScriptedFeed(OPEN, listed)
    feed.say("SPY", quote(OPEN, "639.90", "640.10"), quote(OPEN + HOUR, "641.90", "642.10"))
    feed.say("SPY", quote(OPEN + 25 * HOUR, "638", "638.2"))
    feed.say("XLK", quote(OPEN, "99.99", "100.01", size="50"), quote(OPEN + HOUR, "101.00", "101.02"))
    for symbol, price in (("BTC/USD", "60000"), ("ETH/USD", "3000"), ("SOL/USD", "150")):
        ask = str(Decimal(price) + Decimal(10))
        feed.say(symbol, quote(OPEN - HOUR, price, ask, size="5"), quote(OPEN + HOUR, price, ask, size="5"))
    feed.chains["SPY"] = [chain(OPEN, "SPY", "640", CONTRACTS)]
    for day in range(10, 0, -1):
        start = OPEN - timedelta(days=day)
        if start.weekday() < 5:
            feed.play("SPY", 1440, bar(start, start + 6.5 * HOUR, ["630", "641", "629", str(630 + day)]))
            feed.play("XLK", 1440, bar(start, start + 6.5 * HOUR, ["99", "101", "98", "100"]))
        midnight = start.replace(hour=0, minute=0)
        day_bar = bar(midnight, midnight + timedelta(days=1), ["59000", "61000", "58000", "60000"], "123.5")
        feed.play("BTC/USD", 1440, day_bar)
    return feed


@dataclass
class Venue:
    """A served exchange and the clients of it."""

    exchange: Exchange
    url: str
    closing: list[httpx.Client] = field(default_factory=list)

    @cached_property
    def trading(self) -> Any:
        """The unmodified alpaca-py trading client (Any: its answers are unions with raw data)."""
        return TradingClient("key", "secret", paper=True, url_override=self.url)

    @cached_property
    def stocks(self) -> Any:
        """The unmodified alpaca-py stock data client."""
        return StockHistoricalDataClient("key", "secret", url_override=self.url)

    @cached_property
    def options(self) -> Any:
        """The unmodified alpaca-py option data client."""
        return OptionHistoricalDataClient("key", "secret", url_override=self.url)

    @cached_property
    def kraken(self) -> ccxt.kraken:
        """The unmodified ccxt class, its base URLs changed."""
        client = ccxt.kraken({"apiKey": "key", "secret": "c2VjcmV0", "enableRateLimit": False})
        client.urls["api"] = dict.fromkeys(client.urls["api"], self.url)
        return client

    @cached_property
    def binance(self) -> ccxt.binance:
        """The unmodified ccxt class, the host of every URL changed."""
        client = ccxt.binance({"enableRateLimit": False})
        client.urls["api"] = {name: self.url + "/" + url.split("/", 3)[3] for name, url in client.urls["api"].items()}
        return client

    @cached_property
    def http(self) -> httpx.Client:
        """A plain client for the control endpoints."""
        client = httpx.Client(base_url=self.url)
        self.closing.append(client)
        return client

    def advance(self, to: datetime) -> None:
        """Move the market as a driver does."""
        self.http.post("/venue/clock", json={"to": to.isoformat()}).raise_for_status()

    def fault(self, kind: str, path: str, **more: object) -> None:
        """Set a fault."""
        body = {"kind": kind, "match": {"path": path, "method": more.pop("method", "")}, **more}
        self.http.post("/venue/faults", json=body).raise_for_status()

    def close(self) -> None:
        """Close every connection that was opened."""
        for client in self.closing:
            client.close()
        for name in ("trading", "stocks", "options"):
            if name in self.__dict__:
                self.__dict__[name]._session.close()
        for name in ("kraken", "binance"):
            if name in self.__dict__:
                self.__dict__[name].close()


@contextmanager
def open_venue(feed: ScriptedFeed | None = None) -> Iterator[Venue]:
    """Serve the scripted market for one test."""
    exchange = Exchange(feed if feed is not None else market(), feed_factory=market)
    with serve(exchange) as url:
        venue = Venue(exchange, url)
        try:
            yield venue
        finally:
            venue.close()
