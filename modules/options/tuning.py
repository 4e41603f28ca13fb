"""What of the options module may be tuned: thresholds that only let entries through, on the evidence of closed trades.

Bars of an underlying cannot tell what a structure would have earned; its closed trades can, costs included.
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
UNSEARCHED = "its strategies are not searched: the desk keeps no option chains of past days to try them on"


def tunable(universe: Mapping[str, tuple[str, ...]]) -> Tunable:
    """Return the module as the tuning job sees it."""
    return Tunable(
        module=ModuleName.OPTIONS,
        model=OptionsParameters,
        universe=universe,
        bars_per_year=lambda _minutes: float(SESSIONS_PER_YEAR),
        cost_bps=0.0,
        filters=FILTERS,
        unsearched=UNSEARCHED,
    )
