"""Whether the best of many tried sets of values is more than the luck of the search.

References
----------
H. White, A reality check for data snooping, Econometrica 68, 2000 (section 3, with the stationary bootstrap).
"""

from __future__ import annotations

import numpy as np

from ml.backtest.intervals import RESAMPLES, SEED, block_length, stationary_rows
from orchestrator.domain.market import Floats

_AT_ONCE = 1_000_000
"""Numbers drawn at once: what bounds the memory."""


def reality_check(gains: Floats, *, resamples: int = RESAMPLES) -> float:
    """Return how often the best of the tries would look as good as it does if none of them gained anything.

    Parameters
    ----------
    gains
        (K, n): of each try, its return of each period, less what it is compared with.

    Returns
    -------
    float
        p-value, never 0: (1 + hits) / (1 + resamples). 1 where there is nothing to judge.

    Notes
    -----
    All tries are drawn at the same periods, so that those that are much alike count as few. The best is the one with
    the highest mean; each try's resampled means are centred on its own.
    """
    tries, count = gains.shape
    if tries == 0 or count < 2:
        return 1.0
    means = gains.mean(axis=1)
    chance, best, hits = np.random.default_rng(SEED), float(means.max()), 0
    size = max(1, _AT_ONCE // count)
    for start in range(0, resamples, size):
        rows = stationary_rows(count, min(size, resamples - start), length=block_length(count), chance=chance)
        times = np.stack([np.bincount(drawn, minlength=count) for drawn in rows])
        drawn_best = (times @ gains.T / count - means).max(axis=1)
        hits += int(np.sum(drawn_best >= best))
    return (1 + hits) / (1 + resamples)
