"""One stage per source of prices: the source, the venue behind it, and what it should tell at the start."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

import numpy as np

from orchestrator.adapters.alpaca.client import AlpacaKeys
from orchestrator.adapters.alpaca.market import AlpacaMarketData
from orchestrator.adapters.ccxt.client import binance_client, kraken_client
from orchestrator.adapters.ccxt.market import CcxtMarketData
from orchestrator.adapters.memory.faults import Fault
from orchestrator.adapters.memory.market import MemoryMarketData
from orchestrator.domain.market import Bars, Quote
from orchestrator.ports import MarketData
from tests.contract.broker_stage import closed_port
from tests.contract.venue_market import HOUR, OPEN, Venue, market, open_venue
from venue.scripted import ScriptedFeed, quote


@dataclass
class MarketStage:
    """Two symbols with quotes and daily bars; the second one's quote is one-sided."""

    data: MarketData
    symbol: str
    one_sided: str
    now: Callable[[], datetime]
    advance: Callable[[datetime], None]
    unreachable: Callable[[], MarketData]
    live: Venue | None = None
    calls: Callable[[], int] = lambda: 0

    @property
    def venue(self) -> Venue:
        """The local venue behind it."""
        assert self.live is not None
        return self.live

    @property
    def feed(self) -> ScriptedFeed:
        """The script behind the venue."""
        feed = self.venue.exchange.feed
        assert isinstance(feed, ScriptedFeed)
        return feed


def _bars(days: int) -> Bars:
    starts = [OPEN.replace(hour=0, minute=0) - timedelta(days=n) for n in range(days, -1, -1)]
    ends = np.array([int(start.timestamp()) + 86_399 for start in starts], np.int64)
    ones = np.ones(len(ends))
    return Bars(ends, ones * 99, ones * 101, ones * 98, ones * 100, ones * 1000)


@contextmanager
def memory_market() -> Iterator[MarketStage]:
    """The fake."""
    data = MemoryMarketData()
    data.put_quotes(
        [
            Quote(symbol="A", ts=OPEN, bid=Decimal(99), ask=Decimal(101)),
            Quote(symbol="B", ts=OPEN, bid=None, ask=Decimal(101)),
        ]
    )
    data.put_bars(1440, "A", _bars(9))
    data.put_bars(1440, "B", _bars(9))
    now = [OPEN]

    def unreachable() -> MarketData:
        dead = MemoryMarketData()
        dead.faults.add("snapshot", Fault.UNAVAILABLE)
        return dead

    yield MarketStage(data, "A", "B", lambda: now[0], lambda to: now.__setitem__(0, to), unreachable)


@contextmanager
def alpaca_market() -> Iterator[MarketStage]:
    """alpaca-py's data clients against the local venue."""
    feed = market()
    feed.quotes["XLK"] = [quote(OPEN, None, "100.01")]
    with open_venue(feed) as venue:
        closing: list[AlpacaMarketData] = []

        def data_at(url: str) -> AlpacaMarketData:
            keys = AlpacaKeys("key", "secret", base_url=url, data_url=url)
            closing.append(AlpacaMarketData(keys, sleep=lambda _: None))
            return closing[-1]

        data = data_at(venue.url)
        yield MarketStage(
            data,
            "SPY",
            "XLK",
            lambda: venue.exchange.now,
            venue.advance,
            lambda: data_at(f"http://127.0.0.1:{closed_port()}"),
            venue,
            lambda: data.meter.calls,
        )
        for one in closing:
            one.close()


@contextmanager
def crypto_market() -> Iterator[MarketStage]:
    """ccxt's kraken and binance against the local venue."""
    feed = market()
    feed.quotes["ETH/USD"] = [quote(OPEN - HOUR, None, "3010", size="5")]
    feed.played["ETH/USD", 1440] = feed.played["BTC/USD", 1440]
    with open_venue(feed) as venue:
        closing = []

        def data_at(url: str) -> CcxtMarketData:
            clients = [
                kraken_client(base_url=url, sleep=lambda _: None),
                binance_client(base_url=url, sleep=lambda _: None),
            ]
            closing.extend(clients)
            return CcxtMarketData(*clients)

        data = data_at(venue.url)
        yield MarketStage(
            data,
            "BTC/USD",
            "ETH/USD",
            lambda: venue.exchange.now,
            venue.advance,
            lambda: data_at(f"http://127.0.0.1:{closed_port()}"),
            venue,
            lambda: data.meter.calls,
        )
        for one in closing:
            one.close()


MARKETS = {"memory": memory_market, "alpaca": alpaca_market, "crypto": crypto_market}
