"""The event loop of the backtest, compiled: bars and wishes in, equity and trades out.

It knows arrays and numbers (`ml.backtest.layout`), no strategy and no desk; `ml.backtest.engine` fills them.

On each bar, in this order: corporate actions and borrowing; departures and entries at the open; stop, ladder and
target within the bar, the stop first; the close, at which stops move and departures are decided. With fills on the
same close, departures and entries come after the close instead.
"""

from __future__ import annotations

from collections.abc import Sequence

from ml.backtest.beside import enter_beside, worth
from ml.backtest.compiled import apart, compiled, inner
from ml.backtest.layout import (
    A_DIVIDEND,
    A_ROW,
    A_SPLIT,
    A_SYMBOL,
    ACTION,
    ACTIVE,
    BRAKE,
    DAY_S,
    ENDED,
    HALTED,
    INF,
    NO_ENTRY,
    OPENING,
    REDUCING,
    REFUSED,
    YEAR_S,
    Bars,
    Column,
    Desk,
    Purse,
    Seat,
)
from ml.backtest.position import at_close, close, look, sell_touched, trade_price, wants
from ml.backtest.primitive import either, least, most, whole


@compiled
def run(bars: Bars, desk: Desk) -> int:
    """Trade every row and return the number of round trips."""
    book, purse = desk.book, desk.purse
    action = whole(0.0)  # with the number 0 itself, what is called would be compiled once more for it
    late = purse.same_close != 0.0
    watched = is_watched(purse)
    for row in range(len(bars.ends)):
        action = begin_row(bars, desk, row, action)
        if not late and row > 0 and _anything(bars, book, row - 1):
            trade(bars, desk, row, row - 1)
        if purse.open > 0.0:
            _pass_bar(bars, desk, row)
        if late and _anything(bars, book, row):
            trade(bars, desk, row, row)
        desk.equity[row], desk.gross[row] = worth(book, purse)
        if watched:
            watch(desk, bars.ends[row] // DAY_S, desk.equity[row])
    _finish(bars, desk, len(bars.ends) - 1)
    return whole(purse.trips)


@inner
def is_watched(purse: Purse) -> bool:
    """Return whether losses put a brake on."""
    return least(least(purse.daily_loss, purse.drawdown_reducing), purse.drawdown_halted) < INF


@inner
def _pass_bar(bars: Bars, desk: Desk, row: int) -> None:
    """Take what is held through the bar."""
    for column in range(len(desk.book)):
        one = desk.book[column]
        seat = Seat(one, desk.purse, desk.now, desk.tallies[whole(one.plan)])
        if one.side != 0.0 and look(bars, desk.now, row, whole(one.symbol)):
            desk.now.wish = bars.target[row * len(desk.book) + column]
            sell_touched(desk.trips, seat)
            if one.side != 0.0:
                at_close(seat)


@inner
def begin_row(bars: Bars, desk: Desk, row: int, action: int) -> int:
    """Do what happens before a bar opens; return the place of the next corporate action's first number."""
    if desk.purse.borrow > 0.0 and row > 0:
        _charge_borrowing(desk, (bars.ends[row] - bars.ends[row - 1]) / YEAR_S)
    while action < len(bars.actions) and bars.actions[action + A_ROW] <= row:
        if bars.actions[action + A_ROW] == row:
            _act(bars, desk, action)
        action += ACTION
    return action


@inner
def _anything(bars: Bars, book: Sequence[Column], row: int) -> bool:
    """Return whether a row's wishes, or what is due, could make an order."""
    for column in range(len(book)):
        one = book[column]
        if one.side == 0.0:
            if abs(bars.target[row * len(book) + column]) == 1.0:
                return True
        elif one.due != 0.0:
            return True
    return False


@apart
def trade(bars: Bars, desk: Desk, row: int, seen: int) -> None:
    """Leave what is due and enter what was wanted at the end of row `seen`, at the open or the close of `row`."""
    wanted = 0
    for column in range(len(desk.book)):
        one = desk.book[column]
        seat = Seat(one, desk.purse, desk.now, desk.tallies[whole(one.plan)])
        known = look(bars, desk.now, row, whole(one.symbol))
        asked = -1.0
        if one.side != 0.0:
            if known and one.due != 0.0 and desk.purse.moments == 0.0:
                close(desk.trips, seat, trade_price(seat), one.due - 1.0)
        elif known and wants(bars, seat, seen * len(desk.book) + column, seen):
            asked = most(bars.confidence[seen * len(desk.book) + column], 0.0)
            wanted += 1
        one.ask = asked
    quiet = desk.purse.quiet_day == bars.ends[row] // DAY_S or bars.flags[row] & NO_ENTRY
    if wanted and not quiet and desk.purse.state == ACTIVE:
        _enter_best(bars, desk, row, seen)


@inner
def _enter_best(bars: Bars, desk: Desk, row: int, seen: int) -> None:
    """Open what was asked for, the surest first, as long as strategy and symbol have room."""
    book, moments = desk.book, desk.purse.moments != 0.0
    while True:
        best = _surest(book, moments)
        if best < 0:
            return
        one = desk.book[best]
        seat = Seat(one, desk.purse, desk.now, desk.tallies[whole(one.plan)])
        one.ask = -1.0
        taken, free = 0, not moments or _is_news(book, one, row, bars.flags[row] & OPENING)
        for column in range(len(book)):
            other = book[column]
            if other.side != 0.0 or other.ask == REFUSED:
                taken += other.plan == one.plan
                free = free and other.symbol != one.symbol
        if free and taken < one.places:
            look(bars, desk.now, row, whole(one.symbol))
            wants(bars, seat, seen * len(book) + best, seen)
            enter_beside(desk, best)
            if moments and one.side == 0.0:
                one.ask = REFUSED


@inner
def _is_news(book: Sequence[Column], one: Column, row: int, opening: int) -> bool:
    """Return whether a bar has closed since the column's symbol was last held: one signal is one position."""
    closed = row if opening == 0 else row - 1
    for column in range(len(book)):
        other = book[column]
        if other.symbol == one.symbol and other.held > closed:
            return False
    return True


@inner
def _surest(book: Sequence[Column], moments: bool) -> int:
    """Return the column that asks with the most confidence, at moments by symbol where several do; -1 = none."""
    best, most_asked, symbol = -1, -1.0, 0.0
    for column in range(len(book)):
        one = book[column]
        asked = one.ask
        if asked < 0.0 or (best >= 0 and asked < most_asked):
            continue
        if best < 0 or asked > most_asked or (moments and one.symbol < symbol):
            best, most_asked, symbol = column, asked, one.symbol
    return best


@apart
def watch(desk: Desk, day: int, worth: float) -> None:
    """Put the brake on where losses ask for it."""
    book, purse = desk.book, desk.purse
    if day != purse.day:
        purse.day, purse.day_start = day, purse.equity
    purse.equity, purse.peak = worth, most(purse.peak, worth)
    if worth <= purse.day_start * (1.0 - purse.daily_loss):
        purse.quiet_day = day
    if purse.state == HALTED or worth <= purse.peak * (1.0 - purse.drawdown_halted):
        purse.state, desk.now.brake = HALTED, 1.0
        for column in range(len(book)):
            one = book[column]
            if one.side != 0.0:
                one.due = BRAKE + 1
    else:
        purse.state = either(worth <= purse.peak * (1.0 - purse.drawdown_reducing), REDUCING, ACTIVE)


@apart
def _act(bars: Bars, desk: Desk, action: int) -> None:
    """Apply a split and dividend to what is held over the start of its row."""
    split, dividend = bars.actions[action + A_SPLIT], bars.actions[action + A_DIVIDEND]
    for column in range(len(desk.book)):
        one = desk.book[column]
        if one.side != 0.0 and one.symbol == bars.actions[action + A_SYMBOL]:
            one.flow += one.qty * dividend
            desk.purse.cash += one.qty * dividend
            one.qty *= split
            one.units *= split
            _rescale(one, split)


@inner
def _rescale(one: Column, split: float) -> None:
    """Divide what is a price."""
    one.mark /= split
    one.entry /= split
    one.stop /= split
    one.target /= split
    one.next_rung /= split
    one.risk /= split
    one.top /= split
    one.high /= split
    one.paid /= split
    one.rest /= split


@apart
def _charge_borrowing(desk: Desk, years: float) -> None:
    purse = desk.purse
    for column in range(len(desk.book)):
        one = desk.book[column]
        if one.side < 0.0:
            cost = -one.qty * one.mark * purse.borrow * years
            purse.cash -= cost
            one.flow -= cost
            one.costs += cost


@apart
def _finish(bars: Bars, desk: Desk, row: int) -> None:
    """Leave what is still held at its last known price."""
    for column in range(len(desk.book)):
        one = desk.book[column]
        seat = Seat(one, desk.purse, desk.now, desk.tallies[whole(one.plan)])
        if one.side != 0.0:
            look(bars, desk.now, row, whole(one.symbol))
            close(desk.trips, seat, one.mark, ENDED)
    desk.equity[row] = desk.purse.cash
