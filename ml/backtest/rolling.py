"""Means of many windows at once, block of rows by block: what a sweep's candidates share, in memory that is bounded."""

from __future__ import annotations

import numpy as np

from ml.backtest.bits import BITS, LAST, NONE, ONE, above, lowest
from ml.backtest.compiled import compiled, inner
from ml.backtest.layout import Floats, Ints

BLOCK = 4096
"""Rows that are worked on at once: what is read again and again stays near the processor."""


@inner
def block_means(close: Floats, windows: Ints, span: Ints, means: Floats) -> None:
    """Write the means of `close` over each window, rows `span[0]` to `span[1]`, into (W, BLOCK) `means`.

    The last row of `means` is scratch: running totals of what the block and its longest window see, less their first
    value, so that nothing is lost to a long history. A row with too few bars before it holds no mean: infinity.
    """
    first, last = span[0], span[1]
    totals = means[len(windows)]
    longest = 0
    for window in windows:
        longest = max(longest, window)
    start = max(first - longest, 0)
    base, total = close[start], 0.0
    totals[0] = 0.0
    for row in range(start, last):
        total += close[row] - base
        totals[row - start + 1] = total
    for place in range(len(windows)):
        window = windows[place]
        unknown = min(max(window - 1 - first, 0), last - first)
        means[place, :unknown] = float("inf")
        shift = first - start + 1 + unknown
        later, earlier, known = totals[shift:], totals[shift - window :], means[place, unknown : last - first]
        for row in range(len(known)):
            known[row] = base + (later[row] - earlier[row]) / window


@compiled
def crossing_wishes(close: Floats, work: Ints, means: Floats, target: Floats) -> None:
    """Write 1 where the mean of the first window rises above that of the second, 0 where it falls below, else NaN.

    `work` holds two places to work with, then both windows.
    """
    span, windows, before = work[:2], work[2:], NONE
    for first in range(0, len(close), BLOCK):
        span[0], span[1] = first, min(first + BLOCK, len(close))
        block_means(close, windows, span, means)
        target[first : span[1]] = float("nan")
        for start in range(first, span[1], BITS):
            rising = above(means[0], means[1], start - first)
            changed = rising ^ ((rising << ONE) | before)
            before = rising >> LAST
            while changed != NONE:
                bit = lowest(changed)
                changed &= changed - ONE
                if windows[1] <= start + bit < span[1]:
                    target[start + bit] = float((rising >> np.uint64(bit)) & ONE)
