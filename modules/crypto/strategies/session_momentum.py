"""Session-aware momentum: follow a clear rise above trend, with more proof asked for in the thin hours.

It stands aside when the market is asleep (fees eat small moves) or in a storm.

References
----------
Y. Liu and A. Tsyvinski, Risks and returns of cryptocurrency, Review of Financial Studies 34, 2021 (momentum).
D. Shen, A. Urquhart and P. Wang, Bitcoin intraday time series momentum, Financial Review 57, 2022 (sessions differ).
"""

from __future__ import annotations

from pydantic import Field

from modules.crypto.sessions import SessionConfidence, thresholds
from orchestrator.domain.indicators import mean, momentum, probability, volatility
from orchestrator.domain.market import Panel, Signals
from orchestrator.domain.stops import ExitRules
from orchestrator.domain.strategy import StrategyParameters, signals


class SessionMomentum(StrategyParameters):
    """Parameters of session momentum."""

    max_positions: int = Field(default=3, ge=0, le=8)
    weight: float = Field(default=0.24, ge=0.01, le=0.5)
    lookback: int = Field(default=24, ge=4, le=200)
    """Bars over which the rise is measured."""
    min_rise: float = Field(default=0.02, ge=0, le=0.5)
    """Least rise over the lookback, as a fraction: what fees would eat is no rise."""
    trend: int = Field(default=72, ge=10, le=300)
    """Bars of the moving average that the price must be above."""
    calm_bars: int = Field(default=96, ge=20, le=300)
    """Bars of the long-run volatility."""
    min_stir: float = Field(default=0.6, ge=0, le=1)
    """Volatility, as a multiple of its long run, below which the market sleeps."""
    max_storm: float = Field(default=2.0, ge=1, le=5)
    """Volatility, as a multiple of its long run, above which it is a storm."""
    confidence: SessionConfidence = SessionConfidence(asia=0.85, europe=0.8, us=0.75)
    exits: ExitRules = ExitRules(stop_moves=3.0, target_r=3.0, trail_after_r=1.5, trail_r=1.0, max_hold_hours=240)

    @property
    def warmup(self) -> int:
        """Bars of the slowest measure."""
        return max(self.lookback, self.trend, self.calm_bars) + 1


def evaluate(panel: Panel, parameters: SessionMomentum) -> Signals:
    """Return entries where the rise is clear for its session, departures where rise and trend are lost."""
    rise = momentum(panel.close, parameters.lookback)
    vol = volatility(panel.close, parameters.lookback)
    trend = mean(panel.close, parameters.trend)
    stir = vol / volatility(panel.close, parameters.calm_bars)
    confidence = probability(rise / (vol * parameters.lookback**0.5))
    clear = confidence >= thresholds(panel.ends, parameters.confidence)
    awake = (stir >= parameters.min_stir) & (stir <= parameters.max_storm)
    enter = clear & awake & (rise >= parameters.min_rise) & (panel.close > trend)
    leave = (rise < 0) & (panel.close < trend)
    return signals(enter, leave, confidence, ("clear rise for the session", "rise and trend lost"))
