"""Bars shorter than a day: stocks are opened and left within the session, as the module does it."""

from datetime import UTC, datetime

import numpy as np
import pytest

from ml.backtest.layout import LEAVE, NO_ENTRY
from ml.backtest.sessions import hours_in, session_flags
from orchestrator.cli.backtest.sessions import session_hours


def flags_of(ends, minutes: int, *, at_close: bool = False):
    hours = session_hours(ends)
    return session_flags(ends, minutes, hours, no_entry_minutes=30, leave_minutes=10, at_close=at_close)


def ends_of(day: str, minutes: int, first: str, last: str):
    start, stop = (int(datetime.fromisoformat(f"{day}T{at}").replace(tzinfo=UTC).timestamp()) for at in (first, last))
    return np.arange(start + 60 * minutes, stop + 1, 60 * minutes, dtype=np.int64)


def test_five_minute_bars_open_nothing_late_and_leave_before_the_close():
    ends = ends_of("2026-07-16", 5, "13:30", "20:00")
    ends[-1] -= 1
    flags = flags_of(ends, 5)
    starts = [datetime.fromtimestamp(int(end) - 300 + (end % 60 == 59), UTC).strftime("%H:%M") for end in ends]
    closed = [start for start, flag in zip(starts, flags, strict=True) if flag & NO_ENTRY]
    leaving = [start for start, flag in zip(starts, flags, strict=True) if flag & LEAVE]
    assert closed == ["19:30", "19:35", "19:40", "19:45", "19:50", "19:55"]
    assert leaving == ["19:45", "19:50", "19:55"], "what 19:45 decides is filled at the open of 19:50"


def test_hourly_bars_leave_at_the_open_of_the_last_one():
    ends = np.append(ends_of("2026-07-16", 60, "13:30", "19:30"), 0)
    ends[-1] = ends[-2] + 1799
    flags = flags_of(ends, 60)
    assert [bool(flag & LEAVE) for flag in flags] == [False] * 5 + [True, True]
    assert [bool(flag & NO_ENTRY) for flag in flags] == [False] * 6 + [True]


def test_outside_the_session_nothing_is_opened():
    flags = flags_of(ends_of("2026-07-16", 5, "12:00", "13:30"), 5)
    assert (flags == NO_ENTRY).all()


@pytest.mark.parametrize(("day", "close"), [("2026-07-16", "20:00"), ("2026-01-15", "21:00"), ("2026-11-27", "18:00")])
def test_the_sessions_of_the_desks_own_bars_are_those_of_the_calendar(day, close):
    """In summer and winter, and on a half day; before the open and after the close there is none."""
    ends = ends_of(day, 5, "12:00", "22:00")
    ends[ends == ends_of(day, 5, "12:00", close)[-1]] -= 1
    for told, known in zip(hours_in(ends), session_hours(ends), strict=True):
        assert np.array_equal(told, known)


def test_a_day_without_its_last_bar_has_no_session():
    opened, close = hours_in(ends_of("2026-07-16", 5, "13:30", "19:00"))
    assert not opened.any()
    assert not close.any()


def test_orders_filled_at_a_close_are_late_by_the_time_of_that_close():
    ends = ends_of("2026-07-16", 5, "13:30", "20:00")
    ends[-1] -= 1
    last = {at: max(ends[flags_of(ends, 5, at_close=at) & NO_ENTRY == 0]) for at in (False, True)}
    times = {at: datetime.fromtimestamp(int(end), UTC).strftime("%H:%M") for at, end in last.items()}
    assert times == {False: "19:30", True: "19:25"}
