"""State machine: whatever happens in whatever order, the desk stays right. A failure shrinks to a readable story.

`FIREDESK_CHAOS_STEPS=20000 FIREDESK_CHAOS_SEED=1 pytest -s tests/chaos/test_desk_machine.py` (make chaos) runs longer.
"""

from __future__ import annotations

import functools
import os
import time
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any, ClassVar

from hypothesis import HealthCheck, note, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from orchestrator.adapters.memory.faults import Fault, FaultPlan
from orchestrator.caretaker import look_after
from orchestrator.commands import CONSOLE, TIGHTENING, execute, open_commands
from orchestrator.domain.base import ModuleName
from orchestrator.domain.codec import encode
from orchestrator.domain.documents import BookDoc, CommandDoc, CommandKind
from orchestrator.domain.errors import BrokerUnavailableError
from orchestrator.domain.orders import OrderState
from orchestrator.domain.paths import command_path
from orchestrator.ports import Create
from orchestrator.posttrade import on_order_written
from scripts.chaos.invariants import books, orders
from tests.chaos.owner import in_doubt, what_became_of
from tests.chaos.process import Process
from tests.chaos.running import Running
from tests.chaos.scripted import FOREIGN, SYMBOLS
from tests.chaos.world import CADENCE, SILENCE, World, new_world

STEPS = int(os.environ.get("FIREDESK_CHAOS_STEPS", "900"))
SEED = int(os.environ.get("FIREDESK_CHAOS_SEED", "1"))
LENGTH = 45

MODULES = st.sampled_from(tuple(ModuleName))
TRADED = st.sampled_from([(module, symbol) for module in ModuleName for symbol in SYMBOLS[module]])
ACCOUNTS = st.sampled_from(["venue", "crypto"])
FAULTS = st.sampled_from(
    [
        (call, fault)
        for call in ("submit", "cancel", "find", "state")
        for fault in (Fault.RATE_LIMITED, Fault.UNAVAILABLE)
    ]
    + [(call, fault) for call in ("submit", "cancel") for fault in Fault if "LOST" in fault.name]
    + [("submit", Fault.REFUSED)]
)
ASKED = st.sampled_from([CommandKind.HALT, CommandKind.REDUCE, CommandKind.FLATTEN, *[CommandKind.RESUME] * 5])
ARGS = {CommandKind.RESUME: {"accept_loss": "yes"}, CommandKind.FLATTEN: {"confirm": "flatten"}}


def step(**strategies: st.SearchStrategy[Any]) -> Callable[[Callable[..., None]], Any]:
    """Make a rule after which everything that holds at all times is checked; it is counted."""

    def made(act: Callable[..., None]) -> Any:
        @rule(**strategies)
        @functools.wraps(act)
        def checked(machine: DeskMachine, **drawn: Any) -> None:
            act(machine, **drawn)
            DeskMachine.steps += 1
            machine.world.check_once()

        return checked

    return made


