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
    CycleStatus,
    CycleSummary,
    DeskStateDoc,
    book_path,
)
from orchestrator.domain.risk import DeskState
from orchestrator.ports import Put

SWEEP_EVERY = timedelta(minutes=30)
"""Market time between sweeps while nothing happens."""

CADENCE = {
    ModuleName.STOCKS: timedelta(minutes=5),
    ModuleName.OPTIONS: timedelta(minutes=5),
    ModuleName.CRYPTO: timedelta(minutes=1),
}
"""Least market time between two cycles of a module, as Cloud Scheduler fires them."""

SLACK = timedelta(seconds=2)
"""A session's last moment is one second before its end."""

LOOK_AFTER = timedelta(hours=6)
"""Market time after which a module that holds something runs at another module's moment."""


@dataclass(slots=True)
class Cost:
    """Most store operations that one cycle of a kind has cost, beside those that keep what it saw."""

    cycles: int = 0
    round_trips_max: int = 0
    writes_max: int = 0

    def add(self, summary: CycleSummary) -> None:
        """Count one cycle."""
        self.cycles += 1
        self.round_trips_max = max(self.round_trips_max, summary.round_trips)
        self.writes_max = max(self.writes_max, summary.writes - summary.kept)


@dataclass(slots=True)
class Run:
    """What a replay counted on its way."""

    cycles: dict[ModuleName, int] = field(default_factory=lambda: dict.fromkeys(ModuleName, 0))
    idle: Cost = field(default_factory=Cost)
    deciding: Cost = field(default_factory=Cost)
    trading: Cost = field(default_factory=Cost)
    swept: datetime | None = None
    fired: dict[ModuleName, datetime] = field(default_factory=dict)
    holding: dict[ModuleName, None] = field(default_factory=dict)
    """Modules with open positions, in the order in which they came to hold them."""
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
        run.fired.clear()
        _at(stack, Moment(last, tuple(module for module in ModuleName if run.cycles[module])), run)
    run.seconds = time.monotonic() - started
    return run


def _at(stack: Stack, moment: Moment, run: Run) -> None:
    """Run one moment. The sweeper follows whatever happened at once, so that both stacks weigh the limits alike."""
    stack.advance(moment.time)
    due = [module for module in moment.modules if _is_due(module, moment, run)]
    for module in (*due, *_left_alone(moment, run)):
        run.fired[module] = moment.time
        stack.fire(module, moment.time)
        happened = _count(stack, module, run) is not CycleStatus.IDLE
        if happened or run.swept is None or moment.time - run.swept >= SWEEP_EVERY:
            stack.sweep(moment.time)
            run.swept = moment.time


def _is_due(module: ModuleName, moment: Moment, run: Run) -> bool:
    last = run.fired.get(module)
    return last is None or moment.time - last >= CADENCE[module] - SLACK


def _left_alone(moment: Moment, run: Run) -> list[ModuleName]:
    """Return the modules that hold something and have seen nothing new for long: expiry does not wait for data."""
    since = moment.time - LOOK_AFTER
    return [module for module in run.holding if module not in moment.modules and run.fired[module] <= since]


def _count(stack: Stack, module: ModuleName, run: Run) -> CycleStatus | None:
    """Count the cycle that just ran, as its book tells it, and return its status."""
    path = book_path(module)
    book = stack.store.get_many([path])[path].data
    run.cycles[module] += 1
    run.holding.pop(module, None)
    if book["positions"]:
        run.holding[module] = None
    if book["last_cycle"] is None:
        return None
    summary = decode(CycleSummary, book["last_cycle"], where=path)
    by_status = {CycleStatus.IDLE: run.idle, CycleStatus.TRADED: run.trading}
    by_status.get(summary.status, run.deciding).add(summary)
    if summary.note:
        run.notes[summary.note] = run.notes.get(summary.note, 0) + 1
    return summary.status
