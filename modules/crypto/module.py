"""The crypto module: what it needs to see, what it would enter, how it looks after what it holds, day and night.

Looks for entries only just after a bar has closed; what is held is watched every cycle. It decides; it never
places, reads or writes.
"""

from __future__ import annotations

from datetime import datetime
from math import ceil
from typing import cast

from modules.crypto.parameters import CryptoParameters
from modules.crypto.strategies import STRATEGIES
from modules.crypto.universe import instrument
from orchestrator.domain.base import ModuleName
from orchestrator.domain.documents import BookDoc
from orchestrator.domain.market import DataRequest
from orchestrator.domain.orders import TimeInForce
from orchestrator.domain.parameters import Parameters
from orchestrator.domain.scene import DAILY, Scene, listed, settings_of
from orchestrator.module import Context, DirectionalModule

DAYS_A_YEAR = 365


class CryptoModule(DirectionalModule):
    """Session-aware momentum and mean reversion on crypto pairs."""

    module_name = ModuleName.CRYPTO
    parameters_model = CryptoParameters

    def request(self, book: BookDoc, parameters: Parameters, now: datetime) -> DataRequest:
        """Return bars of the timeframes that have just closed one, and quotes; else only quotes of what is held."""
        knobs = cast("CryptoParameters", parameters)
        held = tuple(position.symbol for position in book.positions.values())
        symbols = tuple(dict.fromkeys((*listed(self.config.universe, tuple(self.config.universe)), *held)))
        bars = max(knobs.execution.warmup, *(rules.warmup for rules in settings_of(knobs, STRATEGIES).values()))
        fresh = [minutes for minutes in _timeframes(knobs) if just_closed(minutes, now, within=knobs.fresh_minutes)]
        return DataRequest(
            bars=dict.fromkeys(fresh, symbols),
            lookback_days={minutes: ceil(bars * minutes / DAILY) + 2 for minutes in fresh},
            quotes=symbols if fresh else held,
        )

    def look(self, context: Context) -> Scene:
        """Return what is decided on."""
        knobs = cast("CryptoParameters", context.parameters)
        return Scene(
            module=self.module_name,
            book=context.book,
            market=context.market,
            now=context.now,
            universe=self.config.universe,
            timeframes=_timeframes(knobs),
            execution=knobs.execution,
            strategies=STRATEGIES,
            settings=settings_of(knobs, STRATEGIES),
            instrument=instrument,
            bars_per_year=bars_per_year,
            market_tif=TimeInForce.GTC,
        )


def just_closed(minutes: int, now: datetime, *, within: int) -> bool:
    """Return whether a bar of `minutes` ended within the last `within` minutes, or ends in this very second."""
    return (int(now.timestamp()) + 1) % (60 * minutes) <= 60 * within


def bars_per_year(minutes: int) -> float:
    """Return the bars of a year of days without a close."""
    return DAYS_A_YEAR * DAILY / minutes


def _timeframes(knobs: CryptoParameters) -> tuple[int, ...]:
    return tuple(dict.fromkeys((knobs.timeframe, knobs.fallback_timeframe)))
