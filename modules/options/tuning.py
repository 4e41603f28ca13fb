"""What of the options module may be tuned, on which evidence.

Bars of an underlying cannot tell what a structure would have earned. The chains that the desk kept can, once there are
enough of them; closed trades tell what a stricter threshold would have left out.
"""

from __future__ import annotations

from collections.abc import Mapping

from modules.options.parameters import OptionsParameters
from modules.options.regime import SESSIONS_PER_YEAR
from orchestrator.domain.base import ModuleName
from orchestrator.domain.tuning import EntryFilter, Tunable

FILTERS = (
    EntryFilter("min_confidence", "confidence", keep="at_least"),
    EntryFilter("selection.min_days", "days_to_expiry", keep="at_least"),
    EntryFilter("liquidity.max_concession", "concession", keep="at_most"),
)
"""Thresholds of an entry, with the feature of a trade that each is compared with."""
SEARCHED = (
    "trend.momentum_vols",
    "selection.long_delta",
    "selection.debit_short_delta",
    "selection.credit_short_delta",
    "exits.spread_target",
    "exits.long_target",
    "exits.debit_stop",
    "exits.credit_stop",
)
"""What a backtest on kept chains can tell: which contracts, and when they are left. None changes which expiries are
looked at, for others are not kept."""


def tunable(universe: Mapping[str, tuple[str, ...]]) -> Tunable:
    """Return the module as the tuning job sees it."""
    return Tunable(
        module=ModuleName.OPTIONS,
        model=OptionsParameters,
        universe=universe,
        bars_per_year=lambda _minutes: float(SESSIONS_PER_YEAR),
        cost_bps=0.0,
        filters=FILTERS,
        searched=SEARCHED,
    )
