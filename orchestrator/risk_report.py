"""Writes the risk report of each UTC day: kept up to date while the day lasts, finished once it is over.

What the last sweep of a day saw is what its report says, however late the report is finished: a sweep that comes days
later adds only what was counted. A day that no sweep saw gets a report of the desk as it is found, and its `as_of` says
so; a day without equity has none. Doing it twice changes nothing.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, TypeVar

from orchestrator.domain.base import ZERO, ModuleName, cents, utc_day
from orchestrator.domain.codec import decode, encode
from orchestrator.domain.documents import (
    BookDoc,
    CycleDoc,
    Document,
    EquityPoint,
    EventDoc,
    EventKind,
    OrderDoc,
    RiskReportDoc,
    equity_path,
    risk_report_path,
)
from orchestrator.domain.errors import MalformedDataError
from orchestrator.domain.events import number, usd
from orchestrator.domain.exposure import week_of
from orchestrator.domain.pages import every
from orchestrator.domain.readings import (
    desk_standing,
    exposure_readings,
    loss_readings,
    shock_rows,
    tail_readings,
    tail_rows,
    underlying_rows,
)
from orchestrator.domain.reports import DayActivity, OpenQuestion, PeriodPnl, QuestionKind, StateChange
from orchestrator.ports import Create, Replace, Snapshot, Store, Where
from orchestrator.status import Desk, current_exposure, equity_point, sees_all_venues, unknown_orders

D = TypeVar("D", bound=Document)

LOOK_BACK = timedelta(days=7)
"""How far back a day without a report is looked for."""

Points = Sequence[dict[str, Any]]
"""Points of the equity curve as stored, oldest first."""


def write_reports(store: Store, desk: Desk, now: datetime) -> int:
    """Finish the reports of days that are over and bring today's up to date; return how many were written.

    Raises
    ------
    MalformedDataError
        A stored report or the curve is damaged.
    """
    today = utc_day(now)
    run = _Run(store, desk, now, _read(store, [today, today - timedelta(days=1)], now))
    written = 0
    for day in _unfinished(run, today):
        written += _write(run, _finished(run, day))
    if current_exposure(desk, now).equity > 0 and sees_all_venues(desk, now):
        written += _write(run, _report(run, today))
    return written


@dataclass(frozen=True, slots=True)
class _Run:
    store: Store
    desk: Desk
    now: datetime
    found: dict[str, Snapshot]

    @property
    def points(self) -> Points:
        """The curve of this month and, where the week began before it, of the last."""
        months = [equity_path(_month_before(self.now)), equity_path(self.now)]
        return [point for path in months if path in self.found for point in self.found[path].data.get("points", [])]

    def stored(self, day: date) -> RiskReportDoc | None:
        snapshot = self.found.get(risk_report_path(day))
        return None if snapshot is None else decode(RiskReportDoc, snapshot.data, where=snapshot.path)


def _read(store: Store, days: Sequence[date], now: datetime) -> dict[str, Snapshot]:
    return dict(store.get_many([equity_path(now), equity_path(_month_before(now)), *map(risk_report_path, days)]))


def _month_before(now: datetime) -> date:
    return now.date().replace(day=1) - timedelta(days=1)


def _unfinished(run: _Run, today: date) -> Iterator[date]:
    """Yield the days that are over and whose report is not finished, oldest first."""
    yesterday = today - timedelta(days=1)
    stored = run.stored(yesterday)
    if (stored is not None and stored.final) or not _before(run.points, today):
        return
    days = [today - timedelta(days=back) for back in range(LOOK_BACK.days, 0, -1)]
    run.found.update(run.store.get_many([risk_report_path(day) for day in days]))
    for day in days:
        stored = run.stored(day)
        if (stored is None or not stored.final) and _within(run.points, day):
            yield day


def _within(points: Points, day: date) -> Points:
    """Return the points of a day."""
    return points[_before(points, day) : _before(points, day + timedelta(days=1))]


def _before(points: Points, day: date) -> int:
    """Return how many points lie before a day."""
    return bisect_left(points, _midnight(day), key=lambda point: point["at"])


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _finished(run: _Run, day: date) -> RiskReportDoc:
    """Return the finished report of a day: as it was last seen, with what was done in it."""
    report = run.stored(day) or _report(run, day)
    return report.model_copy(update={"final": True, "activity": _activity(run.store, day)})


def _report(run: _Run, day: date) -> RiskReportDoc:
    """Return the report of a day from the desk as it is now."""
    desk, exposure = run.desk, current_exposure(run.desk, run.now)
    point = equity_point(desk, run.now)
    if day != utc_day(run.now):
        point = decode(EquityPoint, _within(run.points, day)[-1], where=equity_path(day))
    modules = _gained(run.points, day, point)
    pnl = PeriodPnl(
        day=sum((one.day for one in modules.values()), ZERO), week=sum((one.week for one in modules.values()), ZERO)
    )
    peak = max(exposure.peak_equity, point.equity)
    standing = desk_standing(exposure, desk.limits)
    starts = {"day": point.equity - pnl.day, "week": point.equity - pnl.week, "peak": peak}
    return RiskReportDoc(
        day=day,
        state=desk.state.state,
        equity=point.equity,
        peak_equity=cents(peak),
        drawdown=round(float(1 - point.equity / peak), 6) if peak > 0 else 0.0,
        pnl=pnl,
        modules=modules,
        limits=(
            *loss_readings(point.equity, starts, desk.limits),
            *tail_readings(standing, desk.limits),
            *exposure_readings(standing, desk.limits),
        ),
        tails=tuple(tail_rows(standing)),
        shocks=tuple(shock_rows(standing)),
        underlyings=tuple(underlying_rows(standing)),
        breaches=desk.reduction.breaches,
        questions=tuple(question for book in desk.books.values() for question in open_questions(book)),
        as_of=run.now,
    )


def _gained(points: Points, day: date, end: EquityPoint) -> dict[ModuleName, PeriodPnl]:
    """Return what each module gained since the day and its week began; a curve that begins later counts from there."""
    week = week_of(_midnight(day))
    starts = [_last_before(points, start, end) for start in (day, week)]
    return {
        module: PeriodPnl(day=pnl - starts[0].pnl.get(module, ZERO), week=pnl - starts[1].pnl.get(module, ZERO))
        for module, pnl in end.pnl.items()
    }


def _last_before(points: Points, day: date, end: EquityPoint) -> EquityPoint:
    if not points:
        return end
    index = max(_before(points, day) - 1, 0)
    return decode(EquityPoint, points[index], where=equity_path(day))


def open_questions(book: BookDoc) -> Iterator[OpenQuestion]:
    """Yield what of a book is in doubt: unknown orders, drift, bare positions, quarantine, what is not the desk's."""
    for kind, subject, text in _doubts(book):
        yield OpenQuestion(kind=kind, module=book.module, subject=subject, text=text)


