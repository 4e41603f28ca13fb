"""Sweep of two moving averages over one symbol, compiled: thousands of pairs, each traded by the engine's own rules.

The pairs share the means, the bars and their extremes. Of a pair's bars only those are looked at in which something can
happen: a crossing, or a level that a stretch of bars reaches. What happens there is `ml.backtest.position`, so a pair
earns what `ml.backtest.engine` says it does.
"""

from __future__ import annotations

from typing import NamedTuple

from ml.backtest.compiled import compiled, inner
from ml.backtest.layout import (
    BREAK_EVEN_R,
    CASH,
    CHANDELIER,
    COSTS,
    DUE,
    ENDED,
    ENTRY,
    FLOW,
    HIGH,
    HOLD_S,
    MARK,
    N_OPEN,
    N_WISH,
    NEXT_RUNG,
    NOTHING,
    PLACES,
    QTY,
    RISK,
    SIDE,
    SINCE,
    STOP,
    T_POSITION,
    TARGET,
    TOP,
    TRADES,
    TRAIL_AFTER_R,
    Bars,
    Desk,
    Floats,
    Ints,
)
from ml.backtest.position import at_close, enter, leave, look, quiet_until, sell_touched, touched
from ml.backtest.rolling import BLOCK, block_means

STRETCH = 32
"""Bars whose extremes are known at once."""
S_EQUITY, S_TRADES, S_WINS, S_GAINED, S_LOST, S_COSTS, S_PEAK, S_DRAWDOWN = range(8)
STATS = 8


class Shared(NamedTuple):
    """What all pairs share: bars, extremes of stretches of them (E,), means (W + 1, n), windows and flags of rows."""

    bars: Bars
    lows: Floats
    highs: Floats
    closes: Floats
    windows: Ints
    means: Floats
    span: Ints


class Pairs(NamedTuple):
    """The candidates: places of their windows (P, 2), their books (P, 1, BOOK), purses, records, and what came of each.

    `at` (P, 2) is the next row to look at, and whether the fast mean is above; `above` is (BLOCK + 1,) bytes of work.
    """

    places: Ints
    books: Floats
    purses: Floats
    records: Floats
    at: Ints
    stats: Floats
    above: Ints
    now: Floats
    trades: Floats


@compiled
def sweep(shared: Shared, pairs: Pairs) -> None:
    """Trade every pair on all rows."""
    bars = shared.bars
    rows = len(bars.ends)
    for first in range(0, rows, BLOCK):
        shared.span[0], shared.span[1] = first, min(first + BLOCK, rows)
        block_means(bars.close[:, 0], shared.windows, shared.span, shared.means)
        for pair in range(len(pairs.places)):
            _cross(shared, pairs, pair)
    for pair in range(len(pairs.places)):
        desk = Desk(pairs.books[pair], pairs.purses[pair], pairs.records[pair], pairs.now, pairs.trades)
        _advance(shared, desk, pairs.at[pair], rows)
        if desk.book[0, SIDE] != 0.0:
            look(bars, desk.now, rows - 1, 0)
            leave(desk, 0, desk.book[0, MARK], ENDED)
        _count(desk, pairs.stats[pair])
        pairs.stats[pair, S_EQUITY] = desk.purse[CASH]


@inner
def _cross(shared: Shared, pairs: Pairs, pair: int) -> None:
    """Find where the pair's means cross within the block, and trade what that asks for."""
    first, count = shared.span[0], shared.span[1] - shared.span[0]
    fast, slow = shared.means[pairs.places[pair, 0]], shared.means[pairs.places[pair, 1]]
    above = pairs.above
    above[0] = pairs.at[pair, 1]
    for row in range(count):
        above[row + 1] = fast[row] > slow[row]
    known = max(shared.windows[pairs.places[pair, 1]], first)
    desk = Desk(pairs.books[pair], pairs.purses[pair], pairs.records[pair], pairs.now, pairs.trades)
    for row in range(count):
        if above[row + 1] != above[row] and first + row >= known:
            _wish(shared, desk, pairs.at[pair], (first + row) * 2 + above[row + 1])
            _count(desk, pairs.stats[pair])
    pairs.at[pair, 1] = above[count]


