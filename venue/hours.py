"""Answers questions about the sessions of US equities, and remembers the feed's answers by year."""

from __future__ import annotations

from bisect import bisect_right
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from venue.feed import Feed, Session

NEW_YORK = ZoneInfo("America/New_York")
EXPIRY_CUTOFF = timedelta(minutes=45)


class Hours:
    """The calendar of the feed, asked for once a year of dates."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self._years: dict[int, list[Session]] = {}

    def between(self, start: date, end: date) -> list[Session]:
        """Return the sessions with start <= day <= end."""
        years = range(start.year, end.year + 1)
        return [s for year in years for s in self._year(year) if start <= s.day <= end]

    def current(self, now: datetime) -> Session | None:
        """Return the session that is open at `now`, or None."""
        following = self.following(now)
        return following if following is not None and following.open <= now else None

    def following(self, now: datetime) -> Session | None:
        """Return the first session that closes after `now`: the open one, or else the next."""
        for year in (now.year, now.year + 1):
            sessions = self._year(year)
            index = bisect_right(sessions, now, key=lambda s: s.close)
            if index < len(sessions):
                return sessions[index]
        return None

    def next_open(self, now: datetime) -> Session | None:
        """Return the first session that opens after `now`."""
        following = self.following(now)
        if following is None or following.open > now:
            return following
        return self.following(following.close)

    def expiry_cutoff_passed(self, expiry: date, now: datetime) -> bool:
        """Tell whether that expiry may no longer be opened: 45 minutes before the close, 15:15 as a rule."""
        sessions = self.between(expiry, expiry)
        close = sessions[0].close if sessions else None
        if close is None:
            return expiry <= now.astimezone(NEW_YORK).date()
        return now >= close - EXPIRY_CUTOFF

    def _year(self, year: int) -> list[Session]:
        if year not in self._years:
            found = self._feed.sessions(date(year, 1, 1), date(year, 12, 31))
            self._years[year] = sorted(found, key=lambda s: s.close)
        return self._years[year]
