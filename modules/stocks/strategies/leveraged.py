"""Leveraged funds by market regime: bull funds while both indices rise, bear funds while both fall.

A daily-reset fund of multiple m grows by m r - (m^2 - m)/2 s^2 a bar, r the index' log return and s its
volatility: what is bought is growth after that drag, and only above a confidence threshold. In a storm
(volatility well above its own long run) nothing is bought and what is held is left.

References
----------
M. Cheng and A. Madhavan, The dynamics of leveraged and inverse exchange-traded funds, Journal of Investment
Management 7, 2009 (the drag).
M. Avellaneda and S. Zhang, Path-dependence of leveraged ETF returns, SIAM Journal on Financial Mathematics 1, 2010.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from orchestrator.domain.indicators import mean, momentum, probability, volatility
from orchestrator.domain.market import Floats, Panel, Signals
from orchestrator.domain.stops import ExitRules
from orchestrator.domain.strategy import StrategyParameters, signals

MULTIPLES: dict[str, tuple[int, str]] = {
    "TQQQ": (3, "QQQ"),
    "SOXL": (3, "QQQ"),
    "UPRO": (3, "SPY"),
    "SPXL": (3, "SPY"),
    "TNA": (3, "SPY"),
    "SQQQ": (-3, "QQQ"),
}
"""Multiple of each fund and the index its regime is read from (for SOXL and TNA the nearest of the two)."""

INDICES = ("SPY", "QQQ")


class Leveraged(StrategyParameters):
    """Parameters of leveraged funds."""

    max_positions: int = Field(default=2, ge=0, le=6)
    weight: float = Field(default=0.06, ge=0.01, le=0.5)
    lookback: int = Field(default=20, ge=5, le=120)
    """Bars over which return and volatility of the indices are measured."""
    trend: int = Field(default=50, ge=10, le=252)
    """Bars of the moving average that tells bull from bear."""
    calm_bars: int = Field(default=60, ge=20, le=252)
    """Bars of the long-run volatility."""
    max_storm: float = Field(default=1.4, ge=0.8, le=3)
    """Volatility, as a multiple of its long run, above which nothing leveraged is held."""
    min_confidence: float = Field(default=0.7, ge=0.55, le=0.99)
    exits: ExitRules = ExitRules(stop_moves=2.0, target_r=2.5, trail_after_r=1.0, trail_r=1.0, max_hold_hours=480)

    @property
    def warmup(self) -> int:
        """Bars of the slowest measure."""
        return max(self.lookback, self.trend, self.calm_bars) + 1


def evaluate(panel: Panel, parameters: Leveraged) -> Signals:
    """Return entries of funds that the regime favours, departures of those it does not; no indices, no opinion."""
    shape = panel.close.shape
    enter, leave, confidence = np.zeros(shape, np.bool_), np.zeros(shape, np.bool_), np.zeros(shape)
    if all(index in panel.symbols for index in INDICES):
        bull, bear, calm = _regime(panel, parameters)
        for column, symbol in enumerate(panel.symbols):
            multiple, index = MULTIPLES.get(symbol, (0, INDICES[0]))
            if not multiple:
                continue
            confidence[:, column] = _growth_odds(panel.close[:, [panel.column(index)]], multiple, parameters)
            favoured, opposed = (bull, bear) if multiple > 0 else (bear, bull)
            sure = confidence[:, column] >= parameters.min_confidence
            enter[:, column] = favoured & calm & sure & np.isfinite(panel.close[:, column])
            leave[:, column] = opposed | ~calm
    return signals(enter, leave, confidence, ("the regime favours the fund", "the regime turned or a storm came"))


def _regime(panel: Panel, parameters: Leveraged) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_]]:
    """Return (T,) masks: both indices above their trend, both below it, and both no wilder than usual.

    A row in which an index has no bar is neither bull nor bear, and calm.
    """
    close = panel.close[:, [panel.column(index) for index in INDICES]]
    trend, rise = mean(close, parameters.trend), momentum(close, parameters.lookback)
    storm = volatility(close, parameters.lookback) / volatility(close, parameters.calm_bars)
    bull = np.all((close > trend) & (rise > 0), axis=1)
    bear = np.all((close < trend) & (rise < 0), axis=1)
    return bull, bear, np.all(~(storm > parameters.max_storm), axis=1)


def _growth_odds(index: Floats, multiple: int, parameters: Leveraged) -> Floats:
    """Return the confidence (T,) that a fund of `multiple` grows, from its index (T, 1)."""
    bars = parameters.lookback
    vol = volatility(index, bars)
    growth = multiple * np.log1p(momentum(index, bars)) / bars - (multiple**2 - multiple) / 2 * vol**2
    return probability(growth * bars**0.5 / (abs(multiple) * vol))[:, 0]
