"""Many rows of one symbol at a time, compiled: what is asked of each is one bit of a word, the first row the lowest.

Comparing 16 rows in vector instructions costs little more than asking three with a branch each. Nothing here looks
whether the arrays hold as many: the caller does.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types

from ml.backtest.compiled import inner
from ml.backtest.layout import INF, Bars, Column, Floats
from ml.backtest.primitive import intrinsic, least, most

BITS = 64
SPAN = 16
"""Rows whose levels are looked at together: most positions are left within a few of them."""
NONE, ONE, LAST = np.uint64(0), np.uint64(1), np.uint64(63)
_LANES = 4
_FOUR, _WORD, _NUMBER = ir.VectorType(ir.DoubleType(), _LANES), ir.IntType(BITS), ir.IntType(32)


def _place(context: Any, builder: Any, array: Any, row: Any) -> Any:
    """Return where four numbers of an array lie, from `row` on."""
    kind, value = array
    first = builder.gep(context.make_array(kind)(context, builder, value).data, [row])
    return builder.bitcast(first, _FOUR.as_pointer())


def _four(context: Any, builder: Any, side: Any, row: Any) -> Any:
    """Return what four rows from `row` on are asked with: an array's numbers, or the same number for each."""
    kind, value = side
    if isinstance(kind, types.Array):
        return builder.load(_place(context, builder, side, row), align=8)
    none = ir.Constant(_FOUR, ir.Undefined)
    lone = builder.insert_element(none, value, ir.Constant(_NUMBER, 0))
    return builder.shuffle_vector(lone, none, ir.Constant(ir.VectorType(_NUMBER, _LANES), [0] * _LANES))


def _word(builder: Any, rows: int, told: Callable[[Any], Any]) -> Any:
    """Return a word of what is told of each four rows, by their place; the bits of others are 0."""
    word = ir.Constant(_WORD, 0)
    for place in range(0, rows, _LANES):
        step = ir.Constant(_WORD, place)
        bits = builder.zext(builder.bitcast(told(step), ir.IntType(_LANES)), _WORD)
        word = builder.or_(word, builder.shl(bits, step))
    return word


def _asks(compare: str) -> Any:
    """Return the compiled question whether `one[row + k]` compares so with `other[there + k]`, or with the number."""

    def ask(_context: Any, one: Any, row: Any, other: Any, there: Any) -> Any:
        def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            sides = [(signature.args[place], arguments[place], arguments[place + 1]) for place in (0, 2)]

            def told(step: Any) -> Any:
                fours = (_four(context, builder, side[:2], builder.add(side[2], step)) for side in sides)
                return builder.fcmp_ordered(compare, *fours)

            return _word(builder, BITS, told)

        return types.uint64(one, types.int64, other, types.int64), code

    return intrinsic(ask)


def _loud(_context: Any, bars: Any, levels: Any, row: Any) -> Any:
    """Return which of the rows from `row` on fall to the first level, reach the second, or close not below the third.

    So a row without a bar is one of them.
    """

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        asked = []
        for level, name in enumerate(("low", "high", "close")):
            place = Bars._fields.index(name)
            number = types.float64, builder.extract_value(arguments[1], level)
            array = signature.args[0].types[place], builder.extract_value(arguments[0], place)
            asked.append((array, _four(context, builder, number, None)))

        def told(step: Any) -> Any:
            at = builder.add(arguments[2], step)
            low, high, close = ((_four(context, builder, array, at), level) for array, level in asked)
            left = builder.or_(builder.fcmp_ordered("<=", *low), builder.fcmp_ordered(">=", *high))
            return builder.or_(left, builder.fcmp_unordered(">=", *close))

        return _word(builder, SPAN, told)

    return types.uint64(bars, levels, types.int64), code


def _write_means(_context: Any, numbers: Any, place: Any, later: Any, window: Any) -> Any:
    """Write four means from `place` on: what the totals from `later` on have grown by in a window, and its base.

    `window` is its rows, and the base.
    """

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array, at = (signature.args[0], arguments[0]), arguments[2]
        rows, base = (builder.extract_value(arguments[3], place) for place in (0, 1))
        grown = [_four(context, builder, array, row) for row in (at, builder.sub(at, rows))]
        by, above = (
            _four(context, builder, (types.float64, number), None)
            for number in (builder.sitofp(rows, ir.DoubleType()), base)
        )
        mean = builder.fadd(above, builder.fdiv(builder.fsub(*grown), by))
        builder.store(mean, _place(context, builder, array, arguments[1]), align=8)
        return context.get_dummy_value()

    return types.none(numbers, types.int64, types.int64, window), code


def _lowest(_context: Any, word: Any) -> Any:
    """Return the place of the lowest set bit of a word, as many as it has if none is."""

    def code(_target: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 0))

    return types.int64(word), code


above, _any_at_least = _asks(">"), _asks(">=")
loud_rows: Callable[[Bars, tuple[float, float, float], int], np.uint64] = intrinsic(_loud)
lowest: Callable[[np.uint64], int] = intrinsic(_lowest)
write_means: Callable[[Floats, int, int, tuple[int, float]], None] = intrinsic(_write_means)


@inner
def next_known(values: Floats, row: int) -> int:
    """Return the first row from `row` on whose value is a number, else how many there are."""
    while row + BITS <= len(values):
        known = _any_at_least(values, row, -INF, row)
        if known != NONE:
            return row + lowest(known)
        row += BITS
    while row < len(values) and math.isnan(values[row]):
        row += 1
    return row


@inner
def quiet_until(bars: Bars, one: Column, row: int, until: int) -> int:
    """Return a row not after the first one from `row` on that touches a level, moves a stop, is too late or has no bar.

    It is at most `until`; every row before it is quiet, and the first row that is not may come later: of sold
    positions, chandeliers and the last rows of all none is passed. Closes of quiet rows stay below what would move the
    stop, or at most at the highest close so far, so what follows is the same whether or not that takes them in.
    """
    if one.side < 0.0 or one.chandelier > 0.0:
        return row
    rise = one.entry + one.risk * one.trail_after_r
    if one.break_even_r > 0.0 and one.stop < one.entry:
        rise = least(rise, one.entry + one.risk * one.break_even_r)
    levels = (one.stop, least(one.target, one.next_rung), most(rise - 1e-9 * one.entry, one.top))
    since, hold_s, rows = one.since, one.hold_s, len(bars.ends) - SPAN
    while row < until and row <= rows:
        loud = loud_rows(bars, levels, row)
        if bars.ends[row + SPAN - 1] - since >= hold_s:
            return _in_time(bars, one, row, least(until, row + least(lowest(loud), SPAN)))
        if loud != NONE:
            return least(until, row + lowest(loud))
        row += SPAN
    return least(row, until)


@inner
def _in_time(bars: Bars, one: Column, row: int, until: int) -> int:
    """Return the first row from `row` to before `until` after which a position has been held for too long."""
    while until > row and bars.ends[until - 1] - one.since >= one.hold_s:
        until -= 1
    return until
