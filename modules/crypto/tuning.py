"""What of the crypto module may be tuned: its strategies, on bars, at a stated cost."""

from __future__ import annotations

from collections.abc import Mapping

from modules.crypto.module import bars_per_year
from modules.crypto.parameters import CryptoParameters
from modules.crypto.strategies import STRATEGIES
from orchestrator.domain.base import ModuleName
from orchestrator.domain.tuning import Tunable

COST_BPS = 45.0
"""Kraken's highest taker fee, 40, and half the spread of a large pair."""


def tunable(universe: Mapping[str, tuple[str, ...]]) -> Tunable:
    """Return the module as the tuning job sees it."""
    return Tunable(
        module=ModuleName.CRYPTO,
        model=CryptoParameters,
        universe=universe,
        bars_per_year=bars_per_year,
        cost_bps=COST_BPS,
        strategies=STRATEGIES,
    )
