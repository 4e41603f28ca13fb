"""How much of a Sharpe ratio is left once its length, its tails and the number of tries are counted.

References
----------
D. Bailey and M. López de Prado, The Sharpe ratio efficient frontier, Journal of Risk 15, 2012 (probabilistic).
D. Bailey and M. López de Prado, The deflated Sharpe ratio, Journal of Portfolio Management 40, 2014 (deflated).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import e, sqrt
from statistics import NormalDist

import numpy as np

from orchestrator.domain.market import Floats

_NORMAL = NormalDist()
_EULER = float(np.euler_gamma)
_NOTHING = 1e-12


@dataclass(frozen=True, slots=True)
class Moments:
    """What is asked of a sample of returns: per bar, nothing annualised.

    Parameters
    ----------
    sharpe
        Mean over standard deviation (ddof 1).
    skew, kurtosis
        Third and fourth standardised moment; 0 and 3 for a normal distribution.
    count
        Number of returns.
    """

    sharpe: float
    skew: float
    kurtosis: float
    count: int


def moments(returns: Floats) -> Moments:
    """Return the moments of a sample; those of a normal one with a Sharpe ratio of 0 where nothing moved."""
    count = len(returns)
    risk = float(np.std(returns)) if count > 1 else 0.0
    if risk <= _NOTHING:
        return Moments(0.0, 0.0, 3.0, count)
    standard = (returns - np.mean(returns)) / risk
    ratio = float(np.mean(returns)) / float(np.std(returns, ddof=1))
    return Moments(ratio, float(np.mean(standard**3)), float(np.mean(standard**4)), count)


def probabilistic_sharpe(found: Moments, *, benchmark: float = 0.0) -> float:
    """Return the probability that the true Sharpe ratio is above `benchmark` (per bar).

    Notes
    -----
    Φ((s - b) √(n - 1) / √(1 - γ3 s + (γ4 - 1) s² / 4)); 0 for fewer than two returns (2012, equation 10). A sample
    whose variance estimate is not positive proves nothing: 0.

    Examples
    --------
    >>> round(probabilistic_sharpe(Moments(0.458, -2.448, 10.164, 24)), 3)
    0.913
    """
    spread = 1.0 - found.skew * found.sharpe + (found.kurtosis - 1.0) / 4.0 * found.sharpe**2
    if found.count < 2 or spread <= 0:
        return 0.0
    return _NORMAL.cdf((found.sharpe - benchmark) * sqrt(found.count - 1) / sqrt(spread))


def expected_maximum(trials: int, variance: float) -> float:
    """Return the best Sharpe ratio that luck alone shows in so many trials.

    Parameters
    ----------
    trials
        Number of independent trials; at least 1, of which nothing better than 0 is to be expected.
    variance
        Of the Sharpe ratios of the trials, per bar.

    Notes
    -----
    √V ((1 - γ) Z⁻¹(1 - 1/N) + γ Z⁻¹(1 - 1/(N e))), γ = 0.5772… (2014, equation 1).
    """
    if trials < 2:
        return 0.0
    first, second = _NORMAL.inv_cdf(1.0 - 1.0 / trials), _NORMAL.inv_cdf(1.0 - 1.0 / (trials * e))
    return sqrt(variance) * ((1.0 - _EULER) * first + _EULER * second)


def deflated_sharpe(found: Moments, *, trials: int, variance: float) -> float:
    """Return the probability that the true Sharpe ratio is above what the luck of so many trials would show.

    Examples
    --------
    The example of the paper: 100 trials, annualised ratios with a variance of 1/2, 1,250 days, 2.5 a year.

    >>> best = Moments(2.5 / 250**0.5, -3.0, 10.0, 1250)
    >>> round(deflated_sharpe(best, trials=100, variance=0.5 / 250), 4)
    0.9004
    """
    return probabilistic_sharpe(found, benchmark=expected_maximum(trials, variance))


def luck_variance(tries: Floats, *, count: int) -> float:
    """Return the variance of the tries' Sharpe ratios that is luck, per bar.

    Parameters
    ----------
    tries
        (K, n): returns of each bar by try.
    count
        Number of bars that are judged.

    Notes
    -----
    The variance between the tries, at most 1 / (count - 1): the sampling variance of a ratio whose truth is 0. Tries
    that are much alike differ by less; what they differ by beyond it is what they are worth, not luck.
    """
    most = 1.0 / max(count - 1, 1)
    if len(tries) < 2:
        return most
    return min(float(np.var([moments(one).sharpe for one in tries], ddof=1)), most)
