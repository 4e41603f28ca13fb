"""When a market has bars: the sessions of an exchange, or every moment of a market that never closes."""

from __future__ import annotations

import warnings
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from orchestrator.domain.errors import ConfigurationError
from orchestrator.domain.series import DAILY
from venue.sessions import DAY_S, FIRST, LAST, Sessions, xnys

ALWAYS = "24/7"
US_EQUITIES = "XNYS"
Ints = NDArray[np.int64]


@lru_cache(maxsize=8)
def sessions_of(name: str) -> Sessions | None:
    """Return the sessions of an exchange by its code (exchange_calendars' names), None for a market that never closes.

    Raises
    ------
    ConfigurationError
        There is no such calendar.
    """
    import exchange_calendars
    from exchange_calendars.errors import InvalidCalendarName

    if name == ALWAYS:
        return None
    if name == US_EQUITIES:
        return xnys()
    try:
        with warnings.catch_warnings():  # exchange_calendars uses what pandas 3 calls deprecated
            warnings.simplefilter("ignore", DeprecationWarning)
            found = exchange_calendars.get_calendar(name, start=FIRST.isoformat(), end=LAST.isoformat())
    except (InvalidCalendarName, ValueError) as error:
        told = str(error).rstrip(".")
        raise ConfigurationError(f"--calendar {name}: {told}; name one such as XNYS or XMIL, or {ALWAYS}") from error
    days = found.sessions.to_numpy().astype("datetime64[D]").astype(np.int64)
    opens = found.opens.dt.tz_convert(None).to_numpy().astype("datetime64[s]").astype(np.int64)
    closes = found.closes.dt.tz_convert(None).to_numpy().astype("datetime64[s]").astype(np.int64)
    return Sessions(days, opens, closes)


def ends_of_days(days: Ints, sessions: Sessions | None) -> Ints:
    """Return when daily bars were complete: one second before the session's (or the day's) end."""
    midnight: Ints = (days + 1) * DAY_S - 1
    if sessions is None:
        return midnight
    index = sessions.on(days)
    return np.where(index >= 0, sessions.closes[index] - 1, midnight)


def ends_of_starts(starts: Ints, minutes: int, sessions: Sessions | None) -> Ints:
    """Return when bars within the day were complete: after their length, but before their session's end."""
    ends: Ints = starts + 60 * minutes
    if sessions is None:
        return ends
    index = sessions.at(starts)
    return np.where(index >= 0, np.minimum(ends, sessions.closes[index] - 1), ends)


def expected_ends(first: int, last: int, minutes: int, sessions: Sessions | None) -> Ints:
    """Return the ends of all bars from `first` to `last` (ends, epoch seconds) that the market would have."""
    if sessions is None:
        step = 60 * minutes
        less = 1 if minutes == DAILY else 0
        return np.arange((first + less) // step * step - less, last + 1, step, dtype=np.int64)
    low, high = np.searchsorted(sessions.closes, first, side="left"), np.searchsorted(sessions.opens, last, "left")
    opens, closes = sessions.opens[low:high], sessions.closes[low:high]
    if minutes >= DAILY:
        return closes - 1
    lengths = -(-(closes - opens) // (60 * minutes))
    within = np.arange(int(lengths.sum())) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    starts = np.repeat(opens, lengths) + within * 60 * minutes
    ends: Ints = np.minimum(starts + 60 * minutes, np.repeat(closes, lengths) - 1)
    return ends
