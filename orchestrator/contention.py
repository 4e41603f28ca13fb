"""Compare-and-set, again until it holds: read, decide and commit once more when somebody was faster.

Responsible for how often and how soon; what is read and decided is the caller's, anew each time.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt

from orchestrator.domain.errors import AlreadyExistsError, ConcurrencyConflictError, StoreError

T = TypeVar("T")

ATTEMPTS = 40
"""Thirty writers of one document settle within a few seconds, also where a commit takes 50 ms."""
_LONGEST_WAIT_S = 0.4


def until_settled(
    attempt: Callable[[], T], *, on: tuple[type[StoreError], ...] = (ConcurrencyConflictError, AlreadyExistsError)
) -> T:
    """Return what `attempt` returns, called again after a random wait while its commit loses a race (`on`).

    The wait is up to twice as long as has been spent so far: it fits the store's pace and the crowd without knowing
    either, and grows from loss to loss. Of 30 writers fewer lose again than with once as long, and thrice is no better.

    Raises
    ------
    ConcurrencyConflictError, AlreadyExistsError
        Forty attempts lost; the platform or the sweeper comes back later.
    """
    again = Retrying(
        retry=retry_if_exception_type(on),
        wait=_pause,
        stop=stop_after_attempt(ATTEMPTS),
        reraise=True,
    )
    return again(attempt)


def _pause(state: RetryCallState) -> float:
    return random.uniform(0.0, min(2 * (state.seconds_since_start or 0.0), _LONGEST_WAIT_S))  # noqa: S311 - a pause, no secret
