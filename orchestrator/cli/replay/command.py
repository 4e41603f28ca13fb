"""`desk replay`: reads the options, shows progress, hands the report on. Exit 1 = desk and venue differ."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from orchestrator.cli.faults import WRONG
from orchestrator.cli.replay.driver import drive
from orchestrator.cli.replay.page import page
from orchestrator.cli.replay.report import gather, report
from orchestrator.cli.replay.screen import print_report
from orchestrator.cli.replay.stacks import Window, emulator_stack, memory_stack
from orchestrator.domain.errors import ConfigurationError
from orchestrator.settings import parse_universe

_DAY = ["%Y-%m-%d"]


class StoreChoice(StrEnum):
    """Where the desk keeps its state during the replay."""

    FIRESTORE = "firestore"
    MEMORY = "memory"


def replay(
    data: Annotated[Path, typer.Option(help="Folder of market data.")],
    first: Annotated[datetime, typer.Option("--from", formats=_DAY, help="First day.")],
    last: Annotated[datetime, typer.Option("--to", formats=_DAY, help="Last day, included.")],
    store: Annotated[StoreChoice, typer.Option(help="Emulators and functions, or all in this process.")] = (
        StoreChoice.FIRESTORE
    ),
    universe: Annotated[str, typer.Option(help="Symbols: stocks=XLK,XLF options=SPY crypto=BTC,ETH")] = "",
    more: Annotated[list[str] | None, typer.Argument(metavar="", help="The rest of --universe.", hidden=True)] = None,
    html: Annotated[Path | None, typer.Option(help="Write a page with the equity curve here.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Replay recorded market data through the whole desk and compare it with the venue's ledger."""
    window = Window(data, first.date(), last.date(), " ".join([universe, *(more or [])]).strip())
    check(window, html)
    result, curve = _run(window, store, quiet=as_json)
    if html is not None:
        html.write_text(page(result, curve), encoding="utf-8")
    if as_json:
        typer.echo(json.dumps(result))
    else:
        print_report(result, html)
    if result["drift"] or result["duplicate_orders"] or not result["fills_equal_venue_ledger"]:
        raise typer.Exit(WRONG)


def check(window: Window, html: Path | None = None) -> None:
    """Refuse what cannot be replayed or written before anything is started."""
    if window.first > window.last:
        raise ConfigurationError(f"--from {window.first} is after --to {window.last}")
    if not window.data.is_dir():
        raise ConfigurationError(f"--data {window.data}: no such folder")
    if html is not None and (html.is_dir() or not html.parent.is_dir()):
        raise ConfigurationError(f"--html {html}: name a file in a folder that exists")
    parse_universe(window.universe)


def read_through(window: Window) -> None:
    """Read the folder once here: what is wrong with it is said by the file's name, before any process is started."""
    from venue.replay.feed import ReplayFeed
    from venue.replay.universe import parse_universe as venue_universe

    feed = ReplayFeed(window.data, window.first, window.last, venue_universe([window.universe]) or None)
    if not feed.schedule(feed.now, feed.end):
        raise ConfigurationError(f"--data {window.data}: nothing to replay from {window.first} to {window.last}")


def _run(window: Window, store: StoreChoice, *, quiet: bool) -> tuple[dict[str, Any], Any]:
    if store is StoreChoice.FIRESTORE:
        read_through(window)
    start = memory_stack if store is StoreChoice.MEMORY else emulator_stack
    with progress(quiet=quiet) as bar:
        task = bar.add_task("starting", total=None)
        with start(window) as stack:
            run = drive(
                stack,
                lambda done, total, at: bar.update(
                    task, completed=done, total=total, description=f"{at:%Y-%m-%d %H:%M}"
                ),
            )
            found = gather(stack)
    return report(stack.name, run, found), found.curve


@contextmanager
def progress(*, quiet: bool) -> Iterator[Progress]:
    """Show a bar on standard error while the block runs, where a person is looking."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed}/{task.total}"))
    with Progress(*columns, TimeElapsedColumn(), console=console, disable=quiet or not console.is_terminal) as bar:
        yield bar
