"""Momentum of large companies and broad indices: be in what rises, above its own trend.

Each symbol is judged by its own past only. It does not rank and does not short.

References
----------
T. Moskowitz, Y. H. Ooi and L. H. Pedersen, Time series momentum, Journal of Financial Economics 104, 2012.
M. Faber, A quantitative approach to tactical asset allocation, Journal of Wealth Management, 2007 (the trend filter).
"""

from __future__ import annotations

from pydantic import Field

from orchestrator.domain.indicators import mean, probability, volatility
from orchestrator.domain.indicators import momentum as change
from orchestrator.domain.market import Panel, Signals
from orchestrator.domain.stops import ExitRules
from orchestrator.domain.strategy import StrategyParameters, signals


class Momentum(StrategyParameters):
    """Parameters of momentum."""

    max_positions: int = Field(default=3, ge=0, le=12)
    weight: float = Field(default=0.07, ge=0.01, le=0.5)
    lookback: int = Field(default=42, ge=5, le=252)
    """Bars over which the rise is measured."""
    min_rise: float = Field(default=0.01, ge=0, le=0.2)
    """Least rise over the lookback, as a fraction: what costs would eat is no rise."""
    trend: int = Field(default=60, ge=10, le=252)
    """Bars of the moving average that the price must be above."""
    min_confidence: float = Field(default=0.6, ge=0.5, le=0.99)
    exits: ExitRules = ExitRules(stop_moves=3.0, target_r=3.0, trail_after_r=1.5, trail_r=1.5, max_hold_hours=1440)

    @property
    def warmup(self) -> int:
        """Bars of the slower of both measures."""
        return max(self.lookback, self.trend) + 1


def evaluate(panel: Panel, parameters: Momentum) -> Signals:
    """Return entries where the rise is clear and above trend, departures where both are gone."""
    rise = change(panel.close, parameters.lookback)
    score = rise / (volatility(panel.close, parameters.lookback) * parameters.lookback**0.5)
    trend = mean(panel.close, parameters.trend)
    confidence = probability(score)
    enter = (rise > parameters.min_rise) & (panel.close > trend) & (confidence >= parameters.min_confidence)
    leave = (rise < 0) & (panel.close < trend)
    return signals(enter, leave, confidence, ("rising above its trend", "rise and trend lost"))
