"""Orders in Alpaca's words: what is sent, and what an answer means. Pure translation, no calls."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from orchestrator.adapters.alpaca.client import Raw, plain
from orchestrator.adapters.rows import choice, fields, maybe_number, maybe_word, number, said, shortened, word
from orchestrator.domain.base import ZERO, floor_to
from orchestrator.domain.errors import MalformedDataError, OrderRefusedError
from orchestrator.domain.instruments import is_occ
from orchestrator.domain.orders import Leg, OrderIntent, OrderState, OrderType, Purpose, Side, TimeInForce
from orchestrator.domain.venues import ALPACA
from orchestrator.ports import VenueOrder

_RESTING = (
    "new", "accepted", "pending_new", "partially_filled", "held", "done_for_day", "pending_cancel", "pending_replace",
    "accepted_for_bidding", "stopped", "suspended", "calculated",
)  # fmt: skip
_STATES = {
    **dict.fromkeys(_RESTING, OrderState.WORKING),
    "filled": OrderState.FILLED,
    "canceled": OrderState.CANCELLED,
    "replaced": OrderState.CANCELLED,
    "expired": OrderState.EXPIRED,
    "rejected": OrderState.REJECTED,
}
"""Every state of Alpaca's documentation; another word is a trouble, never a guess."""

_FRACTION = Decimal("0.000000001")
"""The least part of a share that Alpaca trades; the desk itself buys whole ones."""

SIDES = {"buy": Side.BUY, "sell": Side.SELL, "sell_short": Side.SELL}


def request_of(intent: OrderIntent) -> Raw:
    """Return the body of POST /v2/orders.

    Raises
    ------
    OrderRefusedError
        Alpaca has no such order: sides that contradict each other, a stop over several legs, an id that does not fit,
        less than one share bought, part of one in an order that is not of the day.
    """
    if not ALPACA.accepts_id(intent.client_order_id):
        raise _cannot(intent, f"client order id of more than {ALPACA.client_id_max_length} characters")
    qty = _quantity(intent)
    body: Raw = {
        "qty": plain(qty),
        "type": intent.order_type.value,
        "time_in_force": intent.time_in_force.value,
        "client_order_id": intent.client_order_id,
    }
    return body | (_package(intent) if len(intent.legs) > 1 else _single(intent))


def _quantity(intent: OrderIntent) -> Decimal:
    """Return whole units; of stocks that are held in fractions all can be left, by an order of the day."""
    grid = ALPACA.grid_at(intent.decision_px)
    if intent.purpose is not Purpose.ENTRY and not is_occ(intent.legs[0].symbol):
        if ALPACA.fractional_day_only and intent.qty % 1 and intent.time_in_force is not TimeInForce.DAY:
            raise _cannot(intent, f"part of a share by an order that is not of the day: {intent.time_in_force}")
        return floor_to(intent.qty, _FRACTION)
    qty = grid.qty(intent.qty)
    if small := grid.too_small(qty, None):
        raise _cannot(intent, small)
    return qty


def _single(intent: OrderIntent) -> Raw:
    leg = intent.legs[0]
    if leg.side is not intent.side or leg.ratio != 1:
        raise _cannot(intent, f"side {intent.side} with a leg {leg.side} x {leg.ratio}")
    option = is_occ(leg.symbol)
    body: Raw = {"symbol": leg.symbol, "side": leg.side.value}
    if intent.order_type is OrderType.LIMIT and intent.limit_price is not None:
        body["limit_price"] = _price(intent.limit_price, leg.side, option=option)
    if intent.order_type is OrderType.STOP and intent.stop_price is not None:
        body["stop_price"] = _price(intent.stop_price, leg.side, option=option)
    if option:
        body["position_intent"] = _position_intent(leg, intent.purpose)
    return body


def _package(intent: OrderIntent) -> Raw:
    if intent.order_type is OrderType.STOP or not ALPACA.min_legs <= len(intent.legs) <= ALPACA.max_legs:
        raise _cannot(intent, f"{intent.order_type} order with {len(intent.legs)} legs")
    body: Raw = {
        "order_class": "mleg",
        "legs": [
            {
                "symbol": leg.symbol,
                "ratio_qty": str(leg.ratio),
                "side": leg.side.value,
                "position_intent": _position_intent(leg, intent.purpose),
            }
            for leg in intent.legs
        ],
    }
    if intent.order_type is OrderType.LIMIT and intent.limit_price is not None:
        body["limit_price"] = _price(intent.limit_price, Side.BUY, option=True)
    return body


def _price(price: Decimal, side: Side, *, option: bool) -> str:
    return plain(ALPACA.grid_at(price, option=option).price(price, side))


def _position_intent(leg: Leg, purpose: Purpose) -> str:
    return f"{leg.side.value}_to_{'open' if purpose is Purpose.ENTRY else 'close'}"


def _cannot(intent: OrderIntent, what: str) -> OrderRefusedError:
    return OrderRefusedError(f"order {intent.client_order_id}: Alpaca takes no {what}; not sent", code="unsupported")


def order_of(raw: object) -> VenueOrder:
    """Return an order of Alpaca in the desk's words.

    Raises
    ------
    MalformedDataError
        A field is missing or absurd, or the state is a word that is not known.
    """
    row = fields(raw)
    qty, filled = maybe_number(row, "qty", above=ZERO), number(row, "filled_qty", least=ZERO)
    state = choice(row, "status", _STATES)
    if qty is not None and (filled > qty or (state is OrderState.FILLED and filled < qty)):
        raise MalformedDataError(f"state {row['status']} with {filled} of {qty} filled")
    if state is OrderState.WORKING and filled:
        state = OrderState.PARTIALLY_FILLED
    return VenueOrder(
        client_order_id=word(row, "client_order_id"),
        broker_order_id=word(row, "id"),
        state=state,
        filled_qty=filled,
        note=str(row["status"]),
        symbol=maybe_word(row, "symbol") or None,
        side=choice(row, "side", SIDES) if maybe_word(row, "side") else None,
        qty=qty,
        limit_price=maybe_number(row, "limit_price"),
        stop_price=maybe_number(row, "stop_price", above=ZERO),
        raw=shortened(raw) if state is OrderState.REJECTED else "",
        avg_price=maybe_number(row, "filled_avg_price") if filled else None,
    )


def family(raw: object) -> Iterator[str]:
    """Yield the ids of an order and of its legs: executions carry a leg's. An order that cannot be read has none."""
    legs = raw.get("legs") if isinstance(raw, dict) else None
    for one in [raw, *(legs if isinstance(legs, list) else ())]:
        key = said(one, "id")
        if key:
            yield key
