"""A growing collection, read to its end whatever times its documents share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import accumulate, islice

from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.adapters.memory.store import MemoryDataLayer
from orchestrator.domain.pages import PAGE, every
from orchestrator.ports import Put, Snapshot, Where
from tests.builders import NOW


def stored(moments: Sequence[datetime]) -> MemoryDataLayer:
    store = MemoryDataLayer()
    store.commit([Put(f"events/{number:04d}", {"at": at}) for number, at in enumerate(moments)])
    return store


def upwards(store: MemoryDataLayer, begin: datetime) -> Iterator[Snapshot]:
    def page(since: datetime, limit: int) -> Sequence[Snapshot]:
        return store.query("events", [Where("at", ">=", since)], order_by="at", limit=limit)

    return every(page, begin, by="at")


def downwards(store: MemoryDataLayer, begin: datetime) -> Iterator[Snapshot]:
    def page(until: datetime, limit: int) -> Sequence[Snapshot]:
        return store.query("events", [Where("at", "<=", until)], order_by="-at", limit=limit)

    return every(page, begin, by="at")


def minutes(steps: Sequence[int]) -> list[datetime]:
    return [NOW + timedelta(minutes=total) for total in accumulate(steps)]


@settings(max_examples=30)
@given(groups=st.lists(st.sampled_from([1, PAGE - 1, PAGE, PAGE + 1, 2 * PAGE + 1]), max_size=3))
def test_every_document_comes_once_and_in_order_whatever_times_they_share(groups: list[int]) -> None:
    moments = [NOW + timedelta(minutes=number) for number, size in enumerate(groups) for _ in range(size)]
    store = stored(moments)
    up = [one.data["at"] for one in upwards(store, NOW)]
    down = [one.data["at"] for one in downwards(store, NOW + timedelta(days=1))]
    assert up == moments
    assert down == moments[::-1]


def test_documents_before_the_begin_do_not_come() -> None:
    found = [one.path for one in upwards(stored(minutes([0, 1, 1])), NOW + timedelta(minutes=1))]
    assert found == ["events/0001", "events/0002"]


def test_no_page_is_read_before_it_is_asked_for() -> None:
    store = stored(minutes([1] * (2 * PAGE)))
    before = store.usage.round_trips
    assert len(list(islice(upwards(store, NOW), PAGE))) == PAGE
    assert store.usage.round_trips - before == 1
