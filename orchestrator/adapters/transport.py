"""What every adapter over `requests` shares: time-outs, counting, retries of reads, and whether a request was sent.

It knows no venue. Nothing here ever repeats a request that could place an order.
"""

from __future__ import annotations

import math
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.request import getproxies

import requests
from requests.adapters import BaseAdapter, HTTPAdapter
from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError

from orchestrator.domain.errors import BrokerUnavailableError, RateLimitedError

CONNECT_TIMEOUT_S = 3.05
READ_TIMEOUT_S = 10.0
READ_ATTEMPTS = 3
LONG_WAIT_S = 60.0
_LONGEST_WAIT_S = 2.0
_CERTIFICATES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")

T = TypeVar("T")


@dataclass(slots=True)
class CallMeter:
    """HTTP calls made and the seconds they took; counted from any thread."""

    calls: int = 0
    seconds: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, seconds: float) -> None:
        """Count one call."""
        with self._lock:
            self.calls += 1
            self.seconds += seconds


class MeteredTransport(HTTPAdapter):
    """The transport of `requests` with time-outs where the caller set none; it counts, and never retries.

    Parameters
    ----------
    meter
        Where calls are counted.
    pool_size
        Connections kept open; as many as threads that submit at once.
    read_timeout_s
        Seconds to wait for an answer.
    """

    def __init__(self, meter: CallMeter, *, pool_size: int = 20, read_timeout_s: float = READ_TIMEOUT_S) -> None:
        self._meter = meter
        self._timeout = (CONNECT_TIMEOUT_S, read_timeout_s)
        super().__init__(pool_connections=2, pool_maxsize=pool_size, max_retries=0)

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        """Send one request."""
        if kwargs.get("timeout") is None:
            kwargs["timeout"] = self._timeout
        started = time.perf_counter()
        try:
            return super().send(request, *args, **kwargs)
        finally:
            self._meter.add(time.perf_counter() - started)


_IN_PROCESS: dict[str, BaseAdapter] = {}


@contextmanager
def answered_in_process(prefix: str, adapter: BaseAdapter) -> Iterator[None]:
    """Let sessions made in this block send what goes to `prefix` to an adapter of this process (a replay's venue)."""
    _IN_PROCESS[prefix] = adapter
    try:
        yield
    finally:
        del _IN_PROCESS[prefix]


def use_transport(session: requests.Session, meter: CallMeter) -> None:
    """Let all requests of a session go through a `MeteredTransport`.

    What the environment says of proxies and certificates is read once: looking with every request costs more than
    sending it.
    """
    session.trust_env = bool(getproxies())
    session.verify = next((os.environ[name] for name in _CERTIFICATES if os.environ.get(name)), True)
    for scheme in ("http://", "https://"):
        session.mount(scheme, MeteredTransport(meter))
    for prefix, adapter in _IN_PROCESS.items():
        session.mount(prefix, adapter)


_NOT_SENT = (
    requests.exceptions.ConnectTimeout,
    requests.exceptions.InvalidURL,
    ConnectTimeoutError,
    NameResolutionError,
    NewConnectionError,
    ConnectionRefusedError,
)


def never_sent(error: BaseException) -> bool:
    """Tell whether the request certainly did not leave: no connection, no name, no time to connect."""
    return any(isinstance(cause, _NOT_SENT) for cause in _causes(error))


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Walk what the error says of itself: its cause, and what urllib3 and requests keep in `args` and `reason`.

    Not `__context__`: an order sent while another error is being handled has that one as context, and it says
    nothing of the order.
    """
    waiting: list[object] = [error]
    seen: set[int] = set()
    while waiting:
        cause = waiting.pop()
        if not isinstance(cause, BaseException) or id(cause) in seen:
            continue
        seen.add(id(cause))
        yield cause
        waiting += [cause.__cause__, getattr(cause, "reason", None), *cause.args]


def retry_after_s(headers: Mapping[str, str], *, default: float) -> float:
    """Return the seconds that an answer asks to wait: of its Retry-After as a number, `default` without one.

    A date in that header is not read (it would need a clock that agrees with the venue's): it counts as `LONG_WAIT_S`.
    """
    text = headers.get("Retry-After") or headers.get("retry-after") or ""
    try:
        seconds = float(text or default)
    except ValueError:
        return LONG_WAIT_S
    return seconds if 0 <= seconds < math.inf else LONG_WAIT_S


def _wait(state: RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome is not None else None
    if isinstance(error, RateLimitedError):
        return error.retry_after_s
    return min(0.2 * 2.0 ** (state.attempt_number - 1), _LONGEST_WAIT_S)


def _soon(error: BaseException) -> bool:
    if isinstance(error, RateLimitedError):
        return error.retry_after_s <= _LONGEST_WAIT_S
    return isinstance(error, BrokerUnavailableError)


def read(call: Callable[[], T], *, sleep: Callable[[float], None] = time.sleep) -> T:
    """Make a call that changes nothing, again after a short wait when the venue could not be reached or asked for it.

    A venue that asks to be left alone for longer than that is left alone: the error goes up at once.

    Raises
    ------
    BrokerError
        The last attempt's.
    """
    again = Retrying(
        retry=retry_if_exception(_soon),
        stop=stop_after_attempt(READ_ATTEMPTS),
        wait=_wait,
        sleep=sleep,
        reraise=True,
    )
    return again(call)
