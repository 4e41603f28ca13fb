"""Turns verdicts into orders and decides which orders to cancel or to send again. Pure.

Ids are derived from the decision, so planning the same decision twice plans the same order.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from orchestrator.domain.base import ZERO
from orchestrator.domain.documents import BookDoc, OpportunityTrace
from orchestrator.domain.intents import intent_of
from orchestrator.domain.opportunities import TradeOpportunity
from orchestrator.domain.orders import (
    Evidence,
    Order,
    OrderState,
    Purpose,
    apply,
    outstanding,
    plan,
)
from orchestrator.domain.risk import Denied, DeskState, Resized, Verdict
from orchestrator.domain.rules.candidate import order_hour


@dataclass(frozen=True, slots=True)
class Plan:
    """What a cycle will send, send again, give up and cancel."""

    new: tuple[Order, ...] = ()
    resumed: tuple[Order, ...] = ()
    abandoned: tuple[Order, ...] = ()
    cancels: tuple[str, ...] = ()
    """Client order ids to cancel."""
    waits_for: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Order id to the ids that must be confirmed cancelled before it is sent."""

    @property
    def busy(self) -> bool:
        """Whether anything is done at all."""
        return bool(self.new or self.resumed or self.abandoned or self.cancels)

    @property
    def to_send(self) -> tuple[Order, ...]:
        """Everything that goes to the venue, in order."""
        return (*self.resumed, *self.new)


def submitting(order: Order, *, now: datetime, lease: timedelta) -> Order:
    """Return the order as it is committed before it is sent: SUBMITTING, leased to this run."""
    begun = apply(order, Evidence.SUBMIT_STARTED, now)
    return begun.model_copy(update={"attempts": order.attempts + 1, "lease_until": now + lease})


def make_plan(
    book: BookDoc,
    decided: Sequence[tuple[TradeOpportunity, Verdict]],
    *,
    state: DeskState,
    now: datetime,
    lease: timedelta,
    desk: str,
    cleared: Collection[str],
    resends: bool = True,
) -> Plan:
    """Return what to do about the verdicts and about the unfinished orders of the book.

    Parameters
    ----------
    cleared
        Ids that the venue was asked for in this cycle and does not have: only these are sent again or given up.
    resends
        Whether the venue refuses a used id for ever. Elsewhere an order whose answer was once lost is given up, not
        sent again: if it did arrive after all, a second one would trade twice.
    """
    new = _new_orders(book, decided, now=now, desk=desk)
    planned = [order for order in book.orders.values() if order.state is OrderState.PLANNED and order.id in cleared]
    replaced = {key for order in new for key in order.intent.replaces}
    repeatable = [o for o in planned if o.id not in replaced and (resends or not was_in_doubt(o))]
    resumed = [order for order in repeatable if may_resume(order, book, state=state, now=now)]
    abandoned = [order for order in planned if order not in resumed]
    unsent = {order.id for order in abandoned}
    waits_for = {o.id: tuple(k for k in must_end_before(o, book) if k not in unsent) for o in (*new, *resumed)}
    resting = [k for keys in waits_for.values() for k in keys if book.orders[k].state is not OrderState.PLANNED]
    return Plan(
        new=tuple(submitting(order, now=now, lease=lease) for order in new),
        resumed=tuple(submitting(order, now=now, lease=lease) for order in resumed),
        abandoned=tuple(apply(order, Evidence.ABANDONED, now) for order in abandoned),
        cancels=tuple(dict.fromkeys((*resting, *overdue(book, state=state, now=now)))),
        waits_for=waits_for,
    )


def _new_orders(
    book: BookDoc, decided: Sequence[tuple[TradeOpportunity, Verdict]], *, now: datetime, desk: str
) -> list[Order]:
    found: dict[str, Order] = {}
    for opportunity, verdict in decided:
        if isinstance(verdict, Denied):
            continue
        order = plan(intent_of(opportunity, verdict, desk=desk, version=book.parameters_version), now)
        if order.id not in book.orders:
            found.setdefault(order.id, order)
    return list(found.values())


