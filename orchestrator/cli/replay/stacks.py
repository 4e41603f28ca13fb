"""The two ways to run a replay: in one process with the store in memory, or on the emulators and functions.

Both reach the same local venue through the same client libraries, over HTTP or in process; a driver cannot tell them
apart.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, Protocol

import httpx

from orchestrator.bootstrap import Builder, default_parameters
from orchestrator.cycle import ModularOrchestrator
from orchestrator.domain.base import ModuleName
from orchestrator.domain.documents import MarketDoc
from orchestrator.domain.errors import ConfigurationError, StoreUnavailableError
from orchestrator.ports import Store
from orchestrator.seed import seed
from orchestrator.settings import Settings

_PROJECT = "demo-replay"
_FUNCTIONS = {
    ModuleName.STOCKS: "stocks_cycle",
    ModuleName.OPTIONS: "options_cycle",
    ModuleName.CRYPTO: "crypto_cycle",
}
_COLLECT_AFTER = 50_000
"""Values made and not yet gone after which the youngest are looked through; Python's own figure is 700."""
_CODEBASES = ("stocks", "options", "crypto", "events")


@dataclass(frozen=True, slots=True)
class Window:
    """What to replay: a folder, its days (both included), and the symbols by module ("" = the shipped universe)."""

    data: Path
    first: date
    last: date
    universe: str = ""


@dataclass(frozen=True, slots=True)
class Moment:
    """A time at which modules have something new to look at."""

    time: datetime
    modules: tuple[ModuleName, ...]


class Stack(Protocol):
    """A desk with its venue, ready to be driven."""

    name: str
    store: Store

    def moments(self) -> list[Moment]:
        """Return the moments of the window, in order."""

    def advance(self, to: datetime) -> None:
        """Move the venue's clock."""

    def fire(self, module: ModuleName, slot: datetime) -> None:
        """Run one cycle as the scheduler does."""

    def sweep(self, slot: datetime) -> None:
        """Run the sweeper as the scheduler does."""

    def ledger(self) -> dict[str, Any]:
        """Return the venue's own account of fills, orders and cash."""


class MemoryStack:
    """Everything in this process: memory store, real clients, the venue behind their transport."""

    name = "memory"

    def __init__(self, venue: _Venue, builder: Builder, advance: Callable[[datetime], None]) -> None:
        self.builder = builder
        self.store = builder.store
        self._orchestrator: ModularOrchestrator = builder.orchestrator()
        self.moments, self.advance, self.ledger = venue.moments, advance, venue.ledger

    def fire(self, module: ModuleName, slot: datetime) -> None:
        """Run one cycle."""
        self._orchestrator.cycle(module, slot=slot, now=slot)

    def sweep(self, slot: datetime) -> None:
        """Run the sweeper."""
        from orchestrator.sweep import sweep

        sweep(self.store, slot)


class EmulatorStack:
    """The official emulators run the deployed functions; the driver only calls them and reads Firestore."""

    name = "firestore"

    def __init__(self, venue: _Venue, store: Store, triggers: Mapping[str, str]) -> None:
        self._venue = venue
        self.store = store
        self._triggers = triggers
        self.moments, self.advance, self.ledger = venue.moments, venue.advance, venue.ledger

    def fire(self, module: ModuleName, slot: datetime) -> None:
        """Fire the module's function."""
        self._call(_FUNCTIONS[module], slot)

    def sweep(self, slot: datetime) -> None:
        """Fire the sweeper."""
        self._call("sweep", slot)

    def _call(self, function: str, slot: datetime) -> None:
        from scripts.scheduler import scheduler_headers

        headers = scheduler_headers(f"us-central1-{function}", slot)
        answer = httpx.post(self._triggers[function], headers=headers, timeout=180)
        if answer.is_error:
            raise StoreUnavailableError(f"{function} at {slot}: HTTP {answer.status_code}: {answer.text[:500]}")


