"""Entries beside what an account holds in its other columns, compiled."""

from __future__ import annotations

from collections.abc import Sequence

from ml.backtest.compiled import apart, inner
from ml.backtest.grid import middle, touch, worst
from ml.backtest.layout import Column, Desk, Purse, Seat
from ml.backtest.position import affordable, begin, planned, slipped, trade_price
from ml.backtest.primitive import either, least, whole


@inner
def worth(book: Sequence[Column], purse: Purse) -> tuple[float, float]:
    """Return the account's equity and the worth of all that is held."""
    worth, gross = purse.cash, 0.0
    if purse.open == 0.0:
        return worth, gross
    for column in range(len(book)):
        one = book[column]
        held = one.qty * one.mark
        worth += held
        gross += abs(held)
    return worth, gross


@apart
def enter_beside(desk: Desk, column: int) -> None:
    """Open the position that a column wants, if it may have any size beside the others."""
    one = desk.book[column]
    seat = Seat(one, desk.purse, desk.now, desk.tallies[whole(one.plan)])
    if seat.purse.moments != 0.0:
        _enter_at_quote(desk, seat)
        return
    price = trade_price(seat)
    left = _left_of_gross(desk, seat)
    seat.now.room = least(seat.now.room, affordable(seat.purse, left))
    qty = planned(seat, price)
    if qty > 0.0:
        begin(seat, qty, price, slipped(seat, seat.now.wish * qty, price))


@apart
def _enter_at_quote(desk: Desk, seat: Seat) -> None:
    """Open a position as the desk does: sized at the quote's middle, paid at its touch, reserved at its limit."""
    one, purse, now = seat.one, seat.purse, seat.now
    price = middle(now.close, purse.half_spread, one.tick)
    ask = touch(now.close, purse.half_spread, one.tick, 1.0)
    left = _left_of_gross(desk, seat)
    now.room = least(now.room, left) * price / worst(ask, purse.through, one.tick)
    qty = planned(seat, price)
    if qty > 0.0:
        paid = quoted(seat, now.wish * qty, now.close)
        begin(seat, qty, now.close, paid)
        one.entry = one.side * paid
        one.next_rung = one.entry + one.risk * one.rung_r[0]
        one.reserved = qty * one.leverage * worst(paid, purse.through, one.tick)


@apart
def _left_of_gross(desk: Desk, seat: Seat) -> float:
    """Write what sizes are fractions of, and what strategy and symbol have left; return what is left of all."""
    one, purse, now = seat.one, seat.purse, seat.now
    equity, all_of, of_plan, of_symbol = purse.cash, 0.0, 0.0, 0.0
    for column in range(len(desk.book)):
        other = desk.book[column]
        equity += other.qty * other.mark
        exposure = _exposure(other, purse)
        all_of += exposure
        of_plan += either(other.plan == one.plan, exposure, 0.0)
        of_symbol += either(other.symbol == one.symbol, exposure, 0.0)
    equity = either(purse.moments != 0.0, now.equity, equity)
    now.base = either(purse.compound != 0.0, equity, purse.capital)
    now.room = least(purse.strategy * now.base - of_plan, purse.symbol * now.base - of_symbol)
    return purse.gross * now.base - all_of


@inner
def _exposure(one: Column, purse: Purse) -> float:
    """Return a position's exposure; at moments at the quote's middle, and what is just entered at its worst."""
    if purse.moments == 0.0:
        return abs(one.qty * one.mark) * one.leverage
    if one.reserved > 0.0:
        return one.reserved
    return abs(one.qty) * middle(one.mark, purse.half_spread, one.tick) * one.leverage


@inner
def quoted(seat: Seat, qty: float, price: float) -> float:
    """Return the price paid at a moment: the touch, or a level that was agreed."""
    return price if seat.now.level != 0.0 else touch(price, seat.purse.half_spread, seat.one.tick, qty)
