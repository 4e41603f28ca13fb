"""What a cycle leaves of itself: its heartbeat in the book, and the trace of why each thing was or was not done."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from orchestrator.domain.base import Amount, Document, ModuleName, UtcTime, Value


class CycleStatus(StrEnum):
    """How a cycle ended."""

    IDLE = "idle"
    DECIDED = "decided"
    TRADED = "traded"
    DUPLICATE = "duplicate"
    VENUE_DOWN = "venue_down"
    FAILED = "failed"


class CycleSummary(Value):
    """The heartbeat of a module, kept in its book."""

    slot: UtcTime
    status: CycleStatus = CycleStatus.IDLE
    opportunities: int = 0
    denied: int = 0
    orders: int = 0
    round_trips: int = 0
    """Calls to the store, this one included."""
    writes: int = 0
    kept: int = 0
    """Of them, those that keep what was seen."""
    note: str = ""


class OpportunityTrace(Value):
    """One opportunity in a decision trace with its verdict."""

    strategy: str
    symbol: str
    purpose: str
    side: str
    confidence: float
    reason: str
    features: dict[str, float]
    parameters_version: int = 0
    """Of the challenger where it decided; 0 = what the cycle trades with."""
    verdict: Literal["approved", "resized", "denied"]
    code: str | None = None
    limit: str | None = None
    observed: str | None = None
    qty: Amount | None = None
    binding_cap: str | None = None
    client_order_id: str | None = None


class CycleDoc(Document):
    """`cycles/{module}_{slot}`: why each thing was or was not done."""

    module: ModuleName
    slot: UtcTime
    status: CycleStatus
    opportunities: tuple[OpportunityTrace, ...] = ()
    missing: dict[str, str] = {}
    round_trips: int = 0
    parameters_version: int = 0
    note: str = ""
    expire_at: UtcTime
