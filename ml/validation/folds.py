"""Rolling windows to learn on and to be judged on: every test window is later than all that was learned from.

References
----------
M. López de Prado, Advances in Financial Machine Learning, 2018, chapter 7 (sections 7.4.1 and 7.4.2: purge, embargo).
"""

from __future__ import annotations

from dataclasses import dataclass

COUNT = 6
TRAIN_TESTS = 4
"""Length of a training window, in test windows."""
PURGE = 5
"""Rows between training and test that neither uses."""
EMBARGO = 5
"""Rows after a test window that no training window which begins after it uses: they still move with what was judged."""
MIN_TEST = 12
"""Rows of the shortest test window: of four shorter ones, less purge and embargo, the check for overfitting would have
blocks too short to tell anything (`ml.validation.overfitting`), and nothing could pass the gate."""


@dataclass(frozen=True, slots=True)
class Fold:
    """Half-open row ranges of a training window and the test window after it."""

    train: slice
    test: slice


def rows_needed(warmup: int) -> int:
    """Return the least number of rows that `folds` can cut."""
    return warmup + MIN_TEST * (COUNT + TRAIN_TESTS)


def folds(rows: int, *, warmup: int) -> tuple[Fold, ...]:
    """Return the folds of `rows` rows, oldest first; none when there are too few.

    Parameters
    ----------
    rows
        Number of rows of the panel.
    warmup
        Rows at the start on which not every candidate has an opinion; no fold uses them but as history.

    Notes
    -----
    The last test window ends at the last row; what the division leaves over is dropped at the start. A training window
    begins where the test window of five folds before ends, after the embargo.
    """
    length = (rows - warmup) // (COUNT + TRAIN_TESTS)
    if length < MIN_TEST:
        return ()
    ends = [rows - length * back for back in range(COUNT - 1, -1, -1)]
    starts = [end - length * (TRAIN_TESTS + 1) + EMBARGO for end in ends]
    return tuple(
        Fold(slice(start, end - length - PURGE), slice(end - length, end))
        for start, end in zip(starts, ends, strict=True)
    )