class _Venue:
    """The control end of a local venue."""

    def __init__(self, url: str, transport: httpx.BaseTransport | None = None) -> None:
        self._http = httpx.Client(base_url=url, timeout=60, transport=transport)

    def close(self) -> None:
        """Close the connection."""
        self._http.close()

    def moments(self) -> list[Moment]:
        """Return the moments of the window, in order."""
        return [
            Moment(
                datetime.fromisoformat(told["time"]), tuple(module for module in ModuleName if module in told["kinds"])
            )
            for told in self._get("/venue/schedule")
        ]

    def advance(self, to: datetime) -> None:
        """Move the venue's clock."""
        self._http.post("/venue/clock", json={"to": to.isoformat()}).raise_for_status()

    def ledger(self) -> dict[str, Any]:
        """Return the venue's own account of fills, orders and cash."""
        return dict(self._get("/venue/ledger"))

    def clock(self) -> dict[str, Any]:
        """Return the venue's clock and name."""
        return dict(self._get("/venue/clock"))

    def _get(self, path: str) -> Any:
        return self._http.get(path).raise_for_status().json()


@contextmanager
def memory_stack(window: Window) -> Iterator[MemoryStack]:
    """Start a desk in this process: no Java, no Node, no socket.

    Raises
    ------
    ConfigurationError
        The folder has nothing to replay in the window.
    """
    from orchestrator.adapters.memory.store import MemoryDataLayer
    from orchestrator.adapters.transport import answered_in_process
    from orchestrator.cli.replay.inprocess import URL, ExchangeClock, InProcessVenue
    from scripts.market import desk_environment
    from venue import Exchange
    from venue.replay.feed import ReplayFeed
    from venue.replay.universe import parse_universe
    from venue.web.app import VenueApp
    from venue.web.control import Pace

    feed = ReplayFeed(window.data, window.first, window.last, parse_universe([window.universe]) or None)
    if not feed.schedule(feed.now, feed.end):
        raise ConfigurationError(f"--data {window.data}: nothing to replay from {window.first} to {window.last}")
    exchange = Exchange(feed)
    adapter = InProcessVenue(VenueApp(exchange, Pace(start=feed.now, end=feed.end)))
    environment = {**desk_environment(URL), **_desk_variables(window)}
    builder = Builder(Settings(environment), store=MemoryDataLayer(), clock=ExchangeClock(exchange))
    control = _Venue(URL, httpx.MockTransport(adapter.control))
    with answered_in_process(URL, adapter), closing(control) as venue, closing(builder):
        _seed(builder.store, venue)
        with seldom_collected():
            yield MemoryStack(venue, builder, exchange.advance)


@contextmanager
def seldom_collected() -> Iterator[None]:
    """Let the garbage collector leave what is loaded alone, and come seldom: what is recorded makes millions of values.

    Nearly all of them die by their last reference; what is loaded now stays to the end.
    """
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(_COLLECT_AFTER)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


@contextmanager
def emulator_stack(window: Window) -> Iterator[Stack]:
    """Start the emulators with the real functions and the venue as a program of its own."""
    from scripts import suite
    from scripts.market import MarketChoice, desk_environment, running_market
    from scripts.ports import free_ports

    project = f"{_PROJECT}-{os.getpid()}"
    port = free_ports(["venue"])["venue"]
    choice = MarketChoice(0, data=window.data, first=window.first, last=window.last)
    arguments = [*choice.arguments, *(["--universe", window.universe] if window.universe else [])]
    with running_market(arguments, port=port, name=project) as market:
        environment = {**desk_environment(market.url), **_desk_variables(window)}
        with suite.running(
            project=project, only=("firestore", "functions"), environment=environment, codebases=_CODEBASES
        ) as emulators:
            market.wait()
            settings = Settings({**environment, **emulators.environment})
            os.environ.update(emulators.environment)
            store = Builder(settings).store
            names = (*_FUNCTIONS.values(), "sweep")
            with closing(_Venue(market.url)) as venue:
                _seed(store, venue)
                yield EmulatorStack(venue, store, {name: emulators.trigger_url(name) for name in names})


def _desk_variables(window: Window) -> dict[str, str]:
    return {"FIREDESK_DESK": "replay", "FIREDESK_UNIVERSE": window.universe, "GCLOUD_PROJECT": _PROJECT}


def _seed(store: Store, venue: _Venue) -> None:
    clock = venue.clock()
    market = MarketDoc(name=clock["name"], synthetic=clock["synthetic"])
    seed(store, default_parameters(), now=datetime.fromisoformat(clock["now"]), market=market)
