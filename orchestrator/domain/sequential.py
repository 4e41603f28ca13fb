"""Whether one arm of an experiment does better than the other, asked as often as one likes at one stated error rate."""

from __future__ import annotations

from math import exp, inf

from orchestrator.domain.base import Value

ERROR_RATE = 0.05
"""Probability, over all looks together, of calling two equally good arms different."""

LEAST = 20
"""Outcomes of each arm below which nothing is said: their variance is not known well enough."""

EFFECT_R = 0.25
"""Standard deviation of the differences that are expected, in R: where the test is sharpest."""


class Moments(Value):
    """Outcomes of an arm in R, as their number and sums."""

    outcomes: int = 0
    sum_r: float = 0.0
    sum_r2: float = 0.0

    @property
    def mean(self) -> float:
        """Mean outcome in R, 0 without any."""
        return self.sum_r / self.outcomes if self.outcomes else 0.0

    @property
    def variance(self) -> float:
        """Sample variance in R squared, 0 below two outcomes."""
        if self.outcomes < 2:
            return 0.0
        return max(self.sum_r2 - self.outcomes * self.mean**2, 0.0) / (self.outcomes - 1)


def likelihood_ratio(better: Moments, than: Moments) -> float:
    """Return how much likelier the outcomes are if the arms differ than if they do not; 1 = nothing is known.

    Returns
    -------
    float
        At least 0. A ratio of `1 / ERROR_RATE` or more says that the arms differ, whenever it is looked at.

    Notes
    -----
    With V the variance of the difference D of the means and a normal prior of variance T on the true difference, the
    ratio is sqrt(V / (V + T)) exp(T D^2 / (2 V (V + T))). If the arms are alike it is a martingale of mean 1, so that
    it ever reaches 1 / a with a probability of at most a. The variances are the measured ones, which makes this exact
    only for many outcomes: hence `LEAST`. Outcomes count as independent, which those of one day are not wholly.

    References
    ----------
    H. Robbins, Statistical methods related to the law of the iterated logarithm, Annals of Mathematical Statistics 41,
    1970. R. Johari, P. Koomen, L. Pekelis and D. Walsh, Always valid inference: continuous monitoring of A/B tests,
    Operations Research 70, 2022, section 4 (mixture SPRT, two streams).
    """
    if min(better.outcomes, than.outcomes) < LEAST:
        return 1.0
    spread = better.variance / better.outcomes + than.variance / than.outcomes
    difference, prior = better.mean - than.mean, EFFECT_R**2
    if spread == 0:
        return inf if difference else 1.0
    power = prior * difference**2 / (2 * spread * (spread + prior))
    return float((spread / (spread + prior)) ** 0.5 * exp(min(power, 700.0)))


def differ(better: Moments, than: Moments) -> int:
    """Return 1 if the first arm has proved better, -1 if worse, 0 while nothing is proved.

    Examples
    --------
    >>> differ(Moments(outcomes=100, sum_r=80, sum_r2=140), Moments(outcomes=100, sum_r=0, sum_r2=80))
    1
    """
    if likelihood_ratio(better, than) < 1 / ERROR_RATE:
        return 0
    return 1 if better.mean > than.mean else -1
