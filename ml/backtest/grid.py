"""Prices and quantities on their grids, compiled; a grid of 0 is none."""

from __future__ import annotations

import math

import numpy as np

from ml.backtest.compiled import apart, inner

_NEARLY = 1e-6
"""Steps by which binary fractions may miss a grid."""


@inner
def on_lot(qty: float, lot: float) -> float:
    """Return a quantity rounded down to whole lots."""
    return math.floor(qty / lot + 1e-9) * lot if lot > 0.0 else qty


@inner
def on_tick(price: float, tick: float) -> float:
    """Return a price rounded to the nearest tick, half to even."""
    return float(np.rint(price / tick)) * tick if tick > 0.0 else price


@apart
def touch(price: float, half_spread: float, tick: float, side: float) -> float:
    """Return ask (`side` > 0) or bid around a price, rounded outward to the tick."""
    if side > 0.0:
        far = price * (1.0 + half_spread)
        return math.ceil(far / tick - _NEARLY) * tick if tick > 0.0 else far
    far = price * (1.0 - half_spread)
    return math.floor(far / tick + _NEARLY) * tick if tick > 0.0 else far


@apart
def middle(price: float, half_spread: float, tick: float) -> float:
    """Return the middle of bid and ask around a price."""
    return 0.5 * (touch(price, half_spread, tick, 1.0) + touch(price, half_spread, tick, -1.0))


@apart
def worst(ask: float, through: float, tick: float) -> float:
    """Return the limit of a purchase: a fraction above the ask, rounded up to the tick."""
    far = ask * (1.0 + through)
    return math.ceil(far / tick - _NEARLY) * tick if tick > 0.0 else far
