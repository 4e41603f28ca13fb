"""The event loop where one column is all there is to look at, compiled.

There are no sessions, corporate actions, borrowing or brakes. It does what `ml.backtest.kernel` does, but passes rows
in which nothing can happen many at a time, and of what several columns share nothing is compiled.
"""

from __future__ import annotations

from ml.backtest.bits import next_known, quiet_until
from ml.backtest.compiled import apart, compiled, inner
from ml.backtest.layout import ENDED, Bars, Desk, Seat
from ml.backtest.position import at_close, close, enter, look, sell_touched, trade_price, wants
from ml.backtest.primitive import least, most, whole


@compiled
def run(bars: Bars, desk: Desk) -> int:
    """Trade every row and return the number of round trips."""
    seat = Seat(desk.book[0], desk.purse, desk.now, desk.tallies[0])
    one, rows = seat.one, len(bars.ends)
    row, lag = whole(0.0), 1 - whole(desk.purse.same_close)
    ahead = row - 1
    while row < rows:
        seen = row if one.side != 0.0 else most(row - lag, 0)
        if ahead < seen:
            ahead = next_known(bars.target, seen)
        row = (
            _pass_quiet(bars, desk, row, ahead) if one.side != 0.0 else _pass_idle(desk, row, least(ahead + lag, rows))
        )
        if row == rows:
            break
        if lag == 1 and row > 0:
            _trade(bars, desk, row, row - 1)
        if one.side != 0.0:
            _pass_bar(bars, desk, row)
        if lag == 0:
            _trade(bars, desk, row, row)
        held = one.qty * one.mark
        desk.equity[row], desk.gross[row] = desk.purse.cash + held, abs(held)
        row += 1
    if one.side != 0.0:
        look(bars, desk.now, rows - 1, 0)
        close(desk.trips, seat, one.mark, ENDED)
        desk.equity[rows - 1] = desk.purse.cash
    return whole(desk.purse.trips)


@inner
def _pass_idle(desk: Desk, row: int, until: int) -> int:
    """Pass rows before a wish, with nothing held; return the row that it is traded in."""
    cash = desk.purse.cash
    for passed in range(row, until):
        desk.equity[passed] = cash
        desk.gross[passed] = 0.0
    return until


@inner
def _pass_quiet(bars: Bars, desk: Desk, row: int, ahead: int) -> int:
    """Pass rows that do nothing to what is held; return the first one that may."""
    one, cash = desk.book[0], desk.purse.cash
    if one.due != 0.0:
        return row
    until = quiet_until(bars, one, row, ahead)
    qty, top = one.qty, one.top
    for passed in range(row, until):
        close = bars.close[passed]
        top = most(top, close)
        desk.gross[passed] = qty * close
        desk.equity[passed] = cash + qty * close
    if until > row:
        one.top, one.mark = top, bars.close[until - 1]
    return until


@apart
def _trade(bars: Bars, desk: Desk, row: int, seen: int) -> None:
    """Leave what is due, or enter what was wanted at the end of row `seen`."""
    seat = Seat(desk.book[0], desk.purse, desk.now, desk.tallies[0])
    one = seat.one
    known = look(bars, seat.now, row, 0)
    if one.side != 0.0:
        if known and one.due != 0.0:
            close(desk.trips, seat, trade_price(seat), one.due - 1.0)
    elif known and one.places >= 1.0 and wants(bars, seat, seen, seen):
        enter(seat)


@inner
def _pass_bar(bars: Bars, desk: Desk, row: int) -> None:
    """Take what is held through the bar."""
    seat = Seat(desk.book[0], desk.purse, desk.now, desk.tallies[0])
    if look(bars, seat.now, row, 0):
        seat.now.wish = bars.target[row]
        sell_touched(desk.trips, seat)
        if seat.one.side != 0.0:
            at_close(seat)
