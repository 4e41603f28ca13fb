"""What of a module may be tuned, said by values: its parameters, its pure strategies, what its entries are filtered by.

The tuning job is given these; it knows no module by name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from orchestrator.domain.base import ModuleName
from orchestrator.domain.parameters import Parameters
from orchestrator.domain.strategy import Strategy


@dataclass(frozen=True, slots=True)
class EntryFilter:
    """A parameter that only lets entries through: what a stricter value would have left out is in the closed trades.

    Parameters
    ----------
    knob
        Name of the parameter as in `Parameters.bounds()`.
    feature
        Feature of a trade that it is compared with; `confidence` is the trade's own.
    keep
        Whether an entry needs a feature of at least, or at most, the parameter.
    """

    knob: str
    feature: str
    keep: Literal["at_least", "at_most"]

    def passes(self, value: float, limit: float) -> bool:
        """Return whether an entry whose feature is `value` is let through by a parameter of `limit`."""
        return value >= limit if self.keep == "at_least" else value <= limit


@dataclass(frozen=True, slots=True)
class Tunable:
    """A module as the tuning job sees it.

    Parameters
    ----------
    universe
        Lists of symbols by name, as the module trades them.
    bars_per_year
        Number of bars of a timeframe (minutes) in a year.
    cost_bps
        Least cost of one side of a trade (half the spread and the fee), in basis points of its notional.
    strategies
        Strategies that bars can tell the worth of; none where they cannot.
    filters
        Parameters that closed trades can tell the worth of.
    timeframes
        Fields of the parameters that hold the minutes per bar, in order of preference.
    searched
        Names of the parameters that kept chains can tell the worth of; none where bars tell it.
    """

    module: ModuleName
    model: type[Parameters]
    universe: Mapping[str, tuple[str, ...]]
    bars_per_year: Callable[[int], float]
    cost_bps: float
    strategies: tuple[Strategy, ...] = ()
    filters: tuple[EntryFilter, ...] = ()
    timeframes: tuple[str, ...] = ("timeframe", "fallback_timeframe")
    searched: tuple[str, ...] = ()
