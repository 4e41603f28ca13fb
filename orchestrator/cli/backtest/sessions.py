"""The sessions of stocks in which bars shorter than a day end, by the exchange's calendar."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from venue.sessions import xnys

Ints = NDArray[np.int64]


def session_hours(ends: Ints) -> tuple[Ints, Ints]:
    """Return open and close of the session in which each bar ends, epoch seconds; 0 = it ends in none."""
    sessions = xnys()
    index = sessions.at(ends - 1)
    inside = index >= 0
    return np.where(inside, sessions.opens[index], 0), np.where(inside, sessions.closes[index], 0)
