"""Whether an optimum is a plateau: values a little beside the chosen ones must do nearly as well."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from ml.tuning.search import Score
from ml.tuning.space import Knob, rounded

BESIDE = 0.1
"""How far a neighbour is away in one knob, as a share of the knob's reach; a whole number at least by one."""


def kept_nearby(score: Score, values: Mapping[str, float], knobs: Sequence[Knob]) -> float:
    """Return the share of the gain over what trades now that the median neighbour keeps.

    Parameters
    ----------
    score
        Objective of a set of values, an empty one being what trades now.
    values
        The chosen ones; those left out are what trades now.

    Returns
    -------
    float
        1 = all of it, negative = worse than what trades now; 0 where there is no gain or no neighbour.
    """
    now = score({})
    gain, beside = score(values) - now, [score(one) - now for one in neighbours(values, knobs)]
    return float(np.median(beside)) / gain if gain > 0 and beside else 0.0


def neighbours(values: Mapping[str, float], knobs: Sequence[Knob]) -> Iterator[dict[str, float]]:
    """Yield the values with one knob a little lower or higher, within its reach."""
    for knob in knobs:
        chosen = values.get(knob.name, knob.current)
        step = BESIDE * (knob.high - knob.low)
        for way in (-1.0, 1.0):
            moved = chosen + way * (max(round(step), 1) if knob.integer else step)
            moved = rounded(min(max(moved, knob.low), knob.high), knob)
            if moved != chosen:
                yield {**values, knob.name: moved}
