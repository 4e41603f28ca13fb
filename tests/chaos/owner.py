"""What an owner sees at the venue's own page and then asks of the desk: truths that the desk was not told."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from orchestrator.commands import CONSOLE, execute
from orchestrator.domain.base import ZERO
from orchestrator.domain.codec import encode
from orchestrator.domain.documents import BookDoc, CommandDoc, CommandKind
from orchestrator.domain.orders import Fill, Order, OrderState
from orchestrator.domain.paths import command_path
from orchestrator.ports import Create, VenueOrder
from tests.chaos.account import Account
from tests.chaos.world import World


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


def ask(world: World, kind: CommandKind, args: dict[str, str]) -> CommandDoc:
    """Ask the desk for something as the owner at the console, and return its answer."""
    command_id = f"owner-{kind}"
    doc = CommandDoc(kind=kind, by=CONSOLE, role="owner", args=args, reason="story", created_at=world.now)
    world.store.commit([Create(command_path(command_id), encode(doc))])
    answered = execute(world.alive, command_id, world.now)
    assert answered.status == "done", answered.result
    return answered


def _said(order: Order, account: Account) -> VenueOrder:
    return next(said for said in reversed(account.orders) if said.client_order_id == order.id)


def _average(fills: Sequence[Fill]) -> Decimal:
    traded = sum((fill.qty for fill in fills), ZERO)
    return sum((fill.qty * fill.price for fill in fills), ZERO) / traded
