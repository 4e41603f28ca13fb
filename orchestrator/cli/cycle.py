"""`desk run MODULE`: one cycle now, and what it decided. Exit 1 = the cycle failed or its venue did not answer."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from orchestrator.bootstrap import Builder
from orchestrator.cli import show
from orchestrator.cli.faults import WRONG
from orchestrator.cli.target import builder, name_of
from orchestrator.cycle import CycleReport
from orchestrator.domain.base import ModuleName
from orchestrator.domain.documents import CycleStatus
from orchestrator.domain.risk import Approved, Denied, Resized, Verdict
from orchestrator.module import TradeResult

_FAILED = frozenset({CycleStatus.FAILED, CycleStatus.VENUE_DOWN})


def run(
    ctx: typer.Context,
    module: Annotated[ModuleName, typer.Argument(help="Which module.")],
    slot: Annotated[str, typer.Option(help="Scheduler slot to run, ISO 8601, UTC without a zone; default: now.")] = "",
    as_json: show.AsJson = False,
) -> None:
    """Run one cycle of a module against its store and its venue, and show what was decided."""
    chosen = _slot(slot)
    built = builder(ctx)
    _must_have_come(chosen, built)
    report = built.cycle(module, slot=chosen)
    if as_json:
        show.print_json(_told(report))
    else:
        _print(report, desk=name_of(built.settings))
    if report.summary.status in _FAILED and report.status is not CycleStatus.DUPLICATE:
        raise typer.Exit(WRONG)


def _slot(text: str) -> datetime | None:
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is not a time such as 2026-07-16T14:30:00Z", param_hint="--slot") from error
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def _must_have_come(slot: datetime | None, built: Builder) -> None:
    """Refuse a slot that is still to come: once it had run, every slot until then would count as run already."""
    if slot is not None and slot > (now := built.clock().now()):
        text = f"{slot:%Y-%m-%d %H:%M:%S} is still to come: at the desk it is {now:%Y-%m-%d %H:%M:%S} UTC"
        raise typer.BadParameter(f"{text}; without --slot the present one runs", param_hint="--slot")


def _print(report: CycleReport, *, desk: str) -> None:
    out, summary = show.console(), report.summary
    out.print(f"[bold]{report.module}[/] slot {report.slot:%Y-%m-%d %H:%M:%S} UTC on {escape(desk)}: {report.status}")
    if report.status is CycleStatus.DUPLICATE:
        out.print(f"  nothing done: this slot or a later one ({summary.slot:%Y-%m-%d %H:%M:%S}) has run already")
        return
    if report.results:
        out.print(_decisions(report.results))
    else:
        out.print("  nothing to do: no entry, no exit, no protective order")
    out.print(f"  {summary.orders} orders, {summary.round_trips} round trips to the store, {summary.writes} writes")
    if summary.note:
        out.print(f"  {summary.note}", markup=False)


def _decisions(results: tuple[TradeResult, ...]) -> Table:
    table = show.table(
        "opportunity",
        "verdict",
        "code",
        "observed",
        "limit",
        "order",
        numbers=("observed", "limit"),
        folds=("opportunity", "code"),
    )
    for result in results:
        wanted, told = result.opportunity, _verdict(result.verdict)
        what = f"{wanted.purpose} {wanted.side} {wanted.symbol} ({wanted.strategy})"
        state = "" if result.state is None else str(result.state)
        table.add_row(what, told["verdict"], told["code"], told["observed"], told["limit"], state)
    return table


def _verdict(verdict: Verdict) -> dict[str, str]:
    """Return a verdict's words; what was approved shows its units as observed and the cap that bound them as code."""
    match verdict:
        case Denied():
            return {"verdict": "denied", "code": verdict.code, "observed": verdict.observed, "limit": verdict.limit}
        case Resized():
            qty, wanted = f"{verdict.qty.normalize():f}", f"{verdict.wanted_qty.normalize():f}"
            return {"verdict": "resized", "code": verdict.binding_cap, "observed": wanted, "limit": qty}
        case Approved():
            qty = f"{verdict.qty.normalize():f}"
            return {"verdict": "approved", "code": verdict.binding_cap, "observed": qty, "limit": ""}


def _told(report: CycleReport) -> dict[str, Any]:
    summary = report.summary
    return {
        "module": report.module.value,
        "slot": report.slot,
        "status": report.status.value,
        "orders": summary.orders,
        "round_trips": summary.round_trips,
        "writes": summary.writes,
        "note": summary.note,
        "results": [_told_result(result) for result in report.results],
    }


def _told_result(result: TradeResult) -> dict[str, Any]:
    wanted = result.opportunity
    return {
        "strategy": wanted.strategy,
        "symbol": wanted.symbol,
        "purpose": wanted.purpose.value,
        "side": wanted.side.value,
        "confidence": wanted.confidence,
        "reason": wanted.reason,
        **_verdict(result.verdict),
        "client_order_id": result.client_order_id,
        "state": None if result.state is None else result.state.value,
        "message": result.message,
    }
