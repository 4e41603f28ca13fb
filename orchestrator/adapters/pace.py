"""Keeps requests apart, so that a long fetch leaves the rest of a key's rate to the desk that trades."""

from __future__ import annotations

import time
from collections.abc import Callable

SHARE = 0.5
"""Part of a venue's sustained rate that fetching bars may use."""


class Pace:
    """At most so many requests a minute, evenly spread.

    Parameters
    ----------
    requests_per_minute
        What the venue sustains for one key; half of it is used. 0 = no bound.
    sleep, monotonic
        How to wait, in seconds, and a clock that only goes forward.
    """

    def __init__(
        self,
        requests_per_minute: int,
        *,
        sleep: Callable[[float], None] = time.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._apart = 60.0 / (requests_per_minute * SHARE) if requests_per_minute else 0.0
        self._sleep, self._monotonic = sleep, monotonic
        self._next = 0.0

    def wait(self) -> None:
        """Wait until the next request may go."""
        now = self._monotonic()
        if now < self._next:
            self._sleep(self._next - now)
        self._next = max(now, self._next) + self._apart
