"""The risk report of each UTC day: up to date while it lasts, finished once, filled in when a sweep was missed."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from orchestrator.adapters.memory.store import MemoryDataLayer
from orchestrator.domain.base import ModuleName
from orchestrator.domain.codec import encode
from orchestrator.domain.documents import (
    CycleDoc,
    CycleStatus,
    OpportunityTrace,
    RiskReportDoc,
    equity_path,
    risk_report_path,
)
from orchestrator.domain.foreign import ForeignHolding
from orchestrator.domain.orders import OrderState
from orchestrator.domain.reports import Measure
from orchestrator.domain.risk import DenialCode
from orchestrator.ports import Put
from orchestrator.status import load
from orchestrator.sweep import sweep
from tests.builders import position
from tests.watched_desk import NOW, documents, filled, intent, lose, new_desk, put_book, put_order, read, working

STOCKS = ModuleName.STOCKS
DAY = timedelta(days=1)
MIDNIGHT = datetime(2026, 7, 17, tzinfo=UTC)
LATE = MIDNIGHT - timedelta(minutes=2)
TODAY = NOW.date()


@pytest.fixture
def store() -> MemoryDataLayer:
    desk = new_desk(now=NOW)
    assert isinstance(desk, MemoryDataLayer)
    return desk


def report(store, day: date = TODAY) -> RiskReportDoc:
    return read(store, RiskReportDoc, risk_report_path(day))


def gain(store, usd: int, *, now: datetime) -> None:
    """Let the stocks module have gained that much in all."""
    for module, pnl in ((STOCKS, usd), (ModuleName.OPTIONS, 0)):
        put_book(store, module, equity=80_000 + usd, realized_pnl=Decimal(pnl), now=now)


def traced(store, *codes: DenialCode | None, at: datetime) -> None:
    traces = tuple(
        OpportunityTrace(
            strategy="momentum",
            symbol="XLK",
            purpose="entry",
            side="buy",
            confidence=0.5,
            reason="",
            features={},
            verdict="denied" if code else "approved",
            code=code,
        )
        for code in codes
    )
    doc = CycleDoc(module=STOCKS, slot=at, status=CycleStatus.DECIDED, opportunities=traces, expire_at=at + DAY)
    store.commit([Put(f"cycles/stocks_{at:%Y%m%dT%H%M%SZ}", encode(doc))])


def test_the_running_day_has_a_report_that_is_not_final(store):
    sweep(store, NOW)
    found = report(store)
    assert (found.day, found.final, found.activity, found.as_of) == (TODAY, False, None, NOW)
    assert (found.equity, found.drawdown, found.state) == (100_000, 0.0, "ACTIVE")


def test_an_idle_sweep_writes_no_report(store):
    sweep(store, NOW)
    sweep(store, NOW + timedelta(minutes=5))
    assert report(store).as_of == NOW


def test_every_limit_stands_against_what_is_used_of_it(store):
    put_book(store, STOCKS, equity=80_000, positions={"p": position(id="p", symbol="XLK")})
    sweep(store, NOW)
    rows = {row.key: row for row in report(store).limits}
    assert (rows["symbol concentration: XLK"].observed_usd, rows["symbol concentration: XLK"].limit_usd) == (
        1_000,
        15_000,
    )
    assert rows["module allocation: stocks"].over == Decimal("0.02")
    assert rows["loss of the UTC day: desk"].limit_usd == 3_000
    assert {row.measure for row in rows.values()} >= {Measure.EXPOSURE, Measure.LOSS}


def test_gains_count_from_the_start_of_the_day_and_of_the_week(store):
    for back, usd in ((4, 100), (3, 250), (1, 400)):
        gain(store, usd, now=NOW - back * DAY)
        sweep(store, NOW - back * DAY)
    gain(store, 700, now=NOW)
    sweep(store, NOW)
    # NOW is a Thursday: four days before is Sunday, the last point of the week before.
    found = report(store)
    assert (found.pnl.day, found.pnl.week) == (300, 600)
    assert found.modules[STOCKS] == found.pnl


def test_a_loss_of_the_day_stands_against_its_limit(store):
    sweep(store, NOW - DAY)
    for module in (STOCKS, ModuleName.OPTIONS):
        put_book(store, module, equity=79_000, realized_pnl=Decimal(-1_000 if module is STOCKS else 0))
    sweep(store, NOW)
    rows = {row.name: row for row in report(store).limits}
    assert rows["loss of the UTC day"].observed_usd == 1_000
    assert rows["loss of the UTC day"].limit_usd == 3_000
    assert rows["drawdown, halted"].observed_usd == 1_000


def test_a_day_that_is_over_is_finished_as_it_was_last_seen(store):
    put_book(store, STOCKS, equity=80_000, positions={"p": position(id="p")}, now=LATE)
    sweep(store, LATE)
    put_book(store, STOCKS, equity=80_000, now=MIDNIGHT)
    put_order(store, filled()[-1])
    put_order(store, working(1)[-1])
    traced(store, DenialCode.POSITION_DUPLICATE, None, DenialCode.POSITION_DUPLICATE, at=NOW)
    traced(store, DenialCode.QUOTE_MISSING, at=MIDNIGHT)
    sweep(store, MIDNIGHT + timedelta(minutes=3))
    found = report(store)
    assert (found.final, found.as_of) == (True, LATE)
    assert [row.subject for row in found.limits if row.name == "symbol concentration"] == ["XLK"]
    assert found.activity.orders == {OrderState.FILLED: 1, OrderState.WORKING: 1}
    assert (found.activity.fills, found.activity.denials) == (2, {DenialCode.POSITION_DUPLICATE: 2})
    assert report(store, TODAY + DAY).final is False


def test_changes_of_the_brake_are_in_the_report(store):
    lose(store, 16_000)
    sweep(store, NOW)
    sweep(store, MIDNIGHT)
    (change,) = report(store).activity.changes
    assert (change.to, change.by, change.at) == ("HALTED", "risk", NOW)
    assert "drawdown 16.00%" in change.text


def test_a_finished_report_is_never_written_again(store):
    sweep(store, NOW)
    sweep(store, MIDNIGHT)
    before = store.get_many([risk_report_path(TODAY)])[risk_report_path(TODAY)]
    put_order(store, filled()[-1])
    for minutes in (0, 5, 10):
        sweep(store, MIDNIGHT + timedelta(minutes=minutes))
    assert store.get_many([before.path])[before.path] == before


@pytest.mark.parametrize("days", [1, 3, 7])
def test_a_sweep_that_comes_days_late_finishes_the_day(store, days):
    sweep(store, NOW)
    sweep(store, NOW + days * DAY)
    assert (report(store).final, report(store).as_of) == (True, NOW)


def test_a_day_that_no_sweep_reported_is_filled_in_and_says_so(store):
    for day, usd in enumerate((0, 500)):
        gain(store, usd, now=NOW + day * DAY)
        sweep(store, NOW + day * DAY)
    lost, later = MemoryDataLayer(), NOW + 2 * DAY
    for path in (*documents(store), *(f"books/{module}" for module in ModuleName), "config/risk"):
        lost.commit([Put(path, store.get_many([path])[path].data)])
    sweep(lost, later)
    found = report(lost, TODAY + DAY)
    assert (found.final, found.as_of, found.equity, found.pnl.day) == (True, later, 100_500, 500)


def test_days_without_a_curve_have_no_report(store):
    sweep(store, NOW)
    sweep(store, NOW + 3 * DAY)
    assert sorted(path for path in _paths(store, "risk_reports")) == [
        risk_report_path(TODAY),
        risk_report_path(TODAY + 3 * DAY),
    ]


def _paths(store, collection):
    return [snapshot.path for snapshot in store.query(collection, limit=100)]


def test_no_account_no_report():
    desk = MemoryDataLayer()
    new_desk(desk)
    for module in ModuleName:
        put_book(desk, module, equity=0)
    desk.commit([Put("desk/exposure", {**desk.get_many(["desk/exposure"])["desk/exposure"].data, "venue_equity": {}})])
    sweep(desk, NOW)
    assert _paths(desk, "risk_reports") == []


def test_a_damaged_report_is_named_and_stops_no_sweep(store):
    store.commit([Put(risk_report_path(TODAY), {"schema": 1, "day": "someday"})])
    done = sweep(store, NOW)
    assert "risk_reports/20260716" in done.problems[0]
    assert equity_path(NOW) in [snapshot.path for snapshot in store.query("equity", limit=10)]


def test_a_damaged_order_does_not_keep_a_day_from_its_report(store):
    sweep(store, NOW)
    store.commit([Put("orders/bad", {"schema": 1, "updated_at": NOW})])
    sweep(store, MIDNIGHT)
    assert report(store).final


def test_what_is_in_doubt_is_asked(store):
    doubtful = working()[-1].model_copy(update={"state": OrderState.UNKNOWN})
    foreign = ForeignHolding(qty=Decimal(5), value_usd=Decimal(500), first_seen=NOW, how="fill")
    put_book(
        store,
        STOCKS,
        equity=80_000,
        orders={doubtful.id: doubtful},
        positions={"bare": position(id="bare", symbol="XLF"), "shut": position(id="shut")},
        naked={"bare": 3, "shut": 0, "gone": 9},
        drift={"SPY": Decimal(-2)},
        quarantine={"AAPL": "split 4:1"},
        foreign={"TSLA": foreign},
    )
    sweep(store, NOW)
    assert [(one.kind, one.subject, one.text) for one in report(store).questions] == [
        ("unknown", doubtful.id, "buy 10 XLK, unknown since 16 Jul 15:00 UTC"),
        ("drift", "SPY", "the venue holds -2 against the book"),
        ("naked", "XLF", "without protection for 3 cycles"),
        ("quarantine", "AAPL", "split 4:1"),
        ("foreign", "TSLA", "5 that are not the desk's, worth $500.00"),
    ]


def test_the_report_agrees_with_the_desk_it_was_made_from(store):
    put_order(store, working(2, symbol="SPY")[-1])
    put_book(store, STOCKS, equity=80_000, orders={"x": working(2, symbol="SPY")[-1]})
    sweep(store, NOW)
    assert report(store).state is load(store).state.state
    assert intent(2, symbol="SPY").reserved_usd == next(
        row.observed_usd for row in report(store).limits if row.subject == "SPY"
    )
