"""A desk of three modules on two venues, in memory: what survives a crash, and how to run one more process on it."""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from orchestrator.adapters.memory.broker import MemoryBroker
from orchestrator.adapters.memory.market import MemoryMarketData
from orchestrator.adapters.memory.store import MemoryDataLayer
from orchestrator.caretaker import Caretaker
from orchestrator.cycle import CycleReport, Desk, ModularOrchestrator
from orchestrator.domain.base import ModuleName
from orchestrator.domain.documents import BookDoc, CycleStatus
from orchestrator.domain.market import Quote
from orchestrator.domain.orders import OrderState, Purpose
from orchestrator.domain.parameters import Parameters
from orchestrator.domain.venues import ALPACA, KRAKEN, IdUniqueness, VenueProfile
from orchestrator.module import ModuleConfig
from orchestrator.notify import ATTEMPTS, PAUSE
from orchestrator.seed import seed
from orchestrator.sweep import Surroundings, sweep
from scripts.chaos.invariants import books, check_once, check_quiet
from tests.chaos.account import MODULES_OF, Account
from tests.chaos.invariants import Protection, Watch
from tests.chaos.process import Killed, Process, ProcessBroker, ProcessMarket, ProcessStore
from tests.chaos.scripted import HIGH, LOW, Script, scripted
from tests.chaos.telling import Telling

START = datetime(2026, 7, 16, 14, 0, tzinfo=UTC)
PRICES = {
    "XLK": Decimal(100),
    "XLF": Decimal(50),
    "AAPL": Decimal(200),
    "SPY": Decimal(605),
    LOW: Decimal(12),
    HIGH: Decimal(7),
    "BTC/USD": Decimal(60_000),
    "ETH/USD": Decimal(3_000),
    "MSFT": Decimal(50),
    "SOL/USD": Decimal(100),
}
ACCOUNT_OF = {module: name for name, modules in MODULES_OF.items() for module in modules}
CADENCE = timedelta(minutes=5)

SILENCE = dict.fromkeys(ModuleName, timedelta(minutes=20))
LONG_WAIT = timedelta(minutes=30)

_ROUNDS, _CLOSE_ROUNDS = 40, 6


