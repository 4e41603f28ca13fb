"""How sure the numbers of a backtest are: the same history drawn again and again, and what its numbers spread over.

Returns are drawn by the stationary bootstrap, which keeps neighbouring periods together in blocks of random length;
round trips are drawn one by one. Seeded: the same input gives the same interval.

References
----------
D. Politis and J. Romano, The stationary bootstrap, Journal of the American Statistical Association 89, 1994.
B. Efron and R. Tibshirani, An introduction to the bootstrap, 1993, chapter 13 (percentile intervals).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from ml.backtest.layout import Ints
from orchestrator.domain.market import Floats

LEVEL = 0.95
RESAMPLES = 2000
SEED = 20260716
LEAST = 20
"""Fewer periods or round trips than this say nothing about their own spread: no interval is told."""
_AT_ONCE = 200_000
"""Numbers drawn at once: what bounds the memory."""

Draw = Callable[[Ints], Floats]
"""Rows of a resampled history (k, n) -> one number for each of the k."""


@dataclass(frozen=True, slots=True)
class Measured:
    """A number and the interval that holds it with `LEVEL` confidence; NaN where it is not defined or not known."""

    value: float
    low: float = np.nan
    high: float = np.nan

    @property
    def known(self) -> bool:
        """Whether there is an interval."""
        return bool(np.isfinite(self.low) and np.isfinite(self.high))

    def beyond(self, null: float) -> bool:
        """Return whether the interval leaves `null` (nothing happened) out; False where there is none."""
        return self.known and not self.low <= null <= self.high


def stationary_rows(count: int, resamples: int, *, length: float, chance: np.random.Generator) -> Ints:
    """Return rows (resamples, count) of 0 to count - 1 in blocks of geometric length, `length` on average.

    The history is joined to a ring: the row after the last one is the first.
    """
    fresh = chance.random((resamples, count)) < 1.0 / length
    fresh[:, 0] = True
    places = np.arange(count)
    since = places - np.maximum.accumulate(np.where(fresh, places, 0), axis=1)
    starts = chance.integers(0, count, size=(resamples, count))
    first = np.take_along_axis(starts, places - since, axis=1)
    return np.asarray((first + since) % count, dtype=np.int64)


def block_length(count: int) -> float:
    """Return the mean length of a block: count^(1/3), the order that is best for the variance of a mean."""
    return float(max(1.0, round(count ** (1 / 3))))


def of_history(count: int, draws: Mapping[str, Draw], *, resamples: int = RESAMPLES) -> dict[str, Measured]:
    """Return each statistic of a history of `count` periods, with its interval by the stationary bootstrap."""
    length = block_length(count)
    return _measured(count, draws, lambda k, chance: stationary_rows(count, k, length=length, chance=chance), resamples)


def of_sample(count: int, draws: Mapping[str, Draw], *, resamples: int = RESAMPLES) -> dict[str, Measured]:
    """Return each statistic of `count` independent round trips, with its interval."""
    return _measured(count, draws, lambda k, chance: chance.integers(0, count, size=(k, count)), resamples)


def _measured(
    count: int, draws: Mapping[str, Draw], rows: Callable[[int, np.random.Generator], Ints], resamples: int
) -> dict[str, Measured]:
    if count == 0:
        return dict.fromkeys(draws, Measured(np.nan))
    told = {name: float(draw(np.arange(count)[None])[0]) for name, draw in draws.items()}
    if count < LEAST:
        return {name: Measured(value) for name, value in told.items()}
    chance, spread = np.random.default_rng(SEED), {name: np.empty(resamples) for name in draws}
    for part in _parts(resamples, count):
        drawn = rows(part.stop - part.start, chance)
        for name, draw in draws.items():
            spread[name][part] = draw(drawn)
    return {name: Measured(told[name], *_interval(told[name], spread[name])) for name in draws}


def _parts(resamples: int, count: int) -> Iterator[slice]:
    size = max(1, _AT_ONCE // count)
    for start in range(0, resamples, size):
        yield slice(start, min(start + size, resamples))


def _interval(value: float, spread: Floats) -> tuple[float, float]:
    """Return the percentile interval; none where the statistic is not defined, or not in a tenth of the histories."""
    known = spread[np.isfinite(spread)]
    if not np.isfinite(value) or len(known) < 0.9 * len(spread):
        return np.nan, np.nan
    low, high = np.quantile(known, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)
