"""What a directional strategy is: a pure function of a panel and its parameters, with the symbols it looks at.

Live trading reads the last row of its signals, the backtester every row; it is the same function.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from orchestrator.domain.kelly import SizingRules
from orchestrator.domain.market import Floats, Panel, Signals
from orchestrator.domain.parameters import Parameters
from orchestrator.domain.stops import ExitRules


class StrategyParameters(Parameters):
    """What every directional strategy has besides its own knobs."""

    enabled: bool = True
    max_positions: int = Field(default=4, ge=0, le=12)
    weight: float = Field(default=0.08, ge=0.01, le=0.5)
    """Largest exposure of one position, as a fraction of the venue account's equity."""
    exits: ExitRules = ExitRules()
    sizing: SizingRules = SizingRules()

    @property
    def warmup(self) -> int:
        """How many bars a symbol needs before the strategy has an opinion of it."""
        return 1


@dataclass(frozen=True, slots=True)
class Strategy:
    """A registered strategy; its parameters are the field of the same name in the module's parameters.

    Parameters
    ----------
    name
        Name in orders, positions and parameters.
    evaluate
        `(panel, parameters) -> Signals`; must not look ahead.
    trades
        Universe lists whose symbols it may enter.
    reads
        Universe lists it looks at without trading them.
    """

    name: str
    evaluate: Callable[[Panel, Any], Signals]
    trades: tuple[str, ...]
    reads: tuple[str, ...] = ()


def selected(panel: Panel, symbols: Iterable[str]) -> Panel:
    """Return the panel of those of `symbols` that it has, without the rows in which none of them has a bar."""
    kept = tuple(dict.fromkeys(symbol for symbol in symbols if symbol in panel.symbols))
    columns = [panel.column(symbol) for symbol in kept]
    rows = np.isfinite(panel.close[:, columns]).any(axis=1)
    arrays = (panel.open, panel.high, panel.low, panel.close, panel.volume)
    return Panel(kept, panel.ends[rows], *(array[:, columns][rows] for array in arrays))


def signals(enter: NDArray[np.bool_], leave: NDArray[np.bool_], confidence: Floats, why: tuple[str, str]) -> Signals:
    """Return signals of a strategy that is either in or out.

    Parameters
    ----------
    enter, leave
        (T, S) masks; leaving wins. Where neither holds the strategy has no opinion (target NaN).
    confidence
        (T, S) in [0, 1]; NaN counts as none.
    why
        What to say of an entry and of a departure.
    """
    entered = enter & ~leave
    target = np.where(leave, 0.0, np.where(entered, 1.0, np.nan))
    reason = np.where(leave, 2, np.where(entered, 1, 0)).astype(np.int64)
    known = np.clip(np.nan_to_num(confidence, nan=0.0), 0.0, 1.0)
    return Signals(target, known, reason, ("no opinion", *why))
