"""What a backtest of past live days makes of them beside what the desk did: trade by trade, with the gap. Values only.

Gaps are signed as costs: above 0 the desk did worse than its backtest.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Literal

from orchestrator.domain.base import ZERO, Amount, Document, ModuleName, UtcTime, Value

BOUND_BPS = 50.0
"""Gap of an entry or exit price above which somebody is told."""
KEPT = timedelta(days=365)
"""How long a night's comparison stays."""
NIGHTLY_DAYS = 30
"""Days that a night looks back on."""
MOST_TRADES = 300
"""Trades in one document: it stays far below Firestore's 1 MiB."""

Fate = Literal["matched", "only_live", "only_backtest", "not_compared"]


class ParitySide(Value):
    """A position as one side made it; USD, profit after fees. `closed_at` is None while it is open."""

    qty: Amount
    opened_at: UtcTime
    entry_px: Amount
    closed_at: UtcTime | None = None
    exit_px: Amount | None = None
    profit: Amount | None = None


class ParityTrade(Value):
    """A position of both sides, or of one; what cannot be compared is named with its reason, never left out."""

    module: ModuleName
    strategy: str
    symbol: str
    fate: Fate
    live: ParitySide | None = None
    backtest: ParitySide | None = None
    entry_gap_bps: float | None = None
    exit_gap_bps: float | None = None
    gap_usd: Amount = ZERO
    """Profit of the backtest less that of the desk, both as sized; 0 unless both have left."""
    why: str = ""
    """What does not agree, or why it is not compared."""

    @property
    def key(self) -> str:
        """Which position it is, whoever compares."""
        side = self.live or self.backtest
        return f"{self.module} {self.strategy} {self.symbol} {'' if side is None else side.opened_at.isoformat()}"

    @property
    def beyond(self) -> bool:
        """Whether somebody is to be told."""
        return self.parts(BOUND_BPS)

    def parts(self, bound_bps: float) -> bool:
        """Return whether prices are further apart than `bound_bps`, or one side alone entered it."""
        gaps = [abs(gap) for gap in (self.entry_gap_bps, self.exit_gap_bps) if gap is not None]
        return self.fate in {"only_live", "only_backtest"} or (
            self.fate == "matched" and max(gaps, default=0.0) > bound_bps
        )


class ParityDoc(Document):
    """`parity/{yyyymmdd}`: what the backtest says of the days up to this one beside what the desk did."""

    first: date
    last: date
    bound_bps: float = BOUND_BPS
    trades: tuple[ParityTrade, ...] = ()
    """In the order of their entries; of more than `MOST_TRADES` the newest."""
    counts: dict[str, int] = {}
    """Positions by fate, those that were cut from `trades` included."""
    gap_bps_max: float = 0.0
    """Of what is matched, without its sign."""
    gap_usd: Amount = ZERO
    """Sum of what is matched."""
    notes: tuple[str, ...] = ()
    """What the comparison rests on, and what it lacks."""
    as_of: UtcTime
    expire_at: UtcTime
