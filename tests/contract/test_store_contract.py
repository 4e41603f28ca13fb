"""What every store must do: run on memory and on the Firestore emulator."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from orchestrator.adapters.memory.store import MemoryDataLayer
from orchestrator.domain.errors import AlreadyExistsError, ConcurrencyConflictError, MalformedDataError
from orchestrator.ports import Create, Put, Replace, Store, Verify, Where

NOW = datetime(2026, 7, 16, 13, 30, 0, 123456, tzinfo=UTC)


@pytest.fixture(params=["memory", pytest.param("firestore", marks=pytest.mark.emulator)])
def store(request: pytest.FixtureRequest) -> Store:
    if request.param == "memory":
        return MemoryDataLayer()
    return request.getfixturevalue("firestore_store")


def test_reads_back_what_was_written_in_one_round_trip(store: Store) -> None:
    data = {"schema": 1, "text": "x", "at": NOW, "map": {"BTC/USD": {"qty": "0.1"}}, "list": [1, "a"], "none": None}
    store.commit([Put("things/a", data), Put("things/b", {"schema": 1})])
    before = store.usage.round_trips
    found = store.get_many(["things/a", "things/b", "things/missing"])
    assert store.usage.round_trips == before + 1
    assert set(found) == {"things/a", "things/b"}
    assert found["things/a"].data == data


def test_create_refuses_an_existing_document_and_writes_nothing_else(store: Store) -> None:
    store.commit([Create("things/a", {"schema": 1, "n": 1})])
    with pytest.raises(AlreadyExistsError):
        store.commit([Put("things/b", {"schema": 1}), Create("things/a", {"schema": 1, "n": 2})])
    found = store.get_many(["things/a", "things/b"])
    assert set(found) == {"things/a"}
    assert found["things/a"].data["n"] == 1


def test_replace_needs_the_version_that_was_read(store: Store) -> None:
    store.commit([Create("things/a", {"schema": 1, "m": {"x": 1, "y": 2}})])
    first = store.get_many(["things/a"])["things/a"]
    versions = store.commit([Replace("things/a", {"schema": 1, "m": {"x": 3}}, first.version)])
    assert versions == {"things/a": store.get_many(["things/a"])["things/a"].version}
    assert store.get_many(["things/a"])["things/a"].data == {"schema": 1, "m": {"x": 3}}
    with pytest.raises(ConcurrencyConflictError):
        store.commit([Replace("things/a", {"schema": 1, "m": {}}, first.version)])


def test_replace_of_a_missing_document_is_a_conflict(store: Store) -> None:
    store.commit([Create("things/a", {"schema": 1})])
    version = store.get_many(["things/a"])["things/a"].version
    with pytest.raises(ConcurrencyConflictError):
        store.commit([Replace("things/never", {"schema": 1}, version)])


def test_verify_changes_nothing_and_fails_a_commit_when_the_document_moved(store: Store) -> None:
    store.commit([Create("desk/state", {"schema": 1, "state": "ACTIVE"})])
    seen = store.get_many(["desk/state"])["desk/state"]
    store.commit([Verify("desk/state", seen.version), Put("things/a", {"schema": 1})])
    assert store.get_many(["desk/state"])["desk/state"] == seen
    store.commit([Replace("desk/state", {"schema": 1, "state": "HALTED"}, seen.version)])
    with pytest.raises(ConcurrencyConflictError):
        store.commit([Verify("desk/state", seen.version), Put("things/b", {"schema": 1})])
    assert "things/b" not in store.get_many(["things/b"])


@pytest.mark.parametrize("value", [Decimal(1), float("nan"), datetime(2026, 1, 1), [[1]], {"": 1}])  # noqa: DTZ001
def test_refuses_values_that_cannot_be_kept(store: Store, value: object) -> None:
    with pytest.raises(MalformedDataError, match=r"things/a\.v"):
        store.commit([Put("things/a", {"schema": 1, "v": value})])


def test_queries_filter_order_and_limit(store: Store) -> None:
    store.commit([Put(f"things/{n}", {"schema": 1, "n": n, "kind": "even" if n % 2 == 0 else "odd"}) for n in range(6)])
    store.commit([Put("things/0/inner/x", {"schema": 1, "n": 9, "kind": "even"})])
    even = store.query("things", [Where("kind", "==", "even")], order_by="-n", limit=2)
    assert [snapshot.data["n"] for snapshot in even] == [4, 2]
    assert [s.data["n"] for s in store.query("things", [Where("n", ">=", 4)], order_by="n")] == [4, 5]
    assert [s.path for s in store.query("things/0/inner")] == ["things/0/inner/x"]


def test_of_racing_replaces_exactly_one_wins(store: Store) -> None:
    store.commit([Create("things/a", {"schema": 1, "by": "nobody"})])
    version = store.get_many(["things/a"])["things/a"].version
    outcomes: list[str] = []

    def attempt(name: str) -> None:
        try:
            store.commit([Replace("things/a", {"schema": 1, "by": name}, version)])
            outcomes.append(name)
        except ConcurrencyConflictError:
            pass

    threads = [threading.Thread(target=attempt, args=(str(n),)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(outcomes) == 1
    assert store.get_many(["things/a"])["things/a"].data["by"] == outcomes[0]


def test_times_keep_their_microseconds(store: Store) -> None:
    moment = NOW + timedelta(microseconds=1)
    store.commit([Put("things/a", {"schema": 1, "at": moment})])
    assert store.get_many(["things/a"])["things/a"].data["at"] == moment
