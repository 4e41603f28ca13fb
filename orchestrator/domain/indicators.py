"""Indicators over panels: arrays of (time, symbol) in, arrays of the same shape out.

Every value uses a fixed number of bars and nothing else, so it is the same whether the history before is long or
short, and it never uses a later bar. A symbol's missing bars (NaN) are skipped: its indicators count its own bars, and
the rows it has no bar for stay NaN. Nothing is filled.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from orchestrator.domain.market import Floats, Panel

_LOGISTIC_NORMAL = 1.702
"""Scale at which the logistic curve is nearest to the normal distribution (Bowling et al. 2009)."""


def momentum(close: Floats, bars: int) -> Floats:
    """Return the change over `bars` bars as a fraction."""
    return _on_own_bars(_momentum, close, bars=bars)


def mean(values: Floats, bars: int) -> Floats:
    """Return the simple mean of the last `bars` bars."""
    return _on_own_bars(_mean, values, bars=bars)


def volatility(close: Floats, bars: int) -> Floats:
    """Return the standard deviation (one degree of freedom lost) of the last `bars` log returns, per bar.

    NaN where nothing moved: no volatility is no measure of risk.
    """
    return _on_own_bars(_volatility, close, bars=bars)


def zscore(close: Floats, bars: int) -> Floats:
    """Return how many standard deviations the close is above its mean of `bars` bars; NaN where nothing moved.

    References
    ----------
    J. Bollinger, Bollinger on Bollinger Bands, 2001: the bands are this score at -2 and +2.
    """
    return _on_own_bars(_zscore, close, bars=bars)


def rsi(close: Floats, bars: int) -> Floats:
    """Return Cutler's relative strength index, 0 to 100; 50 where nothing moved.

    Notes
    -----
    Cutler's form takes simple means of gains and losses. Wilder's smoothing never forgets the first bar of the
    history, so the same day would get another value with another start.

    References
    ----------
    J. W. Wilder, New Concepts in Technical Trading Systems, 1978, section VI; the simple means are D. Cutler's.
    """
    return _on_own_bars(_rsi, close, bars=bars)


def average_true_range(panel: Panel, bars: int) -> Floats:
    """Return the mean true range of the last `bars` bars, in price.

    References
    ----------
    J. W. Wilder, New Concepts in Technical Trading Systems, 1978, section III (true range); simple mean.
    """
    return _on_own_bars(_average_true_range, panel.close, panel.high, panel.low, bars=bars)


def probability(score: Floats) -> Floats:
    """Return a score in standard deviations as a confidence in (0, 1): 0.5 at zero, near the normal distribution."""
    return np.asarray(1.0 / (1.0 + np.exp(-_LOGISTIC_NORMAL * np.clip(score, -20.0, 20.0))), dtype=np.float64)


def _on_own_bars(function: Callable[..., Floats], *columns: Floats, bars: int) -> Floats:
    """Apply `function` to each symbol's own bars: missing rows are moved before them, and back afterwards."""
    known = np.isfinite(columns[0])
    if known.all():
        return function(*columns, bars=bars)
    gaps_first = np.argsort(known, axis=0, kind="stable")
    own = (np.take_along_axis(np.where(known, column, np.nan), gaps_first, axis=0) for column in columns)
    result = np.empty(known.shape)
    np.put_along_axis(result, gaps_first, function(*own, bars=bars), axis=0)
    return result


def _shifted(values: Floats, bars: int) -> Floats:
    """Return the values of `bars` rows before; NaN where there are none."""
    result = np.full(values.shape, np.nan)
    result[bars:] = values[: max(len(values) - bars, 0)]
    return result


def _sum(values: Floats, bars: int) -> Floats:
    """Return sums over the last `bars` rows, added oldest first: no running total, so no memory of older rows."""
    result = np.full(values.shape, np.nan)
    rows = len(values) - bars + 1
    if rows > 0:
        total = np.zeros((rows, values.shape[1]))
        for offset in range(bars):
            total += values[offset : offset + rows]
        result[bars - 1 :] = total
    return result


def _momentum(close: Floats, *, bars: int) -> Floats:
    return close / _shifted(close, bars) - 1.0


def _mean(values: Floats, *, bars: int) -> Floats:
    return _sum(values, bars) / bars


def _deviation(values: Floats, *, bars: int) -> Floats:
    """Return the sample standard deviation over the last `bars` rows, in two passes; NaN instead of zero."""
    result = np.full(values.shape, np.nan)
    rows = len(values) - bars + 1
    if rows > 0:
        centre = _mean(values, bars=bars)[bars - 1 :]
        total = np.zeros((rows, values.shape[1]))
        for offset in range(bars):
            total += (values[offset : offset + rows] - centre) ** 2
        result[bars - 1 :] = np.sqrt(np.where(total > 0, total, np.nan) / (bars - 1))
    return result


def _volatility(close: Floats, *, bars: int) -> Floats:
    return _deviation(np.log(close / _shifted(close, 1)), bars=bars)


def _zscore(close: Floats, *, bars: int) -> Floats:
    return (close - _mean(close, bars=bars)) / _deviation(close, bars=bars)


def _rsi(close: Floats, *, bars: int) -> Floats:
    change = close - _shifted(close, 1)
    gain = _sum(np.maximum(change, 0.0), bars)
    moved = gain + _sum(np.maximum(-change, 0.0), bars)
    level = 100.0 * gain / np.where(moved > 0, moved, 1.0)
    return np.where(moved == 0, 50.0, level)


def _average_true_range(close: Floats, high: Floats, low: Floats, *, bars: int) -> Floats:
    before = _shifted(close, 1)
    reach = np.fmax(high, before) - np.fmin(low, before)
    return _mean(reach, bars=bars)
