"""What a run's returns and trades say, as numbers. Pure; every definition names where it comes from.

Returns are simple ones of equal periods, time on the last axis: (..., n). Each statistic takes a whole stack of
resampled histories at once, and is NaN where it is not defined (nothing moved, no loss, no trade): an undefined
number is shown as such and never as 0.

References
----------
W. Sharpe, The Sharpe ratio, Journal of Portfolio Management 21, 1994.
F. Sortino and L. Price, Performance measurement in a downside risk framework, Journal of Investing 3, 1994.
T. Young, Calmar ratio: a smoother tool, Futures 20, 1991.
M. Jensen, The performance of mutual funds in the period 1945-1964, Journal of Finance 23, 1968 (alpha and beta).
R. Grinold and R. Kahn, Active portfolio management, 2nd edition, 2000, chapter 5 (information ratio).
empyrical-reloaded, empyrical/stats.py (tail ratio, and the forms of the others that a test holds them to).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from orchestrator.domain.market import Floats

Statistic = Callable[[Floats, float], Floats]
"""(returns (..., n), periods in a year) -> (...)."""
OfTrades = Callable[[Floats], Floats]
"""Profits of round trips (..., n) -> (...)."""
Relative = Callable[[Floats, Floats, float], Floats]
"""(returns, returns of the benchmark, periods in a year) -> (...)."""

_NOTHING = 1e-12
"""Below it a deviation is rounding: nothing moved."""


def total_return(returns: Floats, _per_year: float) -> Floats:
    """Return what one unit has gained in all, as a fraction."""
    return _array(np.prod(1.0 + returns, axis=-1) - 1.0)


def cagr(returns: Floats, per_year: float) -> Floats:
    """Return the compound annual growth rate; -1 where all was lost."""
    worth = np.maximum(total_return(returns, per_year) + 1.0, 0.0)
    return _array(worth ** (per_year / returns.shape[-1]) - 1.0)


def volatility(returns: Floats, per_year: float) -> Floats:
    """Return the sample standard deviation (n - 1), annualised."""
    return _array(_deviation(returns) * per_year**0.5)


def sharpe(returns: Floats, per_year: float) -> Floats:
    """Return mean over sample standard deviation, annualised; interest is left out: idle cash earns none here."""
    return _array(_ratio(returns.mean(axis=-1), _deviation(returns)) * per_year**0.5)


def sortino(returns: Floats, per_year: float) -> Floats:
    """Return mean over the root of the mean squared loss (all periods counted), annualised; the target is 0."""
    downside = np.sqrt(np.mean(np.minimum(returns, 0.0) ** 2, axis=-1))
    return _array(_ratio(returns.mean(axis=-1), downside) * per_year**0.5)


def calmar(returns: Floats, per_year: float) -> Floats:
    """Return annual growth over the deepest drawdown."""
    return _ratio(cagr(returns, per_year), max_drawdown(returns, per_year))


def max_drawdown(returns: Floats, _per_year: float) -> Floats:
    """Return the deepest fall below the highest worth before it, as a fraction of that, not negative."""
    return _array(-underwater(returns).min(axis=-1, initial=0.0))


def drawdown_length(returns: Floats, _per_year: float) -> Floats:
    """Return the most periods in a row below the highest worth before them; a fall not made up for counts so far."""
    below = underwater(returns) < -_NOTHING
    place = np.arange(1.0, below.shape[-1] + 1.0)
    high = np.maximum.accumulate(np.where(below, 0.0, place), axis=-1)
    return _array(np.max(place - high, axis=-1, initial=0.0))


def tail_ratio(returns: Floats, _per_year: float) -> Floats:
    """Return the 95th percentile over the 5th one, both without sign."""
    high, low = np.percentile(returns, [95, 5], axis=-1)
    return _ratio(np.abs(high), np.abs(low))


def underwater(returns: Floats) -> Floats:
    """Return how far each period ends below the highest worth so far (the start counts), (..., n), 0 or negative."""
    worth = np.cumprod(1.0 + returns, axis=-1)
    return _array(worth / np.maximum(np.maximum.accumulate(worth, axis=-1), 1.0) - 1.0)


def hit_rate(profits: Floats) -> Floats:
    """Return the share of round trips with a profit after costs."""
    return _ratio(np.sum(profits > 0, axis=-1), profits.shape[-1])


def profit_factor(profits: Floats) -> Floats:
    """Return all that was gained over all that was lost; not defined without a loss."""
    gained, lost = np.maximum(profits, 0.0).sum(axis=-1), np.maximum(-profits, 0.0).sum(axis=-1)
    return _ratio(gained, lost)


def expectancy(profits: Floats) -> Floats:
    """Return the mean profit of a round trip, in the unit of `profits`."""
    return _ratio(profits.sum(axis=-1), profits.shape[-1])


def payoff(profits: Floats) -> Floats:
    """Return the mean profit of the winners over the mean loss of the losers."""
    won, lost = np.sum(profits > 0, axis=-1), np.sum(profits < 0, axis=-1)
    return _array(profit_factor(profits) * _ratio(lost, won))


def beta(returns: Floats, benchmark: Floats, _per_year: float) -> Floats:
    """Return covariance with the benchmark over its variance."""
    apart = benchmark - benchmark.mean(axis=-1, keepdims=True)
    with_it = np.mean(apart * (returns - returns.mean(axis=-1, keepdims=True)), axis=-1)
    return _ratio(with_it, np.mean(apart**2, axis=-1), least=_NOTHING**2)


def alpha(returns: Floats, benchmark: Floats, per_year: float) -> Floats:
    """Return the mean return that the benchmark does not explain, compounded over a year."""
    rest = returns.mean(axis=-1) - beta(returns, benchmark, per_year) * benchmark.mean(axis=-1)
    return _array((1.0 + rest) ** per_year - 1.0)


def tracking_error(returns: Floats, benchmark: Floats, per_year: float) -> Floats:
    """Return the volatility of the difference to the benchmark, annualised."""
    return volatility(returns - benchmark, per_year)


def information_ratio(returns: Floats, benchmark: Floats, per_year: float) -> Floats:
    """Return the mean difference to the benchmark over its sample standard deviation, annualised."""
    return sharpe(returns - benchmark, per_year)


OF_RETURNS: Mapping[str, Statistic] = {
    "total_return": total_return,
    "cagr": cagr,
    "volatility": volatility,
    "sharpe": sharpe,
    "sortino": sortino,
    "calmar": calmar,
    "max_drawdown": max_drawdown,
    "drawdown_length": drawdown_length,
    "tail_ratio": tail_ratio,
}
OF_TRADES: Mapping[str, OfTrades] = {
    "hit_rate": hit_rate,
    "profit_factor": profit_factor,
    "expectancy": expectancy,
    "payoff": payoff,
}
AGAINST: Mapping[str, Relative] = {
    "alpha": alpha,
    "beta": beta,
    "information_ratio": information_ratio,
    "tracking_error": tracking_error,
}


def _deviation(returns: Floats) -> Floats:
    count = returns.shape[-1]
    if count < 2:
        return np.full(returns.shape[:-1], np.nan)
    return _array(np.std(returns, axis=-1, ddof=1))


def _ratio(over: Any, under: Any, *, least: float = _NOTHING) -> Floats:
    """Return the quotient, NaN where there is nothing to divide by."""
    known = np.abs(under) > least
    return _array(np.where(known, over, np.nan) / np.where(known, under, 1.0))


def _array(value: Any) -> Floats:
    return np.asarray(value, np.float64)
