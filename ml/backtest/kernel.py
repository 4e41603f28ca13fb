"""The event loop of the backtest, compiled: bars and wishes in, equity and trades out.

It knows arrays and numbers (`ml.backtest.layout`), no strategy and no desk; `ml.backtest.engine` fills them.

On each bar, in this order: corporate actions and borrowing; departures and entries at the open; stop, ladder and
target within the bar, the stop first; the close, at which stops move and departures are decided. With fills on the
same close, departures and entries come after the close instead.
"""

from __future__ import annotations

import math

import numpy as np

from ml.backtest.bits import next_known, quiet_until
from ml.backtest.compiled import apart, compiled, inner
from ml.backtest.layout import (
    A_DIVIDEND,
    A_ROW,
    A_SPLIT,
    A_SYMBOL,
    ACTIVE,
    ASK,
    BORROW,
    BRAKE,
    CASH,
    COSTS,
    DAILY_LOSS,
    DAY,
    DAY_S,
    DAY_START,
    DRAWDOWN_HALTED,
    DRAWDOWN_REDUCING,
    DUE,
    ENDED,
    ENTRY,
    EQUITY,
    FLOW,
    HALTED,
    HELD,
    HIGH,
    INF,
    MARK,
    MOMENTS,
    N_AHEAD,
    N_ALONE,
    N_BRAKE,
    N_WISH,
    NEXT_RUNG,
    NO_ENTRY,
    NOTHING,
    OPEN,
    OPENING,
    PAID,
    PEAK,
    PLACES,
    PLAN,
    QTY,
    QUIET_DAY,
    REDUCING,
    REFUSED,
    REST,
    RISK,
    SAME_CLOSE,
    SHORT,
    SIDE,
    STATE,
    STOP,
    SYMBOL,
    TARGET,
    TOP,
    TRADES,
    UNITS,
    YEAR_S,
    Bars,
    Desk,
    Floats,
)
from ml.backtest.position import (
    at_close,
    enter,
    leave,
    look,
    sell_touched,
    touched,
    trade_price,
)


