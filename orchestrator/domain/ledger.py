"""How venue facts change a book: fills, cash events, drift. Pure, and safe to apply twice.

A fill is known by its trade id, a cash event by its id; what a book has seen changes nothing the second time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from orchestrator.domain.base import ZERO, utc_day
from orchestrator.domain.documents import BookDoc
from orchestrator.domain.foreign import multiplier_of
from orchestrator.domain.kelly import StrategyRecord
from orchestrator.domain.orders import Fill, Order, Purpose, Side, apply_fills
from orchestrator.domain.positions import (
    Position,
    PositionLeg,
    Trade,
    closed_trade,
    entry_basis,
    fill_position,
    open_position,
    unit_risk_usd,
    with_raised_stop,
)
from orchestrator.domain.trial import traded

BY_HAND = "owner-"
"""How the trade ids of fills that a person entered begin."""

FROM_TOTAL = "total-"
"""How the trade ids of fills begin that were booked from an order's total, for want of its executions."""


@dataclass(frozen=True, slots=True)
class Posted:
    """A book after venue facts, the orders they changed, and the round trips they completed."""

    book: BookDoc
    order: Order | None = None
    trade: Trade | None = None


def post_fill(book: BookDoc, order: Order, fill: Fill, now: datetime) -> Posted:
    """Return the book after one fill of one of its orders; what stood in for it gives way to the venue's word."""
    known = any(fill.trade_id == other.trade_id for other in order.fills)
    stand_in = None if known or stands_in(fill) else next(filter(_same_symbol(fill), order.fills), None)
    if stand_in is not None:
        return _post_in_place(book, order, stand_in, fill=fill, now=now)
    after = apply_fills(order, [fill], now)
    if after is order:
        return Posted(book)
    book = book.model_copy(update={"orders": {**book.orders, order.id: after}, "fees": book.fees + fill.fee})
    position = book.positions.get(order.intent.position_id)
    if position is None and order.intent.purpose is Purpose.ENTRY:
        position = open_position(order.intent, fill.ts_event)
    if position is None:
        return Posted(book, after)
    return replace(_post_to_position(book, position, after, fill), order=after)


def stands_in(fill: Fill) -> bool:
    """Return whether the fill was booked because the venue's execution was missing."""
    return fill.trade_id.startswith((BY_HAND, FROM_TOTAL))


def _same_symbol(fill: Fill) -> Callable[[Fill], bool]:
    return lambda other: stands_in(other) and other.symbol == fill.symbol


def _post_in_place(book: BookDoc, order: Order, stand_in: Fill, *, fill: Fill, now: datetime) -> Posted:
    """Return the book after a fill of the venue that takes the place of one that stood in, or of a part of it.

    What both say of the quantity is held already: only the difference of quantity is posted, at the venue's price, and
    the difference of price is realized.
    """
    covered = min(stand_in.qty, fill.qty)
    left = stand_in.model_copy(update={"qty": stand_in.qty - covered})
    others = tuple(left if other is stand_in else other for other in order.fills if other is not stand_in or left.qty)
    after = apply_fills(order.model_copy(update={"fills": others}), [fill], now)
    multiplier = next(leg.multiplier for leg in order.intent.legs if leg.symbol == fill.symbol)
    gained = fill.side.sign * covered * (stand_in.price - fill.price) * multiplier
    book = book.model_copy(update={"orders": {**book.orders, order.id: after}, "fees": book.fees + fill.fee})
    book = with_realized(book, gained, fill.ts_event)
    position = book.positions.get(order.intent.position_id)
    if position is not None:
        told = {"realized_pnl": position.realized_pnl + gained, "fees": position.fees + fill.fee}
        position = entry_basis(position.model_copy(update=told), after)
        book = book.model_copy(update={"positions": {**book.positions, position.id: position}})
    return _post_difference(book, position, after, fill.held_qty - covered, fill=fill)


