"""Bars of one symbol as arrays: reading a file, dropping known defects, joining days, aggregating.

Decisions: unsorted rows are sorted and counted. Of two rows with one time stamp the one with the greater volume
is kept (an overlapping pull catches its last bar unfinished). The last bar of a file is dropped unless it ends
an equity session, for the source may have pulled it unfinished. No bar is ever made between real ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from venue.dataset import Floats, Ints, Report, Table, days, numbers, read_table, times_utc
from venue.feed import AssetKind
from venue.replay.layout import DAILY, Source
from venue.sessions import DAY_S, Sessions

PRICES = ("open", "high", "low", "close")
COLUMNS = ("start", "end", "day", *PRICES, "volume")
CASH = ("adj_close", "dividends", "divCash")
EXTRAS = (*CASH, "splitFactor")
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Series:
    """Bars in ascending order. `start`, `end` are epoch seconds, `day` the session or UTC day as day number."""

    start: Ints
    end: Ints
    day: Ints
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats
    extras: dict[str, Floats] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.start)

    def take(self, rows: Mask | Ints) -> Series:
        """Return the bars that `rows` (mask or indices) selects."""
        extras = {name: values[rows] for name, values in self.extras.items()}
        return _series({name: getattr(self, name)[rows] for name in COLUMNS}, extras)

    def scaled(self, factor: float) -> Series:
        """Return the series with prices and cash times `factor` and volumes divided by it."""
        columns = {name: getattr(self, name) for name in COLUMNS}
        columns |= {name: columns[name] * factor for name in PRICES}
        extras = {name: values * (factor if name in CASH else 1) for name, values in self.extras.items()}
        return _series(columns | {"volume": self.volume / factor}, extras)

    def daily_close(self) -> tuple[Ints, Floats]:
        """Return each day and the close of its last bar."""
        last = np.append(self.day[1:] != self.day[:-1], True) if len(self) else np.empty(0, np.bool_)
        return self.day[last], self.close[last]


def _series(columns: Mapping[str, Any], extras: dict[str, Floats] | None = None) -> Series:
    return Series(**columns, extras=extras or {})


def concatenate(parts: list[Series]) -> Series:
    """Return the bars of several series in order of their start (extras are left behind)."""
    columns = {name: np.concatenate([getattr(part, name) for part in parts]) for name in COLUMNS}
    order = np.argsort(columns["start"], kind="stable")
    return _series({name: column[order] for name, column in columns.items()})


def join(series: list[Series]) -> Series:
    """Return one series that takes each day from the first of `series` that has it (extras are left behind)."""
    parts, seen = [], np.empty(0, np.int64)
    for one in series:
        parts.append(one.take(~np.isin(one.day, seen)))
        seen = np.union1d(seen, one.day)
    return concatenate(parts)


def read_bars(source: Source, sessions: Sessions, report: Report) -> Series:
    """Read the bars of a source; a malformed file raises MalformedDataError."""
    table = read_table(source.path, ("open", "high", "low", "close", "volume"))
    rows = own_rows(table, source)
    columns = {name: numbers(table, name)[rows] for name in (*PRICES, "volume")}
    extras = {name: numbers(table, name)[rows] for name in EXTRAS if name in table.columns}
    start, end, day, inside = place(table, source, sessions)
    series = _series({"start": start[rows], "end": end[rows], "day": day[rows]} | columns, extras)
    if source.kind is AssetKind.CRYPTO and "yahoo" in source.where:
        series = replace(series, volume=series.volume / series.close)  # Yahoo counts a coin's volume in USD
    sound = _in_order(_sound(series, inside[rows], source.where, report), source.where, report)
    return _finished(sound, source, sessions, report)


def own_rows(table: Table, source: Source) -> Mask:
    """Return which rows of the table belong to the source's symbol."""
    if not source.column:
        return np.ones(table.rows, np.bool_)
    return np.array([symbol == source.symbol for symbol in table.columns["symbol"]], np.bool_)


