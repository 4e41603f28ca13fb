"""What a run's returns say, against an independent library, and by hand where it has no opinion."""

import empyrical
import numpy as np
import pytest

from ml.backtest import metrics

YEAR = 252.0


def returns_of(seed, *, rows=400, mean=0.0004, fat=5):
    chance = np.random.default_rng(seed)
    return chance.standard_t(fat, rows) * 0.01 + mean


THEIRS = {
    "total_return": lambda r, _n: empyrical.cum_returns_final(r),
    "cagr": lambda r, n: empyrical.cagr(r, annualization=n),
    "volatility": lambda r, n: empyrical.annual_volatility(r, annualization=n),
    "sharpe": lambda r, n: empyrical.sharpe_ratio(r, annualization=n),
    "sortino": lambda r, n: empyrical.sortino_ratio(r, annualization=n),
    "calmar": lambda r, n: empyrical.calmar_ratio(r, annualization=n),
    "max_drawdown": lambda r, _n: -empyrical.max_drawdown(r),
    "tail_ratio": lambda r, _n: empyrical.tail_ratio(r),
}


@pytest.mark.parametrize("name", THEIRS)
@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("per_year", [YEAR, 365.0, 252 * 78.0])
def test_empyrical_agrees(name, seed, per_year):
    returns = returns_of(seed)
    ours = metrics.OF_RETURNS[name](returns, per_year)
    assert float(ours) == pytest.approx(float(THEIRS[name](returns, per_year)), rel=1e-9, abs=1e-9)


AGAINST = {
    "alpha": lambda r, b, n: empyrical.alpha(r, b, annualization=n),
    "beta": lambda r, b, _n: empyrical.beta(r, b),
    "information_ratio": lambda r, b, n: empyrical.excess_sharpe(r, b) * n**0.5,
    "tracking_error": lambda r, b, n: empyrical.annual_volatility(r - b, annualization=n),
}


@pytest.mark.parametrize("name", AGAINST)
@pytest.mark.parametrize("seed", range(5))
def test_empyrical_agrees_on_what_is_relative_to_a_benchmark(name, seed):
    benchmark = returns_of(seed + 100)
    returns = 0.6 * benchmark + returns_of(seed)
    ours = metrics.AGAINST[name](returns, benchmark, YEAR)
    assert float(ours) == pytest.approx(float(AGAINST[name](returns, benchmark, YEAR)), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("name", metrics.OF_RETURNS)
def test_a_stack_of_histories_is_measured_as_each_of_them(name):
    stack = np.stack([returns_of(seed, rows=90) for seed in range(4)])
    one_by_one = [float(metrics.OF_RETURNS[name](row, YEAR)) for row in stack]
    assert metrics.OF_RETURNS[name](stack, YEAR) == pytest.approx(one_by_one, rel=1e-12)


def test_the_longest_drawdown_counts_one_that_has_not_ended():
    returns = np.array([0.1, -0.1, 0.2, -0.1, 0.05, 0.01])
    assert metrics.drawdown_length(returns, YEAR) == 3
    assert metrics.drawdown_length(np.array([-0.1, 0.05, 0.2, -0.01]), YEAR) == 2
    assert metrics.drawdown_length(np.array([0.1, 0.0, 0.2]), YEAR) == 0


def test_what_is_not_defined_is_not_zero():
    still, rising = np.zeros(50), np.full(50, 0.001)
    assert np.isnan(metrics.sharpe(still, YEAR))
    assert np.isnan(metrics.sortino(rising, YEAR))
    assert np.isnan(metrics.calmar(rising, YEAR))
    assert np.isnan(metrics.volatility(np.array([0.1]), YEAR))
    assert np.isnan(metrics.beta(rising, still, YEAR))
    assert np.isnan(metrics.hit_rate(np.zeros(0)))
    assert np.isnan(metrics.profit_factor(np.array([1.0, 2.0])))


def test_losing_everything_is_a_growth_of_minus_one():
    assert metrics.cagr(np.array([0.1, -1.0, 0.0]), YEAR) == -1.0
    assert metrics.max_drawdown(np.array([0.1, -1.0, 0.0]), YEAR) == 1.0


def test_round_trips_by_hand():
    profits = np.array([30.0, -10.0, 20.0, -5.0, 0.0])
    assert metrics.hit_rate(profits) == pytest.approx(0.4)
    assert metrics.profit_factor(profits) == pytest.approx(50 / 15)
    assert metrics.expectancy(profits) == pytest.approx(7.0)
    assert metrics.payoff(profits) == pytest.approx(25 / 7.5)
