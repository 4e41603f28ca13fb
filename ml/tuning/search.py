"""The search for better parameters on one window of bars; it never sees another."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import optuna

from ml.tuning.space import Knob, rounded

TRIALS = 40
"""Candidates tried on each training window, the champion among them."""
SPREAD = 20
"""How many of them, the first, are spread over the whole reach; the later ones look where it went well."""

Score = Callable[[Mapping[str, float]], float]


def best_values(score: Score, knobs: Sequence[Knob], *, seed: int, trials: int = TRIALS) -> dict[str, float]:
    """Return the values with the highest score; the champion's unless something beats it.

    Parameters
    ----------
    score
        Objective of a set of values; pure.
    knobs
        What to search.
    seed
        Of the sampler (tree-structured Parzen estimator): the same seed tries the same candidates.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=SPREAD)
    study = optuna.create_study(direction="maximize", sampler=sampler)
    study.enqueue_trial({knob.name: int(knob.current) if knob.integer else knob.current for knob in knobs})

    def objective(trial: optuna.Trial) -> float:
        return score(_suggested(trial, knobs))

    study.optimize(objective, n_trials=trials)
    # Trials are compared in order: of equals the first wins, and the champion is the first.
    best = max(study.trials, key=lambda trial: (trial.value if trial.value is not None else -1e9, -trial.number))
    return {knob.name: rounded(float(best.params[knob.name]), knob) for knob in knobs}


def _suggested(trial: optuna.Trial, knobs: Sequence[Knob]) -> dict[str, float]:
    found = {}
    for knob in knobs:
        if knob.integer:
            value: float = trial.suggest_int(knob.name, int(knob.low), int(knob.high))
        else:
            value = trial.suggest_float(knob.name, knob.low, knob.high)
        found[knob.name] = rounded(value, knob)
    return found
