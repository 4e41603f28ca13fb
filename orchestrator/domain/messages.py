"""What the desk and its people tell each other: events, notifications, commands, the audit, the people themselves.

One model per document, as in `orchestrator.domain.documents`, which names these too.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Literal

from orchestrator.domain.base import Document, ModuleName, UtcTime, Value


class EventKind(StrEnum):
    """Things that happened and that somebody may want to know."""

    ORDER_FILLED = "order_filled"
    ORDER_REJECTED = "order_rejected"
    ORDER_UNKNOWN = "order_unknown"
    POSITION_CLOSED = "position_closed"
    STATE_CHANGED = "state_changed"
    LIMIT_BREACHED = "limit_breached"
    LIMIT_KEPT = "limit_kept"
    REDUCTION_PLANNED = "reduction_planned"
    DRIFT_FOUND = "drift_found"
    DRIFT_CLEARED = "drift_cleared"
    FOREIGN_FOUND = "foreign_found"
    SYMBOL_QUARANTINED = "symbol_quarantined"
    SYMBOL_RELEASED = "symbol_released"
    NAKED_POSITION = "naked_position"
    PARAMETERS_REJECTED = "parameters_rejected"
    LIMITS_REJECTED = "limits_rejected"
    PARAMETERS_ACTIVATED = "parameters_activated"
    VENUE_DOWN = "venue_down"
    VENUE_UNREADABLE = "venue_unreadable"
    CYCLE_FAILED = "cycle_failed"
    COMMAND_EXECUTED = "command_executed"
    HEARTBEAT_STALE = "heartbeat_stale"
    FLATTENED = "flattened"
    EXPERIMENT_MOVED = "experiment_moved"
    PARAMETERS_ROLLED_BACK = "parameters_rolled_back"
    PARITY_GAP = "parity_gap"
    CHAINS_DROPPED = "chains_dropped"


class EventDoc(Document):
    """`events/{id}`: a domain event; the id is derived from what happened, so telling it twice is telling it once."""

    kind: EventKind
    module: ModuleName | None = None
    subject: str = ""
    """What it is about: an order, position or command id."""
    severity: Literal["info", "warning", "critical"] = "info"
    text: str
    data: dict[str, Any] = {}
    at: UtcTime


class Delivery(Value):
    """Delivery of a notification over one channel; `unanswered` attempts may have gone out, nobody knows."""

    state: Literal["pending", "sent", "failed", "skipped"]
    attempts: int = 0
    unanswered: int = 0
    error: str = ""
    at: UtcTime


class NotificationDoc(Document):
    """`notifications/{id}`: one thing to tell, id of the event; `settled` once every channel has its final state."""

    event_id: str
    kind: EventKind
    severity: Literal["info", "warning", "critical"]
    title: str
    body: str
    channels: dict[str, Delivery] = {}
    settled: bool = False
    acknowledged_by: str | None = None
    created_at: UtcTime


class CommandKind(StrEnum):
    """What a person may ask."""

    HALT = "halt"
    REDUCE = "reduce"
    RESUME = "resume"
    ACKNOWLEDGE = "acknowledge"
    RUN = "run"
    FLATTEN = "flatten"
    REARM = "rearm"
    RESOLVE = "resolve"
    SET_LIMITS = "set_limits"
    ADOPT = "adopt"
    PROMOTE = "promote"
    REJECT = "reject"
    PIN = "pin"


class CommandResult(Value):
    """The desk's answer to a command."""

    ok: bool
    message: str
    at: UtcTime


class CommandDoc(Document):
    """`commands/{id}`: what a person asked; created by clients through the rules, answered by the desk."""

    kind: CommandKind
    by: str
    """uid of the person."""
    role: str = ""
    args: dict[str, str] = {}
    reason: str = ""
    created_at: UtcTime
    status: Literal["new", "executing", "done", "refused"] = "new"
    result: CommandResult | None = None


class AuditDoc(Document):
    """`audit/{n}`: who did what; `hash` chains over the previous one."""

    n: int
    who: str
    action: str
    detail: dict[str, Any] = {}
    at: UtcTime
    previous_hash: str
    hash: str


class UserDoc(Document):
    """`users/{uid}`: mirror of the role, devices for push, notification choices."""

    email: str = ""
    role: str = "viewer"
    devices: tuple[str, ...] = ()
    notify: dict[str, bool] = {}
