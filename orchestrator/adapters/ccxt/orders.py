"""Orders and executions in Kraken's words. Pure translation, no calls."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from orchestrator.adapters.ccxt.client import Raw
from orchestrator.adapters.rows import Row, choice, fields, maybe_number, maybe_word, number
from orchestrator.domain.base import ZERO
from orchestrator.domain.errors import MalformedDataError, OrderRefusedError
from orchestrator.domain.orders import OrderIntent, OrderState, OrderType, Side, TimeInForce
from orchestrator.domain.venues import KRAKEN, Grid, VenueProfile
from orchestrator.ports import VenueOrder

_STATES = {
    "pending": OrderState.WORKING,
    "open": OrderState.WORKING,
    "closed": OrderState.FILLED,
    "canceled": OrderState.CANCELLED,
    "expired": OrderState.EXPIRED,
}
"""Every state of Kraken's documentation; another word is a trouble, never a guess."""

SIDES = {"buy": Side.BUY, "sell": Side.SELL}
_NO_NAMES: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class Ticket:
    """The arguments of ccxt's `create_order`; numbers as text, so that no float touches them."""

    symbol: str
    type: str
    side: str
    amount: str
    price: str | None = None
    params: dict[str, Any] = field(default_factory=dict)


def ticket_of(intent: OrderIntent, grid: Grid, profile: VenueProfile = KRAKEN) -> Ticket:
    """Return the order as the venue takes it, on the market's grid and never worse or larger than the intent.

    Raises
    ------
    OrderRefusedError
        The venue has no such order, its id does not fit, or it is below the least size; nothing was sent.
    """
    leg = intent.legs[0]
    if len(intent.legs) > 1 or leg.side is not intent.side:
        raise _cannot(intent, f"{intent.side} of {len(intent.legs)} legs", "unsupported")
    if not profile.accepts_id(intent.client_order_id):
        raise _cannot(intent, f"client order id of that form: {profile.client_id_pattern}", "client_id")
    amount = grid.qty(intent.qty)
    small = grid.too_small(amount, intent.limit_price)
    if small:
        raise _cannot(intent, f"{leg.symbol} order: {small}", "EOrder:Order minimum not met")
    params: dict[str, Any] = {"clientOrderId": profile.client_id_prefix + intent.client_order_id}
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


def order_of(
    broker_order_id: str, raw: object, names: Mapping[str, str] = _NO_NAMES, *, prefix: str = ""
) -> VenueOrder:
    """Return an order of OpenOrders, ClosedOrders or QueryOrders in the desk's words.

    Parameters
    ----------
    names
        The desk's symbols by Kraken's names of pairs.
    prefix
        What stands in front of every client order id at this venue.

    Raises
    ------
    MalformedDataError
        A field is missing or absurd, or the state is a word that is not known.
    """
    row = fields(raw)
    qty, filled = maybe_number(row, "vol", above=ZERO), number(row, "vol_exec", least=ZERO)
    state = choice(row, "status", _STATES)
    in_quote = "viqc" in maybe_word(row, "oflags")
    if qty is not None and not in_quote and (filled > qty or (state is OrderState.FILLED and filled < qty)):
        raise MalformedDataError(f"state {row['status']} with {filled} of {qty} filled")
    if state is OrderState.WORKING and filled:
        state = OrderState.PARTIALLY_FILLED
    return VenueOrder(
        client_order_id=maybe_word(row, "cl_ord_id").removeprefix(prefix) or None,
        broker_order_id=broker_order_id,
        state=state,
        filled_qty=filled,
        note=maybe_word(row, "reason") or str(row["status"]),
        qty=None if in_quote else qty,
        avg_price=(maybe_number(row, "price", least=ZERO) or None) if filled else None,
        **_description(fields(row.get("descr") or {}), names),
    )


def _description(told: Row, names: Mapping[str, str]) -> dict[str, Any]:
    """Return symbol, side and prices; of a trigger that is no stop only the limit behind it."""
    pair, kind = maybe_word(told, "pair"), maybe_word(told, "ordertype")
    first, second = (maybe_number(told, name, least=ZERO) or None for name in ("price", "price2"))
    return {
        "symbol": names.get(pair, pair) or None,
        "side": choice(told, "type", SIDES) if maybe_word(told, "type") else None,
        "stop_price": first if kind in {"stop-loss", "stop-loss-limit"} else None,
        "limit_price": first if kind == "limit" else second,
    }


def instant(seconds: object) -> datetime:
    """Return the time of Kraken's seconds since 1970, which come as number or text."""
    return datetime.fromtimestamp(float(str(seconds)), UTC)


def symbols_by_name(markets: Iterable[Raw]) -> dict[str, str]:
    """Return the desk's symbols by each of Kraken's names of a pair: XXBTZUSD, XBTUSD, XBT/USD."""
    found: dict[str, str] = {}
    for market in markets:
        for name in (market["id"], market.get("altname"), market.get("wsId")):
            if name:
                found[str(name)] = str(market["symbol"])
    return found
