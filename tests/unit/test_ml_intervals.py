"""How sure a backtest's numbers are: what is drawn, and how often the truth is inside."""

import numpy as np
import pytest

from ml.backtest import metrics
from ml.backtest.intervals import LEAST, Measured, block_length, of_history, of_sample, stationary_rows


def test_blocks_run_on_and_are_of_the_stated_length_on_average():
    rows = stationary_rows(500, 400, length=8.0, chance=np.random.default_rng(1))
    assert rows.min() == 0
    assert rows.max() == 499
    follows = (rows[:, 1:] - rows[:, :-1]) % 500 == 1
    assert follows.mean() == pytest.approx(1 - 1 / 8, abs=0.01)


def test_every_row_is_drawn_as_often_as_any_other():
    rows = stationary_rows(50, 4000, length=4.0, chance=np.random.default_rng(2))
    counts = np.bincount(rows.ravel(), minlength=50)
    assert counts.min() > 0.93 * counts.mean()
    assert counts.max() < 1.07 * counts.mean()


def test_the_truth_is_inside_about_as_often_as_is_said():
    chance, inside, tries = np.random.default_rng(3), 0, 200
    for _ in range(tries):
        sample = chance.normal(0.3, 1.0, 80)
        found = of_sample(80, {"mean": lambda rows, s=sample: s[rows].mean(axis=-1)}, resamples=300)["mean"]
        inside += found.low <= 0.3 <= found.high
    assert 0.89 <= inside / tries <= 0.99


def test_neighbours_that_move_together_widen_the_interval():
    noise = np.random.default_rng(4).normal(0, 1, 600)
    trending = np.convolve(noise, np.ones(12), mode="valid")
    draws = {"mean": lambda rows: trending[rows].mean(axis=-1)}
    history, sample = of_history(len(trending), draws)["mean"], of_sample(len(trending), draws)["mean"]
    assert history.high - history.low > 1.8 * (sample.high - sample.low)


def test_the_same_history_has_the_same_interval():
    returns = np.random.default_rng(5).normal(0.001, 0.01, 300)
    draws = {"sharpe": lambda rows: metrics.sharpe(returns[rows], 252)}
    assert of_history(300, draws) == of_history(300, draws)


def test_a_noise_is_not_told_from_nothing_and_an_edge_is():
    noise = np.random.default_rng(6).normal(0.0, 0.01, 500)
    for added, clear in ((0.0, False), (0.003, True)):
        returns = noise - noise.mean() + added
        found = of_history(500, {"sharpe": lambda rows, r=returns: metrics.sharpe(r[rows], 252)})["sharpe"]
        assert found.beyond(0.0) is clear


def test_few_periods_have_no_interval_and_none_have_no_number():
    short = of_history(LEAST - 1, {"mean": lambda rows: np.ones(rows.shape).mean(axis=-1)})["mean"]
    assert short.value == 1.0
    assert not short.known
    assert not short.beyond(0.0)
    assert np.isnan(of_sample(0, {"mean": lambda rows: rows.mean(axis=-1)})["mean"].value)


def test_a_number_that_most_draws_do_not_define_has_no_interval():
    profits = np.array([1.0] * 39 + [-1.0])
    found = of_sample(40, {"factor": lambda rows: metrics.profit_factor(profits[rows])})["factor"]
    assert found.value == 39.0
    assert not found.known


def test_an_interval_that_holds_the_null_is_not_beyond_it():
    assert Measured(1.0, 0.2, 1.8).beyond(0.0)
    assert not Measured(1.0, -0.2, 1.8).beyond(0.0)
    assert block_length(1000) == 10
