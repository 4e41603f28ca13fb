"""The stocks module: what it needs to see, what it would enter, how it looks after what it holds.

Trades in the venue's regular session only, half days included. It decides; it never places, reads or writes.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from math import ceil
from typing import cast

from modules.stocks.parameters import StocksParameters
from modules.stocks.strategies import STRATEGIES
from modules.stocks.universe import instrument
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

SESSION_MINUTES = 390
SESSIONS_A_YEAR = 252


class StocksModule(TradingModule):
    """Sector rotation, momentum, mean reversion and leveraged funds on US stocks."""

    module_name = ModuleName.STOCKS
    parameters_model = StocksParameters

    _seen: tuple[Context, Scene] | None = None

    def request(self, book: BookDoc, parameters: Parameters, now: datetime) -> DataRequest:
        """Return bars of both timeframes and quotes, for the universe and what is held."""
        knobs = cast("StocksParameters", parameters)
        held = tuple(position.symbol for position in book.positions.values())
        symbols = tuple(dict.fromkeys((*listed(self.config.universe, tuple(self.config.universe)), *held)))
        bars = max(knobs.execution.warmup, *(rules.warmup for rules in settings_of(knobs, STRATEGIES).values()))
        frames = _timeframes(knobs)
        return DataRequest(
            bars=dict.fromkeys(frames, symbols),
            lookback_days={minutes: lookback_days(minutes, bars) for minutes in frames},
            quotes=symbols,
        )

    def analyze(self, context: Context) -> list[TradeOpportunity]:
        """Return what could be entered, the most confident first; nothing while the market is closed."""
        return entries(self._scene(context))

    def monitor(self, context: Context) -> list[TradeOpportunity]:
        """Return exits, then protective orders; nothing while the market is closed."""
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
        knobs = cast("StocksParameters", context.parameters)
        close = context.market.session.close
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
            market_tif=TimeInForce.DAY,
            intraday_entries_until=_before(close, knobs.intraday_no_entry_minutes),
            intraday_until=_before(close, knobs.intraday_leave_minutes),
        )


def lookback_days(minutes: int, bars: int) -> int:
    """Return calendar days that surely hold `bars` bars of `minutes`: weekends and holidays included."""
    sessions = bars if minutes >= DAILY else ceil(bars * minutes / SESSION_MINUTES) + 1
    return ceil(sessions * 1.5) + 7


def bars_per_year(minutes: int) -> float:
    """Return the bars of a trading year."""
    return SESSIONS_A_YEAR * max(1.0, SESSION_MINUTES / minutes)


def _timeframes(knobs: StocksParameters) -> tuple[int, ...]:
    return tuple(dict.fromkeys((knobs.timeframe, knobs.fallback_timeframe)))


def _before(close: datetime | None, minutes: int) -> datetime | None:
    return None if close is None else close - timedelta(minutes=minutes)
