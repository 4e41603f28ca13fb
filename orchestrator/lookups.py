"""What the venue's word about an order proves, and how orders in doubt are looked up. Sends nothing.

An order that the venue did not mention is asked for by name. Not finding it proves something only when the venue's
lists had the time to show it, and only of an order that the venue never acknowledged.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from orchestrator.domain.documents import EventKind
from orchestrator.domain.errors import DUPLICATE_ID, BrokerError, InvalidTransitionError, OrderRefusedError
from orchestrator.domain.orders import Evidence, Order, OrderState, Purpose, apply
from orchestrator.ports import Broker, Trouble, VenueOrder
from orchestrator.unit import Unit

FIRST_WAIT = timedelta(minutes=1)
LONGEST_WAIT = timedelta(minutes=60)

_PROVES = {
    OrderState.WORKING: Evidence.ACKNOWLEDGED,
    OrderState.PARTIALLY_FILLED: Evidence.ACKNOWLEDGED,
    OrderState.FILLED: Evidence.ACKNOWLEDGED,
    OrderState.CANCELLED: Evidence.CANCEL_CONFIRMED,
    OrderState.EXPIRED: Evidence.EXPIRY_CONFIRMED,
    OrderState.REJECTED: Evidence.REFUSED,
}
"""What a venue's word about an order proves. FILLED proves acceptance only: fills prove fills."""

_CONCLUDED = frozenset({Evidence.ABANDONED, Evidence.REFUSED, Evidence.RESOLVED_ABSENT})
"""Ends that rest on a conclusion or a single answer: an order seen resting after them is believed."""


def hear(order: Order, said: VenueOrder, unit: Unit) -> Order:
    """Return the order after the venue's word about it; a word that no longer fits its state changes nothing."""
    update: dict[str, Any] = {}
    if said.filled_qty > order.told_qty:
        update = {"told_qty": said.filled_qty, "told_px": said.avg_price, "told_at": unit.now}
    if order.broker_order_id is None and said.broker_order_id:
        update["broker_order_id"] = said.broker_order_id
    if order.lookups:
        update |= {"lookups": 0, "looked_up_at": None}
    if said.filled_qty < order.filled_qty and said.state.terminal:
        told = f"{order.id}: the venue tells {said.filled_qty} filled, its fills prove {order.filled_qty}"
        unit.tell(f"smaller_{order.id}", EventKind.DRIFT_FOUND, told, severity="warning", subject=order.id)
    changed = {name: value for name, value in update.items() if getattr(order, name) != value}
    order = order.model_copy(update=changed) if changed else order
    try:
        return apply(order, _evidence(order, said), unit.now, note=said.note)
    except InvalidTransitionError as error:
        unit.tell(f"odd_{order.id}_{said.state}", EventKind.ORDER_UNKNOWN, str(error), subject=order.id)
        return order


def _evidence(order: Order, said: VenueOrder) -> Evidence:
    """Return what the venue's word proves; RESURFACED for an order that the desk had only concluded to be gone."""
    proves = _PROVES[said.state]
    if not order.state.terminal or proves is not Evidence.ACKNOWLEDGED or said.state is OrderState.FILLED:
        return proves
    concluded = bool(order.history) and order.history[-1].evidence in _CONCLUDED
    return Evidence.RESURFACED if concluded else proves


def unreadable(order: Order, trouble: Trouble, unit: Unit) -> Order:
    """Return an order of which the venue says something that makes no sense: in doubt, the raw words kept."""
    text = f"{order.id}: {trouble.reason}"
    data = {"raw": trouble.raw}
    unit.tell(f"unreadable_{order.id}", EventKind.ORDER_UNKNOWN, text, severity="warning", subject=order.id, data=data)
    return apply(order.model_copy(update={"raw": trouble.raw}), Evidence.UNREADABLE, unit.now, note=trouble.reason)


def look_up(unit: Unit, broker: Broker, order: Order) -> None:
    """Ask the venue for an order in doubt, if it is due, and take over what that proves."""
    if not is_due(order, unit.now):
        return
    try:
        found = broker.find(order)
    except BrokerError as error:
        unit.tell(f"lookup_{order.id}", EventKind.ORDER_UNKNOWN, f"{order.id}: {error}", severity="warning")
        unit.put_order(_waited(order, unit.now))
        return
    unit.put_order(_absent(order, unit, broker) if found is None else hear(order, found, unit))


def is_due(order: Order, now: datetime) -> bool:
    """Return whether an order is in doubt and its next look-up is due: UNKNOWN entries wait 1, 2, 4 … 60 minutes.

    One that protects or leaves a position is looked up every minute: until it is known, nothing may take its place.
    """
    match order.state:
        case OrderState.SUBMITTING:
            return order.lease_until is None or order.lease_until <= now
        case OrderState.PLANNED:
            return order.attempts > 0
        case OrderState.UNKNOWN:
            entry = order.intent.purpose is Purpose.ENTRY
            wait = waiting_time(order.lookups) if entry else FIRST_WAIT
            return order.looked_up_at is None or now - order.looked_up_at >= wait
        case _:
            return not order.state.terminal


def waiting_time(lookups: int) -> timedelta:
    """Return how long to wait after so many vain look-ups of an entry."""
    return min(FIRST_WAIT * int(2 ** max(min(lookups, 10) - 1, 0)), LONGEST_WAIT)


def _waited(order: Order, now: datetime) -> Order:
    """Return an UNKNOWN order with one more vain look-up counted."""
    if order.state is not OrderState.UNKNOWN:
        return order
    return order.model_copy(update={"lookups": order.lookups + 1, "looked_up_at": now})


def _absent(order: Order, unit: Unit, broker: Broker) -> Order:
    """Return an order that the venue, asked in all its lists, does not show."""
    if order.state is OrderState.PLANNED:
        unit.cleared.add(order.id)
        return order
    sent = order.submitted_at
    if sent is not None and unit.now - sent < broker.profile.visibility_lag:
        return _waited(order, unit.now)
    if order.broker_order_id is None and order.state in {OrderState.SUBMITTING, OrderState.UNKNOWN}:
        return _never_arrived(order, unit)
    text = f"{order.id} was acknowledged, is {order.state} in the book and nowhere at the venue; look there"
    unit.tell(f"vanished_{order.id}", EventKind.ORDER_UNKNOWN, text, severity="critical", subject=order.id)
    return _waited(apply(order, Evidence.VANISHED, unit.now), unit.now)


def _never_arrived(order: Order, unit: Unit) -> Order:
    """Return an order that no attempt brought to the venue: it may be sent again, unless that was refused already."""
    last = order.history[-1]
    if last.evidence is Evidence.REFUSED_AGAIN:
        return apply(order, Evidence.REFUSED, unit.now, note=last.note)
    unit.cleared.add(order.id)
    return apply(order, Evidence.NOT_FOUND, unit.now)


def refusal(order: Order, error: OrderRefusedError) -> Evidence:
    """Return what a refusal proves: of a second attempt, nothing of the first; of an id that is taken, the contrary."""
    if order.attempts == 1:
        return Evidence.REFUSED
    return Evidence.ANSWER_LOST if error.code == DUPLICATE_ID else Evidence.REFUSED_AGAIN
