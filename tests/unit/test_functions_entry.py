"""The shell of the functions: probes run nothing, slots come from the header, errors follow one table."""

from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from firebase_functions import firestore_fn, scheduler_fn
from flask import Flask, Request

from orchestrator.adapters.functions import entry
from orchestrator.domain.errors import (
    AlreadyExistsError,
    BrokerUnavailableError,
    ConcurrencyConflictError,
    ConfigurationError,
    MalformedDataError,
    StoreUnavailableError,
    TradingError,
)
from orchestrator.execution import LEASE

SLOT = "2026-07-16T13:30:00Z"


def scheduled(body: Any) -> Any:
    @entry.guard
    @scheduler_fn.on_schedule(schedule="* * * * *", **entry.MODULE)
    @entry.settled
    def run(_event: Any) -> None:
        body()

    return run


def call(function: Any, path: str = "/", headers: dict[str, str] | None = None) -> Any:
    with Flask("test").test_request_context(path, headers=headers or {}) as context:
        return function(Request(context.request.environ))


def test_a_probe_runs_nothing() -> None:
    ran: list[int] = []
    answered = call(scheduled(lambda: ran.append(1)), "/__/health")
    assert (answered.status_code, ran) == (200, [])


def test_a_call_has_the_slot_of_its_header() -> None:
    slots: list[datetime | None] = []
    function = scheduled(lambda: slots.append(entry.slot()))
    call(function, headers={entry.SLOT_HEADER: SLOT})
    call(function, headers={entry.SLOT_HEADER: "2026-07-16T09:30:00.25-04:00"})
    call(function)
    assert slots == [datetime(2026, 7, 16, 13, 30, tzinfo=UTC)] * 2 + [None]
    assert entry.slot() is None


@pytest.mark.parametrize("text", ["yesterday", "", "2026-07-16T13:30:00"])
def test_a_bad_slot_is_refused_and_runs_nothing(text: str) -> None:
    ran: list[int] = []
    answered = call(scheduled(lambda: ran.append(1)), headers={entry.SLOT_HEADER: text})
    assert (answered.status_code, ran) == (400, [])
    assert entry.SLOT_HEADER in answered.get_data(as_text=True)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ConfigurationError("x"), 200),
        (MalformedDataError("x"), 200),
        (AlreadyExistsError("x"), 200),
        (StoreUnavailableError("x"), 500),
        (ConcurrencyConflictError("x"), 500),
        (BrokerUnavailableError("x"), 500),
        (ZeroDivisionError("x"), 500),
    ],
)
def test_errors_are_acknowledged_or_raised(error: Exception, status: int, capfd: pytest.CaptureFixture[str]) -> None:
    def fail() -> None:
        raise error

    assert call(scheduled(fail)).status_code == status
    if isinstance(error, TradingError):
        assert '"severity": "' + ("WARNING" if error.retryable else "ERROR") in "".join(capfd.readouterr())


def test_a_trigger_is_delivered_again() -> None:
    @entry.retried
    @firestore_fn.on_document_written(document="orders/{id}", **entry.TRIGGER)
    def on_order(_event: Any) -> None:
        return

    endpoint: Any = vars(on_order)["__firebase_endpoint__"]
    assert endpoint.eventTrigger["retry"] is True


def test_a_submission_is_leased_longer_than_a_cycle_may_run() -> None:
    assert timedelta(seconds=entry.TIMEOUT_S) < LEASE


@pytest.mark.parametrize(("age", "old"), [(timedelta(minutes=9), False), (timedelta(minutes=11), True)])
def test_old_events_are_dropped(age: timedelta, old: bool, capfd: pytest.CaptureFixture[str]) -> None:
    now = datetime(2026, 7, 16, 13, 30, tzinfo=UTC)
    for time in (now - age, (now - age).isoformat(), (now - age).replace(tzinfo=None)):
        assert entry.too_old(SimpleNamespace(time=time, document="orders/x"), now) is old
    assert ("the sweeper has covered it" in "".join(capfd.readouterr())) is old


@pytest.mark.parametrize(
    ("environment", "refused"),
    [
        ({}, False),
        ({"FIRESTORE_EMULATOR_HOST": "x"}, False),
        ({"K_SERVICE": "api"}, False),
        ({"K_SERVICE": "api", "FIRESTORE_EMULATOR_HOST": "x"}, True),
        ({"K_SERVICE": "api", "FIREBASE_AUTH_EMULATOR_HOST": "x"}, True),
        ({"K_SERVICE": "api", "FIRESTORE_EMULATOR_HOST": "x", "FUNCTIONS_EMULATOR": "false"}, True),
        ({"K_SERVICE": "api", "FIRESTORE_EMULATOR_HOST": "x", "FUNCTIONS_EMULATOR": "true"}, False),
        ({"K_SERVICE": "api", "FIRESTORE_EMULATOR_HOST": ""}, False),
    ],
)
def test_emulator_variables_are_refused_in_production(environment: dict[str, str], refused: bool) -> None:
    expected = pytest.raises(ConfigurationError, match="is set in production: remove it") if refused else nullcontext()
    with expected:
        entry.refuse_emulators(environment)


def test_secrets_are_bound_in_production_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FUNCTIONS_EMULATOR", raising=False)
    assert entry.secrets("A", "B") == ["A", "B"]
    monkeypatch.setenv("FUNCTIONS_EMULATOR", "true")
    assert entry.secrets("A", "B") == []
