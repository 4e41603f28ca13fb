"""The sequential test keeps its stated error rate however often it is looked at, and finds a real edge."""

from __future__ import annotations

import numpy as np
import pytest

from orchestrator.domain.sequential import ERROR_RATE, LEAST, Moments, differ, likelihood_ratio


def after(outcomes) -> Moments:
    values = np.asarray(outcomes, float)
    return Moments(outcomes=len(values), sum_r=float(values.sum()), sum_r2=float((values**2).sum()))


def first_call(challenger, champion, *, every: int = 1) -> int:
    """The sign at the first look at which the test says something; the canary has a quarter of the trades."""
    sums = [np.cumsum(arm) for arm in (challenger, champion)]
    squares = [np.cumsum(arm**2) for arm in (challenger, champion)]
    for n in range(LEAST, len(challenger), every):
        m = min(3 * n, len(champion))
        one = Moments.model_construct(outcomes=n, sum_r=sums[0][n - 1], sum_r2=squares[0][n - 1])
        two = Moments.model_construct(outcomes=m, sum_r=sums[1][m - 1], sum_r2=squares[1][m - 1])
        if sign := differ(one, two):
            return sign
    return 0


def skewed(chance, size, mean=0.0):
    """Outcomes as trades have them: many small losses of up to 1 R, few gains of up to 4."""
    return np.minimum(chance.exponential(1.0, size), 5.0) - 1.0 + mean


@pytest.mark.parametrize("draw", [lambda c, n: c.normal(0.1, 1, n), skewed], ids=["normal", "skewed"])
def test_equal_arms_are_called_different_no_more_often_than_stated(draw) -> None:
    chance = np.random.default_rng(7)
    calls = sum(first_call(draw(chance, 200), draw(chance, 600)) != 0 for _ in range(400))
    assert calls / 400 <= ERROR_RATE


@pytest.mark.parametrize("sign", [1, -1])
def test_a_real_difference_is_found_and_never_the_wrong_way(sign: int) -> None:
    chance = np.random.default_rng(8)
    calls = [first_call(chance.normal(0.5 * sign, 1, 200), chance.normal(0, 1, 600)) for _ in range(100)]
    assert calls.count(sign) >= 95
    assert calls.count(-sign) == 0


def test_the_ratio_is_the_quotient_of_the_two_densities() -> None:
    """Against the definition: the normal density of the difference under the mixture over that under no difference."""
    one, two = after([0.9, 1.1, 0.4, 1.6] * 10), after([0.1, -0.1, 0.6, -0.6] * 12)
    spread = one.variance / one.outcomes + two.variance / two.outcomes
    difference = one.mean - two.mean
    density = lambda variance: np.exp(-(difference**2) / (2 * variance)) / np.sqrt(2 * np.pi * variance)  # noqa: E731
    assert likelihood_ratio(one, two) == pytest.approx(density(spread + 0.25**2) / density(spread), rel=1e-9)


def test_few_outcomes_say_nothing_and_outcomes_without_variance_say_all() -> None:
    assert likelihood_ratio(after([9.0] * (LEAST - 1)), after([0.0] * 99)) == 1
    assert differ(after([1.0] * LEAST), after([0.0] * LEAST)) == 1
    assert differ(after([1.0] * LEAST), after([1.0] * LEAST)) == 0
