"""`desk data check`: what is wrong with bars, series by series. Exit 1 = one of them is not to be used."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from orchestrator.cli import show
from orchestrator.cli.asking import ask
from orchestrator.cli.data.calendars import ALWAYS, US_EQUITIES, sessions_of
from orchestrator.cli.data.places import Folder, judged, local_bars, timeframe_minutes
from orchestrator.cli.data.tables import Origin, read_series, with_history
from orchestrator.cli.faults import WRONG
from orchestrator.cli.target import builder
from orchestrator.domain.documents import CommandKind
from orchestrator.domain.errors import ConfigurationError
from orchestrator.domain.findings import LEAST_SCORE, QualityReport
from orchestrator.domain.series import TIMEFRAMES, BarSeries, timeframe_of
from orchestrator.status import load

Calendar = Annotated[str, typer.Option(help="Sessions to measure against: XNYS, XMIL ..., 24/7. Else by the symbol.")]
Timeframe = Annotated[str, typer.Option(help=f"Length of a bar: {', '.join(TIMEFRAMES)}. Else as the rows are apart.")]

Bar = Annotated[bool, typer.Option("--bar", help="Keep the desk from opening anything in a symbol that fails.")]
BY_DATA = "data: "
"""How the reason begins of a symbol that is barred for its bars; only such a one is let in again."""

_PAIR = re.compile(r"^([A-Z0-9]{2,6}?)[-_]?(USDT|USDC|USD)(?:_|$)")
_NO_SERIES = {"factor_files", "map_files"}


def check(
    ctx: typer.Context,
    paths: Annotated[
        list[Path] | None, typer.Argument(help="CSV and Parquet files or folders of them; else the local store.")
    ] = None,
    calendar: Calendar = "",
    timeframe: Timeframe = "",
    folder: Folder = None,
    bar: Bar = False,
    as_json: show.AsJson = False,
) -> None:
    """Say what is wrong with bars: gaps, duplicates, order, impossible prices, unexplained jumps."""
    minutes = timeframe_minutes(timeframe)
    found = _in_files(paths, calendar, minutes) if paths else _in_store(folder, minutes)
    reports = [(path, judged(one, calendar)) for path, one in found]
    if as_json:
        show.print_json({"least_score": LEAST_SCORE, "series": [told(path, report) for path, report in reports]})
    else:
        print_reports(reports)
    if bar:
        _bar(ctx, [report for _, report in reports], as_json=as_json)
    if any(not report.verdict.usable for _, report in reports):
        raise typer.Exit(WRONG)


def _bar(ctx: typer.Context, reports: Sequence[QualityReport], *, as_json: bool) -> None:
    """Ask the desk to bar the symbols that fail, and to let in again those that pass now."""
    failed = {one.name: f"{BY_DATA}{'; '.join(one.verdict.reasons)}"[:200] for one in reports if not one.verdict.usable}
    barred = load(builder(ctx).store).limits.barred
    passed = {one.name for one in reports} - failed.keys()
    again = {name: None for name in passed if barred.get(name, "").startswith(BY_DATA)}
    rows = {name: why for name, why in failed.items() if barred.get(name) != why} | again
    if rows:
        args = {"limits": json.dumps({"barred": rows}, sort_keys=True)}
        ask(ctx, CommandKind.SET_LIMITS, reason="desk data check", wait=1.0, as_json=as_json, args=args)


def _in_files(paths: Iterable[Path], calendar: str, minutes: int) -> list[tuple[Path, BarSeries]]:
    return [(path, one) for path in files_of(paths) for one in series_in(path, calendar, minutes)]


def _in_store(folder: Path | None, minutes: int) -> list[tuple[Path, BarSeries]]:
    bars = local_bars(folder)
    keys = [key for key in bars.keys() if minutes in {0, key.minutes}]  # noqa: SIM118 - not a mapping
    if not keys:
        raise ConfigurationError(f"{bars.root}: no bars here; fetch or import some, or name files to check")
    return [(bars.path(key, "x").parent, bars.series(key)) for key in keys]


def files_of(paths: Iterable[Path]) -> list[Path]:
    """Return the files of bars among paths.

    Raises
    ------
    ConfigurationError
        A path does not exist, or there is no file of bars.
    """
    found: list[Path] = []
    for path in paths:
        if not path.exists():
            raise ConfigurationError(f"{path}: no such file or folder")
        inside = sorted([*path.rglob("*.csv*"), *path.rglob("*.parquet")]) if path.is_dir() else [path]
        found += [one for one in inside if not _NO_SERIES & set(one.parts)]
    if not found:
        raise ConfigurationError(f"no files of bars (.csv, .csv.gz, .parquet) in {', '.join(map(str, paths))}")
    return found


def series_in(path: Path, calendar: str, minutes: int) -> list[BarSeries]:
    """Return the series of a file, with what factor and map files beside it tell; a pair of coins is BASE/QUOTE."""
    stem = path.name.split(".")[0]
    symbol = symbol_of(stem)
    default = ALWAYS if "/" in symbol else US_EQUITIES
    origin = Origin(symbol, sessions_of(calendar or default), minutes)
    return [with_history(one, path.parent) for one in read_series(path, origin)]


def symbol_of(stem: str) -> str:
    """Return the symbol that a file's name stands for.

    Examples
    --------
    >>> symbol_of("BTC_USDT_2020_2025"), symbol_of("SPY_trade"), symbol_of("XBTUSD_60")
    ('BTC/USDT', 'SPY', 'XBT/USD')
    """
    pair = _PAIR.match(stem)
    return f"{pair[1]}/{pair[2]}" if pair else stem.split("_", maxsplit=1)[0]


def told(path: Path, report: QualityReport) -> dict[str, object]:
    """Return a report as plain values."""
    verdict = report.verdict
    plain = report.model_dump(mode="json")
    plain["findings"] = [one.model_dump(mode="json") | {"fatal": one.fatal} for one in report.findings]
    return {"file": str(path), **plain, "usable": verdict.usable, "reasons": verdict.reasons}


def print_reports(reports: Sequence[tuple[Path, QualityReport]]) -> None:
    """Print a table of series, and a line for each finding."""
    out = show.console()
    numbers = ("rows", "of", "score")
    table = show.table("series", "bar", "first", "last", *numbers, "verdict", numbers=numbers)
    for _, one in reports:
        verdict = "[green]usable[/]" if one.verdict.usable else "[bold red]not usable[/]"
        of = "" if one.expected is None else str(one.expected)
        span = (one.first, one.last, str(one.rows), of, f"{one.score:.2f}")
        table.add_row(escape(one.name), timeframe_of(one.minutes), *span, verdict)
    out.print(table)
    for path, one in reports:
        for finding in one.findings:
            style = "red" if finding.fatal else "yellow"
            out.print(
                f"[bold]{escape(one.name)}[/] [{style}]{finding.defect}[/]: {escape(finding.text)}", soft_wrap=True
            )
        if one.findings:
            out.print(f"  in {escape(str(path))}", soft_wrap=True)
