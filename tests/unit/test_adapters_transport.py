"""Time-outs, counting, retries of reads, and whether a request was sent."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest
import requests

from orchestrator.adapters.transport import LONG_WAIT_S, CallMeter, MeteredTransport, never_sent, read, retry_after_s
from orchestrator.domain.errors import BrokerAuthError, BrokerUnavailableError, RateLimitedError


@pytest.fixture
def session() -> Iterator[requests.Session]:
    with requests.Session() as found:
        found.mount("http://", MeteredTransport(CallMeter(), read_timeout_s=0.05))
        yield found


def test_a_venue_that_never_answers_is_given_up_on_and_may_have_got_it(session: requests.Session) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(requests.ReadTimeout) as raised:
        session.post(f"http://127.0.0.1:{silent.getsockname()[1]}/")
    assert not never_sent(raised.value)


def test_where_nobody_listens_nothing_was_sent(session: requests.Session) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(requests.ConnectionError) as raised:
        session.post(f"http://127.0.0.1:{port}/")
    assert never_sent(raised.value)


def test_calls_are_counted_whether_they_succeed_or_not() -> None:
    meter = CallMeter()
    with requests.Session() as session:
        session.mount("http://", MeteredTransport(meter))
        for _ in range(2):
            with pytest.raises(requests.ConnectionError):
                session.get("http://127.0.0.1:1/")
    assert meter.calls == 2


def waits(*errors: Exception) -> tuple[list[float], list[str]]:
    """Read something that fails with these errors first; return the waits and the answers."""
    left: list[Exception] = list(errors)
    slept: list[float] = []

    def call() -> str:
        if left:
            raise left.pop(0)
        return "done"

    return slept, [read(call, sleep=slept.append)]


def test_a_read_is_made_again_after_growing_waits() -> None:
    slept, answers = waits(BrokerUnavailableError("1"), BrokerUnavailableError("2"))
    assert answers == ["done"]
    assert slept == [0.2, 0.4]


def test_the_venues_own_wait_is_kept() -> None:
    assert waits(RateLimitedError("1", retry_after_s=0.7), RateLimitedError("2", retry_after_s=2))[0] == [0.7, 2.0]


def test_a_venue_that_asks_for_a_long_wait_is_left_alone() -> None:
    with pytest.raises(RateLimitedError, match="1"):
        waits(RateLimitedError("1", retry_after_s=60))


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "7"}, 7.0),
        ({"retry-after": "0.5"}, 0.5),
        ({}, 1.5),
        ({"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}, LONG_WAIT_S),
        ({"Retry-After": "-3"}, LONG_WAIT_S),
        ({"Retry-After": "inf"}, LONG_WAIT_S),
    ],
)
def test_what_an_answer_says_of_waiting_is_read_with_care(headers: dict[str, str], seconds: float) -> None:
    assert retry_after_s(headers, default=1.5) == seconds


def test_a_third_failure_is_told() -> None:
    with pytest.raises(BrokerUnavailableError, match="3"):
        waits(*(BrokerUnavailableError(str(n)) for n in (1, 2, 3)))


def test_what_cannot_get_better_is_not_tried_again() -> None:
    with pytest.raises(BrokerAuthError, match="key"):
        waits(BrokerAuthError("key"))
