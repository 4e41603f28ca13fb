"""The life of a candidate: shadow, canary, champion; or rejected, or rolled back. Pure: what moves it on and when.

shadow ──► canary ──► champion ──► kept
   └──────────┴─► rejected  └─► rolled back
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from orchestrator.domain import drift
from orchestrator.domain.base import Document, ModuleName, UtcTime, Value
from orchestrator.domain.sequential import ERROR_RATE, differ, likelihood_ratio
from orchestrator.domain.trial import RUNNING, Arm, Stage, Trial, Yardstick

SHARE = 0.25
"""Share of the decisions that a canary takes."""
SHADOW_OUTCOMES = 20
"""Closed round trips on paper before a shadow may trade."""
SHADOW_FOR = timedelta(days=60)
CANARY_FOR = timedelta(days=120)
WATCH_FOR = timedelta(days=30)
WATCH_OUTCOMES = 30
WATCH_AT_MOST = timedelta(days=120)
DRAWDOWN_R = 10.0
"""Fall of a challenger's sum of outcomes from its peak that ends it, in R."""

_LARGEST = 1e6


class Step(Value):
    """One move in the life of a candidate."""

    stage: Stage
    at: UtcTime
    by: str
    reason: str


class ExperimentDoc(Document):
    """`experiments/{module}`: the candidate that is tried, the evidence so far, and how it ended."""

    module: ModuleName
    stage: Stage
    champion: int
    """Version that it is compared with, and that comes back if it fails."""
    challenger: int
    values: dict[str, Any] = {}
    """The challenger's parameters: what a cycle needs to decide as it would."""
    share: float = SHARE
    cost_bps: float = 0.0
    """What one side of a trade on paper costs, basis points of its notional."""
    error_rate: float = ERROR_RATE
    usual: Yardstick = Yardstick()
    champion_arm: Arm = Arm()
    challenger_arm: Arm = Arm()
    ratio: float = 1.0
    """Likelihood ratio of the sequential test; proved at 1 / `error_rate`."""
    pinned: bool = False
    """Whether the owner keeps what trades now: nothing is tried, nothing rolled back."""
    verdict: str = ""
    steps: tuple[Step, ...] = ()
    since: UtcTime
    """When the present stage began."""
    updated_at: UtcTime

    @property
    def running(self) -> bool:
        """Whether something is tried or watched."""
        return self.stage in RUNNING


def experiment_path(module: ModuleName) -> str:
    """Return the path of a module's experiment; there is one at a time."""
    return f"experiments/{module.value}"


def begun(doc: ExperimentDoc | None, fresh: ExperimentDoc, *, by: str, reason: str) -> ExperimentDoc:
    """Return a new experiment in the place of one that is over."""
    steps = () if doc is None else doc.steps[-10:]
    step = Step(stage=fresh.stage, at=fresh.since, by=by, reason=reason)
    return fresh.model_copy(update={"steps": (*steps, step), "verdict": reason})


def moved(doc: ExperimentDoc, to: Stage, *, by: str, reason: str, at: datetime) -> ExperimentDoc:
    """Return the experiment in another stage; its evidence of the stage before stays until the next comes in."""
    step = Step(stage=to, at=at, by=by, reason=reason)
    update = {"stage": to, "since": at, "updated_at": at, "verdict": reason, "steps": (*doc.steps, step)[-20:]}
    return doc.model_copy(update=update)


def bucketed(doc: ExperimentDoc, strategy: str, symbol: str, day: date) -> bool:
    """Return whether a decision is the canary's: a share of all, the same however often it is asked.

    The decision is a symbol of a strategy on a UTC day, not a cycle: else what one arm is refused the other would take
    five minutes later.
    """
    name = f"{doc.module}/{doc.challenger}/{strategy}/{symbol}/{day:%Y%m%d}"
    drawn = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big")
    return drawn < doc.share * 2**64


def trial_for(doc: ExperimentDoc | None, before: Trial | None, version: int) -> Trial | None:
    """Return the trial that a book is to keep: the one it has, a new one for a new stage, none without an experiment.

    Parameters
    ----------
    version
        What trades: an experiment whose champion (or, once promoted, challenger) it is not waits for the sweeper.
    """
    trades = doc is not None and version == (doc.challenger if doc.stage is Stage.CHAMPION else doc.champion)
    if doc is None or not doc.running or not trades:
        return None
    if before is not None and (before.stage, before.challenger) == (doc.stage, doc.challenger):
        return before
    return Trial(stage=doc.stage, champion=doc.champion, challenger=doc.challenger, usual=doc.usual)


def with_evidence(doc: ExperimentDoc, trial: Trial | None) -> ExperimentDoc:
    """Return the experiment with what the module's book has seen of it so far."""
    if trial is None or (trial.stage, trial.challenger) != (doc.stage, doc.challenger):
        return doc
    ratio = min(likelihood_ratio(trial.challenger_arm, trial.champion_arm), _LARGEST)
    arms = {"champion_arm": trial.champion_arm, "challenger_arm": trial.challenger_arm}
    return doc.model_copy(update={**arms, "ratio": ratio})


