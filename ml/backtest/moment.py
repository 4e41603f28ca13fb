"""A moment as the desk has it, compiled: it looks, and trades at the quote that it sees.

Between two moments only the stop that lies at the venue works; target, ladder and a stop that has moved are looked at
by the desk, so they count at the moment's price. Entries are sized before exits have filled, as in one cycle.
"""

from __future__ import annotations

from collections.abc import Sequence

from ml.backtest.beside import quoted, worth
from ml.backtest.compiled import apart, compiled, inner
from ml.backtest.grid import middle, on_tick
from ml.backtest.kernel import begin_row, is_watched, trade, watch
from ml.backtest.layout import (
    BRAKE,
    DAY_S,
    ENDED,
    NOTHING,
    REACHED,
    SESSION,
    SIGNAL,
    STOPPED,
    TIMED,
    Bars,
    Column,
    Desk,
    Now,
    Seat,
    Trip,
)
from ml.backtest.position import follow, leave, look, rung_due, sell_part, tell
from ml.backtest.primitive import either, least, most, whole


@compiled
def run(bars: Bars, desk: Desk) -> int:
    """Trade every row and return the number of round trips; what is still held is written as one that has not ended.

    The last equity is that of what is held, not of having sold it.
    """
    purse, action = desk.purse, whole(0.0)
    watched = is_watched(purse)
    for row in range(len(bars.ends)):
        action = begin_row(bars, desk, row, action)
        for column in range(len(desk.book)):
            one = desk.book[column]
            seat = Seat(one, desk.purse, desk.now, desk.tallies[whole(one.plan)])
            if one.side != 0.0 and look(bars, desk.now, row, whole(one.symbol)):
                desk.now.wish = bars.target[row * len(desk.book) + column]
                _look_after(desk.trips, seat)
        _act(bars, desk, row)
        desk.equity[row], desk.gross[row] = worth(desk.book, purse)
        if watched:
            watch(desk, bars.ends[row] // DAY_S, desk.equity[row])
    _finish(bars, desk, len(bars.ends) - 1)
    return whole(purse.trips)


@apart
def _act(bars: Bars, desk: Desk, row: int) -> None:
    """Trade as one cycle does: enter beside what is held, sized by the equity before it; then leave what is due."""
    desk.now.equity = worth(desk.book, desk.purse)[0]
    for column in range(len(desk.book)):
        one = desk.book[column]
        if one.side != 0.0:
            one.held = row + 1
    trade(bars, desk, row, row)
    for column in range(len(desk.book)):
        one = desk.book[column]
        seat = Seat(one, desk.purse, desk.now, desk.tallies[whole(one.plan)])
        there = one.held == row + 1 and one.side != 0.0
        if there and look(bars, desk.now, row, whole(one.symbol)):
            _leave_due(desk.trips, seat)


@apart
def _look_after(trips: Sequence[Trip], seat: Seat) -> None:
    """Work the resting stop over the bar, then let the desk look at what is left."""
    one, now, side = seat.one, seat.now, seat.one.side
    one.reserved = 0.0
    if either(side > 0.0, now.low, -now.high) > one.rest:
        _judge(seat)
        return
    now.level = 1.0 - least(now.opening, 1.0)
    _close(trips, seat, either(now.opening != 0.0, now.close, side * least(side * now.open, one.rest)), STOPPED)
    now.level = 0.0


@apart
def _judge(seat: Seat) -> None:
    """Let the stop follow the marks, and decide whether the position is left at this moment."""
    one, now, side = seat.one, seat.now, seat.one.side
    mark = side * middle(now.close, seat.purse.half_spread, one.tick)
    one.mark, one.top = now.close, most(one.top, mark)
    one.high = most(one.high, one.top)
    if now.opening == 0.0 and now.row >= one.row + 2.0:
        one.high = most(one.high, either(side > 0.0, now.high, -now.low))
    follow(one, now.move)
    one.due = _due(one, now, mark) + 1.0
    risen = one.stop - one.rest >= most(one.restop_r * one.risk, one.tick)
    if one.restop_r > 0.0 and one.due == 0.0 and now.opening == 0.0 and risen:
        one.rest = on_tick(one.stop, one.tick)


@inner
def _due(one: Column, now: Now, mark: float) -> float:
    if mark <= one.stop:
        return STOPPED
    if mark >= one.target:
        return REACHED
    if now.end - one.since >= one.hold_s:
        return TIMED
    if now.leave != 0.0:
        return SESSION
    if now.opening == 0.0 and (now.wish == 0.0 or now.wish + one.side == 0.0):
        return SIGNAL
    return BRAKE if now.brake != 0.0 else NOTHING


@apart
def _leave_due(trips: Sequence[Trip], seat: Seat) -> None:
    """Leave a position that is due at the touch, or sell what its ladder has reached; `now` is its bar."""
    one, price = seat.one, seat.now.close
    if one.due != 0.0:
        _close(trips, seat, price, one.due - 1.0)
        return
    mark = one.side * middle(price, seat.purse.half_spread, one.tick)
    while one.side != 0.0 and one.next_rung <= mark:
        qty = rung_due(one)
        if qty != 0.0:
            sell_part(seat, qty, price, quoted(seat, qty, price))
        if one.qty == 0.0:
            _close(trips, seat, price, REACHED)


@apart
def _close(trips: Sequence[Trip], seat: Seat, price: float, reason: float) -> None:
    """Leave a position at the touch and write its round trip."""
    leave(seat, price, quoted(seat, -seat.one.qty, price))
    tell(trips, seat, reason)


@apart
def _finish(bars: Bars, desk: Desk, row: int) -> None:
    """Write what is still held as left at its last known price."""
    for column in range(len(desk.book)):
        one = desk.book[column]
        seat = Seat(one, desk.purse, desk.now, desk.tallies[whole(one.plan)])
        if one.side != 0.0:
            look(bars, desk.now, row, whole(one.symbol))
            _close(desk.trips, seat, one.mark, ENDED)
