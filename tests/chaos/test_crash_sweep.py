"""Crash sweep: die at every call of a cycle, and again at every call of the recovery; then everything must be right.

The points are found by counting the calls of an undisturbed run, and every pair of points is tried: whatever leaves the
very same state, to the byte, goes on from it once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from orchestrator import execution
from orchestrator.domain.venues import KRAKEN
from tests.chaos.process import Process
from tests.chaos.remains import Observed, Remains, Slot, fingerprint
from tests.chaos.scenarios import BEHAVIOURS, CASES, SCENARIOS, Behaviour, Scenario
from tests.chaos.world import CADENCE, World

RETRY = timedelta(seconds=10)
RECOVERY = (Slot(RETRY, ago=RETRY), Slot(CADENCE))
"""What the platform does after a crash: the same slot once more, then the next one."""


@dataclass
class Sweep:
    """One scenario at a venue of one behaviour, swept point by point; counts what it has tried."""

    scenario: Scenario
    behaviour: Behaviour
    points: int = 0
    pairs: int = 0
    endings: set[tuple[bytes, int]] = field(default_factory=set)
    """States from which the rest was run to its end, with the number of slots that were still to come."""
    finished: set[bytes] = field(default_factory=set)
    """States that were found right in the end."""

    def run(self) -> None:
        """Die at every point of the scenario's slots, and go on from each state that this leaves."""
        slots = [Slot(CADENCE if number else timedelta(0)) for number in range(self.scenario.cycles)]
        world = begin(self.scenario, self.behaviour)
        swept = self._observed(world, slots, "undisturbed")
        self._finish(world, "undisturbed")
        self.points = len(swept.trail)
        for first in swept.remains:
            self._recover(first, f"dies at point {first.point} of {self.points}")

    def _recover(self, first: Remains, story: str) -> None:
        recovery = self._observed(first.world, RECOVERY, story)
        self._finish(first.world, story)
        self.pairs += first.points * len(recovery.trail)
        for second in recovery.remains:
            state = fingerprint(second.world), len(second.left)
            if state not in self.endings:
                self.endings.add(state)
                again = f"{story}, then at point {second.point} of the recovery"
                self._observed(second.world, second.left, again)
                self._finish(second.world, again)

    def _observed(self, world: World, slots: Sequence[Slot], story: str) -> Observed:
        with self._telling(story):
            return Observed(world, self.scenario.module, slots)

    def _finish(self, world: World, story: str) -> None:
        """Let what a recovery left come to rest and check it; many recoveries leave the same."""
        state = fingerprint(world)
        if state in self.finished:
            return
        self.finished.add(state)
        with self._telling(story):
            self.behaviour.later(world, self.scenario.module)
            world.settle([self.scenario.module])
            held = world.book(self.scenario.module).positions
            assert not (self.scenario.flat and held), f"still held: {sorted(held)}"

    @contextmanager
    def _telling(self, story: str) -> Iterator[None]:
        try:
            yield
        except AssertionError as broken:
            one = self.scenario
            where = f"{one.name} ({one.module} on {one.venue}), {self.behaviour.name}"
            raise AssertionError(f"{where}: {story}: {broken}") from broken


def begin(scenario: Scenario, behaviour: Behaviour) -> World:
    world = scenario.stage()
    behaviour.begin(world.account(scenario.module))
    return world


def cases() -> Iterator[object]:
    for scenario, behaviour in CASES:
        yield pytest.param(scenario, behaviour, id=f"{scenario.name}-{scenario.venue}-{behaviour.name}")


@pytest.mark.parametrize(("scenario", "behaviour"), list(cases()))
def test_a_crash_at_any_call_leaves_nothing_lost_doubled_or_forgotten(scenario: Scenario, behaviour: Behaviour) -> None:
    sweep = Sweep(scenario, behaviour)
    sweep.run()
    print(f"{sweep.points} points, {sweep.pairs} pairs of crashes, {len(sweep.endings)} different endings")
    if behaviour is BEHAVIOURS[0]:
        assert sweep.points >= scenario.least[0]
        assert len(sweep.endings) >= scenario.least[1]


KILLED = [one for one in SCENARIOS if one.cycles == 1 and one.crypto is KRAKEN]


@pytest.mark.parametrize("scenario", KILLED, ids=[f"{one.name}-{one.venue}" for one in KILLED])
def test_a_killed_process_leaves_what_was_seen_at_its_point(
    scenario: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the sweep goes on from is what really killing the process at each of its points leaves.

    Orders are sent one at a time here: sent in threads, two runs meet their points in two orders.
    """
    monkeypatch.setattr(execution, "_PARALLEL", 1)
    stage = scenario.stage()
    seen = Observed(stage.forked(), scenario.module, [Slot()])
    left = [remains for remains in seen.remains for _ in range(remains.points)]
    for point, remains in enumerate(left, 1):
        world = stage.forked()
        assert not world.survive(scenario.module, Process(dies_at=point))
        assert fingerprint(world) == fingerprint(remains.world), (
            f"{scenario.name}, point {point}: {seen.trail[point - 1]}"
        )
