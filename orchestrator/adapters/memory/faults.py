"""The faults that the venues in memory can be told to make, once each, in order.

Shipped so that a test says what goes wrong by name; it knows nothing of orders or prices.
"""

from __future__ import annotations

from collections import deque
from enum import StrEnum
from typing import NoReturn

from orchestrator.domain.errors import (
    BrokerAuthError,
    BrokerUnavailableError,
    OrderRefusedError,
    OutcomeUnknownError,
    RateLimitedError,
)


class Fault(StrEnum):
    """What goes wrong with one call."""

    UNAVAILABLE = "unavailable"
    """Connection refused: certainly not sent."""
    RATE_LIMITED = "rate_limited"
    AUTH = "auth"
    REFUSED = "refused"
    LOST_BEFORE_ACCEPTANCE = "lost_before_acceptance"
    """Time-out, and the venue never saw it."""
    LOST_AFTER_ACCEPTANCE = "lost_after_acceptance"
    """Time-out, and the venue did what it was asked."""


class FaultPlan:
    """Faults waiting to happen, by the name of the call; a call without one goes well."""

    def __init__(self) -> None:
        self._waiting: dict[str, deque[Fault]] = {}

    def add(self, call: str, *faults: Fault) -> None:
        """Let the next calls of that name fail, one fault each."""
        self._waiting.setdefault(call, deque()).extend(faults)

    def before(self, call: str, where: str) -> Fault | None:
        """Raise the fault that keeps the venue from acting; return one that strikes after it has acted.

        Raises
        ------
        BrokerError
            The fault that was planned, in the desk's words.
        """
        queue = self._waiting.get(call)
        fault = queue.popleft() if queue else None
        if fault is not None and fault is not Fault.LOST_AFTER_ACCEPTANCE:
            raise_fault(fault, where)
        return fault

    def after(self, fault: Fault | None, where: str) -> None:
        """Raise what strikes after the venue has acted."""
        if fault is not None:
            raise_fault(fault, where)


def raise_fault(fault: Fault, where: str) -> NoReturn:
    """Raise the error of the tree that an adapter would make of this fault.

    Raises
    ------
    BrokerError
        Always.
    """
    match fault:
        case Fault.UNAVAILABLE:
            raise BrokerUnavailableError(f"{where}: connection refused; not sent")
        case Fault.RATE_LIMITED:
            raise RateLimitedError(f"{where}: too many requests; not sent", retry_after_s=1.0)
        case Fault.AUTH:
            raise BrokerAuthError(f"{where}: the key is not accepted")
        case Fault.REFUSED:
            raise OrderRefusedError(f"{where}: refused by script", code="scripted")
        case Fault.LOST_BEFORE_ACCEPTANCE | Fault.LOST_AFTER_ACCEPTANCE:
            raise OutcomeUnknownError(f"{where}: no answer; look it up before sending again")
