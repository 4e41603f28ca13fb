"""What the job reads of the desk's past: all of it that is asked for, and nothing beside it."""

from __future__ import annotations

from datetime import timedelta

from ml.evidence import kept_chains, recorded
from orchestrator.adapters.memory.store import MemoryDataLayer
from orchestrator.domain.base import ModuleName
from orchestrator.domain.codec import encode
from orchestrator.domain.documents import ChainsDoc, CycleDoc, CycleStatus
from orchestrator.domain.pages import PAGE
from orchestrator.ports import Put
from tests.builders import NOW

OPTIONS = ModuleName.OPTIONS


def traced(number: int, module: ModuleName, age: timedelta) -> Put:
    slot = NOW - age
    doc = CycleDoc(module=module, slot=slot, status=CycleStatus.DECIDED, expire_at=NOW)
    return Put(f"cycles/{module}_{number}", encode(doc))


def chains(number: int, minutes: int) -> Put:
    at = NOW + timedelta(minutes=minutes)
    doc = ChainsDoc(module=OPTIONS, at=at, underlyings=("SPY",), contracts=1, packed="", expire_at=at)
    return Put(f"chains/{number:04d}", encode(doc))


def test_more_traces_of_one_moment_than_a_page_holds_hide_nothing_older() -> None:
    store = MemoryDataLayer()
    store.commit([traced(number, OPTIONS, timedelta(0)) for number in range(PAGE + 1)])
    store.commit([traced(PAGE + 1, OPTIONS, timedelta(hours=1)), traced(0, ModuleName.CRYPTO, timedelta(0))])
    found = recorded(store, OPTIONS, NOW).cycles
    assert len(found) == PAGE + 2
    assert found[-1].slot == NOW - timedelta(hours=1)
    assert {one.module for one in found} == {OPTIONS}


def test_chains_are_read_after_the_begin_and_up_to_the_end() -> None:
    store = MemoryDataLayer()
    store.commit([chains(number, number) for number in range(2 * PAGE)])
    found = [doc.at for doc in kept_chains(store, OPTIONS, NOW, NOW + timedelta(minutes=PAGE + 50))]
    assert found == [NOW + timedelta(minutes=number) for number in range(1, PAGE + 51)]
    assert store.usage.round_trips == 1 + 2
