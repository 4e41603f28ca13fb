"""What the desk knows of the market at one moment: quotes, bars, panels, chains, sessions.

Prices on which orders are placed (quotes) are Decimal; arrays that strategies calculate with are float64.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Self

import numpy as np
from numpy.typing import NDArray

from orchestrator.domain.base import Amount, UtcTime, Value
from orchestrator.domain.instruments import OptionRight

Floats = NDArray[np.float64]

_FIRM = Decimal("0.05")
"""Widest bid-ask spread, as a fraction of the middle, of a quote that moves a high."""


class Quote(Value):
    """Best bid and ask; a side without a quote is None. `ts` is when it was made, not when it was read."""

    symbol: str
    ts: UtcTime
    bid: Amount | None = None
    ask: Amount | None = None
    bid_size: Amount = Decimal(0)
    ask_size: Amount = Decimal(0)

    @property
    def two_sided(self) -> bool:
        """Whether both sides are there, positive and not crossed."""
        return self.bid is not None and self.ask is not None and 0 < self.bid <= self.ask

    @property
    def spread(self) -> Decimal | None:
        """Ask less bid, None unless two-sided."""
        return self.ask - self.bid if self.two_sided and self.ask is not None and self.bid is not None else None

    @property
    def mid(self) -> Decimal | None:
        """The middle of bid and ask, None unless two-sided."""
        if self.bid is None or self.ask is None or not self.two_sided:
            return None
        return (self.bid + self.ask) / 2

    @property
    def firm(self) -> bool:
        """Whether its middle can be taken for a price that was reached: both sides there, and not far apart."""
        mid = self.mid
        return mid is not None and self.bid is not None and self.ask is not None and self.ask - self.bid <= mid * _FIRM


@dataclass(frozen=True, slots=True, eq=False)
class Bars:
    """OHLCV of one symbol, oldest first; `ends` are epoch seconds (int64) at which each bar was complete."""

    ends: NDArray[np.int64]
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats

    def __len__(self) -> int:
        return int(self.ends.shape[0])

    def followed_by(self, newer: Self) -> Self:
        """Return these bars up to where `newer` begins, then `newer`; both oldest first."""
        if not len(newer):
            return self
        count = int(np.searchsorted(self.ends, newer.ends[0], side="left"))
        names = ("ends", "open", "high", "low", "close", "volume")
        return type(self)(*(np.concatenate([getattr(self, name)[:count], getattr(newer, name)]) for name in names))

    def until(self, moment: datetime) -> Bars:
        """Return the bars that were complete at `moment`."""
        count = int(np.searchsorted(self.ends, int(moment.timestamp()), side="right"))
        columns = (self.open, self.high, self.low, self.close, self.volume)
        return Bars(self.ends[:count], *(column[:count] for column in columns))


@dataclass(frozen=True, slots=True, eq=False)
class Panel:
    """Bars of several symbols on one time axis: `ends` is (T,), every price array (T, S), missing = NaN.

    `ends` are epoch seconds, strictly ascending, of completed bars. Row t holds what was known at `ends[t]`.
    """

    symbols: tuple[str, ...]
    ends: NDArray[np.int64]
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats

    def __len__(self) -> int:
        return int(self.ends.shape[0])

    def __getitem__(self, rows: slice) -> Panel:
        columns = (self.open, self.high, self.low, self.close, self.volume)
        return Panel(self.symbols, self.ends[rows], *(column[rows] for column in columns))

    def column(self, symbol: str) -> int:
        """Return the index of `symbol` on the second axis."""
        return self.symbols.index(symbol)

    @property
    def last_end(self) -> datetime | None:
        """When the newest bar was complete."""
        return datetime.fromtimestamp(int(self.ends[-1]), UTC) if len(self) else None


def panel_of(bars: Mapping[str, Bars]) -> Panel:
    """Align bars of several symbols on the union of their times.

    Returns
    -------
    Panel
        (T, S) arrays; where a symbol has no bar at a time the row holds NaN (volume 0), nothing is filled.
    """
    symbols = tuple(bars)
    stamps = [series.ends for series in bars.values() if len(series)]
    ends = np.unique(np.concatenate(stamps)) if stamps else np.empty(0, np.int64)
    columns = {name: np.full((len(ends), len(symbols)), np.nan) for name in ("open", "high", "low", "close")}
    columns["volume"] = np.zeros((len(ends), len(symbols)))
    for index, series in enumerate(bars.values()):
        rows = np.searchsorted(ends, series.ends)
        for name, column in columns.items():
            column[rows, index] = getattr(series, name)
    return Panel(symbols, ends, **columns)


@dataclass(frozen=True, slots=True, eq=False)
class Signals:
    """What a strategy wants, on the panel's axes (T, S).

    `target` is the wanted position in [-1, 1] of the strategy's unit (0 = flat, NaN = no opinion),
    `confidence` in [0, 1], `reason` a small integer into `reasons`.
    """

    target: Floats
    confidence: Floats
    reason: NDArray[np.int64]
    reasons: tuple[str, ...]


class OptionQuote(Value):
    """One contract of a chain. `iv` a fraction per year, `theta` per day, `vega` per vol point; None = not given."""

    symbol: str
    expiry: date
    right: OptionRight
    strike: Amount
    ts: UtcTime
    bid: Amount | None = None
    ask: Amount | None = None
    bid_size: Amount = Decimal(0)
    ask_size: Amount = Decimal(0)
    iv: float | None = None
    delta: float | None = None
    gamma: float | None = None
    theta: float | None = None
    vega: float | None = None
    rho: float | None = None
    open_interest: int | None = None

    @property
    def mid(self) -> Decimal | None:
        """The middle of bid and ask, None unless both are there and not crossed."""
        if self.bid is None or self.ask is None or not 0 < self.bid <= self.ask:
            return None
        return (self.bid + self.ask) / 2


class OptionChain(Value):
    """The contracts of one underlying; `ts` is the age of the newest contract quote."""

    underlying: str
    ts: UtcTime
    spot: Amount
    contracts: tuple[OptionQuote, ...]


class SessionState(Value):
    """Where the venue's trading session stands; a market that never closes has no `close`."""

    is_open: bool
    close: UtcTime | None = None
    next_open: UtcTime | None = None


