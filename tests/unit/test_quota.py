"""A quiet day of the desk, counted in documents, stays far inside Firestore's free daily quota."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from orchestrator.adapters.memory.store import MemoryDataLayer
from orchestrator.status import cadence_at
from orchestrator.sweep import Surroundings, sweep
from tests.desk import TestDesk
from tests.watched_desk import NOW, new_desk

FREE_READS, FREE_WRITES = 50_000, 20_000

CRYPTO_CYCLES = 24 * 60
EQUITY_CYCLES = 2 * 8 * 12
"""Stocks and options, every five minutes from 9 to 16:55 in New York."""
SWEEPS = 24 * 12

KEPT_CHAINS = 7 + 1
"""Once an hour of a session, and at its end."""
TRADED_CHAINS = 20
"""While orders are sent and filled, on a day with many of them."""
SESSIONS_A_YEAR = 252

DASHBOARD_START = 3 + 4 + 2 + 10 + 4 * 20 + 10
"""What one open page reads when it starts: its queries' limits (`orchestrator.adapters.firestore.queries`)."""


@dataclass(frozen=True)
class Count:
    reads: int
    writes: int


def idle_sweep() -> Count:
    store = new_desk()
    assert isinstance(store, MemoryDataLayer)
    sweep(store, NOW)
    reads, writes = store.usage.reads, store.usage.writes
    later = NOW + timedelta(minutes=5)
    sweep(store, later, Surroundings(cadence=cadence_at(later)))
    return Count(store.usage.reads - reads, store.usage.writes - writes)


def idle_cycle() -> Count:
    desk = TestDesk()
    desk.cycle()
    reads, writes = desk.store.usage.reads, desk.store.usage.writes
    desk.cycle()
    return Count(desk.store.usage.reads - reads, desk.store.usage.writes - writes)


def test_a_day_stays_inside_the_free_quota() -> None:
    cycle, swept = idle_cycle(), idle_sweep()
    cycles = CRYPTO_CYCLES + EQUITY_CYCLES
    writes = cycles * cycle.writes + SWEEPS * swept.writes + KEPT_CHAINS + TRADED_CHAINS
    # A listener pays one read for each document that changes; a page pays that for what it shows.
    listened = DASHBOARD_START + writes
    # The night reads all that is kept of a year.
    reads = cycles * cycle.reads + SWEEPS * swept.reads + listened + KEPT_CHAINS * SESSIONS_A_YEAR
    assert reads <= FREE_READS / 2
    assert writes <= FREE_WRITES / 4