@dataclass
class World:
    """Store, venues, prices and scripts; processes come and go."""

    now: datetime = START
    store: MemoryDataLayer = field(default_factory=MemoryDataLayer)
    accounts: dict[str, Account] = field(default_factory=dict)
    scripts: dict[ModuleName, Script] = field(default_factory=lambda: {module: Script() for module in ModuleName})
    market: MemoryMarketData = field(default_factory=MemoryMarketData)
    prices: dict[str, Decimal] = field(default_factory=lambda: dict(PRICES))
    protection: Protection = field(default_factory=Protection)
    telling: Telling = field(default_factory=Telling)
    passed: timedelta = timedelta(0)
    """Time that has passed by a clock that never goes back."""
    watch: Watch = field(init=False)

    def __post_init__(self) -> None:
        self.watch = Watch(self.store)
        self.store.listen(self.telling.notice)
        self.move({})

    def forked(self) -> World:
        """Return a world of its own in the same state; what this one does later is not seen there."""
        scripts = {
            module: Script(list(one.entries), set(one.exits), one.protects, one.aggressive)
            for module, one in self.scripts.items()
        }
        twin = World(now=self.now, store=self.store.forked(), scripts=scripts, prices=dict(self.prices))
        twin.accounts = {name: account.forked(lambda: twin.now) for name, account in self.accounts.items()}
        return twin

    def account(self, module: ModuleName) -> Account:
        """Return the account of a module."""
        return self.accounts[ACCOUNT_OF[module]]

    def move(self, prices: dict[str, Decimal]) -> None:
        """Set prices, and quote everything anew at the present time."""
        self.prices.update(prices)
        for account in self.accounts.values():
            account.prices(self.prices)
        self.market.put_quotes(
            Quote(
                symbol=symbol,
                ts=self.now,
                bid=px * Decimal("0.9999"),
                ask=px * Decimal("1.0001"),
                bid_size=Decimal(1000),
                ask_size=Decimal(1000),
            )
            for symbol, px in self.prices.items()
        )

    def wait(self, pause: timedelta) -> None:
        """Let time pass; the market quotes on."""
        self.now += pause
        self.passed += max(pause, timedelta(0))
        self.move({})

    def orchestrator(self, process: Process) -> ModularOrchestrator:
        """Return the desk of a new process: nothing but the store survives."""
        store = ProcessStore(self.store, process, self.watch)
        market = ProcessMarket(self.market, process)
        desks = {
            module: Desk(
                scripted(module, self.scripts[module]),
                ModuleConfig(universe={}),
                ProcessBroker(self.account(module), process, self.watch),
                market,
            )
            for module in ModuleName
        }
        found = {module: lambda desk=desk: desk for module, desk in desks.items()}
        return ModularOrchestrator(store, found, stopwatch=self.stopwatch)

    def stopwatch(self) -> Callable[[], float]:
        """Begin to measure a run by the world's clock."""
        began = self.passed

        def elapsed_s() -> float:
            return (self.passed - began).total_seconds()

        return elapsed_s

    def run(self, module: ModuleName, process: Process | None = None, slot: datetime | None = None) -> CycleReport:
        """Run one cycle; a process that is to die raises Killed."""
        process = process or Process()
        return self.orchestrator(process).cycle(module, slot=slot or self.now, now=self.now)

    def survive(self, module: ModuleName, process: Process, slot: datetime | None = None) -> bool:
        """Run one cycle in a process that may die in it; return whether it lived."""
        try:
            self.run(module, process, slot)
        except Killed:
            return False
        finally:
            self.check_once()
        return True

    def run_watched(self, module: ModuleName) -> None:
        """Run one cycle and count how long positions stand unprotected.

        A venue that failed, or keeps back what it did, starts the count anew: nobody knows how much is to be protected.
        """
        account = self.account(module)
        failures = account.failures
        report = self.run(module)
        self.check_once()
        if report.status is CycleStatus.DUPLICATE:
            return
        if account.failures != failures or not account.told_all(self.now):
            self.protection.disturbed(module)
        elif self.scripts[module].protects:
            self.protection.after_cycle(module, self.book(module), account)

    def check_once(self) -> None:
        """Check what holds at every moment."""
        for account in self.accounts.values():
            check_once(account.ledger)

    def sweep(self, dies_at: int = 0) -> None:
        """Run the sweeper, which looks after books whose modules are silent, in a process that may die of it."""
        process = Process(dies_at=dies_at)
        around = Surroundings(self.telling.outlets(process), cadence=SILENCE, carer=self)
        with suppress(Killed):
            sweep(ProcessStore(self.store, process, self.watch), self.now, around)

    @property
    def alive(self) -> ProcessStore:
        """The store as a process sees it that does not die."""
        return ProcessStore(self.store, Process(), self.watch)

    def care(self, module: ModuleName) -> int:
        """Run the caretaker on a module's book; fulfils `orchestrator.caretaker.Carer`."""
        process = Process()
        broker = ProcessBroker(self.account(module), process, self.watch)
        desk = Desk(Caretaker, ModuleConfig(universe={}), broker, ProcessMarket(self.market, process))
        return ModularOrchestrator(self.alive, {module: lambda: desk}).care(module, now=self.now).summary.orders

    def settle(self, modules: Collection[ModuleName] = tuple(ModuleName)) -> None:
        """Let nobody want anything new, run on until nothing happens any more, and check everything."""
        for script in self.scripts.values():
            script.entries.clear()
        before: object = None
        for number in range(_ROUNDS):
            self.wait(CADENCE if number < _CLOSE_ROUNDS else LONG_WAIT)
            for module in modules:
                self.run_watched(module)
            seen = self._under_way()
            if seen == before and self._calm():
                break
            before = seen
        names = {ACCOUNT_OF[module] for module in modules}
        for module in ModuleName:
            if module not in modules and ACCOUNT_OF[module] in names:
                self.run(module)
        self.sweep()
        check_quiet(self.store, [account.ledger for account in self.accounts.values()])

    def tell_the_rest(self) -> None:
        """Sweep until the longest pause between two attempts to tell has passed, and check who was told of what."""
        self.telling.notifier.faults.clear()
        for _ in range(ATTEMPTS):
            self.wait(PAUSE * 2**ATTEMPTS)
            self.sweep()
        self.telling.check(self.store)

    def book(self, module: ModuleName) -> BookDoc:
        """Return a module's book."""
        return books(self.store)[module]

    def _calm(self) -> bool:
        """Return whether no order is in doubt or could trade, and the venues have told everything."""
        resting = [order for book in books(self.store).values() for order in book.orders.values()]
        final = all(
            order.state.terminal or (order.state is OrderState.WORKING and order.intent.purpose is Purpose.PROTECT)
            for order in resting
        )
        return final and all(account.told_all(self.now - CADENCE) for account in self.accounts.values())

    def _under_way(self) -> object:
        return [
            (key, order.state, order.filled_qty)
            for book in books(self.store).values()
            for key, order in sorted(book.orders.items())
            if not order.state.terminal
        ]


def new_world(crypto: VenueProfile = KRAKEN) -> World:
    """Return a desk that is set up and holds nothing, on a venue as Alpaca is and on one of the given profile."""
    world = World()
    seed(world.store, {module: Parameters() for module in ModuleName}, now=world.now)
    for name, profile, cash in (("venue", ALPACA, 80_000), ("crypto", crypto, 20_000)):
        inner = MemoryBroker(
            now=lambda: world.now,
            name=name,
            cash=Decimal(cash),
            fee_rate=Decimal("0.001"),
            profile=profile,
            tells_client_ids=profile.id_uniqueness is IdUniqueness.FOR_EVER,
        )
        world.accounts[name] = Account(inner)
    world.move({})
    for module in ModuleName:
        world.run(module)
    return world
