"""Ends an order in doubt by the owner's word, where the venue's is not to be had.

Only an UNKNOWN order can be resolved. A fill entered by hand is booked like any other, under a trade id of its own; the
venue's own fills, should they come after all, take its place (`orchestrator.domain.ledger`).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation

from orchestrator.answers import Effect, Refusal
from orchestrator.domain.base import ModuleName
from orchestrator.domain.codec import encode
from orchestrator.domain.documents import (
    BookDoc,
    EventDoc,
    EventKind,
    book_path,
    event_path,
    order_path,
    trade_path,
)
from orchestrator.domain.events import number
from orchestrator.domain.ledger import BY_HAND, Posted, post_fill
from orchestrator.domain.orders import Evidence, Fill, Order, OrderIntent, OrderState, apply
from orchestrator.domain.positions import Trade
from orchestrator.ports import Put, Replace, Write
from orchestrator.status import Desk
from orchestrator.unit import order_doc, trade_doc

OUTCOMES = ("never_arrived", "cancelled", "filled")


def resolve(desk: Desk, args: Mapping[str, str], *, by: str, now: datetime) -> Effect:
    """Return what ending an UNKNOWN order as `args` say writes: its book, its document, a round trip it completed.

    Parameters
    ----------
    args
        `order` (client order id), `outcome` (one of `OUTCOMES`), and for `filled` `qty` (units of the order) and
        `price` (USD per share or coin, of several legs one each, in the order of the legs, separated by commas).

    Raises
    ------
    Refusal
        There is no such order, it is not in doubt, or the arguments make no sense.
    """
    module, order = _in_doubt(desk, args.get("order", ""))
    outcome = args.get("outcome", "")
    if outcome not in OUTCOMES:
        raise Refusal(f"no outcome {outcome!r}; args.outcome is one of {', '.join(OUTCOMES)}")
    book, note = desk.books[module], f"by {by}"
    if outcome == "filled":
        fills = _fills(order, args, now)
        posted, trade = _booked(book, _ended(order, fills, now, note), fills, now)
        told = f"{number(fills[0].qty / order.intent.legs[0].ratio)} units filled"
    else:
        if outcome == "never_arrived" and order.fills:
            raise Refusal(f"{order.id} has fills, so it arrived; resolve it as cancelled or filled")
        evidence = Evidence.RESOLVED_ABSENT if outcome == "never_arrived" else Evidence.RESOLVED_CANCELLED
        ended = apply(order, evidence, now, note=note)
        posted, trade, told = _with_order(book, ended), None, outcome.replace("_", " ")
    detail = {"order": order.id, "outcome": outcome} | {key: args[key] for key in ("qty", "price") if key in args}
    versions = desk.versions[book_path(module)]
    return Effect(f"{order.id} is resolved: {told}", _writes(posted, order.id, trade, versions), detail)


def _in_doubt(desk: Desk, order_id: str) -> tuple[ModuleName, Order]:
    for module, book in desk.books.items():
        order = book.orders.get(order_id)
        if order is None:
            continue
        if order.state is not OrderState.UNKNOWN:
            raise Refusal(f"{order_id} is {order.state}, not UNKNOWN: what the venue said of it stands")
        return module, order
    orders = (order for book in desk.books.values() for order in book.orders.values())
    doubted = ", ".join(order.id for order in orders if order.state is OrderState.UNKNOWN)
    raise Refusal(f"no book has an order {order_id!r}; UNKNOWN are: {doubted or 'none'}")


def _fills(order: Order, args: Mapping[str, str], now: datetime) -> list[Fill]:
    intent, left = order.intent, order.leaves_qty
    qty, prices = _number("qty", args.get("qty", "")), _prices(intent, args.get("price", ""))
    if qty > left:
        raise Refusal(f"args.qty is {number(qty)}, and only {number(left)} units of {order.id} are open")
    return [
        Fill(
            trade_id=f"{BY_HAND}{order.id}-{place}",
            client_order_id=order.id,
            symbol=leg.symbol,
            side=leg.side,
            qty=qty * leg.ratio,
            price=price,
            ts_event=now,
        )
        for place, (leg, price) in enumerate(zip(intent.legs, prices, strict=True))
    ]


def _prices(intent: OrderIntent, text: str) -> list[Decimal]:
    told = [_number("price", part) for part in text.split(",")]
    if len(told) != len(intent.legs):
        legs = ", ".join(leg.symbol for leg in intent.legs)
        raise Refusal(f"args.price has {len(told)} prices for {len(intent.legs)} legs: give one each for {legs}")
    return told


def _number(name: str, text: str) -> Decimal:
    try:
        value = Decimal(text.strip())
    except InvalidOperation:
        raise Refusal(f"args.{name} is {text!r}, not a number") from None
    if not value.is_finite() or value <= 0:
        raise Refusal(f"args.{name} is {text!r}; it must be more than 0")
    return value


def _ended(order: Order, fills: list[Fill], now: datetime, note: str) -> Order:
    """Return the order ended by the owner's word: FILLED when nothing is left open, else CANCELLED for the rest."""
    units = fills[0].qty / order.intent.legs[0].ratio
    evidence = Evidence.RESOLVED_FILLED if units == order.leaves_qty else Evidence.RESOLVED_CANCELLED
    return apply(order, evidence, now, note=note)


def _booked(book: BookDoc, order: Order, fills: list[Fill], now: datetime) -> tuple[BookDoc, Trade | None]:
    posted = Posted(_with_order(book, order))
    for fill in fills:
        posted = post_fill(posted.book, posted.book.orders[order.id], fill, now)
    return posted.book, posted.trade


def _with_order(book: BookDoc, order: Order) -> BookDoc:
    return book.model_copy(update={"orders": {**book.orders, order.id: order}})


def _writes(book: BookDoc, order_id: str, trade: Trade | None, version: str) -> list[Write]:
    order = book.orders[order_id]
    writes: list[Write] = [
        Replace(book_path(book.module), encode(book), version),
        Put(order_path(order.id), encode(order_doc(order))),
    ]
    if trade is not None:
        text = f"{trade.symbol} closed ({trade.exit_reason}): {trade.realized_pnl:+.2f} USD, by the owner's word"
        event = EventDoc(
            kind=EventKind.POSITION_CLOSED, module=book.module, subject=trade.id, text=text, at=trade.closed_at
        )
        writes.append(Put(trade_path(trade.id), encode(trade_doc(trade))))
        writes.append(Put(event_path(f"closed_{trade.id}"), encode(event)))
    return writes
