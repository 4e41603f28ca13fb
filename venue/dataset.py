"""Reading the files of a data folder: tables of text columns, exact messages, counted defects.

A defect that the folder's README lists (duplicate rows, NaN rows, crossed quotes...) is dropped and counted in
a `Report`. A file that cannot be used raises one line that names file, row, column and what was expected.
Nothing is repaired or filled. Files may be gzip or plain CSV.
"""

from __future__ import annotations

import csv
import gzip
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from io import StringIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from orchestrator.domain.errors import MalformedDataError

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(slots=True)
class Report:
    """What was left out or adjusted, by file and reason."""

    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    notes: dict[str, list[str]] = field(default_factory=dict)

    def drop(self, where: str, reason: str, count: int) -> None:
        """Add `count` rows of the file `where` that were left out for `reason`; nothing when zero."""
        if count > 0:
            self.counts[where, reason] += count

    def note(self, where: str, text: str) -> None:
        """Say something about a file that is not a count of rows."""
        lines = self.notes.setdefault(where, [])
        if text not in lines:
            lines.append(text)

    def by_file(self) -> dict[str, dict[str, int]]:
        """Return file -> reason -> rows."""
        files: dict[str, dict[str, int]] = {}
        for (where, reason), count in sorted(self.counts.items()):
            files.setdefault(where, {})[reason] = count
        return files


@dataclass(frozen=True, slots=True)
class Table:
    """A file as columns of text; row 1 of `columns` is line 2 of the file."""

    path: Path
    columns: dict[str, Sequence[str]]
    rows: int

    def fault(self, row: int, column: str, expected: str) -> MalformedDataError:
        """Return the error for one cell; `row` counts from 0 below the header."""
        found = self.columns[column][row]
        return MalformedDataError(f"{self.path}: line {row + 2}, column {column}: expected {expected}, found {found!r}")


def read_table(path: Path, required: Sequence[str]) -> Table:
    """Read a whole CSV file.

    Raises
    ------
    MalformedDataError
        The file is not readable as CSV, a required column is missing, or a row has another number of cells.
    """
    with _readable(path):
        raw = path.read_bytes()
        text = (gzip.decompress(raw) if path.suffix == ".gz" else raw).decode()
        header, columns = _cut(text) or _parsed(path, text)
    missing = [name for name in required if name not in header]
    if missing:
        raise MalformedDataError(f"{path}: line 1: expected column {', '.join(missing)}, found {','.join(header)!r}")
    return Table(path, dict(zip(header, columns, strict=True)), len(columns[0]) if columns else 0)


def read_header(path: Path) -> list[str]:
    """Return the column names of a file (see `read_table` for errors)."""
    opener: Callable[..., object] = gzip.open if path.suffix == ".gz" else open
    with _readable(path), opener(path, "rt", encoding="utf-8", newline="") as stream:  # type: ignore[attr-defined]
        return next(csv.reader(stream), [])


_Cells = tuple[list[str], Sequence[Sequence[str]]]
"""Header and columns."""


def _cut(text: str) -> _Cells | None:
    """Return the cells of a plain text, 5 times faster; None = it has quotes, or not as many cells in every line."""
    lines = text.removesuffix("\n").split("\n")
    commas = lines[0].count(",")
    if '"' in text or "\r" in text or "" in lines or {line.count(",") for line in lines} != {commas}:
        return None
    cells, width = ",".join(lines).split(","), commas + 1
    return cells[:width], [cells[start::width] for start in range(width, 2 * width)]


def _parsed(path: Path, text: str) -> _Cells:
    """Return the cells of any text."""
    header, *rows = list(csv.reader(StringIO(text, newline=""))) or [[]]
    for index, row in enumerate(rows):
        if len(row) != len(header):
            raise MalformedDataError(f"{path}: line {index + 2}: expected {len(header)} cells, found {len(row)}")
    return header, list(zip(*rows, strict=True)) or [()] * len(header)


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, EOFError, UnicodeDecodeError, zlib.error, csv.Error) as error:
        raise MalformedDataError(f"{path}: expected a CSV file (gzip when named .gz): {error}") from error


def numbers(table: Table, column: str) -> Floats:
    """Return a column as float64; an empty cell, `nan` or an infinity is NaN.

    Raises
    ------
    MalformedDataError
        A cell is not a number.
    """
    cells = [cell or "nan" for cell in table.columns[column]]
    try:
        values = np.array(cells, dtype=np.float64)
    except ValueError:
        row = next(index for index, cell in enumerate(cells) if not _is_number(cell))
        raise table.fault(row, column, "a number") from None
    values[~np.isfinite(values)] = np.nan
    return values


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _stamps(table: Table, column: str, *, unit: str, form: str) -> Ints:
    """Return times of one exact textual form as integers; `form` is an example of it."""
    cells = table.columns[column]
    shapes = {cell: len(cell) == len(form) and cell[-1].isdigit() == form[-1].isdigit() for cell in set(cells)}
    if not all(shapes.values()):
        row = next(index for index, cell in enumerate(cells) if not shapes[cell])
        raise table.fault(row, column, f"a time such as {form}")
    try:
        return np.array(cells, dtype=f"U{len(form.rstrip('Z'))}").astype(f"datetime64[{unit}]").astype(np.int64)
    except ValueError:
        row = next((index for index, cell in enumerate(cells) if not _is_time(cell)), 0)
        raise table.fault(row, column, f"a time such as {form}") from None


def _is_time(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def times_utc(table: Table, column: str) -> Ints:
    """Return `2026-07-16T13:30:00Z` cells as epoch seconds; any other form is refused (MalformedDataError)."""
    return _stamps(table, column, unit="s", form="2026-07-16T13:30:00Z")


def times_local(table: Table, column: str) -> Ints:
    """Return `2026-07-16T15:59:59` cells (no offset) as seconds of that local clock since 1970."""
    return _stamps(table, column, unit="s", form="2026-07-16T15:59:59")


def days(table: Table, column: str) -> Ints:
    """Return `2026-07-16` cells as days since 1970-01-01."""
    return _stamps(table, column, unit="D", form="2026-07-16")
