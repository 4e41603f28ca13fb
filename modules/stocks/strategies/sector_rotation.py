"""Sector rotation: hold the strongest sectors, and only while they rise at all.

Ranks by momentum (relative) and asks that it be positive (absolute). It does not time the market within a bar and
has no opinion of a sector that lacks the newest bar.

References
----------
T. Moskowitz and M. Grinblatt, Do industries explain momentum?, Journal of Finance 54, 1999.
G. Antonacci, Risk premia harvesting through dual momentum, 2012 (relative and absolute momentum together).
"""

from __future__ import annotations

import numpy as np
from pydantic import Field

from orchestrator.domain.indicators import momentum, probability, volatility
from orchestrator.domain.market import Floats, Panel, Signals
from orchestrator.domain.stops import ExitRules
from orchestrator.domain.strategy import StrategyParameters, signals


class SectorRotation(StrategyParameters):
    """Parameters of sector rotation."""

    max_positions: int = Field(default=3, ge=0, le=11)
    lookback: int = Field(default=63, ge=5, le=252)
    """Bars over which strength is measured."""
    min_rise: float = Field(default=0.005, ge=0, le=0.2)
    """Least rise over the lookback, as a fraction: what costs would eat is no strength."""
    hold_ranks: int = Field(default=3, ge=0, le=10)
    """How many ranks below the entered ones a held sector may fall."""
    min_confidence: float = Field(default=0.55, ge=0.5, le=0.99)
    exits: ExitRules = ExitRules(stop_moves=3.0, target_r=4.0, trail_after_r=2.0, trail_r=1.5, max_hold_hours=1440)

    @property
    def warmup(self) -> int:
        """Bars of the lookback and the one before."""
        return self.lookback + 1


def evaluate(panel: Panel, parameters: SectorRotation) -> Signals:
    """Return entries for the best `max_positions` sectors, departures for those far down or falling."""
    strength = momentum(panel.close, parameters.lookback)
    score = strength / (volatility(panel.close, parameters.lookback) * parameters.lookback**0.5)
    confidence = probability(score)
    rank = _ranks(strength)
    best = (rank < parameters.max_positions) & (strength > parameters.min_rise)
    best &= confidence >= parameters.min_confidence
    leave = (rank >= parameters.max_positions + parameters.hold_ranks) | (strength < 0)
    return signals(best, leave, confidence, ("among the strongest sectors", "sector lost its strength"))


def _ranks(strength: Floats) -> Floats:
    """Return each row's ranks, 0 = strongest, NaN where unknown or where there is nothing to compare with."""
    order = np.argsort(np.argsort(-np.nan_to_num(strength, nan=-np.inf), axis=1, kind="stable"), axis=1, kind="stable")
    known = np.isfinite(strength)
    comparable = known & (known.sum(axis=1, keepdims=True) >= 2)
    return np.where(comparable, order.astype(np.float64), np.nan)
