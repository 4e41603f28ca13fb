"""What of the stocks module may be tuned: its strategies, on bars, at a stated cost."""

from __future__ import annotations

from collections.abc import Mapping

from modules.stocks.module import bars_per_year
from modules.stocks.parameters import StocksParameters
from modules.stocks.strategies import STRATEGIES
from orchestrator.domain.base import ModuleName
from orchestrator.domain.tuning import Tunable

COST_BPS = 2.0
"""Half the spread of a large stock or fund; commissions are none, regulatory fees fractions of a basis point."""


def tunable(universe: Mapping[str, tuple[str, ...]]) -> Tunable:
    """Return the module as the tuning job sees it."""
    return Tunable(
        module=ModuleName.STOCKS,
        model=StocksParameters,
        universe=universe,
        bars_per_year=bars_per_year,
        cost_bps=COST_BPS,
        strategies=STRATEGIES,
    )
