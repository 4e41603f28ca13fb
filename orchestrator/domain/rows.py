"""Defects of single rows and of their times: order, duplicates, no numbers, what is missing, what stands still."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from orchestrator.domain.findings import Defect, Finding
from orchestrator.domain.series import COLUMNS, BarSeries, moment

Mask = NDArray[np.bool_]
Places = NDArray[np.int64]

HOLE_DAYS = 30
"""Days without a bar after which what follows is another story."""
STALE_RUN = {True: 5, False: 30}
"""Bars with the same four prices in a row that count as stale, by whether a bar is a day."""
ROUNDING = 1e-3


def in_order(series: BarSeries) -> tuple[BarSeries, Places]:
    """Return the rows that have positive prices, in order of time and each time once, and where each one stands."""
    prices = np.stack([series.open, series.high, series.low, series.close])
    with np.errstate(invalid="ignore"):
        sound = np.flatnonzero((np.isfinite(prices) & (prices > 0)).all(axis=0))
    places = sound[np.argsort(series.ends[sound], kind="stable")]
    first = np.append(True, np.diff(series.ends[places]) > 0)[: len(places)]
    return series.take(places[first]), places[first]


def told(
    series: BarSeries, defect: Defect, faulty: Mask, text: str, *, places: Places | None = None
) -> Iterator[Finding]:
    """Give one finding for the rows of a mask, none when it selects none; `text` may hold {count} and {first}."""
    hits = np.flatnonzero(faulty)
    if not len(hits):
        return
    first, row = series.at(int(hits[0])), int(hits[0] if places is None else places[hits[0]])
    line = text.format(count=len(hits), first=first, row=row)
    yield Finding(defect=defect, count=len(hits), first=first, row=row, text=line)


def findings(series: BarSeries) -> Iterator[Finding]:
    """Give the defects of order, of duplicates and of values."""
    backward = np.append(False, np.diff(series.ends) < 0)
    yield from told(series, Defect.ORDER, backward, "{count} steps back in time, first at {first} (row {row})")
    yield from _duplicates(series)
    yield from _values(series)


def _duplicates(series: BarSeries) -> Iterator[Finding]:
    """Give the rows that say again what an earlier one said, and those that say something else of the same time."""
    table = np.column_stack([series.ends, *(getattr(series, name) for name in COLUMNS)])
    _, first = np.unique(np.nan_to_num(table, nan=-1.0), axis=0, return_index=True)
    repeated = np.ones(len(series), np.bool_)
    repeated[first] = False
    kept = np.flatnonzero(~repeated)
    _, earliest = np.unique(series.ends[kept], return_index=True)
    differing = ~repeated
    differing[kept[earliest]] = False
    yield from told(series, Defect.DUPLICATE, repeated, "{count} rows are there again, first {first} (row {row})")
    text = "{count} rows repeat a time with other values, first {first} (row {row})"
    yield from told(series, Defect.CONFLICT, differing, text)


def _values(series: BarSeries) -> Iterator[Finding]:
    columns = {name: getattr(series, name) for name in COLUMNS}
    if series.adj_close is not None:
        columns["adj_close"] = series.adj_close
    infinite = {name: ~np.isfinite(values) for name, values in columns.items()}
    lacking = np.any(list(infinite.values()), axis=0)
    names = ", ".join(name for name, faulty in infinite.items() if faulty.any())
    yield from told(
        series, Defect.NOT_A_NUMBER, lacking, f"{{count}} rows without a finite {names}, first {{first}} (row {{row}})"
    )
    prices = np.stack([series.open, series.high, series.low, series.close])
    with np.errstate(invalid="ignore"):
        absurd = (prices <= 0).any(axis=0) | (series.volume < 0)
        top, bottom = np.fmax(series.open, series.close), np.fmin(series.open, series.close)
        apart = np.maximum(top / series.high, series.low / bottom) - 1
        apart[~np.isfinite(apart) | absurd] = 0.0
    yield from told(
        series, Defect.NOT_POSITIVE, absurd, "{count} rows with a price of 0 or less, first {first} (row {row})"
    )
    beyond = "{count} rows whose high or low is not, first {first} (row {row})"
    yield from told(series, Defect.OHLC, apart > ROUNDING, beyond)
    slight = "{count} rows whose high or low is off by rounding, first {first} (row {row})"
    yield from told(series, Defect.ROUNDING, (apart > 1e-6) & (apart <= ROUNDING), slight)


def against(series: BarSeries, expected: Places | None) -> Iterator[Finding]:
    """Give what is missing of the expected ends, and what stands outside them."""
    if expected is None:
        return
    missing = expected[~np.isin(expected, series.ends)]
    if len(missing):
        first = moment(int(missing[0]), daily=series.daily)
        text = f"{len(missing)} of {len(expected)} bars are missing, first {first}"
        yield Finding(defect=Defect.MISSING, count=len(missing), first=first, row=-1, text=text)
    outside = ~np.isin(series.ends, expected)
    text = "{count} bars outside the sessions, first {first} (row {row})"
    yield from told(series, Defect.OFF_SESSION, outside, text)


def holes(series: BarSeries) -> Iterator[Finding]:
    """Give the spells without a bar that are longer than `HOLE_DAYS`; the series is in order."""
    gaps = np.diff(series.days)
    long = np.flatnonzero(gaps > HOLE_DAYS)
    if not len(long):
        return
    spells = [f"{series.at(int(at))} to {series.at(int(at) + 1)} ({gaps[at]} days)" for at in long[:3]]
    under = [f"traded as {ticker} then" for ticker in _other_tickers(series, long)]
    text = "; ".join([f"no bars from {', '.join(spells)}", *under])
    yield Finding(defect=Defect.HOLE, count=len(long), first=series.at(int(long[0])), row=int(long[0]), text=text)


def _other_tickers(series: BarSeries, gaps: Places) -> list[str]:
    days = series.days
    return [
        ticker
        for first, last, ticker in series.other_tickers
        if any(first < days[at + 1] and last > days[at] for at in gaps)
    ]


def dull(series: BarSeries, places: Places) -> Iterator[Finding]:
    """Give bars that stand still and bars without volume; the series is in order."""
    prices = np.stack([series.open, series.high, series.low, series.close])
    same = np.append(False, (prices[:, 1:] == prices[:, :-1]).all(axis=0))[: len(series)]
    starts = np.flatnonzero(~same)
    lengths = np.diff(np.append(starts, len(series)))
    stale = np.repeat(lengths >= STALE_RUN[series.daily], lengths)
    longest = int(lengths.max()) if len(lengths) else 0
    text = f"{{count}} bars in runs of the same prices (longest {longest}), first {{first}} (row {{row}})"
    yield from told(series, Defect.STALE, stale, text, places=places)
    text = "{count} bars without volume, first {first} (row {row})"
    yield from told(series, Defect.NO_VOLUME, series.volume == 0, text, places=places)