def must_end_before(order: Order, book: BookDoc) -> tuple[str, ...]:
    """Return the orders that must be gone before `order` is sent: together they would sell more than is held.

    These are the ones it names as replaced, and the position's protective order where an exit has no room beside it.
    """
    intent, position = order.intent, book.positions.get(order.intent.position_id)
    keys = dict.fromkeys(intent.replaces)
    beside = sum((other.outstanding_qty for other in _beside(order, book)), ZERO)
    if intent.purpose is Purpose.EXIT and position is not None and intent.qty + beside > position.units:
        keys[position.protective_order_id or ""] = None
    return tuple(key for key in keys if key in book.orders and not book.orders[key].state.terminal)


def _beside(order: Order, book: BookDoc) -> list[Order]:
    """Return the other orders that leave the order's position, or have without a fill shown.

    What the order replaces is not counted before its end; after it, what it sold unseen is.
    """
    others = outstanding(book.orders.values(), order.intent.position_id)
    kept = (one for one in others if one.state.terminal or one.id not in order.intent.replaces)
    return [one for one in kept if one.id != order.id]


def was_in_doubt(order: Order) -> bool:
    """Return whether the venue might once have had the order."""
    return any(step.evidence is Evidence.NOT_FOUND for step in order.history)


def counted_orders(book: BookDoc, sent: int, now: datetime) -> BookDoc:
    """Return the book with new orders counted in their clock hour; hours of more than a day ago are forgotten."""
    if not sent:
        return book
    hour, oldest = order_hour(now), order_hour(now - timedelta(days=1))
    kept = {key: count for key, count in book.order_hours.items() if key > oldest}
    return book.model_copy(update={"order_hours": {**kept, hour: kept.get(hour, 0) + sent}})


def may_resume(order: Order, book: BookDoc, *, state: DeskState, now: datetime) -> bool:
    """Return whether an order that certainly was not accepted may still be sent as it was decided."""
    intent = order.intent
    allowed = state is not DeskState.HALTED or intent.purpose is Purpose.PROTECT or intent.by_owner
    if intent.valid_until <= now or not allowed:
        return False
    if intent.purpose is Purpose.ENTRY:
        return state is DeskState.ACTIVE and intent.symbol not in book.quarantine
    position = book.positions.get(order.intent.position_id)
    if position is None:
        return False
    ends = must_end_before(order, book)
    beside = sum((other.outstanding_qty for other in _beside(order, book) if other.id not in ends), ZERO)
    return order.leaves_qty + beside <= position.units


def overdue(book: BookDoc, *, state: DeskState, now: datetime) -> Iterable[str]:
    """Yield the resting orders to cancel: old decisions, entries not wanted now, orphans.

    An entry is unwanted while the desk is not ACTIVE or its symbol is in quarantine.
    """
    for order in book.orders.values():
        if order.state not in {OrderState.WORKING, OrderState.PARTIALLY_FILLED}:
            continue
        entry = order.intent.purpose is Purpose.ENTRY
        orphan = not entry and order.intent.position_id not in book.positions
        unwanted = entry and (state is not DeskState.ACTIVE or order.intent.symbol in book.quarantine)
        if order.intent.valid_until <= now or orphan or unwanted:
            yield order.id


def trace_of(opportunity: TradeOpportunity, verdict: Verdict, order_id: str | None) -> OpportunityTrace:
    """Return the record of an opportunity and its verdict."""
    denied = verdict if isinstance(verdict, Denied) else None
    granted = None if isinstance(verdict, Denied) else verdict
    return OpportunityTrace(
        strategy=opportunity.strategy,
        symbol=opportunity.symbol,
        purpose=opportunity.purpose.value,
        side=opportunity.side.value,
        confidence=opportunity.confidence,
        reason=opportunity.reason,
        features=opportunity.features,
        parameters_version=opportunity.parameters_version,
        verdict="denied" if denied else "resized" if isinstance(verdict, Resized) else "approved",
        code=denied.code.value if denied else None,
        limit=denied.limit if denied else None,
        observed=denied.observed if denied else None,
        qty=granted.qty if granted else None,
        binding_cap=granted.binding_cap if granted else None,
        client_order_id=order_id,
    )
