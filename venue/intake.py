"""Builds orders from requests that the rules have passed: ids, expiry, legs, exits. Registers and works none."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Protocol

from venue import acceptance
from venue.accounts import KRAKEN, Account
from venue.feed import AssetKind
from venue.ids import kraken_id, uuid_of
from venue.orders import (
    ExitRequest,
    Intent,
    LegRequest,
    Order,
    OrderClass,
    OrderRequest,
    OrderType,
    Side,
    Status,
    TimeInForce,
)


class Clocked(acceptance.Desk, Protocol):
    """An exchange with a time."""

    @property
    def now(self) -> datetime:
        """Return the venue's time."""


def build(desk: Clocked, account: Account, request: OrderRequest, sequence: int) -> Order:
    """Return the order a request asks for, with its legs or exits.

    The id follows from the client order id (and how often it was used), so the order of arrival of parallel
    requests does not matter; only an order without one gets its id from `sequence`.
    """
    symbol = request.symbol or request.legs[0].symbol
    kind = acceptance.kind_of(desk, symbol)
    number = _number(account, request, sequence)
    order = Order(
        id=number,
        account=account.name,
        client_order_id=request.client_order_id or uuid_of(number, "client"),
        symbol=request.symbol,
        kind=kind,
        side=request.side,
        qty=request.qty,
        type=request.type,
        tif=request.tif,
        created=desk.now,
        updated=desk.now,
        order_class=request.order_class,
        status=Status.PENDING_NEW if desk.is_open(kind) else Status.ACCEPTED,
        limit=request.limit,
        stop=request.stop,
        notional=request.notional,
        live_since=desk.now,
        post_only=request.post_only,
        extended_hours=request.extended_hours,
    )
    if request.side is not None and not request.legs:
        order.intent = request.intent or acceptance.infer_intent(account, request.symbol, request.side)
    _set_expiry(desk, order)
    _attach(desk, account, order, request)
    return order


def _number(account: Account, request: OrderRequest, sequence: int) -> str:
    uses = len(account.client_ids.get(request.client_order_id, []))
    name = request.client_order_id or f"sequence-{sequence}"
    parts = (account.name, "order", name, uses)
    return kraken_id("O", *parts) if account.spec.broker == KRAKEN else uuid_of(*parts)


def _set_expiry(desk: Clocked, order: Order) -> None:
    if order.tif is TimeInForce.DAY and order.kind is not AssetKind.CRYPTO:
        session = desk.hours.following(desk.now)
        order.expires = session.close if session is not None else None


def _attach(desk: Clocked, account: Account, order: Order, request: OrderRequest) -> None:
    order.legs += [_leg(desk, account, order, leg) for leg in request.legs]
    if order.order_class in {OrderClass.SIMPLE, OrderClass.MLEG}:
        return
    take, stop = request.take_profit, request.stop_loss
    if order.order_class is OrderClass.OCO:
        order.type, order.limit = OrderType.LIMIT, take.limit if take is not None else None
        take = None
    for name, exit_request in (("take_profit", take), ("stop_loss", stop)):
        if exit_request is not None:
            order.legs.append(_exit(desk, order, name, exit_request))


def _leg(desk: Clocked, account: Account, order: Order, leg: LegRequest) -> Order:
    return Order(
        id=uuid_of(order.id, "leg", leg.symbol),
        account=order.account,
        client_order_id=uuid_of(order.id, "client", leg.symbol),
        symbol=leg.symbol,
        kind=AssetKind.OPTION,
        side=leg.side,
        qty=order.qty * leg.ratio,
        type=order.type,
        tif=order.tif,
        created=desk.now,
        updated=desk.now,
        order_class=OrderClass.MLEG,
        ratio=leg.ratio,
        parent=order,
        status=order.status,
        expires=order.expires,
        intent=leg.intent or acceptance.infer_intent(account, leg.symbol, leg.side),
    )


def _exit(desk: Clocked, order: Order, name: str, request: ExitRequest) -> Order:
    oco = order.order_class is OrderClass.OCO
    opposite = Side.SELL if order.side is Side.BUY else Side.BUY
    side = order.side if oco else opposite
    kind = OrderType.LIMIT
    if request.stop is not None:
        kind = OrderType.STOP if request.limit is None else OrderType.STOP_LIMIT
    return Order(
        id=uuid_of(order.id, name),
        account=order.account,
        client_order_id=uuid_of(order.id, "client", name),
        symbol=order.symbol,
        kind=order.kind,
        side=side,
        qty=order.qty,
        type=kind,
        tif=order.tif,
        created=desk.now,
        updated=desk.now,
        order_class=order.order_class,
        limit=request.limit,
        stop=request.stop,
        parent=order,
        status=Status.HELD,
        expires=order.expires,
        live_since=desk.now if oco else None,
        intent=Intent.SELL_TO_CLOSE if side is Side.SELL else Intent.BUY_TO_CLOSE,
    )


def arm(order: Order, free: Decimal) -> None:
    """Set the exits of an order that just filled to work, for at most `free`.

    A stop stays `held` on paper, as Alpaca shows it.
    """
    for leg in order.legs:
        leg.qty, leg.live_since = min(leg.qty, free), order.updated
        if leg.type is OrderType.LIMIT:
            leg.status = Status.NEW
