"""`desk replay`: reads the options, shows progress, prints the report. Exit 1 = desk and venue differ."""

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
from rich.table import Table

from orchestrator.cli.replay.driver import drive
from orchestrator.cli.replay.page import page
from orchestrator.cli.replay.report import gather, report
from orchestrator.cli.replay.stacks import Window, emulator_stack, memory_stack
from orchestrator.domain.errors import ConfigurationError, TradingError

_DAY = ["%Y-%m-%d"]
_EXIT_DIFFERENT = 1
_EXIT_BAD_INPUT = 2


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
    try:
        result, curve = _run(window, store, quiet=as_json)
    except TradingError as error:
        Console(stderr=True, highlight=False).print(f"desk replay: {error}", markup=False, soft_wrap=True)
        raise typer.Exit(_EXIT_BAD_INPUT) from error
    if html is not None:
        html.write_text(page(result, curve), encoding="utf-8")
    if as_json:
        typer.echo(json.dumps(result))
    else:
        _show(result, html)
    if result["drift"] or result["duplicate_orders"] or not result["fills_equal_venue_ledger"]:
        raise typer.Exit(_EXIT_DIFFERENT)


def _run(window: Window, store: StoreChoice, *, quiet: bool) -> tuple[dict[str, Any], Any]:
    if window.first > window.last:
        raise ConfigurationError(f"--from {window.first} is after --to {window.last}")
    if not window.data.is_dir():
        raise ConfigurationError(f"--data {window.data}: no such folder")
    start = memory_stack if store is StoreChoice.MEMORY else emulator_stack
    with _progress(quiet=quiet) as bar:
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
def _progress(*, quiet: bool) -> Iterator[Progress]:
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed}/{task.total}"))
    with Progress(*columns, TimeElapsedColumn(), console=console, disable=quiet or not console.is_terminal) as bar:
        yield bar


def _show(result: dict[str, Any], html: Path | None) -> None:
    out = Console(highlight=False)
    out.print(f"[bold]{result['market']}[/], store: {result['store']}, {result['seconds']} s")
    gain = result["equity_final"] - result["equity_start"]
    out.print(f"equity {result['equity_start']:,.2f} → {result['equity_final']:,.2f} USD ({gain:+,.2f})")
    out.print(_modules(result))
    out.print(_strategies(result))
    for kind in ("idle", "deciding", "trading"):
        cost = result[f"{kind}_cycle"]
        trips, writes = cost["round_trips_max"], cost["writes_max"]
        out.print(f"{cost['cycles']} {kind} cycles: at most {trips} Firestore round trips, {writes} writes")
    equal = "equal the venue's ledger to the cent" if result["fills_equal_venue_ledger"] else "[red]DIFFER[/]"
    out.print(f"fills and cash {equal}; drift {result['drift']}; duplicate orders {result['duplicate_orders']}")
    for line in [*result["differences"], *result["notes"]]:
        out.print(f"  {line}", markup=False, soft_wrap=True)
    out.print(f"orders sha256 {result['orders_sha256']}")
    if html is not None:
        out.print(f"page: {html}")


def _modules(result: dict[str, Any]) -> Table:
    table = Table("module", title_justify="left")
    for name in ("cycles", "orders", "fills", "trades", "open", "P&L", "fees", "income"):
        table.add_column(name, justify="right")
    table.add_column("refused")
    for name, m in result["modules"].items():
        money = (f"{m[key]:,.2f}" for key in ("pnl", "fees", "income"))
        counts = (str(m[key]) for key in ("cycles", "orders", "fills", "trades", "open_positions"))
        table.add_row(name, *counts, *money, "\n".join(f"{n} {code}" for code, n in m["denied_by_code"].items()))
    return table


def _strategies(result: dict[str, Any]) -> Table:
    table = Table("module", "strategy")
    for name in ("trades", "won", "P&L"):
        table.add_column(name, justify="right")
    for row in result["strategies"]:
        table.add_row(row["module"], row["strategy"], str(row["trades"]), str(row["won"]), f"{row['pnl']:,.2f}")
    return table
