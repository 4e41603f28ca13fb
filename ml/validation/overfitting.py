"""How likely the best of some tries is a poor one elsewhere: combinatorially symmetric cross-validation.

References
----------
D. Bailey, J. Borwein, M. López de Prado and Q. Zhu, The probability of backtest overfitting, Journal of Computational
Finance 20, 2017 (section 2.2; the probability is its equation 2.4). M. López de Prado, Advances in Financial Machine
Learning, 2018, section 7.4.2 (the embargo).
"""

from __future__ import annotations

import math
from functools import cache
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from orchestrator.domain.market import Floats

BLOCKS = 12
"""Parts that the bars are cut into: 924 ways to take half of them. The paper takes 16, and 12,870 ways."""
LEAST_TRIES = 4
EMBARGO = 0.01
"""Share of all bars that is left out at the start of each block: they move with the block before, which may be among
those chosen on while theirs is among those judged on."""
_NOTHING = 1e-12


def overfitting(tries: Floats, *, blocks: int = BLOCKS, embargo: float = EMBARGO) -> float:
    """Return the probability that the best try in one half of the bars is below the median in the other half.

    Parameters
    ----------
    tries
        (K, n): returns of each bar by try; tries that do the same bar by bar count once.
    blocks
        Even number of blocks of bars that follow one another; what the division leaves over is dropped at the start.
    embargo
        Share of all bars that is left out at the start of each block.

    Returns
    -------
    float
        0 to 1; 1 where fewer than four different tries, or fewer than two bars left of a block, prove nothing.

    Notes
    -----
    Performance is mean over standard deviation of a half's bars. The relative rank of the chosen try is
    ω = rank / (K + 1), equals ranked by their mean; overfitted are the halves with ln(ω / (1 - ω)) ≤ 0.
    """
    different = np.unique(tries, axis=0)
    count, rows = different.shape[0], different.shape[1] // blocks
    left_out = math.ceil(embargo * different.shape[1])
    if count < LEAST_TRIES or rows - left_out < 2:
        return 1.0
    cut = different[:, -rows * blocks :].reshape(count, blocks, rows)[:, :, left_out:]
    rows -= left_out
    sums, squares = cut.sum(axis=2).T, (cut**2).sum(axis=2).T
    inside = _halves(blocks)
    chosen = np.argmax(_ratios(inside, sums, squares, rows), axis=1)
    outside = _ratios(1.0 - inside, sums, squares, rows)
    own = outside[np.arange(len(chosen)), chosen][:, None]
    ranks = (outside < own).sum(axis=1) + ((outside == own).sum(axis=1) + 1) / 2
    return float(np.mean(ranks / (count + 1) <= 0.5))


@cache
def _halves(blocks: int) -> NDArray[np.float64]:
    """Return every way to take half of the blocks: (ways, blocks), 1 for what is taken."""
    ways = list(combinations(range(blocks), blocks // 2))
    taken = np.zeros((len(ways), blocks))
    np.put_along_axis(taken, np.array(ways), 1.0, axis=1)
    return taken


def _ratios(taken: Floats, sums: Floats, squares: Floats, rows: int) -> Floats:
    """Return mean over standard deviation of each try in each way; 0 where nothing moved."""
    count = taken.sum(axis=1, keepdims=True) * rows
    mean = taken @ sums / count
    risk = np.sqrt(np.maximum(taken @ squares / count - mean**2, 0.0))
    return np.where(risk > _NOTHING, mean / np.maximum(risk, _NOTHING), 0.0)