@dataclass(frozen=True, slots=True)
class Seen:
    """What an experiment is judged on."""

    doc: ExperimentDoc
    """With the newest evidence."""
    trial: Trial
    trades: int
    """Version that trades now."""
    now: datetime

    @property
    def age(self) -> timedelta:
        """How long the stage has lasted."""
        return self.now - self.doc.since


Move = tuple[Stage, str]


def judged(seen: Seen) -> Move | None:
    """Return where the evidence moves an experiment, and why; None = it stays."""
    return next((move for rule in _RULES[seen.doc.stage] if (move := rule(seen)) is not None), None)


def usual_after(doc: ExperimentDoc, trial: Trial) -> Yardstick:
    """Return what the next stage is measured with: the challenger's outcomes so far, and its features."""
    arm = trial.challenger_arm
    known = arm.outcomes >= SHADOW_OUTCOMES
    update: dict[str, Any] = {"mean_r": arm.mean, "deviation_r": arm.variance**0.5} if known else {}
    if not doc.usual.edges and len(trial.sample) >= drift.LEAST:
        names = set.intersection(*(set(one) for one in trial.sample))
        columns = {name: [one[name] for one in trial.sample] for name in sorted(names)}
        inner = {name: drift.edges(column) for name, column in columns.items()}
        update["edges"] = inner
        update["counts"] = {name: drift.counted(column, inner[name]) for name, column in columns.items()}
    return doc.usual.model_copy(update=update)


def _ended(seen: Seen) -> Stage:
    return Stage.ROLLED_BACK if seen.doc.stage is Stage.CHAMPION else Stage.REJECTED


def _overtaken(seen: Seen) -> Move | None:
    wanted = seen.doc.challenger if seen.doc.stage is Stage.CHAMPION else seen.doc.champion
    if seen.trades == wanted:
        return None
    over = Stage.KEPT if seen.doc.stage is Stage.CHAMPION else Stage.REJECTED
    return over, f"version {seen.trades} trades, not {wanted}"


def _raised(seen: Seen) -> Move | None:
    return (_ended(seen), f"it raised {seen.trial.fault}") if seen.trial.fault else None


def _fell(seen: Seen) -> Move | None:
    fall = seen.trial.challenger_arm.drawdown_r
    return (_ended(seen), f"drawdown of {fall:.1f} R, at most {DRAWDOWN_R:g}") if fall >= DRAWDOWN_R else None


def _worsened(seen: Seen) -> Move | None:
    sum_ = seen.trial.challenger_arm.cusum
    if sum_ <= drift.CUSUM_ALARM:
        return None
    return _ended(
        seen
    ), f"outcomes are below {seen.doc.usual.mean_r:+.2f} R: CUSUM {sum_:.1f} above {drift.CUSUM_ALARM:g}"


def _shifted(seen: Seen) -> Move | None:
    why = drift.shifted(seen.trial.usual.counts, seen.trial.challenger_arm.counts)
    return (_ended(seen), why) if why else None


def _proved(seen: Seen) -> Move | None:
    sign = differ(seen.trial.challenger_arm, seen.trial.champion_arm)
    told = f"{_means(seen)}, likelihood ratio {seen.doc.ratio:.0f}"
    if sign < 0:
        return Stage.REJECTED, f"worse: {told}"
    return (Stage.CHAMPION, f"better: {told}") if sign > 0 and seen.doc.stage is Stage.CANARY else None


def _ready(seen: Seen) -> Move | None:
    challenger, champion = seen.trial.challenger_arm, seen.trial.champion_arm
    if challenger.outcomes < SHADOW_OUTCOMES or challenger.mean < champion.mean or challenger.mean <= 0:
        return None
    return Stage.CANARY, f"on paper {_means(seen)}; takes {seen.doc.share:.0%} of the decisions"


def _means(seen: Seen) -> str:
    arms = (seen.trial.challenger_arm, seen.trial.champion_arm)
    return " against ".join(f"{arm.mean:+.2f} R in {arm.outcomes}" for arm in arms)


def _late(seen: Seen) -> Move | None:
    most = SHADOW_FOR if seen.doc.stage is Stage.SHADOW else CANARY_FOR
    return (Stage.REJECTED, f"nothing proved in {most.days} days: {_means(seen)}") if seen.age > most else None


def _watched(seen: Seen) -> Move | None:
    enough = seen.age > WATCH_FOR and seen.trial.challenger_arm.outcomes >= WATCH_OUTCOMES
    return (Stage.KEPT, f"watched for {seen.age.days} days") if enough or seen.age > WATCH_AT_MOST else None


_RULES: dict[Stage, tuple[Callable[[Seen], Move | None], ...]] = {
    Stage.SHADOW: (_overtaken, _raised, _fell, _proved, _ready, _late),
    Stage.CANARY: (_overtaken, _raised, _fell, _worsened, _shifted, _proved, _late),
    Stage.CHAMPION: (_overtaken, _fell, _worsened, _shifted, _watched),
    Stage.KEPT: (),
    Stage.REJECTED: (),
    Stage.ROLLED_BACK: (),
}
