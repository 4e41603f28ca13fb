"""Large moves between bars: explained by a split or dividend, or told as what nothing explains.

Prices cannot say which of two equal falls was a split and which a crash. What has the very size of a split and comes
between two days is taken for one; any other move is told and left to a person.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from orchestrator.domain.findings import Defect, Finding
from orchestrator.domain.market import Floats
from orchestrator.domain.rows import Mask, Places, told
from orchestrator.domain.series import PRICES, BarSeries, PastAction

LARGE = {True: 0.30, False: 0.15}
"""Move of the close, as a fraction, that wants an explanation, by whether a bar is a day."""
BREAK_FACTOR = 5.0
SPLIT_RATIOS = np.array([1.5, 2, 3, 4, 5, 6, 7, 8, 10, 15, 20, 25, 30, 50, 100])
SPLIT_SLACK = 0.03
"""How far from its ratio, as a fraction, the open after a split may be."""
LARGEST_YIELD = 0.15
"""Dividend, as a fraction of the close before it, that wants to be seen in the price."""


def findings(series: BarSeries, places: Places) -> Iterator[Finding]:
    """Give the large moves of a series in order, what of them is explained, dividends the price does not show.

    Parameters
    ----------
    series
        Bars in order of time, each time once, prices positive.
    places
        Where each of them stands in the source.
    """
    yield from _holders(series, places)
    if len(series) < 2:
        return
    moved = series.close[1:] / series.close[:-1]
    ratio, cash = _actions(series)
    as_expected = (moved * ratio) + cash / series.close[:-1]
    large = _is_large(moved, series)
    unexplained = large & _is_large(as_expected, series)  # prices that contain the split already do not move by it
    yield from _told(
        series,
        places,
        Defect.EXPLAINED_JUMP,
        large & ~unexplained,
        text="{count} moves that known splits or dividends explain: ",
    )
    yield from _unexplained(series, places, unexplained)
    yield from _dividends(series, places, moved, cash)


def _holders(series: BarSeries, places: Places) -> Iterator[Finding]:
    if series.holder_since is None:
        return
    of_another = series.days < series.holder_since
    for first, last, _ in series.other_tickers:
        of_another |= (series.days >= first) & (series.days <= last)
    text = f"{{count}} bars of another holder of the ticker {series.name}, first {{first}} (row {{row}})"
    yield from told(series, Defect.OTHER_HOLDER, of_another, text, places=places)


def _is_large(moved: Floats, series: BarSeries) -> Mask:
    return np.abs(moved - 1) > LARGE[series.daily]


def _actions(series: BarSeries) -> tuple[Floats, Floats]:
    """Return ratio and cash that came between each bar and the one before it."""
    ratio, cash = np.ones(len(series) - 1), np.zeros(len(series) - 1)
    for action in series.actions:
        row = int(np.searchsorted(series.days, action.day, side="left"))
        if 0 < row < len(series):
            ratio[row - 1] *= action.ratio
            cash[row - 1] += action.cash
    return ratio, cash


def _unexplained(series: BarSeries, places: Places, large: Mask) -> Iterator[Finding]:
    moved = series.close[1:] / series.close[:-1]
    opened = series.open[1:] / series.close[:-1]
    broken = large & (np.maximum(moved, 1 / moved) >= BREAK_FACTOR)
    overnight = (np.diff(series.days) > 0) & (not series.coins)
    split = large & ~broken & overnight & _like_a_split(opened, moved)
    yield from _told(series, places, Defect.BREAK, broken, text="{count} moves that no market makes: ")
    yield from _told(
        series, places, Defect.SPLIT_UNTOLD, split, text="{count} moves of the size of a split that nothing tells of: "
    )
    yield from _told(
        series, places, Defect.JUMP, large & ~broken & ~split, text="{count} large moves that nothing explains: "
    )


def _like_a_split(opened: Floats, moved: Floats) -> Mask:
    factor = np.maximum(opened, 1 / opened)
    near: NDArray[np.bool_] = (np.abs(factor[:, None] / SPLIT_RATIOS - 1) <= SPLIT_SLACK).any(axis=1)
    held = np.abs(moved / opened - 1) < 0.15  # the day itself was an ordinary one
    return near & held


def _dividends(series: BarSeries, places: Places, moved: Floats, cash: Floats) -> Iterator[Finding]:
    share = cash / series.close[:-1]
    faulty = np.append(False, (share > LARGEST_YIELD) & (1 - moved < share / 3))
    text = "{count} dividends that the price does not show, first {first} (row {row})"
    if faulty.any():
        row = int(np.argmax(faulty))
        text += f": {cash[row - 1]:.4g} on a close of {series.close[row - 1]:.4g}"
    yield from told(series, Defect.DIVIDEND, faulty, text, places=places)


def _told(series: BarSeries, places: Places, defect: Defect, faulty: Mask, *, text: str) -> Iterator[Finding]:
    rows = np.flatnonzero(faulty) + 1
    moves = [f"{series.at(int(row))} {series.close[row] / series.close[row - 1] - 1:+.0%}" for row in rows[:8]]
    more = f" and {len(rows) - 8} more" if len(rows) > 8 else ""
    yield from told(series, defect, np.append(False, faulty), text + ", ".join(moves) + more, places=places)


def split_adjusted(series: BarSeries) -> BarSeries:
    """Return the series in units of its last bar: before each known split prices over its ratio, volumes times it.

    Dividends are left alone, as in the prices that the desk trades on.
    """
    splits = [action for action in series.actions if action.ratio != 1]
    factor = np.ones(len(series))
    for split in splits:
        factor *= np.where(series.days < split.day, split.ratio, 1.0)
    prices = {name: getattr(series, name) / factor for name in PRICES}
    cash = tuple(_in_later_units(action, splits) for action in series.actions if action.cash)
    return replace(series, volume=series.volume * factor, actions=cash, **prices)


def _in_later_units(action: PastAction, splits: Sequence[PastAction]) -> PastAction:
    units = float(np.prod([split.ratio for split in splits if action.day <= split.day]))
    return PastAction(action.day, cash=action.cash / units)
