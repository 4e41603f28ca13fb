"""What bars of any venue must be to be believed. It knows no venue."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
from numpy.typing import NDArray

from orchestrator.domain.errors import MalformedDataError

AHEAD = timedelta(minutes=5)
"""How far ahead of our clock a quote may be dated; one from later would never look stale."""


def believable(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return bars, (T, 5) of open, high, low, close and volume, as they are.

    Raises
    ------
    MalformedDataError
        A value is missing, not finite or not positive (volume: negative), or a low lies above its high. One such bar
        spoils the series: without it every indicator would be another.
    """
    sound = np.isfinite(values).all() and (values[:, :4] > 0).all() and (values[:, 4] >= 0).all()
    if not sound or (values[:, 2] > values[:, 1]).any():
        raise MalformedDataError("a bar with a price or volume that cannot be")
    return values
