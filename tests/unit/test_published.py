"""Bars that were never published, are damaged or are not to be used are not read; the message says which."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from orchestrator.adapters.memory.store import MemoryDataLayer
from orchestrator.domain.chunks import MOST_ROWS, ChunkQuality, packed
from orchestrator.domain.errors import ConcurrencyConflictError, MalformedDataError, MissingDataError
from orchestrator.domain.market import Bars
from orchestrator.domain.periods import periods_between
from orchestrator.domain.series import COLUMNS
from orchestrator.fetching import BarKey
from orchestrator.ports import Put
from orchestrator.published import Chunk, Published, publish, published_bars

KEY = BarKey("alpaca", "SPY", 1440)
PATH = "bars/alpaca_SPY_1d/chunks/2026"
DAY = date(2026, 7, 16)


def bars(count: int) -> Bars:
    return Bars(1_784_000_000 + 86_400 * np.arange(count), *(np.full(count, 100.0) for _ in COLUMNS))


def chunk(count: int = 3, *, usable: bool = True) -> Chunk:
    (period,) = periods_between(DAY, DAY, 1440)
    quality = ChunkQuality(score=0.5, usable=usable, defects={"order": 2})
    return Chunk(KEY, period, bars(count), quality, whole=False)


def test_a_period_that_was_never_published_is_named() -> None:
    with pytest.raises(MissingDataError, match=f"{PATH} was never published"):
        published_bars(MemoryDataLayer(), KEY, DAY, DAY)


def test_bars_that_are_not_to_be_used_are_not_read() -> None:
    store = MemoryDataLayer()
    publish(store, chunk(usable=False))
    with pytest.raises(MissingDataError, match=rf"{PATH}: these bars are not to be used \(order 2\)"):
        published_bars(store, KEY, DAY, DAY)


@pytest.mark.parametrize("change", [{"packed": "%%"}, {"packed": packed(bars(2))[0]}, {"rows": 7}, {"sha256": "0"}])
def test_a_damaged_document_is_named(change: dict[str, object]) -> None:
    store = MemoryDataLayer()
    publish(store, chunk())
    store.commit([Put(PATH, {**store.get_many([PATH])[PATH].data, **change})])
    with pytest.raises(MalformedDataError, match=PATH):
        published_bars(store, KEY, DAY, DAY)


def test_more_rows_than_a_document_holds_are_refused() -> None:
    with pytest.raises(MalformedDataError, match="too many for one document"):
        publish(MemoryDataLayer(), chunk(MOST_ROWS + 1))


class Racing(MemoryDataLayer):
    """Somebody else publishes between the read and the write."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self.times = times

    def commit(self, writes):
        if self.times:
            self.times -= 1
            count = 4 + self.times
            super().commit([Put(PATH, {**write.data, **_stored(count)}) for write in writes])
        return super().commit(writes)


def _stored(count: int) -> dict[str, object]:
    doc = chunk(count).document()
    return {"rows": doc.rows, "sha256": doc.sha256, "packed": doc.packed, "first": doc.first, "last": doc.last}


def test_two_who_publish_at_once_lose_no_bar() -> None:
    store = Racing(times=1)
    assert publish(store, chunk(3)) is Published.KEPT
    assert store.get_many([PATH])[PATH].data["rows"] == 4


def test_who_keeps_losing_the_race_is_told() -> None:
    store = Racing(times=9)
    with pytest.raises(ConcurrencyConflictError):
        publish(store, replace(chunk(40)))
