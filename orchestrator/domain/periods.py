"""The periods in which bars are kept: by the length of a bar a year, a month or a week, so that each stays small.

A bar belongs to the period in which its last second lies, in UTC.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from orchestrator.domain.series import DAILY

_MONTHLY = 15
"""Minutes of a bar from which on a month is one period; a month of them has at most 2,976, a week of minutes 10,080."""


@dataclass(frozen=True, slots=True)
class Period:
    """A span of time by its name: `2026`, `202607` or `2026W29`. It holds bars that end in (start, end]."""

    name: str
    start: datetime
    end: datetime


def period_at(moment: datetime, minutes: int) -> Period:
    """Return the period of bars of `minutes` to which a bar belongs that has its last second at `moment`.

    Examples
    --------
    >>> period_at(datetime(2026, 7, 16, tzinfo=UTC), 1).name
    '2026W29'
    """
    day = moment.astimezone(UTC).date()
    if minutes >= DAILY:
        return Period(f"{day:%Y}", _midnight(day.replace(month=1, day=1)), _midnight(date(day.year + 1, 1, 1)))
    if minutes >= _MONTHLY:
        first = day.replace(day=1)
        return Period(f"{day:%Y%m}", _midnight(first), _midnight((first + timedelta(days=31)).replace(day=1)))
    monday = day - timedelta(days=day.weekday())
    year, week, _ = monday.isocalendar()
    return Period(f"{year}W{week:02d}", _midnight(monday), _midnight(monday + timedelta(days=7)))


def periods_between(first: date, last: date, minutes: int) -> list[Period]:
    """Return the periods that hold days of [first, last], oldest first."""
    found, at = [], _midnight(first)
    while at <= _midnight(last):
        found.append(period_at(at, minutes))
        at = found[-1].end
    return found


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, UTC)
