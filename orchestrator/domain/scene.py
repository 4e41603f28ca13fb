"""What the decisions of a directional module are made on: book, market, parameters, time, and how to read them.

A directional module holds one symbol per position and only buys to open. `entries` and `departures` decide on a
`Scene`; nothing here places, stores or asks for the time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cached_property, lru_cache

import numpy as np
from pydantic import Field

from orchestrator.domain.base import ModuleName
from orchestrator.domain.documents import BookDoc
from orchestrator.domain.indicators import average_true_range, momentum, rsi, volatility
from orchestrator.domain.instruments import Instrument
from orchestrator.domain.market import MarketSnapshot, Panel
from orchestrator.domain.orders import TimeInForce
from orchestrator.domain.parameters import Parameters
from orchestrator.domain.positions import Position
from orchestrator.domain.strategy import Strategy, StrategyParameters, selected

DAILY = 1440
_KEPT = 16
"""Panels and opinions on them that are kept from one cycle to the next: most bars are older than one cycle."""
MAX_BAR_AGE = timedelta(days=5)
"""A panel whose newest bar is older is not used: no market of ours is closed for longer."""


class Execution(Parameters):
    """How signals become prices and stops; the same for every strategy of a module."""

    through_bps: int = Field(default=5, ge=0, le=50)
    """How far through the ask an entry's limit is."""
    exit_through_bps: int = Field(default=30, ge=0, le=200)
    """How far through the bid an exit's limit is; as far again after each exit of the position that missed."""
    atr_bars: int = Field(default=14, ge=2, le=60)
    vol_bars: int = Field(default=20, ge=5, le=120)
    min_annual_vol: float = Field(default=0.08, ge=0.01, le=1.0)
    """Floor of the volatility used for sizing: a quiet month is no licence for a huge position."""
    min_stop_pct: float = Field(default=0.005, ge=0.001, le=0.1)
    """Least distance of a stop, as a fraction of the price."""
    fallback_stop_pct: float = Field(default=0.08, ge=0.01, le=0.3)
    """Distance of the stop of a position that has none, as a fraction of its entry price."""
    retry_minutes: int = Field(default=30, ge=0, le=240)
    """Minutes between two proposals of the same symbol on the same bar: a refusal is not asked for every cycle."""
    max_chase_moves: float = Field(default=1.5, ge=0.1, le=5.0)
    """An entry needs a price within so many expected moves of the close its signal was made on."""

    @property
    def warmup(self) -> int:
        """Bars that prices and stops need."""
        return max(self.atr_bars, self.vol_bars) + 1


@dataclass(frozen=True)
class Scene:
    """Everything a directional decision may use.

    Parameters
    ----------
    timeframes
        Minutes per bar in order of preference; a strategy takes the first on which it is warmed up.
    settings
        Parameters of each strategy, by its name.
    instrument
        Grid and leverage of a symbol at a price.
    bars_per_year
        Number of bars of a timeframe in a year, for annual volatility.
    market_tif
        How long a market order may rest at this venue.
    intraday_entries_until, intraday_until
        From when positions on bars shorter than a day are no longer opened, and are left; None = no such time.
    """

    module: ModuleName
    book: BookDoc
    market: MarketSnapshot
    now: datetime
    universe: Mapping[str, tuple[str, ...]]
    timeframes: tuple[int, ...]
    execution: Execution
    strategies: tuple[Strategy, ...]
    settings: Mapping[str, StrategyParameters]
    instrument: Callable[[str, Decimal], Instrument]
    bars_per_year: Callable[[int], float]
    market_tif: TimeInForce
    intraday_entries_until: datetime | None = None
    intraday_until: datetime | None = None

    @cached_property
    def opinions(self) -> dict[str, Opinion]:
        """What each enabled strategy that has enough bars thinks at the newest one, by its name."""
        found = {}
        for strategy in self.strategies:
            settings = self.settings[strategy.name]
            if settings.enabled and (opinion := _opinion(self, strategy, settings)) is not None:
                found[strategy.name] = opinion
        return found

    @cached_property
    def own_bars(self) -> dict[str, Panel]:
        """The bars of each position's symbol on the timeframe it was entered on, by its id; none if not seen now."""
        found = {}
        for position in self.book.positions.values():
            panel = self.market.panels.get(timeframe_of(position))
            if panel is not None and position.symbol in panel.symbols:
                found[position.id] = _kept_selected(panel, (position.symbol,))
        return found


_kept_selected = lru_cache(maxsize=_KEPT)(selected)


@dataclass(frozen=True, slots=True)
class View:
    """What a strategy thinks of one symbol at the newest bar. `target` 1 = be in, 0 = be out, None = no opinion."""

    symbol: str
    target: float | None
    confidence: float
    reason: str


@dataclass(frozen=True, slots=True)
class Opinion:
    """The newest row of a strategy's signals and the panel they were made on."""

    strategy: Strategy
    settings: StrategyParameters
    minutes: int
    panel: Panel
    views: Mapping[str, View]


def _opinion(scene: Scene, strategy: Strategy, settings: StrategyParameters) -> Opinion | None:
    trades = listed(scene.universe, strategy.trades)
    symbols = (*trades, *listed(scene.universe, strategy.reads))
    found = panel_for(scene, symbols, bars=max(settings.warmup, scene.execution.warmup))
    if found is None:
        return None
    minutes, panel = found
    try:
        views = _kept_views(strategy, settings, panel, trades)
    except TypeError:  # parameters that cannot be hashed
        views = _views(strategy, settings, panel, trades)
    return Opinion(strategy, settings, minutes, panel, views)


