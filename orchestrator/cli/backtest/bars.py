"""The bars a backtest runs on: read from files or the local store, judged, and refused in one line where unfit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from orchestrator.cli.data.check import files_of, series_in, symbol_of
from orchestrator.cli.data.places import judged, local_bars
from orchestrator.domain.errors import ConfigurationError, MalformedDataError
from orchestrator.domain.findings import Defect, QualityReport
from orchestrator.domain.market import Bars
from orchestrator.domain.moves import split_adjusted
from orchestrator.domain.series import BarSeries, timeframe_of

_OTHER_NAMES = {"XBT": "BTC"}
_DOLLARS = ("USDT", "USDC")


@dataclass(frozen=True, slots=True)
class Sources:
    """Where bars are looked for: files and folders, or the local store; `minutes` 0 = any length, if all have it."""

    paths: tuple[Path, ...]
    minutes: int = 0
    adjust: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Feed:
    """Bars by the desk's symbol, with what is known of each.

    Parameters
    ----------
    dividends
        Day number and USD of each unit; prices contain every split by now.
    notes
        What was taken for what, in words.
    """

    minutes: int
    bars: Mapping[str, Bars]
    dividends: Mapping[str, Sequence[tuple[int, float]]]
    reports: Mapping[str, QualityReport]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Found:
    source: str
    series: BarSeries
    report: QualityReport


def feed_of(sources: Sources, wanted: Sequence[str], *, named: bool, until: int | None) -> Feed:
    """Return the bars of what is wanted.

    Parameters
    ----------
    wanted
        The desk's symbols.
    named
        Whether a person named them: then each of them must be there.
    until
        Epoch seconds; later bars are not looked at. None = all.

    Raises
    ------
    ConfigurationError
        A symbol is not there, or twice, or bars of several lengths are.
    MalformedDataError
        A series is not to be used; the message says why, and where it is.
    """
    found: dict[str, _Found] = {}
    seen: set[str] = set()
    for source, series in _series(sources, set(wanted), seen):
        symbol = desk_symbol(series.name)
        if symbol not in wanted or sources.minutes not in {0, series.minutes}:
            continue
        if symbol in found:
            raise ConfigurationError(
                f"{source} and {found[symbol].source} are both {symbol}: name one of them, or a --timeframe"
            )
        found[symbol] = _ready(source, series, adjust=sources.adjust)
    _all_there(found, wanted, seen, named=named)
    return _fed({symbol: found[symbol] for symbol in wanted if symbol in found}, until)


def desk_symbol(name: str) -> str:
    """Return the desk's name of a symbol: a dollar coin stands for the dollar.

    Examples
    --------
    >>> desk_symbol("XBT/USD"), desk_symbol("ETH/USDT"), desk_symbol("spy")
    ('BTC/USD', 'ETH/USD', 'SPY')
    """
    base, _, quote = name.upper().partition("/")
    if not quote:
        return base
    return f"{_OTHER_NAMES.get(base, base)}/{'USD' if quote in _DOLLARS else quote}"


def _series(sources: Sources, wanted: set[str], seen: set[str]) -> Iterator[tuple[str, BarSeries]]:
    """Give the series that may be wanted; `seen` gets every symbol that is there."""
    if not sources.paths:
        bars = local_bars(None)
        for key in bars.keys():  # noqa: SIM118 - not a mapping
            seen.add(desk_symbol(key.symbol))
            if desk_symbol(key.symbol) in wanted and sources.minutes in {0, key.minutes}:
                yield str(bars.path(key, "x").parent), bars.series(key)
        return
    for path, alone in _files(sources.paths):
        symbol = desk_symbol(symbol_of(path.name.split(".")[0]))
        seen.add(symbol)
        if alone or symbol in wanted:
            for series in series_in(path, "", 0):
                seen.add(desk_symbol(series.name))
                yield str(path), series


def _files(paths: Iterable[Path]) -> Iterator[tuple[Path, bool]]:
    """Give the files of bars, and whether each was named itself: then its name need not be its symbol."""
    for path in paths:
        for file in files_of([path]):
            yield file, file == path


def _ready(source: str, series: BarSeries, *, adjust: bool) -> _Found:
    report = judged(series)
    if not report.verdict.usable:
        raise MalformedDataError(f"{source}: {series.name} is not to be used: {'; '.join(report.verdict.reasons)}")
    if report.count(Defect.EXPLAINED_JUMP) and any(action.ratio != 1 for action in series.actions):
        if not adjust:
            raise ConfigurationError(f"{source}: {series.name} has raw prices: say --adjust to apply its splits")
        series = split_adjusted(series)
    return _Found(source, series, report)


def _all_there(found: Mapping[str, _Found], wanted: Sequence[str], seen: set[str], *, named: bool) -> None:
    missing = [symbol for symbol in wanted if symbol not in found]
    if (named and missing) or not found:
        raise ConfigurationError(f"no bars of {', '.join(missing)}; {_instead(seen)}")
    lengths = {one.series.minutes for one in found.values()}
    if len(lengths) > 1:
        told = ", ".join(timeframe_of(minutes) for minutes in sorted(lengths))
        raise ConfigurationError(f"bars of {told}: name one length with --timeframe")


def _instead(seen: set[str]) -> str:
    """Return in words what there is, and how to get at it."""
    if not seen:
        return "there is: nothing; fetch some with `desk data fetch`, or name files with --data"
    return f"there is: {', '.join(sorted(seen)[:30])}; name those to trade with --symbols"


def _fed(found: Mapping[str, _Found], until: int | None) -> Feed:
    series = {symbol: one.series for symbol, one in found.items()}
    kept = {symbol: one.bars() if until is None else _until(one.bars(), until) for symbol, one in series.items()}
    notes = [f"{one.name} is taken for {symbol}" for symbol, one in series.items() if one.name != symbol]
    return Feed(
        minutes=next(iter(series.values())).minutes,
        bars=kept,
        dividends={
            symbol: [(action.day, action.cash) for action in one.actions if action.cash]
            for symbol, one in series.items()
        },
        reports={symbol: one.report for symbol, one in found.items()},
        notes=tuple(notes),
    )


def _until(bars: Bars, last: int) -> Bars:
    count = int(np.searchsorted(bars.ends, last, side="right"))
    columns = (bars.open, bars.high, bars.low, bars.close, bars.volume)
    return Bars(bars.ends[:count], *(column[:count] for column in columns))
