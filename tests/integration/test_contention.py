"""Thirty writers reserve against one limit at the same moment: all are answered, and the limit holds."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest

from orchestrator.adapters.firestore.client import make_client
from orchestrator.adapters.firestore.data_layer import FirebaseDataLayer
from orchestrator.adapters.memory.store import MemoryDataLayer
from orchestrator.ports import Store
from scripts.chaos.contention import EQUITY, prepare, race, reserved

WRITERS = 30
WANTED = Decimal(4_000)


def all_are_answered(store_of: Callable[[], Store]) -> None:
    prepare(store_of())
    answers = race(store_of, writers=WRITERS, wanted=WANTED)
    assert len(answers) == WRITERS
    assert sum(one.usd for one in answers) == reserved(store_of()) == EQUITY
    assert sorted(one.usd for one in answers) == [Decimal(0)] * 5 + [WANTED] * 25


def test_in_memory_none_is_over_the_limit() -> None:
    store = MemoryDataLayer()
    all_are_answered(lambda: store)


@pytest.mark.emulator
def test_on_firestore_none_is_over_the_limit(firestore_project: str) -> None:
    client = make_client(firestore_project, emulator=True)
    all_are_answered(lambda: FirebaseDataLayer(client))
    client.close()  # type: ignore[no-untyped-call]