def _views(
    strategy: Strategy, settings: StrategyParameters, panel: Panel, trades: tuple[str, ...]
) -> Mapping[str, View]:
    """Return what a strategy thinks of each symbol that it trades."""
    signals = strategy.evaluate(panel, settings)
    views = {}
    for symbol in trades:
        if symbol in panel.symbols:
            column = panel.column(symbol)
            target = float(signals.target[-1, column])
            views[symbol] = View(
                symbol,
                None if np.isnan(target) else target,
                float(signals.confidence[-1, column]),
                signals.reasons[signals.reason[-1, column]],
            )
    return views


_kept_views = lru_cache(maxsize=_KEPT)(_views)


def settings_of(parameters: Parameters, strategies: tuple[Strategy, ...]) -> dict[str, StrategyParameters]:
    """Return the parameters of each strategy: the field of its name in the module's."""
    return {strategy.name: getattr(parameters, strategy.name) for strategy in strategies}


def listed(universe: Mapping[str, tuple[str, ...]], lists: tuple[str, ...]) -> tuple[str, ...]:
    """Return the symbols of several universe lists, each once; a list that is not there is empty."""
    return tuple(dict.fromkeys(symbol for name in lists for symbol in universe.get(name, ())))


def panel_for(scene: Scene, symbols: tuple[str, ...], *, bars: int) -> tuple[int, Panel] | None:
    """Return the preferred timeframe on which a symbol has enough recent bars, and its panel; None = there is none."""
    for minutes in scene.timeframes:
        panel = scene.market.panels.get(minutes)
        ready = None if panel is None else _ready(panel, symbols, bars)
        newest = None if ready is None else ready.last_end
        if ready is not None and newest is not None and scene.now - newest <= MAX_BAR_AGE:
            return minutes, ready
    return None


@lru_cache(maxsize=_KEPT)
def _ready(panel: Panel, symbols: tuple[str, ...], bars: int) -> Panel | None:
    """Return the newest rows that hold `bars` bars of every symbol that has so many; None = no symbol has."""
    chosen = selected(panel, symbols)
    rows = _rows_of(chosen, bars) if len(chosen) else None
    return None if rows is None else chosen[-rows:]


def _rows_of(panel: Panel, bars: int) -> int | None:
    """Return how many of the newest rows hold `bars` bars of every symbol that has so many; None = no symbol has."""
    counted = np.cumsum(np.isfinite(panel.close[::-1]), axis=0)
    enough = counted[:, counted[-1] >= bars] >= bars
    return int(np.argmax(enough, axis=0).max()) + 1 if enough.size else None


def timeframe_of(position: Position) -> int:
    """Return the minutes per bar that a position was entered on."""
    return int(position.features.get("timeframe_minutes", DAILY))


def mark_of(scene: Scene, position: Position) -> Decimal:
    """Return the price a position is judged at: the quote's middle, else the newest close, else its last mark."""
    price = reference_price(scene, position.symbol)
    if price is not None:
        return price
    mark = position.legs[0].mark_px
    return position.entry_px if mark is None else mark


def reference_price(scene: Scene, symbol: str) -> Decimal | None:
    """Return the best statement of a symbol's price: the quote's middle, one side of it, or the newest close."""
    quote = scene.market.quotes.get(symbol)
    sides = () if quote is None else (quote.mid, quote.ask, quote.bid)
    known = [side for side in sides if side is not None and side > 0]
    return known[0] if known else _newest_close(scene, symbol)


def _newest_close(scene: Scene, symbol: str) -> Decimal | None:
    newest: tuple[int, float] | None = None
    for panel in scene.market.panels.values():
        if symbol not in panel.symbols:
            continue
        close = panel.close[:, panel.column(symbol)]
        rows = np.flatnonzero(np.isfinite(close))
        if len(rows) and (newest is None or int(panel.ends[rows[-1]]) > newest[0]):
            newest = int(panel.ends[rows[-1]]), float(close[rows[-1]])
    return None if newest is None else Decimal(repr(newest[1]))


@dataclass(frozen=True, slots=True)
class Measure:
    """A symbol at its newest bar: close, expected move of one bar (price), volatility (per bar), and features."""

    close: float
    move: float
    vol: float
    features: dict[str, float]


def measure(panel: Panel, symbol: str, execution: Execution) -> Measure | None:
    """Return how `symbol` moves; None when it has too few bars or did not move at all."""
    own = selected(panel, (symbol,))[-(execution.warmup + 1) :]
    if len(own) < execution.warmup:
        return None
    move = float(average_true_range(own, execution.atr_bars)[-1, 0])
    vol = float(volatility(own.close, execution.vol_bars)[-1, 0])
    if not move > 0 or not vol > 0:
        return None
    close = float(own.close[-1, 0])
    features = {
        "move_pct": move / close,
        "vol_bar": vol,
        "return_1": float(momentum(own.close, 1)[-1, 0]),
        "return_5": float(momentum(own.close, 5)[-1, 0]),
        "return_20": float(momentum(own.close, execution.vol_bars)[-1, 0]),
        "rsi_2": float(rsi(own.close, 2)[-1, 0]),
    }
    return Measure(close, move, vol, features)
