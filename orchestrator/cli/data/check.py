"""`desk data check`: what is wrong with bars, series by series. Exit 1 = one of them is not to be used."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from orchestrator.cli import show
from orchestrator.cli.data.calendars import ALWAYS, US_EQUITIES, expected_ends, sessions_of
from orchestrator.cli.data.tables import Origin, read_series, with_history
from orchestrator.cli.faults import WRONG
from orchestrator.domain.errors import ConfigurationError
from orchestrator.domain.findings import LEAST_SCORE, QualityReport
from orchestrator.domain.quality import examined
from orchestrator.domain.series import TIMEFRAMES, BarSeries, timeframe_of

Calendar = Annotated[str, typer.Option(help="Sessions to measure against: XNYS, XMIL ..., 24/7. Else by the symbol.")]
Timeframe = Annotated[str, typer.Option(help=f"Length of a bar: {', '.join(TIMEFRAMES)}. Else as the rows are apart.")]

_PAIR = re.compile(r"^[A-Z0-9]{2,6}?[-_/]?(USDT|USDC|USD)(_|$)")
_NO_SERIES = {"factor_files", "map_files"}


def check(
    paths: Annotated[list[Path], typer.Argument(help="Files of bars (CSV, gzip or plain), or folders of them.")],
    calendar: Calendar = "",
    timeframe: Timeframe = "",
    as_json: show.AsJson = False,
) -> None:
    """Say what is wrong with bars: gaps, duplicates, order, impossible prices, unexplained jumps. Changes nothing."""
    minutes = minutes_of(timeframe)
    files = files_of(paths)
    reports = [(path, _examined(one, calendar)) for path in files for one in series_in(path, calendar, minutes)]
    if as_json:
        show.print_json({"least_score": LEAST_SCORE, "series": [_told(path, report) for path, report in reports]})
    else:
        _print(reports)
    if any(not report.verdict.usable for _, report in reports):
        raise typer.Exit(WRONG)


def minutes_of(timeframe: str) -> int:
    """Return the minutes of a length of bar, 0 for none.

    Raises
    ------
    ConfigurationError
        There is no such length.
    """
    if timeframe and timeframe not in TIMEFRAMES:
        raise ConfigurationError(f"--timeframe {timeframe}: name one of {', '.join(TIMEFRAMES)}")
    return TIMEFRAMES.get(timeframe, 0)


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
        inside = sorted(path.rglob("*.csv*")) if path.is_dir() else [path]
        found += [one for one in inside if not _NO_SERIES & set(one.parts)]
    if not found:
        raise ConfigurationError(f"no files of bars (.csv, .csv.gz) in {', '.join(map(str, paths))}")
    return found


def series_in(path: Path, calendar: str, minutes: int) -> list[BarSeries]:
    """Return the series of a file, with what factor and map files beside it tell."""
    stem = path.name.split(".")[0]
    symbol = stem.split("_")[0] if not _PAIR.match(stem) else stem
    origin = Origin(symbol, sessions_of(calendar or calendar_for(stem)), minutes)
    return [with_history(one, path.parent) for one in read_series(path, origin)]


def calendar_for(symbol: str) -> str:
    """Return the calendar that a symbol looks like: a pair of coins never closes."""
    return ALWAYS if _PAIR.match(symbol) else US_EQUITIES


def _examined(series: BarSeries, calendar: str) -> QualityReport:
    if not len(series):
        return examined(series)
    sessions = sessions_of(calendar or calendar_for(series.name))
    return examined(series, expected_ends(int(series.ends.min()), int(series.ends.max()), series.minutes, sessions))


def _told(path: Path, report: QualityReport) -> dict[str, object]:
    verdict = report.verdict
    told = report.model_dump(mode="json")
    told["findings"] = [one.model_dump(mode="json") | {"fatal": one.fatal} for one in report.findings]
    return {"file": str(path), **told, "usable": verdict.usable, "reasons": verdict.reasons}


def _print(reports: Sequence[tuple[Path, QualityReport]]) -> None:
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
