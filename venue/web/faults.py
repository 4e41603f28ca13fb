"""Faults that a test or a demonstration asks for: which request they hit, how often, and what they do.

Deterministic: a fault hits the next `times` matching requests, in order, and then is gone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum

from venue.orders import Refusal, RefusedError
from venue.web.call import Call, QuoteFault, Reply, number
from venue.web.spoil import Nonsense, doubled, malformed


class FaultKind(StrEnum):
    """What goes wrong.

    `duplicate_refused` takes the order and then answers that its client order id is in use, which is what a client
    sees whose first attempt was accepted behind a lost answer. `timeout_*` give no answer at all. `stale_open_orders`
    and `late_history` show lists as they were `age_seconds` ago.
    """

    HTTP_429 = "http_429"
    HTTP_5XX = "http_5xx"
    TIMEOUT_BEFORE = "timeout_before"
    TIMEOUT_AFTER = "timeout_after"
    PARTIAL_FILL = "partial_fill"
    STALE_QUOTE = "stale_quote"
    ONE_SIDED_QUOTE = "one_sided_quote"
    DUPLICATE_REFUSED = "duplicate_refused"
    LATE_FILL = "late_fill"
    CLOCK_SKEW = "clock_skew"
    STALE_OPEN_ORDERS = "stale_open_orders"
    LATE_HISTORY = "late_history"
    DUPLICATE_ROWS = "duplicate_rows"
    MALFORMED = "malformed"


@dataclass(slots=True)
class Fault:
    """One fault. `hold_seconds` is how long a time-out keeps the connection open before it is cut."""

    id: int
    kind: FaultKind
    method: str
    path: re.Pattern[str]
    client_order_id: str
    left: int
    retry_after: int = 1
    status: int = 503
    hold_seconds: float = 0.0
    side: str = "bid"
    age_seconds: float = 3600.0
    fraction: Decimal = Decimal("0.5")
    moments: int = 1
    skew_seconds: float = 60.0
    how: Nonsense = Nonsense.NULL
    field: str = ""
    row: int = 0
    hits: int = 0

    def matches(self, call: Call) -> bool:
        """Tell whether the fault hits this request."""
        if self.left <= 0 or (self.method and self.method != call.method):
            return False
        if self.path.search(call.path) is None:
            return False
        return not self.client_order_id or self.client_order_id == client_order_id(call)

    def quote_fault(self) -> QuoteFault | None:
        """Return how the fault spoils quotes, None if it does not."""
        if self.kind is FaultKind.STALE_QUOTE:
            return QuoteFault(age=timedelta(seconds=self.age_seconds))
        return QuoteFault(side=self.side) if self.kind is FaultKind.ONE_SIDED_QUOTE else None

    def rewritten(self, answer: Reply) -> Reply:
        """Return the answer as the fault lets it be told."""
        if self.kind is FaultKind.MALFORMED:
            return malformed(answer, self.how, field=self.field, row=self.row)
        return doubled(answer) if self.kind is FaultKind.DUPLICATE_ROWS else answer

    def json(self) -> dict[str, object]:
        """Return the fault as the control API lists it."""
        match = {"method": self.method, "path": self.path.pattern, "client_order_id": self.client_order_id}
        return {"id": self.id, "kind": self.kind.value, "match": match, "times": self.left, "hits": self.hits}


def client_order_id(call: Call) -> str:
    """Return the client order id that a request carries in its body or query, empty if none."""
    if call.params.get("client_order_id"):
        return call.params["client_order_id"]
    if not call.body:
        return ""
    if call.body.lstrip().startswith(b"{"):
        body: Mapping[str, object] = call.json()
    else:
        body = call.form()
    return str(body.get("client_order_id") or body.get("cl_ord_id") or "")


@dataclass(slots=True)
class FaultBook:
    """The faults that are set."""

    faults: list[Fault] = field(default_factory=list)
    _made: int = 0

    def add(self, body: Mapping[str, object]) -> Fault:
        """Set a fault from the control API's JSON.

        Raises
        ------
        RefusedError
            If a field is unknown or wrong.
        """
        unknown = set(body) - {"match", "kind", "times", *_OPTIONS}
        match = body.get("match") or {}
        if unknown or not isinstance(match, dict):
            raise RefusedError(
                Refusal.BAD_REQUEST, f"unknown field of a fault: {', '.join(sorted(unknown)) or 'match'}"
            )
        try:
            kind, path = FaultKind(str(body.get("kind"))), re.compile(str(match.get("path") or ""))
        except (ValueError, re.error) as error:
            raise RefusedError(Refusal.BAD_REQUEST, f"invalid fault: {error}") from error
        self._made += 1
        fault = Fault(
            self._made,
            kind,
            str(match.get("method") or "").upper(),
            path,
            str(match.get("client_order_id") or ""),
            int(number(body.get("times", 1), "times")),
        )
        for name, read in _OPTIONS.items():
            if body.get(name) is not None:
                setattr(fault, name, read(body[name]))
        self.faults.append(fault)
        return fault

    def take(self, call: Call) -> Fault | None:
        """Return the first fault that hits the request, and count the hit."""
        for fault in self.faults:
            if fault.matches(call):
                fault.left -= 1
                fault.hits += 1
                return fault
        return None


def _seconds(value: object) -> float:
    return float(number(value, "seconds"))


def _integer(value: object) -> int:
    return int(number(value, "integer"))


def _fraction(value: object) -> Decimal:
    return number(value, "fraction")


def _how(value: object) -> Nonsense:
    try:
        return Nonsense(str(value))
    except ValueError as error:
        raise RefusedError(Refusal.BAD_REQUEST, f"invalid how: {value} (one of {', '.join(Nonsense)})") from error


_OPTIONS: dict[str, Callable[[object], object]] = {
    "retry_after": _integer,
    "status": _integer,
    "hold_seconds": _seconds,
    "side": str,
    "age_seconds": _seconds,
    "fraction": _fraction,
    "moments": _integer,
    "skew_seconds": _seconds,
    "how": _how,
    "field": str,
    "row": _integer,
}
