"""Bars on this machine as Parquet files, one for each period, for research. Written beside and renamed: never half.

`{root}/{venue}/{symbol}/{timeframe}/{period}.parquet`, with the columns of a bar; `whole` in the file's own notes says
whether its period had ended. Needs pyarrow, which no function carries.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from orchestrator.domain.errors import ConfigurationError, MalformedDataError
from orchestrator.domain.market import Bars
from orchestrator.domain.periods import Period
from orchestrator.domain.series import COLUMNS, TIMEFRAMES, BarSeries, timeframe_of
from orchestrator.fetching import BarKey

_NOTE = b"firedesk"
_SUFFIX = ".parquet"


def _arrow() -> Any:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise ConfigurationError("Parquet needs pyarrow: run `uv sync --group research`") from error
    return pa, pq


class ParquetBars:
    """Chunks of bars in a folder; fulfils `orchestrator.fetching.Chunks`.

    Parameters
    ----------
    root
        The folder; made when first written to.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def whole(self, key: BarKey, period: Period) -> bool:
        """Tell whether the chunk is there and was written after its period had ended.

        Raises
        ------
        MalformedDataError
            A file is there that is no chunk.
        """
        path = self.path(key, period.name)
        return path.is_file() and _notes(path).get(b"whole") == b"yes"

    def write(self, key: BarKey, period: Period, bars: Bars, *, whole: bool) -> None:
        """Write a chunk in place of what was there."""
        write_bars(self.path(key, period.name), bars, {"whole": "yes" if whole else "no"})

    def read(self, key: BarKey) -> Bars:
        """Return all bars of a key, period after period; none where nothing is.

        Raises
        ------
        MalformedDataError
            A file cannot be read or is not of the documented form.
        """
        folder = self.path(key, "x").parent
        chunks = [read_bars(path) for path in sorted(folder.glob(f"*{_SUFFIX}"))]
        names = ("ends", *COLUMNS)
        columns = [np.concatenate([getattr(one, name) for one in chunks]) for name in names] if chunks else None
        return Bars(*columns) if columns is not None else empty_bars()

    def series(self, key: BarKey) -> BarSeries:
        """Return all bars of a key as a series to be judged."""
        bars = self.read(key)
        return BarSeries(key.symbol, key.minutes, *(getattr(bars, name) for name in ("ends", *COLUMNS)))

    def keys(self) -> Iterator[BarKey]:
        """Give every key that there is a chunk of."""
        for folder in sorted({path.parent for path in self.root.glob(f"*/*/*/*{_SUFFIX}")}):
            venue, symbol, timeframe = folder.relative_to(self.root).parts
            if timeframe in TIMEFRAMES:
                yield BarKey(venue, symbol.replace("-", "/"), TIMEFRAMES[timeframe])

    def path(self, key: BarKey, period: str) -> Path:
        """Return where a chunk lies."""
        return self.root / key.venue / key.symbol.replace("/", "-") / timeframe_of(key.minutes) / f"{period}{_SUFFIX}"


def empty_bars() -> Bars:
    """Return no bars."""
    return Bars(np.empty(0, np.int64), *(np.empty(0) for _ in COLUMNS))


def write_bars(path: Path, bars: Bars, notes: Mapping[str, str]) -> None:
    """Write bars to a file, whole or not at all."""
    pa, pq = _arrow()
    names = ("ends", *COLUMNS)
    table = pa.table({name: getattr(bars, name) for name in names})
    table = table.replace_schema_metadata(
        {_NOTE: b"bars", **{key.encode(): text.encode() for key, text in notes.items()}}
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(f".{os.getpid()}.part")
    try:
        pq.write_table(table, beside, compression="zstd")
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def read_bars(path: Path) -> Bars:
    """Return the bars of a file.

    Raises
    ------
    MalformedDataError
        It cannot be read or lacks a column; the message names both.
    """
    columns = read_columns(path)
    missing = [name for name in ("ends", *COLUMNS) if name not in columns]
    if missing:
        raise MalformedDataError(f"{path}: no column {', '.join(missing)}; found {', '.join(columns)}")
    return Bars(columns["ends"].astype(np.int64), *(columns[name].astype(np.float64) for name in COLUMNS))


def read_columns(path: Path) -> dict[str, Any]:
    """Return the columns of a Parquet file as arrays.

    Raises
    ------
    MalformedDataError
        It is no Parquet file.
    """
    pa, pq = _arrow()
    try:
        table = pq.read_table(path)
    except (pa.ArrowException, OSError) as error:
        raise MalformedDataError(f"{path}: expected a Parquet file: {str(error).splitlines()[0]}") from error
    return {name: table.column(name).to_numpy() for name in table.column_names}


def _notes(path: Path) -> dict[bytes, bytes]:
    pa, pq = _arrow()
    try:
        return dict(pq.read_schema(path).metadata or {})
    except (pa.ArrowException, OSError) as error:
        raise MalformedDataError(f"{path}: expected a chunk of bars: {str(error).splitlines()[0]}") from error
