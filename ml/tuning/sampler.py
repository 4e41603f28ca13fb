"""Which values a search tries next: first spread over the whole reach, then beside the best so far.

It costs little: no model is fitted to what was tried, so a trial is as quick as its backtest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import optuna
from optuna.distributions import BaseDistribution, IntDistribution
from optuna.trial import FrozenTrial, TrialState

from ml.tuning.space import Knob
from orchestrator.domain.market import Floats

WIDEST, NARROWEST = 0.3, 0.01
"""Standard deviation of a step as a share of a knob's reach: where it begins, and where it ends at the least."""
WIDEN, NARROW = 1.1, 0.96
"""What a step that gained, and one that did not, make of the next ones."""
TOUCHED = 0.6
"""Chance of each knob to be moved by a step; one is moved always."""


class Nearby(optuna.samplers.BaseSampler):
    """Spreads the first trials, then steps from the best with a width that follows success.

    The first `spread` trials are a Latin hypercube: each knob's reach is cut into as many parts, and each part is tried
    once. A later trial moves some knobs of the best by normal steps, mirrored at the borders.

    References
    ----------
    M. D. McKay, R. J. Beckman, W. J. Conover, A comparison of three methods for selecting values of input variables,
    Technometrics 21, 1979 (Latin hypercube). M. A. Schumer, K. Steiglitz, Adaptive step size random search, IEEE
    Transactions on Automatic Control 13, 1968; I. Rechenberg, Evolutionsstrategie, 1973 (wider after success).
    """

    def __init__(self, knobs: Sequence[Knob], *, seed: int, spread: int) -> None:
        self._space = {knob.name: distribution(knob) for knob in knobs}
        self._chance = np.random.default_rng(seed)
        self._first = _latin(self._chance, spread, len(knobs))
        self._best = np.full(len(knobs), 0.5)
        self._score, self._width = -np.inf, WIDEST

    def infer_relative_search_space(self, _study: optuna.Study, _trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """Return all knobs: they are tried together."""
        return self._space

    def sample_relative(
        self, _study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Return the values of the trial."""
        place = self._first[trial.number] if trial.number < len(self._first) else self._step()
        return {name: _value(search_space[name], at) for name, at in zip(self._space, place, strict=True)}

    def sample_independent(
        self, _study: optuna.Study, _trial: FrozenTrial, param_name: str, _distribution: BaseDistribution
    ) -> float:
        """Refuse: every knob is known at the start.

        Raises
        ------
        KeyError
            Always.
        """
        raise KeyError(param_name)

    def after_trial(
        self, _study: optuna.Study, trial: FrozenTrial, _state: TrialState, values: Sequence[float] | None
    ) -> None:
        """Learn what the trial scored; of equals the first stays the best."""
        gained = values is not None and values[0] > self._score
        if gained and values is not None:
            self._score, self._best = values[0], self._place(trial.params)
        if trial.number >= len(self._first):
            wished = self._width * (WIDEN if gained else NARROW)
            self._width = min(max(wished, NARROWEST), WIDEST)

    def _step(self) -> Floats:
        count = len(self._best)
        moved = self._chance.random(count) < TOUCHED
        moved[self._chance.integers(count)] = True
        place = self._best + self._chance.normal(0.0, self._width, count) * moved
        mirrored: Floats = 1.0 - np.abs(1.0 - np.abs(place))
        return np.clip(mirrored, 0.0, 1.0)

    def _place(self, values: Mapping[str, Any]) -> Floats:
        return np.array([_share(one, float(values[name])) for name, one in self._space.items()])


def distribution(knob: Knob) -> BaseDistribution:
    """Return what optuna may try of a knob."""
    if knob.integer:
        return IntDistribution(int(knob.low), int(knob.high))
    return optuna.distributions.FloatDistribution(knob.low, knob.high)


def _latin(chance: np.random.Generator, count: int, knobs: int) -> Floats:
    """Return `count` places in the unit cube, of which each side's every part of 1 / count holds one."""
    parts = np.stack([chance.permutation(count) for _ in range(knobs)], axis=1)
    found: Floats = (parts + chance.random((count, knobs))) / max(count, 1)
    return found


def _value(known: Any, share: float) -> float | int:
    """Return the value at a share of the reach; a whole number takes as much of it as any other."""
    if isinstance(known, IntDistribution):
        return min(known.low + int(share * (known.high - known.low + 1)), known.high)
    return float(known.low + share * (known.high - known.low))


def _share(known: Any, value: float) -> float:
    if isinstance(known, IntDistribution):
        return (value - known.low + 0.5) / (known.high - known.low + 1)
    return (value - float(known.low)) / (float(known.high) - float(known.low) or 1.0)
