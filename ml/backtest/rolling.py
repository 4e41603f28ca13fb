"""Means of many windows at once, block of rows by block: what a sweep's candidates share, in memory that is bounded."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ml.backtest import layout
from ml.backtest.bits import BITS, LAST, NONE, ONE, above, lowest, write_means
from ml.backtest.compiled import compiled, inner
from ml.backtest.layout import INF, Block, Floats, Ints
from ml.backtest.primitive import least, most

ROWS = 4096
"""Rows that are worked on at once: what is read again and again stays near the processor."""


class Means(NamedTuple):
    """The means of each window in a block, window after window, then running totals to make them of."""

    windows: Ints
    block: Block
    numbers: Floats


def means_of(windows: Ints) -> Means:
    """Return room for the means of a block, and for the totals that its longest window needs."""
    block: Any = np.zeros(1, layout.BLOCK)[0]
    block["longest"] = windows.max()
    block["width"] = ROWS + windows.max() + 6  # the last ones are written four at a time
    return Means(windows, block, np.empty((len(windows) + 1) * int(block["width"])))


@inner
def block_means(close: Floats, means: Means, first: int) -> None:
    """Write the means of `close` over each window, for the block of rows that begins at `first`.

    The running totals are those of what the block and its longest window see, less their first value, so that nothing
    is lost to a long history. A row with too few bars before it holds no mean: infinity.
    """
    block, numbers, windows = means.block, means.numbers, means.windows
    last, start = least(first + ROWS, len(close)), most(first - block.longest, 0)
    block.first, block.last = first, last
    totals = len(windows) * block.width
    base, total = close[start], 0.0
    numbers[totals] = 0.0
    for row in range(start, last):
        total += close[row] - base
        numbers[totals + row - start + 1] = total
    for place in range(len(windows)):
        window, begin = windows[place], place * block.width
        unknown = least(most(window - 1 - first, 0), last - first)
        for row in range(unknown):
            numbers[begin + row] = INF
        later = totals + first - start + 1
        for row in range(unknown, last - first, 4):
            write_means(numbers, begin + row, later + row, (window, base))


@compiled
def crossing_wishes(close: Floats, means: Means, target: Floats) -> None:
    """Write 1 where the mean of the first window rises above that of the second, 0 where it falls below, else NaN."""
    before, known, numbers = NONE, means.windows[1], means.numbers
    for first in range(0, len(close), ROWS):
        block_means(close, means, first)
        last = means.block.last
        for row in range(first, last):
            target[row] = np.nan
        for start in range(first, last, BITS):
            rising = above(numbers, start - first, numbers, start - first + means.block.width)
            changed = rising ^ ((rising << ONE) | before)
            before = rising >> LAST
            while changed != NONE:
                row = start + lowest(changed)
                if known <= row < last:
                    target[row] = (rising >> np.uint64(row - start)) & ONE
                changed &= changed - ONE
