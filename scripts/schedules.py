"""When a schedule of `on_schedule` is due: unix-cron, or the short form `every 5 minutes`.

Pure: a schedule answers for the times it is given, and reads no clock.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from croniter import croniter

_EVERY = re.compile(r"every (\d+) (minutes?|mins?|hours?)")
_DAILY = re.compile(r"every day (\d\d):(\d\d)")


@dataclass(frozen=True, slots=True)
class Schedule:
    """A unix-cron expression in a time zone.

    Examples
    --------
    >>> Schedule.parse("every 5 minutes").latest(datetime(2026, 7, 16, 13, 33, tzinfo=UTC)).isoformat()
    '2026-07-16T13:30:00+00:00'
    """

    cron: str
    zone: ZoneInfo

    @classmethod
    def parse(cls, text: str, zone: str | None = None) -> Schedule:
        """Read a schedule as firebase-functions takes it.

        Parameters
        ----------
        text
            `*/5 9-16 * * 1-5`, `every N minutes`, `every N hours` or `every day HH:MM`.
        zone
            IANA name; None = UTC, as Cloud Scheduler has it.

        Raises
        ------
        ValueError
            When it is none of these forms.
        """
        cron = _to_cron(text.strip())
        if not croniter.is_valid(cron):
            raise ValueError(f"schedule {text!r}: neither unix-cron nor `every N minutes|hours` or `every day HH:MM`")
        return cls(cron, ZoneInfo(zone or "UTC"))

    def latest(self, now: datetime) -> datetime:
        """Return the newest moment at or before `now` (UTC, whole seconds) at which this schedule was due."""
        local = (now.replace(microsecond=0) + timedelta(seconds=1)).astimezone(self.zone)
        found: datetime = croniter(self.cron, local).get_prev(datetime)
        return found.astimezone(UTC)

    def following(self, moment: datetime) -> datetime:
        """Return the first moment after `moment` (UTC) at which this schedule is due."""
        found: datetime = croniter(self.cron, moment.astimezone(self.zone)).get_next(datetime)
        return found.astimezone(UTC)


def _to_cron(text: str) -> str:
    every = _EVERY.fullmatch(text)
    if every:
        count, unit = int(every.group(1)), every.group(2)
        return f"0 */{count} * * *" if unit.startswith("hour") else f"*/{count} * * * *"
    daily = _DAILY.fullmatch(text)
    if daily:
        return f"{int(daily.group(2))} {int(daily.group(1))} * * *"
    return text
