"""What the desk answers over HTTP: /health, /status and /metrics. Reads only, and knows no web framework.

/health needs no one; /status needs a person with a role; /metrics needs a person with a role or the scraper's own
token. Errors have one form: `{"error": {"code": ..., "message": ...}}`.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from orchestrator.domain.codec import encode
from orchestrator.domain.documents import DESK_STATE, SummaryDoc
from orchestrator.domain.errors import BrokerError, ConfigurationError, StoreError, TradingError
from orchestrator.ports import Json, Store
from orchestrator.status import Cadence, load, metrics, summarize

ROLES = frozenset({"owner", "operator", "viewer"})
JSON_TYPE = "application/json; charset=utf-8"
METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Verifier(Protocol):
    """Checks ID tokens."""

    def role_of(self, token: str) -> str:
        """Return the role of a valid, unrevoked token ("" = none).

        Raises
        ------
        PermissionError
            The token is not valid, expired, revoked, or its user is disabled.
        """


@dataclass(frozen=True, slots=True)
class Call:
    """A request: header names in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Reply:
    """A response."""

    status: int
    body: str
    content_type: str = JSON_TYPE


@dataclass(frozen=True, slots=True)
class Service:
    """What the answers are made from; `now` asks for the desk's time."""

    store: Store
    verifier: Verifier
    version: str
    now: Callable[[], datetime]
    metrics_token: str = ""
    cadence: Callable[[datetime], Cadence | None] = lambda _now: None


class _Fault(Exception):  # noqa: N818
    """An answer that is an error."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code = status, code


def answer(call: Call, service: Service) -> Reply:
    """Answer one request; every error of the desk becomes an answer."""
    route = _ROUTES.get(call.path.removeprefix("/api").rstrip("/") or "/")
    try:
        if route is None:
            raise _Fault(404, "not_found", f"no {call.path}; there are {', '.join(_ROUTES)}")
        if call.method not in {"GET", "HEAD"}:
            raise _Fault(405, "method_not_allowed", f"{call.method} is not answered here; commands go to Firestore")
        return route(call, service)
    except _Fault as fault:
        return error(fault.status, fault.code, str(fault))
    except (StoreError, BrokerError) as problem:
        return error(503, "unavailable", str(problem))
    except TradingError as problem:
        return error(500, type(problem).__name__, str(problem))


def error(status: int, code: str, message: str) -> Reply:
    """Return an error in the one form."""
    return Reply(status, json.dumps({"error": {"code": code, "message": message}}))


def health(_call: Call, service: Service) -> Reply:
    """Say the version and whether the store answers: 200 when it does, else 503."""
    try:
        seeded = DESK_STATE in service.store.get_many([DESK_STATE])
    except StoreError as problem:
        told = {"status": "unavailable", "version": service.version, "store": str(problem)}
        return Reply(503, json.dumps(told))
    told = {"status": "ok", "version": service.version, "store": "ok" if seeded else "not set up"}
    return Reply(200, json.dumps(told))


def status(call: Call, service: Service) -> Reply:
    """Return the first screen as JSON."""
    _require_role(call, service)
    return Reply(200, json.dumps(_plain(encode(_first_screen(service)))))


def prometheus(call: Call, service: Service) -> Reply:
    """Return the first screen as Prometheus text."""
    wanted = service.metrics_token
    if not (wanted and hmac.compare_digest(_bearer(call).encode(), wanted.encode())):
        _require_role(call, service)
    return Reply(200, metrics(_first_screen(service)), METRICS_TYPE)


def _first_screen(service: Service) -> SummaryDoc:
    now = service.now()
    return summarize(load(service.store), now, cadence=service.cadence(now))


def _bearer(call: Call) -> str:
    scheme, _, token = call.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _require_role(call: Call, service: Service) -> None:
    token = _bearer(call)
    if not token:
        raise _Fault(401, "unauthenticated", "send `Authorization: Bearer <Firebase ID token>`")
    try:
        role = service.verifier.role_of(token)
    except PermissionError as problem:
        raise _Fault(401, "unauthenticated", str(problem)) from problem
    except ConfigurationError as problem:
        raise _Fault(503, "unavailable", str(problem)) from problem
    if role not in ROLES:
        raise _Fault(403, "permission_denied", "this account has no role on the desk; ask the owner")


def _plain(value: Any) -> Any:
    """Return a stored value as JSON has it: times as text."""
    if isinstance(value, dict):
        plain: Json = {key: _plain(item) for key, item in value.items()}
        return plain
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value.isoformat() if isinstance(value, datetime) else value


_ROUTES: Mapping[str, Callable[[Call, Service], Reply]] = {
    "/health": health,
    "/status": status,
    "/metrics": prometheus,
}
