"""Value at risk and expected shortfall of a book, historical and normal, a shrunk covariance, and a table of shocks.

Profit and loss goes in as USD of one period (a day), gains positive; risk comes out as USD that may be lost, never
negative: a tail that gains counts as 0. It fails closed: too little history, or a number that is infinite, gives None
and the caller must deny or fall back; it never guesses.

References
----------
A. J. McNeil, R. Frey, P. Embrechts, Quantitative Risk Management, Princeton 2005: definitions 2.10 and 2.15, remark
2.17, examples 2.14 and 2.18.
P. Jorion, Value at Risk, 3rd edition, McGraw-Hill 2007: chapters 5 (computing VaR) and 7 (portfolio risk).
C. Acerbi, D. Tasche, On the coherence of expected shortfall, Journal of Banking and Finance 26 (2002).
O. Ledoit, M. Wolf, Honey, I shrunk the sample covariance matrix, Journal of Portfolio Management 30 (2004), appendix.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

LEVELS = (0.95, 0.99)
"""The confidence levels that the desk states."""
TRADING_DAYS = 252
"""Days over which an annual volatility is spread."""
_ROOT_OF_YEAR = math.sqrt(TRADING_DAYS)
_ROUNDING = 1e-9
_NORMAL = NormalDist()


@dataclass(frozen=True, slots=True)
class Tail:
    """What may be lost over one period, USD, never negative: `cvar` is at least `var`."""

    var: float
    """Not exceeded with the probability of the level."""
    cvar: float
    """Mean of the losses at and beyond `var` (expected shortfall)."""


def least_history(level: float) -> int:
    """Return how many observations a level needs: fewer have no loss beyond it. 20 for 0.95, 100 for 0.99."""
    return math.ceil(1 / (1 - _checked(level)) - _ROUNDING)


def historical(pnl: ArrayLike, level: float, *, least: int | None = None) -> Tail | None:
    """Return value at risk and expected shortfall of the empirical distribution, None without enough history.

    Parameters
    ----------
    pnl
        USD per period, shape (periods,), gains positive. NaN periods were not observed and are left out.
    level
        Confidence, above 0 and below 1.
    least
        Observations required; `least_history` of the level when not given, and never fewer.

    Raises
    ------
    ValueError
        The level is not between 0 and 1.

    Notes
    -----
    With n losses sorted upwards, VaR is number ceil(n × level): the smallest loss whose empirical distribution
    reaches the level; nothing is interpolated. CVaR is the exact mean of the worst n × (1 - level) losses, the last of
    them counted by the fraction that belongs to the tail, which keeps it subadditive where losses tie.

    References
    ----------
    McNeil, Frey, Embrechts 2005, definition 2.10 and remark 2.17; Acerbi, Tasche 2002.

    Examples
    --------
    >>> tail = historical([-value for value in range(1, 101)], 0.95)
    >>> tail.var, round(tail.cvar, 6)
    (95.0, 98.0)
    >>> historical([-1.0, 2.0], 0.95) is None
    True
    """
    required = max(least_history(level), least or 0)
    losses = -np.asarray(pnl, dtype=np.float64).ravel()
    losses = np.sort(losses[~np.isnan(losses)])
    if losses.size < required or not np.isfinite(losses).all():
        return None
    rank = math.ceil(losses.size * level - _ROUNDING)
    beyond, mass = losses[rank:], losses.size * (1 - level)
    cvar = (beyond.sum() + losses[rank - 1] * (mass - beyond.size)) / mass
    return _tail(float(losses[rank - 1]), float(cvar))


def parametric(sigma_usd: float, level: float, *, mean_usd: float = 0.0) -> Tail | None:
    """Return value at risk and expected shortfall of normal profit and loss, None for a sigma that is not a number.

    Parameters
    ----------
    sigma_usd
        Standard deviation over the period, USD, not negative.
    level
        Confidence, above 0 and below 1.
    mean_usd
        Expected gain over the period, USD.

    Raises
    ------
    ValueError
        The level is not between 0 and 1, or sigma is negative.

    References
    ----------
    McNeil, Frey, Embrechts 2005, examples 2.14 and 2.18: with z the normal quantile of the level,
    VaR = sigma × z - mean and CVaR = sigma × density(z) / (1 - level) - mean.

    Examples
    --------
    >>> tail = parametric(1000.0, 0.99)
    >>> round(tail.var, 1), round(tail.cvar, 1)
    (2326.3, 2665.2)
    """
    quantile = _NORMAL.inv_cdf(_checked(level))
    if not (math.isfinite(sigma_usd) and math.isfinite(mean_usd)):
        return None
    if sigma_usd < 0:
        raise ValueError(f"sigma must not be negative, got {sigma_usd}")
    return _tail(sigma_usd * quantile - mean_usd, sigma_usd * _NORMAL.pdf(quantile) / (1 - level) - mean_usd)


def portfolio_sigma(weights_usd: ArrayLike, covariance: ArrayLike) -> float:
    """Return the standard deviation of a portfolio over one period, USD; NaN where an input is.

    Parameters
    ----------
    weights_usd
        USD held of each asset, shape (assets,), short ones negative.
    covariance
        Of the assets' returns per period, shape (assets, assets).

    References
    ----------
    Jorion 2007, chapter 7: variance = w' Σ w.

    Examples
    --------
    >>> portfolio_sigma([3000.0, 4000.0], [[0.0001, 0.0], [0.0, 0.0001]])
    50.0
    """
    weights, matrix = np.asarray(weights_usd, dtype=np.float64), np.asarray(covariance, dtype=np.float64)
    variance = float(weights @ matrix @ weights)
    return math.sqrt(max(variance, 0.0)) if math.isfinite(variance) else math.nan


def daily_sigma(notional_usd: float, annual_vol: float) -> float:
    """Return the USD that a holding moves in a day (one sigma): the fall-back where history is absent.

    Examples
    --------
    >>> round(daily_sigma(10_000.0, 0.32), 1)
    201.6
    """
    return abs(notional_usd) * annual_vol / _ROOT_OF_YEAR


def shrunk_covariance(returns: ArrayLike, *, least: int = 20) -> Floats | None:
    """Return the covariance of returns, shrunk toward one correlation for all; None without enough history.

    Parameters
    ----------
    returns
        Per period, shape (periods, assets). A period in which any asset is NaN is left out.
    least
        Complete periods required, at least 2.

    Returns
    -------
    Floats | None
        Shape (assets, assets), symmetric, with the variances of the sample (divided by the number of periods).

    Notes
    -----
    The target keeps each sample variance and gives each pair the mean correlation; the weight of the target minimizes
    the expected squared distance to the true matrix. An asset that never moves has no correlation.

    References
    ----------
    Ledoit, Wolf 2004, appendices A and B.

    Examples
    --------
    >>> shrunk_covariance([[0.01], [-0.01]], least=2)
    array([[0.0001]])
    """
    table = np.asarray(returns, dtype=np.float64)
    table = table[~np.isnan(table).any(axis=1)]
    if len(table) < max(least, 2) or not np.isfinite(table).all():
        return None
    moves = table - table.mean(axis=0)
    sample: Floats = moves.T @ moves / len(moves)
    target, correlation = _one_correlation(sample)
    distance = float(((target - sample) ** 2).sum())
    if distance <= 0:
        return sample
    weight = _error_to_save(moves, sample, correlation) / distance / len(moves)
    weight = min(max(weight, 0.0), 1.0)
    return np.asarray(weight * target + (1 - weight) * sample, dtype=np.float64)


def _one_correlation(sample: Floats) -> tuple[Floats, float]:
    """Return the matrix in which every pair has the mean correlation, and that correlation."""
    deviations = np.sqrt(np.diag(sample))
    scale = np.outer(deviations, deviations)
    pairs = ~np.eye(len(sample), dtype=np.bool_) & (scale > 0)
    correlation = float((sample[pairs] / scale[pairs]).mean()) if pairs.any() else 0.0
    target = correlation * scale
    np.fill_diagonal(target, np.diag(sample))
    return target, correlation


def _error_to_save(moves: Floats, sample: Floats, correlation: float) -> float:
    """Return the sample's estimated error less its covariance with the target's: pi - rho of the paper."""
    periods, variances = len(moves), np.diag(sample)
    squares = moves**2
    error = squares.T @ squares / periods - sample**2
    skewed = (moves**3).T @ moves / periods - variances[:, None] * sample
    deviations = np.sqrt(variances)
    inverse = np.divide(1.0, deviations, out=np.zeros_like(deviations), where=deviations > 0)
    ratio = np.outer(inverse, deviations)
    np.fill_diagonal(ratio, 0.0)
    shared = float(np.trace(error) + correlation * (ratio * skewed).sum())
    return float(error.sum()) - shared


class Sensitivity(NamedTuple):
    """How the USD value of a holding follows its underlying and its volatility; zero for what it does not know."""

    delta_usd: float
    """Underlying-equivalent exposure: delta × underlying price × units × multiplier. Short is negative."""
    gamma_usd: float = 0.0
    """Change of `delta_usd` for a move of 100 %: gamma × price² × units × multiplier."""
    vega_usd: float = 0.0
    """Gain for one volatility point (0.01) more."""
    worst_usd: float = math.inf
    """The most that the holding can lose, where its structure bounds it; not negative."""


def shock_losses(
    holdings: Iterable[tuple[float, float, float, float]], moves: ArrayLike, vol_points: ArrayLike
) -> Floats:
    """Return what the holdings lose under each price move and volatility move, together. USD, gains negative.

    Parameters
    ----------
    holdings
        Each a `Sensitivity`, or its four figures.
    moves
        Relative changes of every underlying at once, shape (m,): -0.1 is a fall of 10 %.
    vol_points
        Changes of every volatility, in points of 0.01, shape (v,).

    Returns
    -------
    Floats
        Shape (m, v).

    Notes
    -----
    Value to second order in price and first in volatility: gain = delta × move + gamma / 2 × move² + vega × points. No
    holding loses more than its `worst_usd`.

    References
    ----------
    Jorion 2007, chapter 10: the delta-gamma-vega approximation.

    Examples
    --------
    >>> shock_losses([Sensitivity(delta_usd=1000.0, vega_usd=-10.0)], [-0.1, 0.1], [0.0, 5.0])
    array([[ 100.,  150.],
           [-100.,  -50.]])
    """
    move = np.asarray(moves, dtype=np.float64)[:, None]
    points = np.asarray(vol_points, dtype=np.float64)[None, :]
    rows = np.fromiter(chain.from_iterable(holdings), np.float64).reshape(-1, 4)
    delta, gamma, vega, worst = rows.T[:, :, None, None]
    gain = delta * move + gamma / 2 * move**2 + vega * points
    return np.asarray(np.minimum(-gain, worst).sum(axis=0), dtype=np.float64)


def _checked(level: float) -> float:
    if not 0 < level < 1:
        raise ValueError(f"the confidence level must be between 0 and 1, got {level}")
    return level


def _tail(var: float, cvar: float) -> Tail:
    """Return the tail with gains counted as no loss; rounding never puts the mean of the tail before its start."""
    return Tail(var=max(var, 0.0), cvar=max(cvar, var, 0.0))
