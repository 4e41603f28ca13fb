"""What of a strategy is searched, and how far one night may move it.

The knobs are found in the parameters' own bounds: every confidence threshold, the first two numbers a strategy
declares, and the stop distance. No knob moves further than a quarter of its bounds' width from what trades now.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from orchestrator.domain.errors import DomainError
from orchestrator.domain.parameters import Bounds, Parameters
from orchestrator.domain.strategy import StrategyParameters

STEP = 0.25
"""Largest move of a parameter in one version, as a share of the width of its bounds."""
OWN_KNOBS = 2
_DECIMALS = 4
_STOP = "exits.stop_moves"

P = TypeVar("P", bound=Parameters)


@dataclass(frozen=True, slots=True)
class Knob:
    """A parameter to search, from `low` to `high`, both included."""

    name: str
    low: float
    high: float
    integer: bool
    current: float

    def reachable(self, value: float) -> bool:
        """Return whether `value` is within one step of what trades now."""
        return self.low <= value <= self.high


def knobs_of(parameters: Parameters) -> tuple[Knob, ...]:
    """Return the knobs of a strategy's parameters, thresholds first.

    Raises
    ------
    DomainError
        A parameter has empty bounds, or none can be searched.
    """
    bounds = parameters.bounds()
    thresholds = [name for name in bounds if "confidence" in name]
    shared = {*thresholds, *StrategyParameters.model_fields}
    own = [name for name in bounds if "." not in name and name not in shared][:OWN_KNOBS]
    names = [*thresholds, *own, *([_STOP] if _STOP in bounds else [])]
    if not names:
        raise DomainError(f"{type(parameters).__name__} has no bounded number that could be tuned")
    return tuple(knob(parameters, name, bounds[name]) for name in names)


def knob(parameters: Parameters, name: str, bounds: Bounds) -> Knob:
    """Return one knob around its current value.

    Raises
    ------
    DomainError
        Its bounds are empty.
    """
    if not bounds.low < bounds.high:
        raise DomainError(f"{type(parameters).__name__}.{name}: empty bounds {bounds.low:g}..{bounds.high:g}")
    current, reach = value_of(parameters, name), STEP * (bounds.high - bounds.low)
    low, high = max(bounds.low, current - reach), min(bounds.high, current + reach)
    if bounds.integer:
        low, high = float(-(-low // 1)), float(high // 1)
    return Knob(name, low, high, bounds.integer, current)


def value_of(parameters: Parameters, name: str) -> float:
    """Return the value of a parameter by its dotted name."""
    found: Any = parameters
    for part in name.split("."):
        found = getattr(found, part)
    return float(found)


def with_values(parameters: P, values: Mapping[str, float]) -> P:
    """Return the parameters with some replaced by dotted name, validated.

    Raises
    ------
    ParameterOutOfBoundsError
        A value is out of bounds.
    """
    plain = parameters.model_dump(mode="json")
    for name, value in values.items():
        *parents, last = name.split(".")
        place = plain
        for parent in parents:
            place = place[parent]
        place[last] = int(value) if parameters.bounds()[name].integer else value
    return type(parameters).parse(plain, where=f"tuned {type(parameters).__name__}")


def rounded(value: float, knob: Knob) -> float:
    """Return a value a person can read, still within the knob's range."""
    if knob.integer:
        return float(int(value))
    return min(max(round(value, _DECIMALS), knob.low), knob.high)
