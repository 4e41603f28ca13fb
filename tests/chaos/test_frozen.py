"""A run that is frozen before its order leaves, and goes on when others have long taken over: it sends nothing."""

from __future__ import annotations

from datetime import timedelta

import pytest

from orchestrator.domain.base import ModuleName
from tests.chaos.running import Running
from tests.chaos.world import CADENCE, World, new_world


@pytest.mark.parametrize(("pause_s", "sends"), [(30, True), (46, False), (3_600, False)])
def test_a_frozen_run_sends_only_while_its_lease_holds(pause_s: int, sends: bool) -> None:
    world = new_world()
    world.scripts[ModuleName.STOCKS].entries.append("XLK")
    world.wait(CADENCE)
    frozen = Running(world, ModuleName.STOCKS, world.now)
    frozen.go_on()
    assert frozen.where == "committed"
    world.wait(timedelta(seconds=pause_s))
    finish(frozen)
    assert bool(world.accounts["venue"].orders) is sends
    world.scripts[ModuleName.STOCKS].entries.clear()
    world.settle()


def test_a_frozen_exit_does_not_sell_what_another_run_has_sold() -> None:
    world = held()
    frozen = Running(world, ModuleName.STOCKS, world.now)
    frozen.go_on()
    world.wait(timedelta(hours=1))
    world.run(ModuleName.STOCKS)
    world.run(ModuleName.STOCKS, slot=world.now + timedelta(seconds=1))
    finish(frozen)
    world.check_once()
    world.settle()


def held() -> World:
    world = new_world()
    script = world.scripts[ModuleName.STOCKS]
    script.entries.append("XLK")
    world.wait(CADENCE)
    world.run(ModuleName.STOCKS)
    script.entries.clear()
    script.exits.add("XLK")
    world.wait(CADENCE)
    return world


def finish(running: Running) -> None:
    while not running.ended:
        running.go_on()
