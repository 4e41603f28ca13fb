"""What an owner sees at the venue's own page and then asks of the desk: truths that the desk was not told."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from orchestrator.domain.base import ZERO
from orchestrator.domain.documents import BookDoc
from orchestrator.domain.orders import Fill, Order, OrderState
from orchestrator.ports import VenueOrder
from tests.chaos.account import Account


def in_doubt(books: Sequence[BookDoc]) -> list[Order]:
    """Return the orders that a person may be asked about."""
    return [order for book in books for order in book.orders.values() if order.state is OrderState.UNKNOWN]


def what_became_of(order: Order, account: Account) -> dict[str, str]:
    """Return the arguments of `resolve` that tell the truth; what still rests is cancelled at the venue first."""
    if not any(said.client_order_id == order.id for said in account.orders):
        return {"order": order.id, "outcome": "never_arrived"}
    if not _said(order, account).state.terminal:
        account.inner.end(order.id, OrderState.CANCELLED)
    unseen = _said(order, account).filled_qty - order.filled_qty
    if unseen <= 0:
        return {"order": order.id, "outcome": "cancelled"}
    known = {fill.trade_id for fill in order.fills}
    fills = [fill for fill in account.fills if fill.client_order_id == order.id and fill.trade_id not in known]
    prices = [_average([fill for fill in fills if fill.symbol == leg.symbol]) for leg in order.intent.legs]
    told = {"qty": f"{unseen:f}", "price": ",".join(f"{price:f}" for price in prices)}
    return {"order": order.id, "outcome": "filled"} | told


def _said(order: Order, account: Account) -> VenueOrder:
    return next(said for said in reversed(account.orders) if said.client_order_id == order.id)


def _average(fills: Sequence[Fill]) -> Decimal:
    traded = sum((fill.qty for fill in fills), ZERO)
    return sum((fill.qty * fill.price for fill in fills), ZERO) / traded
