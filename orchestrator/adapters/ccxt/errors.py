"""Translates what ccxt raises into the desk's errors. It decides nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import ccxt
import requests

from orchestrator.adapters.rows import UNREADABLE
from orchestrator.adapters.transport import never_sent
from orchestrator.domain.errors import (
    BrokerAuthError,
    BrokerError,
    BrokerUnavailableError,
    OrderRefusedError,
    OutcomeUnknownError,
    RateLimitedError,
)

_WAIT_S = 5.0
"""How long a venue that asks for fewer requests is left alone when it does not say."""
_CODE = re.compile(r"\b(E[A-Z][A-Za-z]+:[^\"\\]+)")


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
    except ccxt.BaseError as error:
        raise _of(error, where, sending=sending) from error
    except requests.RequestException as error:
        raise _lost(f"{where}: {error}", sending=sending) from error
    except UNREADABLE as error:
        raise _lost(f"{where}: the answer makes no sense ({error!r})", sending=sending) from error


def _of(error: ccxt.BaseError, where: str, *, sending: bool) -> BrokerError:
    text = f"{where}: {error}"[:400]
    unsent = _unsent(error, text)
    if unsent is not None:
        return unsent
    if isinstance(error, ccxt.AuthenticationError):
        return BrokerAuthError(f"{text}; check the key and what it may do")
    if _is_a_no(error):
        return OrderRefusedError(text, code=_code(error)) if sending else BrokerError(text)
    return _lost(text, sending=sending)


def _unsent(error: ccxt.BaseError, text: str) -> BrokerUnavailableError | None:
    """Return the error of a request that the venue certainly did not act on, None if it may have."""
    if never_sent(error):
        return BrokerUnavailableError(f"{text}: the venue cannot be reached, nothing was sent")
    if isinstance(error, ccxt.DDoSProtection | ccxt.RateLimitExceeded):
        return RateLimitedError(text, retry_after_s=_WAIT_S)
    if isinstance(error, ccxt.InvalidNonce):
        return BrokerUnavailableError(f"{text}; the venue did not look at it: does another process use this key?")
    return None


def _is_a_no(error: ccxt.BaseError) -> bool:
    """Tell whether the venue looked at the request and refused it; ccxt wraps lost answers in ExchangeError too."""
    if isinstance(error, ccxt.OnMaintenance):
        return True
    return isinstance(error, ccxt.ExchangeError) and not isinstance(error.__cause__, requests.RequestException)


def _lost(text: str, *, sending: bool) -> BrokerError:
    if sending:
        return OutcomeUnknownError(f"{text}; look it up before sending again")
    return BrokerUnavailableError(text)


def _code(error: BaseException) -> str:
    """Return the venue's code, such as `EOrder:Insufficient funds`, or the kind of error."""
    found = _CODE.search(str(error))
    return found.group(1) if found is not None else type(error).__name__
