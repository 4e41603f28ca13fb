"""One symbol over time: its sources joined on one price basis, its prints, and its bars of any granularity.

The finest source that covers the replayed period sets the price basis. Another source joins when its daily closes
agree on common days, scaled when they differ by a steady factor (another split or dividend adjustment); a source
that cannot be compared is left out and noted, never guessed.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from venue.dataset import Floats, Ints, Report
from venue.feed import AssetKind, MarketBar
from venue.replay.layout import Source
from venue.replay.series import Mask, Series, aggregate, join, read_bars
from venue.sessions import Sessions, utc

COMMON_DAYS = 60
SAME = 0.005
STEADY = 0.03
STEADY_DAYS = 3
LEAD_DAYS = 15


@dataclass(frozen=True, slots=True)
class Window:
    """The replayed period as day numbers, both included."""

    first: int
    last: int

    def holds(self, days: Ints) -> Mask:
        """Return which days lie in the window."""
        return (days >= self.first) & (days <= self.last)


@dataclass(frozen=True, slots=True)
class Prints:
    """Trades known by time: the open of a bar at its start, its close at its end. `size` is a bar's volume.

    The size beside an open is the volume of the bar before, for its own is not known yet.
    """

    time: Ints
    price: Floats
    size: Floats


class BarList:
    """Bars of one granularity, made into values only as far as they were asked for."""

    def __init__(self, series: Series) -> None:
        self.series = series
        self._made: list[MarketBar] = []

    def slice(self, low: int, high: int) -> list[MarketBar]:
        """Return the bars [low, high)."""
        for index in range(len(self._made), high):
            self._made.append(_bar(self.series, index))
        return self._made[low:high]

    def known(self, now: int, start: int, end: int) -> list[MarketBar]:
        """Return the bars that ended by `now` and start in [start, end), epoch seconds."""
        low, high = np.searchsorted(self.series.start, (start, end))
        seen = np.searchsorted(self.series.end, now, side="right")
        return self.slice(int(low), int(max(low, min(high, seen))))


def decimal(value: float) -> Decimal:
    """Return a float of the data as the decimal number it was written as."""
    return Decimal(int(value)) if value.is_integer() else Decimal(repr(float(value)))


def _bar(series: Series, index: int) -> MarketBar:
    values = (column[index] for column in (series.open, series.high, series.low, series.close, series.volume))
    numbers = [decimal(round(float(value), 10)) for value in values]
    return MarketBar(utc(series.start[index]), utc(series.end[index]), *numbers)


class Tape:
    """Everything recorded of one stock or pair. Raises MalformedDataError when a file of it is not usable."""

    def __init__(self, sources: list[Source], window: Window, sessions: Sessions, report: Report) -> None:
        self.symbol, self.kind = sources[0].symbol, sources[0].kind
        self.equity = self.kind is AssetKind.STOCK
        self._sessions = sessions
        read = [(one, read_bars(one, sessions, report)) for one in sources if one.role == "trade"]
        self.accepted = _on_one_basis([pair for pair in read if len(pair[1])], window, report)
        self.by_minutes = _by_minutes(self.accepted)
        near = Window(window.first - LEAD_DAYS, window.last)
        self.trades = _trades(self.by_minutes, near)
        self.prints = _prints(self.by_minutes, near)
        self._lists: dict[int, BarList] = {0: BarList(self.trades)}
        self.covers = any(window.holds(series.day).any() for series in self.by_minutes.values())

    @property
    def trade_bars(self) -> BarList:
        """The finest bars of each day near the window, not overlapping."""
        return self._lists[0]

    def bars(self, minutes: int) -> BarList:
        """Return the bars of a granularity: as recorded, else made of finer ones, empty when there are none."""
        if minutes not in self._lists:
            self._lists[minutes] = BarList(self._bars(minutes))
        return self._lists[minutes]

    def _bars(self, minutes: int) -> Series:
        finer = [size for size in self.by_minutes if size < minutes and minutes % size == 0]
        parts = [self.by_minutes[minutes]] if minutes in self.by_minutes else []
        for size in sorted(finer, reverse=True):
            parts.append(aggregate(self.by_minutes[size], minutes, self._sessions, equity=self.equity))
        return join(parts) if parts else self.trades.take(np.zeros(len(self.trades), np.bool_))


def _on_one_basis(read: list[tuple[Source, Series]], window: Window, report: Report) -> list[tuple[Source, Series]]:
    def rank(pair: tuple[Source, Series]) -> tuple[bool, int, bool, int, str]:
        source, series = pair
        covered = len(np.unique(series.day[window.holds(series.day)]))
        return (covered == 0, source.minutes, source.dividend_adjusted, -covered or -len(series), source.where)

    closes: dict[int, float] = {}
    accepted: list[tuple[Source, Series]] = []
    for source, series in sorted(read, key=rank):
        inside = bool(window.holds(series.day).any())
        factor = _factor(closes, series, _Joining(source, inside, report)) if closes else 1.0
        if factor is None:
            continue
        scaled = series if factor == 1.0 else series.scaled(factor)
        accepted.append((source, scaled))
        days, values = scaled.daily_close()
        closes = dict(zip(days.tolist(), values.tolist(), strict=True)) | closes
    return accepted


@dataclass(frozen=True, slots=True)
class _Joining:
    source: Source
    inside: bool
    report: Report

    def note(self, text: str) -> None:
        self.report.note(self.source.where, f"{self.source.symbol}: {text}")


def _factor(closes: dict[int, float], series: Series, joining: _Joining) -> float | None:
    """Return what to multiply a series by to join it; None when it cannot be compared or does not agree."""
    days, values = series.daily_close()
    pairs = [(closes[day], value) for day, value in zip(days.tolist(), values.tolist(), strict=True) if day in closes]
    ratios = np.array([known / value for known, value in pairs[:COMMON_DAYS]])
    if not len(ratios):
        kept = "kept for its own days" if joining.inside else "left out"
        joining.note(f"no day in common with the other sources, price basis cannot be compared, {kept}")
        return 1.0 if joining.inside else None
    low, middle, high = np.quantile(ratios, (0.1, 0.5, 0.9))
    if abs(middle - 1) <= SAME:
        return 1.0
    if len(ratios) < STEADY_DAYS or (high - low) / middle > STEADY:
        joining.note(f"closes differ unsteadily from the other sources on {len(ratios)} common days, left out")
        return None
    joining.note(f"prices scaled by {middle:.6g} to join, measured on {len(ratios)} common days")
    return float(middle)


def _by_minutes(accepted: list[tuple[Source, Series]]) -> dict[int, Series]:
    sizes = sorted({source.minutes for source, _ in accepted})
    return {size: join([series for source, series in accepted if source.minutes == size]) for size in sizes}


def _trades(by_minutes: dict[int, Series], near: Window) -> Series:
    """Return per day the finest bars, and coarser ones only where they begin after the finer ones ended."""
    ends: dict[int, int] = {}
    parts: list[Series] = []
    for series in by_minutes.values():
        free = np.array([ends.get(day, 0) for day in series.day.tolist()], np.int64)
        part = series.take(near.holds(series.day) & (series.start >= free))
        parts.append(part)
        ends |= dict(zip(part.day.tolist(), part.end.tolist(), strict=True))
    columns = [np.concatenate(arrays) for arrays in zip(*(part._columns() for part in parts), strict=True)]
    order = np.argsort(columns[0], kind="stable")
    return Series(*(column[order] for column in columns))


def _prints(by_minutes: dict[int, Series], near: Window) -> Prints:
    """Return the prints of the finest bars of each day; coarser bars add theirs only before or after those."""
    spans: dict[int, tuple[int, int]] = {}
    parts: list[tuple[Ints, Floats, Floats, Mask]] = []
    for series in by_minutes.values():
        rows = near.holds(series.day)
        before = np.append(0.0, series.volume[:-1])[rows]
        part = series.take(rows)
        times = np.concatenate([part.end, part.start])
        day = np.concatenate([part.day, part.day]).tolist()
        bounds = np.array([spans.get(one, (1 << 60, -1)) for one in day], np.int64).reshape(-1, 2)
        free = (times < bounds[:, 0]) | (times > bounds[:, 1])
        prices, sizes = np.concatenate([part.close, part.open]), np.concatenate([part.volume, before])
        opens = np.arange(len(times)) >= len(part)
        parts.append((times[free], prices[free], sizes[free], opens[free]))
        for one, time in zip(day, times.tolist(), strict=True):
            low, high = spans.get(one, (time, time))
            spans[one] = (min(low, time), max(high, time))
    time, price, size, opens = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    order = np.lexsort((opens, time))
    return Prints(time[order], price[order], size[order])
