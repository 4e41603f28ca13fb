"""Mean reversion: buy a sharp fall inside a rising trend, sell when it has come back.

It only buys above the long average, so it stands aside in a falling market.

References
----------
L. Connors and C. Alvarez, Short Term Trading Strategies That Work, 2009 (two-bar RSI above the long average, left at
the five-bar average).
J. Bollinger, Bollinger on Bollinger Bands, 2001 (the distance in standard deviations).
"""

from __future__ import annotations

from pydantic import Field

from orchestrator.domain.indicators import mean, rsi, zscore
from orchestrator.domain.market import Panel, Signals
from orchestrator.domain.stops import ExitRules
from orchestrator.domain.strategy import StrategyParameters, signals


class MeanReversion(StrategyParameters):
    """Parameters of mean reversion."""

    max_positions: int = Field(default=2, ge=0, le=12)
    weight: float = Field(default=0.06, ge=0.01, le=0.5)
    trend: int = Field(default=100, ge=20, le=252)
    """Bars of the moving average that the price must still be above."""
    rsi_bars: int = Field(default=2, ge=2, le=14)
    rsi_entry: float = Field(default=15.0, ge=1, le=45)
    """Strength index below which a fall is sharp."""
    z_bars: int = Field(default=10, ge=5, le=60)
    z_entry: float = Field(default=1.0, ge=0, le=4)
    """Standard deviations that the price must be under its short average."""
    min_gain: float = Field(default=0.004, ge=0, le=0.1)
    """Least way back to the average, as a fraction of the price: less would not pay its costs."""
    exit_bars: int = Field(default=5, ge=2, le=30)
    """Bars of the average at which the fall has come back."""
    min_confidence: float = Field(default=0.6, ge=0.5, le=0.99)
    exits: ExitRules = ExitRules(stop_moves=2.5, target_r=1.5, trail_after_r=1.0, trail_r=1.0, max_hold_hours=240)

    @property
    def warmup(self) -> int:
        """Bars of the slowest measure."""
        return max(self.trend, self.z_bars, self.exit_bars, self.rsi_bars + 1)


def evaluate(panel: Panel, parameters: MeanReversion) -> Signals:
    """Return entries after a sharp fall above the trend, departures at the short average."""
    strength = rsi(panel.close, parameters.rsi_bars)
    depth = -zscore(panel.close, parameters.z_bars)
    confidence = 1.0 - strength / (2.0 * parameters.rsi_entry)
    sharp = (strength < parameters.rsi_entry) & (depth >= parameters.z_entry)
    average = mean(panel.close, parameters.exit_bars)
    worth = (average / panel.close - 1.0 >= parameters.min_gain) & (confidence >= parameters.min_confidence)
    enter = sharp & worth & (panel.close > mean(panel.close, parameters.trend))
    leave = panel.close > average
    return signals(enter, leave, confidence, ("sharp fall in a rising trend", "back at its average"))
