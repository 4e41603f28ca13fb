"""Session-aware mean reversion: buy an overdone fall in a quiet market, sell it back at the average.

It stands aside in a storm, where falls go on, and below the long average, where they are the trend.

References
----------
J. Bollinger, Bollinger on Bollinger Bands, 2001 (the distance in standard deviations).
B. Lehmann, Fads, martingales and market efficiency, Quarterly Journal of Economics 105, 1990 (short-term reversal).
"""

from __future__ import annotations

from pydantic import Field

from modules.crypto.sessions import SessionConfidence, thresholds
from orchestrator.domain.indicators import mean, probability, volatility, zscore
from orchestrator.domain.market import Panel, Signals
from orchestrator.domain.stops import ExitRules
from orchestrator.domain.strategy import StrategyParameters, signals


class SessionReversion(StrategyParameters):
    """Parameters of session mean reversion."""

    max_positions: int = Field(default=2, ge=0, le=8)
    weight: float = Field(default=0.2, ge=0.01, le=0.5)
    z_bars: int = Field(default=20, ge=5, le=100)
    z_entry: float = Field(default=2.0, ge=0.5, le=4)
    """Standard deviations under the average at which a fall is overdone; confidence there is 0.5."""
    min_gain: float = Field(default=0.012, ge=0, le=0.2)
    """Least way back to the average, as a fraction of the price: less would not pay its fees."""
    z_exit: float = Field(default=0.0, ge=-1, le=2)
    """Standard deviations at which it has come back."""
    trend: int = Field(default=96, ge=20, le=300)
    """Bars of the moving average that the average price must be above."""
    calm_bars: int = Field(default=96, ge=20, le=300)
    """Bars of the long-run volatility."""
    max_storm: float = Field(default=1.5, ge=0.5, le=5)
    """Volatility, as a multiple of its long run, above which falls go on."""
    confidence: SessionConfidence = SessionConfidence(asia=0.6, europe=0.6, us=0.7)
    exits: ExitRules = ExitRules(stop_moves=3.0, target_r=1.5, trail_after_r=1.0, trail_r=1.0, max_hold_hours=72)

    @property
    def warmup(self) -> int:
        """Bars of the slowest measure."""
        return max(self.z_bars, self.trend, self.calm_bars) + 1


def evaluate(panel: Panel, parameters: SessionReversion) -> Signals:
    """Return entries after an overdone fall, departures at the average."""
    score = zscore(panel.close, parameters.z_bars)
    short, long = mean(panel.close, parameters.z_bars), mean(panel.close, parameters.trend)
    storm = volatility(panel.close, parameters.z_bars) / volatility(panel.close, parameters.calm_bars)
    confidence = probability(-score - parameters.z_entry)
    sure = confidence >= thresholds(panel.ends, parameters.confidence)
    worth = short / panel.close - 1.0 >= parameters.min_gain
    enter = sure & worth & (short > long) & (storm <= parameters.max_storm)
    leave = score >= parameters.z_exit
    return signals(enter, leave, confidence, ("overdone fall in a quiet market", "back at its average"))
