"""Crash sweep: die at every call of a cycle, and again at every call of the recovery; then everything must be right.

The points are found by counting the calls of an undisturbed run. Between two points at which nothing durable changed
a crash is the same crash, and one before the first change is none, so pairs are formed of one point for each change
(`FIREDESK_CHAOS=full`: of every point).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import timedelta

import pytest

from tests.chaos.process import Process
from tests.chaos.scenarios import BEHAVIOURS, CASES, Behaviour, Scenario
from tests.chaos.world import CADENCE, World

FULL = os.environ.get("FIREDESK_CHAOS") == "full"
EFFECTS = frozenset({"committed", "submitted", "cancelled"})
RETRY = timedelta(seconds=10)


class Timeline:
    """Slots run one after the other by processes that share one count of points and die at one of them."""

    def __init__(self, world: World, scenario: Scenario, dies_at: int = 0) -> None:
        self.world, self.module = world, scenario.module
        self.trail: list[str] = []
        self._dies_at = dies_at

    def run(self, slots: int) -> bool:
        """Run that many slots; return whether all were lived through. A dead one's slot is over."""
        for number in range(slots):
            if number:
                self.world.wait(CADENCE)
            if not self._survives():
                return False
        return True

    def recover(self) -> bool:
        """Run as the platform does after a crash: the same slot once more, then the next one."""
        self.world.wait(RETRY)
        slot = self.world.now - RETRY
        lived = self._survives(slot)
        self.world.wait(CADENCE)
        return self._survives() and lived

    def _survives(self, slot: object = None) -> bool:
        process = Process(dies_at=max(0, self._dies_at - len(self.trail)))
        lived = self.world.survive(self.module, process, slot)
        self.trail += process.trail
        return lived


def begin(stage: World, scenario: Scenario, behaviour: Behaviour) -> World:
    world = stage.forked()
    behaviour.begin(world.account(scenario.module))
    return world


def points(trail: list[str], *, every: bool) -> Iterator[int]:
    """Yield the numbers of the points to die at: all, or each that follows a change."""
    for number, point in enumerate(trail, 1):
        if every or point in EFFECTS:
            yield number


def finish(world: World, scenario: Scenario, behaviour: Behaviour) -> None:
    behaviour.later(world, scenario.module)
    world.settle([scenario.module])


def crash(stage: World, scenario: Scenario, behaviour: Behaviour, *, first: int, second: int) -> list[str]:
    """Die at one point, die at a point of the recovery (0 = live), run on, check; return the recovery's points."""
    world = begin(stage, scenario, behaviour)
    story = f"{scenario.name} ({scenario.module} on {scenario.venue}), {behaviour.name}: dies at point {first}"
    try:
        Timeline(world, scenario, first).run(scenario.cycles)
        recovery = Timeline(world, scenario, second)
        recovery.recover()
        finish(world, scenario, behaviour)
    except AssertionError as broken:
        again = f", then at point {second} of the recovery" if second else ""
        raise AssertionError(f"{story}{again}: {broken}") from broken
    return recovery.trail


KNOWN: dict[tuple[str, str, str], str] = {}
"""What does not hold yet, and why."""


def cases() -> Iterator[object]:
    for scenario, behaviour in CASES:
        known = KNOWN.get((scenario.name, scenario.venue, behaviour.name))
        marks = [pytest.mark.xfail(reason=known, strict=False)] if known else []
        yield pytest.param(scenario, behaviour, id=f"{scenario.name}-{scenario.venue}-{behaviour.name}", marks=marks)


@pytest.mark.parametrize(("scenario", "behaviour"), list(cases()))
def test_a_crash_at_any_call_leaves_nothing_lost_doubled_or_forgotten(scenario: Scenario, behaviour: Behaviour) -> None:
    stage, pairs = scenario.stage(), 0
    undisturbed = Timeline(begin(stage, scenario, behaviour), scenario)
    assert undisturbed.run(scenario.cycles)
    finish(undisturbed.world, scenario, behaviour)
    good = behaviour is BEHAVIOURS[0]
    chosen = set(points(undisturbed.trail, every=FULL))
    for first in points(undisturbed.trail, every=good or FULL):
        recovery = crash(stage, scenario, behaviour, first=first, second=0)
        for second in points(recovery, every=FULL) if first in chosen else ():
            crash(stage, scenario, behaviour, first=first, second=second)
            pairs += 1
    print(f"{len(undisturbed.trail)} points, {pairs} pairs of crashes")
    if good:
        assert len(undisturbed.trail) >= scenario.least[0], undisturbed.trail
        assert pairs >= scenario.least[1]
