"""Judges a series of bars before anything is learned from it or traded on it. It tells; it never repairs.

`examined` looks for every defect of `orchestrator.domain.findings`; `usable` says whether the series may be used.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from orchestrator.domain import moves, rows
from orchestrator.domain.findings import WEIGHTS, Defect, Finding, QualityReport, Verdict
from orchestrator.domain.series import BarSeries

_SOME_BARS = 252
"""A jump weighs as it does among so many bars at least: one true move does not end a short series."""

Expected = NDArray[np.int64]
"""Ends of all bars that the sessions would have, ascending; those outside the series' own span do not count."""


def usable(series: BarSeries, expected: Expected | None = None) -> Verdict:
    """Return whether a series may be traded and tuned on, and why not.

    Parameters
    ----------
    series
        The bars, as the source has them.
    expected
        Ends of the bars that the sessions would have; None = completeness is not judged.
    """
    return examined(series, expected).verdict


def examined(series: BarSeries, expected: Expected | None = None) -> QualityReport:
    """Return everything that is wrong with a series, and its score.

    Parameters
    ----------
    series
        The bars, as the source has them.
    expected
        Ends of the bars that the sessions would have; None = completeness is not judged.

    Notes
    -----
    Moves are judged on the rows in order of time that have a price, each time once, so that one defect is told once.
    The score is one less, for each defect of `WEIGHTS`, its weight times the share of bars that have it, relative to
    the share at which all of the weight is lost.
    """
    if not len(series):
        nothing = Finding(defect=Defect.EMPTY, count=1, first="", row=-1, text="no bars at all")
        return _report(series, None, [nothing], score=0.0)
    wanted = None if expected is None else _inside(series, expected)
    sound, places = rows.in_order(series)
    found = [
        *rows.findings(series),
        *rows.against(series, wanted),
        *rows.holes(sound),
        *moves.findings(sound, places),
        *rows.dull(sound, places),
    ]
    return _report(series, wanted, found, score=_score(found, len(series), wanted))


def _inside(series: BarSeries, expected: Expected) -> Expected:
    low, high = int(series.ends.min()), int(series.ends.max())
    inside: Expected = expected[(expected >= low) & (expected <= high)]
    return inside


def _score(found: Iterable[Finding], count: int, expected: Expected | None) -> float:
    lost = 0.0
    for one in found:
        if one.defect not in WEIGHTS:
            continue
        weight, worst = WEIGHTS[one.defect]
        of = len(expected) if one.defect is Defect.MISSING and expected is not None else count
        of = max(of, _SOME_BARS) if one.defect is Defect.JUMP else of
        lost += weight * min(one.count / max(of, 1) / worst, 1.0)
    return round(max(1.0 - lost, 0.0), 4)


def _report(series: BarSeries, expected: Expected | None, found: list[Finding], *, score: float) -> QualityReport:
    some = len(series) > 0
    return QualityReport(
        name=series.name,
        minutes=series.minutes,
        rows=len(series),
        expected=None if expected is None else len(expected),
        first=series.at(int(np.argmin(series.ends))) if some else "",
        last=series.at(int(np.argmax(series.ends))) if some else "",
        score=score,
        findings=tuple(found),
    )
