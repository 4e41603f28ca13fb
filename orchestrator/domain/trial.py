"""What a module's book keeps of an experiment: the outcomes of both arms, and what the shadow holds on paper.

It is part of the book, so that an outcome is counted in the commit that closes its position, once, at no further write.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from orchestrator.domain import drift
from orchestrator.domain.base import Value
from orchestrator.domain.positions import Position
from orchestrator.domain.sequential import Moments

SAMPLE = 60
"""Newest decisions whose features are kept as what is usual."""

MOST_R = 4.0
"""An outcome counts at most so many R either way: one jump decides nothing."""


class Stage(StrEnum):
    """Where the life of a candidate stands."""

    SHADOW = "shadow"
    """Decides in the same cycles, trades on paper."""
    CANARY = "canary"
    """Trades a stated share of the decisions."""
    CHAMPION = "champion"
    """Trades alone, and is watched."""
    KEPT = "kept"
    """Was watched long enough; nothing is tried now."""
    REJECTED = "rejected"
    ROLLED_BACK = "rolled_back"
    """Traded, was worse than expected, and gave way to the version before it."""


RUNNING = frozenset({Stage.SHADOW, Stage.CANARY, Stage.CHAMPION})


class Yardstick(Value):
    """What an arm's outcomes and features were when all was well; a deviation of 0 = not known."""

    mean_r: float = 0.0
    deviation_r: float = 0.0
    edges: dict[str, tuple[float, ...]] = {}
    counts: dict[str, tuple[int, ...]] = {}


class Arm(Moments):
    """One side of an experiment: its closed round trips in R (gain after costs over what was at risk)."""

    peak_r: float = 0.0
    drawdown_r: float = 0.0
    """Deepest fall of the sum of outcomes from its peak."""
    cusum: float = 0.0
    """Highest lower cumulative sum is what alarms; this is the present one."""
    counts: dict[str, tuple[int, ...]] = {}
    """Decisions by feature and bin of the yardstick."""

    def with_outcome(self, r: float, features: Mapping[str, float], usual: Yardstick) -> Arm:
        """Return the arm after one more round trip that gained `r` R."""
        gained = max(-MOST_R, min(MOST_R, r))
        total = self.sum_r + gained
        peak = max(self.peak_r, total)
        update = {
            "outcomes": self.outcomes + 1,
            "sum_r": total,
            "sum_r2": self.sum_r2 + gained**2,
            "peak_r": peak,
            "drawdown_r": max(self.drawdown_r, peak - total),
            "cusum": self._cusum(gained, usual),
            "counts": self._counts(features, usual),
        }
        return self.model_copy(update=update)

    def _cusum(self, gained: float, usual: Yardstick) -> float:
        if usual.deviation_r <= 0 or self.cusum > drift.CUSUM_ALARM:
            return self.cusum
        return drift.lower_cusum(self.cusum, gained, mean=usual.mean_r, deviation=usual.deviation_r)

    def _counts(self, features: Mapping[str, float], usual: Yardstick) -> dict[str, tuple[int, ...]]:
        counts = dict(self.counts)
        for name, inner in usual.edges.items():
            if name in features:
                row = list(counts.get(name, (0,) * (len(inner) + 1)))
                row[drift.bin_of(features[name], inner)] += 1
                counts[name] = tuple(row)
        return counts


class Paper(Value):
    """What an arm of the shadow would hold and remember."""

    positions: dict[str, Position] = {}
    memory: dict[str, str] = {}


class Trial(Value):
    """An experiment as a module's cycles see it, in one stage."""

    stage: Stage
    champion: int
    challenger: int
    usual: Yardstick = Yardstick()
    champion_arm: Arm = Arm()
    challenger_arm: Arm = Arm()
    sample: tuple[dict[str, float], ...] = ()
    """Features of the challenger's newest closed decisions."""
    champion_paper: Paper = Paper()
    challenger_paper: Paper = Paper()
    fault: str = ""
    """What the challenger raised, if it did."""

    def with_outcome(self, version: int, r: float, features: Mapping[str, float]) -> Trial:
        """Return the trial after a round trip under a version; one of neither arm changes nothing."""
        if version == self.challenger:
            arm = self.challenger_arm.with_outcome(r, features, self.usual)
            kept = (*self.sample, dict(features))[-SAMPLE:]
            return self.model_copy(update={"challenger_arm": arm, "sample": kept})
        if version == self.champion:
            arm = self.champion_arm.with_outcome(r, features, Yardstick())
            return self.model_copy(update={"champion_arm": arm})
        return self


def traded(trial: Trial | None, version: int, r: float, features: Mapping[str, float]) -> Trial | None:
    """Return the trial after a real round trip; the shadow learns from paper only."""
    if trial is None or trial.stage is Stage.SHADOW:
        return trial
    return trial.with_outcome(version, r, features)
