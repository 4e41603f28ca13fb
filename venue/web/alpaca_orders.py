"""Alpaca's order endpoints: POST, GET and DELETE of /v2/orders, and closing of positions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import TypeVar

from venue.accounts import ALPACA, Account
from venue.feed import AssetKind
from venue.matching import floor_to
from venue.orders import (
    ExitRequest,
    Intent,
    LegRequest,
    Order,
    OrderClass,
    OrderRequest,
    OrderType,
    Refusal,
    RefusedError,
    Side,
    TimeInForce,
)
from venue.web import alpaca_shapes as shapes
from venue.web.call import Call, Reply, number, optional, reply, stamp

_E = TypeVar("_E", bound=StrEnum)
_TYPES = frozenset({OrderType.MARKET, OrderType.LIMIT, OrderType.STOP, OrderType.STOP_LIMIT})
_NANO = Decimal("0.000000001")


def account_of(call: Call) -> Account:
    """Return the account of the call's API key."""
    return call.account(ALPACA, call.headers.get("apca-api-key-id", ""))


def post_order(call: Call) -> Reply:
    """Take an order; the answer shows it as it was taken, before it met the market."""
    return reply(shapes.order(call.accept(account_of(call), _request(call, call.json()))))


def _request(call: Call, body: Mapping[str, object]) -> OrderRequest:
    order_class = _one_of(OrderClass, body.get("order_class") or "simple", "order_class")
    kind = _one_of(OrderType, body.get("type"), "type")
    if kind not in _TYPES:
        raise RefusedError(Refusal.BAD_REQUEST, f"order type {kind} is not traded here")
    symbol = str(body.get("symbol") or "") if order_class is not OrderClass.MLEG else ""
    side = _one_of(Side, body.get("side"), "side") if order_class is not OrderClass.MLEG else None
    notional = optional(body.get("notional"), "notional")
    qty = _notional_qty(call, symbol, notional) if notional is not None else number(body.get("qty"), "qty")
    return OrderRequest(
        symbol,
        side,
        qty,
        kind,
        _one_of(TimeInForce, body.get("time_in_force"), "time_in_force"),
        client_order_id=str(body.get("client_order_id") or ""),
        order_class=order_class,
        limit=optional(body.get("limit_price"), "limit_price"),
        stop=optional(body.get("stop_price"), "stop_price"),
        notional=notional,
        intent=_intent(body.get("position_intent")),
        legs=_legs(body.get("legs")) if order_class is OrderClass.MLEG else (),
        take_profit=_exit(body.get("take_profit")),
        stop_loss=_exit(body.get("stop_loss")),
        extended_hours=bool(body.get("extended_hours")),
    )


def _one_of(kind: type[_E], value: object, name: str) -> _E:
    try:
        return kind(str(value))
    except ValueError as error:
        raise RefusedError(Refusal.BAD_REQUEST, f"invalid {name}: {value}") from error


def _intent(value: object) -> Intent | None:
    return _one_of(Intent, value, "position_intent") if value else None


def _legs(value: object) -> list[LegRequest]:
    if not isinstance(value, list) or not all(isinstance(leg, dict) for leg in value):
        raise RefusedError(Refusal.BAD_REQUEST, "legs is required for the mleg order class")
    return [_leg(leg) for leg in value]


def _leg(leg: Mapping[str, object]) -> LegRequest:
    intent = _intent(leg.get("position_intent"))
    side = leg.get("side") or (intent.value.split("_")[0] if intent is not None else None)
    return LegRequest(
        str(leg.get("symbol") or ""), _one_of(Side, side, "side"), number(leg.get("ratio_qty"), "ratio_qty"), intent
    )


def _exit(value: object) -> ExitRequest | None:
    if not isinstance(value, dict):
        return None
    return ExitRequest(
        optional(value.get("limit_price"), "limit_price"), optional(value.get("stop_price"), "stop_price")
    )


def _notional_qty(call: Call, symbol: str, notional: Decimal) -> Decimal:
    asset, quote = call.exchange.asset(symbol), call.exchange.quote(symbol)
    if asset is None or quote is None:
        raise RefusedError(Refusal.UNKNOWN_SYMBOL, f'asset "{symbol}" not found')
    if asset.kind is not AssetKind.STOCK or asset.lot_size >= 1:
        raise RefusedError(Refusal.NOT_ALLOWED, f'asset "{symbol}" is not fractionable')
    return floor_to(notional / (quote.ask or quote.last), max(asset.lot_size, _NANO))


def get_orders(call: Call) -> Reply:
    """List orders by status, time and symbol."""
    wanted = OrderFilter.of(call)
    roots = call.as_listed(account_of(call).orders.values())
    listed = roots if wanted.nested else [one for root in roots for one in (root, *root.legs) if not one.is_leg]
    chosen = [one for one in listed if wanted.passes(one)]
    if call.params.get("direction", "desc") != "asc":
        chosen.reverse()
    return reply([shapes.order(one, nested=wanted.nested) for one in chosen[: call.whole("limit", 50, 500)]])


