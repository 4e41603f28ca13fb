"""The only file that names concrete adapters; everything is built when first needed, once per instance.

It reads the environment, so that nothing below it does. Nothing heavy is imported before it is used.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from functools import cache, partial
from importlib import import_module
from typing import TYPE_CHECKING

from orchestrator.domain.base import ModuleName
from orchestrator.domain.documents import CommandDoc, MarketDoc
from orchestrator.settings import Settings

if TYPE_CHECKING:
    from firebase_admin import App

    from ml.job import Outcome
    from ml.parity.report import Subject
    from orchestrator.api import Call, Reply
    from orchestrator.commands import Runner
    from orchestrator.cycle import CycleReport, Desk, ModularOrchestrator
    from orchestrator.domain.parameters import Parameters
    from orchestrator.domain.parity import ParityDoc
    from orchestrator.domain.tuning import Tunable
    from orchestrator.module import TradingModule
    from orchestrator.notify import Outlets
    from orchestrator.people import Accounts
    from orchestrator.ports import Broker, Clock, Json, MarketData, Store
    from orchestrator.status import Cadence
    from orchestrator.sweep import Swept


class Builder:
    """Builds the parts of a desk from settings, each once.

    Parameters
    ----------
    settings
        The environment.
    store, clock
        Used instead of Firestore and of the environment's clock (a replay in memory).
    """

    def __init__(self, settings: Settings, *, store: Store | None = None, clock: Clock | None = None) -> None:
        self.settings = settings
        self._store, self._clock = store, clock
        self._desks: dict[ModuleName, Desk] = {}
        self._care: dict[ModuleName, Desk] = {}
        self._outlets: Outlets | None = None
        self._open: list[Callable[[], None]] = []

    def close(self) -> None:
        """Close the connections to the venues; a function's instance keeps its own until it ends."""
        while self._open:
            self._open.pop()()

    @property
    def store(self) -> Store:
        """The desk's store."""
        if self._store is None:
            from orchestrator.adapters.firestore.client import make_client
            from orchestrator.adapters.firestore.data_layer import FirebaseDataLayer

            client = make_client(self.settings.project, emulator=self.settings.emulated)
            self._store = FirebaseDataLayer(client)
        return self._store

    def clock(self) -> Clock:
        """Return the clock of the shell: this machine's, or the venue's where it owns the time."""
        from orchestrator.adapters.clocks import SystemClock, VenueClock

        if self._clock is not None or not self.settings.venue_time:
            return self._clock or SystemClock()
        return VenueClock(self.settings.need("ALPACA_BASE_URL", "FIREDESK_CLOCK=venue asks the venue for the time"))

    def desk(self, module: ModuleName) -> Desk:
        """Return what a module runs with."""
        from orchestrator.cycle import Desk
        from orchestrator.module import ModuleConfig

        if module not in self._desks:
            kind, universe = module_class(module)
            broker, market = self._venue(module)
            config = ModuleConfig(universe=universe(self.settings.universe(module)), desk=self._name)
            self._desks[module] = Desk(kind, config, broker, market)
        return self._desks[module]

    def _caretaker(self, module: ModuleName) -> Desk:
        """Return what the caretaker of a module runs with: its venue, and nothing of its code."""
        from orchestrator.caretaker import Caretaker
        from orchestrator.cycle import Desk
        from orchestrator.module import ModuleConfig

        if module not in self._care:
            broker, market = self._venue(module)
            self._care[module] = Desk(Caretaker, ModuleConfig(universe={}, desk=self._name), broker, market)
        return self._care[module]

    def care(self, module: ModuleName) -> int:
        """Run the caretaker on a module's book once; fulfils `orchestrator.caretaker.Carer`.

        Raises
        ------
        TradingError
            The book could not be looked after; the message says why.
        """
        from orchestrator.adapters.clocks import running_seconds
        from orchestrator.cycle import ModularOrchestrator

        desks = {module: partial(self._caretaker, module)}
        caretakers = ModularOrchestrator(self.store, desks, stopwatch=running_seconds)
        return caretakers.care(module, now=self.clock().now()).summary.orders

    def answer(self, command_id: str, runner: Runner | None = None) -> CommandDoc:
        """Do a command, in the time in which people act; where it tightens the brake, look after the books at once.

        Raises
        ------
        TradingError
            It could not be done; the message says why.
        """
        from orchestrator.adapters.clocks import SystemClock
        from orchestrator.caretaker import look_after
        from orchestrator.commands import TIGHTENING, execute

        command = execute(self.store, command_id, SystemClock().now(), runner=runner)
        if command.status == "done" and command.kind in TIGHTENING:
            now = self.clock().now()
            look_after(self.store, self, now, self.cadence(now))
        return command

    def orchestrator(self) -> ModularOrchestrator:
        """Return the orchestrator of all modules; each one's venue is built when it first runs."""
        from orchestrator.adapters.clocks import running_seconds
        from orchestrator.cycle import ModularOrchestrator

        desks = {module: partial(self.desk, module) for module in ModuleName}
        return ModularOrchestrator(self.store, desks, stopwatch=running_seconds)

    def cycle(self, module: ModuleName, *, slot: datetime | None) -> CycleReport:
        """Run one slot of one module; without a slot, the current minute's. In venue time a cycle's now is its slot.

        Raises
        ------
        TradingError
            The slot could not be run; the message says why.
        """
        clock = self.clock().now()
        chosen = slot if slot is not None else clock.replace(second=0, microsecond=0)
        now = chosen if self.settings.venue_time else clock
        return self.orchestrator().cycle(module, slot=chosen, now=now)

    def tune(self, modules: Iterable[ModuleName], *, now: datetime) -> list[Outcome]:
        """Run the tuning job for these modules, on the prices that their cycles see."""
        from ml import job
        from orchestrator import __version__
        from orchestrator.audit import appended
        from orchestrator.module import deciding

        desks = {module: self.desk(module) for module in modules}
        wanted = [self._tunable(module, desk.config.universe) for module, desk in desks.items()]
        prices = {module: desk.market for module, desk in desks.items()}
        asked = {module: deciding(desk.module, desk.config.universe) for module, desk in desks.items()}
        return job.run(self.store, wanted, prices, now, code=__version__, audited=appended, decides=asked)

    def parity_subjects(self, *, now: datetime, ask_venues: bool) -> list[Subject]:
        """Return every module as the comparison with its backtest sees it."""
        from ml.parity.panels import Source
        from ml.parity.report import Subject
        from orchestrator.module import deciding
        from orchestrator.published import stored_bars

        found = []
        for module in ModuleName:
            kind, universe = module_class(module)
            tunable = self._tunable(module, universe(self.settings.universe(module)))
            grid = getattr(import_module(f"modules.{module}.universe"), "instrument", None)
            source = Source(stored_bars(self.store, module), self.desk(module).market if ask_venues else None, now)
            found.append(Subject(tunable, grid, source, deciding(kind, tunable.universe) if tunable.searched else None))
        return found

    def outlets(self) -> Outlets:
        """Return the ways to people: push in production, and what NOTIFY_URLS names."""
        from orchestrator.notify import Outlets

        if self._outlets is None:
            push, urls = None, self.settings.get("NOTIFY_URLS")
            if not self.settings.emulated:
                from orchestrator.adapters.notifications.push import FcmPush

                push = FcmPush(self.firebase())
            if urls is None:
                self._outlets = Outlets(push)
            else:
                from orchestrator.adapters.notifications.urls import channels_of

                self._outlets = Outlets(push, channels_of(urls))
        return self._outlets

    def runner(self) -> Runner:
        """Return what fires a module's cycle: Cloud Scheduler, or the functions emulator."""
        from orchestrator.adapters.functions import jobs
        from orchestrator.adapters.functions.entry import REGION

        project = self.settings.project
        if (hub := self.settings.get("FIREBASE_EMULATOR_HUB")) is not None:
            return jobs.EmulatorRunner(hub, project=project, region=REGION, clock=self.clock().now)
        return jobs.CloudSchedulerRunner(jobs.scheduler_client, project=project, region=REGION)

    def firebase(self) -> App:
        """Return the Firebase app; under the emulators it needs no credentials."""
        import firebase_admin

        try:
            return firebase_admin.get_app()
        except ValueError:
            return firebase_admin.initialize_app(options={"projectId": self.settings.project})

    def accounts(self) -> Accounts:
        """Return the accounts of the project's people."""
        from orchestrator.adapters.functions.tokens import FirebaseAccounts

        return FirebaseAccounts(self.firebase())

    def cadence(self, now: datetime) -> Cadence | None:
        """Return how long modules may be silent; None where the venue's clock jumps."""
        from orchestrator.status import cadence_at

        return None if self.settings.venue_time else cadence_at(now)

    def _tunable(self, module: ModuleName, universe: Mapping[str, tuple[str, ...]]) -> Tunable:
        found: Tunable = import_module(f"modules.{module}.tuning").tunable(universe)
        return found

    @property
    def _name(self) -> str:
        """The desk's name, part of every client order id."""
        return self.settings.get("FIREDESK_DESK") or self.settings.project

    def _venue(self, module: ModuleName) -> tuple[Broker, MarketData]:
        return self._kraken() if module is ModuleName.CRYPTO else self._alpaca()

    def _alpaca(self) -> tuple[Broker, MarketData]:
        from orchestrator.adapters.alpaca.broker import AlpacaBroker
        from orchestrator.adapters.alpaca.client import AlpacaKeys
        from orchestrator.adapters.alpaca.market import AlpacaMarketData

        settings = self.settings
        keys = AlpacaKeys(
            api_key=settings.need("ALPACA_API_KEY", "the key of the Alpaca account"),
            secret_key=settings.need("ALPACA_SECRET_KEY", "the secret of the Alpaca account"),
            base_url=settings.get("ALPACA_BASE_URL"),
            data_url=settings.get("ALPACA_DATA_URL"),
            paper=settings.get("ALPACA_LIVE") != "yes",
        )
        broker, market = AlpacaBroker(keys, clock=self.clock()), AlpacaMarketData(keys)
        self._open += [broker.close, market.close]
        return broker, market

    def _kraken(self) -> tuple[Broker, MarketData]:
        from orchestrator.adapters.ccxt.broker import KrakenBroker
        from orchestrator.adapters.ccxt.client import binance_client, kraken_client
        from orchestrator.adapters.ccxt.market import CcxtMarketData

        settings = self.settings
        client = kraken_client(
            settings.need("KRAKEN_API_KEY", "the key of the Kraken account"),
            settings.need("KRAKEN_SECRET", "the secret of the Kraken account"),
            base_url=settings.get("KRAKEN_BASE_URL"),
        )
        fallback = binance_client(base_url=settings.get("BINANCE_BASE_URL"))
        self._open += [client.close, fallback.close]
        return KrakenBroker(client, clock=self.clock()), CcxtMarketData(client, fallback)


