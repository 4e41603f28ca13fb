"""Walk forward: search on each training window, be judged on the test window after it, against what trades now.

The candidate is what the newest training window gave: the newest test window judges that very candidate, the older
ones judge the way it was found.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol, Self

import numpy as np
from joblib import Parallel, delayed

from ml.backtest.score import Earned, objective
from ml.tuning.memory import FORGETS, Memory
from ml.tuning.nearby import kept_nearby
from ml.tuning.search import SPREAD, TRIALS, best_values
from ml.tuning.space import Knob, rounded
from ml.validation.folds import COUNT, Fold, folds, rows_needed
from ml.validation.gate import STRESS, Asked, Evidence, Verdict, judge
from ml.validation.overfitting import overfitting
from ml.validation.sharpe import luck_variance
from orchestrator.domain.market import Floats
from orchestrator.domain.searches import Found

PLANNED = TRIALS * COUNT
"""Sets of values that one strategy's walk forward tries on bars."""
SEED = 20260716
"""Of the first fold's sampler; the next folds count on."""


class Stage(Protocol):
    """What is tuned, and the rows (bars, sessions) it is tried on."""

    @property
    def name(self) -> str:
        """What is tuned."""

    @property
    def prefix(self) -> str:
        """What stands before a knob's name in the module's parameters."""

    @property
    def rows(self) -> int:
        """How many rows there are."""

    @property
    def unit(self) -> str:
        """What a row is, in the plural."""

    @property
    def per_year(self) -> float:
        """Rows in a year."""

    @property
    def trials(self) -> int:
        """Sets of values tried on each training window."""

    def knobs(self) -> tuple[Knob, ...]:
        """Return what is searched."""

    def warmup(self, knobs: tuple[Knob, ...]) -> int:
        """Return the rows that every candidate within the knobs' reach needs first."""

    def run(self, values: Mapping[str, float], rows: slice, *, warmup: int) -> Earned:
        """Return what the champion with `values` earns on `rows`; nothing after them is shown to it."""

    def dearer(self, times: float) -> Self:
        """Return the same at a multiple of the costs."""

    def at(self, row: int) -> str:
        """Return when a row is, ISO."""

    def record(self) -> dict[str, Any]:
        """Return what it is tried on, for the version's provenance."""


@dataclass(frozen=True, slots=True)
class FoldScore:
    """Scores of champion and candidate on one training and one test window."""

    fold: Fold
    found: Found
    values: Mapping[str, float]
    champion_train: float
    candidate_train: float
    champion_test: Earned
    candidate_test: Earned
    stressed: tuple[Floats, Floats]
    """Returns of champion and candidate on the test window at a multiple of the costs."""
    champion: float
    candidate: float


@dataclass(frozen=True, slots=True)
class Tuned:
    """What the walk forward found for one strategy (or for a module's entry filters).

    Parameters
    ----------
    changes
        New value by name as in the module's parameters; empty when the champion stays best.
    missing
        Why there was not enough to learn from, empty when there was.
    record
        What goes into the version's provenance.
    """

    name: str
    changes: Mapping[str, float]
    current: Mapping[str, float]
    verdict: Verdict | None
    missing: str
    trials: int
    in_sample: tuple[float, float]
    out_of_sample: tuple[float, float]
    folds_won: int
    folds: int
    record: Mapping[str, Any]


def insufficient(name: str, why: str) -> Tuned:
    """Return the result of something that there is too little to learn about."""
    none = (0.0, 0.0)
    return Tuned(name, {}, {}, None, why, 0, none, none, 0, 0, {"verdict": "not enough evidence", "reason": why})


