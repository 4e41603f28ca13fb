"""Bars shorter than a day: stocks are opened and left within the session, as the module does it."""

from datetime import UTC, datetime

import numpy as np

from ml.backtest.layout import LEAVE, NO_ENTRY
from orchestrator.cli.backtest.sessions import session_flags


def ends_of(day: str, minutes: int, first: str, last: str):
    start, stop = (int(datetime.fromisoformat(f"{day}T{at}").replace(tzinfo=UTC).timestamp()) for at in (first, last))
    return np.arange(start + 60 * minutes, stop + 1, 60 * minutes, dtype=np.int64)


def test_five_minute_bars_open_nothing_late_and_leave_before_the_close():
    ends = ends_of("2026-07-16", 5, "13:30", "20:00")
    ends[-1] -= 1
    flags = session_flags(ends, 5, no_entry_minutes=30, leave_minutes=10)
    starts = [datetime.fromtimestamp(int(end) - 300 + (end % 60 == 59), UTC).strftime("%H:%M") for end in ends]
    closed = [start for start, flag in zip(starts, flags, strict=True) if flag & NO_ENTRY]
    leaving = [start for start, flag in zip(starts, flags, strict=True) if flag & LEAVE]
    assert closed == ["19:30", "19:35", "19:40", "19:45", "19:50", "19:55"]
    assert leaving == ["19:45", "19:50", "19:55"], "what 19:45 decides is filled at the open of 19:50"


def test_hourly_bars_leave_at_the_open_of_the_last_one():
    ends = np.append(ends_of("2026-07-16", 60, "13:30", "19:30"), 0)
    ends[-1] = ends[-2] + 1799
    flags = session_flags(ends, 60, no_entry_minutes=30, leave_minutes=10)
    assert [bool(flag & LEAVE) for flag in flags] == [False] * 5 + [True, True]
    assert [bool(flag & NO_ENTRY) for flag in flags] == [False] * 6 + [True]


def test_outside_the_session_nothing_is_opened():
    flags = session_flags(ends_of("2026-07-16", 5, "12:00", "13:30"), 5, no_entry_minutes=30, leave_minutes=10)
    assert (flags == NO_ENTRY).all()
