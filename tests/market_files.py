"""Real bars for tests that look at one module: a folder of recorded data as panels, without a venue.

Daily equity bars end one second before the session's end, as the replay has them; finer ones are aggregated here.
"""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np

from orchestrator.domain.market import Bars, Panel, panel_of

_NEW_YORK = ZoneInfo("America/New_York")
_COLUMNS = ("open", "high", "low", "close", "volume")


def daily_stocks(root: Path, symbols: Iterable[str], folder: str = "equity/daily/recent") -> Panel:
    return panel_of({symbol: _bars(root / folder / f"{symbol}.csv.gz", _session_end) for symbol in symbols})


def minute_stocks(root: Path, symbols: Iterable[str], minutes: int) -> Panel:
    folder = root / "equity/minute/yahoo_2019_12"
    files = {symbol: folder / f"{symbol}.csv.gz" for symbol in symbols}
    read = {symbol: _bars(path, _after(60)) for symbol, path in files.items() if path.exists()}
    return panel_of({symbol: aggregated(bars, minutes) for symbol, bars in read.items()})


def crypto(root: Path, pairs: Iterable[str], frame: str) -> Panel:
    length = {"15m": 900, "1h": 3600, "1d": 86_399}[frame]
    folder = root / "crypto/binance_spot" / frame
    return panel_of({pair: _bars(folder / f"{pair.split('/')[0]}_USDT.csv.gz", _after(length)) for pair in pairs})


def daily_crypto(root: Path, pairs: Iterable[str]) -> Panel:
    folder = root / "crypto/daily/yahoo_2025_2026"
    return panel_of({p: _bars(folder / f"{p.replace('/', '-')}.csv.gz", _midnight) for p in pairs})


def _bars(path: Path, end_of) -> Bars:
    with gzip.open(path, "rt") as lines:
        rows = {
            end_of(next(iter(row.values()))): [float(row[c] or "nan") for c in _COLUMNS]
            for row in csv.DictReader(lines)
        }
    kept = sorted((end, values) for end, values in rows.items() if all(np.isfinite(values)) and min(values[:4]) > 0)
    ends = np.array([end for end, _ in kept], np.int64)
    return Bars(ends, *np.array([values for _, values in kept]).T)


def _session_end(text: str) -> int:
    day = datetime.fromisoformat(text)
    return int(datetime(day.year, day.month, day.day, 16, tzinfo=_NEW_YORK).timestamp()) - 1


def _midnight(text: str) -> int:
    return int((datetime.fromisoformat(text).replace(tzinfo=UTC) + timedelta(days=1)).timestamp()) - 1


def _after(seconds: int):
    return lambda text: int(datetime.fromisoformat(text).timestamp()) + seconds


def aggregated(bars: Bars, minutes: int) -> Bars:
    """Bars of `minutes` made of finer ones, by the clock."""
    bucket = (bars.ends - 1) // (60 * minutes)
    first = np.flatnonzero(np.append(True, np.diff(bucket) > 0))
    last = np.append(first[1:], len(bucket)) - 1
    return Bars(
        (bucket[first] + 1) * 60 * minutes,
        bars.open[first],
        np.maximum.reduceat(bars.high, first),
        np.minimum.reduceat(bars.low, first),
        bars.close[last],
        np.add.reduceat(bars.volume, first),
    )


def until(panel: Panel, moment: datetime, bars: int = 400) -> Panel:
    """The panel as known at `moment`, at most `bars` rows of it."""
    count = int(np.searchsorted(panel.ends, int(moment.timestamp()), side="right"))
    return panel[max(0, count - bars) : count]


def joined(*panels: Panel) -> Panel:
    """The symbols of several panels on one time axis."""
    bars = {}
    for panel in panels:
        for column, symbol in enumerate(panel.symbols):
            rows = np.isfinite(panel.close[:, column])
            arrays = (panel.open, panel.high, panel.low, panel.close, panel.volume)
            bars[symbol] = Bars(panel.ends[rows], *(array[rows, column] for array in arrays))
    return panel_of(bars)
