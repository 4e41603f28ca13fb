"""Which books the caretaker looks after, when, and what happens when one cannot be looked after."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest

from orchestrator.adapters.memory.store import MemoryDataLayer
from orchestrator.caretaker import ROUNDS, due, flattened, look_after
from orchestrator.domain.base import ModuleName
from orchestrator.domain.codec import encode
from orchestrator.domain.documents import DESK_STATE, DESK_SUMMARY, DeskStateDoc, SummaryDoc
from orchestrator.domain.errors import BrokerUnavailableError, ConfigurationError
from orchestrator.domain.foreign import ForeignHolding
from orchestrator.domain.risk import DeskState
from orchestrator.ports import Put
from orchestrator.status import cadence_at, load
from orchestrator.sweep import Surroundings, sweep
from tests.builders import position
from tests.watched_desk import NOW, documents, new_desk, put_book, read, working

STOCKS, OPTIONS, CRYPTO = ModuleName.STOCKS, ModuleName.OPTIONS, ModuleName.CRYPTO
HELD = {"positions": {position().id: position()}}
ENTRY = {"orders": {working()[-1].id: working()[-1]}}


@dataclass
class MemoryCarer:
    """Notes whom it looked after; sends so many orders in each round, or raises."""

    rounds: dict[ModuleName, list[int | Exception]] = field(default_factory=dict)
    cared: list[ModuleName] = field(default_factory=list)

    def care(self, module: ModuleName) -> int:
        self.cared.append(module)
        said = (self.rounds.get(module) or [0]).pop(0)
        if isinstance(said, Exception):
            raise said
        return said


@pytest.fixture
def store() -> MemoryDataLayer:
    desk = new_desk()
    assert isinstance(desk, MemoryDataLayer)
    return desk


def brake(store: MemoryDataLayer, state: DeskState, *, flatten: bool = False) -> None:
    doc = DeskStateDoc(state=state, flatten=flatten, by="olga", reason="test", changed_at=NOW)
    store.commit([Put(DESK_STATE, encode(doc))])


def events(store: MemoryDataLayer, kind: str) -> list[dict[str, Any]]:
    return [event for event in documents(store, "events").values() if event["kind"] == kind]


@pytest.mark.parametrize(
    ("state", "flatten", "holds", "silent_min", "words"),
    [
        (DeskState.ACTIVE, False, HELD | ENTRY, 0, ""),
        (DeskState.ACTIVE, False, HELD, 21, "the module is silent"),
        (DeskState.ACTIVE, False, ENTRY, 21, "the module is silent"),
        (DeskState.ACTIVE, False, {}, 21, ""),
        (DeskState.REDUCING, False, ENTRY, 0, "entries are open while the desk is REDUCING"),
        (DeskState.HALTED, False, ENTRY, 0, "entries are open while the desk is HALTED"),
        (DeskState.HALTED, False, HELD, 0, ""),
        (DeskState.HALTED, True, HELD, 0, "the desk is being flattened"),
        (DeskState.HALTED, True, ENTRY, 0, "the desk is being flattened"),
        (DeskState.HALTED, True, {}, 0, ""),
    ],
)
def test_a_book_is_due(
    store: MemoryDataLayer, state: DeskState, flatten: bool, holds: dict[str, Any], silent_min: int, words: str
) -> None:
    put_book(store, STOCKS, equity=80_000, last_slot=NOW - timedelta(minutes=silent_min), **holds)
    brake(store, state, flatten=flatten)
    assert due(load(store), STOCKS, NOW, cadence_at(NOW)) == words


def test_where_the_clock_jumps_nobody_is_silent(store: MemoryDataLayer) -> None:
    put_book(store, STOCKS, equity=80_000, last_slot=NOW - timedelta(days=1), **HELD)
    assert due(load(store), STOCKS, NOW, None) == ""


def test_only_what_is_due_is_looked_after(store: MemoryDataLayer) -> None:
    put_book(store, STOCKS, equity=80_000, **ENTRY)
    carer = MemoryCarer()
    assert look_after(store, carer, NOW, None).done == {}
    brake(store, DeskState.HALTED)
    assert set(look_after(store, carer, NOW, None).done) == {STOCKS}
    assert carer.cared == [STOCKS]


def test_it_goes_on_while_orders_are_sent_and_no_further(store: MemoryDataLayer) -> None:
    put_book(store, STOCKS, equity=80_000, **HELD)
    brake(store, DeskState.HALTED, flatten=True)
    carer = MemoryCarer({STOCKS: [1, 0, 1]})
    look_after(store, carer, NOW, None)
    assert carer.cared == [STOCKS, STOCKS]
    carer = MemoryCarer({STOCKS: [1] * 10})
    look_after(store, carer, NOW, None)
    assert carer.cared == [STOCKS] * ROUNDS


@pytest.mark.parametrize(
    "problem", [BrokerUnavailableError("no answer"), ConfigurationError("no key"), ZeroDivisionError("a bug")]
)
def test_one_that_fails_is_told_once_and_keeps_nobody_else(store: MemoryDataLayer, problem: Exception) -> None:
    for module in ModuleName:
        put_book(store, module, equity=50_000, **HELD)
    brake(store, DeskState.HALTED, flatten=True)
    for _ in range(2):
        carer = MemoryCarer({STOCKS: [problem]})
        cared = look_after(store, carer, NOW, None)
        assert sorted(carer.cared) == sorted(ModuleName)
        assert cared.problems == {STOCKS: f"{type(problem).__name__}: {problem}"}
    (event,) = events(store, "cycle_failed")
    assert (event["module"], event["severity"]) == ("stocks", "critical")
    assert "the caretaker could not look after the book" in event["text"]


def test_a_venue_that_hangs_keeps_nobody_else_waiting(store: MemoryDataLayer) -> None:
    for module in ModuleName:
        put_book(store, module, equity=50_000, **HELD)
    brake(store, DeskState.HALTED, flatten=True)
    others = threading.Semaphore(0)

    class Hanging(MemoryCarer):
        def care(self, module: ModuleName) -> int:
            if module is STOCKS:
                assert others.acquire(timeout=30)
                assert others.acquire(timeout=30)
            else:
                others.release()
            return super().care(module)

    carer = Hanging()
    look_after(store, carer, NOW, None)
    assert carer.cared[-1] is STOCKS
    assert sorted(carer.cared) == sorted(ModuleName)


def test_a_flattened_desk_says_so_once_and_stays_halted(store: MemoryDataLayer) -> None:
    brake(store, DeskState.HALTED, flatten=True)
    for _ in range(2):
        sweep(store, NOW + timedelta(hours=1), Surroundings(carer=MemoryCarer()))
    assert events(store, "state_changed") == []
    after = read(store, DeskStateDoc, DESK_STATE)
    assert (after.state, after.flatten, after.by) == (DeskState.HALTED, False, "olga")
    (event,) = events(store, "flattened")
    assert event["text"] == "Everything the desk held is closed. It stays HALTED until the owner resumes."
    assert read(store, SummaryDoc, DESK_SUMMARY).state is DeskState.HALTED


@pytest.mark.parametrize("holds", [HELD, ENTRY])
def test_a_flatten_lasts_until_every_book_is_flat(store: MemoryDataLayer, holds: dict[str, Any]) -> None:
    put_book(store, CRYPTO, equity=20_000, **holds)
    brake(store, DeskState.HALTED, flatten=True)
    sweep(store, NOW, Surroundings(carer=MemoryCarer({CRYPTO: [BrokerUnavailableError("down")]})))
    assert read(store, DeskStateDoc, DESK_STATE).flatten
    assert events(store, "flattened") == []


def test_a_flatten_that_takes_long_is_told_with_what_is_left_once_a_day(store: MemoryDataLayer) -> None:
    put_book(store, STOCKS, equity=80_000, **HELD)
    brake(store, DeskState.HALTED, flatten=True)
    for minutes in (25, 31, 36, 24 * 60):
        sweep(store, NOW + timedelta(minutes=minutes), Surroundings(carer=MemoryCarer()))
    told = [event for event in events(store, "state_changed") if "Not everything" in event["text"]]
    assert [event["data"]["left"] for event in told] == [["XLK"], ["XLK"]]
    assert told[0]["at"] == NOW + timedelta(minutes=31)


def test_a_book_that_cannot_be_read_is_not_called_flat(store: MemoryDataLayer) -> None:
    store.commit([Put("books/stocks", {"schema": 1, "module": 7})])
    brake(store, DeskState.HALTED, flatten=True)
    sweep(store, NOW, Surroundings(carer=MemoryCarer()))
    assert read(store, DeskStateDoc, DESK_STATE).flatten


def test_what_is_not_the_desks_is_named_and_left(store: MemoryDataLayer) -> None:
    foreign = {"TSLA": ForeignHolding.model_construct(qty=1)}
    brake(store, DeskState.HALTED, flatten=True)
    desk = load(store)
    books = {**desk.books, STOCKS: desk.books[STOCKS].model_copy(update={"foreign": foreign})}
    ended = flattened(replace(desk, books=books), NOW)
    assert ended is not None
    told = [write.data["text"] for write in ended[1] if isinstance(write, Put)]
    assert "Left alone, because they are not the desk's: TSLA." in told[0]


def test_the_sweep_looks_after_a_silent_module_and_counts_it(store: MemoryDataLayer) -> None:
    put_book(store, STOCKS, equity=80_000, last_slot=NOW - timedelta(hours=1), **HELD)
    carer = MemoryCarer({STOCKS: [ConfigurationError("no key")]})
    done = sweep(store, NOW, Surroundings(carer=carer, cadence=cadence_at(NOW)))
    assert (done.cared, carer.cared, done.problems) == (1, [STOCKS], ["stocks: ConfigurationError: no key"])
    assert events(store, "heartbeat_stale")


def test_an_idle_sweep_reads_no_more_for_the_caretaker(store: MemoryDataLayer) -> None:
    put_book(store, STOCKS, equity=80_000, **HELD)
    sweep(store, NOW)
    trips = store.usage.round_trips
    sweep(store, NOW + timedelta(minutes=5))
    without = store.usage.round_trips - trips
    sweep(store, NOW + timedelta(minutes=10), Surroundings(carer=MemoryCarer()))
    assert store.usage.round_trips - trips - without == without
