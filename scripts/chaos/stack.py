"""Storms the whole local suite and checks that nothing was lost, doubled or forgotten.

Emulators, functions and venue run as programs of their own, as `make up` runs them; the venue's clock moves a minute
at a time, and the scheduler's attempts of that minute end before the next, so that the time of the market and the
leases of the desk stay in proportion to the time of this machine. At the end the storm is over, the desk is halted,
and once it is quiet its documents are compared with the venue's ledger.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from orchestrator.bootstrap import Builder, default_parameters
from orchestrator.domain.documents import CommandKind, CycleStatus, MarketDoc
from orchestrator.domain.orders import OrderState, Purpose
from orchestrator.ports import Store
from orchestrator.seed import seed
from orchestrator.settings import Settings
from scripts import scheduler, suite
from scripts.chaos.invariants import BreachError, books, check_quiet, orders
from scripts.chaos.ledger import post, read_ledgers
from scripts.chaos.storm import Storm
from scripts.market import MarketChoice, desk_environment, running_market
from scripts.ports import free_ports

MINUTE = timedelta(minutes=1)
CODEBASES = ("stocks", "options", "crypto", "events")

_QUIET_ROUNDS = 90
_SPEED = 60.0
"""In which the scheduler's waits between two attempts are told."""


@dataclass
class Figures:
    """What happened in a storm."""

    steps: int = 0
    runs: Counter[str] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)
    checked: int = 0
    seconds: float = 0.0
    breach: str = ""

    def reported(self, fired: scheduler.Fired) -> None:
        """Count one attempt of a function."""
        self.runs[fired.job] += 1
        if not fired.succeeded:
            self.failures[fired.job] += 1


@dataclass
class Stack:
    """A suite that is up, with its driver."""

    emulators: suite.Suite
    venue_url: str
    store: Store
    storm: Storm
    figures: Figures
    scheduler: scheduler.Scheduler
    now: datetime
    began: float = field(default_factory=time.monotonic)

    def step(self) -> None:
        """Move the market by a minute and let everything that is due run to its end."""
        self.now += MINUTE
        post(f"{self.venue_url}/venue/clock", {"to": self.now.isoformat()})
        self.scheduler.tick(scheduler.VenueTime(self.now, _SPEED))
        while self.scheduler.under_way:
            time.sleep(0.02)
        self.figures.steps += 1


@contextmanager
def running_stack(seed_number: int) -> Iterator[Stack]:
    """Start venue, emulators and functions on free ports; seed a desk; end everything with the block."""
    project = f"demo-chaos-{os.getpid()}"
    port = free_ports(["venue"])["venue"]
    choice = MarketChoice(0, seed=seed_number)
    arguments = [*choice.arguments, "--start", "2026-07-16T13:45:00"]
    with running_market(arguments, port=port, name=project) as market:
        environment = {**desk_environment(market.url), "FIREDESK_DESK": f"chaos{seed_number}"}
        with (
            suite.running(
                project=project, only=("firestore", "functions"), environment=environment, codebases=CODEBASES
            ) as emulators,
            _variables(emulators.environment),
        ):
            market.wait()
            store = Builder(Settings({**environment, **emulators.environment})).store
            clock = scheduler.read_clock(market.url)
            seed(store, default_parameters(), now=clock.now, market=MarketDoc(name=clock.market, synthetic=True))
            figures, storm = Figures(), Storm(emulators, market.url, store, seed=seed_number)
            jobs = scheduler.read_jobs(emulators.url("functions"))
            with ThreadPoolExecutor(max_workers=len(jobs)) as pool:
                fire = scheduler.fire_over_http(emulators.url("functions"), project)
                plan = scheduler.Scheduler(jobs, fire, figures.reported, pool)
                plan.tick(clock)
                yield Stack(emulators, market.url, store, storm, figures, plan, clock.now)


@contextmanager
def _variables(wanted: Mapping[str, str]) -> Iterator[None]:
    """Set variables of this process's environment, and set them back."""
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def run(stack: Stack, *, seconds: float) -> Figures:
    """Storm for so many seconds, then calm down, halt, and check."""
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        stack.storm.blow()
        stack.step()
    return conclude(stack)


def conclude(stack: Stack) -> Figures:
    """Calm down, halt, and check; return the figures."""
    try:
        settle(stack)
        stack.figures.checked = check_quiet(stack.store, read_ledgers(stack.venue_url))
    except BreachError as breach:
        stack.figures.breach = str(breach)
    stack.figures.seconds = time.monotonic() - stack.began
    return stack.figures


def settle(stack: Stack) -> None:
    """Let the storm pass, halt the desk, and run on until no order is under way.

    Raises
    ------
    BreachError
        It does not become quiet.
    """
    stack.storm.calm()
    stack.storm.command(CommandKind.HALT)
    calm_for = 0
    for _ in range(_QUIET_ROUNDS):
        stack.step()
        calm_for = calm_for + 1 if _is_quiet(stack) else 0
        if calm_for > 6:  # a sweep and a cycle of each module have seen the quiet desk
            return
    under_way = [f"{order.id} {order.state}" for order in orders(stack.store).values() if not _at_rest(order.state)]
    raise BreachError(f"not quiet after {_QUIET_ROUNDS} minutes: {under_way[:5]}")


def _at_rest(state: OrderState) -> bool:
    return state.terminal or state is OrderState.WORKING


def _is_quiet(stack: Stack) -> bool:
    """Return whether every order has ended or is a stop that rests, and every module's last run went well."""
    resting = [order for order in orders(stack.store).values() if not order.state.terminal]
    stops = all(order.state is OrderState.WORKING and order.intent.purpose is Purpose.PROTECT for order in resting)
    last = [book.last_cycle for book in books(stack.store).values()]
    well = all(cycle is not None and cycle.status is not CycleStatus.VENUE_DOWN for cycle in last)
    return stops and well
