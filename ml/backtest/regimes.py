"""What the market was like on a day, by what was known before it: rising or falling, calm or stormy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ml.backtest.layout import DAY_S, Ints
from orchestrator.domain.indicators import mean, volatility
from orchestrator.domain.market import Floats, Panel

TREND_DAYS = 100
"""Days of the mean that a rising market is above."""
VOL_DAYS = 20
UNKNOWN = "not known yet"


@dataclass(frozen=True, slots=True, eq=False)
class Regimes:
    """The regime that was known at the end of each day; `days` are day numbers, ascending."""

    days: Ints
    names: tuple[str, ...]

    def at(self, time: int) -> str:
        """Return the regime known before the day of a time (epoch seconds)."""
        place = int(np.searchsorted(self.days, time // DAY_S, side="left")) - 1
        return self.names[place] if place >= 0 else UNKNOWN


def day_numbers(ends: Ints) -> Ints:
    """Return the UTC day of each bar's last second: one that ends at midnight is of the day before."""
    days: Ints = (ends - 1) // DAY_S
    return days


def regimes_of(days: Ints, worth: Floats) -> Regimes:
    """Return the regimes of a market whose worth at the end of each day is given (NaN = not known).

    Rising is above its own mean of `TREND_DAYS`; stormy is a volatility of `VOL_DAYS` above the median of all before.
    """
    with np.errstate(all="ignore"):
        rising = worth > mean(worth[:, None], TREND_DAYS)[:, 0]
        vol = volatility(worth[:, None], VOL_DAYS)[:, 0]
    known = np.isfinite(mean(worth[:, None], TREND_DAYS)[:, 0]) & np.isfinite(vol)
    names = []
    for row in range(len(days)):
        if not known[row]:
            names.append(UNKNOWN)
            continue
        stormy = vol[row] > np.nanmedian(vol[: row + 1])
        names.append(f"{'rising' if rising[row] else 'falling'}, {'stormy' if stormy else 'calm'}")
    return Regimes(days, tuple(names))


def worth_of(panels: list[Panel], days: Ints) -> Floats:
    """Return what equal sums in every symbol are worth at the end of each day, bought where each is first known.

    Parameters
    ----------
    days
        Day numbers, ascending.

    Returns
    -------
    array
        1 at first; NaN before any symbol is known.
    """
    columns = []
    for panel in panels:
        at = np.searchsorted(day_numbers(panel.ends), days, side="right") - 1
        for column in panel.close.T:
            filled = _filled(column)
            columns.append(np.where(at >= 0, filled[np.maximum(at, 0)], np.nan))
    return _held(np.array(columns))


def _held(closes: Floats) -> Floats:
    """Return the mean of all symbols over their first known price; those not known yet are still cash."""
    known = np.isfinite(closes)
    first = closes[np.arange(len(closes)), np.argmax(known, axis=1)]
    relative = np.where(known, closes / first[:, None], 1.0)[np.isfinite(first)]
    any_known = known.any(axis=0)
    return np.where(any_known, relative.mean(axis=0), np.nan) if len(relative) else np.full(closes.shape[1], np.nan)


def _filled(column: Floats) -> Floats:
    """Return the column with the last known value where one is missing."""
    place = np.maximum.accumulate(np.where(np.isfinite(column), np.arange(len(column)), -1))
    return np.where(place >= 0, column[np.maximum(place, 0)], np.nan)
