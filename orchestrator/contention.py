"""Compare-and-set, again until it holds: read, decide and commit once more when somebody was faster.

Responsible for how often and how soon; what is read and decided is the caller's, anew each time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from orchestrator.domain.errors import AlreadyExistsError, ConcurrencyConflictError, StoreError

T = TypeVar("T")

ATTEMPTS = 40
"""Thirty writers of one document settle within a few seconds, also where a commit takes 50 ms."""
_LONGEST_WAIT_S = 0.25


def until_settled(
    attempt: Callable[[], T], *, on: tuple[type[StoreError], ...] = (ConcurrencyConflictError, AlreadyExistsError)
) -> T:
    """Return what `attempt` returns, called again after a random wait while its commit loses a race (`on`).

    Raises
    ------
    ConcurrencyConflictError, AlreadyExistsError
        Forty attempts lost; the platform or the sweeper comes back later.
    """
    again = Retrying(
        retry=retry_if_exception_type(on),
        wait=wait_random_exponential(multiplier=0.01, max=_LONGEST_WAIT_S),
        stop=stop_after_attempt(ATTEMPTS),
        reraise=True,
    )
    return again(attempt)
