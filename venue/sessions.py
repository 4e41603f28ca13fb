"""The sessions of US equities, from exchange_calendars' XNYS: opens, closes, half days, holidays.

Only the venue uses it; the desk asks the venue's clock. Refuses days outside `FIRST`..`LAST`.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache

import exchange_calendars
import numpy as np
from numpy.typing import NDArray

from orchestrator.domain.errors import MissingDataError
from venue.feed import Session

Ints = NDArray[np.int64]

FIRST = date(1998, 1, 1)
LAST = date(2030, 12, 31)
EPOCH = date(1970, 1, 1)
DAY_S = 86_400


def utc(seconds: int) -> datetime:
    """Return epoch seconds as an aware time."""
    return datetime.fromtimestamp(int(seconds), UTC)


def day_number(day: date) -> int:
    """Return the days from 1970-01-01 to `day`."""
    return (day - EPOCH).days


class Sessions:
    """All sessions as arrays: `days` (days since 1970-01-01), `opens` and `closes` (epoch seconds), ascending."""

    def __init__(self, days: Ints, opens: Ints, closes: Ints) -> None:
        self.days, self.opens, self.closes = days, opens, closes

    def on(self, days: Ints) -> Ints:
        """Return the index of the session of each day number, -1 where there is none."""
        found = np.minimum(np.searchsorted(self.days, days), len(self.days) - 1)
        return np.where(self.days[found] == days, found, -1).astype(np.int64)

    def at(self, times: Ints) -> Ints:
        """Return the index of the session that is open at each time (open <= t < close), -1 where none is."""
        found = np.maximum(np.searchsorted(self.opens, times, side="right") - 1, 0)
        inside = (self.opens[found] <= times) & (times < self.closes[found])
        return np.where(inside, found, -1).astype(np.int64)

    def last_closed(self, time: int) -> int:
        """Return the index of the newest session that had closed at `time`, -1 if there was none."""
        return int(np.searchsorted(self.closes, time, side="right")) - 1

    def session(self, index: int) -> Session:
        """Return one session."""
        day = EPOCH + timedelta(days=int(self.days[index]))
        return Session(day, utc(self.opens[index]), utc(self.closes[index]))

    def between(self, start: date, end: date) -> list[Session]:
        """Return the sessions of [start, end].

        Raises
        ------
        MissingDataError
            The days reach beyond the calendar.
        """
        if start < FIRST or end > LAST:
            raise MissingDataError(f"sessions {start}..{end}: the XNYS calendar here covers {FIRST}..{LAST}")
        low, high = np.searchsorted(self.days, (day_number(start), day_number(end) + 1))
        return [self.session(index) for index in range(int(low), int(high))]

    def closed_between(self, after: int, until: int) -> Sequence[Session]:
        """Return the sessions whose close lies in (after, until], epoch seconds."""
        low, high = np.searchsorted(self.closes, (after, until), side="right")
        return tuple(self.session(index) for index in range(int(low), int(high)))


@lru_cache(maxsize=1)
def xnys() -> Sessions:
    """Return the calendar of the New York Stock Exchange, built once."""
    with warnings.catch_warnings():  # exchange_calendars uses what pandas 3 calls deprecated
        warnings.simplefilter("ignore", DeprecationWarning)
        calendar = exchange_calendars.get_calendar("XNYS", start=FIRST.isoformat(), end=LAST.isoformat())
    days = calendar.sessions.to_numpy().astype("datetime64[D]").astype(np.int64)
    opens = calendar.opens.dt.tz_convert(None).to_numpy().astype("datetime64[s]").astype(np.int64)
    closes = calendar.closes.dt.tz_convert(None).to_numpy().astype("datetime64[s]").astype(np.int64)
    return Sessions(days, opens, closes)
