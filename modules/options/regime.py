"""What the market is like: the trend of the underlying, and whether its options are cheap or rich.

Uses daily bars that are complete and the chain as known; it picks no contract and decides no trade.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

import numpy as np

from modules.options.parameters import OptionsParameters, TrendParameters, VolatilityParameters
from orchestrator.domain import indicators
from orchestrator.domain.chains import ChainView
from orchestrator.domain.market import Floats, Panel, Signals

SESSIONS_PER_YEAR = 252
_STRONG = 2.0
"""Momentum of this many standard deviations is full confidence."""


class Trend(StrEnum):
    """Direction of the underlying."""

    UP = "up"
    FLAT = "flat"
    DOWN = "down"


class VolRegime(StrEnum):
    """Price of optionality."""

    CHEAP = "cheap"
    NORMAL = "normal"
    RICH = "rich"


@dataclass(frozen=True, slots=True)
class Regime:
    """Trend and volatility of one underlying; volatilities are fractions per year, NaN where unknown."""

    trend: Trend
    volatility: VolRegime
    strength: float
    """Momentum in standard deviations, signed."""
    atm_iv: float
    realised_vol: float
    iv_rank: float
    """Share of the days looked back on with a lower volatility."""
    skew: float = math.nan
    term_slope: float = math.nan

    @property
    def ratio(self) -> float:
        """Implied over realised volatility."""
        return self.atm_iv / self.realised_vol


def trend_signals(panel: Panel, parameters: TrendParameters) -> Signals:
    """Return the trend of every symbol at every row: target 1 up, 0 flat, -1 down, NaN before enough bars.

    Notes
    -----
    Up: the close and the fast mean are above the slow mean and the momentum exceeds `momentum_vols` of its own
    standard deviation. Down: the reverse. `confidence` is the size of the momentum, 1 at two standard deviations.
    """
    close = panel.close
    fast, slow = (indicators.mean(close, days) for days in (parameters.fast_days, parameters.slow_days))
    strength = momentum_strength(close, parameters.momentum_days)
    with np.errstate(invalid="ignore"):
        up = (close > slow) & (fast > slow) & (strength > parameters.momentum_vols)
        down = (close < slow) & (fast < slow) & (strength < -parameters.momentum_vols)
    known = np.isfinite(slow) & np.isfinite(strength)
    target = np.where(known, up.astype(np.float64) - down.astype(np.float64), np.nan)
    reason = np.where(known, target + 2, 0).astype(np.int64)
    confidence = np.where(known, np.clip(np.abs(strength) / _STRONG, 0, 1), 0.0)
    return Signals(target, confidence, reason, ("too few bars", "down", "flat", "up"))


def momentum_strength(close: Floats, days: int) -> Floats:
    """Return the log change over `days` bars in its standard deviations: daily volatility times the root of days."""
    with np.errstate(invalid="ignore", divide="ignore"):
        move = np.log1p(indicators.momentum(close, days))
        return np.asarray(move / (indicators.volatility(close, days) * math.sqrt(days)))


def realised_vols(close: Floats, days: int) -> Floats:
    """Return the realised volatility over `days` bars at every row, fraction per year."""
    return np.asarray(indicators.volatility(close, days) * math.sqrt(SESSIONS_PER_YEAR))


def rank(value: float, history: Sequence[float]) -> float:
    """Return the share of `history` below `value`; NaN without history."""
    return sum(past < value for past in history) / len(history) if history else math.nan


def volatility_regime(*, ratio: float, iv_rank: float, parameters: VolatilityParameters) -> VolRegime:
    """Return whether options are cheap or rich; both the ratio and, where known, the rank must say so."""
    if ratio >= parameters.rich_ratio and not iv_rank < parameters.rich_rank:
        return VolRegime.RICH
    if ratio <= parameters.cheap_ratio and not iv_rank > parameters.cheap_rank:
        return VolRegime.CHEAP
    return VolRegime.NORMAL


def trend_of(
    panel: Panel, symbol: str, parameters: TrendParameters, *, now: datetime, row: int | None = None
) -> Trend | None:
    """Return the trend at a row of the panel, by default its last; None when it cannot be told or it is too old."""
    if symbol not in panel.symbols or not len(panel):
        return None
    at = len(panel) - 1 if row is None else row
    if now - datetime.fromtimestamp(int(panel.ends[at]), UTC) > timedelta(days=parameters.max_age_days):
        return None
    target = trend_signals(panel, parameters).target[at, panel.column(symbol)]
    return (Trend.DOWN, Trend.FLAT, Trend.UP)[int(target) + 1] if np.isfinite(target) else None


def regime_of(
    view: ChainView,
    panel: Panel,
    parameters: OptionsParameters,
    *,
    iv_history: Sequence[float],
    row: int | None = None,
) -> Regime | None:
    """Return the regime of the view's underlying at a row of the panel; None when it cannot be told.

    Parameters
    ----------
    iv_history
        At-the-money volatility of earlier sessions; while there are fewer than `min_history`, the rank is taken among
        the realised volatilities of the panel instead.
    row
        The newest row that is known, by default the last; nothing after it is looked at.
    """
    at = len(panel) - 1 if row is None else row
    trend = trend_of(panel, view.underlying, parameters.trend, now=view.now, row=row)
    iv = reference_iv(view, parameters)
    if trend is None or not math.isfinite(iv):
        return None
    close = panel.close[:, [panel.column(view.underlying)]]
    realised = realised_vols(close, parameters.volatility.realised_days)[:, 0]
    if not realised[at] > 0:
        return None
    iv_rank = rank(iv, _history(realised[: at + 1], iv_history, parameters.volatility))
    return Regime(
        trend=trend,
        volatility=volatility_regime(ratio=iv / realised[at], iv_rank=iv_rank, parameters=parameters.volatility),
        strength=float(momentum_strength(close, parameters.trend.momentum_days)[at, 0]),
        atm_iv=iv,
        realised_vol=float(realised[at]),
        iv_rank=iv_rank,
        **_shape(view),
    )


def reference_iv(view: ChainView, parameters: OptionsParameters) -> float:
    """Return the at-the-money volatility of the expiry nearest to the wanted days; NaN if none."""
    wanted = parameters.selection.target_days
    known = [e for e in view.expiries() if math.isfinite(view.atm_iv(e))]
    expiry = min(known, key=lambda e: abs(view.days_to_expiry(e) - wanted), default=None)
    return math.nan if expiry is None else view.atm_iv(expiry)


def _shape(view: ChainView) -> dict[str, float]:
    expiries = view.expiries()
    return {"skew": view.skew(expiries[-1]), "term_slope": view.term_slope(expiries[0], expiries[-1])}


def _history(realised: Floats, iv_history: Sequence[float], parameters: VolatilityParameters) -> list[float]:
    if len(iv_history) >= parameters.min_history:
        return list(iv_history[-parameters.history_days :])
    known = realised[np.isfinite(realised)][-parameters.history_days :]
    return [float(vol) for vol in known]
