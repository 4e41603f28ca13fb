"""Walk forward: search on each training window, be judged on the test window after it, against what trades now.

The candidate is what the newest training window gave: the newest test window judges that very candidate, the older
ones judge the way it was found.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
from joblib import Parallel, delayed

from ml.backtest.engine import Result
from ml.backtest.score import objective
from ml.tuning.arena import Arena
from ml.tuning.memory import FORGETS, Memory
from ml.tuning.nearby import kept_nearby
from ml.tuning.search import SPREAD, TRIALS, best_values
from ml.tuning.space import Knob, knobs_of, rounded
from ml.validation.folds import COUNT, Fold, folds, rows_needed
from ml.validation.gate import STRESS, Asked, Evidence, Verdict, judge
from ml.validation.overfitting import overfitting
from ml.validation.sharpe import luck_variance
from orchestrator.domain.market import Floats
from orchestrator.domain.searches import Found

PLANNED = TRIALS * COUNT
"""Sets of values that one strategy's walk forward tries."""
SEED = 20260716
"""Of the first fold's sampler; the next folds count on."""


@dataclass(frozen=True, slots=True)
class FoldScore:
    """Scores of champion and candidate on one training and one test window."""

    fold: Fold
    found: Found
    values: Mapping[str, float]
    champion_train: float
    candidate_train: float
    champion_test: Result
    candidate_test: Result
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


def walk_forward(arena: Arena, *, minutes: int, asked: Asked, memory: Memory = FORGETS) -> Tuned:
    """Return what the bars say of the strategy's parameters.

    Parameters
    ----------
    minutes
        Minutes per bar, for the record.
    asked
        How often luck is given a chance.
    memory
        What a run of this slot that was cut off has found already.
    """
    name, rows = arena.strategy.name, len(arena.panel)
    knobs = _affordable(arena, knobs_of(arena.champion), rows)
    warmup = arena.warmup(knobs)
    windows = folds(rows, warmup=warmup)
    if not windows:
        need = rows_needed(warmup)
        return insufficient(name, f"{rows} bars of {minutes} minutes, at least {need} ({warmup} of them to warm up)")
    searches = _searches(arena, windows, knobs, warmup=warmup, memory=memory)
    scores = [_score(arena, fold, found, knobs, warmup=warmup) for fold, found in zip(windows, searches, strict=True)]
    changes = _moved(scores[-1].values, knobs)
    kept = _kept(arena, changes, knobs, windows, warmup=warmup) if changes else 0.0
    evidence = _evidence(scores, per_year=arena.terms.bars_per_year, asked=asked, kept=kept)
    verdict = _verdict(evidence, changes, knobs)
    return _tuned(arena, scores, evidence, verdict, changes=changes, knobs=knobs, minutes=minutes)


def _affordable(arena: Arena, knobs: tuple[Knob, ...], rows: int) -> tuple[Knob, ...]:
    """Return the knobs; with too few rows to warm every candidate up, none looks further back than what trades now."""
    if rows >= rows_needed(arena.warmup(knobs)):
        return knobs
    least = arena.warmup(())
    return tuple(replace(one, high=one.current) if arena.warmup((one,)) > least else one for one in knobs)


def _searches(
    arena: Arena, windows: tuple[Fold, ...], knobs: tuple[Knob, ...], *, warmup: int, memory: Memory
) -> Iterator[Found]:
    """Yield what the search on each training window found, the oldest first, and remember it.

    Those not remembered run one after another, or wherever the caller's `joblib.parallel_config` sends them.
    """
    name = arena.strategy.name
    known = [memory.found(name, n) for n in range(len(windows))]
    left = [(n, fold) for n, fold in enumerate(windows) if known[n] is None]
    tasks = (delayed(_search)(arena, fold, knobs, warmup=warmup, seed=SEED + n) for n, fold in left)
    fresh = iter(Parallel(return_as="generator")(tasks))
    for n, before in enumerate(known):
        found = before or next(fresh)
        memory.keep(name, n, found)
        yield found


