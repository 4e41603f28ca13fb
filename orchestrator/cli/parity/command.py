"""`desk parity`: what the desk did, or would have done on recorded days, beside the backtest. Exit 1 = they differ."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ml.parity.compare import Made, Pair, agreeing, paired
from orchestrator.cli import show
from orchestrator.cli.faults import WRONG
from orchestrator.cli.replay.command import check, progress
from orchestrator.cli.replay.stacks import Window
from orchestrator.domain.base import ModuleName
from orchestrator.domain.errors import ConfigurationError

if TYPE_CHECKING:
    from orchestrator.cli.parity.recorded import Side

_DAY = ["%Y-%m-%d"]
_WITHIN = timedelta(seconds=2)
_EQUITY_BPS = 0.01
"""Gap of the final equity that still agrees: less than 10 cents of 100,000 USD, what rounding fees can add up to."""


def parity(
    ctx: typer.Context,
    first: Annotated[datetime, typer.Option("--from", formats=_DAY, help="First day.")],
    last: Annotated[datetime, typer.Option("--to", formats=_DAY, help="Last day, included.")],
    data: Annotated[
        Path | None, typer.Option(help="Folder of market data: replay it. Else the desk's own past.")
    ] = None,
    module: Annotated[ModuleName | None, typer.Option(help="Whose trades; of a replay stocks without it.")] = None,
    universe: Annotated[str, typer.Option(help="Symbols of a replay: stocks=XLK,XLF")] = "",
    tolerance_bps: Annotated[float | None, typer.Option(help="Largest gap of a price that agrees.", min=0.0)] = None,
    ask_venues: Annotated[
        bool, typer.Option(help="Without --data: ask the venues for bars that are not stored.")
    ] = False,
    as_json: show.AsJson = False,
) -> None:
    """Compare what the desk did in past days with their backtest, trade by trade; with --data, on recorded days."""
    if first > last:
        raise ConfigurationError(f"--from {first:%Y-%m-%d} is after --to {last:%Y-%m-%d}")
    if data is None:
        from orchestrator.cli.parity.live import compare

        if universe:
            raise ConfigurationError("--universe belongs to a replay: name its folder with --data")
        days = first.date(), last.date()
        return compare(ctx, days, module=module, tolerance_bps=tolerance_bps, ask_venues=ask_venues, as_json=as_json)
    chosen = ModuleName.STOCKS if module is None else module
    tolerance = 0.01 if tolerance_bps is None else tolerance_bps
    window = Window(data, first.date(), last.date(), universe)
    return _recorded(window, chosen, tolerance=tolerance, as_json=as_json)


def _recorded(asked: Window, module: ModuleName, *, tolerance: float, as_json: bool) -> None:
    """Run recorded days through the whole desk and through the backtest."""
    from orchestrator.cli.parity.recorded import by_backtest, window_of

    check(asked)
    window = window_of(asked.data, asked.first, asked.last, asked.universe, module)
    desk, cash = _by_desk(window, module, quiet=as_json)
    backtest = by_backtest(window, module, cash)
    pairs = paired(desk.made, backtest.made, tolerance_bps=tolerance, within=_WITHIN)
    told = _told(pairs, desk.equity, backtest.equity)
    if as_json:
        show.print_json(told)
    else:
        _print(pairs, told)
    if told["differing"] or abs(told["equity_gap_bps"]) > max(tolerance, _EQUITY_BPS):
        raise typer.Exit(WRONG)


def _by_desk(window: Window, module: ModuleName, *, quiet: bool) -> tuple[Side, float]:
    from orchestrator.cli.parity.recorded import by_desk

    with progress(quiet=quiet) as bar:
        task = bar.add_task("starting", total=None)
        return by_desk(
            window,
            module,
            lambda done, total, at: bar.update(task, completed=done, total=total, description=f"{at:%Y-%m-%d %H:%M}"),
        )


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
