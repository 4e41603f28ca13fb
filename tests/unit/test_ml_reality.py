"""Whether the best of a sweep is more than luck: noise is not taken for an edge, an edge is not lost."""

import numpy as np
import pytest

from ml.backtest.reality import reality_check


def noise(seed, *, tries=20, rows=250):
    return np.random.default_rng(seed).normal(0, 0.01, (tries, rows))


def test_the_best_of_many_noises_is_rarely_taken_for_an_edge():
    found = [reality_check(noise(seed), resamples=200) for seed in range(60)]
    assert sum(p <= 0.05 for p in found) <= 6
    assert 0.3 <= np.median(found) <= 0.7


def test_an_edge_among_noises_is_found():
    gains = noise(1)
    gains[7] += 0.004
    assert reality_check(gains, resamples=500) < 0.01


def test_the_same_try_twenty_times_is_one_try():
    one = noise(2, tries=1) + 0.001
    alone = reality_check(one, resamples=1000)
    assert reality_check(np.repeat(one, 20, axis=0), resamples=1000) == alone
    others = np.concatenate([one, noise(3, tries=19) - 0.0002])
    assert reality_check(others, resamples=1000) > alone


def test_by_hand_on_two_periods():
    """Blocks of one row: two of the four draws have a best centred mean of 0.015, two of 0; the best mean is 0.005."""
    gains = np.array([[0.02, -0.01], [-0.01, 0.02]])
    p = reality_check(gains, resamples=20_000)
    assert p == pytest.approx(0.5, abs=0.02)


def test_nothing_to_judge_proves_nothing():
    assert reality_check(np.zeros((0, 10))) == 1.0
    assert reality_check(np.zeros((3, 1))) == 1.0
    assert reality_check(np.zeros((3, 40)), resamples=100) == 1.0
