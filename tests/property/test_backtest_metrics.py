"""What must hold of a backtest's numbers whatever the returns were."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ml.backtest import metrics

RETURNS = arrays(np.float64, st.integers(2, 60), elements=st.floats(-0.5, 0.5, allow_subnormal=False))
PROFITS = arrays(np.float64, st.integers(1, 60), elements=st.floats(-1e6, 1e6, allow_subnormal=False))


def same(one, other):
    assert np.asarray(one) == pytest.approx(np.asarray(other), rel=1e-6, abs=1e-9, nan_ok=True)


@given(RETURNS)
def test_a_drawdown_is_a_share_and_no_longer_than_the_history(returns):
    assert 0.0 <= metrics.max_drawdown(returns, 252) <= 1.0
    assert 0 <= metrics.drawdown_length(returns, 252) <= len(returns)
    assert (metrics.drawdown_length(returns, 252) == 0) == (metrics.max_drawdown(returns, 252) <= 1e-12)


@given(RETURNS)
def test_growth_compounds_to_the_total_return(returns):
    growth = metrics.cagr(returns, 12.0)
    same((1 + growth) ** (len(returns) / 12.0), 1 + metrics.total_return(returns, 12.0))


@given(RETURNS, st.floats(0.1, 2.0))
def test_half_the_stake_has_the_same_ratio_and_half_the_volatility(returns, stake):
    if np.std(returns) < 1e-6:
        return
    same(metrics.sharpe(stake * returns, 252), metrics.sharpe(returns, 252))
    same(metrics.volatility(stake * returns, 252), stake * metrics.volatility(returns, 252))


@given(RETURNS, st.floats(-3, 3))
def test_a_leveraged_benchmark_has_its_leverage_as_beta_and_no_alpha(benchmark, leverage):
    if np.std(benchmark) < 1e-4:
        return
    same(metrics.beta(leverage * benchmark, benchmark, 252), leverage)
    same(metrics.alpha(leverage * benchmark, benchmark, 252), 0.0)


@given(PROFITS)
def test_round_trips_earn_exactly_when_gains_outweigh_losses(profits):
    factor, mean = metrics.profit_factor(profits), metrics.expectancy(profits)
    assert 0.0 <= metrics.hit_rate(profits) <= 1.0
    same(mean * len(profits), profits.sum())
    if np.isfinite(factor) and abs(profits.sum()) > 1e-3:
        assert (factor > 1) == (mean > 0)
