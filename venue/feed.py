"""What the local venue needs from a market: time, prices, chains and corporate actions.

Two feeds fulfil it: `venue.replay` (a folder of recorded data) and `venue.synthetic` (a seeded market).
A feed knows nothing of accounts or orders, and never tells anything that happened after the time it was
advanced to.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Protocol


class AssetKind(StrEnum):
    """Class of an asset, named as the desk's module that trades it."""

    STOCK = "stocks"
    OPTION = "options"
    CRYPTO = "crypto"


@dataclass(frozen=True, slots=True)
class Asset:
    """One tradable symbol: `XLK`, or a crypto pair `BTC/USD`; option contracts are in chains."""

    symbol: str
    kind: AssetKind
    name: str
    tick_size: Decimal
    lot_size: Decimal
    min_qty: Decimal


@dataclass(frozen=True, slots=True)
class MarketQuote:
    """Touch and last trade. A side that has no quote is None."""

    ts: datetime
    bid: Decimal | None
    ask: Decimal | None
    bid_size: Decimal
    ask_size: Decimal
    last: Decimal


@dataclass(frozen=True, slots=True)
class MarketBar:
    """OHLCV between `start` (inclusive) and `end` (exclusive)."""

    start: datetime
    end: datetime
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal


@dataclass(frozen=True, slots=True)
class ContractQuote:
    """One option contract of a chain snapshot. `iv` and Greeks are None where the source gives none.

    `iv` is a fraction per year, `theta` per day, `vega` per 1 vol point, `rho` per 1 point of rate.
    """

    symbol: str
    expiry: date
    right: str
    strike: Decimal
    bid: Decimal | None
    ask: Decimal | None
    bid_size: Decimal
    ask_size: Decimal
    last: Decimal
    volume: int
    open_interest: int
    iv: float | None = None
    delta: float | None = None
    gamma: float | None = None
    theta: float | None = None
    vega: float | None = None
    rho: float | None = None


@dataclass(frozen=True, slots=True)
class Chain:
    """All contracts of an underlying as of `ts`."""

    underlying: str
    ts: datetime
    underlying_price: Decimal
    contracts: dict[str, ContractQuote]


@dataclass(frozen=True, slots=True)
class Session:
    """One exchange session of US equities, in UTC; a half day closes early."""

    day: date
    open: datetime
    close: datetime


@dataclass(frozen=True, slots=True)
class CorporateAction:
    """A split (`ratio` new shares per old one) or a cash dividend (`cash` USD per share) on its ex-date."""

    symbol: str
    ex_date: date
    ratio: Decimal | None = None
    cash: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Moment:
    """A time at which the market has something new, and for which kinds of assets."""

    time: datetime
    kinds: frozenset[AssetKind]


@dataclass(frozen=True, slots=True)
class Advance:
    """What happened on the way to the new time, in time order; the matching engine works it off.

    `quotes` are the stocks and pairs with a new quote, `chains` the underlyings with a new chain snapshot. `bars`
    are the finest bars there are, completed on the way and not overlapping.
    """

    bars: Sequence[tuple[str, MarketBar]] = field(default_factory=tuple)
    quotes: Sequence[str] = field(default_factory=tuple)
    actions: Sequence[CorporateAction] = field(default_factory=tuple)
    sessions_closed: Sequence[Session] = field(default_factory=tuple)
    chains: Sequence[str] = field(default_factory=tuple)


class Feed(Protocol):
    """A market at a point in time. `now` only moves forward, by `advance`."""

    name: str
    synthetic: bool
    now: datetime

    def schedule(self, start: datetime, end: datetime) -> list[Moment]:
        """Return the moments in [start, end] at which something new can be known, in order."""

    def advance(self, to: datetime) -> Advance:
        """Move the clock to `to` and tell what happened on the way."""

    def assets(self) -> dict[str, Asset]:
        """Return stocks and crypto pairs by symbol."""

    def sessions(self, start: date, end: date) -> list[Session]:
        """Return the US equity sessions of [start, end]."""

    def quote(self, symbol: str) -> MarketQuote | None:
        """Return the latest quote of a stock, pair or OCC contract symbol known at `now`."""

    def bars(self, symbol: str, minutes: int, start: datetime, end: datetime) -> list[MarketBar]:
        """Return the bars of that many minutes (1440 = daily) that ended by `now` and start in [start, end)."""

    def chain(self, underlying: str) -> Chain | None:
        """Return the latest chain snapshot known at `now`."""

    def actions(self, symbol: str) -> list[CorporateAction]:
        """Return the splits and dividends of a stock that went ex by `now`, oldest first; bars are not adjusted."""
