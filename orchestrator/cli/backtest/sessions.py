"""When a backtest on bars shorter than a day may open stocks, and when it must have left them: as the module does."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ml.backtest.layout import LEAVE, NO_ENTRY
from venue.sessions import xnys

Ints = NDArray[np.int64]


def session_flags(ends: Ints, minutes: int, *, no_entry_minutes: int, leave_minutes: int) -> Ints:
    """Return the engine's flags of bars shorter than a day.

    Parameters
    ----------
    ends
        Of the bars, epoch seconds.
    no_entry_minutes, leave_minutes
        Minutes before the close from which nothing is opened, and from which all is left.
    """
    sessions, length = xnys(), 60 * minutes
    index = sessions.at(ends - 1)
    inside = index >= 0
    opened, close = np.where(inside, sessions.opens[index], 0), np.where(inside, sessions.closes[index], 0)
    starts = opened + (ends - 1 - opened) // length * length
    late = starts >= close - 60 * no_entry_minutes
    ends_session = np.append(index[1:] != index[:-1], True)
    leaving = ends_session | (starts >= close - 60 * leave_minutes)
    leave = leaving | np.append(leaving[1:], True)  # what a bar decides is filled at the next one's open
    flags = np.where(late | ~inside, NO_ENTRY, 0) | np.where(inside & leave, LEAVE, 0)
    return np.asarray(flags, np.int64)
