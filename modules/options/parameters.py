"""The knobs of the options module. Bounds are chosen so that no two fields can contradict each other."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from orchestrator.domain.kelly import SizingRules
from orchestrator.domain.parameters import Parameters

StrategyName = Literal["long_call", "bull_call_spread", "bull_put_spread", "protective_put", "covered_call"]


class TrendParameters(Parameters):
    """When the underlying counts as rising or falling; days are sessions."""

    fast_days: int = Field(default=10, ge=3, le=30)
    slow_days: int = Field(default=50, ge=31, le=250)
    momentum_days: int = Field(default=20, ge=5, le=120)
    momentum_vols: float = Field(default=0.1, ge=0, le=3)
    """Least move over `momentum_days`, in its own standard deviations."""
    max_age_days: int = Field(default=5, ge=1, le=10)
    """Calendar days after which the newest daily bar is too old to speak of a trend."""


class VolatilityParameters(Parameters):
    """When options are cheap or rich: implied over realised volatility, and the rank of implied volatility."""

    realised_days: int = Field(default=20, ge=5, le=120)
    cheap_ratio: float = Field(default=0.90, ge=0.4, le=1.0)
    cheap_rank: float = Field(default=0.65, ge=0, le=1)
    """Highest rank at which options can be cheap."""
    rich_ratio: float = Field(default=1.15, ge=1.0, le=3)
    rich_rank: float = Field(default=0.50, ge=0, le=1)
    """Lowest rank at which options can be rich."""
    history_days: int = Field(default=252, ge=60, le=504)
    """Sessions that the rank looks back on."""
    min_history: int = Field(default=60, ge=20, le=252)
    """Sessions of implied volatility below which the rank is taken among realised volatilities."""


class SelectionParameters(Parameters):
    """Which contracts: days to expiry, deltas, money. Deltas of puts are given without their sign."""

    min_days: int = Field(default=8, ge=8, le=30)
    long_min_days: int = Field(default=21, ge=8, le=60)
    """Least days to expiry of a bought call: nothing sold pays for its time."""
    target_days: int = Field(default=30, ge=14, le=90)
    max_days: int = Field(default=60, ge=31, le=180)
    long_delta: float = Field(default=0.50, ge=0.42, le=0.85)
    debit_short_delta: float = Field(default=0.28, ge=0.05, le=0.40)
    credit_short_delta: float = Field(default=0.30, ge=0.22, le=0.50)
    credit_long_delta: float = Field(default=0.15, ge=0.03, le=0.20)
    protective_delta: float = Field(default=0.25, ge=0.05, le=0.50)
    covered_delta: float = Field(default=0.30, ge=0.05, le=0.50)
    delta_tolerance: float = Field(default=0.12, ge=0.02, le=0.30)
    """How far a contract's delta may be from the wanted one."""
    max_unit_loss_usd: float = Field(default=900, ge=50, le=10_000)
    """Most that one unit of an option structure may lose."""
    max_lot_usd: float = Field(default=12_000, ge=1000, le=100_000)
    """Most that 100 shares may cost."""
    lot_stop: float = Field(default=0.06, ge=0.01, le=0.30)
    """Fall at which shares are left, as a fraction of their price."""
    min_reward: float = Field(default=0.15, ge=0.05, le=2)
    """Least profit of a spread, as a fraction of its largest loss."""


class LiquidityParameters(Parameters):
    """What a contract must offer before it is traded."""

    max_spread: float = Field(default=0.15, ge=0.01, le=0.50)
    """Bid-ask spread of a leg over its mid."""
    min_open_interest: int = Field(default=25, ge=0, le=10_000)
    """Contracts outstanding, where the feed tells."""
    max_concession: float = Field(default=0.15, ge=0.01, le=0.30)
    """What may be given up from mid to touch, as a fraction of the structure's mid."""
    participation: float = Field(default=0.5, ge=0.05, le=1)
    """Share of the size at the touch that may be taken, where the feed tells."""
    max_age_minutes: int = Field(default=15, ge=1, le=60)
    """Age of the newest quote at which a chain is too old to decide on."""


class ExitParameters(Parameters):
    """When a position is left. Losses are judged at mid, profits at the touch: at what leaving really brings."""

    spread_target: float = Field(default=0.55, ge=0.10, le=0.95)
    """Of the largest profit of a spread or a sold call."""
    long_target: float = Field(default=0.80, ge=0.10, le=5)
    """Gain of a bought call, as a fraction of its premium."""
    debit_stop: float = Field(default=0.50, ge=0.10, le=0.95)
    """Loss of a bought structure, as a fraction of what was paid."""
    credit_stop: float = Field(default=1.5, ge=0.25, le=5)
    """Loss of a sold structure, as a multiple of the credit."""
    exit_days: int = Field(default=4, ge=1, le=6)
    """Calendar days to expiry at which it is left."""
    window_sessions: int = Field(default=1, ge=1, le=5)
    """Sessions before expiry at which it is left at the latest."""
    assignment_value: float = Field(default=0.001, ge=0, le=0.02)
    """Time value of a sold option in the money, as a fraction of spot, below which early assignment threatens."""
    max_concession: float = Field(default=0.20, ge=0.01, le=1)
    """What leaving may give up from mid to touch, as a fraction of mid, when it can wait for a better market."""
    reentry_days: int = Field(default=1, ge=0, le=10)
    """Calendar days after a position before its underlying is entered again."""


class OptionsParameters(Parameters):
    """All parameters of the options module."""

    enabled: tuple[StrategyName, ...] = (
        "long_call",
        "bull_call_spread",
        "bull_put_spread",
        "protective_put",
        "covered_call",
    )
    min_confidence: float = Field(default=0.55, ge=0.5, le=0.95)
    rate: float = Field(default=0.037, ge=0, le=0.15)
    """Continuously compounded interest for pricing, fraction per year."""
    trend: TrendParameters = TrendParameters()
    volatility: VolatilityParameters = VolatilityParameters()
    selection: SelectionParameters = SelectionParameters()
    liquidity: LiquidityParameters = LiquidityParameters()
    exits: ExitParameters = ExitParameters()
    sizing: SizingRules = SizingRules()
    keep_minutes: int = Field(default=60, ge=5, le=390)
    """Market time between two chains that are kept for backtests while nothing is traded."""

    @property
    def warmup(self) -> int:
        """How many sessions a regime looks back on."""
        trend, volatility = self.trend, self.volatility
        return max(trend.slow_days, trend.momentum_days, volatility.history_days + volatility.realised_days) + 1
