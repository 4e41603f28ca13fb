"""`desk data fetch`: bars of a venue, period by period, to Parquet files here and, if wanted, to the desk's store.

What was fetched whole is not asked for again: a fetch that was cut off is given again and goes on. Exit 1 = bars came
that are not to be used; they are not published.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

import typer

from orchestrator.adapters.parquet import ParquetBars
from orchestrator.cli import show
from orchestrator.cli.data.check import print_reports, told
from orchestrator.cli.data.places import (
    Folder,
    Publish,
    day_of,
    history,
    judged,
    local_bars,
    publish_chunks,
    say_published,
    shell,
    timeframe_minutes,
)
from orchestrator.cli.faults import WRONG
from orchestrator.cli.replay.command import progress
from orchestrator.cli.target import builder
from orchestrator.domain.errors import ConfigurationError
from orchestrator.domain.findings import QualityReport
from orchestrator.domain.periods import Period, periods_between
from orchestrator.fetching import BarKey, Fetch

Found = tuple[BarKey, QualityReport]


def fetch(
    ctx: typer.Context,
    venue: Annotated[str, typer.Argument(help="alpaca, or an exchange by ccxt's name: kraken, binance, coinbase ...")],
    symbols: Annotated[list[str], typer.Argument(help="SPY XLK, or pairs: BTC/USD ETH/USD")],
    timeframe: Annotated[str, typer.Option(help="Length of a bar.")] = "1d",
    first: Annotated[str, typer.Option("--from", help="First day; the whole period around it is fetched.")] = "",
    last: Annotated[str, typer.Option("--to", help="Last day; else today.")] = "",
    folder: Folder = None,
    to_desk: Publish = False,
    as_json: show.AsJson = False,
) -> None:
    """Fetch bars of the past; go on where a fetch before was cut off."""
    built, minutes = shell(ctx), timeframe_minutes(timeframe)
    now = built.clock().now()
    periods = _periods(first, last, minutes, now)
    keys = [BarKey(venue, symbol.upper(), minutes) for symbol in dict.fromkeys(symbols)]
    bars = local_bars(folder)
    store = builder(ctx).store if to_desk else None
    with history(built, venue, [key.symbol for key in keys]) as source:
        _fetch(Fetch(source, bars, now, time.sleep), keys, periods, quiet=as_json)
    reports = [(key, judged(bars.series(key))) for key in keys]
    published: dict[str, Any] = {}
    for key, report in reports:
        if store is not None and report.verdict.usable:
            known = [(period, period.end <= now) for period in periods]
            published[key.symbol] = publish_chunks(store, key, bars.series(key), known)
    _tell(bars, reports, published, as_json=as_json)
    if any(not report.verdict.usable for _, report in reports):
        raise typer.Exit(WRONG)


def _periods(first: str, last: str, minutes: int, now: datetime) -> list[Period]:
    if not first:
        raise ConfigurationError("--from is needed: the first day to fetch, such as 2024-01-01")
    start, end = day_of(first, "--from"), day_of(last, "--to") if last else now.date()
    if start > min(end, now.date()):
        raise ConfigurationError(f"--from {start} is after {'--to ' if last else ''}{min(end, now.date())}")
    return periods_between(start, min(end, now.date()), minutes)


def _fetch(work: Fetch, keys: Sequence[BarKey], periods: Sequence[Period], *, quiet: bool) -> None:
    with progress(quiet=quiet) as bar:
        task = bar.add_task("fetching", total=len(keys) * len(periods))
        for key in keys:
            for one in work.run(key, periods):
                bar.update(task, advance=1, description=f"{key.symbol} {one.period.name}")


def _tell(bars: ParquetBars, reports: Sequence[Found], published: dict[str, Any], *, as_json: bool) -> None:
    folders = [(bars.path(key, "x").parent, report) for key, report in reports]
    if as_json:
        show.print_json({"series": [told(path, one) for path, one in folders], "published": _plain(published)})
        return
    print_reports(folders)
    for key, report in reports:
        if key.symbol in published:
            say_published(published[key.symbol], key)
        elif not report.verdict.usable:
            show.console().print(f"{key.symbol}: not to be used, not published", markup=False)


def _plain(published: dict[str, Any]) -> dict[str, dict[str, str]]:
    return {symbol: {period: state.value for period, state in chunks} for symbol, chunks in published.items()}