def place(table: Table, source: Source, sessions: Sessions) -> tuple[Ints, Ints, Ints, Mask]:
    """Return start, end and day of each row, and whether it belongs to a session at all.

    The last bar of a session ends one second before the session does (a daily crypto bar one second before
    midnight UTC), like a closing-auction print on which an order can still trade.
    """
    daily = "date" in table.columns
    stamps = days(table, "date") if daily else times_utc(table, "ts_utc")
    length = 60 * source.minutes
    if source.kind is AssetKind.CRYPTO:
        start = stamps * DAY_S if daily else stamps
        end = start + length - (1 if source.minutes == DAILY else 0)
        return start, end, start // DAY_S, np.ones(len(start), np.bool_)
    index = sessions.on(stamps) if daily else sessions.at(stamps)
    open_, close, day = sessions.opens[index], sessions.closes[index], sessions.days[index]
    if daily:
        return open_, close - 1, day, index >= 0
    return stamps, np.minimum(stamps + length, close - 1), day, index >= 0


def _sound(series: Series, inside: Mask, where: str, report: Report) -> Series:
    prices = np.stack([getattr(series, name) for name in PRICES])
    missing = np.isnan(prices).any(axis=0) | np.isnan(series.volume)
    with np.errstate(invalid="ignore"):
        absurd = ~missing & ((prices <= 0).any(axis=0) | (series.high < series.low) | (series.volume < 0))
    outside = ~missing & ~absurd & ~inside
    report.drop(where, "a price or volume is missing (NaN)", int(missing.sum()))
    report.drop(where, "price not positive or high below low", int(absurd.sum()))
    report.drop(where, "outside the regular session", int(outside.sum()))
    return series.take(~missing & ~absurd & ~outside)


def _in_order(series: Series, where: str, report: Report) -> Series:
    report.drop(where, "out of order (sorted, kept)", int((np.diff(series.start) < 0).sum()))
    series = series.take(np.lexsort((-series.volume, series.start)))
    again = np.append(False, series.start[1:] == series.start[:-1]) if len(series) else np.empty(0, np.bool_)
    prices = np.stack([*(getattr(series, name) for name in PRICES), series.volume])
    same = np.append(False, (prices[:, 1:] == prices[:, :-1]).all(axis=0))[: len(series)]
    report.drop(where, "duplicate row", int((again & same).sum()))
    report.drop(where, "duplicate time with differing values (greater volume kept)", int((again & ~same).sum()))
    return series.take(~again)


def _finished(series: Series, source: Source, sessions: Sessions, report: Report) -> Series:
    equity = source.kind is AssetKind.STOCK
    if not len(series) or (equity and source.minutes == DAILY):
        return series
    if equity and series.end[-1] == sessions.closes[sessions.on(series.day[-1:])][0] - 1:
        return series
    report.drop(source.where, "last bar of the file, may be unfinished", 1)
    return series.take(np.arange(len(series)) < len(series) - 1)


def aggregate(series: Series, minutes: int, sessions: Sessions, *, equity: bool) -> Series:
    """Return bars of `minutes` made of finer ones; a bucket that the data's first or last bar cuts is left out.

    Equity buckets count from the session's open and end with the session, crypto buckets count from 1970.
    """
    if not len(series):
        return series
    low, high = _buckets(series, minutes, sessions, equity=equity)
    first = np.flatnonzero(np.append(True, low[1:] != low[:-1]))
    last = np.append(first[1:], len(series)) - 1
    made = Series(
        low[first],
        high[first],
        series.day[first],
        series.open[first],
        np.maximum.reduceat(series.high, first),
        np.minimum.reduceat(series.low, first),
        series.close[last],
        np.add.reduceat(series.volume, first),
    )
    whole = np.ones(len(made), np.bool_)
    whole[0] &= series.start[0] == low[0]
    whole[-1] &= series.end[-1] == high[-1]
    return made.take(whole)


def _buckets(series: Series, minutes: int, sessions: Sessions, *, equity: bool) -> tuple[Ints, Ints]:
    length = 60 * minutes
    if not equity:
        low = series.start // length * length
        return low, low + length
    index = sessions.on(series.day)
    open_, close = sessions.opens[index], sessions.closes[index]
    low = open_ if minutes == DAILY else open_ + (series.start - open_) // length * length
    return low, close - 1 if minutes == DAILY else np.minimum(low + length, close - 1)
