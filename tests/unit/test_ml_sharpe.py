"""Luck of many tries: the papers' own examples, independent calculations, and what noise must give."""

from itertools import combinations

import numpy as np
import pytest
from scipy import stats

from ml.validation.overfitting import overfitting
from ml.validation.sharpe import (
    Moments,
    deflated_sharpe,
    expected_maximum,
    luck_variance,
    moments,
    probabilistic_sharpe,
)

PAPER = Moments(2.5 / 250**0.5, -3.0, 10.0, 1250)


def test_the_probabilistic_ratio_is_that_of_the_paper():
    """Bailey and López de Prado, 2012: 24 months with a ratio of 0.458, normal, then with the sample's own tails."""
    assert probabilistic_sharpe(Moments(0.458, 0.0, 3.0, 24)) == pytest.approx(0.982, abs=5e-4)
    assert probabilistic_sharpe(Moments(0.458, -2.448, 10.164, 24)) == pytest.approx(0.913, abs=5e-4)


def test_the_deflated_ratio_is_that_of_the_paper():
    """Bailey and López de Prado, 2014: with 100 trials 0.9004, with 46 0.9505, with 88 and normal returns 0.9505."""
    assert expected_maximum(100, 0.5 / 250) == pytest.approx(0.1132, abs=5e-5)
    assert deflated_sharpe(PAPER, trials=100, variance=0.5 / 250) == pytest.approx(0.9004, abs=5e-5)
    assert deflated_sharpe(PAPER, trials=46, variance=0.5 / 250) == pytest.approx(0.9505, abs=5e-5)
    normal = Moments(PAPER.sharpe, 0.0, 3.0, 1250)
    assert deflated_sharpe(normal, trials=88, variance=0.5 / 250) == pytest.approx(0.9505, abs=2e-4)


def test_moments_are_those_of_scipy():
    sample = np.random.default_rng(1).standard_t(5, 400)
    found = moments(sample)
    assert found.skew == pytest.approx(stats.skew(sample))
    assert found.kurtosis == pytest.approx(stats.kurtosis(sample, fisher=False))
    assert found.sharpe == pytest.approx(sample.mean() / sample.std(ddof=1))
    assert moments(np.zeros(9)) == Moments(0.0, 0.0, 3.0, 9)


def test_the_expected_maximum_is_what_draws_show():
    drawn = np.random.default_rng(2).normal(0, 0.1, (20_000, 50)).max(axis=1).mean()
    assert expected_maximum(50, 0.01) == pytest.approx(drawn, rel=0.02)
    assert expected_maximum(1, 0.01) == 0.0


def test_every_more_night_asks_for_more():
    found = [deflated_sharpe(PAPER, trials=240 * nights, variance=0.5 / 250) for nights in (1, 10, 100)]
    assert found == sorted(found, reverse=True)
    assert len(set(found)) == 3


def test_a_sample_that_proves_nothing_has_no_probability():
    assert probabilistic_sharpe(Moments(1.0, 0.0, 3.0, 1)) == 0.0
    assert probabilistic_sharpe(Moments(3.0, 5.0, 3.0, 50)) == 0.0


def test_the_variance_of_luck_is_bounded_by_the_sample():
    chance = np.random.default_rng(3)
    alike = chance.normal(0, 1, 300) + chance.normal(0, 0.01, (10, 300))
    apart = chance.normal(0, 1, (10, 300)) + np.linspace(-1, 1, 10)[:, None]
    assert luck_variance(alike, count=300) < 1e-4
    assert luck_variance(apart, count=300) == 1 / 299
    assert luck_variance(apart[:1], count=300) == 1 / 299


def plain_overfitting(tries, blocks):
    """Return the probability by the text of the paper, one way at a time."""
    parts = np.array_split(np.arange(tries.shape[1]), blocks)
    logits = []
    for ways in combinations(range(blocks), blocks // 2):
        inside = np.concatenate([parts[k] for k in ways])
        outside = np.concatenate([parts[k] for k in range(blocks) if k not in ways])
        best = np.argmax([row[inside].mean() / row[inside].std() for row in tries])
        rank = stats.rankdata([row[outside].mean() / row[outside].std() for row in tries])[best]
        share = rank / (len(tries) + 1)
        logits.append(np.log(share / (1 - share)))
    return np.mean(np.array(logits) <= 0)


@pytest.mark.parametrize("seed", range(3))
def test_overfitting_is_what_the_paper_says_word_by_word(seed):
    tries = np.random.default_rng(seed).normal(0.05 * seed, 1, (9, 80))
    assert overfitting(tries, blocks=8, embargo=0.0) == pytest.approx(plain_overfitting(tries, 8))


def test_noise_overfits_and_an_edge_does_not():
    chance = np.random.default_rng(5)
    noise = [overfitting(chance.normal(0, 1, (20, 320))) for _ in range(20)]
    assert 0.35 < np.mean(noise) < 0.75
    edge = chance.normal(0, 1, (20, 320))
    edge[7] += 0.5
    assert overfitting(edge) < 0.01


def test_what_leaks_across_a_block_border_is_not_seen_after_the_embargo():
    """One try knows the first three bars of each block from the block before: luck looks like lasting skill."""
    noise = np.random.default_rng(7).normal(0, 1, (20, 12, 20))
    leaky = noise.copy()
    leaky[7, :, :3] += 5
    noise, leaky = noise.reshape(20, 240), leaky.reshape(20, 240)
    assert overfitting(leaky, embargo=0.0) < 0.01
    assert overfitting(leaky) == overfitting(noise) > 0.3


def test_blocks_that_the_embargo_leaves_less_than_two_bars_of_prove_nothing():
    assert overfitting(np.random.default_rng(1).normal(0, 1, (20, 24))) == 1.0


def test_too_little_to_judge_is_taken_for_overfitted():
    chance = np.random.default_rng(6)
    assert overfitting(chance.normal(0, 1, (3, 320))) == 1.0
    assert overfitting(np.repeat(chance.normal(0, 1, (1, 320)), 9, axis=0)) == 1.0
    assert overfitting(chance.normal(0, 1, (9, 20))) == 1.0
