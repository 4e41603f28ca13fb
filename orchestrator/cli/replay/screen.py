"""The report of a replay on a terminal: tables that fit 80 columns and never cut an amount."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from orchestrator.cli import show

Json = dict[str, Any]


def print_report(result: Json, html: Path | None) -> None:
    """Print the report; `html` is where its page was written."""
    out = show.console()
    out.print(f"[bold]{result['market']}[/], store: {result['store']}, {result['seconds']} s")
    gain = result["equity_final"] - result["equity_start"]
    out.print(f"equity {result['equity_start']:,.2f} → {result['equity_final']:,.2f} USD ({gain:+,.2f})")
    for table in (_modules(result), _strategies(result), _refusals(result)):
        if table.row_count:
            out.print("", table, sep="\n")
    _print_proof(out, result)
    if html is not None:
        out.print(f"page: {html}", soft_wrap=True)


def _print_proof(out: Console, result: Json) -> None:
    """Print what the replay proves: its cost, and that desk and venue agree."""
    out.print()
    for kind in ("idle", "deciding", "trading"):
        cost = result[f"{kind}_cycle"]
        trips, writes = cost["round_trips_max"], cost["writes_max"]
        out.print(f"{cost['cycles']} {kind} cycles: at most {trips} Firestore round trips, {writes} writes")
    equal = "equal the venue's ledger to the cent" if result["fills_equal_venue_ledger"] else "[red]DIFFER[/]"
    out.print(f"fills and cash {equal}; drift {result['drift']}; duplicate orders {result['duplicate_orders']}")
    for line in result["differences"]:
        out.print(f"  {line}", markup=False, soft_wrap=True)
    for note, count in result["notes"].items():
        out.print(f"  {count} x {note}", markup=False, soft_wrap=True)
    out.print(f"orders sha256 {result['orders_sha256']}", soft_wrap=True)


def _modules(result: Json) -> Table:
    counts, money = ("cycles", "orders", "fills", "trades", "open"), ("P&L", "fees", "income")
    table = show.table("module", *counts, *money, numbers=(*counts, *money))
    for name, module in result["modules"].items():
        shown = (str(module[key]) for key in ("cycles", "orders", "fills", "trades", "open_positions"))
        table.add_row(name, *shown, *(show.usd(module[key]) for key in ("pnl", "fees", "income")))
    return table


def _strategies(result: Json) -> Table:
    table = show.table("module", "strategy", "trades", "won", "P&L", numbers=("trades", "won", "P&L"))
    for row in result["strategies"]:
        counts = (str(row[key]) for key in ("trades", "won"))
        table.add_row(row["module"], row["strategy"], *counts, show.usd(row["pnl"]))
    return table


def _refusals(result: Json) -> Table:
    modules = result["modules"]
    table = show.table("refused", *modules, numbers=tuple(modules))
    for code in sorted({code for module in modules.values() for code in module["denied_by_code"]}):
        table.add_row(code, *(str(module["denied_by_code"].get(code, "")) for module in modules.values()))
    return table