class DeskMachine(RuleBasedStateMachine):
    """Three modules, two venues, triggers, a sweeper and an owner; anything may fail at any time."""

    steps: ClassVar[int] = 0

    def __init__(self) -> None:
        super().__init__()
        self.world: World = new_world()
        self.held: list[Running] = []
        self.triggers: list[dict[str, Any]] = []
        self.asked = 0
        self.world.store.listen(self._notice)

    def _notice(self, path: str, _before: object, after: dict[str, Any]) -> None:
        if path.startswith("orders/"):
            self.triggers.append(after)

    @initialize(wishes=st.lists(TRADED, min_size=2, max_size=6, unique=True), holds=st.booleans())
    def begin(self, wishes: list[tuple[ModuleName, str]], holds: bool) -> None:
        """Begin with modules that want something; with `holds`, they have it already."""
        for module, symbol in wishes:
            self.world.scripts[module].entries.append(symbol)
        for _ in range(2 if holds else 0):
            self._everybody_runs()

    # What the modules want

    @step(traded=TRADED, aggressive=st.booleans())
    def want(self, traded: tuple[ModuleName, str], aggressive: bool) -> None:
        module, symbol = traded
        script = self.world.scripts[module]
        script.aggressive = aggressive
        script.exits.discard(symbol)
        if symbol not in script.entries:
            script.entries.append(symbol)

    @step(traded=TRADED)
    def leave(self, traded: tuple[ModuleName, str]) -> None:
        module, symbol = traded
        script = self.world.scripts[module]
        script.exits.add(symbol)
        script.entries = [one for one in script.entries if one != symbol]

    # Cycles

    @step(module=MODULES)
    def cycle(self, module: ModuleName) -> None:
        if self._undisturbed(module):
            self.world.run_watched(module)

    @step()
    def everybody_runs(self) -> None:
        self._everybody_runs()

    @step()
    def everybody_runs_again(self) -> None:
        self._everybody_runs()

    def _everybody_runs(self) -> None:
        self.world.wait(CADENCE)
        for module in ModuleName:
            if self._undisturbed(module):
                self.world.run_watched(module)

    @step(module=MODULES, point=st.integers(1, 20))
    def cycle_that_dies(self, module: ModuleName, point: int) -> None:
        if self._undisturbed(module):
            self.world.survive(module, Process(dies_at=point))

    @step(module=MODULES, minutes=st.integers(0, 5))
    def start(self, module: ModuleName, minutes: int) -> None:
        """Begin a cycle that is held before its first commit; without a pause it is the slot's second delivery."""
        if len(self.held) < 4:
            self.world.wait(timedelta(minutes=minutes))
            running = Running(self.world, module, self.world.now)
            self._keep(running)

    @precondition(lambda self: self.held)
    @step(number=st.integers(0, 3))
    def go_on(self, number: int) -> None:
        running = self.held.pop(number % len(self.held))
        note(f"{running} goes on")
        running.go_on()
        self._keep(running)

    @precondition(lambda self: self.held)
    @step(number=st.integers(0, 3))
    def kill(self, number: int) -> None:
        running = self.held.pop(number % len(self.held))
        note(f"{running} is killed")
        running.kill()

    def _keep(self, running: Running) -> None:
        if not running.ended:
            self.held.append(running)
        self.world.protection.disturbed(running.module)

    def _undisturbed(self, module: ModuleName) -> bool:
        """Return whether a cycle may run; while another is held up, protection is not counted."""
        if any(running.module is module for running in self.held):
            self.world.run(module)
            self.world.protection.disturbed(module)
            return False
        return True

    # Triggers, sweeps, time

    @precondition(lambda self: self.triggers)
    @step(data=st.data())
    def trigger(self, data: st.DataObject) -> None:
        number = data.draw(st.integers(0, len(self.triggers) - 1), label="which written order")
        on_order_written(self.world.alive, self.triggers[number], self.world.now)

    @precondition(lambda self: self.world.telling.created)
    @step(data=st.data(), dies_at=st.integers(0, 7))
    def event_trigger(self, data: st.DataObject, dies_at: int) -> None:
        world, events = self.world, self.world.telling.created
        event = events[data.draw(st.integers(0, len(events) - 1), label="which event")]
        world.telling.trigger(world.store, world.watch, event, world.now, dies_at)

    @step(times=st.integers(1, 3))
    def nobody_can_be_told(self, times: int) -> None:
        self.world.telling.notifier.faults += [BrokerUnavailableError("the line is busy")] * times

    @step()
    def sweep(self) -> None:
        self.world.sweep()

    @step(dies_at=st.integers(1, 40))
    def sweep_that_dies(self, dies_at: int) -> None:
        self.world.sweep(dies_at)

    @step(minutes=st.integers(1, 7))
    def wait(self, minutes: int) -> None:
        self.world.wait(timedelta(minutes=minutes))

    @step(hours=st.integers(1, 5))
    def jump(self, hours: int) -> None:
        self.world.wait(timedelta(hours=hours))

    @step(seconds=st.integers(1, 90))
    def clock_goes_back(self, seconds: int) -> None:
        self.world.wait(timedelta(seconds=-seconds))

    # Venues and prices

    @step(traded=TRADED, percent=st.integers(-7, 7))
    def price_moves(self, traded: tuple[ModuleName, str], percent: int) -> None:
        symbol = traded[1]
        self.world.move({symbol: self.world.prices[symbol] * (100 + percent) / 100})

    @step(name=ACCOUNTS, planned=FAULTS)
    def venue_fails(self, name: str, planned: tuple[str, Fault]) -> None:
        self.world.accounts[name].inner.faults.add(*planned)

    @step(
        name=ACCOUNTS, lost=st.sampled_from([fault for fault in Fault if "LOST" in fault.name]), asked=st.integers(1, 4)
    )
    def answer_is_lost(self, name: str, lost: Fault, asked: int) -> None:
        """Lose the answer to the next order, and fail the look-ups after it: it stays in doubt for a while."""
        faults = self.world.accounts[name].inner.faults
        faults.add("submit", lost)
        for _ in range(asked):
            faults.add("find", Fault.UNAVAILABLE)

    @step(name=ACCOUNTS, share=st.sampled_from(["0", "0.5", "1"]), cancels=st.booleans())
    def venue_fills(self, name: str, share: str, cancels: bool) -> None:
        account = self.world.accounts[name]
        account.inner.fill_fraction, account.manners.cancels_rest = Decimal(share), cancels

    @step(name=ACCOUNTS, late=st.sampled_from([0, 4, 11]), age=st.sampled_from([0, 6]), ended=st.booleans())
    def venue_tells(self, name: str, late: int, age: int, ended: bool) -> None:
        manners = self.world.accounts[name].manners
        manners.fills_late, manners.list_age = timedelta(minutes=late), timedelta(minutes=age)
        manners.lists_ended = ended

    @step(name=ACCOUNTS, data=st.data())
    def venue_cancels(self, name: str, data: st.DataObject) -> None:
        account = self.world.accounts[name]
        resting = [said.client_order_id for said in account.orders if not said.state.terminal]
        if resting:
            account.inner.end(data.draw(st.sampled_from(resting)), OrderState.CANCELLED)

    # The owner

    @step(kind=ASKED, lost=st.booleans())
    def owner_asks(self, kind: CommandKind, lost: bool) -> None:
        """Ask by a command document; its trigger may be lost, the sweeper then finds it."""
        self._ask(kind, ARGS.get(kind, {}))
        if not lost:
            self._answer()

    @precondition(lambda self: bool(in_doubt(self._books())))
    @step(number=st.integers(0, 3))
    def owner_resolves(self, number: int) -> None:
        """End an order in doubt by what the owner sees at the venue; late news of it may still come."""
        doubtful = in_doubt(self._books())
        order = doubtful[number % len(doubtful)]
        self._ask(CommandKind.RESOLVE, what_became_of(order, self.world.account(order.intent.module)))
        self._answer()

    @step(name=ACCOUNTS)
    def somebody_brings(self, name: str) -> None:
        """Let shares or coins arrive that nobody of the desk ordered; beside its own they would be drift."""
        self.world.accounts[name].inner.positions.setdefault(FOREIGN[name], Decimal(3))

    @precondition(lambda self: any(book.foreign for book in self._books()))
    @step(name=ACCOUNTS, qty=st.sampled_from(["", "1", "1.5"]))
    def owner_adopts(self, name: str, qty: str) -> None:
        stop = self.world.prices[FOREIGN[name]] * Decimal("0.9")
        args = {"symbol": FOREIGN[name], "qty": qty, "stop": f"{stop:.2f}"}
        self._ask(CommandKind.ADOPT, {key: value for key, value in args.items() if value})
        self._answer()

    def _books(self) -> list[BookDoc]:
        return list(books(self.world.store).values())

    @precondition(lambda self: self.asked)
    @step()
    def commands_are_delivered_again(self) -> None:
        for number in range(max(1, self.asked - 1), self.asked + 1):
            execute(self.world.alive, f"c{number:04d}", self.world.now)

    def _ask(self, kind: CommandKind, args: dict[str, str]) -> None:
        self.asked += 1
        now = self.world.now
        doc = CommandDoc(kind=kind, by=CONSOLE, role="owner", args=args, reason="story", created_at=now)
        self.world.store.commit([Create(command_path(f"c{self.asked:04d}"), encode(doc))])

    def _answer(self) -> None:
        for command_id in open_commands(self.world.alive):
            command = execute(self.world.alive, command_id, self.world.now)
            if command.status == "done" and command.kind in TIGHTENING:
                look_after(self.world.alive, self.world, self.world.now, SILENCE)

    def teardown(self) -> None:
        """End every story in quiet: what is held up ends, the venues behave, and everything is compared."""
        for running in self.held:
            while not running.ended:
                running.go_on()
        for account in self.world.accounts.values():
            account.inner.faults = FaultPlan()
            account.inner.fill_fraction = Decimal(1)
            account.manners.cancels_rest, account.manners.lists_ended = False, True
        for module in ModuleName:
            self.world.protection.disturbed(module)
        self.world.sweep()
        self.world.settle()
        self.world.tell_the_rest()
        assert set(orders(self.world.store)) >= set(account_ids(self.world))


def account_ids(world: World) -> set[str]:
    return {said.client_order_id or "" for account in world.accounts.values() for said in account.orders}


def test_every_story_ends_well() -> None:
    started, number = time.monotonic(), SEED
    DeskMachine.steps = 0
    while DeskMachine.steps < STEPS:
        wanted = -(-(STEPS - DeskMachine.steps) // LENGTH)
        run_state_machine_as_test(
            seed(number)(DeskMachine),
            settings=settings(
                max_examples=min(wanted, 100),
                stateful_step_count=LENGTH,
                database=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
        number += 1
    spent = time.monotonic() - started
    print(f"\n{DeskMachine.steps} steps, seeds {SEED} to {number - 1}, {spent:.1f} s")
    assert DeskMachine.steps >= STEPS
