"""Losses of the day, the week and from the peak: how they count, tighten the brake and hold it until a re-arm."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from orchestrator.adapters.memory.store import MemoryDataLayer
from orchestrator.commands import execute
from orchestrator.domain.codec import encode
from orchestrator.domain.documents import DESK_EXPOSURE, DESK_STATE, CommandKind, DeskStateDoc, ExposureDoc
from orchestrator.domain.exposure import rolled, week_of, weekly_loss, with_account
from orchestrator.domain.risk import DeskState
from orchestrator.ports import Put
from orchestrator.posttrade import assess, tightened
from orchestrator.status import load
from orchestrator.sweep import sweep
from tests.builders import account
from tests.watched_desk import NOW, brake, lose, new_desk, put_command, put_state, put_user, read

MONDAY = date(2026, 7, 13)


@pytest.fixture
def store() -> MemoryDataLayer:
    desk = new_desk()
    assert isinstance(desk, MemoryDataLayer)
    put_user(desk, "olga", role="owner")
    return desk


def exposure(**given) -> ExposureDoc:
    values = {"venue_equity": {"alpaca": Decimal(100)}, "peak_equity": Decimal(100), "updated_at": NOW}
    return ExposureDoc(**{**values, **given})


@pytest.mark.parametrize(
    ("moment", "monday"),
    [
        (datetime(2026, 7, 13, 0, 0, tzinfo=UTC), MONDAY),
        (datetime(2026, 7, 19, 23, 59, 59, tzinfo=UTC), MONDAY),
        (datetime(2026, 7, 20, 0, 0, tzinfo=UTC), MONDAY + timedelta(days=7)),
        (datetime(2027, 1, 1, tzinfo=UTC), date(2026, 12, 28)),
    ],
)
def test_a_week_begins_on_monday_at_midnight_utc(moment, monday):
    assert week_of(moment) == monday


def test_a_new_day_begins_no_new_week():
    before = exposure(day=NOW.date(), day_start_equity=110, week=MONDAY, week_start_equity=120)
    after = rolled(before, NOW + timedelta(days=1))
    assert (after.day_start_equity, after.week_start_equity) == (100, 120)


def test_a_new_week_begins_with_its_first_day():
    before = exposure(day=NOW.date(), day_start_equity=110, week=MONDAY, week_start_equity=120)
    after = rolled(before, NOW + timedelta(days=7))
    assert (after.week, after.day_start_equity, after.week_start_equity) == (MONDAY + timedelta(days=7), 100, 100)


def test_a_document_without_a_week_begins_it_where_its_day_began():
    after = rolled(exposure(day=NOW.date(), day_start_equity=110), NOW)
    assert (after.day_start_equity, after.week_start_equity) == (110, 110)


def test_a_roll_is_done_once():
    after = rolled(exposure(), NOW)
    assert rolled(after, NOW + timedelta(hours=1)) is after


def test_a_venue_seen_for_the_first_time_is_no_gain_of_the_week():
    before = exposure(day=NOW.date(), week=MONDAY, day_start_equity=100, week_start_equity=100)
    after = with_account(before, account(equity=Decimal(50), venue="kraken"), NOW)
    assert (after.equity, after.week_start_equity, after.day_start_equity, after.peak_equity) == (150,) * 4


@pytest.mark.parametrize(("start", "lost"), [(100, 0), (125, Decimal("0.2")), (80, 0), (0, 0)])
def test_the_loss_of_the_week_is_a_fraction_of_its_start(start, lost):
    assert weekly_loss(exposure(week_start_equity=start)) == lost


@pytest.mark.parametrize(("loss", "state"), [(5_999, DeskState.ACTIVE), (6_000, DeskState.REDUCING)])
def test_small_losses_of_many_days_reach_the_limit_of_the_week(store, loss, state):
    lose(store, loss)
    today = load(store).exposure.model_copy(
        update={"day_start_equity": Decimal(100_000 - loss), "week": MONDAY, "week_start_equity": Decimal(100_000)}
    )
    store.commit([Put(DESK_EXPOSURE, encode(today))])
    finding = assess(load(store), NOW)
    assert finding.state is state
    assert ("loss of the UTC week" in finding.reason) is (state is DeskState.REDUCING)


def test_a_desk_tightened_by_a_loss_does_not_resume_when_the_day_is_over(store):
    lose(store, 4_000)
    sweep(store, NOW)
    tomorrow = NOW + timedelta(days=1)
    lose(store, 4_000, now=tomorrow)
    sweep(store, tomorrow)
    assert assess(load(store), tomorrow).state is DeskState.ACTIVE
    refused = execute(store, put_command(store, CommandKind.RESUME, created_at=tomorrow), tomorrow)
    assert (refused.status, brake(store)) == ("refused", DeskState.REDUCING)
    assert refused.result.message.startswith("the limit for loss of the UTC day was reached; rearm")


def test_a_re_arm_counts_day_week_and_peak_anew(store):
    lose(store, 20_000)
    sweep(store, NOW)
    command = put_command(store, CommandKind.RESUME, args={"accept_loss": "yes"})
    assert execute(store, command, NOW).status == "done"
    after = read(store, ExposureDoc, DESK_EXPOSURE)
    assert {after.peak_equity, after.day_start_equity, after.week_start_equity} == {Decimal(80_000)}
    assert read(store, DeskStateDoc, DESK_STATE).breach == ""
    sweep(store, NOW)
    assert brake(store) is DeskState.ACTIVE


def test_a_loss_on_a_halted_desk_is_kept_for_the_day_it_resumes(store):
    put_state(store, DeskState.HALTED)
    lose(store, 5_000)
    after = tightened(load(store), NOW)
    assert (after.state, after.by, after.breach) == (DeskState.HALTED, "olga", "loss of the UTC day")
    assert after.reason == "test; loss of the UTC day 5.00% has reached the limit of 3.00%"
    store.commit([Put(DESK_STATE, encode(after))])
    assert tightened(load(store), NOW) is None


def test_a_person_who_halts_does_not_forget_the_loss(store):
    lose(store, 4_000)
    sweep(store, NOW)
    execute(store, put_command(store, CommandKind.HALT), NOW)
    state = read(store, DeskStateDoc, DESK_STATE)
    assert (state.state, state.breach) == (DeskState.HALTED, "loss of the UTC day")
