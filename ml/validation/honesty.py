"""Whether a strategy tells the truth: it must not look ahead, and must not depend on where its history begins.

Both are asked of the strategy itself, on any panel: what it says with later bars must be what it said without them, and
what it says with a long history what it says with its warm-up alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np

from orchestrator.domain.errors import DomainError, TradingError
from orchestrator.domain.market import Panel, Signals

Evaluate = Callable[[Panel, Any], Signals]

_FIELDS = ("target", "confidence", "reason")
_MINUTE_VOL = 0.0008


@dataclass(frozen=True, slots=True)
class Fault:
    """The first bar at which a strategy contradicts itself.

    Parameters
    ----------
    field
        Which of its signals: target, confidence or reason.
    row, at
        The bar's place in the panel, and its end.
    said, elsewhere
        What it says with nothing but what was known, and what with the other history.
    """

    field: str
    symbol: str
    row: int
    at: datetime
    said: float
    elsewhere: float

    def __str__(self) -> str:
        """Return the fault as one line."""
        values = f"{self.said:g} as it was known, {self.elsewhere:g} otherwise"
        return f"{self.field} of {self.symbol} at bar {self.row} ({self.at:%Y-%m-%d %H:%M} UTC): {values}"


def look_ahead(evaluate: Evaluate, panel: Panel, settings: Any, *, rows: Iterable[int] | None = None) -> Fault | None:
    """Return the first bar (of `rows`, or of all) whose signals change when later bars arrive; None = there is none.

    Raises
    ------
    DomainError
        The strategy raised, or its signals do not fit the panel.
    """
    whole = _asked(evaluate, panel, settings)
    for row in range(len(panel)) if rows is None else rows:
        known = _asked(evaluate, panel[: row + 1], settings)
        if (fault := _difference(panel, (known, -1), (whole, row), row)) is not None:
            return fault
    return None


def recursion(evaluate: Evaluate, panel: Panel, settings: Any, *, ends: Iterable[int] | None = None) -> Fault | None:
    """Return the first bar (of `ends`, or every 16th) whose signals change with a longer history than the warm-up.

    The panel must be without missing bars. Parameters are asked for their `warmup`.

    Raises
    ------
    DomainError
        The panel is shorter than the warm-up; or as for `look_ahead`.
    """
    warmup = int(settings.warmup)
    if len(panel) <= warmup:
        raise DomainError(f"recursion: {len(panel)} bars, more than the {warmup} to warm up are needed")
    for end in range(warmup, len(panel), 16) if ends is None else ends:
        short = _asked(evaluate, panel[end + 1 - warmup : end + 1], settings)
        long = _asked(evaluate, panel[: end + 1], settings)
        if (fault := _difference(panel, (short, -1), (long, -1), end)) is not None:
            return fault
    return None


def made_up(symbols: Sequence[str], *, rows: int, minutes: int, seed: int, gaps: float = 0.0) -> Panel:
    """Return a seeded market with trends, storms and calms; `gaps` is the share of missing bars."""
    chance = np.random.default_rng(seed)
    shape = (rows, len(symbols))
    storm = np.repeat(chance.choice([0.5, 1.0, 3.0], (rows // 50 + 1, len(symbols))), 50, axis=0)[:rows]
    trend = np.repeat(chance.normal(0, 0.15, (rows // 80 + 1, len(symbols))), 80, axis=0)[:rows]
    moves = _MINUTE_VOL * minutes**0.5 * storm * (chance.normal(0, 1, shape) + trend)
    close = 100 * np.exp(np.cumsum(moves, axis=0))
    opened = np.vstack([close[:1], close[:-1]])
    reach = np.exp(np.abs(chance.normal(0, _MINUTE_VOL * minutes**0.5, shape)))
    high, low = np.maximum(opened, close) * reach, np.minimum(opened, close) / reach
    missing = chance.random(shape) < gaps
    missing[missing.all(axis=1), 0] = False
    opened, high, low, close = (np.where(missing, np.nan, array) for array in (opened, high, low, close))
    ends = 1_700_006_400 + 60 * minutes * np.arange(1, rows + 1, dtype=np.int64)
    volume = np.where(missing, 0.0, chance.uniform(1e4, 1e6, shape))
    return Panel(tuple(symbols), ends, opened, high, low, close, volume)


def _asked(evaluate: Evaluate, panel: Panel, settings: Any) -> Signals:
    try:
        with np.errstate(all="ignore"):
            found = evaluate(panel, settings)
    except TradingError:
        raise
    except Exception as error:
        raise DomainError(f"the strategy raised {type(error).__name__} on {len(panel)} bars: {error}") from error
    for name in _FIELDS:
        shape = np.shape(getattr(found, name))
        if shape != panel.close.shape:
            raise DomainError(f"{name} has shape {shape}, the panel {panel.close.shape}")
    return found


def _difference(panel: Panel, one: tuple[Signals, int], other: tuple[Signals, int], row: int) -> Fault | None:
    for name in _FIELDS:
        said, elsewhere = (np.asarray(getattr(signals, name)[at], np.float64) for signals, at in (one, other))
        differs = ~((said == elsewhere) | (np.isnan(said) & np.isnan(elsewhere)))
        if differs.any():
            column = int(np.argmax(differs))
            at = datetime.fromtimestamp(int(panel.ends[row]), UTC)
            return Fault(name, panel.symbols[column], row, at, float(said[column]), float(elsewhere[column]))
    return None
