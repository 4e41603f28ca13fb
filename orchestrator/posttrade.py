"""Post-trade risk: after every change of an order, and at every sweep, compare the desk with its limits.

It tightens the brake (ACTIVE to REDUCING or HALTED) and never loosens it: only a person's command does. It tells what
became of orders and of limits that holdings have grown past, and keeps the first screen live. Everything it writes
follows from documents read together and is committed against their versions, so doing it twice changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from orchestrator.contention import until_settled
from orchestrator.domain.codec import decode, encode
from orchestrator.domain.documents import (
    DESK_STATE,
    DESK_SUMMARY,
    DeskStateDoc,
    OrderDoc,
    SummaryDoc,
    event_path,
)
from orchestrator.domain.events import DeskEvent, order_events, state_changed
from orchestrator.domain.exposure import daily_loss, drawdown, weekly_loss
from orchestrator.domain.risk import DeskState
from orchestrator.ports import Create, Json, Put, Replace, Snapshot, Store, Write
from orchestrator.reduction import outgrown, reduction_write, watch
from orchestrator.status import PATHS, Cadence, Desk, current_exposure, desk_of, same_facts, summarize

STRICTNESS = {DeskState.ACTIVE: 0, DeskState.REDUCING: 1, DeskState.HALTED: 2}
"""A change to a higher number tightens."""

BY = "risk"


@dataclass(frozen=True, slots=True)
class Finding:
    """The state that the limits call for, and why."""

    state: DeskState
    reason: str
    breach: str = ""
    """The loss limit that was reached: it stays so, whatever equity does, until the owner re-arms the desk."""


def assess(desk: Desk, now: datetime) -> Finding:
    """Return the state that losses and the desk's exposure call for, from equity as the venues last told it."""
    exposure, limits = current_exposure(desk, now), desk.limits
    fall = drawdown(exposure)
    ladder = (
        (DeskState.HALTED, "drawdown", fall, limits.drawdown_halted),
        (DeskState.REDUCING, "drawdown", fall, limits.drawdown_reducing),
        (DeskState.REDUCING, "loss of the UTC week", weekly_loss(exposure), limits.weekly_loss),
        (DeskState.REDUCING, "loss of the UTC day", daily_loss(exposure), limits.daily_loss),
    )
    for state, what, observed, limit in ladder:
        if observed >= limit:
            return Finding(state, f"{what} {observed:.2%} has reached the limit of {limit:.2%}", breach=what)
    if (over := outgrown(desk, now)) is not None:
        return Finding(DeskState.REDUCING, over)
    return Finding(DeskState.ACTIVE, "within limits")


def tightened(desk: Desk, now: datetime) -> DeskStateDoc | None:
    """Return the stricter state that is due, None while the desk is strict enough.

    A loss limit that is reached while the desk is strict enough already is added to its reason: it is not resumed
    without a re-arm either.
    """
    finding, state = assess(desk, now), desk.state
    if STRICTNESS[finding.state] > STRICTNESS[state.state]:
        breach = finding.breach or state.breach
        update = {"state": finding.state, "by": BY, "reason": finding.reason, "breach": breach, "changed_at": now}
        return state.model_copy(update=update)
    if finding.breach and not state.breach:
        reason = f"{state.reason}; {finding.reason}"
        return state.model_copy(update={"reason": reason, "breach": finding.breach, "changed_at": now})
    return None


def state_writes(desk: Desk, after: DeskStateDoc) -> list[Write]:
    """Return the writes that change the brake, compared with the state that was read, and tell it."""
    event = state_changed(desk.state, after)
    return [
        Replace(DESK_STATE, encode(after), desk.versions[DESK_STATE]),
        Put(event_path(event.id), encode(event.doc)),
    ]


def summary_write(desk: Desk, summary: SummaryDoc) -> Write:
    """Return the write of the first screen, compared with what was read: an older one never replaces a newer."""
    version = desk.versions.get(DESK_SUMMARY)
    if version is None:
        return Create(DESK_SUMMARY, encode(summary))
    return Replace(DESK_SUMMARY, encode(summary), version)


def untold(found: Mapping[str, Snapshot], events: Iterable[DeskEvent]) -> list[Write]:
    """Return the creation of each event that is not among the documents found."""
    missing = {event.id: event for event in events if event_path(event.id) not in found}
    return [Create(event_path(event.id), encode(event.doc)) for event in missing.values()]


def on_order_written(store: Store, order: Json, now: datetime, *, cadence: Cadence | None = None) -> int:
    """Take a written order document into account; return how many documents were written.

    Raises
    ------
    MalformedDataError
        The order document, or a shared one, is damaged.
    ConfigurationError
        The desk has not been set up.
    """
    events = order_events(decode(OrderDoc, order, where="the written order").order)
    return until_settled(lambda: _take_into_account(store, events, now, cadence))


def _take_into_account(store: Store, events: Sequence[DeskEvent], now: datetime, cadence: Cadence | None) -> int:
    found = store.get_many([*PATHS, *(event_path(event.id) for event in events)])
    desk = desk_of(found)
    writes = untold(found, events)
    desk, changes = weighed(desk, now)
    writes += changes
    summary = summarize(desk, now, cadence=cadence)
    if not same_facts(desk.summary, summary):
        writes.append(summary_write(desk, summary))
    if writes:
        store.commit(writes)
    return len(writes)


def weighed(desk: Desk, now: datetime) -> tuple[Desk, list[Write]]:
    """Return the desk once its limits have been weighed, and the writes of brake, breaches and plan for that."""
    writes: list[Write] = []
    watched = watch(desk, now)
    if watched.reduction != desk.reduction:
        writes.append(reduction_write(desk, watched.reduction))
        writes += [Put(event_path(event.id), encode(event.doc)) for event in watched.events]
        desk = replace(desk, reduction=watched.reduction)
    if (after := tightened(desk, now)) is not None:
        writes += state_writes(desk, after)
        desk = replace(desk, state=after)
    return desk, writes
