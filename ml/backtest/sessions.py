"""When a backtest on bars shorter than a day may open stocks, and when it must have left them: as the module does."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from zoneinfo import ZoneInfo

import numpy as np

from ml.backtest.layout import LEAVE, NO_ENTRY, Ints

_NEW_YORK = ZoneInfo("America/New_York")
_MINUTE_S = 60
_CLOSING = _MINUTE_S - 1
"""Second of the minute in which the desk's last bar of a session ends: one before the close."""


def session_flags(
    ends: Ints, minutes: int, hours: tuple[Ints, Ints], *, no_entry_minutes: int, leave_minutes: int, at_close: bool
) -> Ints:
    """Return the engine's flags of bars shorter than a day.

    Parameters
    ----------
    ends
        Of the bars, epoch seconds.
    hours
        Open and close of the session in which each bar ends, epoch seconds; 0 = it ends in none.
    no_entry_minutes, leave_minutes
        Minutes before the close from which nothing is opened, and from which all is left.
    at_close
        Whether a row's orders are filled at its close; else at its open.
    """
    opened, close = hours
    inside, length = close > 0, _MINUTE_S * minutes
    starts = opened + (ends - 1 - opened) // length * length
    late = (ends if at_close else starts) >= close - _MINUTE_S * no_entry_minutes
    ends_session = np.append(close[1:] != close[:-1], True)
    leaving = ends_session | (starts >= close - _MINUTE_S * leave_minutes)
    leave = leaving | np.append(leaving[1:], True)  # what a bar decides is filled at the next one's open
    flags = np.where(late | ~inside, NO_ENTRY, 0) | np.where(inside & leave, LEAVE, 0)
    return np.asarray(flags, np.int64)


def hours_in(ends: Ints) -> tuple[Ints, Ints]:
    """Return open and close of the session in which each of the desk's own bars ends, as `session_flags` takes them.

    Notes
    -----
    The bar that touches the close ends one second before it, half days included: no other ends within a minute. A day
    without such a bar has no session here, so that nothing is opened on it.
    """
    days = np.array([_day(int(end)) for end in ends], np.int64)
    close = np.zeros(len(ends), np.int64)
    for row in np.flatnonzero(ends % _MINUTE_S == _CLOSING):
        close[days == days[row]] = ends[row] + 1
    opened = np.array([_open(int(day)) for day in days], np.int64)
    inside = (close > 0) & (ends > opened) & (ends < close)
    return np.where(inside, opened, 0), np.where(inside, close, 0)


def _day(end: int) -> int:
    return datetime.fromtimestamp(end, _NEW_YORK).toordinal()


@cache
def _open(day: int) -> int:
    date = datetime.fromordinal(day)
    return int(datetime(date.year, date.month, date.day, 9, 30, tzinfo=_NEW_YORK).timestamp())
