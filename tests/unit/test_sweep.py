"""The sweeper does what triggers missed, and nothing twice."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from orchestrator.adapters.memory.notifier import MemoryNotifier, MemoryRunner
from orchestrator.adapters.memory.store import MemoryDataLayer
from orchestrator.domain.base import ModuleName
from orchestrator.domain.codec import decode, encode
from orchestrator.domain.curve import FINE_FOR, extended, thinned
from orchestrator.domain.documents import (
    DESK_EXPOSURE,
    DESK_SUMMARY,
    BookDoc,
    CommandDoc,
    CommandKind,
    EquityDoc,
    EquityPoint,
    EventDoc,
    ExposureDoc,
    NotificationDoc,
    SummaryDoc,
    equity_path,
    event_path,
)
from orchestrator.domain.errors import BrokerUnavailableError, MalformedDataError, StoreUnavailableError
from orchestrator.domain.orders import Evidence, plan
from orchestrator.domain.paths import command_path, notification_path
from orchestrator.domain.risk import DeskState
from orchestrator.notify import Channel, Outlets
from orchestrator.ports import Put
from orchestrator.posttrade import on_order_written
from orchestrator.seed import seed
from orchestrator.status import cadence_at
from orchestrator.sweep import FIRST_LOOK, UNKNOWN_FOR, Surroundings, sweep
from tests.watched_desk import (
    NOW,
    brake,
    documents,
    filled,
    intent,
    life,
    lose,
    new_desk,
    put_book,
    put_command,
    put_order,
    put_user,
    read,
    stored,
)

UNKNOWN = life(plan(intent(999), NOW), Evidence.SUBMIT_STARTED, Evidence.ANSWER_LOST)[-1]


@pytest.fixture
def store() -> MemoryDataLayer:
    desk = new_desk()
    assert isinstance(desk, MemoryDataLayer)
    put_user(desk, "olga", role="owner")
    return desk


def kinds(store: MemoryDataLayer) -> list[str]:
    return sorted(event["kind"] for event in documents(store, "events").values())


def test_a_sweep_draws_the_first_screen_and_the_curve(store: MemoryDataLayer) -> None:
    sweep(store, NOW)
    assert read(store, SummaryDoc, DESK_SUMMARY).equity == Decimal(100_000)
    assert [point.equity for point in read(store, EquityDoc, equity_path(NOW)).points] == [Decimal(100_000)]


def test_the_same_sweep_again_writes_nothing(store: MemoryDataLayer) -> None:
    put_order(store, filled()[-1])
    put_order(store, UNKNOWN)
    put_command(store, CommandKind.REDUCE)
    mail = MemoryNotifier("mail")
    around = Surroundings(outlets=Outlets(channels={"mail": Channel(mail, "info")}))
    first = sweep(store, NOW, around)
    before, written, sent = documents(store), store.usage.writes, len(mail.sent)
    assert (first.told, first.answered, sent) == (2, 1, 4)
    again = sweep(store, NOW, around)
    assert store.usage.writes == written
    assert (documents(store), len(mail.sent)) == (before, sent)
    assert (again.told, again.answered, again.notified, again.retried, again.problems) == (0, 0, 0, 0, [])


def test_an_idle_sweep_is_few_round_trips_and_three_writes(store: MemoryDataLayer) -> None:
    sweep(store, NOW)
    trips, writes = store.usage.round_trips, store.usage.writes
    sweep(store, NOW + timedelta(minutes=5))
    assert store.usage.round_trips - trips <= 10
    assert store.usage.writes - writes <= 3


@pytest.mark.parametrize("late", [timedelta(seconds=1), timedelta(minutes=5), timedelta(hours=20)])
def test_an_order_whose_trigger_was_lost_is_told(store: MemoryDataLayer, late: timedelta) -> None:
    sweep(store, NOW)
    put_order(store, filled()[-1])
    done = sweep(store, NOW + late)
    assert (done.told, done.notified, kinds(store)) == (1, 1, ["order_filled"])


def test_a_sweep_looks_back_to_the_last_that_ended_well(store: MemoryDataLayer) -> None:
    sweep(store, NOW)

    class Down(MemoryDataLayer):
        def __getattribute__(self, name):  # type: ignore[no-untyped-def]
            if name in {"get_many", "query", "usage"}:
                return getattr(store, name)
            return super().__getattribute__(name)

        def commit(self, writes):  # type: ignore[no-untyped-def]
            raise StoreUnavailableError("no answer")

    put_order(store, filled()[-1])
    with pytest.raises(StoreUnavailableError):
        sweep(Down(), NOW + timedelta(hours=30))
    assert sweep(store, NOW + timedelta(hours=60)).told == 1


def test_without_a_curve_a_sweep_looks_back_thirty_days(store: MemoryDataLayer) -> None:
    put_order(store, filled()[-1])
    assert sweep(store, NOW + FIRST_LOOK + timedelta(hours=1)).told == 0


def test_an_event_whose_trigger_was_lost_is_notified_late_as_its_order_was(store: MemoryDataLayer) -> None:
    """The order moved on long after: its event is older than the sweep looks back and is told all the same."""
    order = filled()[-1]
    late = NOW + FIRST_LOOK + timedelta(hours=16)
    put_order(store, order.model_copy(update={"updated_at": late}))
    done = sweep(store, late)
    assert (done.told, done.notified) == (1, 1)


def test_events_of_cycles_are_notified(store: MemoryDataLayer) -> None:
    doc = EventDoc.model_validate({"kind": "drift_found", "severity": "critical", "text": "look", "at": NOW})
    store.commit([Put(event_path("drift_x"), encode(doc))])
    mail = MemoryNotifier("mail")
    sweep(store, NOW, Surroundings(outlets=Outlets(channels={"mail": Channel(mail)})))
    assert mail.sent == [("Book and venue differ", "look", "critical")]


def test_many_lost_triggers_are_read_page_by_page(store: MemoryDataLayer) -> None:
    for number in range(450):
        put_order(store, filled(number)[-1])
    done = sweep(store, NOW + timedelta(minutes=1))
    assert (done.told, done.notified) == (450, 450)


def test_a_failed_delivery_is_retried(store: MemoryDataLayer) -> None:
    mail = MemoryNotifier("mail", faults=[BrokerUnavailableError("busy")])
    around = Surroundings(outlets=Outlets(channels={"mail": Channel(mail, "info")}))
    put_order(store, filled()[-1])
    sweep(store, NOW, around)
    assert sweep(store, NOW + timedelta(minutes=5), around).retried == 1
    assert len(mail.sent) == 1


def test_a_command_whose_trigger_was_lost_is_done(store: MemoryDataLayer) -> None:
    command_id = put_command(store, CommandKind.HALT)
    assert sweep(store, NOW).answered == 1
    assert brake(store) is DeskState.HALTED
    assert read(store, CommandDoc, command_path(command_id)).status == "done"
    assert read(store, NotificationDoc, notification_path(f"command-{command_id}")).kind == "command_executed"


def test_commands_are_judged_by_the_time_of_people(store: MemoryDataLayer) -> None:
    asked = datetime(2027, 1, 1, tzinfo=UTC)
    put_command(store, CommandKind.RUN, created_at=asked, args={"module": "crypto"})
    runner = MemoryRunner()
    sweep(store, NOW, Surroundings(runner=runner, wall=asked + timedelta(minutes=1)))
    assert runner.fired == [ModuleName.CRYPTO]


def test_one_damaged_document_stops_no_sweep(store: MemoryDataLayer) -> None:
    store.commit([Put("orders/bad", {"schema": 1, "updated_at": NOW}), Put("events/bad", {"schema": 1, "at": NOW})])
    store.commit([Put("commands/bad", {"schema": 1, "status": "new"})])
    store.commit([Put("notifications/bad", {"schema": 1, "settled": False})])
    put_order(store, filled()[-1])
    done = sweep(store, NOW)
    assert done.told == 1
    assert [line.partition(" ")[0] for line in done.problems] == [
        "commands/bad",
        "orders/bad",
        "events/bad",
        "notifications/bad",
    ]


def test_a_damaged_book_is_shown_and_hides_no_other(store: MemoryDataLayer) -> None:
    store.commit([Put("books/options", {"schema": 1, "module": "options"})])
    sweep(store, NOW)
    modules = read(store, SummaryDoc, DESK_SUMMARY).modules
    assert modules[ModuleName.STOCKS].healthy
    assert not modules[ModuleName.OPTIONS].healthy
    assert "updated_at" in modules[ModuleName.OPTIONS].note


def test_a_damaged_first_screen_is_made_anew(store: MemoryDataLayer) -> None:
    store.commit([Put(DESK_SUMMARY, {"schema": 1})])
    sweep(store, NOW)
    assert read(store, SummaryDoc, DESK_SUMMARY).equity == Decimal(100_000)


def test_the_curve_waits_until_every_venue_is_known_but_not_for_ever(store: MemoryDataLayer) -> None:
    store.commit([Put("books/stocks", encode(BookDoc(module=ModuleName.STOCKS, updated_at=NOW)))])
    sweep(store, NOW + timedelta(hours=23))
    assert documents(store, "equity") == {}
    sweep(store, NOW + timedelta(hours=24))
    assert len(documents(store, "equity")) == 1


def test_a_desk_without_an_account_has_no_curve() -> None:
    store = MemoryDataLayer()
    seed(store, {}, now=NOW)
    sweep(store, NOW)
    assert equity_path(NOW) not in store.get_many([equity_path(NOW)])


def test_lasting_doubt_asks_for_a_person_once(store: MemoryDataLayer) -> None:
    put_book(store, ModuleName.STOCKS, equity=80_000, orders={UNKNOWN.id: UNKNOWN})
    sweep(store, NOW + UNKNOWN_FOR)
    assert kinds(store) == []
    for minutes in (11, 16, 300):
        sweep(store, NOW + timedelta(minutes=minutes))
    (event,) = documents(store, "events").values()
    assert (event["severity"], event["kind"]) == ("critical", "order_unknown")
    assert "Look for it at the venue" in event["text"]


@pytest.mark.parametrize(
    ("now", "silent"),
    [
        (datetime(2026, 7, 16, 14, 5, tzinfo=UTC), ["crypto", "options", "stocks"]),
        (datetime(2026, 7, 16, 13, 55, tzinfo=UTC), ["crypto"]),
        (datetime(2026, 7, 16, 20, 5, tzinfo=UTC), ["crypto"]),
        (datetime(2026, 7, 18, 15, 0, tzinfo=UTC), ["crypto"]),
    ],
)
def test_silence_is_told_once_while_a_module_should_run(
    store: MemoryDataLayer, now: datetime, silent: list[str]
) -> None:
    for module in ModuleName:
        put_book(
            store, module, equity=20_000 if module is ModuleName.CRYPTO else 80_000, last_slot=NOW - timedelta(days=1)
        )
    for minutes in (0, 1, 2):
        moment = now + timedelta(minutes=minutes)
        sweep(store, moment, Surroundings(cadence=cadence_at(moment)))
    events = documents(store, "events").values()
    assert sorted(event["module"] for event in events if event["kind"] == "heartbeat_stale") == silent
    unhealthy = [name for name, share in read(store, SummaryDoc, DESK_SUMMARY).modules.items() if not share.healthy]
    assert sorted(unhealthy) == silent


def test_a_clock_that_jumps_makes_no_silence(store: MemoryDataLayer) -> None:
    sweep(store, NOW + timedelta(days=3), Surroundings(cadence=None))
    assert kinds(store) == []


def test_the_day_begins_at_midnight_utc(store: MemoryDataLayer) -> None:
    lose(store, 1_000)
    sweep(store, NOW)
    assert read(store, SummaryDoc, DESK_SUMMARY).day_pnl == Decimal(-1_000)
    late = NOW.replace(hour=23, minute=59)
    sweep(store, late)
    assert read(store, ExposureDoc, DESK_EXPOSURE).day_start_equity == Decimal(100_000)
    sweep(store, late + timedelta(minutes=1))
    exposure = read(store, ExposureDoc, DESK_EXPOSURE)
    assert (exposure.day, exposure.day_start_equity) == (NOW.date() + timedelta(days=1), Decimal(99_000))
    assert read(store, SummaryDoc, DESK_SUMMARY).day_pnl == 0


def test_the_peak_rises_and_never_falls(store: MemoryDataLayer) -> None:
    lose(store, -5_000)
    sweep(store, NOW)
    lose(store, 0, now=NOW + timedelta(minutes=5))
    sweep(store, NOW + timedelta(minutes=5))
    summary = read(store, SummaryDoc, DESK_SUMMARY)
    assert (summary.peak_equity, summary.equity) == (Decimal(105_000), Decimal(100_000))
    assert summary.drawdown == pytest.approx(5 / 105, abs=1e-6)


def test_a_sweep_pulls_the_brake_itself(store: MemoryDataLayer) -> None:
    lose(store, 15_000)
    sweep(store, NOW)
    assert (brake(store), kinds(store)) == (DeskState.HALTED, ["state_changed"])
    assert read(store, SummaryDoc, DESK_SUMMARY).state is DeskState.HALTED


def test_trigger_and_sweep_tell_the_same(store: MemoryDataLayer) -> None:
    other = new_desk()
    order = filled()[-1]
    document = put_order(store, order)
    on_order_written(store, document, NOW)
    sweep(store, NOW)
    assert isinstance(other, MemoryDataLayer)
    put_order(other, order)
    put_user(other, "olga", role="owner")
    sweep(other, NOW)
    assert documents(store) == documents(other)
    assert stored(order) == document


def point(minute: float) -> EquityPoint:
    return EquityPoint(at=NOW + timedelta(minutes=minute), equity=Decimal(int(minute)))


def equities(month: dict[str, Any]) -> list[int]:
    return [int(stored["equity"]) for stored in month["points"]]


def test_a_month_of_sweeps_fits_a_document() -> None:
    start = datetime(2026, 7, 1, tzinfo=UTC)
    curve = [
        encode(EquityPoint(at=start + timedelta(minutes=minute), equity=Decimal(1))) for minute in range(0, 44_640, 5)
    ]
    kept = thinned(curve)
    assert len(kept) <= 1_350
    assert kept[-1] == curve[-1]
    step: list[dict[str, Any]] = []
    for number in range(0, len(curve), 500):
        step = thinned([*step, *curve[number : number + 500]])
    assert step == kept


def test_the_curve_keeps_its_newest_point_and_ignores_older_ones() -> None:
    month = extended(extended(None, point(0)), point(7))
    assert equities(extended(month, point(8))) == [0, 8]
    assert extended(month, point(3)) == month
    changed = point(7).model_copy(update={"equity": Decimal(5)})
    assert equities(extended(month, changed)) == [0, 5]
    assert decode(EquityDoc, month, where="equity").month == "202607"


def test_an_old_hour_keeps_one_point() -> None:
    old = [encode(point(minute)) for minute in range(0, 60, 5)]
    newest = encode(EquityPoint(at=NOW + FINE_FOR + timedelta(hours=2), equity=Decimal(1)))
    assert thinned([*old, newest]) == [old[-1], newest]


@pytest.mark.parametrize("damage", [{}, {"points": 1}, {"points": [1]}, {"points": [{"at": "noon"}]}])
def test_a_damaged_month_is_named(damage: dict[str, Any]) -> None:
    with pytest.raises(MalformedDataError, match="equity 202607: points are not a list"):
        extended({"schema": 1, "month": "202607", **damage}, point(0))