UniverseOf = Callable[[tuple[str, ...] | None], Mapping[str, tuple[str, ...]]]


def module_class(module: ModuleName) -> tuple[type[TradingModule], UniverseOf]:
    """Return a module's class and how it sorts symbols into its lists."""
    known = import_module(f"modules.{module}.universe")
    kind: type[TradingModule] = getattr(import_module(f"modules.{module}.module"), f"{module.title()}Module")
    return kind, lambda symbols: known.UNIVERSE if symbols is None else known.universe_of(symbols)


@cache
def builder() -> Builder:
    """Return this instance's builder."""
    return Builder(Settings(dict(os.environ)))


def run_cycle(module: str, *, slot: datetime | None) -> CycleReport:
    """Run one slot of one module; without a slot, the current minute's.

    Raises
    ------
    TradingError
        The slot could not be run; the message says why.
    """
    return builder().cycle(ModuleName(module), slot=slot)


def run_tuning(*, slot: datetime | None) -> list[Outcome]:
    """Tune every module once for a slot (without one, the current minute's); what proved better trades."""
    built = builder()
    now = slot if slot is not None else built.clock().now().replace(second=0, microsecond=0)
    return built.tune(ModuleName, now=now)


def run_parity(*, slot: datetime | None) -> ParityDoc:
    """Compare the last whole days with their backtest and keep what came of it."""
    from ml.parity import night

    built = builder()
    now = slot if slot is not None else built.clock().now().replace(second=0, microsecond=0)
    return night.write(built.store, built.parity_subjects(now=now, ask_venues=True), now)


