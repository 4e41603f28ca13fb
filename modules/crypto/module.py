"""The crypto module: what it needs to see, what it would enter, how it looks after what it holds, day and night.

Looks for entries only just after a bar has closed; what is held is watched every cycle. It decides; it never
places, reads or writes.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from math import ceil
from typing import cast

from modules.crypto.parameters import CryptoParameters
from modules.crypto.strategies import STRATEGIES
from modules.crypto.universe import instrument
from orchestrator.domain.base import ModuleName
from orchestrator.domain.departures import departures, stops_in_force
from orchestrator.domain.documents import BookDoc
from orchestrator.domain.entries import entries, remembered
from orchestrator.domain.market import DataRequest
from orchestrator.domain.opportunities import TradeOpportunity
from orchestrator.domain.orders import TimeInForce
from orchestrator.domain.parameters import Parameters
from orchestrator.domain.scene import DAILY, Scene, listed, settings_of
from orchestrator.module import Context, TradingModule

DAYS_A_YEAR = 365


class CryptoModule(TradingModule):
    """Session-aware momentum and mean reversion on crypto pairs."""

    module_name = ModuleName.CRYPTO
    parameters_model = CryptoParameters

    _seen: tuple[Context, Scene] | None = None

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

    def analyze(self, context: Context) -> list[TradeOpportunity]:
        """Return what could be entered, the most confident first; nothing while the venue is down."""
        return entries(self._scene(context))

    def monitor(self, context: Context) -> list[TradeOpportunity]:
        """Return exits, then protective orders; nothing while the venue is down."""
        return departures(self._scene(context))

    def raised_stops(self, context: Context) -> Mapping[str, Decimal]:
        """Return the stops that have followed the price, by position id."""
        return stops_in_force(self._scene(context))

    def remember(self, context: Context) -> Mapping[str, str]:
        """Return when each symbol was last held and last proposed."""
        return remembered(self._scene(context))

    def _scene(self, context: Context) -> Scene:
        """Return the scene of a context, the same one for all decisions of a cycle: strategies are asked once."""
        if self._seen is None or self._seen[0] is not context:
            self._seen = context, self._look(context)
        return self._seen[1]

    def _look(self, context: Context) -> Scene:
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
