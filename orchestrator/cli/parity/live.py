"""The desk's own past days beside their backtest, from its store. Exit 1 = they differ by more than is agreed."""

from __future__ import annotations

from datetime import date

import typer
from rich.markup import escape

from orchestrator.cli import show
from orchestrator.cli.faults import WRONG
from orchestrator.cli.target import builder
from orchestrator.domain.base import ModuleName
from orchestrator.domain.codec import encode
from orchestrator.domain.parity import BOUND_BPS, ParityDoc, ParitySide, ParityTrade


def compare(
    ctx: typer.Context,
    days: tuple[date, date],
    *,
    module: ModuleName | None,
    tolerance_bps: float | None,
    ask_venues: bool,
    as_json: bool,
) -> None:
    """Compare and print; nothing is kept.

    Raises
    ------
    Exit
        Something differs: one side alone entered it, or prices are further apart than `tolerance_bps`.
    """
    from ml.parity.report import compared

    built = builder(ctx)
    now = built.clock().now().replace(second=0, microsecond=0)
    every = built.parity_subjects(now=now, ask_venues=ask_venues)
    subjects = [one for one in every if module in {None, one.tunable.module}]
    doc = compared(built.store, subjects, first=days[0], last=days[1], now=now)
    bound = BOUND_BPS if tolerance_bps is None else tolerance_bps
    if as_json:
        show.print_json(encode(doc))
    else:
        _print(doc)
    if any(trade.parts(bound) for trade in doc.trades):
        raise typer.Exit(WRONG)


def _print(doc: ParityDoc) -> None:
    numbers = ("qty", "entry", "exit", "P&L", "entry bps", "exit bps", "gap USD")
    table = show.table("strategy", "symbol", "", "opened", *numbers, "why", numbers=numbers, folds=("why",))
    for trade in doc.trades:
        for name, side in (("desk", trade.live), ("backtest", trade.backtest)):
            if side is not None:
                last = name == "backtest" or trade.backtest is None
                table.add_row(trade.strategy, trade.symbol, name, *_row(side), *(_gap(trade) if last else ("",) * 4))
    out = show.console()
    out.print(table)
    for note in doc.notes:
        out.print(escape(note), soft_wrap=True)
    counts = doc.counts
    out.print(
        f"{counts.get('matched', 0)} matched, {counts.get('only_live', 0)} by the desk only, "
        f"{counts.get('only_backtest', 0)} by the backtest only, {counts.get('not_compared', 0)} not compared; "
        f"largest gap {doc.gap_bps_max:.3f} bps, {show.usd(doc.gap_usd, signed=True)} USD in all"
    )


def _row(side: ParitySide) -> tuple[str, ...]:
    leave = "open" if side.exit_px is None else f"{side.exit_px:,.6g}"
    profit = "" if side.profit is None else show.usd(side.profit, signed=True)
    return show.moment(side.opened_at), f"{side.qty.normalize():f}", f"{side.entry_px:,.6g}", leave, profit


def _gap(trade: ParityTrade) -> tuple[str, ...]:
    gaps = ("" if gap is None else f"{gap:+.3f}" for gap in (trade.entry_gap_bps, trade.exit_gap_bps))
    both = trade.live is not None and trade.backtest is not None
    return *gaps, show.usd(trade.gap_usd, signed=True) if both else "", trade.why
