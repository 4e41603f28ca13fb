"""The three parts of the crypto day, by the UTC hour: Asia 22-08, Europe 08-14, US 14-22.

The market never closes; what changes is who is awake, and with it how far a signal can be trusted.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from orchestrator.domain.market import Floats
from orchestrator.domain.parameters import Parameters

SESSIONS = ("asia", "europe", "us")
_ASIA, _EUROPE, _US = range(3)
_BY_HOUR = np.array([_ASIA] * 8 + [_EUROPE] * 6 + [_US] * 8 + [_ASIA] * 2)


class SessionConfidence(Parameters):
    """Least confidence of an entry, by the session in which its bar closed."""

    asia: float = Field(default=0.7, ge=0.5, le=0.99)
    europe: float = Field(default=0.65, ge=0.5, le=0.99)
    us: float = Field(default=0.6, ge=0.5, le=0.99)


def sessions_of(ends: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the index into `SESSIONS` of each time (epoch seconds, UTC)."""
    return np.asarray(_BY_HOUR[ends // 3600 % 24], dtype=np.int64)


def thresholds(ends: NDArray[np.int64], by_session: SessionConfidence) -> Floats:
    """Return the least confidence at each time, (T, 1)."""
    levels = np.array([by_session.asia, by_session.europe, by_session.us])
    return np.asarray(levels[sessions_of(ends)][:, None], dtype=np.float64)
