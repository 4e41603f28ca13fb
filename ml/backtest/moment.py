"""A moment as the desk has it, compiled: it looks, and trades at the quote that it sees.

Between two moments only the stop that lies at the venue works; target, ladder and a stop that has moved are looked at
by the desk, so they count at the moment's price. Entries are sized before exits have filled, as in one cycle.
"""

from __future__ import annotations

import numpy as np

from ml.backtest.compiled import apart, compiled
from ml.backtest.grid import middle, on_tick
from ml.backtest.kernel import begin, finish, trade, watch, worth
from ml.backtest.layout import (
    BASE,
    BRAKE,
    DAILY_LOSS,
    DAY_S,
    DRAWDOWN_HALTED,
    DRAWDOWN_REDUCING,
    DUE,
    HALF_SPREAD,
    HELD,
    HIGH,
    HOLD_S,
    INF,
    MARK,
    N_BRAKE,
    N_CLOSE,
    N_END,
    N_HIGH,
    N_LEAVE,
    N_LEVEL,
    N_LOW,
    N_MOVE,
    N_OPEN,
    N_OPENING,
    N_ROW,
    N_WISH,
    NEXT_RUNG,
    NOTHING,
    QTY,
    REACHED,
    RESERVED,
    REST,
    RESTOP_R,
    RISK,
    ROW,
    SESSION,
    SIDE,
    SIGNAL,
    SINCE,
    STOP,
    STOPPED,
    SYMBOL,
    TARGET,
    TICK,
    TIMED,
    TOP,
    TRADES,
    Bars,
    Desk,
    Floats,
)
from ml.backtest.position import climb, follow, leave, look


@compiled
def run(bars: Bars, desk: Desk, curves: Floats) -> int:
    """Trade every row and return the number of round trips; what is still held is written as one that has not ended.

    `curves` (2, T) gets equity and gross exposure; the last equity is that of what is held, not of having sold it.
    """
    book, purse, action = desk.book, desk.purse, int(np.int64(0))
    watched = min(purse[DAILY_LOSS], purse[DRAWDOWN_REDUCING], purse[DRAWDOWN_HALTED]) < INF
    for row in range(len(bars.ends)):
        action = begin(bars, desk, row, action)
        for column in range(len(book)):
            one = book[column]
            if one[SIDE] != 0.0 and look(bars, desk.now, row, int(one[SYMBOL])):
                desk.now[N_WISH] = bars.target[row, column]
                _look_after(desk, column)
        _act(bars, desk, row)
        curves[0, row], curves[1, row] = worth(book, purse)
        if watched:
            watch(desk, bars.ends[row] // DAY_S, curves[0, row])
    finish(bars, desk, len(bars.ends) - 1)
    return int(purse[TRADES])


@apart
def _act(bars: Bars, desk: Desk, row: int) -> None:
    """Trade as one cycle does: enter beside what is held, sized by the equity before it; then leave what is due."""
    book = desk.book
    desk.purse[BASE] = worth(book, desk.purse)[0]
    for column in range(len(book)):
        if book[column, SIDE] != 0.0:
            book[column, HELD] = row + 1
    trade(bars, desk, row, row)
    for column in range(len(book)):
        there = book[column, HELD] == row + 1 and book[column, SIDE] != 0.0
        if there and look(bars, desk.now, row, int(book[column, SYMBOL])):
            _leave_due(desk, column)


@apart
def _look_after(desk: Desk, column: int) -> None:
    """Work the resting stop over the bar, then let the desk look at what is left."""
    one, now = desk.book[column], desk.now
    side = one[SIDE]
    one[RESERVED] = 0.0
    if (now[N_LOW] if side > 0.0 else -now[N_HIGH]) > one[REST]:
        _judge(one, now, desk.purse[HALF_SPREAD])
        return
    now[N_LEVEL] = 1.0 - min(now[N_OPENING], 1.0)
    price = side * min(side * now[N_OPEN], one[REST])
    _leave(desk, column, now[N_CLOSE] if now[N_OPENING] != 0.0 else price, STOPPED)
    now[N_LEVEL] = 0.0


@apart
def _judge(one: Floats, now: Floats, half_spread: float) -> None:
    """Let the stop follow the marks, and decide whether the position is left at this moment."""
    side = one[SIDE]
    mark = side * middle(now[N_CLOSE], half_spread, one[TICK])
    one[MARK], one[TOP] = now[N_CLOSE], max(one[TOP], mark)
    one[HIGH] = max(one[HIGH], one[TOP])
    if now[N_OPENING] == 0.0 and now[N_ROW] >= one[ROW] + 2.0:
        one[HIGH] = max(one[HIGH], now[N_HIGH] if side > 0.0 else -now[N_LOW])
    follow(one, now[N_MOVE])
    one[DUE] = _due(one, now, mark) + 1
    risen = one[STOP] - one[REST] >= max(one[RESTOP_R] * one[RISK], one[TICK])
    if one[RESTOP_R] > 0.0 and one[DUE] == 0.0 and now[N_OPENING] == 0.0 and risen:
        one[REST] = on_tick(one[STOP], one[TICK])


@apart
def _due(one: Floats, now: Floats, mark: float) -> float:
    if mark <= one[STOP]:
        return STOPPED
    if mark >= one[TARGET]:
        return REACHED
    if now[N_END] - one[SINCE] >= one[HOLD_S]:
        return TIMED
    if now[N_LEAVE] != 0.0:
        return SESSION
    if now[N_OPENING] == 0.0 and (now[N_WISH] == 0.0 or now[N_WISH] == -one[SIDE]):
        return SIGNAL
    return BRAKE if now[N_BRAKE] != 0.0 else NOTHING


@apart
def _leave_due(desk: Desk, column: int) -> None:
    """Leave a position that is due at the touch, or sell what its ladder has reached; `desk.now` is its bar."""
    one = desk.book[column]
    price = desk.now[N_CLOSE]
    if one[DUE] != 0.0:
        _leave(desk, column, price, one[DUE] - 1.0)
        return
    mark = one[SIDE] * middle(price, desk.purse[HALF_SPREAD], one[TICK])
    while one[SIDE] != 0.0 and one[NEXT_RUNG] <= mark:
        climb(desk, column, price)
        if one[QTY] == 0.0:
            _leave(desk, column, price, REACHED)


@apart
def _leave(desk: Desk, column: int, price: float, reason: float) -> None:
    leave(desk, column, price, reason)