def take_order_into_account(order: Json) -> None:
    """Weigh the desk against its limits after an order document was written."""
    from orchestrator.posttrade import on_order_written

    built, now = builder(), builder().clock().now()
    on_order_written(built.store, order, now, cadence=built.cadence(now))


def notify_of(event_id: str, event: Json) -> None:
    """Tell people of an event document that was created."""
    from orchestrator.domain.codec import decode
    from orchestrator.domain.documents import EventDoc, event_path
    from orchestrator.domain.events import DeskEvent
    from orchestrator.notify import notify

    built = builder()
    told = DeskEvent(id=event_id, doc=decode(EventDoc, event, where=event_path(event_id)))
    notify(built.store, [told], built.outlets(), built.clock().now())


def answer_command(command_id: str) -> None:
    """Do a command that was created, and answer it."""
    builder().answer(command_id, runner=builder().runner())


def run_sweep(*, slot: datetime | None) -> Swept:
    """Do what triggers missed; in venue time at the slot, else now.

    Raises
    ------
    TradingError
        The sweep could not be done; the message says why.
    """
    from orchestrator.adapters.clocks import SystemClock
    from orchestrator.sweep import Surroundings, sweep

    built = builder()
    now = slot if slot is not None and built.settings.venue_time else built.clock().now()
    around = Surroundings(
        outlets=built.outlets(),
        runner=built.runner(),
        cadence=built.cadence(now),
        wall=SystemClock().now(),
        carer=built,
    )
    return sweep(built.store, now, around)


def answer_http(call: Call) -> Reply:
    """Answer one request to the API."""
    from orchestrator import __version__
    from orchestrator.adapters.functions.tokens import FirebaseVerifier
    from orchestrator.api import Service, answer

    built = builder()
    service = Service(
        store=built.store,
        verifier=FirebaseVerifier(built.firebase()),
        version=__version__,
        now=built.clock().now,
        metrics_token=built.settings.get("METRICS_TOKEN") or "",
        cadence=built.cadence,
    )
    return answer(call, service)


def default_parameters() -> dict[ModuleName, Parameters]:
    """Return each module's default parameters."""
    return {module: module_class(module)[0].parameters_model() for module in ModuleName}


def seed_desk(*, project: str, now: datetime, market: MarketDoc | None = None) -> list[str]:
    """Create the documents of a new desk in a project's Firestore and return their paths; twice changes nothing."""
    from orchestrator.seed import seed

    store = Builder(Settings({**os.environ, "GCLOUD_PROJECT": project})).store
    return seed(store, default_parameters(), now=now, market=market)
