"""Publishes bars as documents and reads them back: the same again writes nothing, and less never replaces more."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

import numpy as np

from orchestrator.domain.base import ModuleName
from orchestrator.domain.chunks import BarChunkDoc, ChunkQuality, end_at, packed, unpacked
from orchestrator.domain.codec import decode, encode
from orchestrator.domain.errors import AlreadyExistsError, ConcurrencyConflictError, MissingDataError
from orchestrator.domain.market import Bars
from orchestrator.domain.paths import bar_chunk_path
from orchestrator.domain.periods import Period, periods_between
from orchestrator.domain.series import COLUMNS, timeframe_of
from orchestrator.fetching import BarKey
from orchestrator.ports import Create, Replace, Snapshot, Store

_ATTEMPTS = 4
_PAGE = 8
"""Documents in one batched get: at most 8 times 1 MiB."""


class Published(StrEnum):
    """What became of a chunk."""

    CREATED = "created"
    REPLACED = "replaced"
    UNCHANGED = "unchanged"
    KEPT = "kept"
    """What is there holds bars that the new chunk lacks."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """The bars of one period, and what was found in them."""

    key: BarKey
    period: Period
    bars: Bars
    quality: ChunkQuality
    whole: bool

    @property
    def path(self) -> str:
        """Where it is published."""
        return bar_chunk_path(series_id(self.key), self.period.name)

    def document(self) -> BarChunkDoc:
        """Return it as it is stored."""
        text, digest = packed(self.bars)
        return BarChunkDoc(
            venue=self.key.venue,
            symbol=self.key.symbol,
            timeframe=timeframe_of(self.key.minutes),
            period=self.period.name,
            rows=len(self.bars),
            first=end_at(self.bars, 0),
            last=end_at(self.bars, -1),
            whole=self.whole,
            quality=self.quality,
            sha256=digest,
            packed=text,
        )


def series_id(key: BarKey) -> str:
    """Return the name of a series in a path.

    Examples
    --------
    >>> series_id(BarKey("kraken", "BTC/USD", 60))
    'kraken_BTC-USD_1h'
    """
    return f"{key.venue}_{key.symbol.replace('/', '-')}_{timeframe_of(key.minutes)}"


def publish(store: Store, chunk: Chunk) -> Published:
    """Write a chunk by compare-and-set, unless the same or more is there.

    Raises
    ------
    ConcurrencyConflictError
        Others kept changing the document.
    MalformedDataError
        What is there is damaged, or the chunk is too large.
    """
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            return _published(store, chunk)
        except (AlreadyExistsError, ConcurrencyConflictError):
            if attempt == _ATTEMPTS:
                raise
    raise AssertionError("the last attempt returns or raises")


def _published(store: Store, chunk: Chunk) -> Published:
    there, new = store.get_many([chunk.path]).get(chunk.path), chunk.document()
    if there is None:
        store.commit([Create(chunk.path, encode(new))])
        return Published.CREATED
    old = decode(BarChunkDoc, there.data, where=chunk.path)
    if old == new:
        return Published.UNCHANGED
    if len(np.setdiff1d(unpacked(old, where=chunk.path).ends, chunk.bars.ends)):
        return Published.KEPT
    store.commit([Replace(chunk.path, encode(new), there.version)])
    return Published.REPLACED


def published_bars(store: Store, key: BarKey, first: date, last: date) -> Bars:
    """Return the published bars whose end lies on the days of [first, last] (UTC), oldest first.

    Raises
    ------
    MissingDataError
        A period was never published, or its bars are not to be used.
    MalformedDataError
        A document is damaged.
    """
    periods = periods_between(first, last, key.minutes)
    paths = [bar_chunk_path(series_id(key), period.name) for period in periods]
    found: dict[str, Snapshot] = {}
    for at in range(0, len(paths), _PAGE):
        found |= store.get_many(paths[at : at + _PAGE])
    chunks = [_read(found, path) for path in paths]
    joined = Bars(*(np.concatenate([getattr(one, name) for one in chunks]) for name in ("ends", *COLUMNS)))
    return _of_days(joined, first, last)


def stored_bars(store: Store, module: ModuleName) -> Callable[[str, int, date, date], Bars]:
    """Return what reads a module's published bars by symbol, minutes, first and last day; see `published_bars`."""
    venue = "kraken" if module is ModuleName.CRYPTO else "alpaca"
    return lambda symbol, minutes, first, last: published_bars(store, BarKey(venue, symbol, minutes), first, last)


def _read(found: dict[str, Snapshot], path: str) -> Bars:
    if path not in found:
        raise MissingDataError(f"{path} was never published; run `desk data fetch` with --publish")
    doc = decode(BarChunkDoc, found[path].data, where=path)
    if not doc.quality.usable:
        worst = ", ".join(f"{name} {count}" for name, count in doc.quality.defects.items())
        raise MissingDataError(f"{path}: these bars are not to be used ({worst}); see `desk data check`")
    return unpacked(doc, where=path)


def _of_days(bars: Bars, first: date, last: date) -> Bars:
    days = (bars.ends - 1) // 86_400
    epoch = date(1970, 1, 1)
    rows = (days >= (first - epoch).days) & (days <= (last - epoch).days)
    return Bars(*(getattr(bars, name)[rows] for name in ("ends", *COLUMNS)))
