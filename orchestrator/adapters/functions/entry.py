"""The shell around every function: probes, slots, event age, errors. No logic of the desk, nothing heavy at import.

The error rule is one table. An error that the same call may survive later is raised, so that the platform calls again
(Cloud Scheduler's retries, Eventarc's for functions marked `retried`). Every other error of the desk is logged and
acknowledged: calling again would only fail again. What is no error of the desk is a bug and is raised.

    retryable TradingError (store or venue unavailable, lost race) | raise       the platform calls again
    other TradingError (configuration, damaged data, refusal)      | acknowledge it is in the log
    anything else                                                  | raise       it is in the error report
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta
from typing import Any, ParamSpec, TypeVar

from firebase_functions import logger

from orchestrator.domain.errors import ConfigurationError, TradingError

REGION = "us-central1"

TIMEOUT_S = 50
"""Of a cycle. The lease of a submission (`orchestrator.execution.LEASE`) is longer."""

MODULE: Mapping[str, Any] = {
    "region": REGION,
    "concurrency": 1,
    "max_instances": 1,
    "memory": 512,
    "timeout_sec": TIMEOUT_S,
    "retry_count": 1,
    "min_backoff_seconds": 10,
}
"""Options of a trading function: one cycle of a module at a time, one more attempt of a slot."""

TRIGGER: Mapping[str, Any] = {
    "region": REGION,
    "concurrency": 1,
    "max_instances": 1,
    "memory": 512,
    "timeout_sec": TIMEOUT_S,
}
"""Options of an event function: one event at a time, so that triggers do not race one another."""

TUNING: Mapping[str, Any] = {**MODULE, "memory": 2048, "timeout_sec": 1800, "retry_count": 0}
"""Options of the nightly job: memory for scikit-learn, the longest time a scheduled function may take."""

OLDEST_EVENT = timedelta(minutes=10)
"""Events older than this are dropped: the sweeper, every five minutes, has done their work by then."""

PROBE = "/__/health"
SLOT_HEADER = "X-CloudScheduler-ScheduleTime"

P = ParamSpec("P")
T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])

_slot: ContextVar[datetime | None] = ContextVar("slot", default=None)


def refuse_emulators(environment: Mapping[str, str]) -> None:
    """Refuse to start in production with a variable that points a client at an emulator.

    The Admin SDK then takes unsigned tokens for good ones, and the store would be somebody's laptop.

    Raises
    ------
    ConfigurationError
        Such a variable is set on Cloud Run.
    """
    if "K_SERVICE" not in environment or environment.get("FUNCTIONS_EMULATOR") == "true":
        return
    for name in ("FIREBASE_AUTH_EMULATOR_HOST", "FIRESTORE_EMULATOR_HOST"):
        if environment.get(name):
            raise ConfigurationError(f"{name} is set in production: remove it from the function's environment")


def secrets(*names: str) -> list[str]:
    """Return the secrets to bind; none under the emulator, where they are plain environment variables."""
    return [] if os.environ.get("FUNCTIONS_EMULATOR") == "true" else list(names)


def guard(function: F) -> F:
    """Answer health probes, which must run nothing, and read the slot of a scheduled call.

    The functions emulator probes every new worker with GET /__/health, which functions-framework hands to the
    function; without this decorator, outermost, each cold start would be a run of its own.
    """

    @functools.wraps(function)
    def guarded(request: Any) -> Any:
        from flask import Response

        if request.path == PROBE:
            return Response("ok")
        try:
            token = _slot.set(slot_of(request.headers))
        except ValueError as error:
            return Response(str(error), status=400)
        try:
            return function(request)
        finally:
            _slot.reset(token)

    return guarded  # type: ignore[return-value]


def slot_of(headers: Mapping[str, str]) -> datetime | None:
    """Return the scheduler slot a call is for, None when it came without one.

    Raises
    ------
    ValueError
        The header is not an RFC 3339 time.
    """
    text = headers.get(SLOT_HEADER)
    if text is None:
        return None
    try:
        slot = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{SLOT_HEADER}: {text!r} is not a time such as 2026-07-16T13:30:00Z") from None
    if slot.tzinfo is None:
        raise ValueError(f"{SLOT_HEADER}: {text!r} has no time zone")
    return slot.astimezone(UTC).replace(microsecond=0)


def slot() -> datetime | None:
    """Return the slot of the call that is running; None: the desk's clock, cut to the minute, stands for it."""
    return _slot.get()


def settled(function: Callable[P, None]) -> Callable[P, None]:
    """Apply the error table of this module."""

    @functools.wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            function(*args, **kwargs)
        except TradingError as error:
            told = {"function": function.__name__, "error": type(error).__name__}
            if error.retryable:
                logger.warn(str(error), **told)
                raise
            logger.error(str(error), **told)

    return run


def retried(function: F) -> F:
    """Have the platform deliver an event again when the function raises.

    firebase-functions 0.6 has no such option for Firestore triggers and writes False, with which Eventarc drops the
    event of a failed call and logs success; the manifest it generates is what the deployment reads.
    """
    function.__firebase_endpoint__.eventTrigger["retry"] = True  # type: ignore[attr-defined]
    return function


def too_old(event: Any, now: datetime) -> bool:
    """Return whether an event is past its use, and log it if so."""
    happened = event.time if isinstance(event.time, datetime) else datetime.fromisoformat(str(event.time))
    if happened.tzinfo is None:
        happened = happened.replace(tzinfo=UTC)
    age = now - happened
    if age <= OLDEST_EVENT:
        return False
    logger.warn("event dropped, the sweeper has covered it", document=event.document, age_s=int(age.total_seconds()))
    return True


def wall_clock() -> datetime:
    """Return the real time."""
    return datetime.now(UTC)