def walk_forward(stage: Stage, *, asked: Asked, memory: Memory = FORGETS) -> Tuned:
    """Return what the rows say of the parameters.

    Parameters
    ----------
    asked
        How often luck is given a chance.
    memory
        What a run of this slot that was cut off has found already.
    """
    name, rows = stage.name, stage.rows
    knobs = _affordable(stage, stage.knobs(), rows)
    warmup = stage.warmup(knobs)
    windows = folds(rows, warmup=warmup)
    if not windows:
        need = rows_needed(warmup)
        warms = f" ({warmup} of them to warm up)" if warmup else ""
        return insufficient(name, f"{rows} {stage.unit}, at least {need}{warms}")
    searches = _searches(stage, windows, knobs, warmup=warmup, memory=memory)
    scores = [_score(stage, fold, found, knobs, warmup=warmup) for fold, found in zip(windows, searches, strict=True)]
    changes = _moved(scores[-1].values, knobs)
    kept = _kept(stage, changes, knobs, windows, warmup=warmup) if changes else 0.0
    evidence = _evidence(scores, per_year=stage.per_year, asked=asked, kept=kept)
    verdict = _verdict(evidence, changes, knobs)
    return _tuned(stage, scores, evidence, verdict, changes=changes, knobs=knobs)


def _affordable(stage: Stage, knobs: tuple[Knob, ...], rows: int) -> tuple[Knob, ...]:
    """Return the knobs; with too few rows to warm every candidate up, none looks further back than what trades now."""
    if rows >= rows_needed(stage.warmup(knobs)):
        return knobs
    least = stage.warmup(())
    return tuple(replace(one, high=one.current) if stage.warmup((one,)) > least else one for one in knobs)


def _searches(
    stage: Stage, windows: tuple[Fold, ...], knobs: tuple[Knob, ...], *, warmup: int, memory: Memory
) -> Iterator[Found]:
    """Yield what the search on each training window found, the oldest first, and remember it.

    Those not remembered run one after another, or wherever the caller's `joblib.parallel_config` sends them.
    """
    name = stage.name
    known = [memory.found(name, n) for n in range(len(windows))]
    left = [(n, fold) for n, fold in enumerate(windows) if known[n] is None]
    tasks = (delayed(_search)(stage, fold, knobs, warmup=warmup, seed=SEED + n) for n, fold in left)
    fresh = iter(Parallel(return_as="generator")(tasks))
    for n, before in enumerate(known):
        found = before or next(fresh)
        memory.keep(name, n, found)
        yield found


def _search(stage: Stage, fold: Fold, knobs: tuple[Knob, ...], *, warmup: int, seed: int) -> Found:
    """Return the best values of a training window, and how much the tries on it are worth as proof."""
    tries: list[Floats] = []

    def train(values: Mapping[str, float]) -> float:
        result = stage.run(values, fold.train, warmup=warmup)
        tries.append(result.returns)
        return objective(result, bars_per_year=stage.per_year)

    values = best_values(train, knobs, seed=seed, trials=stage.trials)
    judged = (fold.test.stop - fold.test.start) * COUNT
    return Found(
        values=values,
        trials=len(tries),
        luck=luck_variance(np.array(tries), count=judged),
        overfitting=overfitting(np.array(tries[:SPREAD])),
    )


def _kept(
    stage: Stage, values: Mapping[str, float], knobs: tuple[Knob, ...], windows: tuple[Fold, ...], *, warmup: int
) -> float:
    """Return what the candidate's neighbours keep of its gain over all test windows."""
    rows = slice(windows[0].test.start, windows[-1].test.stop)

    def score(tried: Mapping[str, float]) -> float:
        return objective(stage.run(tried, rows, warmup=warmup), bars_per_year=stage.per_year)

    return kept_nearby(score, values, knobs)


def _score(stage: Stage, fold: Fold, found: Found, knobs: tuple[Knob, ...], *, warmup: int) -> FoldScore:
    per_year, values, dear = stage.per_year, _moved(found.values, knobs), stage.dearer(STRESS)

    def result(tried: Mapping[str, float], rows: slice, on: Stage = stage) -> Earned:
        return on.run(tried, rows, warmup=warmup)

    def train(tried: Mapping[str, float]) -> float:
        return objective(result(tried, fold.train), bars_per_year=per_year)

    old, new = result({}, fold.test), result(values, fold.test)
    return FoldScore(
        fold=fold,
        found=found,
        values=values,
        champion_train=train({}),
        candidate_train=train(values),
        champion_test=old,
        candidate_test=new,
        stressed=(result({}, fold.test, dear).returns, result(values, fold.test, dear).returns),
        champion=objective(old, bars_per_year=per_year),
        candidate=objective(new, bars_per_year=per_year),
    )


