"""The sweeper: certainty where triggers give speed. It finds whatever a trigger missed and does it; twice is once.

Each sweep looks back to the last one that ended well (the newest point of the equity curve, written last of all) and
a little further; nothing else of its own is stored. It finds commands and notifications that are still open, events
that were not told, orders in doubt for too long, modules that fell silent; it rolls the day (UTC), raises the peak,
weighs the limits again, and writes the first screen and the equity curve.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

from orchestrator.caretaker import Carer, flattened, look_after
from orchestrator.commands import Runner, execute, open_commands
from orchestrator.contention import until_settled
from orchestrator.domain.base import ModuleName
from orchestrator.domain.codec import decode, encode
from orchestrator.domain.curve import extended
from orchestrator.domain.documents import (
    DESK_EXPOSURE,
    DESK_STATE,
    Document,
    EquityPoint,
    EventDoc,
    OrderDoc,
    equity_path,
    event_path,
    experiment_path,
    score_path,
)
from orchestrator.domain.errors import ConcurrencyConflictError, MalformedDataError, MissingDataError
from orchestrator.domain.events import DeskEvent, flatten_open, heartbeat_stale, order_events, unknown_too_long
from orchestrator.domain.orders import Order, OrderState
from orchestrator.domain.pages import PAGE, every
from orchestrator.experiments import advance
from orchestrator.notify import Outlets, notify, open_notifications, resume_delivery
from orchestrator.ports import Create, Replace, Snapshot, Store, Where, Write
from orchestrator.posttrade import summary_write, untold, weighed
from orchestrator.risk_report import write_reports
from orchestrator.scoring import due, write_scores
from orchestrator.status import (
    PATHS,
    Cadence,
    Desk,
    current_exposure,
    desk_of,
    equity_point,
    is_silent,
    sees_all_venues,
    summarize,
    unknown_orders,
)

OVERLAP = timedelta(minutes=15)
"""How far a sweep looks back behind the one before it: longer than clocks and functions lag."""

FIRST_LOOK = timedelta(days=30)
"""How far back a sweep looks that finds no curve: further than a new desk's sweeper could be dead unnoticed."""

FLATTEN_FOR = timedelta(minutes=30)
"""How long closing everything may take before a person is told what is left."""

UNKNOWN_FOR = timedelta(minutes=10)
"""How long an order may be UNKNOWN before a person is asked to look."""

D = TypeVar("D", bound=Document)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a sweep may use besides the store.

    Parameters
    ----------
    cadence
        Silence after which a module is reported; None where the clock jumps (a replay).
    wall
        The time in which people act, where the desk's clock is a replay's; None = the same.
    carer
        Looks after books whose modules do not; None = nobody does.
    """

    outlets: Outlets = field(default_factory=Outlets)
    runner: Runner | None = None
    cadence: Cadence | None = None
    wall: datetime | None = None
    carer: Carer | None = None


@dataclass(slots=True)
class Swept:
    """What a sweep did; nothing of it when the triggers missed nothing and the time is the same."""

    answered: int = 0
    told: int = 0
    notified: int = 0
    retried: int = 0
    cared: int = 0
    problems: list[str] = field(default_factory=list)
    """Damaged documents that were left alone and books that could not be looked after, one line each."""


@dataclass(frozen=True, slots=True)
class _Sweep:
    store: Store
    now: datetime
    around: Surroundings
    since: datetime
    done: Swept = field(default_factory=Swept)
    read: dict[str, Snapshot] = field(default_factory=dict)
    """What the desk was settled on; scores and experiments among it."""


def sweep(store: Store, now: datetime, around: Surroundings | None = None) -> Swept:
    """Do everything that is still to be done at `now`; the same again at the same `now` writes nothing.

    Raises
    ------
    ConfigurationError
        The desk has not been set up.
    MalformedDataError
        A shared document is damaged.
    StoreUnavailableError
        The store did not answer; the next sweep looks back as far as this one.
    """
    run = _Sweep(store, now, around or Surroundings(), since=_since(store, now))
    _answer_commands(run)
    orders = _orders_since(run)
    events, desk = until_settled(lambda: _settle(run, orders))
    _experiment(run, desk)
    _deliver(run, events)
    _report(run, desk)
    until_settled(lambda: _draw(run, desk))
    _look_after(run, desk)
    return run.done


def _since(store: Store, now: datetime) -> datetime:
    """Return from when on something may have been missed."""
    month = now.replace(day=1)
    paths = [equity_path(month), equity_path(month - timedelta(days=1))]
    found = store.get_many(paths)
    for path in paths:
        points = found[path].data.get("points") if path in found else None
        if points:
            return min(decode(EquityPoint, points[-1], where=path).at, now) - OVERLAP
    return now - FIRST_LOOK


def _answer_commands(run: _Sweep) -> None:
    for command_id in open_commands(run.store):
        try:
            command = execute(run.store, command_id, run.around.wall or run.now, runner=run.around.runner)
        except (MalformedDataError, ConcurrencyConflictError) as error:
            run.done.problems.append(str(error))
        else:
            run.done.answered += command.result is not None


def _orders_since(run: _Sweep) -> list[Order]:
    def page(since: datetime, limit: int) -> Sequence[Snapshot]:
        return run.store.query("orders", [Where("updated_at", ">=", since)], order_by="updated_at", limit=limit)

    docs = [_decoded(run, OrderDoc, snapshot) for snapshot in every(page, run.since, by="updated_at")]
    return [doc.order for doc in docs if doc is not None]


def _events_since(run: _Sweep) -> list[DeskEvent]:
    def page(since: datetime, limit: int) -> Sequence[Snapshot]:
        return run.store.query("events", [Where("at", ">=", since)], order_by="at", limit=limit)

    found = [(snapshot.path, _decoded(run, EventDoc, snapshot)) for snapshot in every(page, run.since, by="at")]
    return [DeskEvent(id=path.rpartition("/")[2], doc=doc) for path, doc in found if doc is not None]


def _decoded(run: _Sweep, model: type[D], snapshot: Snapshot) -> D | None:
    """Return a stored document, None with a note when it is damaged: one damaged document stops no sweep."""
    try:
        return decode(model, snapshot.data, where=snapshot.path)
    except MalformedDataError as error:
        run.done.problems.append(str(error))
        return None


def _settle(run: _Sweep, orders: Sequence[Order]) -> tuple[list[DeskEvent], Desk]:
    """Bring events, brake, exposure and first screen up to date; return the events in sight and the desk."""
    events = [event for order in orders for event in order_events(order)]
    more = [path(module) for path in (experiment_path, score_path) for module in ModuleName]
    found = run.store.get_many([*PATHS, *more, *(event_path(event.id) for event in events)])
    run.read.update(found)
    desk = desk_of(found)
    if seen := list(_seen_in(desk, run)):
        found = {**found, **run.store.get_many([event_path(event.id) for event in seen])}
        events += seen
    missed = untold(found, events)
    for start in range(0, len(missed), PAGE):
        run.store.commit(missed[start : start + PAGE])
    run.done.told += len(missed)
    desk, writes = _desk_writes(desk, run)
    if writes:
        run.store.commit(writes)
    return events, desk


def _seen_in(desk: Desk, run: _Sweep) -> Iterator[DeskEvent]:
    """Yield what the desk's documents show by themselves: silence, lasting doubt, a flatten that takes long."""
    slow = desk.state.flatten and run.now - desk.state.changed_at > FLATTEN_FOR
    if slow and flattened(desk, run.now) is None:
        held = {position.symbol for book in desk.books.values() for position in book.positions.values()}
        yield flatten_open(desk.state, sorted(held), run.now)
    for module, book in desk.books.items():
        if book.last_slot is not None and is_silent(desk, module, run.now, run.around.cadence):
            yield heartbeat_stale(module, book.last_slot, run.now)
        for order in unknown_orders(book):
            if run.now - _unknown_since(order) > UNKNOWN_FOR:
                yield unknown_too_long(order, run.now)