def _post_difference(book: BookDoc, position: Position | None, order: Order, qty: Decimal, *, fill: Fill) -> Posted:
    """Return the book after units that the venue tells beyond (or short of) what stood in."""
    if position is None and order.intent.purpose is Purpose.ENTRY:
        position = open_position(order.intent, fill.ts_event)
    if qty == 0 or position is None:
        return Posted(book, order)
    side = fill.side if qty > 0 else fill.side.opposite
    more = {"side": side, "qty": abs(qty), "fee": ZERO, "fee_base_qty": ZERO}
    return replace(_post_to_position(book, position, order, fill.model_copy(update=more)), order=order)


def _post_to_position(book: BookDoc, position: Position, order: Order, fill: Fill) -> Posted:
    filled = entry_basis(fill_position(position, fill), order)
    book = with_realized(book, filled.realized_pnl - position.realized_pnl, fill.ts_event)
    if order.intent.purpose is not Purpose.ENTRY:
        filled = filled.model_copy(update=_exit_progress(position, order, fill))
    if not filled.flat:
        return Posted(book.model_copy(update={"positions": {**book.positions, filled.id: filled}}))
    trade = closed_trade(filled, exit_reason=order.intent.reason or order.intent.purpose.value, now=fill.ts_event)
    return Posted(_closed(book, position, filled), trade=trade)


def _exit_progress(position: Position, order: Order, fill: Fill) -> dict[str, Decimal]:
    """Return exit quantity and value, per unit of the structure: the first leg counts the units."""
    legs = order.intent.legs
    ratio = next(leg.ratio for leg in legs if leg.symbol == fill.symbol)
    sign = 1 if len(legs) == 1 else -fill.side.sign * position.side.sign
    units = fill.qty / ratio if fill.symbol == legs[0].symbol else ZERO
    return {
        "exit_qty": position.exit_qty + units,
        "exit_value": position.exit_value + sign * fill.qty * fill.price,
    }


def post_expiry(book: BookDoc, symbol: str, *, event_id: str, price: Decimal, moment: datetime) -> Posted:
    """Return the book after a contract ended without an order: its leg is closed at `price` (0 = worthless)."""
    for position in book.positions.values():
        leg = next((leg for leg in position.legs if leg.symbol == symbol and leg.qty), None)
        if leg is not None:
            fill = _without_order(position, leg, abs(leg.qty), trade_id=event_id, price=price, moment=moment)
            return _post_end(book, position, fill, reason="expiry")
    return Posted(book)


def post_dust(book: BookDoc, position: Position, moment: datetime) -> Posted:
    """Return the book without a position of one coin that is less than any order: nothing is got for it."""
    leg = next(leg for leg in position.legs if leg.qty)
    key = f"dust-{position.id}"
    fill = _without_order(position, leg, abs(leg.qty), trade_id=key, price=ZERO, moment=moment)
    return _post_end(book, position, fill, reason="less than an order")


def post_fraction(
    book: BookDoc, symbol: str, qty: Decimal, *, event_id: str, price: Decimal, moment: datetime
) -> Posted:
    """Return the book after a fraction of a share that a split left over was paid out at `price` (0 = later)."""
    for position in book.positions.values():
        leg = next((leg for leg in position.legs if leg.symbol == symbol and abs(leg.qty) >= qty), None)
        if leg is not None:
            fill = _without_order(position, leg, qty, trade_id=event_id, price=price, moment=moment)
            paid = position.model_copy(
                update={"exit_qty": position.exit_qty + qty, "exit_value": position.exit_value + qty * price}
            )
            return _post_end(book, paid, fill, reason="fraction paid out")
    return Posted(book)


def _without_order(
    position: Position, leg: PositionLeg, qty: Decimal, *, trade_id: str, price: Decimal, moment: datetime
) -> Fill:
    """Return what closes a part of a leg although nobody ordered it."""
    return Fill(
        trade_id=trade_id,
        client_order_id=position.id,
        symbol=leg.symbol,
        side=Side.SELL if leg.qty > 0 else Side.BUY,
        qty=qty,
        price=price,
        ts_event=moment,
    )


