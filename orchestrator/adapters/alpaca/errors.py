"""Translates what alpaca-py and requests raise into the desk's errors. It decides nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

import requests
from alpaca.common.exceptions import APIError

from orchestrator.adapters.rows import UNREADABLE
from orchestrator.adapters.transport import never_sent, retry_after_s
from orchestrator.domain.errors import (
    DUPLICATE_ID,
    BrokerAuthError,
    BrokerError,
    BrokerUnavailableError,
    OrderRefusedError,
    OutcomeUnknownError,
    RateLimitedError,
)
from orchestrator.ports import RAW_LIMIT

NOT_FOUND = "40410000"
_WAIT_S = 1.0


@contextmanager
def translated(where: str, *, sending: bool = False) -> Iterator[None]:
    """Run vendor code; `sending` says that it may place an order.

    Raises
    ------
    BrokerError
        In place of every vendor error.
    """
    try:
        yield
    except APIError as error:
        raise _of_answer(error, where, sending=sending) from error
    except requests.RequestException as error:
        raise _of_transport(error, where, sending=sending) from error
    except UNREADABLE as error:
        raise _lost(f"{where}: the answer makes no sense ({error!r})", sending=sending) from error


def status_of(error: BaseException) -> int | None:
    """Return the HTTP status behind a translated error."""
    cause = error.__cause__
    return _status(cause) if isinstance(cause, APIError) else None


def _status(error: APIError) -> int | None:
    response = error.response
    return None if response is None else int(response.status_code)


def _lost(text: str, *, sending: bool, raw: str = "") -> BrokerError:
    if sending:
        return OutcomeUnknownError(f"{text}; look it up before sending again", raw=raw)
    return BrokerUnavailableError(text)


def _of_transport(error: requests.RequestException, where: str, *, sending: bool) -> BrokerError:
    if never_sent(error):
        return BrokerUnavailableError(f"{where}: Alpaca cannot be reached, nothing was sent: {error}")
    raw = error.doc[:RAW_LIMIT] if isinstance(error, requests.JSONDecodeError) else ""
    return _lost(f"{where}: no answer from Alpaca: {error}", sending=sending, raw=raw)


def _of_answer(error: APIError, where: str, *, sending: bool) -> BrokerError:
    status = _status(error)
    code, message = _told(error)
    text = f"{where}: Alpaca says {status} {code}: {message}"
    if status == 429:
        return RateLimitedError(text, retry_after_s=_retry_after(error))
    if status is None or status >= 500:
        return _lost(text, sending=sending, raw=str(error)[:RAW_LIMIT])
    if status == 401 or (status == 403 and not (sending and code.startswith("403"))):
        return BrokerAuthError(f"{text}; check the key and what it may do")
    if sending:
        return OrderRefusedError(text, code=DUPLICATE_ID if _is_duplicate(message) else code)
    return BrokerError(text)


def _is_duplicate(message: str) -> bool:
    return "client_order_id" in message and "unique" in message


def _told(error: APIError) -> tuple[str, str]:
    """Return code and message; a body that is no JSON is its own message."""
    try:
        body = json.loads(str(error))
        return str(body.get("code", "")), str(body.get("message", ""))
    except (ValueError, AttributeError):
        return "", str(error)[:200]


def _retry_after(error: APIError) -> float:
    response = error.response
    return _WAIT_S if response is None else retry_after_s(response.headers, default=_WAIT_S)