@compiled
def run(bars: Bars, desk: Desk, curves: Floats) -> int:
    """Trade every row and return the number of round trips; `curves` (2, T) gets equity and gross exposure."""
    book, purse = desk.book, desk.purse
    action = row = int(np.int64(0))  # with the number 0 itself, what is called would be compiled once more for it
    late = purse[SAME_CLOSE] != 0.0
    watched = min(purse[DAILY_LOSS], purse[DRAWDOWN_REDUCING], purse[DRAWDOWN_HALTED]) < INF
    alone = desk.now[N_ALONE] != 0.0 and not watched and purse[BORROW] == 0.0
    while row < len(bars.ends):
        row = _skip(bars, desk, curves, row) if alone else row
        if row == len(bars.ends):
            break
        action = begin(bars, desk, row, action)
        if not late and row > 0 and _anything(bars.target[row - 1], book):
            trade(bars, desk, row, row - 1)
        if purse[OPEN] > 0.0:
            _pass_bar(bars, desk, row)
        if late and _anything(bars.target[row], book):
            trade(bars, desk, row, row)
        curves[0, row], curves[1, row] = worth(book, purse)
        if watched:
            watch(desk, bars.ends[row] // DAY_S, curves[0, row])
        row += 1
    curves[0, -1] = finish(bars, desk, len(bars.ends) - 1)
    return int(purse[TRADES])


@inner
def _skip(bars: Bars, desk: Desk, curves: Floats, row: int) -> int:
    """Pass rows of a single column in which nothing can happen; return the first one in which something may."""
    one, cash = desk.book[0], desk.purse[CASH]
    if desk.now[N_AHEAD] < row:
        desk.now[N_AHEAD] = next_known(bars.lane.wish, row)
    ahead = int(desk.now[N_AHEAD])
    if one[SIDE] == 0.0:
        lag = 1 - int(desk.purse[SAME_CLOSE])
        first = row if row > 0 and not math.isnan(bars.target[row - lag, 0]) else min(ahead + lag, len(bars.target))
        for passed in range(row, first):
            curves[0, passed] = cash
            curves[1, passed] = 0.0
        return first
    if one[DUE] != 0.0:
        return row
    first = quiet_until(bars, one, row, ahead)
    qty, top = one[QTY], one[TOP]
    for passed in range(row, first):
        close = bars.lane.close[passed]
        top = max(top, close)
        curves[1, passed] = qty * close
        curves[0, passed] = cash + qty * close
    if first > row:
        one[TOP], one[MARK] = top, bars.lane.close[first - 1]
    return first


@inner
def _pass_bar(bars: Bars, desk: Desk, row: int) -> None:
    """Take what is held through the bar."""
    for column in range(len(desk.book)):
        one = desk.book[column]
        if one[SIDE] != 0.0 and look(bars, desk.now, row, int(one[SYMBOL])):
            desk.now[N_WISH] = bars.target[row, column]
            first = touched(one, desk.now)
            if first != NOTHING:
                sell_touched(desk, column, first)
            if one[SIDE] != 0.0:
                at_close(one, desk.now)


@inner
def begin(bars: Bars, desk: Desk, row: int, action: int) -> int:
    """Do what happens before a bar opens; return the place of the next corporate action."""
    if desk.purse[BORROW] > 0.0 and row > 0:
        _charge_borrowing(desk.book, desk.purse, (bars.ends[row] - bars.ends[row - 1]) / YEAR_S)
    while action < len(bars.actions) and bars.actions[action, A_ROW] <= row:
        if bars.actions[action, A_ROW] == row:
            _act(bars.actions[action], desk.book, desk.purse)
        action += 1
    return action


@inner
def _anything(target: Floats, book: Floats) -> bool:
    """Return whether a row's wishes, or what is due, could make an order."""
    for column in range(len(book)):
        if book[column, SIDE] == 0.0:
            if abs(target[column]) == 1.0:
                return True
        elif book[column, DUE] != 0.0:
            return True
    return False


@inner
def trade(bars: Bars, desk: Desk, row: int, seen: int) -> None:
    """Leave what is due and enter what was wanted at the end of row `seen`, at the open or the close of `row`."""
    wanted = 0
    for column in range(len(desk.book)):
        one = desk.book[column]
        known = look(bars, desk.now, row, int(one[SYMBOL]))
        asked = -1.0
        if one[SIDE] != 0.0:
            if known and one[DUE] != 0.0 and desk.purse[MOMENTS] == 0.0:
                leave(desk, column, trade_price(desk), one[DUE] - 1.0)
        elif known and _wants(bars, desk.purse, one, seen * len(desk.book) + column):
            asked = max(bars.confidence[seen, column], 0.0)
            wanted += 1
        one[ASK] = asked
    quiet = desk.purse[QUIET_DAY] == bars.ends[row] // DAY_S or bars.flags[row] & NO_ENTRY
    if wanted and not quiet and desk.purse[STATE] == ACTIVE:
        _enter_best(bars, desk, row, seen)


@inner
def _wants(bars: Bars, purse: Floats, one: Floats, place: int) -> bool:
    """Return whether a column asks for a position that a size and a stop can be said of."""
    columns = bars.target.shape[1]
    seen, column, symbol = place // columns, place % columns, int(one[SYMBOL])
    wish = bars.target[seen, column]
    sided = wish == 1.0 or (wish == -1.0 and purse[SHORT] != 0.0)
    fit: bool = bars.weight[seen, symbol] > 0.0 and bars.move[seen, symbol] > 0.0
    return sided and fit


@inner
def _enter_best(bars: Bars, desk: Desk, row: int, seen: int) -> None:
    """Open what was asked for, the surest first, as long as strategy and symbol have room."""
    book, moments = desk.book, desk.purse[MOMENTS] != 0.0
    while True:
        best = _surest(book, moments)
        if best < 0:
            return
        book[best, ASK] = -1.0
        taken, free = 0, not moments or _is_news(book, best, row, bars.flags[row] & OPENING)
        for column in range(len(book)):
            if book[column, SIDE] != 0.0 or book[column, ASK] == REFUSED:
                taken += book[column, PLAN] == book[best, PLAN]
                free = free and book[column, SYMBOL] != book[best, SYMBOL]
        if free and taken < book[best, PLACES]:
            look(bars, desk.now, row, int(book[best, SYMBOL]))
            desk.now[N_WISH] = bars.target[seen, best]
            enter(bars, desk, seen, best)
            if moments and book[best, SIDE] == 0.0:
                book[best, ASK] = REFUSED


@inner
def _is_news(book: Floats, column: int, row: int, opening: int) -> bool:
    """Return whether a bar has closed since the column's symbol was last held: one signal is one position."""
    closed = row if opening == 0 else row - 1
    for other in range(len(book)):
        if book[other, SYMBOL] == book[column, SYMBOL] and book[other, HELD] > closed:
            return False
    return True


@inner
def _surest(book: Floats, moments: bool) -> int:
    """Return the column that asks with the most confidence, at moments by symbol where several do; -1 = none."""
    best = -1
    for column in range(len(book)):
        asked = book[column, ASK]
        if asked < 0.0 or (best >= 0 and asked < book[best, ASK]):
            continue
        if best < 0 or asked > book[best, ASK] or (moments and book[column, SYMBOL] < book[best, SYMBOL]):
            best = column
    return best


@inner
def worth(book: Floats, purse: Floats) -> tuple[float, float]:
    """Return the account's equity and the worth of all that is held."""
    worth, gross = purse[CASH], 0.0
    if purse[OPEN] == 0.0:
        return worth, gross
    for column in range(len(book)):
        held = book[column, QTY] * book[column, MARK]
        worth += held
        gross += abs(held)
    return worth, gross


@apart
def watch(desk: Desk, day: int, worth: float) -> None:
    """Put the brake on where losses ask for it."""
    book, purse = desk.book, desk.purse
    if day != purse[DAY]:
        purse[DAY], purse[DAY_START] = day, purse[EQUITY]
    purse[EQUITY], purse[PEAK] = worth, max(purse[PEAK], worth)
    if worth <= purse[DAY_START] * (1.0 - purse[DAILY_LOSS]):
        purse[QUIET_DAY] = day
    if purse[STATE] == HALTED or worth <= purse[PEAK] * (1.0 - purse[DRAWDOWN_HALTED]):
        purse[STATE], desk.now[N_BRAKE] = HALTED, 1.0
        for column in range(len(book)):
            if book[column, SIDE] != 0.0:
                book[column, DUE] = BRAKE + 1
    else:
        purse[STATE] = REDUCING if worth <= purse[PEAK] * (1.0 - purse[DRAWDOWN_REDUCING]) else ACTIVE


@apart
def _act(action: Floats, book: Floats, purse: Floats) -> None:
    """Apply a split and dividend to what is held over the start of its row."""
    split, dividend = action[A_SPLIT], action[A_DIVIDEND]
    for column in range(len(book)):
        one = book[column]
        if one[SIDE] != 0.0 and one[SYMBOL] == action[A_SYMBOL]:
            one[FLOW] += one[QTY] * dividend
            purse[CASH] += one[QTY] * dividend
            one[QTY] *= split
            one[UNITS] *= split
            for price in (MARK, ENTRY, STOP, TARGET, NEXT_RUNG, RISK, TOP, HIGH, PAID, REST):
                one[price] /= split


@apart
def _charge_borrowing(book: Floats, purse: Floats, years: float) -> None:
    for column in range(len(book)):
        one = book[column]
        if one[SIDE] < 0.0:
            cost = -one[QTY] * one[MARK] * purse[BORROW] * years
            purse[CASH] -= cost
            one[FLOW] -= cost
            one[COSTS] += cost


@apart
def finish(bars: Bars, desk: Desk, row: int) -> float:
    """Leave what is still held at its last known price; return the equity after."""
    for column in range(len(desk.book)):
        if desk.book[column, SIDE] != 0.0:
            look(bars, desk.now, row, int(desk.book[column, SYMBOL]))
            leave(desk, column, desk.book[column, MARK], ENDED)
    equity: float = desk.purse[CASH]
    return equity
