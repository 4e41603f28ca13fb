"""A cycle that stands still while something else happens: what it decided before does not count any more."""

from __future__ import annotations

import pytest

from orchestrator.commands import CONSOLE, execute
from orchestrator.domain.base import ModuleName
from orchestrator.domain.codec import encode
from orchestrator.domain.documents import CommandDoc, CommandKind
from orchestrator.domain.orders import Purpose
from orchestrator.domain.paths import command_path
from orchestrator.ports import Create
from scripts.chaos.invariants import orders
from tests.chaos.running import Running
from tests.chaos.scripted import SYMBOLS
from tests.chaos.world import CADENCE, World, new_world

EACH = pytest.mark.parametrize("module", list(ModuleName))


def eager(module: ModuleName) -> World:
    world = new_world()
    world.scripts[module].entries = [SYMBOLS[module][0]]
    world.wait(CADENCE)
    return world


def asked(world: World, kind: CommandKind) -> None:
    doc = CommandDoc(kind=kind, by=CONSOLE, role="owner", reason="the test", created_at=world.now)
    world.store.commit([Create(command_path(f"c-{kind}"), encode(doc))])
    assert execute(world.alive, f"c-{kind}", world.now).status == "done"


def to_the_end(running: Running) -> None:
    while not running.ended:
        running.go_on()


@EACH
@pytest.mark.parametrize("kind", [CommandKind.HALT, CommandKind.REDUCE])
def test_no_entry_that_was_decided_before_a_brake_is_committed_after_it(module: ModuleName, kind: CommandKind) -> None:
    world = eager(module)
    running = Running(world, module, world.now)
    assert running.where == "commit"
    asked(world, kind)
    to_the_end(running)
    assert orders(world.store) == {}
    assert world.account(module).orders == []


@EACH
def test_an_entry_already_committed_when_the_desk_is_halted_does_not_stay(module: ModuleName) -> None:
    world = eager(module)
    world.account(module).inner.fill_fraction *= 0
    running = Running(world, module, world.now)
    running.go_on()
    assert running.where == "committed"
    asked(world, CommandKind.HALT)
    to_the_end(running)
    world.settle()
    entries = [order for order in orders(world.store).values() if order.intent.purpose is Purpose.ENTRY]
    assert [order.state.value for order in entries] == ["CANCELLED"]
    assert [said for said in world.account(module).orders if not said.state.terminal] == []


@EACH
def test_two_deliveries_of_one_slot_send_one_order(module: ModuleName) -> None:
    world = eager(module)
    first, second = Running(world, module, world.now), Running(world, module, world.now)
    to_the_end(second)
    to_the_end(first)
    assert len([order for order in orders(world.store).values() if order.intent.purpose is Purpose.ENTRY]) == 1
    world.settle()
