"""The weather of the synthetic market: stretches of bull, bear and chop with their own drift and volatility.

The stretch around the start is a bull of some weeks, so that trend strategies have something to do at once; all others
are drawn from the seed, each by its number, so any day can be asked for in any order.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from venue.dataset import Floats, Ints


@dataclass(frozen=True, slots=True)
class Regime:
    """Annual drift and volatility of the equity market as fractions; crypto multiplies both."""

    name: str
    drift: float
    vol: float


BULL = Regime("bull", 0.55, 0.12)
BEAR = Regime("bear", -0.65, 0.30)
CHOP = Regime("chop", 0.0, 0.16)
_NEXT = {
    "bull": ((BULL, CHOP, BEAR), (0.45, 0.35, 0.20)),
    "bear": ((BULL, CHOP, BEAR), (0.45, 0.35, 0.20)),
    "chop": ((BULL, CHOP, BEAR), (0.50, 0.20, 0.30)),
}
LEAD_DAYS = 30
SHORTEST, LONGEST = 15, 45
_KEY = 7_001


class Regimes:
    """Regime of every day (day number since 1970-01-01), the opening bull beginning `LEAD_DAYS` before `start_day`."""

    def __init__(self, seed: int, start_day: int) -> None:
        self._seed = seed
        self._first = [start_day - LEAD_DAYS]
        self._regimes = [BULL]
        self._end = start_day + LEAD_DAYS
        self._forward = self._backward = 0

    def at(self, day: int) -> Regime:
        """Return the regime of a day."""
        while day >= self._end:
            self._append()
        while day < self._first[0]:
            self._prepend()
        return self._regimes[int(np.searchsorted(self._first, day, side="right")) - 1]

    def drift_and_vol(self, days: Ints) -> tuple[Floats, Floats]:
        """Return annual drift and volatility of each day."""
        unique, where = np.unique(days, return_inverse=True)
        regimes = [self.at(int(day)) for day in unique]
        drift, vol = (np.array([getattr(one, name) for one in regimes]) for name in ("drift", "vol"))
        return drift[where], vol[where]

    def _draw(self, number: int, beside: Regime) -> tuple[Regime, int]:
        random = np.random.default_rng([self._seed, _KEY, number])
        choices, weights = _NEXT[beside.name]
        return choices[int(random.choice(len(choices), p=weights))], int(random.integers(SHORTEST, LONGEST))

    def _append(self) -> None:
        self._forward += 1
        regime, length = self._draw(2 * self._forward, self._regimes[-1])
        self._first.append(self._end)
        self._regimes.append(regime)
        self._end += length

    def _prepend(self) -> None:
        self._backward += 1
        regime, length = self._draw(2 * self._backward + 1, self._regimes[0])
        self._first.insert(0, self._first[0] - length)
        self._regimes.insert(0, regime)
