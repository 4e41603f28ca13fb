"""`desk backtest`: what strategies would have earned on past bars, and how sure that is. Nothing is traded."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from orchestrator.cli import show
from orchestrator.cli.backtest.bars import Sources
from orchestrator.cli.backtest.terms import CASH, Asked, modules_of, paths_of, sweep_of, symbols_of, values_of
from orchestrator.cli.data.places import timeframe_minutes
from orchestrator.cli.replay.command import progress
from orchestrator.domain.base import ModuleName
from orchestrator.domain.errors import ConfigurationError
from orchestrator.domain.series import TIMEFRAMES

_DAY = ["%Y-%m-%d"]
_FILLS = ("next_open", "same_close")


def backtest(
    ctx: typer.Context,
    modules: Annotated[
        list[ModuleName] | None, typer.Argument(help="stocks, crypto, options, or several of them.")
    ] = None,
    strategy: Annotated[list[str] | None, typer.Option(help="Only this strategy; may be given again.")] = None,
    data: Annotated[
        list[Path] | None,
        typer.Option(help="Bars, else the local store; of options a folder with chains, else those the desk kept."),
    ] = None,
    symbols: Annotated[str, typer.Option(help="XLK,XLF of one module, or 'stocks=XLK crypto=BTC'.")] = "",
    first: Annotated[datetime | None, typer.Option("--from", formats=_DAY, help="First day that is traded.")] = None,
    last: Annotated[datetime | None, typer.Option("--to", formats=_DAY, help="Last day, included.")] = None,
    cash: Annotated[float, typer.Option(help="The desk's equity at the start, USD.")] = CASH,
    timeframe: Annotated[str, typer.Option(help=f"Length of a bar: {', '.join(TIMEFRAMES)}.")] = "",
    set_: Annotated[list[str] | None, typer.Option("--set", help="A parameter: momentum.lookback=40.")] = None,
    sweep: Annotated[list[str] | None, typer.Option(help="Try values: momentum.lookback=20:60:10.")] = None,
    benchmark: Annotated[str, typer.Option(help="Symbol to compare with; else all that is traded, held.")] = "",
    fill: Annotated[str, typer.Option(help="next_open, or the more hopeful same_close.")] = "next_open",
    limits: Annotated[bool, typer.Option("--limits/--no-limits", help="Keep the shipped limits of risk.")] = True,
    cost_times: Annotated[float, typer.Option(help="Multiply all costs: 2 is a stress.", min=0.0, max=20.0)] = 1.0,
    adjust: Annotated[bool, typer.Option("--adjust", help="Apply the splits that raw prices come with.")] = False,
    out: Annotated[Path | None, typer.Option(help="Write a report here: one HTML file.")] = None,
    store: Annotated[bool, typer.Option("--store", help="Keep the result in the desk's store, for the page.")] = False,
    as_json: show.AsJson = False,
) -> None:
    """Run strategies over past bars with the desk's sizes, stops and caps; say what came of it and how sure that is."""
    ran = modules_of(modules or [], strategy or [])
    asked = Asked(
        modules=ran,
        strategies=tuple(dict.fromkeys(strategy or ())),
        symbols=symbols_of(symbols, ran),
        first=_utc(first),
        last=_utc(last),
        cash=cash,
        fill=fill,
        limits=limits,
        cost_times=cost_times,
        benchmark=benchmark,
    )
    asked = replace(asked, values=values_of(set_ or [], asked), sweep=sweep_of(sweep or [], asked))
    _check(asked, out)
    _run(ctx, asked, Sources(paths_of(data), timeframe_minutes(timeframe), adjust), out, store=store, as_json=as_json)


def _run(ctx: typer.Context, asked: Asked, sources: Sources, out: Path | None, *, store: bool, as_json: bool) -> None:
    from orchestrator.cli.backtest.page import page
    from orchestrator.cli.backtest.screen import plain, print_found
    from orchestrator.cli.backtest.stages import done, steps_of
    from orchestrator.cli.backtest.stored import keep
    from orchestrator.cli.backtest.structures import by_chains
    from orchestrator.cli.backtest.together import by_desk
    from orchestrator.cli.target import builder

    kept = asked.modules == (ModuleName.OPTIONS,) and not sources.paths
    desk = builder(ctx) if store or kept else None
    with progress(quiet=as_json) as bar:
        task = bar.add_task("backtest", total=steps_of(asked))
        run = done
        if ModuleName.OPTIONS in asked.modules:
            on_chains = partial(by_chains, desk=desk if kept else None)
            run = on_chains if len(asked.modules) == 1 else by_desk
        found = run(asked, sources, lambda text: bar.update(task, advance=1, description=text))
    if out is not None:
        out.write_text(page(found), encoding="utf-8")
    path = keep(desk, found) if store and desk is not None else None
    if as_json:
        show.print_json(plain(found) | {"stored": path, "report": None if out is None else str(out)})
    else:
        print_found(found, out, path)


def _utc(day: datetime | None) -> datetime | None:
    return None if day is None else day.replace(tzinfo=UTC)


def _check(asked: Asked, out: Path | None) -> None:
    """Refuse what cannot be run or written before anything is read."""
    if asked.first is not None and asked.last is not None and asked.first > asked.last:
        raise ConfigurationError(f"--from {asked.first:%Y-%m-%d} is after --to {asked.last:%Y-%m-%d}")
    if not 100 <= asked.cash <= 1e12:
        raise ConfigurationError(f"--cash {asked.cash:g}: name an amount from 100 USD on")
    if asked.fill not in _FILLS:
        raise ConfigurationError(f"--fill {asked.fill}: name one of {', '.join(_FILLS)}")
    if out is not None and (out.is_dir() or not out.parent.is_dir()):
        raise ConfigurationError(f"--out {out}: name a file in a folder that exists")
