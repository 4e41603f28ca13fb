"""Steps of compiled code that numba has no quick word for: they neither branch nor look anything up."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from llvmlite import ir
from numba import types
from numba.core import cgutils as _cgutils
from numba.extending import intrinsic as _intrinsic

from ml.backtest.layout import Column, Held, Trip

cgutils: Any = _cgutils
intrinsic: Any = _intrinsic
N = TypeVar("N", int, float)
_NUMBER = types.float64
_HELD_BYTES = 8 * len(Held.__annotations__)


class _Choice(Protocol):
    """A choice of two numbers of a kind."""

    def __call__(self, one: N, other: N, /) -> N:
        """Return one of both."""


def _chosen(compare: str) -> Any:
    """Return the compiled choice of two numbers: the second where it compares so with the first, as Python chooses."""

    def choose(_context: Any, one: Any, other: Any) -> Any:
        whole = isinstance(one, types.Integer) and isinstance(other, types.Integer)

        def code(_target: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
            first, second = arguments
            ask = builder.icmp_signed if whole else builder.fcmp_ordered
            return builder.select(ask(compare, second, first), second, first)

        kind = types.int64 if whole else _NUMBER
        return kind(kind, kind), code

    return intrinsic(choose)


def _either(_context: Any, condition: Any, yes: Any, no: Any) -> Any:
    """Return `yes` where the condition holds, else `no`; both have been worked out."""

    def code(_target: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.select(*arguments)

    return _NUMBER(types.boolean, _NUMBER, _NUMBER), code


def _whole(_context: Any, number: Any) -> Any:
    """Return a number without its fraction."""

    def code(_target: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.fptosi(arguments[0], ir.IntType(64))

    return types.int64(_NUMBER), code


def _move_position(_context: Any, trip: Any, one: Any) -> Any:
    """Copy a column's position into a trip, and leave nothing in the column."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        number = context.get_data_type(_NUMBER)
        places = zip(arguments, signature.args, strict=True)
        to, at = (cgutils.get_record_member(builder, place, kind.offset("side"), number) for place, kind in places)
        size = context.get_constant(types.intp, _HELD_BYTES)
        cgutils.raw_memcpy(builder, to, at, size, 1)
        cgutils.memset(builder, builder.bitcast(at, cgutils.voidptr_t), size, 0)
        return context.get_dummy_value()

    return types.none(trip, one), code


least: _Choice = _chosen("<")
most: _Choice = _chosen(">")
either: Callable[[bool, float, float], float] = intrinsic(_either)
whole: Callable[[float], int] = intrinsic(_whole)
move_position: Callable[[Trip, Column], None] = intrinsic(_move_position)
