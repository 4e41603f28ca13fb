"""What the crash sweep goes through: situations of the desk, and ways in which the venue behaves in them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from orchestrator.adapters.memory.faults import Fault
from orchestrator.domain.base import ModuleName
from orchestrator.domain.documents import CommandKind
from orchestrator.domain.orders import OrderState, Purpose
from orchestrator.domain.venues import ALPACA, GATE, KRAKEN, VenueProfile
from scripts.chaos.invariants import orders
from tests.chaos.account import Account
from tests.chaos.owner import ask
from tests.chaos.scripted import SYMBOLS
from tests.chaos.world import CADENCE, World, new_world

FIRST = {ModuleName.STOCKS: "XLK", ModuleName.OPTIONS: "SPY", ModuleName.CRYPTO: "BTC/USD"}
"""The symbol that each module's scenario is about."""


@dataclass(frozen=True)
class Scenario:
    """A desk about to run the cycles that are swept.

    Parameters
    ----------
    prepare
        Brings a new world to where the swept cycles begin.
    least
        Points that an undisturbed run has at least, and different states that two crashes leave: a sweep that shrinks
        is noticed.
    cycles
        How many slots are swept, one after the other.
    crypto
        Profile of the venue that the crypto module trades on.
    ways
        Names of the behaviours it is swept with; none named = all.
    flat
        Nothing may be held in the end.
    """

    name: str
    module: ModuleName
    prepare: Callable[[World, ModuleName], None]
    least: tuple[int, int]
    cycles: int = 1
    crypto: VenueProfile = KRAKEN
    ways: tuple[str, ...] = ()
    flat: bool = False

    @property
    def venue(self) -> str:
        """The profile that the scenario's module meets."""
        return (self.crypto if self.module is ModuleName.CRYPTO else ALPACA).name

    def stage(self) -> World:
        """Return the world in which the sweep of this scenario starts."""
        world = new_world(self.crypto)
        self.prepare(world, self.module)
        world.wait(CADENCE)
        return world


def _entry(world: World, module: ModuleName) -> None:
    world.scripts[module].entries = [FIRST[module]]


def _unprotected_entry(world: World, module: ModuleName) -> None:
    _entry(world, module)
    world.scripts[module].protects = False


def _hold(world: World, module: ModuleName) -> None:
    _entry(world, module)
    for _ in range(3):
        world.wait(CADENCE)
        world.run(module)
        world.scripts[module].entries = []
    assert world.book(module).positions, "the scenario holds something"


def _exit(world: World, module: ModuleName) -> None:
    _hold(world, module)
    world.scripts[module].exits = {FIRST[module]}


def _overdue(world: World, module: ModuleName) -> None:
    """An entry has rested below the market until its decision grew old."""
    script = world.scripts[module]
    script.entries, script.aggressive = [FIRST[module]], False
    world.wait(CADENCE)
    world.run(module)
    script.entries = []
    world.wait(timedelta(minutes=12))
    assert world.account(module).orders, "the scenario has a resting entry"


def _two_entries(world: World, module: ModuleName) -> None:
    """Two orders leave at the same time."""
    world.scripts[module].entries = list(SYMBOLS[module][:2])


def _stopped_out(world: World, module: ModuleName) -> None:
    """The stop has filled since the last cycle looked."""
    _hold(world, module)
    symbol = FIRST[module]
    world.move({symbol: world.prices[symbol] * Decimal("0.9")})
    assert not world.account(module).inner.positions.get(symbol), "the stop has filled"


def _flatten(world: World, module: ModuleName) -> None:
    """The owner has ordered that everything be closed."""
    _hold(world, module)
    ask(world, CommandKind.FLATTEN, {"confirm": "flatten"})


_BY_ID = (
    "well behaved",
    "answer lost after acceptance",
    "504, never arrived",
    "fill after the cancel",
    "fill hours after the cancel",
    "old list of open orders",
    "list of open orders only",
)
"""Ways of a venue in which it matters for how long it keeps an id."""

_MOST = (
    "well behaved",
    "answer lost after acceptance",
    "answer to the cancel lost",
    "partial fill then cancel",
    "fills told two cycles late",
)
"""Ways of a venue that matter most to a situation that is made of the others' parts."""

