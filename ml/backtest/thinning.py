"""Fewer points for a picture of a long curve: its ends, and the highs and lows in between, stay."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from ml.backtest.layout import Ints
from orchestrator.domain.market import Floats


def thinned(values: Floats, most: int) -> Ints:
    """Return at most `most` (4 or more) rows of a curve: the first, the last, and the low and high of each stretch."""
    count = len(values)
    if count <= most:
        return np.arange(count)
    edges = np.linspace(0, count, (most - 2) // 2 + 1).astype(np.int64)
    kept = {0, count - 1}
    for start, stop in pairwise(edges):
        part = np.where(np.isfinite(values[start:stop]), values[start:stop], np.nan)
        if np.isfinite(part).any():
            kept |= {int(start + np.nanargmin(part)), int(start + np.nanargmax(part))}
    return np.array(sorted(kept), np.int64)