def _search(arena: Arena, fold: Fold, knobs: tuple[Knob, ...], *, warmup: int, seed: int) -> Found:
    """Return the best values of a training window, and how much the tries on it are worth as proof."""
    tries: list[Floats] = []

    def train(values: Mapping[str, float]) -> float:
        result = arena.run(values, fold.train, warmup=warmup)
        tries.append(result.returns)
        return objective(result, bars_per_year=arena.terms.bars_per_year)

    values = best_values(train, knobs, seed=seed)
    judged = (fold.test.stop - fold.test.start) * COUNT
    return Found(
        values=values,
        trials=len(tries),
        luck=luck_variance(np.array(tries), count=judged),
        overfitting=overfitting(np.array(tries[:SPREAD])),
    )


def _kept(
    arena: Arena, values: Mapping[str, float], knobs: tuple[Knob, ...], windows: tuple[Fold, ...], *, warmup: int
) -> float:
    """Return what the candidate's neighbours keep of its gain over all test windows."""
    rows = slice(windows[0].test.start, windows[-1].test.stop)

    def score(tried: Mapping[str, float]) -> float:
        return objective(arena.run(tried, rows, warmup=warmup), bars_per_year=arena.terms.bars_per_year)

    return kept_nearby(score, values, knobs)


def _score(arena: Arena, fold: Fold, found: Found, knobs: tuple[Knob, ...], *, warmup: int) -> FoldScore:
    per_year, values = arena.terms.bars_per_year, _moved(found.values, knobs)
    dear = replace(arena, terms=replace(arena.terms, cost=arena.terms.cost * STRESS))

    def result(tried: Mapping[str, float], rows: slice, on: Arena = arena) -> Result:
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
    arena: Arena,
    scores: list[FoldScore],
    evidence: Evidence,
    verdict: Verdict,
    *,
    changes: Mapping[str, float],
    knobs: tuple[Knob, ...],
    minutes: int,
) -> Tuned:
    name = arena.strategy.name
    in_sample = _medians([score.champion_train for score in scores], [score.candidate_train for score in scores])
    out = _medians(evidence.champion, evidence.candidate)
    current = {knob.name: knob.current for knob in knobs}
    record = {
        "verdict": "better" if verdict.better else "rejected",
        "reason": "; ".join(verdict.reasons) or "better out of sample by the stated rule",
        "minutes_per_bar": minutes,
        "bars": len(arena.panel),
        "symbols": list(arena.market.panel.symbols),
        "from": _day(arena, 0),
        "to": _day(arena, -1),
        "knobs": {k.name: {"low": k.low, "high": k.high, "current": k.current} for k in knobs},
        "proposed": dict(changes),
        "trials": PLANNED,
        "p_value": verdict.p_value,
        "gate": dict(verdict.figures),
        "trades_out_of_sample": evidence.trades,
        "in_sample": {"champion": in_sample[0], "candidate": in_sample[1]},
        "out_of_sample": {"champion": out[0], "candidate": out[1]},
        "folds": [_fold_record(arena, score) for score in scores],
    }
    return Tuned(
        name=name,
        changes={f"{name}.{key}": value for key, value in changes.items()},
        current={f"{name}.{key}": value for key, value in current.items()},
        verdict=verdict,
        missing="",
        trials=PLANNED,
        in_sample=in_sample,
        out_of_sample=out,
        folds_won=evidence.won,
        folds=len(scores),
        record=record,
    )


def _medians(champion: list[float] | Any, candidate: list[float] | Any) -> tuple[float, float]:
    return float(np.median(champion)), float(np.median(candidate))


def _fold_record(arena: Arena, score: FoldScore) -> dict[str, Any]:
    train, test = score.fold.train, score.fold.test
    return {
        "train_from": _day(arena, train.start),
        "train_to": _day(arena, train.stop - 1),
        "test_from": _day(arena, test.start),
        "test_to": _day(arena, test.stop - 1),
        "values": dict(score.values),
        "champion_in_sample": score.champion_train,
        "candidate_in_sample": score.candidate_train,
        "champion_out_of_sample": score.champion,
        "candidate_out_of_sample": score.candidate,
        "champion_trades": score.champion_test.count,
        "candidate_trades": score.candidate_test.count,
    }


def _day(arena: Arena, row: int) -> str:
    return datetime.fromtimestamp(int(arena.panel.ends[row]), UTC).isoformat()