def _moved(values: Mapping[str, float], knobs: tuple[Knob, ...]) -> dict[str, float]:
    """Return the values that differ from what trades now."""
    return {knob.name: values[knob.name] for knob in knobs if _differs(values, knob)}


def _differs(values: Mapping[str, float], knob: Knob) -> bool:
    return knob.name in values and values[knob.name] not in {knob.current, rounded(knob.current, knob)}


def _evidence(scores: list[FoldScore], *, per_year: float, asked: Asked, kept: float) -> Evidence:
    return Evidence(
        champion=[score.champion for score in scores],
        candidate=[score.candidate for score in scores],
        champion_returns=np.concatenate([score.champion_test.returns for score in scores]),
        candidate_returns=np.concatenate([score.candidate_test.returns for score in scores]),
        trades=sum(score.candidate_test.count for score in scores),
        per_year=per_year,
        asked=asked,
        luck=scores[-1].found.luck,
        overfitting=scores[-1].found.overfitting,
        kept=kept,
        champion_stressed=np.concatenate([score.stressed[0] for score in scores]),
        candidate_stressed=np.concatenate([score.stressed[1] for score in scores]),
    )


def _verdict(evidence: Evidence, changes: Mapping[str, float], knobs: tuple[Knob, ...]) -> Verdict:
    if not changes:
        return Verdict(False, ("nothing tried was better in training than what trades now",), 1.0)
    reach = {knob.name: knob for knob in knobs}
    return judge(evidence, step_bounded=all(reach[name].reachable(value) for name, value in changes.items()))


def _tuned(
    stage: Stage,
    scores: list[FoldScore],
    evidence: Evidence,
    verdict: Verdict,
    *,
    changes: Mapping[str, float],
    knobs: tuple[Knob, ...],
) -> Tuned:
    name = stage.name
    in_sample = _medians([score.champion_train for score in scores], [score.candidate_train for score in scores])
    out = _medians(evidence.champion, evidence.candidate)
    current, trials = {knob.name: knob.current for knob in knobs}, stage.trials * len(scores)
    record = {
        "verdict": "better" if verdict.better else "rejected",
        "reason": "; ".join(verdict.reasons) or "better out of sample by the stated rule",
        **stage.record(),
        "from": stage.at(0),
        "to": stage.at(-1),
        "knobs": {k.name: {"low": k.low, "high": k.high, "current": k.current} for k in knobs},
        "proposed": dict(changes),
        "trials": trials,
        "p_value": verdict.p_value,
        "gate": dict(verdict.figures),
        "trades_out_of_sample": evidence.trades,
        "in_sample": {"champion": in_sample[0], "candidate": in_sample[1]},
        "out_of_sample": {"champion": out[0], "candidate": out[1]},
        "folds": [_fold_record(stage, score) for score in scores],
    }
    return Tuned(
        name=name,
        changes={f"{stage.prefix}{key}": value for key, value in changes.items()},
        current={f"{stage.prefix}{key}": value for key, value in current.items()},
        verdict=verdict,
        missing="",
        trials=trials,
        in_sample=in_sample,
        out_of_sample=out,
        folds_won=evidence.won,
        folds=len(scores),
        record=record,
    )


def _medians(champion: list[float] | Any, candidate: list[float] | Any) -> tuple[float, float]:
    return float(np.median(champion)), float(np.median(candidate))


def _fold_record(stage: Stage, score: FoldScore) -> dict[str, Any]:
    train, test = score.fold.train, score.fold.test
    return {
        "train_from": stage.at(train.start),
        "train_to": stage.at(train.stop - 1),
        "test_from": stage.at(test.start),
        "test_to": stage.at(test.stop - 1),
        "values": dict(score.values),
        "champion_in_sample": score.champion_train,
        "candidate_in_sample": score.candidate_train,
        "champion_out_of_sample": score.champion,
        "candidate_out_of_sample": score.candidate,
        "champion_trades": score.champion_test.count,
        "candidate_trades": score.candidate_test.count,
    }
