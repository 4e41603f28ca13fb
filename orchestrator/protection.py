"""Is every position protected? Counts the cycles that began with one that is not, and tells of two.

A protective stop rests at the venue as an order of its own; a structure with a defined largest loss is protected by
it, and its exits are decided in cycles. The modules propose the stops, this file only looks.
"""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.domain.base import ZERO
from orchestrator.domain.documents import BookDoc, EventKind
from orchestrator.domain.orders import OrderState, Purpose, leaving
from orchestrator.domain.positions import Position, whole_units
from orchestrator.unit import Unit

TOLD_AFTER = 2
"""Cycles in an open market that a position may begin without protection before a person is told."""

_RESTING = frozenset({OrderState.SUBMITTING, OrderState.WORKING, OrderState.PARTIALLY_FILLED})


def is_protected(position: Position, book: BookDoc) -> bool:
    """Return whether resting orders leave all of a position, or its largest loss is defined.

    What an order has sold by the venue's word, with no fill shown so far, needs no protection. No order can rest for
    part of a share: the cycles watch it.
    """
    if position.max_loss_usd is not None or position.units == 0:
        return True
    own = leaving(book.orders.values(), position.id)
    covered = (order.outstanding_qty for order in own if order.state in _RESTING or order.state.terminal)
    return sum(covered, ZERO) >= whole_units(position, position.units)


def unprotected(book: BookDoc) -> Iterator[Position]:
    """Yield the positions that nothing protects."""
    return (position for position in book.positions.values() if not is_protected(position, book))


def count_unprotected(unit: Unit, *, is_open: bool) -> None:
    """Count this cycle for each unprotected position, and tell of those that stay so; a closed market counts none."""
    before = unit.book.naked
    naked = {held.id: before.get(held.id, 0) + is_open for held in unprotected(unit.book)}
    if naked != before:
        unit.book = unit.book.model_copy(update={"naked": naked})
    for held in unprotected(unit.book):
        if naked[held.id] >= TOLD_AFTER:
            text = f"{held.symbol}: {held.units} held without a stop at the venue for {naked[held.id]} cycles"
            text += _refusal(unit.book, held)
            key = f"naked_{held.id}_{unit.now:%Y%m%d}"
            unit.tell(key, EventKind.NAKED_POSITION, text, severity="critical", subject=held.id)


def _refusal(book: BookDoc, position: Position) -> str:
    """Return what the venue said when it refused the newest stop of a position, "" if it did not."""
    stops = [one for one in leaving(book.orders.values(), position.id) if one.intent.purpose is Purpose.PROTECT]
    newest = max(stops, key=lambda order: order.intent.decided_at, default=None)
    if newest is None or newest.state is not OrderState.REJECTED or not newest.history:
        return ""
    return f"; the venue refused its stop: {newest.history[-1].note[:300]}"
