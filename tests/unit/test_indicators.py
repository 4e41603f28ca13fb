"""Indicators against TA-Lib and numpy, and what they do with gaps."""

import numpy as np
import pytest
import talib

from orchestrator.domain import indicators
from orchestrator.domain.market import Panel

RNG = np.random.default_rng(7)
CLOSE = 100 * np.exp(np.cumsum(RNG.normal(0, 0.01, (120, 2)), axis=0))
HIGH, LOW = CLOSE * 1.004, CLOSE * 0.995


def panel(close: np.ndarray, high: np.ndarray, low: np.ndarray) -> Panel:
    ends = np.arange(1, len(close) + 1, dtype=np.int64) * 300
    return Panel(("A", "B"), ends, close, high, low, close, np.ones_like(close))


def agrees(ours: np.ndarray, theirs, **options) -> bool:
    expected = np.column_stack([theirs(column) for column in range(2)])
    known = np.isfinite(expected)
    return np.allclose(ours[known], expected[known], rtol=1e-9, **options)


@pytest.mark.parametrize("bars", [2, 5, 20])
def test_simple_measures_agree_with_ta_lib(bars):
    assert agrees(indicators.mean(CLOSE, bars), lambda c: talib.SMA(CLOSE[:, c], bars))
    assert agrees(indicators.momentum(CLOSE, bars), lambda c: talib.ROCP(CLOSE[:, c], bars))


def test_true_range_agrees_with_ta_lib():
    def theirs(column):
        return talib.SMA(talib.TRANGE(HIGH[:, column], LOW[:, column], CLOSE[:, column])[1:], 14)

    ours = indicators.average_true_range(panel(CLOSE, HIGH, LOW), 14)[1:]
    assert agrees(ours, theirs)


def test_volatility_and_score_agree_with_their_definitions():
    returns = np.diff(np.log(CLOSE[-21:]), axis=0)
    assert indicators.volatility(CLOSE, 20)[-1] == pytest.approx(returns.std(axis=0, ddof=1))
    window = CLOSE[-20:]
    assert indicators.zscore(CLOSE, 20)[-1] == pytest.approx((CLOSE[-1] - window.mean(0)) / window.std(0, ddof=1))


def test_relative_strength_is_the_share_of_gains():
    steps = np.array([[10.0], [11.0], [12.0], [11.0], [11.0], [11.0]])
    assert indicators.rsi(steps, 2)[:, 0] == pytest.approx([np.nan, np.nan, 100.0, 50.0, 0.0, 50.0], nan_ok=True)


def test_a_price_that_does_not_move_has_no_score():
    assert np.isnan(indicators.zscore(np.full((10, 1), 5.0), 5)).all()


def test_too_few_bars_are_no_number():
    few = CLOSE[:3]
    for measure in (indicators.mean, indicators.momentum, indicators.volatility, indicators.zscore, indicators.rsi):
        assert np.isnan(measure(few, 5)).all()
        assert np.isnan(measure(CLOSE[:0], 5)).all()


def test_gaps_are_skipped_not_filled():
    gappy, high, low = CLOSE.copy(), HIGH.copy(), LOW.copy()
    holes = np.array([3, 50, 51, 52, 119])
    for column in (gappy, high, low):
        column[holes, 0] = np.nan
    kept = np.delete(np.arange(120), holes)
    for measure in (indicators.mean, indicators.momentum, indicators.volatility, indicators.zscore, indicators.rsi):
        with_gaps, without = measure(gappy, 10), measure(CLOSE[kept], 10)
        assert np.isnan(with_gaps[holes, 0]).all()
        np.testing.assert_array_equal(with_gaps[kept, 0], without[:, 0])
        np.testing.assert_array_equal(with_gaps[:, 1], measure(CLOSE, 10)[:, 1])
    ranges = indicators.average_true_range(panel(gappy, high, low), 10)
    np.testing.assert_array_equal(ranges[:, 1], indicators.average_true_range(panel(CLOSE, HIGH, LOW), 10)[:, 1])
    assert np.isfinite(ranges[kept[20:], 0]).all()


def test_a_value_does_not_depend_on_where_the_history_begins():
    for measure in (indicators.mean, indicators.volatility, indicators.zscore, indicators.rsi):
        np.testing.assert_array_equal(measure(CLOSE, 10)[-1], measure(CLOSE[-11:], 10)[-1])


def test_confidence_is_half_at_zero_and_near_the_normal_distribution():
    assert indicators.probability(np.array([0.0, 1.0, -1.0])) == pytest.approx([0.5, 0.8413, 0.1587], abs=0.01)
    assert indicators.probability(np.array([-1e9, 1e9])) == pytest.approx([0.0, 1.0], abs=1e-9)
