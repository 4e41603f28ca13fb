"""Drives a stack through its moments: the venue's clock first, then the modules with fresh data, then the sweeper."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from orchestrator.cli.replay.stacks import Moment, Stack
from orchestrator.domain.base import ModuleName
from orchestrator.domain.codec import decode, encode
from orchestrator.domain.documents import (
    DESK_STATE,
    BookDoc,
    CycleStatus,
    CycleSummary,
    DeskStateDoc,
    book_path,
)
from orchestrator.domain.risk import DeskState
from orchestrator.ports import Put

SWEEP_EVERY = timedelta(minutes=30)
"""Market time between sweeps while nothing happens."""

LOOK_AFTER = timedelta(hours=6)
"""Market time after which a module that holds something runs at another module's moment."""


@dataclass(slots=True)
class Cost:
    """Most store operations that one cycle of a kind has cost."""

    cycles: int = 0
    round_trips_max: int = 0
    writes_max: int = 0

    def add(self, summary: CycleSummary) -> None:
        """Count one cycle."""
        self.cycles += 1
        self.round_trips_max = max(self.round_trips_max, summary.round_trips)
        self.writes_max = max(self.writes_max, summary.writes)


@dataclass(slots=True)
class Run:
    """What a replay counted on its way."""

    cycles: dict[ModuleName, int] = field(default_factory=lambda: dict.fromkeys(ModuleName, 0))
    idle: Cost = field(default_factory=Cost)
    deciding: Cost = field(default_factory=Cost)
    trading: Cost = field(default_factory=Cost)
    swept: datetime | None = None
    holding: dict[ModuleName, datetime] = field(default_factory=dict)
    """Modules with open positions, and when they last ran."""
    notes: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0


Progress = Callable[[int, int, datetime], None]


def drive(stack: Stack, progress: Progress) -> Run:
    """Run the whole window, then halt and reconcile once more so that the last fills are in the books.

    Raises
    ------
    TradingError
        A cycle or sweep failed; the message says which and why.
    """
    run, started = Run(), time.monotonic()
    moments = stack.moments()
    for index, moment in enumerate(moments, 1):
        _at(stack, moment, run)
        progress(index, len(moments), moment.time)
    if moments:
        last = moments[-1].time + timedelta(seconds=1)
        halted = DeskStateDoc(state=DeskState.HALTED, by="replay", reason="the window has ended", changed_at=last)
        stack.store.commit([Put(DESK_STATE, encode(halted))])
        _at(stack, Moment(last, tuple(module for module in ModuleName if run.cycles[module])), run)
    run.seconds = time.monotonic() - started
    return run


def _at(stack: Stack, moment: Moment, run: Run) -> None:
    """Run one moment. The sweeper follows whatever happened at once, so that both stacks weigh the limits alike."""
    stack.advance(moment.time)
    for module in (*moment.modules, *_left_alone(moment, run)):
        stack.fire(module, moment.time)
        happened = _count(stack, module, run) is not CycleStatus.IDLE
        if happened or run.swept is None or moment.time - run.swept >= SWEEP_EVERY:
            stack.sweep(moment.time)
            run.swept = moment.time


def _left_alone(moment: Moment, run: Run) -> list[ModuleName]:
    """Return the modules that hold something and have seen nothing new for long: expiry does not wait for data."""
    since = moment.time - LOOK_AFTER
    return [module for module, seen in run.holding.items() if seen <= since and module not in moment.modules]


def _count(stack: Stack, module: ModuleName, run: Run) -> CycleStatus | None:
    """Count the cycle that just ran, as its book tells it, and return its status."""
    path = book_path(module)
    book = decode(BookDoc, stack.store.get_many([path])[path].data, where=path)
    run.cycles[module] += 1
    run.holding.pop(module, None)
    if book.positions and book.last_slot is not None:
        run.holding[module] = book.last_slot
    summary = book.last_cycle
    if summary is None:
        return None
    by_status = {CycleStatus.IDLE: run.idle, CycleStatus.TRADED: run.trading}
    by_status.get(summary.status, run.deciding).add(summary)
    if summary.note:
        run.notes[summary.note] = run.notes.get(summary.note, 0) + 1
    return summary.status
