"""Asks the real search and the real gate of markets whose truth is known: noise must not pass, a planted edge must.

A strategy enters on a bar whose volume says so. On a market with an edge its stricter signals are followed by a gain
and its weaker ones by a loss, so that a higher threshold is better; on a random walk no signal is worth anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
from pydantic import Field

from ml.tuning.arena import Arena, Terms, arena
from ml.tuning.walkforward import PLANNED, walk_forward
from ml.validation.gate import Asked
from orchestrator.domain.market import Bars, Panel, Signals, panel_of
from orchestrator.domain.scene import Execution
from orchestrator.domain.stops import ExitRules
from orchestrator.domain.strategy import Strategy, StrategyParameters, signals

MARKETS = 100
"""Of each kind."""
FIRST_SEED = 1000
MOST_LUCK = 0.05
"""Largest share of random walks on which a change may be activated."""
LEAST_FOUND = 0.80
"""Least share of planted edges that must be."""
EDGE = 0.002
"""What a good signal gains on the next day, and a bad one loses, as a fraction."""
SYMBOLS = ("A", "B", "C", "D")
WORTH = 0.65
"""Confidence from which a planted signal earns; below, it loses as much."""
FIRST = datetime(2025, 1, 1, 20, 0, tzinfo=UTC)
ROWS = 420
_DAY_VOL = 0.004
_COST = 0.0002


class Planted(StrategyParameters):
    """Enters on a bar whose volume, in millions, is at least `min_confidence`; two numbers of no effect."""

    max_positions: int = Field(default=4, ge=0, le=12)
    min_confidence: float = Field(default=0.5, ge=0, le=1)
    lookback: int = Field(default=5, ge=2, le=20)
    idle: float = Field(default=0.5, ge=0, le=1)
    exits: ExitRules = ExitRules(stop_moves=6, target_r=10, trail_after_r=10, trail_r=5, max_hold_hours=2160)


def evaluate(panel: Panel, parameters: Planted) -> Signals:
    """Return the signals of the planted strategy."""
    confidence = panel.volume / 1e6
    enter = confidence >= parameters.min_confidence
    return signals(enter, ~enter, confidence, ("in", "out"))


PLANTED = Strategy("planted", evaluate, trades=("all",))


@dataclass(frozen=True, slots=True)
class Share:
    """On how many of the markets of one kind a change was activated."""

    activated: int
    markets: int
    first_seed: int

    @property
    def share(self) -> float:
        """Activated as a share of all."""
        return self.activated / self.markets


def bars(rows: int, seed: int, *, edge: float) -> dict[str, Bars]:
    """Return daily bars; the day after a signal gains `edge` where the signal is worth it, loses as much if not."""
    chance = np.random.default_rng(seed)
    ends = np.array([int((FIRST + timedelta(days=n)).timestamp()) for n in range(rows)], np.int64)
    found = {}
    for symbol in SYMBOLS:
        signal = chance.uniform(0, 1, rows)
        moves = chance.normal(0, _DAY_VOL, rows)
        moves[1:] += np.where(signal[:-1] >= WORTH, edge, np.where(signal[:-1] >= 0.5, -edge, 0.0))
        close = 100 * np.exp(np.cumsum(moves))
        start = np.concatenate([[100.0], close[:-1]])
        high, low = np.maximum(start, close) * 1.001, np.minimum(start, close) * 0.999
        found[symbol] = Bars(ends, start, high, low, close, signal * 1e6)
    return found


def activated(seed: int, *, edge: float) -> bool:
    """Return whether the job would activate what it finds on one market."""
    found = walk_forward(stage(seed, edge=edge), asked=Asked(1, PLANNED))
    return found.verdict is not None and found.verdict.better


def share(markets: int, *, edge: float, first_seed: int = FIRST_SEED) -> Share:
    """Return on how many markets of one kind, seeded from `first_seed` on, a change is activated."""
    found = sum(activated(seed, edge=edge) for seed in range(first_seed, first_seed + markets))
    return Share(found, markets, first_seed)


def stage(seed: int, *, edge: float) -> Arena:
    """Return one market; on a random walk trading is free, for costs alone would keep the gate shut."""
    panel = panel_of(bars(ROWS, seed, edge=edge))
    terms = Terms(Execution(), _COST if edge else 0.0, 365.0)
    return arena(PLANTED, Planted(), panel, terms, traded=SYMBOLS, where=f"selfcheck, seed {seed}")
