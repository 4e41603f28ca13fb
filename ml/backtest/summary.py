"""The whole of a backtest in numbers: the joint equity day by day, every metric with its interval, every breakdown.

Days are those of UTC. Modules have an account each; what they earned is added up.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml.backtest import metrics
from ml.backtest.engine import Result
from ml.backtest.intervals import RESAMPLES, Draw, Measured, of_history, of_sample
from ml.backtest.layout import DAY_S, Ints
from ml.backtest.regimes import Regimes, day_numbers
from ml.backtest.stage import Run
from ml.backtest.trips import Group, Trip, grouped, in_order, session_of, trips_of
from orchestrator.domain.market import Floats

YEAR_S = 365.25 * DAY_S


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """What one module did, whichever driver ran it.

    Parameters
    ----------
    ends, equity, gross
        Epoch seconds; at each, the account's equity and the worth of all that is held, USD (NaN = not told).
    """

    module: str
    minutes: int
    capital: float
    ends: Ints
    equity: Floats
    gross: Floats
    trips: Sequence[Trip]


def line_of(run: Run) -> Line:
    """Return a run of the engine as a line."""
    found = run.result
    return Line(run.module, run.minutes, found.capital, found.ends, found.equity, found.gross, trips_of(run))


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """Equity and gross exposure of all modules together, USD, at the last second of each day's newest bar."""

    capital: float
    ends: Ints
    equity: Floats
    gross: Floats

    @property
    def returns(self) -> Floats:
        """Profit of each day over the equity before it."""
        before = np.concatenate([[self.capital], self.equity[:-1]])
        found: Floats = self.equity / before - 1.0
        return found

    @property
    def years(self) -> float:
        """Length, the first day included."""
        return float(self.ends[-1] - self.ends[0] + DAY_S) / YEAR_S


@dataclass(frozen=True, slots=True, eq=False)
class Summary:
    """What a backtest says.

    Parameters
    ----------
    measured
        Of the daily returns and the round trips; profit per round trip in USD.
    against
        Relative to the benchmark; empty where there is none.
    plain
        Numbers without an interval: exposure, turnover and costs.
    groups
        Breakdowns by what they are by.
    """

    curve: Curve
    benchmark: Floats
    trips: Sequence[Trip]
    measured: Mapping[str, Measured]
    against: Mapping[str, Measured]
    plain: Mapping[str, float]
    groups: Mapping[str, Sequence[Group]]


def curve_of(lines: Sequence[Line]) -> Curve:
    """Return the joint curve: the capital and what every module has earned on it, by day."""
    capital = lines[0].capital
    days = np.unique(np.concatenate([day_numbers(line.ends) for line in lines]))
    ends, equity, gross = np.zeros(len(days), np.int64), np.full(len(days), capital), np.zeros(len(days))
    for line in lines:
        rows = _days(line.ends)
        own = line.ends[rows] - 1
        at = np.searchsorted(own // DAY_S, days, side="right") - 1
        known = at >= 0
        ends = np.maximum(ends, np.where(own[at] // DAY_S == days, own[at], 0))
        equity += np.where(known, line.equity[rows][at] - capital, 0.0)
        gross += np.where(known, line.gross[rows][at], 0.0)
    return Curve(capital, ends, equity, gross)


def below_peak(result: Result, share: float) -> NDArray[np.bool_]:
    """Return the rows that end at least `share` below the highest equity so far, the capital included."""
    peak = np.maximum(np.maximum.accumulate(result.equity), result.capital)
    found: NDArray[np.bool_] = result.equity <= peak * (1.0 - share)
    return found


def _days(ends: Ints) -> Ints:
    """Return the last row of each day."""
    return np.flatnonzero(np.append(np.diff(day_numbers(ends)) > 0, True))


def summarised(
    lines: Sequence[Line], benchmark: Floats, regimes: Regimes, *, per_year: float, resamples: int = RESAMPLES
) -> Summary:
    """Return everything that is said of a backtest.

    Parameters
    ----------
    lines
        One of each module, on the same capital.
    benchmark
        Worth of the benchmark at the curve's days, any unit; NaN before it is known. Empty = none.
    regimes
        What the market was like.
    per_year
        Days of trading in a year.
    resamples
        Histories that are drawn for the intervals.
    """
    curve = curve_of(lines)
    trips = in_order(trip for line in lines for trip in line.trips)
    returns, profits = curve.returns, np.array([trip.profit for trip in trips])
    daily = {name: _of_returns(found, returns, per_year) for name, found in metrics.OF_RETURNS.items()}
    by_trade = {name: _of_trades(found, profits) for name, found in metrics.OF_TRADES.items()}
    measured = of_history(len(returns), daily, resamples=resamples)
    measured |= of_sample(len(profits), by_trade, resamples=resamples)
    return Summary(
        curve=curve,
        benchmark=benchmark,
        trips=trips,
        measured=measured,
        against=_against(returns, benchmark, per_year, resamples),
        plain=_plain(curve, trips, lines),
        groups={
            "strategy": grouped(trips, lambda trip: f"{trip.module}.{trip.strategy}"),
            "symbol": grouped(trips, lambda trip: trip.symbol),
            "session": grouped(trips, session_of),
            "regime": grouped(trips, lambda trip: regimes.at(trip.opened)),
            "exit": grouped(trips, lambda trip: trip.reason),
        },
    )


def _against(returns: Floats, benchmark: Floats, per_year: float, resamples: int) -> dict[str, Measured]:
    known = np.isfinite(benchmark)
    if known.sum() < 2:
        return {}
    both = known[1:] & known[:-1]
    own, other = returns[1:][both], (benchmark[1:] / benchmark[:-1] - 1.0)[both]
    draws = {name: _relative(found, own, other, per_year) for name, found in metrics.AGAINST.items()}
    return of_history(len(own), draws, resamples=resamples)


def _of_returns(found: metrics.Statistic, returns: Floats, per_year: float) -> Draw:
    return lambda rows: found(returns[rows], per_year)


def _of_trades(found: metrics.OfTrades, profits: Floats) -> Draw:
    return lambda rows: found(profits[rows])


def _relative(found: metrics.Relative, own: Floats, other: Floats, per_year: float) -> Draw:
    return lambda rows: found(own[rows], other[rows], per_year)


def _plain(curve: Curve, trips: Sequence[Trip], lines: Sequence[Line]) -> dict[str, float]:
    mean = float(curve.equity.mean())
    costs = sum(trip.costs for trip in trips)
    before = sum(trip.profit + trip.costs for trip in trips)
    gross = np.concatenate([line.gross for line in lines])
    return {
        "trades": float(len(trips)),
        "final_equity": float(curve.equity[-1]),
        "exposure": float((curve.gross / curve.equity).mean()),
        "time_in_market": float((gross > 0).mean()) if np.isfinite(gross).all() else float("nan"),
        "turnover": sum(trip.traded for trip in trips) / mean / curve.years,
        "costs": costs,
        "costs_per_year": costs / mean / curve.years,
        "costs_of_profit": costs / before if before > 0 else float("nan"),
    }
