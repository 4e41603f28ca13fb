"""Fills that a venue tells only as a total: booked after a while from the total, until the executions show up.

Two things must say the same before anything is booked: the order's cumulative quantity with its average price, for
`STAND_IN_AFTER`, and a difference of the account's position from the book that it explains. The venue's own executions,
should they come after all, take the stand-in's place (`orchestrator.domain.ledger`). Orders of several legs are left
to their executions: a total tells nothing of the legs' prices.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal

from orchestrator.domain.base import ZERO
from orchestrator.domain.documents import BookDoc, EventKind
from orchestrator.domain.ledger import FROM_TOTAL
from orchestrator.domain.orders import Fill, Order
from orchestrator.unit import Unit

STAND_IN_AFTER = timedelta(minutes=15)
"""How long a total must have been told without its executions."""


def stand_ins(unit: Unit) -> Iterator[Fill]:
    """Yield a fill for each order whose told total has long been more than its executions."""
    for order in unit.book.orders.values():
        fill = _stand_in(order, unit)
        if fill is not None and _is_in_the_account(order, unit.book):
            text = f"{order.id}: {fill.qty} {fill.symbol} booked from the order's total; its executions are missing"
            unit.tell(fill.trade_id, EventKind.DRIFT_FOUND, text, severity="warning", subject=order.id)
            yield fill


def _stand_in(order: Order, unit: Unit) -> Fill | None:
    since, price = order.told_at, order.told_px
    missing = min(order.told_qty, order.intent.qty) - order.filled_qty
    if since is None or price is None or price <= 0 or missing <= 0 or len(order.intent.legs) > 1:
        return None
    if unit.now - since < STAND_IN_AFTER:
        return None
    rest = (price * order.told_qty - (order.avg_px or ZERO) * order.filled_qty) / (order.told_qty - order.filled_qty)
    leg = order.intent.legs[0]
    return Fill(
        trade_id=f"{FROM_TOTAL}{order.id}-{order.told_qty.normalize():f}",
        client_order_id=order.id,
        symbol=leg.symbol,
        side=leg.side,
        qty=missing,
        price=rest if rest > 0 else price,
        ts_event=since,
    )


def _is_in_the_account(order: Order, book: BookDoc) -> bool:
    """Return whether the account has differed from the book by at least what is missing, in its direction."""
    leg = order.intent.legs[0]
    missing = min(order.told_qty, order.intent.qty) - order.filled_qty
    gap: Decimal = book.drift.get(leg.symbol, ZERO)
    return gap * leg.side.sign >= missing
