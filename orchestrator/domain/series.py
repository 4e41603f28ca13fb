"""Bars of one symbol exactly as a source has them, defects and all, with what is known of splits and dividends.

`Bars` is what a strategy may read; a `BarSeries` is what has yet to be judged (`orchestrator.domain.quality`).
Nothing here sorts, fills or drops anything.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Self

import numpy as np
from numpy.typing import NDArray

from orchestrator.domain.market import Bars, Floats

DAILY = 1440
PRICES = ("open", "high", "low", "close")
COLUMNS = (*PRICES, "volume")

TIMEFRAMES = {"1m": 1, "5m": 5, "15m": 15, "30m": 30, "1h": 60, "4h": 240, "1d": DAILY}
"""Minutes of each length of bar, by the name that files and documents carry."""


def timeframe_of(minutes: int) -> str:
    """Return the name of a length of bar, such as `1h`."""
    return next((name for name, length in TIMEFRAMES.items() if length == minutes), f"{minutes}m")


@dataclass(frozen=True, slots=True)
class PastAction:
    """A split or dividend: it holds from the first bar that ends on or after `day` (days since 1970-01-01).

    `ratio` is new units for one old one (1 = no split), `cash` USD per unit.
    """

    day: int
    ratio: float = 1.0
    cash: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class BarSeries:
    """OHLCV in the order of the source; `ends` are epoch seconds (int64) at which each bar was complete."""

    name: str
    minutes: int
    ends: NDArray[np.int64]
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats
    adj_close: Floats | None = field(default=None, kw_only=True)
    """Close adjusted for splits and dividends by the source, where it gives one."""
    actions: tuple[PastAction, ...] = field(default=(), kw_only=True)
    """Splits and dividends that the prices do not contain yet (those of adjusted prices are left out)."""
    holder_since: int | None = field(default=None, kw_only=True)
    """Day number from which the ticker is this holding's; None = not known."""
    other_tickers: tuple[tuple[int, int, str], ...] = field(default=(), kw_only=True)
    """First and last day number on which the holding traded under another ticker, and which."""

    def __len__(self) -> int:
        return int(self.ends.shape[0])

    @property
    def daily(self) -> bool:
        """Whether a bar is a day."""
        return self.minutes >= DAILY

    @property
    def coins(self) -> bool:
        """Whether it is a pair such as BTC/USD, which is never split."""
        return "/" in self.name

    @property
    def days(self) -> NDArray[np.int64]:
        """Day number of each bar's last second."""
        days: NDArray[np.int64] = (self.ends - 1) // 86_400
        return days

    def at(self, row: int) -> str:
        """Return the time of a bar for a person: the day of a daily one, else its end in UTC."""
        return moment(int(self.ends[row]), daily=self.daily)

    def take(self, rows: NDArray[np.int64] | NDArray[np.bool_]) -> Self:
        """Return the bars that `rows` (indices or mask) selects; what is known of the symbol stays."""
        adj = None if self.adj_close is None else self.adj_close[rows]
        columns = {name: getattr(self, name)[rows] for name in ("ends", *COLUMNS)}
        return replace(self, adj_close=adj, **columns)

    def bars(self) -> Bars:
        """Return the same rows as bars; only a series that is `usable` may be traded on."""
        return Bars(self.ends, self.open, self.high, self.low, self.close, self.volume)


def series_of(name: str, minutes: int, bars: Bars) -> BarSeries:
    """Return bars as a series to be judged."""
    return BarSeries(name, minutes, bars.ends, bars.open, bars.high, bars.low, bars.close, bars.volume)


def moment(seconds: int, *, daily: bool) -> str:
    """Return epoch seconds for a person.

    Examples
    --------
    >>> moment(0, daily=False)
    '1970-01-01 00:00 UTC'
    """
    return f"{datetime.fromtimestamp(seconds, UTC):{'%Y-%m-%d' if daily else '%Y-%m-%d %H:%M UTC'}}"
