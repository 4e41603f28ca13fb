"""Splits and cash dividends of a stock, from whatever its sources tell of them.

Lean's factor files, Tiingo's and Yahoo's dividend columns, and steps of Yahoo's `adj_close / close`. A day's actions
come from one source only, daily sources before finer ones; a source with dividends in its prices has none to credit.
Splits count only where prices are raw (Lean, Tiingo); Yahoo's prices are split-adjusted already.
"""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np

from orchestrator.domain.errors import MalformedDataError
from venue.dataset import Report
from venue.feed import CorporateAction
from venue.replay.layout import Catalogue, Source
from venue.replay.series import Series
from venue.sessions import EPOCH, Sessions, day_number

SMALLEST_STEP = 1e-4
"""Smallest step of adj_close / close read as a dividend, a fraction of the price."""
MILL = Decimal("0.001")


class Actions:
    """Splits and dividends of the files of one catalogue; each file is read for them once."""

    def __init__(self, catalogue: Catalogue, sessions: Sessions, report: Report) -> None:
        self._catalogue, self._sessions, self._report = catalogue, sessions, report
        self._read: dict[Source, list[CorporateAction]] = {}

    def of(self, accepted: list[tuple[Source, Series]]) -> list[tuple[int, CorporateAction]]:
        """Return the actions of one stock in order, each with the open (epoch s) of the first session it counts in."""
        told: dict[date, list[CorporateAction]] = {}
        covered: set[int] = set()
        for source, series in sorted(accepted, key=lambda pair: (-pair[0].minutes, pair[0].dividend_adjusted)):
            for action in self._of_source(source, series):
                if day_number(action.ex_date) not in covered:
                    told.setdefault(action.ex_date, []).append(action)
            covered |= set(series.day.tolist())
        return [(self._open(day), action) for day in sorted(told) for action in told[day]]

    def _of_source(self, source: Source, series: Series) -> list[CorporateAction]:
        if source not in self._read:
            factors = self._catalogue.beside(source, "factor_files")
            if factors is None:
                self._read[source] = _of_source(source, series, self._report)
            else:
                self._read[source] = read_factors(factors, source.symbol, self._sessions)
        return self._read[source]

    def _open(self, day: date) -> int:
        return int(self._sessions.opens[np.searchsorted(self._sessions.days, day_number(day))])


def _of_source(source: Source, series: Series, report: Report) -> list[CorporateAction]:
    if source.dividend_adjusted:
        return []
    if "divCash" in series.extras:
        return _columns(source.symbol, series, "divCash", "splitFactor")
    if "dividends" in series.extras:
        return _columns(source.symbol, series, "dividends", None)
    return _steps(source, series, report) if "adj_close" in series.extras else []


def _day(number: int) -> date:
    return EPOCH + timedelta(days=int(number))


def _cash(value: float) -> Decimal:
    """Round a dividend to a tenth of a cent, the precision in which most are declared."""
    return Decimal(repr(float(value))).quantize(MILL)


def _columns(symbol: str, series: Series, cash: str, split: str | None) -> list[CorporateAction]:
    found = [
        CorporateAction(symbol, _day(series.day[row]), cash=_cash(series.extras[cash][row]))
        for row in np.flatnonzero(series.extras[cash] > 0)
    ]
    if split is None:
        return found
    ratios = series.extras[split]
    rows = np.flatnonzero((ratios > 0) & (ratios != 1))
    return found + [CorporateAction(symbol, _day(series.day[row]), ratio=_ratio(float(ratios[row]))) for row in rows]


def _steps(source: Source, series: Series, report: Report) -> list[CorporateAction]:
    """Read dividends from the steps of adj_close / close: cash = previous close x (1 - ratio before / ratio after)."""
    ratio = series.extras["adj_close"] / series.close
    known = np.flatnonzero(np.isfinite(ratio))
    before, after = known[:-1], known[1:]
    step = 1 - ratio[before] / ratio[after]
    clear = np.flatnonzero(step > SMALLEST_STEP)
    report.drop(
        source.where, "adj_close steps down (no dividend can do that, ignored)", int((step < -SMALLEST_STEP).sum())
    )
    return [
        CorporateAction(source.symbol, _day(series.day[after[row]]), cash=_cash(series.close[before[row]] * step[row]))
        for row in clear
    ]


def _ratio(value: float) -> Decimal:
    """Return a split ratio as the simple fraction it stands for."""
    simple = Fraction(value).limit_denominator(20)
    return Decimal(simple.numerator) / Decimal(simple.denominator)


def read_factors(path: Path, symbol: str, sessions: Sessions) -> list[CorporateAction]:
    """Read a Lean factor file: a row's factors hold up to and including its date, the next session is the ex-date.

    Raises
    ------
    MalformedDataError
        A line is not `yyyymmdd,price_factor,split_factor,reference_price`.
    """
    rows = [_factor_row(path, number, line) for number, line in enumerate(path.read_text().splitlines(), 1) if line]
    found: list[CorporateAction] = []
    for (day, price, split, reference), (_, next_price, next_split, _) in pairwise(rows):
        index = int(np.searchsorted(sessions.days, day_number(day), side="right"))
        if index >= len(sessions.days):
            continue
        ex_date = _day(int(sessions.days[index]))
        ratio, cash = next_split / split, _cash(reference * (1 - price / next_price))
        if abs(ratio - 1) > SMALLEST_STEP:
            found.append(CorporateAction(symbol, ex_date, ratio=_ratio(ratio)))
        if cash > 0:
            found.append(CorporateAction(symbol, ex_date, cash=cash))
    return found


def _factor_row(path: Path, number: int, line: str) -> tuple[date, float, float, float]:
    try:
        text, price, split, reference = line.split(",")
        return date(int(text[:4]), int(text[4:6]), int(text[6:])), float(price), float(split), float(reference)
    except ValueError:
        form = "yyyymmdd,price_factor,split_factor,reference_price"
        raise MalformedDataError(f"{path}: line {number}: expected {form}, found {line!r}") from None
