"""Bars from CSV files, plain or gzip, and from Parquet: any of the usual column names, in the order of the file.

A file that cannot be read is refused in one line that names file, line and column. What can be read is taken as it is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from orchestrator.cli.data.calendars import ends_of_days, ends_of_starts
from orchestrator.domain.errors import MalformedDataError
from orchestrator.domain.series import COLUMNS, DAILY, BarSeries, PastAction
from venue.dataset import Table, numbers, read_table
from venue.sessions import Sessions

Ints = NDArray[np.int64]

_NAMES = {
    "time": ("ts_utc", "date", "datetime", "timestamp", "time", "open_time", "opentime", "unix"),
    "open": ("open", "o"),
    "high": ("high", "h"),
    "low": ("low", "l"),
    "close": ("close", "c"),
    "volume": ("volume", "v", "vol", "volume_base"),
    "adj_close": ("adj_close", "adj close", "adjclose"),
    "dividends": ("dividends", "divcash"),
    "splits": ("splits", "stock splits", "splitfactor"),
    "symbol": ("symbol", "ticker"),
}
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}( 00:00:00([+-]\d{2}:\d{2})?)?")
_EPOCH = re.compile(r"\d{10}|\d{13}|\d{16}|\d{19}")
_FORM = "a day such as 2026-07-16, a time with its zone such as 2026-07-16T13:30:00Z, or epoch seconds"


@dataclass(frozen=True, slots=True)
class Origin:
    """What a file's bars are: whose, and when their market is open (None = always). 0 `minutes` = to be seen."""

    symbol: str
    sessions: Sessions | None
    minutes: int = 0


