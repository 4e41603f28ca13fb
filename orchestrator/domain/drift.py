"""Signs that a strategy no longer does what it was chosen for: its inputs look different, or its outcomes are worse."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import NormalDist

import numpy as np

BINS = 5
PSI_ALARM = 0.25
"""A feature whose stability index is at least this has shifted, by the usual rule."""
PSI_ERROR = 0.001
"""Probability that any of the features of one sample looks shifted by chance."""
LEAST = 30
"""Decisions of a sample below which the inputs are not compared."""

CUSUM_SLACK = 0.5
"""Half the shift of the mean that is to be noticed, in standard deviations."""
CUSUM_ALARM = 5.0
"""With a slack of 0.5: one false alarm in some 930 outcomes."""


def edges(sample: Sequence[float]) -> tuple[float, ...]:
    """Return the inner edges of `BINS` bins with equal shares of a sample; equal edges are one."""
    wanted = np.arange(1, BINS) / BINS
    return tuple(float(edge) for edge in np.unique(np.quantile(np.asarray(sample, np.float64), wanted)))


def bin_of(value: float, inner: Sequence[float]) -> int:
    """Return the number of the bin that holds a value; an edge belongs to the bin above it."""
    return int(np.searchsorted(np.asarray(inner), value, side="right"))


def counted(values: Sequence[float], inner: Sequence[float]) -> tuple[int, ...]:
    """Return how many values each bin holds."""
    places = np.searchsorted(np.asarray(inner), np.asarray(values, np.float64), side="right")
    return tuple(int(n) for n in np.bincount(places, minlength=len(inner) + 1))


def stability_index(expected: Sequence[int], observed: Sequence[int]) -> float:
    """Return the population stability index of two counts over the same bins.

    Returns
    -------
    float
        The sum of (o - e) ln(o / e) over the bins' shares; 0 for equal shares.

    Notes
    -----
    An empty bin counts half a value, so that the logarithm exists.

    References
    ----------
    N. Siddiqi, Credit Risk Scorecards, 2006, page 136: below 0.10 no change, from 0.25 on a shift.

    Examples
    --------
    >>> round(stability_index([10, 10], [10, 10]), 6)
    0.0
    """
    left, right = _shares(expected), _shares(observed)
    return float(np.sum((right - left) * np.log(right / left)))


def _shares(counts: Sequence[int]) -> np.ndarray:
    filled = np.maximum(np.asarray(counts, np.float64), 0.5)
    shares: np.ndarray = filled / filled.sum()
    return shares


def index_limit(bins: int, *, expected: int, observed: int, features: int) -> float:
    """Return the stability index above which a shift is no chance: at least `PSI_ALARM`.

    Notes
    -----
    Of two samples of n and m from one distribution the index is near (1/n + 1/m) times a chi-squared of bins - 1
    degrees; its quantile is Wilson and Hilferty's, at `PSI_ERROR` shared out among the features.

    References
    ----------
    B. Yurdakul, Statistical properties of population stability index, Western Michigan University, 2018.
    E. B. Wilson and M. M. Hilferty, The distribution of chi-square, PNAS 17, 1931.
    """
    degrees = max(bins - 1, 1)
    deviate = NormalDist().inv_cdf(1 - PSI_ERROR / max(features, 1))
    part = 2 / (9 * degrees)
    quantile = float(degrees * (1 - part + deviate * part**0.5) ** 3)
    return max(PSI_ALARM, (1 / expected + 1 / observed) * quantile)


def shifted(expected: Mapping[str, Sequence[int]], observed: Mapping[str, Sequence[int]]) -> str:
    """Return which feature has shifted the most beyond its limit, and by how much; "" when none has."""
    found = {}
    for name, before in expected.items():
        now = observed.get(name, ())
        if min(sum(before), sum(now)) < LEAST:
            continue
        limit = index_limit(len(before), expected=sum(before), observed=sum(now), features=len(expected))
        index = stability_index(before, now)
        if index > limit:
            found[name] = (index, limit)
    if not found:
        return ""
    name = max(found, key=lambda key: found[key][0])
    return f"{name} has shifted: stability index {found[name][0]:.2f} above {found[name][1]:.2f}"


def lower_cusum(before: float, outcome: float, *, mean: float, deviation: float) -> float:
    """Return the lower cumulative sum after one more outcome, in standard deviations; 0 = nothing is amiss.

    Parameters
    ----------
    mean, deviation
        What outcomes were when all was well; the deviation is positive.

    References
    ----------
    E. S. Page, Continuous inspection schemes, Biometrika 41, 1954. D. C. Montgomery, Introduction to Statistical
    Quality Control, 6th edition, 2009, equation 9.3 and table 9.2.

    Examples
    --------
    >>> round(lower_cusum(0.05, 7.99, mean=10, deviation=1), 2)
    1.56
    """
    return max(0.0, before + (mean - outcome) / deviation - CUSUM_SLACK)
