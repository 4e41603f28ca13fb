"""One symbol over time: its sources joined on one price basis, its prints, and its bars of any granularity.

The finest source that covers the replayed period sets the price basis. Another source joins when its daily closes
agree on common days, scaled when they differ by a steady factor (another split or dividend adjustment); a source
that cannot be compared is left out and noted, never guessed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cached_property, lru_cache

import numpy as np

from venue.dataset import Floats, Ints, Report
from venue.feed import AssetKind, MarketBar
from venue.replay.layout import Source
from venue.replay.series import Mask, Series, aggregate, concatenate, join, read_bars
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


@dataclass(frozen=True, slots=True)
class Spans:
    """Which sources have bars in or shortly before the window; the others are history."""

    first: date
    last: date
    span: Callable[[Source], tuple[date, date] | None]
    report: Report

    def touch(self, source: Source) -> bool:
        """Whether a source's days reach into [first, last]; a source that does not tell is read at once."""
        days = self.span(source)
        return days is None or (days[0] <= self.last and days[1] >= self.first)


class BarList:
    """Bars of one granularity, made into values when they are asked for, and remembered if `keep`."""

    def __init__(self, series: Series, *, keep: bool = True) -> None:
        self.series = series
        self._keep = keep
        self._made: dict[int, MarketBar] = {}

    def slice(self, low: int, high: int) -> list[MarketBar]:
        """Return the bars [low, high)."""
        if low >= high:
            return []
        if not self._keep:
            return _bars(self.series, low, high)
        missing = [index for index in range(low, high) if index not in self._made]
        if missing:
            first, last = missing[0], missing[-1] + 1
            self._made |= dict(zip(range(first, last), _bars(self.series, first, last), strict=True))
        return [self._made[index] for index in range(low, high)]

    def known(self, now: int, start: int, end: int) -> list[MarketBar]:
        """Return the bars that ended by `now` and start in [start, end), epoch seconds."""
        low, high = np.searchsorted(self.series.start, (start, end))
        seen = np.searchsorted(self.series.end, now, side="right")
        return self.slice(int(low), int(max(low, min(high, seen))))


@lru_cache(maxsize=1 << 16)
def decimal(value: float) -> Decimal:
    """Return a float of the data as the decimal number it was written as."""
    return Decimal(int(value)) if value.is_integer() else Decimal(repr(float(value)))


@lru_cache(maxsize=1 << 16)
def _rounded(value: float) -> Decimal:
    """Return a computed float without the noise behind its tenth decimal; prices repeat."""
    return decimal(round(value, 10))


def _bars(series: Series, low: int, high: int) -> list[MarketBar]:
    times = (map(utc, column[low:high].tolist()) for column in (series.start, series.end))
    columns = (series.open, series.high, series.low, series.close, series.volume)
    numbers = (map(_rounded, column[low:high].tolist()) for column in columns)
    return [MarketBar(*bar) for bar in zip(*times, *numbers, strict=True)]


class Tape:
    """Everything recorded of one stock or pair. Raises MalformedDataError when a file of it is not usable."""

    def __init__(self, sources: list[Source], window: Window, sessions: Sessions, spans: Spans) -> None:
        self.symbol, self.kind = sources[0].symbol, sources[0].kind
        self._window, self._sessions = window, sessions
        self._basis = _Basis(spans.report)
        self._older = [source for source in sources if not spans.touch(source)]
        self._join([source for source in sources if spans.touch(source)])
        self.accepted = list(self._basis.accepted)
        recent = _by_minutes(self.accepted)
        near = Window(window.first - LEAD_DAYS, window.last)
        self.covers = any(window.holds(series.day).any() for series in recent.values())
        self.prints = _prints(recent, near)
        self.trades = BarList(_trades(recent, near))
        self._lists: dict[int, BarList] = {}

    @cached_property
    def whole(self) -> list[tuple[Source, Series]]:
        """The sources with all history, read when first asked for."""
        self._join(self._older)
        return self._basis.accepted

    @cached_property
    def _by_minutes(self) -> dict[int, Series]:
        return _by_minutes(self.whole)

    def _join(self, sources: list[Source]) -> None:
        read = [(one, read_bars(one, self._sessions, self._basis.report)) for one in sources]
        self._basis.take_all([pair for pair in read if len(pair[1])], self._window)

    def bars(self, minutes: int) -> BarList:
        """Return the bars of a granularity: as recorded, else made of finer ones, empty when there are none."""
        if minutes not in self._lists:
            self._lists[minutes] = BarList(self._bars(minutes))
        return self._lists[minutes]

    def _bars(self, minutes: int) -> Series:
        finer = [size for size in self._by_minutes if size < minutes and minutes % size == 0]
        parts = [self._by_minutes[minutes]] if minutes in self._by_minutes else []
        parts += [
            aggregate(self._by_minutes[size], minutes, self._sessions, equity=self.kind is AssetKind.STOCK)
            for size in sorted(finer, reverse=True)
        ]
        return join(parts) if parts else self.trades.series.take(np.empty(0, np.int64))


class _Basis:
    """The series accepted so far, all on one price basis, with their daily closes."""

    def __init__(self, report: Report) -> None:
        self.accepted: list[tuple[Source, Series]] = []
        self.why: dict[Source, str] = {}
        self._closes: dict[int, float] = {}
        self.report = report

    def take_all(self, read: list[tuple[Source, Series]], window: Window) -> None:
        """Accept what can be accepted, finest source of the period first; note what had to be left out."""

        def rank(pair: tuple[Source, Series]) -> tuple[bool, int, bool, int, str]:
            source, series = pair
            covered = len(np.unique(series.day[window.holds(series.day)]))
            return (covered == 0, source.minutes, source.dividend_adjusted, -covered or -len(series), source.where)

        waiting, before = sorted(read, key=rank), len(read) + 1
        while len(waiting) < before:
            before = len(waiting)
            waiting = [pair for pair in waiting if not self._take(*pair, inside=bool(window.holds(pair[1].day).any()))]
        for source, _ in waiting:
            self.report.note(source.where, f"{source.symbol}: left out, {self.why[source]}")

    def _take(self, source: Source, series: Series, *, inside: bool) -> bool:
        factor = self._factor(source, series, inside=inside) if self._closes else 1.0
        if factor is None:
            return False
        scaled = series if factor == 1.0 else series.scaled(factor)
        self.accepted.append((source, scaled))
        days, values = scaled.daily_close()
        self._closes = dict(zip(days.tolist(), values.tolist(), strict=True)) | self._closes
        return True

    def _factor(self, source: Source, series: Series, *, inside: bool) -> float | None:
        days, values = series.daily_close()
        pairs = zip(days.tolist(), values.tolist(), strict=True)
        common = [self._closes[day] / value for day, value in pairs if day in self._closes]
        ratios = np.array(common[:COMMON_DAYS])
        if not len(ratios):
            self.why[source] = "no day in common with the other sources, so its price basis cannot be compared"
            return 1.0 if inside else None
        low, middle, high = np.quantile(ratios, (0.1, 0.5, 0.9))
        if abs(middle - 1) <= SAME:
            return 1.0
        if len(ratios) < STEADY_DAYS or (high - low) / middle > STEADY:
            self.why[source] = f"closes differ unsteadily from the other sources on {len(ratios)} common days"
            return None
        text = f"{source.symbol}: prices scaled by {middle:.6g} to join, measured on {len(ratios)} common days"
        self.report.note(source.where, text)
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
    return concatenate(parts)


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
