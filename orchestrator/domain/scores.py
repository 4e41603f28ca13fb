"""How well each strategy and module does of late: five parts, one score, its trend, and what to do about it. Pure.

| part | 1 | 0 |
|---|---|---|
| return | a mean gain that is no chance | a mean loss that is no chance |
| risk | no fall from the peak | a fall of `WORST_FALL` of equity |
| calibration | a confidence that is always right | a Brier score of 0.5 |
| slippage | entered no worse than decided | `WORST_SLIPPAGE_BPS` worse |
| uptime | no day of the last 30 with a failure | only such days |
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from statistics import NormalDist
from typing import Literal

import numpy as np

from orchestrator.domain.base import Document, ModuleName, UtcTime, Value
from orchestrator.domain.positions import Trade

WINDOW = timedelta(days=90)
"""Round trips that count."""
UPTIME_DAYS = 30
LEAST = 20
"""Round trips below which there is no score."""
WORST_FALL = 0.10
WORST_SLIPPAGE_BPS = 20.0
TREND_DAYS = 7
MORE_FROM, LESS_BELOW = 0.90, 0.10
"""Return parts from which, and below which, a share is changed."""
STEP = Decimal("0.75")
"""What a share is multiplied with on a day that says less; divided by on one that says more."""
LEAST_SHARE = Decimal("0.05")
"""No strategy is given less by itself: one that earns nothing at all is the owner's to switch off."""

Advice = Literal["more", "keep", "less", "too few trades"]


class Parts(Value):
    """The parts of a score, each from 0 (bad) to 1 (good)."""

    gain: float
    risk: float
    calibration: float
    slippage: float
    uptime: float

    @property
    def score(self) -> float:
        """The mean of the parts, 0 to 100."""
        values = (self.gain, self.risk, self.calibration, self.slippage, self.uptime)
        return round(100 * sum(values) / len(values), 1)


class Score(Value):
    """A strategy's, or a module's, last 90 days."""

    trades: int = 0
    gain: float = 0.0
    """Sum of gains after costs, as a fraction of the account's equity."""
    fall: float = 0.0
    """Deepest fall of that sum from its peak."""
    brier: float | None = None
    """Mean square of confidence less outcome (1 = a gain); always saying one half scores 0.25."""
    slippage_bps: float = 0.0
    parts: Parts | None = None
    score: float | None = None
    trend: float | None = None
    """Change of the score in a week; None = not known yet."""
    advice: Advice = "too few trades"


class ScorePoint(Value):
    """The scores of a day: the module's under its own name."""

    day: date
    scores: dict[str, float] = {}


class ScoreDoc(Document):
    """`scores/{module}`: how well a module and its strategies do, once a day; advice, unless `auto_allocate` is on."""

    module: ModuleName
    day: date
    """The last whole UTC day that counts."""
    own: Score = Score()
    strategies: dict[str, Score] = {}
    shares: dict[str, Decimal] = {}
    """The strategy allocations that the advice comes to, where they differ from the limit."""
    allocated: dict[str, Decimal] = {}
    """Those of them that the desk has set itself."""
    allocated_on: date | None = None
    """The day whose score last changed one: the next change needs a week of its own evidence."""
    uptime: float = 1.0
    bad_days: tuple[date, ...] = ()
    """Days of the last 30 on which it was silent or failed, or its venue could not be reached."""
    history: tuple[ScorePoint, ...] = ()
    updated_at: UtcTime


def score_of(trades: Sequence[Trade], *, equity: Decimal, uptime: float, before: float | None) -> Score:
    """Return the score of round trips.

    Parameters
    ----------
    equity
        Of the venue account, USD, positive.
    uptime
        Share of days without a failure.
    before
        The score a week ago.

    References
    ----------
    G. W. Brier, Verification of forecasts expressed in terms of probability, Monthly Weather Review 78, 1950.
    """
    if not trades:
        return Score()
    ordered = sorted(trades, key=lambda trade: trade.closed_at)
    gains = np.array([float(trade.realized_pnl / equity) for trade in ordered])
    total = np.concatenate([[0.0], np.cumsum(gains)])
    brier = float(np.mean([(trade.confidence - (trade.realized_pnl > 0)) ** 2 for trade in ordered]))
    known = {
        "trades": len(ordered),
        "gain": float(total[-1]),
        "fall": float(np.max(np.maximum.accumulate(total) - total)),
        "brier": brier,
        "slippage_bps": float(np.mean([trade.entry_slippage_bps for trade in ordered])),
    }
    found = Score.model_validate(known)
    return found if len(ordered) < LEAST else _judged(found, gains, uptime=uptime, before=before)


def _judged(score: Score, gains: np.ndarray, *, uptime: float, before: float | None) -> Score:
    parts = Parts(
        gain=_sureness(gains),
        risk=_bounded(1 - score.fall / WORST_FALL),
        calibration=_bounded(1 - (score.brier or 0.0) / 0.5),
        slippage=_bounded(1 - score.slippage_bps / WORST_SLIPPAGE_BPS),
        uptime=uptime,
    )
    advice: Advice = "more" if parts.gain >= MORE_FROM and parts.risk > 0 else "keep"
    if parts.gain < LESS_BELOW or parts.risk == 0:
        advice = "less"
    trend = None if before is None else round(parts.score - before, 1)
    return score.model_copy(update={"parts": parts, "score": parts.score, "trend": trend, "advice": advice})


def _sureness(gains: np.ndarray) -> float:
    """Return the probability that the mean is above zero, by its normal approximation."""
    deviation = float(gains.std(ddof=1))
    if deviation == 0:
        return 1.0 if gains[0] > 0 else 0.5 if gains[0] == 0 else 0.0
    return NormalDist().cdf(float(gains.mean()) / deviation * len(gains) ** 0.5)


def _bounded(value: float) -> float:
    return min(max(value, 0.0), 1.0)


def advised_share(advice: Advice, present: Decimal, most: Decimal) -> Decimal:
    """Return the share of the desk that a strategy should have: a step down or up, never above `most`.

    Examples
    --------
    >>> advised_share("less", Decimal("0.30"), Decimal("0.30"))
    Decimal('0.225')
    """
    if advice == "less":
        return max(present * STEP, min(present, LEAST_SHARE)).quantize(Decimal("0.001"))
    return min(present / STEP, most).quantize(Decimal("0.001")) if advice == "more" else present


def score_before(doc: ScoreDoc | None, name: str, day: date) -> float | None:
    """Return a score of a week before `day`, None where none was made then."""
    points = () if doc is None else doc.history
    wanted = day - timedelta(days=TREND_DAYS)
    return next((point.scores.get(name) for point in points if point.day == wanted), None)
