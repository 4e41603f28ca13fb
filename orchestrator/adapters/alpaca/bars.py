"""Alpaca's bars as arrays, with the time at which each was complete. No calls.

A bar ends at its start plus its length, but no later than one second before the session's close, which is when the
closing print stands and an order can still trade on it. A bar that is still forming is dropped.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from zoneinfo import ZoneInfo

import numpy as np

from orchestrator.adapters.alpaca.client import Raw, day, moment
from orchestrator.adapters.series import believable
from orchestrator.domain.market import Bars

NEW_YORK = ZoneInfo("America/New_York")
DAILY = 1440
CLOSING_PRINT_S = 1

Closes = Mapping[str, int]
"""Epoch seconds of the session's end, by session date as ISO text."""


def closes_of(calendar: Iterable[Raw]) -> dict[str, int]:
    """Return the sessions' ends from Alpaca's calendar, which is in New York time."""
    return {str(one["date"])[:10]: _close(day(str(one["date"])), str(one["close"])) for one in calendar}


def _close(session: date, clock: str) -> int:
    hour, minute = (int(part) for part in clock.split(":"))
    return int(datetime(session.year, session.month, session.day, hour, minute, tzinfo=NEW_YORK).timestamp())


def bars_of(rows: Sequence[Raw], minutes: int, closes: Closes, now: datetime) -> Bars:
    """Return the bars that were complete at `now`, oldest first.

    Raises
    ------
    MalformedDataError
        One of them cannot be.
    """
    end_of = _daily_end if minutes >= DAILY else _intraday_end
    ends = np.array([end_of(str(row["t"]), minutes, closes) for row in rows], np.int64)
    values = np.array([[row["o"], row["h"], row["l"], row["c"], row["v"]] for row in rows], np.float64).reshape(-1, 5)
    done = (ends > 0) & (ends <= int(now.timestamp()))
    believable(values[done])
    return Bars(ends[done], *(values[done, column] for column in range(5)))


def _daily_end(text: str, _: int, closes: Closes) -> int:
    """Return the end by the session: a daily bar carries midnight in New York, whose UTC date is the session's."""
    close = closes.get(text[:10])
    return 0 if close is None else close - CLOSING_PRINT_S


def _intraday_end(text: str, minutes: int, closes: Closes) -> int:
    start = int(moment(text).timestamp())
    end = start + 60 * minutes
    close = closes.get(text[:10])
    return min(end, close - CLOSING_PRINT_S) if close is not None and start < close else end


def newest_daily_end(closes: Closes, now: datetime) -> int:
    """Return when the last daily bar that can exist at `now` was complete, 0 if there is none."""
    ends = [close - CLOSING_PRINT_S for close in closes.values()]
    return max((end for end in ends if end <= now.timestamp()), default=0)
