"""The stocks module: what it needs to see, what it would enter, how it looks after what it holds.

Trades in the venue's regular session only, half days included. It decides; it never places, reads or writes.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from math import ceil
from typing import cast

from modules.stocks.parameters import StocksParameters
from modules.stocks.strategies import STRATEGIES
from modules.stocks.universe import instrument
from orchestrator.domain.base import ModuleName
from orchestrator.domain.documents import BookDoc
from orchestrator.domain.market import DataRequest
from orchestrator.domain.orders import TimeInForce
from orchestrator.domain.parameters import Parameters
from orchestrator.domain.scene import DAILY, Scene, listed, settings_of
from orchestrator.module import Context, DirectionalModule

SESSION_MINUTES = 390
SESSIONS_A_YEAR = 252


class StocksModule(DirectionalModule):
    """Sector rotation, momentum, mean reversion and leveraged funds on US stocks."""

    module_name = ModuleName.STOCKS
    parameters_model = StocksParameters

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

    def look(self, context: Context) -> Scene:
        """Return what is decided on."""
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