class DataRequest(Value):
    """What a module needs to see: bars by timeframe in minutes (1440 = daily), quotes, chains."""

    bars: dict[int, tuple[str, ...]] = {}
    lookback_days: dict[int, int] = {}
    quotes: tuple[str, ...] = ()
    chains: tuple[str, ...] = ()
    min_days_to_expiry: int = 0
    max_days_to_expiry: int = 90


@dataclass(frozen=True, slots=True)
class MarketSnapshot:
    """All market data of one cycle. A symbol without data is absent and named in `missing` with the reason."""

    session: SessionState
    quotes: Mapping[str, Quote] = field(default_factory=dict)
    panels: Mapping[int, Panel] = field(default_factory=dict)
    chains: Mapping[str, OptionChain] = field(default_factory=dict)
    missing: Mapping[str, str] = field(default_factory=dict)
    source: Mapping[str, str] = field(default_factory=dict)
    """Whose data it is, by symbol, where another venue's stands in for the one the desk trades at."""
    halted: frozenset[str] = frozenset()
    """Symbols that the venue says it does not trade now."""
    pegs: Mapping[str, Decimal] = field(default_factory=dict)
    """USD price of each stablecoin that is known."""
    pegged: Mapping[str, str] = field(default_factory=dict)
    """The stablecoin that stands for USD in a symbol's prices, by symbol; for none where they are in USD."""


def still_missing(
    missing: Mapping[str, str], request: DataRequest, *, quotes: Mapping[str, Quote], panels: Mapping[int, Panel]
) -> dict[str, str]:
    """Return `missing` without the symbols that have their quote and bars of at least one length: those can be used."""
    with_bars = {symbol for panel in panels.values() for symbol in panel.symbols}
    unquoted = set(request.quotes) - set(quotes)
    return {symbol: why for symbol, why in missing.items() if symbol in unquoted or symbol not in with_bars}


def middles(market: MarketSnapshot, symbols: Collection[str]) -> dict[str, Decimal]:
    """Return the middle of each of these symbols' usable quotes; a chain's counts before one of its own."""
    found = [(symbol, quote.mid) for symbol, quote in market.quotes.items() if symbol in symbols]
    found += [
        (one.symbol, one.mid) for chain in market.chains.values() for one in chain.contracts if one.symbol in symbols
    ]
    return {symbol: mid for symbol, mid in found if mid is not None}


def joined(left: DataRequest, right: DataRequest) -> DataRequest:
    """Return a request for everything that either asks for."""
    if left == right:
        return left
    frames = {**left.bars, **right.bars}
    return DataRequest(
        bars={one: _either(left.bars.get(one, ()), right.bars.get(one, ())) for one in frames},
        lookback_days={
            one: max(left.lookback_days.get(one, 0), right.lookback_days.get(one, 0))
            for one in {**left.lookback_days, **right.lookback_days}
        },
        quotes=_either(left.quotes, right.quotes),
        chains=_either(left.chains, right.chains),
        min_days_to_expiry=min(left.min_days_to_expiry, right.min_days_to_expiry),
        max_days_to_expiry=max(left.max_days_to_expiry, right.max_days_to_expiry),
    )


def _either(left: tuple[str, ...], right: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*left, *right)))