def _unknown_since(order: Order) -> datetime:
    steps = (step.at for step in reversed(order.history) if step.state is OrderState.UNKNOWN)
    return next(steps, order.updated_at)


def _desk_writes(desk: Desk, run: _Sweep) -> tuple[Desk, list[Write]]:
    """Return the desk after this sweep and the writes that make it so; none when it is so already."""
    desk, writes = weighed(desk, run.now)
    ended = flattened(desk, run.now)
    if ended is not None and all(write.path != DESK_STATE for write in writes):
        desk, writes = ended[0], [*writes, *ended[1]]
    exposure = current_exposure(desk, run.now)
    if exposure.model_copy(update={"updated_at": desk.exposure.updated_at}) != desk.exposure:
        writes.append(Replace(DESK_EXPOSURE, encode(exposure), desk.versions[DESK_EXPOSURE]))
    summary = summarize(desk, run.now, cadence=run.around.cadence)
    if desk.summary != summary:
        writes.append(summary_write(desk, summary))
    return desk, writes


def _deliver(run: _Sweep, events: Sequence[DeskEvent]) -> None:
    """Notify of every event in sight that nobody was told of, then go on with deliveries that were left open."""
    recent = {event.id: event for event in (*events, *_events_since(run))}
    told = notify(run.store, list(recent.values()), run.around.outlets, run.now)
    run.done.notified += len(told)
    for snapshot in open_notifications(run.store):
        try:
            run.done.retried += resume_delivery(run.store, snapshot, run.around.outlets, run.now)
        except (MalformedDataError, ConcurrencyConflictError) as error:
            run.done.problems.append(str(error))


def _experiment(run: _Sweep, desk: Desk) -> None:
    """Move experiments on; one that cannot be is left alone and named. What it tells is delivered by this sweep."""
    for module in desk.books:
        if experiment_path(module) not in desk.versions:
            continue
        try:
            until_settled(partial(advance, run.store, module, desk.books[module].trial, run.now))
        except (MalformedDataError, MissingDataError) as error:
            run.done.problems.append(str(error))


def _report(run: _Sweep, desk: Desk) -> None:
    """Write the risk reports and the scores; a damaged one is left alone and named."""
    try:
        until_settled(lambda: write_reports(run.store, desk, run.now))
        if due(run.read, desk, run.now):
            until_settled(lambda: write_scores(run.store, desk, run.now))
    except MalformedDataError as error:
        run.done.problems.append(str(error))


def _look_after(run: _Sweep, desk: Desk) -> None:
    """Look after books that are due, last of all: a venue that hangs keeps nothing else from being swept."""
    if run.around.carer is None:
        return
    cared = look_after(run.store, run.around.carer, run.now, run.around.cadence, desk=desk)
    run.done.cared += len(cared.done)
    run.done.problems += [f"{module}: {problem}" for module, problem in cared.problems.items()]


def _draw(run: _Sweep, desk: Desk) -> None:
    """Extend the equity curve; written last, because the next sweep looks back to it.

    There is no point while no account is known, or not every venue's equity.
    """
    point = equity_point(desk, run.now)
    if point.equity == 0 or not sees_all_venues(desk, run.now):
        return
    path = equity_path(run.now)
    snapshot = run.store.get_many([path]).get(path)
    after = extended(None if snapshot is None else snapshot.data, point)
    if snapshot is None:
        run.store.commit([Create(path, after)])
    elif after != snapshot.data:
        run.store.commit([Replace(path, after, snapshot.version)])
