"""`desk parity`: the same recorded days through desk and backtest, trade by trade. Exit 1 = they differ."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from orchestrator.cli import show
from orchestrator.cli.faults import WRONG
from orchestrator.cli.parity.compare import Made, Pair, agreeing, paired
from orchestrator.cli.replay.command import check, progress
from orchestrator.cli.replay.stacks import Window
from orchestrator.domain.base import ModuleName
from orchestrator.domain.errors import ConfigurationError

_DAY = ["%Y-%m-%d"]
_WITHIN = timedelta(seconds=2)
_EQUITY_BPS = 0.01
"""Gap of the final equity that still agrees: less than 10 cents of 100,000 USD, what rounding fees can add up to."""


def parity(
    data: Annotated[Path, typer.Option(help="Folder of market data.")],
    first: Annotated[datetime, typer.Option("--from", formats=_DAY, help="First day.")],
    last: Annotated[datetime, typer.Option("--to", formats=_DAY, help="Last day, included.")],
    module: Annotated[ModuleName, typer.Option(help="Whose trades: stocks or crypto.")] = ModuleName.STOCKS,
    universe: Annotated[str, typer.Option(help="Symbols, as `desk replay` has them: stocks=XLK,XLF")] = "",
    tolerance_bps: Annotated[float, typer.Option(help="Largest gap of a price that agrees.", min=0.0)] = 0.01,
    as_json: show.AsJson = False,
) -> None:
    """Run recorded days through the whole desk and through the backtest, and compare them trade by trade."""
    from orchestrator.cli.parity.recorded import by_backtest, by_desk, window_of

    if module is ModuleName.OPTIONS:
        raise ConfigurationError("--module options: its backtest is the replay itself (desk backtest options)")
    check(Window(data, first.date(), last.date(), universe))
    window = window_of(data, first.date(), last.date(), universe, module)
    with progress(quiet=as_json) as bar:
        task = bar.add_task("starting", total=None)
        desk, cash = by_desk(
            window,
            module,
            lambda done, total, at: bar.update(task, completed=done, total=total, description=f"{at:%Y-%m-%d %H:%M}"),
        )
    backtest = by_backtest(window, module, cash)
    pairs = paired(desk.made, backtest.made, tolerance_bps=tolerance_bps, within=_WITHIN)
    told = _told(pairs, desk.equity, backtest.equity)
    if as_json:
        show.print_json(told)
    else:
        _print(pairs, told)
    if told["differing"] or abs(told["equity_gap_bps"]) > max(tolerance_bps, _EQUITY_BPS):
        raise typer.Exit(WRONG)


def _told(pairs: list[Pair], desk: float, backtest: float) -> dict[str, Any]:
    gaps = [pair.gap_bps for pair in pairs if pair.desk and pair.backtest]
    return {
        "trades": [asdict(pair) for pair in pairs],
        "agreeing": agreeing(pairs),
        "differing": len(pairs) - agreeing(pairs),
        "gap_bps_max": max(gaps, default=0.0),
        "gap_usd": sum(pair.gap_usd for pair in pairs),
        "equity_desk": round(desk, 2),
        "equity_backtest": round(backtest, 2),
        "equity_gap_bps": (backtest / desk - 1) * 10_000,
    }


def _print(pairs: list[Pair], told: dict[str, Any]) -> None:
    numbers = ("qty", "entry", "exit", "P&L", "gap bps", "gap USD")
    table = show.table("strategy", "symbol", "", "opened", "closed", *numbers, "why", numbers=numbers, folds=("why",))
    for pair in pairs:
        for name, made in (("desk", pair.desk), ("backtest", pair.backtest)):
            if made is not None:
                last = name == "backtest" or pair.backtest is None
                table.add_row(*_row(name, made), *(_gap(pair) if last else ("", "", "")))
    out = show.console()
    out.print(table)
    out.print(
        f"{told['agreeing']} positions agree, {told['differing']} do not; equity {show.usd(told['equity_desk'])} at "
        f"the desk, {show.usd(told['equity_backtest'])} in the backtest ({told['equity_gap_bps']:+.3f} bps)"
    )


def _row(name: str, made: Made) -> tuple[str, ...]:
    exit_px = "open" if made.exit_px is None else f"{made.exit_px:,.6g}"
    profit = "" if made.profit is None else show.usd(made.profit, signed=True)
    times = show.moment(made.opened_at), "" if made.closed_at is None else show.moment(made.closed_at)
    return made.strategy, made.symbol, name, *times, f"{made.qty:g}", f"{made.entry_px:,.6g}", exit_px, profit


def _gap(pair: Pair) -> tuple[str, str, str]:
    return f"{pair.gap_bps:.3f}", show.usd(pair.gap_usd, signed=True), pair.why
