"""Sweep of two moving averages over one symbol, compiled: thousands of pairs, each traded by the engine's own rules.

The pairs share the means and the bars. Of a pair's bars only those are looked at one by one in which something can
happen: a crossing, or a level that is reached (`ml.backtest.bits`). What happens there is `ml.backtest.position`, so
a pair earns what `ml.backtest.engine` says it does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ml.backtest.bits import BITS, LAST, NONE, ONE, above, lowest, quiet_until
from ml.backtest.compiled import apart, compiled, inner
from ml.backtest.layout import NOTHING, Bars, Column, Ints, Now, Purse, Seat, Swept, Tally
from ml.backtest.position import at_close, enter, leave, look, remember, slipped, touched, work_levels
from ml.backtest.primitive import either, most
from ml.backtest.rolling import ROWS, Means, block_means


class Shared(NamedTuple):
    """What all pairs share: the bars, and the means of all windows."""

    bars: Bars
    means: Means


class Pairs(NamedTuple):
    """The candidates: places of their windows (P, 2), what each trades with, what came of it; `now` is shared."""

    places: Ints
    books: Sequence[Column]
    purses: Sequence[Purse]
    tallies: Sequence[Tally]
    swept: Sequence[Swept]
    now: Now


@compiled
def sweep(shared: Shared, pairs: Pairs) -> None:
    """Trade every pair on all rows."""
    bars = shared.bars
    rows = len(bars.ends)
    for first in range(0, rows, ROWS):
        block_means(bars.close, shared.means, first)
        for pair in range(len(pairs.places)):
            seat = Seat(pairs.books[pair], pairs.purses[pair], pairs.now, pairs.tallies[pair])
            _cross(shared, pairs.places[pair], seat, pairs.swept[pair])
    for pair in range(len(pairs.places)):
        swept = pairs.swept[pair]
        seat = Seat(pairs.books[pair], pairs.purses[pair], pairs.now, pairs.tallies[pair])
        seat.now.wish = np.nan
        _hold(bars, seat, swept, rows - 1)
        if seat.one.side != 0.0:
            look(bars, seat.now, rows - 1, 0)
            _leave(seat, swept, seat.one.mark)
        swept.equity = seat.purse.cash


@inner
def _cross(shared: Shared, places: Ints, seat: Seat, swept: Swept) -> None:
    """Find where the pair's means cross within the block, and trade what that asks for."""
    means = shared.means
    first, last, numbers = means.block.first, means.block.last, means.numbers
    fast, slow = places[0] * means.block.width, places[1] * means.block.width
    known = most(means.windows[places[1]], first)
    before = np.uint64(swept.above)
    for start in range(0, last - first, BITS):
        rising = above(numbers, fast + start, numbers, slow + start)
        changed = rising ^ ((rising << ONE) | before)
        before = rising >> LAST
        while changed != NONE:
            bit = lowest(changed)
            changed &= changed - ONE
            row = first + start + bit
            if known <= row < last:
                seat.now.wish = (rising >> np.uint64(bit)) & ONE
                _cross_at(shared.bars, seat, swept, row)
    swept.above = int(numbers[fast + last - first - 1] > numbers[slow + last - first - 1])


@inner
def _cross_at(bars: Bars, seat: Seat, swept: Swept, row: int) -> None:
    """Do what a crossing in `row` asks for: `wish` is 1 where the fast mean has risen above, else 0."""
    one, now, rises = seat.one, seat.now, seat.now.wish == 1.0
    if one.side != 0.0:
        _hold(bars, seat, swept, row)
    if one.side == 0.0 and rises and row + 1 < len(bars.ends):
        fit = remember(bars, now, row, 0) and one.places >= 1.0
        if look(bars, now, row + 1, 0) and fit:
            now.wish = 1.0
            swept.row = row + 1
            enter(seat)


@apart
def _hold(bars: Bars, seat: Seat, swept: Swept, last: int) -> None:
    """Take what is held through the rows up to `last`, quiet ones at once, and leave it if `wish` says so there.

    It is left at the next open, whatever a quiet close would have done to its levels.
    """
    one, now, leaves = seat.one, seat.now, seat.now.wish == 0.0
    while one.side != 0.0 and swept.row <= last:
        row = quiet_until(bars, one, swept.row, last + 1)
        if row == swept.row:
            _step(bars, seat, swept, either(leaves and row == last, 0.0, np.nan))
        else:
            swept.row = row
            one.mark = bars.close[row - 1]
    if one.side != 0.0 and leaves and last + 1 < len(bars.ends):
        look(bars, now, last + 1, 0)
        _leave(seat, swept, now.open)


@inner
def _step(bars: Bars, seat: Seat, swept: Swept, wish: float) -> None:
    """Take what is held through one row, and leave at the next open what is due."""
    one, now = seat.one, seat.now
    look(bars, now, swept.row, 0)
    now.wish = wish
    first = touched(seat)
    if first != NOTHING:
        price = work_levels(seat, first)
        if not np.isnan(price):
            _leave(seat, swept, price)
    swept.row += 1
    if one.side != 0.0:
        at_close(seat)
        if one.due != 0.0 and swept.row < len(bars.ends):
            look(bars, now, swept.row, 0)
            _leave(seat, swept, now.open)


@apart
def _leave(seat: Seat, swept: Swept, price: float) -> None:
    """Leave a position, and add its round trip to the pair's figures."""
    one, purse = seat.one, seat.purse
    leave(seat, price, slipped(seat, -one.qty, price))
    won = one.flow > 0.0
    swept.trades += 1.0
    swept.costs += one.costs
    swept.wins += either(won, 1.0, 0.0)
    swept.gained += either(won, one.flow, 0.0)
    swept.lost -= either(won, 0.0, one.flow)
    swept.peak = most(swept.peak, purse.cash)
    swept.drawdown = most(swept.drawdown, 1.0 - purse.cash / swept.peak)
    one.side, one.due, one.qty = 0.0, 0.0, 0.0
    one.got, one.flow, one.costs = 0.0, 0.0, 0.0
    one.rung = 0.0
