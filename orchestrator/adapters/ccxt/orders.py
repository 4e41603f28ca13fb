"""Orders and executions in Kraken's words. Pure translation, no calls."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from orchestrator.adapters.ccxt.client import Raw
from orchestrator.domain.base import ZERO
from orchestrator.domain.errors import OrderRefusedError
from orchestrator.domain.orders import Fill, Order, OrderIntent, OrderState, OrderType, Side, TimeInForce
from orchestrator.domain.venues import Grid
from orchestrator.ports import VenueOrder

_ENDED = {"closed": OrderState.FILLED, "canceled": OrderState.CANCELLED, "expired": OrderState.EXPIRED}


@dataclass(frozen=True, slots=True)
class Ticket:
    """The arguments of ccxt's `create_order`; numbers as text, so that no float touches them."""

    symbol: str
    type: str
    side: str
    amount: str
    price: str | None = None
    params: dict[str, Any] = field(default_factory=dict)


def ticket_of(intent: OrderIntent, grid: Grid) -> Ticket:
    """Return the order as Kraken takes it, on the market's grid and never worse than the intent.

    Raises
    ------
    OrderRefusedError
        Kraken has no such order, or it is below the least size; nothing was sent.
    """
    leg = intent.legs[0]
    if len(intent.legs) > 1 or leg.side is not intent.side:
        raise _cannot(intent, f"{intent.side} of {len(intent.legs)} legs", "unsupported")
    amount = grid.qty(intent.qty)
    if amount <= 0 or amount < grid.min_qty:
        raise _cannot(intent, f"{intent.qty} {leg.symbol}: the least is {grid.min_qty}", "EOrder:Order minimum not met")
    params: dict[str, Any] = {"clientOrderId": intent.client_order_id}
    price = None
    if intent.order_type is OrderType.STOP and intent.stop_price is not None:
        params["stopLossPrice"] = _text(grid.price(intent.stop_price, leg.side))
    if intent.order_type is OrderType.LIMIT and intent.limit_price is not None:
        price = _text(grid.price(intent.limit_price, leg.side))
        if intent.time_in_force is TimeInForce.IOC:
            params["timeInForce"] = "IOC"
    kind = "limit" if intent.order_type is OrderType.LIMIT else "market"
    return Ticket(leg.symbol, kind, leg.side.value, _text(amount), price, params)


def _cannot(intent: OrderIntent, what: str, code: str) -> OrderRefusedError:
    return OrderRefusedError(f"order {intent.client_order_id}: Kraken takes no {what}; not sent", code=code)


def _text(value: Decimal) -> str:
    return format(value.normalize(), "f")


def order_of(broker_order_id: str, raw: Raw) -> VenueOrder:
    """Return an order of OpenOrders, ClosedOrders or QueryOrders in the desk's words."""
    filled = Decimal(raw.get("vol_exec") or 0)
    resting = OrderState.PARTIALLY_FILLED if filled else OrderState.WORKING
    status = str(raw["status"])
    return VenueOrder(
        client_order_id=raw.get("cl_ord_id") or None,
        broker_order_id=broker_order_id,
        state=_ENDED.get(status, resting),
        filled_qty=filled,
        note=str(raw.get("reason") or status),
    )


def instant(seconds: object) -> datetime:
    """Return the time of Kraken's seconds since 1970, which come as number or text."""
    return datetime.fromtimestamp(float(str(seconds)), UTC)


def fill_of(trade_id: str, raw: Raw, symbol: str, own_id: str) -> Fill:
    """Return an execution of TradesHistory; the fee is in the quote currency, which is USD."""
    return Fill(
        trade_id=trade_id,
        client_order_id=own_id,
        symbol=symbol,
        side=Side(str(raw["type"])),
        qty=Decimal(raw["vol"]),
        price=Decimal(raw["price"]),
        fee=Decimal(raw.get("fee") or 0),
        ts_event=instant(raw["time"]),
    )


def order_of_trades(order: Order, trades: Mapping[str, Raw]) -> VenueOrder | None:
    """Return what executions alone prove of an order, None if none of them is its own."""
    own = [raw for raw in trades.values() if _is_of(order, raw)]
    if not own:
        return None
    filled = sum((Decimal(raw["vol"]) for raw in own), ZERO)
    state = OrderState.FILLED if filled >= order.intent.qty else OrderState.PARTIALLY_FILLED
    return VenueOrder(order.id, str(own[0]["ordertxid"]), state, filled_qty=filled, note="known by its trades")


def _is_of(order: Order, raw: Raw) -> bool:
    return raw.get("cl_ord_id") == order.id or raw.get("ordertxid") == order.broker_order_id


def symbols_by_name(markets: Iterable[Raw]) -> dict[str, str]:
    """Return the desk's symbols by each of Kraken's names of a pair: XXBTZUSD, XBTUSD, XBT/USD."""
    found: dict[str, str] = {}
    for market in markets:
        for name in (market["id"], market.get("altname"), market.get("wsId")):
            if name:
                found[str(name)] = str(market["symbol"])
    return found