@dataclass(frozen=True, slots=True)
class OrderFilter:
    """Which orders a call asks for."""

    status: str
    nested: bool
    side: str
    symbols: frozenset[str]
    after: datetime | None
    until: datetime | None

    @classmethod
    def of(cls, call: Call) -> OrderFilter:
        """Return the filter of a call's query."""
        params = call.params
        return cls(
            params.get("status", "open"),
            params.get("nested", "").lower() == "true",
            params.get("side", ""),
            frozenset(name for name in params.get("symbols", "").split(",") if name),
            call.moment("after"),
            call.moment("until"),
        )

    def passes(self, one: Order) -> bool:
        """Tell whether an order, or with nested answers one that hangs on it, is asked for."""
        family = [one, *one.legs] if self.nested else [one]
        if self.status != "all" and not any(o.is_open == (self.status == "open") for o in family):
            return False
        if self.after is not None and one.created <= self.after:
            return False
        if self.until is not None and one.created > self.until:
            return False
        named = {o.symbol for o in (one, *one.legs)}
        return (not self.side or one.side == self.side) and (not self.symbols or bool(named & self.symbols))


def get_order(call: Call) -> Reply:
    """Return one order, or one leg."""
    return reply(shapes.order(_find(call), nested=call.params.get("nested", "true").lower() != "false"))


def get_order_by_client_id(call: Call) -> Reply:
    """Return the order with a client order id."""
    wanted = call.params.get("client_order_id", "")
    found = account_of(call).client_ids.get(wanted)
    if not found:
        raise RefusedError(Refusal.NOT_FOUND, f"order not found for {wanted}")
    return reply(shapes.order(found[-1]))


def _find(call: Call) -> Order:
    number_of = call.args["order_id"]
    order = call.exchange.orders.get(number_of)
    if order is None or order.account != account_of(call).name:
        raise RefusedError(Refusal.NOT_FOUND, f"order not found for {number_of}")
    return order


def delete_order(call: Call) -> Reply:
    """Cancel one order."""
    call.exchange.cancel(_find(call))
    return Reply(status=204)


def delete_orders(call: Call) -> Reply:
    """Cancel every open order."""
    done: list[dict[str, object]] = []
    for order in list(account_of(call).open.values()):
        if order.is_open:
            call.exchange.cancel(order)
            done.append({"id": order.id, "status": 200})
    return reply(done, 207)


def delete_position(call: Call) -> Reply:
    """Close a position, or part of it, at the market."""
    account = account_of(call)
    symbol = symbol_of(call, account)
    qty = _closing_qty(call, account, symbol)
    return reply(shapes.order(call.accept(account, _closing(account, symbol, qty))))


def symbol_of(call: Call, account: Account) -> str:
    """Return the symbol of the held position that the path names by symbol or asset id."""
    wanted = call.args["symbol"]
    for held in account.held():
        if wanted in {held.symbol, shapes.asset_id(held.symbol)}:
            return held.symbol
    raise RefusedError(Refusal.NOT_FOUND, "position does not exist")


def _closing_qty(call: Call, account: Account, symbol: str) -> Decimal:
    held = abs(account.qty(symbol))
    if call.params.get("qty"):
        return number(call.params["qty"], "qty")
    if not call.params.get("percentage"):
        return held
    share = number(call.params["percentage"], "percentage") / 100
    asset = call.exchange.asset(symbol)
    return floor_to(held * share, asset.lot_size if asset is not None else Decimal(1))


def _closing(account: Account, symbol: str, qty: Decimal) -> OrderRequest:
    side = Side.SELL if account.qty(symbol) > 0 else Side.BUY
    return OrderRequest(symbol, side, qty, OrderType.MARKET, TimeInForce.DAY)


def delete_positions(call: Call) -> Reply:
    """Close every position at the market."""
    account = account_of(call)
    if call.params.get("cancel_orders", "").lower() == "true":
        delete_orders(call)
    done: list[dict[str, object]] = []
    for held in account.held():
        try:
            order = call.exchange.submit(account, _closing(account, held.symbol, abs(held.qty)))
            done.append({"symbol": held.symbol, "status": 200, "order_id": order.id, "body": shapes.order(order)})
        except RefusedError as error:
            status, code = shapes.REFUSALS[error.refusal]
            body = {"code": code, "message": error.message, **error.details}
            done.append({"symbol": held.symbol, "status": status, "body": body})
    return reply(done, 207)


def get_clock(call: Call) -> Reply:
    """Tell the venue's time and when the market opens and closes."""
    exchange = call.exchange
    now = exchange.now
    following, next_open = exchange.hours.following(now), exchange.hours.next_open(now)
    return reply(
        {
            "timestamp": stamp(call.told_time),
            "is_open": exchange.hours.current(now) is not None,
            "next_open": stamp(next_open.open if next_open is not None else now),
            "next_close": stamp(following.close if following is not None else now),
        },
    )
