"""Fetches bars period by period into a store of chunks. A chunk is written whole or not at all.

A period that had ended when it was fetched is never asked for again, so that a fetch that was cut off goes on where it
stopped, and ends with the same chunks as one that was not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from orchestrator.domain.errors import RateLimitedError
from orchestrator.domain.market import Bars
from orchestrator.domain.periods import Period
from orchestrator.domain.series import COLUMNS
from orchestrator.ports import BarHistory

_ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class BarKey:
    """Whose bars: venue, the desk's symbol, minutes of a bar."""

    venue: str
    symbol: str
    minutes: int


class Chunks(Protocol):
    """Chunks of bars by key and period."""

    def whole(self, key: BarKey, period: Period) -> bool:
        """Tell whether the chunk was fetched after its period had ended: nothing can be added to it."""

    def write(self, key: BarKey, period: Period, bars: Bars, *, whole: bool) -> None:
        """Write a chunk whole, in place of what was there."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """What became of one chunk; `bars` is None where it was there already."""

    key: BarKey
    period: Period
    bars: int | None


@dataclass(frozen=True, slots=True)
class Fetch:
    """A source of bars, where they go, and how to wait (seconds)."""

    history: BarHistory
    chunks: Chunks
    now: datetime
    sleep: Callable[[float], None]

    def run(self, key: BarKey, periods: Sequence[Period]) -> Iterator[Fetched]:
        """Fetch what is not there yet, chunk by chunk.

        Raises
        ------
        BrokerError
            The venue cannot be asked or does not have it; the chunks before it stay.
        """
        for period in periods:
            if self.chunks.whole(key, period):
                yield Fetched(key, period, None)
                continue
            bars = self._asked(key, period)
            self.chunks.write(key, period, bars, whole=period.end <= self.now)
            yield Fetched(key, period, len(bars))

    def _asked(self, key: BarKey, period: Period) -> Bars:
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                return within(
                    self.history.bars(key.symbol, key.minutes, period.start, min(period.end, self.now)), period
                )
            except RateLimitedError as error:
                if attempt == _ATTEMPTS:
                    raise
                self.sleep(error.retry_after_s)
        raise AssertionError("the last attempt returns or raises")


def within(bars: Bars, period: Period) -> Bars:
    """Return the bars that end in a period."""
    low, high = int(period.start.timestamp()), int(period.end.timestamp())
    rows = (bars.ends > low) & (bars.ends <= high)
    return Bars(*(getattr(bars, name)[rows] for name in ("ends", *COLUMNS)))
