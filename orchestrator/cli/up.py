"""`desk up`: the whole desk on this machine, with no account and no key.

Starts the emulators, the venue and the scheduler, seeds a demo desk and its people, and says where the page is. It
ends everything it started when it is told to stop; it holds no logic of the desk.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from orchestrator.cli.target import announced
from scripts import dashboard, scheduler, suite
from scripts.demo_users import USERS, create_demo_users, mirror_demo_users
from scripts.market import Market, MarketChoice, desk_environment, running_market
from scripts.ports import DEFAULTS, preferred_ports
from scripts.processes import ProcessError, stopped_by_signals, watch

_PORT_HELP = "Port of {}; a free one is taken when it is occupied."


def up(
    speed: Annotated[float, typer.Option(help="Seconds of the market in one second of ours.", min=0.0)] = 20.0,
    seed: Annotated[int, typer.Option(help="Seed of the synthetic market.")] = 7,
    data: Annotated[
        Path | None,
        typer.Option(help="Replay this folder instead of the synthetic market.", exists=True, file_okay=False),
    ] = None,
    first: Annotated[datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="First day.")] = None,
    last: Annotated[datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="Last day.")] = None,
    project: Annotated[str, typer.Option(help="Project id of the emulators; must start with demo-.")] = "demo-firedesk",
    hosting_port: Annotated[int, typer.Option(help=_PORT_HELP.format("the page"))] = DEFAULTS["hosting"],
    firestore_port: Annotated[int, typer.Option(help=_PORT_HELP.format("Firestore"))] = DEFAULTS["firestore"],
    auth_port: Annotated[int, typer.Option(help=_PORT_HELP.format("Auth"))] = DEFAULTS["auth"],
    functions_port: Annotated[int, typer.Option(help=_PORT_HELP.format("Functions"))] = DEFAULTS["functions"],
    venue_port: Annotated[int, typer.Option(help=_PORT_HELP.format("the venue"))] = DEFAULTS["venue"],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")] = False,
) -> None:
    """Start the whole desk on this machine: emulators, venue, scheduler, page. Ctrl-C ends it."""
    if not project.startswith("demo-"):
        raise typer.BadParameter(f"{project}: a local suite's project id starts with demo-", param_hint="--project")
    if (data is None) != (first is None) or (data is None) != (last is None):
        raise typer.BadParameter("--data, --from and --to belong together")
    wanted = {
        **DEFAULTS,
        "hosting": hosting_port,
        "firestore": firestore_port,
        "auth": auth_port,
        "functions": functions_port,
        "venue": venue_port,
    }
    market = MarketChoice(speed, seed, data, first and first.date(), last and last.date())
    screen = _Screen(as_json=as_json)
    try:
        with stopped_by_signals():
            _run(screen, project=project, wanted=wanted, choice=market)
    except KeyboardInterrupt:
        screen.note("stopped; no process is left")
    except OSError as error:
        raise ProcessError(f"a part of the suite does not answer: {error}") from error


class _Screen:
    """What the reader sees: lines for a person, or one JSON object a line for a program."""

    def __init__(self, *, as_json: bool) -> None:
        self._json = as_json
        self._out = Console(highlight=False, emoji=False, soft_wrap=True)
        self._err = Console(stderr=True, highlight=False, emoji=False, soft_wrap=True)

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        """Show that something is under way."""
        if not self._err.is_terminal:
            self._err.print(f"  {title} ...")
            yield
            return
        with self._err.status(title):
            yield
        self._err.print(f"  [green]✓[/] {title}")

    def note(self, text: str) -> None:
        """Say one thing that is not the result."""
        self._err.print(f"  {escape(text)}")

    def ready(self, emulators: suite.Suite, market: Market, clock: scheduler.VenueTime) -> None:
        """Say where the page is and how to sign in."""
        page, owner = emulators.url("hosting"), USERS[0]
        if self._json:
            addresses = {name: emulators.address(name) for name in emulators.ports} | {"venue": market.url}
            told = {"page": page, "email": owner.email, "password": owner.password, "project": emulators.project}
            self._out.print_json(json.dumps(told | {"addresses": addresses}), indent=None)
            return
        self._out.print(f"\n[bold]The desk is up:[/]  {page}")
        self._out.print(f"  sign in as   {owner.email}  /  {owner.password}   (or operator@, viewer@ likewise)")
        kind = "synthetic, no real prices" if clock.synthetic else "recorded"
        self._out.print(f"  market       {clock.market} ({kind})")
        self._out.print(f"  market time  {clock.now:%Y-%m-%d %H:%M:%S} UTC, {clock.speed:g} times as fast as ours")
        self._out.print(f"  logs         {emulators.log}\n               {market.log}")
        self._out.print("  Ctrl-C ends everything.\n")

    def fired(self, fired: scheduler.Fired) -> None:
        """Show one run of a function."""
        if self._json:
            told = {"job": fired.job, "slot": fired.slot.isoformat(), "status": fired.status, "seconds": fired.seconds}
            self._out.print_json(json.dumps(told), indent=None)
            return
        self._out.print(escape(str(fired)), style=None if fired.succeeded else "red")


def _run(screen: _Screen, *, project: str, wanted: Mapping[str, int], choice: MarketChoice) -> None:
    """Start everything, then fire functions until a signal comes."""
    ports = preferred_ports(wanted)
    for name in (name for name in wanted if ports[name] != wanted[name] and wanted[name]):
        screen.note(f"port {wanted[name]} is in use: {name} listens on {ports[name]} instead")
    with screen.step("Building the dashboard"):
        dashboard.build()
    with ExitStack() as stack:
        venue_port = ports.pop("venue")
        market = stack.enter_context(running_market(choice.arguments, port=venue_port, name=project))
        with screen.step("Starting the venue and the emulators (about 15 s)"):
            emulators = stack.enter_context(
                suite.running(project=project, ports=ports, environment=desk_environment(market.url), reload=True)
            )
            market.wait()
        clock = scheduler.read_clock(market.url)
        with screen.step("Seeding the demo desk and its people"):
            create_demo_users(emulators.url("auth"), project)
            mirror_demo_users(emulators.url("firestore"), project)
            _seed_desk(emulators, clock)
        reached = emulators.environment | desk_environment(market.url)
        reached["FIREBASE_EMULATOR_HUB"] = emulators.address("hub")
        stack.enter_context(announced(reached, page=emulators.url("hosting")))
        screen.ready(emulators, market, replace(clock, speed=choice.speed))
        running = scheduler.connect(emulators.url("functions"), project, screen.fired)
        running.kick(clock)
        market.set_speed(choice.speed)
        stack.enter_context(scheduler.following(running, market.url))
        watch({"venue": market.process, "emulators": emulators.process})


def _seed_desk(emulators: suite.Suite, clock: scheduler.VenueTime) -> None:
    """Create the desk's documents; the client library finds the emulator by this process's environment."""
    from orchestrator.bootstrap import seed_desk
    from orchestrator.domain.documents import MarketDoc

    os.environ.update(emulators.environment)
    seed_desk(project=emulators.project, now=clock.now, market=MarketDoc(name=clock.market, synthetic=clock.synthetic))