SCENARIOS = (
    Scenario("entry", ModuleName.STOCKS, _unprotected_entry, (9, 15)),
    Scenario("entry and protection", ModuleName.STOCKS, _entry, (18, 36), cycles=2),
    Scenario("entry and protection", ModuleName.CRYPTO, _entry, (18, 36), cycles=2),
    Scenario("exit replaces a stop", ModuleName.STOCKS, _exit, (11, 20)),
    Scenario("exit replaces a stop", ModuleName.CRYPTO, _exit, (11, 20)),
    Scenario("cancel of an overdue entry", ModuleName.STOCKS, _overdue, (9, 15)),
    Scenario("cancel of an overdue entry", ModuleName.CRYPTO, _overdue, (9, 15)),
    Scenario("entry", ModuleName.CRYPTO, _unprotected_entry, (9, 15), crypto=GATE, ways=_BY_ID),
    Scenario("exit replaces a stop", ModuleName.CRYPTO, _exit, (11, 20), crypto=GATE, ways=_BY_ID),
    Scenario("cancel of an overdue entry", ModuleName.CRYPTO, _overdue, (9, 15), crypto=GATE, ways=_BY_ID),
    Scenario("spread entry", ModuleName.OPTIONS, _entry, (9, 15)),
    Scenario("spread exit", ModuleName.OPTIONS, _exit, (9, 15)),
    Scenario("two entries", ModuleName.STOCKS, _two_entries, (9, 15), ways=_MOST),
    Scenario("stop filled unseen", ModuleName.STOCKS, _stopped_out, (5, 6), ways=_MOST, flat=True),
    Scenario("stop filled unseen", ModuleName.CRYPTO, _stopped_out, (5, 6), ways=_MOST, flat=True),
    Scenario("flatten", ModuleName.STOCKS, _flatten, (11, 18), ways=_MOST, flat=True),
    Scenario("flatten", ModuleName.CRYPTO, _flatten, (11, 18), ways=_MOST, flat=True),
    Scenario("flatten a spread", ModuleName.OPTIONS, _flatten, (9, 15), ways=_MOST, flat=True),
)


@dataclass(frozen=True)
class Behaviour:
    """What the venue does: `begin` just before the swept cycles, `later` once the desk has recovered.

    `only` names the scenarios in which it differs from good behaviour; none named = in all.
    """

    name: str
    begin: Callable[[Account], None] = lambda _account: None
    later: Callable[[World, ModuleName], None] = lambda _world, _module: None
    only: tuple[str, ...] = ()


def _fails(call: str, *faults: Fault) -> Callable[[Account], None]:
    return lambda account: account.inner.faults.add(call, *faults)


def _partial_then_cancel(account: Account) -> None:
    account.inner.fill_fraction = Decimal("0.5")
    account.manners.cancels_rest = True


def _whole_again(world: World, module: ModuleName) -> None:
    account = world.account(module)
    account.inner.fill_fraction = Decimal(1)
    account.manners.cancels_rest = False


def _late(delay: timedelta) -> Callable[[Account], None]:
    def begin(account: Account) -> None:
        account.manners.fills_late = delay

    return begin


def _old_list(account: Account) -> None:
    account.manners.list_age = timedelta(minutes=6)


def _only_open(account: Account) -> None:
    account.manners.lists_ended = False


def _told_again(account: Account) -> None:
    account.inner.repeats_fills = True


def _fill_what_was_cancelled(after: timedelta) -> Callable[[World, ModuleName], None]:
    """The venue's trade arrives after its own word that the order was cancelled: the sides crossed on the wire."""

    def later(world: World, module: ModuleName) -> None:
        for order in orders(world.store).values():
            cancelled = order.state is OrderState.CANCELLED and order.broker_order_id is not None
            if order.intent.module is module and cancelled and order.intent.purpose is Purpose.ENTRY:
                for _ in range(3):
                    world.wait(after / 3)
                    world.run(module)
                world.account(module).inner.fill(order.id, order.intent.qty / 2)

    return later


_OVERDUE = ("cancel of an overdue entry",)
_CANCELLING = (*_OVERDUE, "exit replaces a stop", "flatten")
_FILLING = tuple(name for name in dict.fromkeys(one.name for one in SCENARIOS) if name not in _OVERDUE)

BEHAVIOURS = (
    Behaviour("well behaved"),
    Behaviour("answer lost after acceptance", _fails("submit", Fault.LOST_AFTER_ACCEPTANCE)),
    Behaviour("504, never arrived", _fails("submit", Fault.LOST_BEFORE_ACCEPTANCE)),
    Behaviour("429", _fails("submit", Fault.RATE_LIMITED, Fault.RATE_LIMITED)),
    Behaviour("look-up down", _fails("find", Fault.UNAVAILABLE)),
    Behaviour("answer to the cancel lost", _fails("cancel", Fault.LOST_AFTER_ACCEPTANCE), only=_CANCELLING),
    Behaviour("partial fill then cancel", _partial_then_cancel, _whole_again, only=_FILLING),
    Behaviour("fills told two cycles late", _late(timedelta(minutes=11)), only=_FILLING),
    Behaviour("fills told two hours late", _late(timedelta(hours=2)), only=_FILLING),
    Behaviour("fill after the cancel", later=_fill_what_was_cancelled(timedelta(minutes=10)), only=_OVERDUE),
    Behaviour("fill hours after the cancel", later=_fill_what_was_cancelled(timedelta(hours=3)), only=_OVERDUE),
    Behaviour("old list of open orders", _old_list),
    Behaviour("list of open orders only", _only_open),
    Behaviour("every fill told again", _told_again),
)


def _differs(scenario: Scenario, behaviour: Behaviour) -> bool:
    if scenario.ways and behaviour.name not in scenario.ways:
        return False
    return not behaviour.only or scenario.name in behaviour.only


CASES = tuple(
    (scenario, behaviour) for scenario in SCENARIOS for behaviour in BEHAVIOURS if _differs(scenario, behaviour)
)
"""Every scenario with every way of the venue that makes a difference in it."""
