"""The search for better parameters on one window of bars; it never sees another."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import optuna

from ml.tuning.sampler import Nearby, distribution
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
        Of the sampler: the same seed tries the same candidates.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    space = {knob.name: distribution(knob) for knob in knobs}
    study = optuna.create_study(direction="maximize", sampler=Nearby(knobs, seed=seed, spread=min(SPREAD, trials)))
    study.enqueue_trial({knob.name: int(knob.current) if knob.integer else knob.current for knob in knobs})
    best, most = {knob.name: knob.current for knob in knobs}, -math.inf
    for _ in range(trials):
        trial = study.ask(space)
        values = {knob.name: rounded(float(trial.params[knob.name]), knob) for knob in knobs}
        found = score(values)
        study.tell(trial, found)
        # Of equals the first wins, and the champion is the first.
        if found > most:
            best, most = values, found
    return best
