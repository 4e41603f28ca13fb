"""`desk data import`: bars of CSV and Parquet files into the folder for research, after they were judged.

A series that is not to be used is not imported: nothing is dropped or filled to make it fit. Exit 1 = one was refused.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from orchestrator.cli import show
from orchestrator.cli.data.check import Calendar, Timeframe, files_of, print_reports, series_in, told
from orchestrator.cli.data.places import (
    Folder,
    Publish,
    judged,
    local_bars,
    publish_chunks,
    say_published,
    timeframe_minutes,
)
from orchestrator.cli.faults import WRONG
from orchestrator.cli.target import builder
from orchestrator.domain.errors import ConfigurationError
from orchestrator.domain.findings import Defect, QualityReport
from orchestrator.domain.moves import split_adjusted
from orchestrator.domain.periods import Period, periods_between
from orchestrator.domain.series import BarSeries
from orchestrator.fetching import BarKey, within

_Judged = tuple[Path, BarSeries, QualityReport]


def import_(
    ctx: typer.Context,
    paths: Annotated[list[Path], typer.Argument(help="CSV (plain or gzip) and Parquet files, or folders of them.")],
    venue: Annotated[str, typer.Option(help="Whose bars these are; the name they are kept under.")] = "import",
    symbol: Annotated[str, typer.Option(help="The symbol, else as the file is named: SPY, BTC/USD.")] = "",
    calendar: Calendar = "",
    timeframe: Timeframe = "",
    adjust: Annotated[bool, typer.Option("--adjust", help="Apply the splits that raw prices come with.")] = False,
    folder: Folder = None,
    to_desk: Publish = False,
    as_json: show.AsJson = False,
) -> None:
    """Take bars of files over, if they are sound; repairs nothing."""
    _must_be_names(venue, symbol)
    files, minutes = files_of(paths), timeframe_minutes(timeframe)
    found = [(path, _named(one, symbol)) for path in files for one in series_in(path, calendar, minutes)]
    _each_once(venue, found)
    done = [(path, *_ready(one, calendar, adjust=adjust)) for path, one in found]
    store = builder(ctx).store if to_desk else None
    bars, published = local_bars(folder), {}
    for _, series, report in done:
        if not report.verdict.usable:
            continue
        key, periods = BarKey(venue, series.name, series.minutes), _periods(series)
        for period, whole in periods:
            bars.write(key, period, within(series.bars(), period), whole=whole)
        if store is not None:
            published[key] = publish_chunks(store, key, series, periods, calendar)
    _tell(done, published, as_json=as_json)
    if any(not report.verdict.usable for _, _, report in done):
        raise typer.Exit(WRONG)


def _must_be_names(venue: str, symbol: str) -> None:
    """Refuse what cannot be the name of a folder: bars would be written beside the store."""
    if not re.fullmatch(r"[\w-]+", venue):
        raise ConfigurationError(f"--venue {venue!r}: name it in letters, digits, - and _, such as import")
    if symbol.startswith(".") or symbol != "".join(symbol.split()):
        raise ConfigurationError(f"--symbol {symbol!r}: name one such as SPY or BTC/USD")


def _named(series: BarSeries, symbol: str) -> BarSeries:
    return replace(series, name=symbol.upper()) if symbol else series


def _each_once(venue: str, found: Sequence[tuple[Path, BarSeries]]) -> None:
    seen: dict[BarKey, Path] = {}
    for path, series in found:
        key = BarKey(venue, series.name, series.minutes)
        if key in seen:
            raise ConfigurationError(
                f"{path} and {seen[key]} are both {series.name}: import one of them, or use --venue"
            )
        seen[key] = path


def _ready(series: BarSeries, calendar: str, *, adjust: bool) -> tuple[BarSeries, QualityReport]:
    """Return the series in the form in which it is kept, and what was found in it.

    Raises
    ------
    ConfigurationError
        It has raw prices with splits, and nobody said to apply them.
    """
    report = judged(series, calendar)
    raw = report.count(Defect.EXPLAINED_JUMP) and any(action.ratio != 1 for action in series.actions)
    if not raw or not report.verdict.usable:
        return series, report
    if not adjust:
        text = next(one.text for one in report.findings if one.defect is Defect.EXPLAINED_JUMP)
        raise ConfigurationError(f"{series.name} has raw prices ({text}): say --adjust to apply its splits")
    adjusted = split_adjusted(series)
    return adjusted, judged(adjusted, calendar)


def _periods(series: BarSeries) -> list[tuple[Period, bool]]:
    """Return the periods with bars, and whether each is whole: of the first and the last nobody knows."""
    first, last = (datetime.fromtimestamp(int(series.ends[at]) - 1, UTC).date() for at in (0, -1))
    periods = periods_between(first, last, series.minutes)
    within_file = [(period, 0 < number < len(periods) - 1) for number, period in enumerate(periods)]
    return [(period, whole) for period, whole in within_file if len(within(series.bars(), period))]


def _tell(done: Sequence[_Judged], published: dict[BarKey, Any], *, as_json: bool) -> None:
    reports = [(path, report) for path, _, report in done]
    if as_json:
        plain = {key.symbol: {period: state.value for period, state in chunks} for key, chunks in published.items()}
        show.print_json({"series": [told(path, one) for path, one in reports], "published": plain})
        return
    print_reports(reports)
    for key, chunks in published.items():
        say_published(chunks, key)
    for _, series, report in done:
        state = "imported" if report.verdict.usable else "refused, nothing written"
        show.console().print(f"{series.name}: {state}", markup=False)
