"""Bars packed into one document per period, for what the desk itself reads.

The packing keeps every number exactly; a week of one-minute bars, the largest period, is 645 kB before compression.
"""

from __future__ import annotations

import zlib
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from datetime import UTC, datetime
from hashlib import sha256

import numpy as np

from orchestrator.domain.base import Document, UtcTime, Value
from orchestrator.domain.errors import MalformedDataError
from orchestrator.domain.findings import QualityReport
from orchestrator.domain.market import Bars
from orchestrator.domain.series import COLUMNS

_ROW_BYTES = 8 * (1 + len(COLUMNS))
MOST_ROWS = 10_200
"""Rows of one document; with them it stays below Firestore's 1 MiB even if nothing could be compressed."""


class ChunkQuality(Value):
    """What was found in the bars of a chunk: score, whether they may be used, how often each defect."""

    score: float
    usable: bool
    defects: dict[str, int] = {}


class BarChunkDoc(Document):
    """`bars/{series}/chunks/{period}`: the bars of one period, oldest first."""

    venue: str
    symbol: str
    timeframe: str
    period: str
    rows: int
    first: UtcTime | None
    last: UtcTime | None
    whole: bool
    """Whether the period had ended: nothing can be added."""
    quality: ChunkQuality
    sha256: str
    """Of the bars before compression: tells two chunks apart, and a damaged one."""
    packed: str
    """Ends (int64), then open, high, low, close and volume (float64), each whole, little endian; zlib, base64."""


def quality_of(report: QualityReport) -> ChunkQuality:
    """Return what a document keeps of a report."""
    defects = {one.defect.value: one.count for one in report.findings}
    return ChunkQuality(score=report.score, usable=report.verdict.usable, defects=defects)


def packed(bars: Bars) -> tuple[str, str]:
    """Return bars as text, and the hash of what is in it.

    Raises
    ------
    MalformedDataError
        There are more rows than a document may hold.
    """
    if len(bars) > MOST_ROWS:
        raise MalformedDataError(f"{len(bars)} bars are too many for one document; it holds at most {MOST_ROWS}")
    columns = (bars.ends.astype("<i8"), *(getattr(bars, name).astype("<f8") for name in COLUMNS))
    raw = b"".join(column.tobytes() for column in columns)
    return b64encode(zlib.compress(raw, 6)).decode("ascii"), sha256(raw).hexdigest()


def unpacked(doc: BarChunkDoc, *, where: str) -> Bars:
    """Return the bars of a document.

    Raises
    ------
    MalformedDataError
        What it holds is not what its hash says, or not as many rows; the message names the document.
    """
    try:
        raw = zlib.decompress(b64decode(doc.packed, validate=True))
    except (zlib.error, Base64Error, ValueError) as error:
        raise MalformedDataError(f"{where}: the packed bars cannot be read: {error}") from error
    if sha256(raw).hexdigest() != doc.sha256 or len(raw) != doc.rows * _ROW_BYTES:
        raise MalformedDataError(f"{where}: the packed bars are not those that were written; publish them again")
    ends = np.frombuffer(raw, "<i8", doc.rows).astype(np.int64)
    values = np.frombuffer(raw, "<f8", offset=8 * doc.rows).astype(np.float64).reshape(len(COLUMNS), doc.rows)
    return Bars(ends, *values)


def end_at(bars: Bars, row: int) -> datetime | None:
    """Return the end of a bar, None without any."""
    return datetime.fromtimestamp(int(bars.ends[row]), UTC) if len(bars) else None