def _doubts(book: BookDoc) -> Iterator[tuple[QuestionKind, str, str]]:
    for order in unknown_orders(book):
        what = f"{order.intent.side} {order.intent.qty} {order.intent.symbol}"
        yield "unknown", order.id, f"{what}, unknown since {order.updated_at:%d %b %H:%M} UTC"
    for symbol, qty in book.drift.items():
        yield "drift", symbol, f"the venue holds {qty:+f} against the book"
    for position_id, cycles in book.naked.items():
        if cycles > 0 and position_id in book.positions:
            yield "naked", book.positions[position_id].symbol, f"without protection for {cycles} cycles"
    for symbol, reason in book.quarantine.items():
        yield "quarantine", symbol, reason
    for symbol, holding in book.foreign.items():
        worth = "of unknown worth" if holding.value_usd is None else f"worth {usd(holding.value_usd)}"
        yield "foreign", symbol, f"{number(holding.qty)} that are not the desk's, {worth}"


def _activity(store: Store, day: date) -> DayActivity:
    """Return what was done in a day, counted from its orders, cycles and events; damaged ones are left out."""
    start, end = _midnight(day), _midnight(day) + timedelta(days=1)
    orders = [doc.order for doc in _sound(OrderDoc, _orders_since(store, start))]
    cycles = [doc for doc in _sound(CycleDoc, _cycles_since(store, start)) if doc.slot < end]
    events = [doc for doc in _sound(EventDoc, _events_since(store, start)) if doc.at < end]
    traces = [trace for doc in cycles for trace in doc.opportunities]
    return DayActivity(
        orders=dict(Counter(order.state.value for order in orders if start <= order.intent.decided_at < end)),
        fills=sum(1 for order in orders for fill in order.fills if start <= fill.ts_event < end),
        denials=dict(Counter(trace.code for trace in traces if trace.code is not None)),
        changes=tuple(_change(event) for event in events if event.kind is EventKind.STATE_CHANGED),
    )


def _sound(model: type[D], snapshots: Iterable[Snapshot]) -> Iterator[D]:
    for snapshot in snapshots:
        try:
            yield decode(model, snapshot.data, where=snapshot.path)
        except MalformedDataError:
            continue


def _change(event: EventDoc) -> StateChange:
    said = event.data
    return StateChange(at=event.at, to=str(said.get("to", "")), by=str(said.get("by", "")), text=event.text)


def _orders_since(store: Store, start: datetime) -> Iterator[Snapshot]:
    def page(since: datetime, limit: int) -> Sequence[Snapshot]:
        return store.query("orders", [Where("updated_at", ">=", since)], order_by="updated_at", limit=limit)

    return every(page, start, by="updated_at")


def _cycles_since(store: Store, start: datetime) -> Iterator[Snapshot]:
    def page(since: datetime, limit: int) -> Sequence[Snapshot]:
        return store.query("cycles", [Where("slot", ">=", since)], order_by="slot", limit=limit)

    return every(page, start, by="slot")


def _events_since(store: Store, start: datetime) -> Iterator[Snapshot]:
    def page(since: datetime, limit: int) -> Sequence[Snapshot]:
        return store.query("events", [Where("at", ">=", since)], order_by="at", limit=limit)

    return every(page, start, by="at")


def _write(run: _Run, report: RiskReportDoc) -> bool:
    """Write a report unless it says what is stored; compared with what was read."""
    path = risk_report_path(report.day)
    stored, snapshot = run.stored(report.day), run.found.get(path)
    if stored is not None and stored.model_copy(update={"as_of": report.as_of}) == report:
        return False
    version = None if snapshot is None else snapshot.version
    data = encode(report)
    run.store.commit([Create(path, data) if version is None else Replace(path, data, version)])
    return True