@inner
def _wish(shared: Shared, desk: Desk, at: Ints, event: int) -> None:
    """Do what a crossing asks for; `event` is twice its row, and one more where the fast mean has risen above."""
    bars, one, row, wish = shared.bars, desk.book[0], event // 2, float(event % 2)
    _advance(shared, desk, at, row)
    if one[SIDE] != 0.0:
        _step(shared, desk, at, wish)
    if one[SIDE] == 0.0 and wish == 1.0 and row + 1 < len(bars.ends):
        fit = bars.weight[row, 0] > 0.0 and bars.move[row, 0] > 0.0 and one[PLACES] >= 1.0
        if look(bars, desk.now, row + 1, 0) and fit:
            desk.now[N_WISH] = 1.0
            at[0] = row + 1
            enter(bars, desk, row, 0)


@inner
def _advance(shared: Shared, desk: Desk, at: Ints, until: int) -> None:
    """Take what is held through the rows before `until`, whole stretches of quiet ones at once."""
    one = desk.book[0]
    while one[SIDE] != 0.0 and at[0] < until:
        stretch = at[0] // STRETCH
        if at[0] % STRETCH == 0 and at[0] + STRETCH <= until and _quiet(shared, one, stretch):
            one[TOP] = max(one[TOP], shared.closes[stretch])
            one[HIGH] = max(one[HIGH], shared.highs[stretch])
            at[0] += STRETCH
            one[MARK] = shared.bars.close[at[0] - 1, 0]
            continue
        border = min((stretch + 1) * STRETCH, until)
        row = quiet_until(shared.bars, one, at[0], border)
        if row == at[0]:
            _step(shared, desk, at, float("nan"))
        else:
            at[0] = row


@inner
def _quiet(shared: Shared, one: Floats, stretch: int) -> bool:
    """Return whether no bar of a stretch reaches a level, moves the stop or is too late."""
    if shared.lows[stretch] <= one[STOP] or shared.highs[stretch] >= min(one[TARGET], one[NEXT_RUNG]):
        return False
    if shared.bars.ends[(stretch + 1) * STRETCH - 1] - one[SINCE] >= one[HOLD_S] or one[CHANDELIER] > 0.0:
        return False
    gain = shared.closes[stretch] - one[ENTRY]
    follows = gain >= one[RISK] * one[TRAIL_AFTER_R]
    evens = one[BREAK_EVEN_R] > 0.0 and gain >= one[RISK] * one[BREAK_EVEN_R] and one[STOP] < one[ENTRY]
    return shared.closes[stretch] <= one[TOP] or not (follows or evens)


@inner
def _step(shared: Shared, desk: Desk, at: Ints, wish: float) -> None:
    """Take what is held through one row, and leave at the next open what is due."""
    one, bars = desk.book[0], shared.bars
    look(bars, desk.now, at[0], 0)
    desk.now[N_WISH] = wish
    first = touched(one, desk.now)
    if first != NOTHING:
        sell_touched(desk, 0, first)
    if one[SIDE] != 0.0:
        at_close(one, desk.now)
    at[0] += 1
    if one[SIDE] != 0.0 and one[DUE] != 0.0 and at[0] < len(bars.ends):
        look(bars, desk.now, at[0], 0)
        leave(desk, 0, desk.now[N_OPEN], int(one[DUE]) - 1)


@inner
def _count(desk: Desk, stats: Floats) -> None:
    """Add the round trip just closed, if one was, to the pair's figures; drawdown is of equity between positions."""
    if desk.purse[TRADES] == 0.0:
        return
    desk.purse[TRADES] = 0.0
    told = desk.trades[0]
    gain = told[T_POSITION + FLOW - SIDE]
    stats[S_TRADES] += 1.0
    stats[S_COSTS] += told[T_POSITION + COSTS - SIDE]
    if gain > 0.0:
        stats[S_WINS] += 1.0
        stats[S_GAINED] += gain
    else:
        stats[S_LOST] -= gain
    cash = desk.purse[CASH]
    if desk.book[0, QTY] == 0.0:
        stats[S_PEAK] = max(stats[S_PEAK], cash)
        stats[S_DRAWDOWN] = max(stats[S_DRAWDOWN], 1.0 - cash / stats[S_PEAK])
