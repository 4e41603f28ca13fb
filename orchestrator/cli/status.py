"""`desk status` and `desk watch`: the first screen once, and again and again. They write nothing."""

from __future__ import annotations

import time
from datetime import datetime
from typing import Annotated

import typer
from rich.live import Live

from orchestrator.bootstrap import Builder
from orchestrator.cli import overview, show
from orchestrator.cli.target import builder, name_of
from orchestrator.domain.documents import SummaryDoc
from orchestrator.domain.errors import BrokerUnavailableError, StoreUnavailableError
from orchestrator.status import Desk, load, summarize

_EVERY_LOCAL_S, _EVERY_CLOUD_S = 1.0, 30.0
"""A look costs eight reads of Firestore: at a second each, a project's free day would be over in two hours."""


def status(ctx: typer.Context, as_json: show.AsJson = False) -> None:
    """Show the desk: brake, equity, modules, positions, working orders."""
    built = builder(ctx)
    desk, summary = _look(built)
    if as_json:
        show.print_json(overview.told(desk, summary, name=name_of(built.settings)))
    else:
        show.console().print(overview.screen(desk, summary, name=name_of(built.settings)))


def watch(
    ctx: typer.Context,
    every: Annotated[float, typer.Option(help="Seconds between looks; 0 = 1 here, 30 in the cloud.", min=0.0)] = 0.0,
    once: Annotated[bool, typer.Option(help="Look once and end.")] = False,
    as_json: show.AsJson = False,
) -> None:
    """Watch the desk live; Ctrl-C ends it. With --json, one object a line."""
    built = builder(ctx)
    seconds = every or (_EVERY_LOCAL_S if built.settings.emulated else _EVERY_CLOUD_S)
    try:
        if as_json:
            _print_lines(built, seconds, once=once)
        else:
            _draw(built, seconds, once=once)
    except KeyboardInterrupt:
        raise typer.Exit(0) from None


def _print_lines(built: Builder, seconds: float, *, once: bool) -> None:
    while True:
        desk, summary = _look(built)
        show.print_json(overview.told(desk, summary, name=name_of(built.settings)))
        if once:
            return
        time.sleep(seconds)


def _draw(built: Builder, seconds: float, *, once: bool) -> None:
    """Draw until stopped. A store that does not answer for a moment leaves the last picture, and says so."""
    name = name_of(built.settings)
    out = show.console()
    if once:
        out.print(overview.screen(*_look(built), name=name))
        return
    first = overview.screen(*_look(built), name=name)
    with Live(first, console=out, screen=out.is_terminal, auto_refresh=False) as live:
        while True:
            time.sleep(seconds)
            try:
                live.update(overview.screen(*_look(built), name=name), refresh=True)
            except StoreUnavailableError as error:
                live.console.print(f"no answer, trying again: {error}", markup=False)


def _look(built: Builder) -> tuple[Desk, SummaryDoc]:
    """Return the desk and its first screen; a venue clock that does not answer leaves the desk's last time."""
    desk = load(built.store)
    try:
        now: datetime = built.clock().now()
    except BrokerUnavailableError:
        now = desk.exposure.updated_at
    return desk, summarize(desk, now, cadence=built.cadence(now))