def _post_end(book: BookDoc, position: Position, fill: Fill, *, reason: str) -> Posted:
    ended = fill_position(position, fill)
    book = with_realized(book, ended.realized_pnl - position.realized_pnl, fill.ts_event)
    if ended.flat:
        trade = closed_trade(ended, exit_reason=reason, now=fill.ts_event)
        return Posted(_closed(book, position, ended), trade=trade)
    return Posted(book.model_copy(update={"positions": {**book.positions, ended.id: ended}}))


def post_delivery(
    book: BookDoc, symbol: str, *, qty: Decimal, price: Decimal, event_id: str, moment: datetime
) -> Posted:
    """Return the book with shares that an exercise or assignment delivered, as a leg of their option's position.

    Shares of it that go the other way are left at the strike instead: those that a call gives away, or those that the
    other side of a spread has just brought.

    Parameters
    ----------
    qty
        Shares, signed: taken in positive, given away negative.
    price
        The strike, USD per share.
    """
    position = next((held for held in book.positions.values() if held.symbol == symbol), None)
    if position is None:
        return Posted(book)
    book = book.model_copy(update={"delivered": book.delivered - qty * price})
    leg = next((leg for leg in position.legs if leg.symbol == symbol and leg.qty * qty < 0), None)
    if leg is not None and abs(leg.qty) >= abs(qty):
        fill = _without_order(position, leg, abs(qty), trade_id=event_id, price=price, moment=moment)
        shares = fill.qty if position.legs[0] is leg else ZERO
        left = {"exit_qty": position.exit_qty + shares, "exit_value": position.exit_value + shares * price}
        return _post_end(book, position.model_copy(update=left), fill, reason="delivery")
    legs = (*position.legs, PositionLeg(symbol=symbol, qty=qty, avg_px=price))
    positions = {**book.positions, position.id: position.model_copy(update={"legs": legs, "max_loss_usd": None})}
    return Posted(book.model_copy(update={"positions": positions}))


def _closed(book: BookDoc, before: Position, after: Position) -> BookDoc:
    """Return the book without a position that has become flat, its round trip counted once, for its strategy too."""
    rest = {key: position for key, position in book.positions.items() if key != after.id}
    records, trial = book.records, book.trial
    at_risk = unit_risk_usd(before) * _entered(before, after)
    if at_risk > 0:
        known = records.get(after.strategy, StrategyRecord())
        gained = float((after.realized_pnl - after.fees) / at_risk)
        records = {**records, after.strategy: known.with_trade(gained)}
        trial = traded(trial, after.parameters_version, gained, {**after.features, "confidence": after.confidence})
    return book.model_copy(update={"positions": rest, "trades": book.trades + 1, "records": records, "trial": trial})


def _entered(before: Position, after: Position) -> Decimal:
    """Return how many units a round trip had; of a structure's legs the first to be closed counts them."""
    return before.entered_units if len(before.legs) == 1 else max(before.units, after.exit_qty)


def with_raised_stops(book: BookDoc, stops: Mapping[str, Decimal]) -> BookDoc:
    """Return the book with the stops of positions risen to `stops`, by position id; none ever falls."""
    risen = {key: with_raised_stop(held, stops[key]) for key, held in book.positions.items() if key in stops}
    return book.model_copy(update={"positions": {**book.positions, **risen}}) if risen else book


def with_realized(book: BookDoc, gained: Decimal, moment: datetime) -> BookDoc:
    """Return the book with realized P&L added to its total and to its UTC day."""
    day = utc_day(moment)
    today = book.realized_today if book.realized_day == day else ZERO
    return book.model_copy(
        update={
            "realized_pnl": book.realized_pnl + gained,
            "realized_day": day,
            "realized_today": today + gained,
        }
    )


def cash_flow(fill: Fill) -> Decimal:
    """Return the USD by which an execution changes the cash of the account; a fee in another currency changes none."""
    paid = fill.fee if fill.fee_currency == "USD" and not fill.fee_base_qty else ZERO
    return -fill.side.sign * fill.qty * fill.price * multiplier_of(fill.symbol) - paid
