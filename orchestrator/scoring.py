"""Scores every module and its strategies once a UTC day, and, where the owner has let it, sets strategy allocations.

By itself it lowers the share of a strategy that loses and gives back what it took; never above
`strategy_concentration`, never a row that the owner has set. Everything else is advice.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

from orchestrator.answers import Refusal
from orchestrator.audit import appended
from orchestrator.domain.base import ZERO, ModuleName, utc_day
from orchestrator.domain.codec import decode, encode
from orchestrator.domain.documents import CONFIG_RISK, EventDoc, EventKind, ScoreDoc, TradeDoc, event_path, score_path
from orchestrator.domain.errors import MalformedDataError
from orchestrator.domain.pages import every
from orchestrator.domain.positions import Trade
from orchestrator.domain.risk import RiskLimits
from orchestrator.domain.scores import (
    UPTIME_DAYS,
    WINDOW,
    Score,
    ScorePoint,
    advised_share,
    score_before,
    score_of,
)
from orchestrator.limits_change import set_limits
from orchestrator.ports import Create, Json, Put, Replace, Snapshot, Store, Where, Write
from orchestrator.status import Desk, load

WHO = "scoring"
_TRADES = 200
_HISTORY = 60
_REST = timedelta(days=7)
_FAILURES = frozenset({EventKind.HEARTBEAT_STALE, EventKind.VENUE_DOWN, EventKind.CYCLE_FAILED})


@dataclass(frozen=True, slots=True)
class _Run:
    """One scoring: the desk as read, the day that is scored, the moment."""

    store: Store
    desk: Desk
    day: date
    now: datetime


def scored_through(now: datetime) -> date:
    """Return the newest UTC day that is over."""
    return utc_day(now) - timedelta(days=1)


def due(found: Mapping[str, Snapshot], desk: Desk, now: datetime) -> list[ModuleName]:
    """Return the modules that have run and whose newest whole day is not scored, by documents read together.

    Raises
    ------
    MalformedDataError
        A stored score is damaged.
    """
    run = [module for module, book in desk.books.items() if book.last_slot is not None]
    return [module for module in run if _day_of(found.get(score_path(module))) < scored_through(now)]


def write_scores(store: Store, desk: Desk, now: datetime) -> int:
    """Score the modules whose day is over and not scored yet; return how many were.

    The desk is read anew after the limits that are compared with: what the owner changes meanwhile is a conflict.

    Raises
    ------
    MalformedDataError
        A stored score or trade is damaged.
    ConcurrencyConflictError, AlreadyExistsError
        Somebody was faster: read and decide again.
    """
    found = store.get_many([*(score_path(module) for module in ModuleName), CONFIG_RISK])
    modules = due(found, desk, now)
    if not modules:
        return 0
    run = _Run(store, load(store), scored_through(now), now)
    before = {module: found.get(score_path(module)) for module in modules}
    failures = _failures(run, min(map(_day_of, before.values())))
    fresh = {m: _scored(run, m, _stored(snapshot), failures.get(m, set())) for m, snapshot in before.items()}
    writes: list[Write] = []
    if run.desk.limits.auto_allocate:
        fresh, writes = _allocated(run, found[CONFIG_RISK], fresh)
    store.commit([*writes, *(_written(before[module], doc) for module, doc in fresh.items())])
    return len(fresh)


def _stored(snapshot: Snapshot | None) -> ScoreDoc | None:
    return None if snapshot is None else decode(ScoreDoc, snapshot.data, where=snapshot.path)


def _day_of(snapshot: Snapshot | None) -> date:
    doc = _stored(snapshot)
    return date.min if doc is None else doc.day


def _written(before: Snapshot | None, doc: ScoreDoc) -> Write:
    path = score_path(doc.module)
    return Create(path, encode(doc)) if before is None else Replace(path, encode(doc), before.version)


def _failures(run: _Run, last: date) -> dict[ModuleName, set[date]]:
    """Return the days after `last`, at most the last two, on which a module was silent or failed."""
    begin = datetime.combine(max(last, run.day - timedelta(days=2)) + timedelta(days=1), time(), UTC)

    def page(start: datetime, limit: int) -> Sequence[Snapshot]:
        return run.store.query("events", [Where("at", ">=", start)], order_by="at", limit=limit)

    found: dict[ModuleName, set[date]] = {}
    for snapshot in every(page, begin, by="at"):
        with suppress(MalformedDataError):  # a damaged event is named by the sweep that delivers
            event = decode(EventDoc, snapshot.data, where=snapshot.path)
            if event.module is not None and event.kind in _FAILURES and utc_day(event.at) <= run.day:
                found.setdefault(event.module, set()).add(utc_day(event.at))
    return found


def _trades(store: Store, module: ModuleName, day: date) -> list[Trade]:
    """Return the newest round trips of the window that ends with `day`."""
    end = datetime.combine(day + timedelta(days=1), time(), UTC)
    found = store.query(
        "trades",
        [Where("module", "==", module.value), Where("closed_at", "<=", end)],
        order_by="-closed_at",
        limit=_TRADES,
    )
    trades = [decode(TradeDoc, one.data, where=one.path).trade for one in found]
    return [trade for trade in trades if end - WINDOW <= trade.closed_at < end]


def _scored(run: _Run, module: ModuleName, before: ScoreDoc | None, failed: set[date]) -> ScoreDoc:
    account, day = run.desk.books[module].account, run.day
    equity = ZERO if account is None or account.unread else account.equity
    oldest = day - timedelta(days=UPTIME_DAYS - 1)
    known = set() if before is None else set(before.bad_days)
    bad = tuple(sorted(one for one in known | failed if one >= oldest))
    uptime = 1 - len(bad) / UPTIME_DAYS

    def scored(name: str, some: list[Trade]) -> Score:
        return score_of(some, equity=equity, uptime=uptime, before=score_before(before, name, day))

    trades = _trades(run.store, module, day) if equity > 0 else []
    names = sorted({trade.strategy for trade in trades})
    own = scored(module.value, trades)
    strategies = {name: scored(name, [trade for trade in trades if trade.strategy == name]) for name in names}
    made = {name: one.score for name, one in {**strategies, module.value: own}.items() if one.score is not None}
    history = () if before is None else before.history[-_HISTORY:]
    return ScoreDoc(
        module=module,
        day=day,
        own=own,
        strategies=strategies,
        shares=_shares(run.desk.limits, strategies),
        allocated={} if before is None else before.allocated,
        allocated_on=None if before is None else before.allocated_on,
        uptime=uptime,
        bad_days=bad,
        history=(*history, ScorePoint(day=day, scores=made)),
        updated_at=run.now,
    )


def _shares(limits: RiskLimits, strategies: Mapping[str, Score]) -> dict[str, Decimal]:
    most = limits.strategy_concentration
    present = {name: limits.strategy_allocation.get(name, most) for name in strategies}
    wanted = {name: advised_share(score.advice, present[name], most) for name, score in strategies.items()}
    return {name: share for name, share in wanted.items() if share != present[name]}


def _allocated(
    run: _Run, stored: Snapshot, fresh: dict[ModuleName, ScoreDoc]
) -> tuple[dict[ModuleName, ScoreDoc], list[Write]]:
    """Return the scores with the shares that the desk sets itself, and what is written for them."""
    limits, after = run.desk.limits, dict(fresh)
    named, rows = dict(limits.strategy_allocation), dict[str, str | None]()
    for module, doc in fresh.items():
        mine = {name: share for name, share in doc.allocated.items() if limits.strategy_allocation.get(name) == share}
        free = _fitting(limits, named, doc, mine) if _rested(doc) else {}
        rows |= {name: None if share >= limits.strategy_concentration else str(share) for name, share in free.items()}
        kept = {n: share for n, share in {**mine, **free}.items() if share < limits.strategy_concentration}
        moved = run.day if free else doc.allocated_on
        after[module] = doc.model_copy(update={"allocated": kept, "allocated_on": moved})
    if not rows:
        return after, []
    args: Json = {"limits": json.dumps({"strategy_allocation": rows})}
    try:
        effect = set_limits(run.desk, args, stored=stored, by=WHO, now=run.now)
    except Refusal:
        return fresh, []
    detail = {"message": effect.message, **effect.detail}
    audit = appended(run.store, who=WHO, action="set_limits", detail=detail, at=run.now)
    told = EventDoc(kind=EventKind.COMMAND_EXECUTED, subject=WHO, text=f"scoring: {effect.message}", at=run.now)
    return after, [*effect.writes, audit, Put(event_path(f"allocated_{run.day:%Y%m%d}"), encode(told))]


def _rested(doc: ScoreDoc) -> bool:
    """Return whether the last change has had a week: the same trades do not count twice."""
    return doc.allocated_on is None or doc.day - doc.allocated_on >= _REST


def _fitting(
    limits: RiskLimits, named: dict[str, Decimal], doc: ScoreDoc, mine: Mapping[str, Decimal]
) -> dict[str, Decimal]:
    """Return the shares that the desk may set, the worst score first; `named`, with them, adds up to 1 at most."""
    worst_first = sorted(doc.shares, key=lambda name: doc.strategies[name].score or 0.0)
    found: dict[str, Decimal] = {}
    for name in worst_first:
        share, owners = doc.shares[name], name in limits.strategy_allocation and name not in mine
        rows = {key: row for key, row in {**named, name: share}.items() if row < limits.strategy_concentration}
        if not owners and sum(rows.values()) <= 1:
            found[name] = named[name] = share
    return found
