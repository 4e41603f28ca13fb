"""When a schedule is due."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts.schedules import Schedule

_FIRST, _LAST = datetime(2024, 1, 1), datetime(2027, 1, 1)  # noqa: DTZ001 - hypothesis adds the zone
_TIMES = st.datetimes(_FIRST, _LAST, timezones=st.just(UTC))
_TEXTS = st.sampled_from(
    [
        ("every 5 minutes", None),
        ("every 2 hours", "Asia/Tokyo"),
        ("every day 03:30", "America/New_York"),
        ("*/5 9-16 * * 1-5", "America/New_York"),
    ]
)


def test_a_slot_is_due_at_its_very_second() -> None:
    schedule = Schedule.parse("every 5 minutes")
    slot = datetime(2026, 7, 16, 13, 30, tzinfo=UTC)
    assert schedule.latest(slot) == slot
    assert schedule.latest(slot.replace(microsecond=999)) == slot


def test_a_slot_is_not_due_half_a_second_early() -> None:
    early = datetime(2026, 7, 16, 13, 29, 59, 500_000, tzinfo=UTC)
    assert Schedule.parse("every 5 minutes").latest(early) == datetime(2026, 7, 16, 13, 25, tzinfo=UTC)


def test_market_hours_are_those_of_the_zone() -> None:
    schedule = Schedule.parse("*/5 9-16 * * 1-5", "America/New_York")
    friday_evening = datetime(2026, 7, 17, 21, 30, tzinfo=UTC)
    assert schedule.following(friday_evening) == datetime(2026, 7, 20, 13, 0, tzinfo=UTC)


@given(_TEXTS, _TIMES)
def test_the_newest_slot_is_past_and_the_following_one_is_not(text: tuple[str, str | None], now: datetime) -> None:
    schedule = Schedule.parse(*text)
    slot = schedule.latest(now)
    assert slot <= now < schedule.following(slot)


def test_other_words_are_refused_by_name() -> None:
    with pytest.raises(ValueError, match="'every full moon'"):
        Schedule.parse("every full moon")
