"""Sweep of two moving averages over one symbol, compiled: thousands of pairs, each traded by the engine's own rules.

The pairs share the means and the bars. Of a pair's bars only those are looked at one by one in which something can
happen: a crossing, or a level that is reached (`ml.backtest.bits`). What happens there is `ml.backtest.position`, so
a pair earns what `ml.backtest.engine` says it does.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ml.backtest.bits import BITS, LAST, NONE, ONE, above, lowest, quiet_until
from ml.backtest.compiled import compiled, inner
from ml.backtest.layout import (
    CASH,
    COSTS,
    DUE,
    ENDED,
    FLOW,
    MARK,
    N_OPEN,
    N_WISH,
    NOTHING,
    PLACES,
    QTY,
    SIDE,
    T_POSITION,
    TRADES,
    Bars,
    Desk,
    Floats,
    Ints,
)
from ml.backtest.position import at_close, enter, leave, look, sell_touched, touched
from ml.backtest.rolling import BLOCK, block_means

S_EQUITY, S_TRADES, S_WINS, S_GAINED, S_LOST, S_COSTS, S_PEAK, S_DRAWDOWN = range(8)
STATS = 8


class Shared(NamedTuple):
    """What all pairs share: bars, windows (W,), their means in the block (W + 1, n), and which rows the block is."""

    bars: Bars
    windows: Ints
    means: Floats
    span: Ints


class Pairs(NamedTuple):
    """The candidates: places of their windows (P, 2), their books (P, 1, BOOK), purses, records, and what came of each.

    `at` (P, 2) is the next row to look at, and whether the fast mean is above.
    """

    places: Ints
    books: Floats
    purses: Floats
    records: Floats
    at: Ints
    stats: Floats
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
    known = max(shared.windows[pairs.places[pair, 1]], first)
    desk = Desk(pairs.books[pair], pairs.purses[pair], pairs.records[pair], pairs.now, pairs.trades)
    before = np.uint64(pairs.at[pair, 1])
    for start in range(0, count, BITS):
        rising = above(fast, slow, start)
        changed = rising ^ ((rising << ONE) | before)
        before = rising >> LAST
        while changed != NONE:
            bit = lowest(changed)
            changed &= changed - ONE
            row = first + start + bit
            if known <= row < shared.span[1]:
                _wish(shared, desk, pairs.at[pair], row * 2 + int((rising >> np.uint64(bit)) & ONE))
                _count(desk, pairs.stats[pair])
    pairs.at[pair, 1] = fast[count - 1] > slow[count - 1]


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
    """Take what is held through the rows before `until`, quiet ones at once."""
    one = desk.book[0]
    while one[SIDE] != 0.0 and at[0] < until:
        row = quiet_until(shared.bars, one, at[0], until)
        if row == at[0]:
            _step(shared, desk, at, float("nan"))
        else:
            at[0] = row
            one[MARK] = shared.bars.lane.close[row - 1]


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
        leave(desk, 0, desk.now[N_OPEN], one[DUE] - 1.0)


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
