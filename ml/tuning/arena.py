"""One strategy on its bars: turns a set of values into a run over a window of rows, with nothing later in sight."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Self

import numpy as np

from ml.backtest.engine import Market, Result, Rules, market_of, simulate
from ml.tuning.search import TRIALS
from ml.tuning.space import Knob, knobs_of, with_values
from orchestrator.domain.errors import DomainError, TradingError
from orchestrator.domain.market import Panel, Signals
from orchestrator.domain.scene import Execution
from orchestrator.domain.strategy import Strategy, StrategyParameters


@dataclass(frozen=True, slots=True)
class Terms:
    """What every run of a module shares. `cost` is that of one side, as a fraction of the notional."""

    execution: Execution
    cost: float
    bars_per_year: float


@dataclass(frozen=True, slots=True)
class Arena:
    """A strategy, what trades now, and the bars it is tried on; fulfils `ml.tuning.walkforward.Stage`.

    Parameters
    ----------
    minutes
        Minutes per bar.
    panel
        Every symbol that the strategy reads; checked.
    market
        The symbols it trades, on the same rows.
    columns
        Where the traded symbols stand in `panel`.
    """

    where: str
    strategy: Strategy
    champion: StrategyParameters
    panel: Panel
    market: Market
    columns: tuple[int, ...]
    terms: Terms
    minutes: int = 1440
    trials: int = TRIALS

    @property
    def name(self) -> str:
        """The strategy's name."""
        return self.strategy.name

    @property
    def prefix(self) -> str:
        """What stands before a knob's name in the module's parameters."""
        return f"{self.strategy.name}."

    @property
    def rows(self) -> int:
        """How many bars there are."""
        return len(self.panel)

    @property
    def unit(self) -> str:
        """What a row is, in the plural."""
        return f"bars of {self.minutes} minutes"

    @property
    def per_year(self) -> float:
        """Bars in a year."""
        return self.terms.bars_per_year

    def knobs(self) -> tuple[Knob, ...]:
        """Return the strategy's knobs."""
        return knobs_of(self.champion)

    def dearer(self, times: float) -> Self:
        """Return the same at a multiple of the costs."""
        return replace(self, terms=replace(self.terms, cost=self.terms.cost * times))

    def at(self, row: int) -> str:
        """Return when a bar ended, ISO."""
        return datetime.fromtimestamp(int(self.panel.ends[row]), UTC).isoformat()

    def record(self) -> dict[str, Any]:
        """Return what it is tried on, for the version's provenance."""
        return {"minutes_per_bar": self.minutes, "bars": self.rows, "symbols": list(self.market.panel.symbols)}

    def warmup(self, knobs: tuple[Knob, ...]) -> int:
        """Return the bars that every candidate within the knobs' reach needs first."""
        slowest = with_values(self.champion, {knob.name: knob.high for knob in knobs})
        return max(slowest.warmup, self.champion.warmup, self.terms.execution.warmup)

    def run(self, values: Mapping[str, float], rows: slice, *, warmup: int) -> Result:
        """Return what the champion with `values` earns on `rows`; it is shown those and the warm-up before them.

        Raises
        ------
        DomainError
            The strategy raised, or its signals do not fit the panel; the message says which and how.
        """
        settings = with_values(self.champion, values)
        shown = self.panel[max(rows.start - warmup, 0) : rows.stop]
        signals = self._signals(shown, settings, rows.stop - rows.start)
        rules = Rules(
            exits=settings.exits,
            max_positions=settings.max_positions,
            max_weight=settings.weight,
            sizing=settings.sizing,
        )
        return simulate(self.market[rows], signals, rules, cost=self.terms.cost)

    def _signals(self, panel: Panel, settings: StrategyParameters, rows: int) -> Signals:
        try:
            with np.errstate(all="ignore"):
                found = self.strategy.evaluate(panel, settings)
        except TradingError:
            raise
        except Exception as error:
            raise DomainError(f"{self.where}: the strategy raised {type(error).__name__}: {error}") from error
        shape = panel.close.shape
        for name in ("target", "confidence", "reason"):
            if getattr(found, name).shape != shape:
                raise DomainError(f"{self.where}: {name} has shape {getattr(found, name).shape}, the panel {shape}")
        columns = list(self.columns)
        own = (slice(-rows, None), columns)
        return Signals(found.target[own], found.confidence[own], found.reason[own], found.reasons)


def arena(
    strategy: Strategy,
    champion: StrategyParameters,
    panel: Panel,
    terms: Terms,
    *,
    traded: tuple[str, ...],
    where: str,
    minutes: int = 1440,
) -> Arena:
    """Return the arena of a strategy on a checked panel."""
    columns = tuple(index for index, symbol in enumerate(panel.symbols) if symbol in traded)
    arrays = (panel.open, panel.high, panel.low, panel.close, panel.volume)
    own = Panel(
        tuple(panel.symbols[index] for index in columns), panel.ends, *(array[:, list(columns)] for array in arrays)
    )
    with np.errstate(all="ignore"):
        market = market_of(own, terms.execution, bars_per_year=terms.bars_per_year)
    return Arena(where, strategy, champion, panel, market, columns, terms, minutes)