def read_series(path: Path, origin: Origin) -> list[BarSeries]:
    """Return the series of a file, one for each symbol that it names.

    Raises
    ------
    MalformedDataError
        A column is missing or a cell is not what it must be; the message names file, line and column.
    """
    table = _parquet(path) if path.suffix == ".parquet" else read_table(path, ())
    columns = _columns(table)
    days, starts = _times(table, columns["time"])
    minutes = origin.minutes or (DAILY if days is not None else _spacing(starts, path))
    if minutes == DAILY:
        ends = ends_of_days(starts // 86_400, origin.sessions)
    else:
        ends = ends_of_starts(starts, minutes, origin.sessions)
    whole = BarSeries(origin.symbol, minutes, ends, *(numbers(table, columns[name]) for name in COLUMNS))
    if "adj_close" in columns:
        whole = replace(whole, adj_close=numbers(table, columns["adj_close"]))
    cash, ratio = (_optional(table, columns, name) for name in ("dividends", "splits"))
    return [
        replace(one, actions=_actions(one, cash[rows], ratio[rows])) for one, rows in _by_symbol(table, columns, whole)
    ]


def _parquet(path: Path) -> Table:
    """Return a Parquet file as a table of text; its times become ISO 8601 in UTC."""
    from orchestrator.adapters.parquet import read_columns

    columns: dict[str, Sequence[str]] = {name: _cells(values) for name, values in read_columns(path).items()}
    return Table(path, columns, len(next(iter(columns.values()), ())))


def _cells(values: NDArray[Any]) -> list[str]:
    if values.dtype.kind == "M":
        return [f"{cell}Z" for cell in values.astype("datetime64[s]")]
    return ["" if cell is None else str(cell) for cell in values.tolist()]


def _columns(table: Table) -> dict[str, str]:
    there = {name.strip().lower(): name for name in table.columns}
    found = {
        key: there[name]
        for key, names in _NAMES.items()
        for name in (next((n for n in names if n in there), None),)
        if name
    }
    missing = [key for key in ("time", *COLUMNS) if key not in found]
    if missing:
        looked = "; ".join(f"{key}: {', '.join(_NAMES[key])}" for key in missing)
        raise MalformedDataError(f"{table.path}: line 1: no column for {looked}; found {', '.join(table.columns)}")
    return found


def _times(table: Table, column: str) -> tuple[Ints | None, Ints]:
    """Return day numbers of daily bars (None where the bars are shorter), and starts in epoch seconds."""
    cells = table.columns[column]
    if cells and all(_DAY.fullmatch(cell) for cell in cells):
        days = np.array([_day(table, column, row) for row in range(len(cells))], np.int64)
        return days, days * 86_400
    return None, np.array([_start(table, column, row) for row in range(len(cells))], np.int64)


def _day(table: Table, column: str, row: int) -> int:
    try:
        return (date.fromisoformat(table.columns[column][row][:10]) - date(1970, 1, 1)).days
    except ValueError:
        raise table.fault(row, column, _FORM) from None


def _start(table: Table, column: str, row: int) -> int:
    cell = table.columns[column][row]
    if _EPOCH.fullmatch(cell):
        return int(cell[:10])  # more digits are milliseconds, microseconds or nanoseconds
    try:
        found = datetime.fromisoformat(cell)
    except ValueError:
        raise table.fault(row, column, _FORM) from None
    if found.tzinfo is None:
        raise table.fault(row, column, _FORM)
    return int(found.astimezone(UTC).timestamp())


def _spacing(starts: Ints, path: Path) -> int:
    """Return the most common distance of two rows in minutes.

    Raises
    ------
    MalformedDataError
        There are not two rows with different times.
    """
    steps = np.diff(starts)
    steps = steps[steps > 0]
    if not len(steps):
        raise MalformedDataError(f"{path}: too few rows to see the length of a bar: name it with --timeframe")
    values, counts = np.unique(steps, return_counts=True)
    return max(int(values[np.argmax(counts)]) // 60, 1)


def _optional(table: Table, columns: Mapping[str, str], name: str) -> NDArray[np.float64]:
    return numbers(table, columns[name]) if name in columns else np.zeros(table.rows)


def _by_symbol(table: Table, columns: Mapping[str, str], whole: BarSeries) -> list[tuple[BarSeries, NDArray[np.bool_]]]:
    if "symbol" not in columns:
        return [(whole, np.ones(table.rows, np.bool_))]
    symbols = np.array(table.columns[columns["symbol"]], dtype=str)
    return [(replace(whole.take(symbols == name), name=str(name)), symbols == name) for name in np.unique(symbols)]


def _actions(series: BarSeries, cash: NDArray[np.float64], ratio: NDArray[np.float64]) -> tuple[PastAction, ...]:
    """Return the actions of the rows; a ratio of 0 or 1 (vendors differ) is none."""
    ratio = np.where((ratio > 0) & np.isfinite(ratio), ratio, 1.0)
    cash = np.where(np.isfinite(cash), cash, 0.0)
    rows = np.flatnonzero((ratio != 1) | (cash > 0))
    return tuple(PastAction(int(series.days[row]), float(ratio[row]), float(cash[row])) for row in rows)


def with_history(series: BarSeries, folder: Path) -> BarSeries:
    """Return the series with what factor and map files beside its file tell of splits, dividends and tickers.

    Raises
    ------
    MalformedDataError
        A line of them is not what it must be.
    """
    factors, tickers = (folder / name / f"{series.name}.csv" for name in ("factor_files", "map_files"))
    if factors.is_file():
        series = replace(series, actions=(*series.actions, *_factor_actions(_lines(factors, 4), factors)))
    if tickers.is_file():
        series = _named(series, _lines(tickers, 2), tickers)
    return series


def _lines(path: Path, least: int) -> list[list[str]]:
    cells = [line.split(",") for line in path.read_text(encoding="utf-8").splitlines() if line]
    for number, row in enumerate(cells, 1):
        if len(row) < least or not re.fullmatch(r"\d{8}", row[0]):
            raise MalformedDataError(
                f"{path}: line {number}: expected yyyymmdd and {least - 1} more cells, found {row}"
            )
    return cells


def _number(text: str) -> int:
    return (date(int(text[:4]), int(text[4:6]), int(text[6:])) - date(1970, 1, 1)).days


def _factor_actions(rows: Sequence[Sequence[str]], path: Path) -> list[PastAction]:
    """Return what happened after each row's day: its factors hold up to and including that day (Lean's form)."""
    try:
        values = [(_number(row[0]), float(row[1]), float(row[2]), float(row[3])) for row in rows]
    except ValueError as error:
        raise MalformedDataError(f"{path}: expected yyyymmdd, two factors and a price: {error}") from error
    return [
        PastAction(day + 1, ratio=after / split, cash=max(reference * (1 - price / next_price), 0.0))
        for (day, price, split, reference), (_, next_price, after, _) in pairwise(values)
    ]


def _named(series: BarSeries, rows: Sequence[Sequence[str]], path: Path) -> BarSeries:
    """Return the series with the days of its tickers: the first row is the first day, the others last days."""
    days = [_number(row[0]) for row in rows]
    if not days:
        raise MalformedDataError(f"{path}: line 1: expected yyyymmdd,ticker, found nothing")
    spells = zip(days, days[1:], (row[1].upper() for row in rows[1:]), strict=False)
    others = tuple(
        (first if first == days[0] else first + 1, last, ticker)
        for first, last, ticker in spells
        if ticker != series.name
    )
    return replace(series, holder_since=days[0], other_tickers=others)
