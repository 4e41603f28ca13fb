"""A recorded window twice: through the whole desk at the local venue, and through the backtest.

The backtest gets what the desk got: the venue's daily bars and dividends, and the last prices at opens and closes; of
options the recorded chains.
Its decisions, sizes, fills and cash are its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from ml.backtest import options
from ml.backtest.account import Account, Costs, Fill, limits_of
from ml.backtest.layout import DAY_S
from ml.backtest.stage import Stage, dividends_of
from ml.parity.compare import Made, of_position, of_trade
from ml.parity.engine import made_of, opens_of
from orchestrator.bootstrap import module_class
from orchestrator.cli.backtest.chains import LocalHouse, recorded_chains
from orchestrator.cli.backtest.structures import options_module
from orchestrator.cli.replay.driver import Progress, drive
from orchestrator.cli.replay.report import gather
from orchestrator.cli.replay.stacks import Moment, Window, memory_stack, seldom_collected
from orchestrator.domain.base import ModuleName
from orchestrator.domain.documents import BookDoc
from orchestrator.domain.errors import ConfigurationError
from orchestrator.domain.instruments import Instrument
from orchestrator.domain.market import Bars, Panel, panel_of
from orchestrator.domain.risk import RiskLimits
from orchestrator.domain.scene import DAILY
from orchestrator.domain.tuning import Tunable
from venue.feed import AssetKind, MarketBar
from venue.fees import FeeSchedule
from venue.replay.feed import ReplayFeed
from venue.replay.quotes import SpreadModel
from venue.replay.universe import parse_universe
from venue.sessions import xnys

HISTORY = timedelta(days=1200)
_BPS = 10_000.0


@dataclass(frozen=True, slots=True)
class Side:
    """What one side made of the window: its positions, and the account's worth at the end, USD."""

    made: list[Made]
    equity: float


def by_desk(window: Window, module: ModuleName, progress: Progress) -> tuple[Side, float]:
    """Return what the whole desk made of the window, and the cash that its venue began with."""
    with memory_stack(window) as stack:
        moments = [Moment(one.time, (module,)) for one in stack.moments() if module in one.modules]
        stack.moments = lambda: moments
        drive(stack, progress)
        found = gather(stack)
    book = found.books[module]
    if book.account is None:
        raise ConfigurationError(f"{module}: nothing of it to replay from {window.first} to {window.last}")
    cash = float(found.ledger["accounts"][book.account.venue]["cash_start"])
    made = [of_trade(trade) for trade in found.trades if trade.module is module]
    return Side(made + [of_position(position) for position in book.positions.values()], _equity(book)), cash


def _equity(book: BookDoc) -> float:
    return 0.0 if book.account is None else float(book.account.equity)


def by_backtest(window: Window, module: ModuleName, cash: float) -> Side:
    """Return what the backtest makes of the window, beginning with `cash`."""
    if module is ModuleName.OPTIONS:
        return _by_chains(window, cash)
    feed = ReplayFeed(window.data, window.first, window.last, parse_universe([window.universe]) or None)
    stage = stage_of(feed, module, cash)
    run = stage.run(stage.tunable.model())
    return Side(made_of(run), float(run.result.equity[-1]))


def _by_chains(window: Window, cash: float) -> Side:
    symbols = parse_universe([window.universe])[AssetKind.OPTION]
    module, house = options_module(tuple(symbols)), LocalHouse()
    terms = options.Terms(Decimal(repr(cash)), RiskLimits(), house)
    with seldom_collected():
        recorded = recorded_chains(window.data, window.first, window.last, symbols)
        found = options.run(module, module.parameters_model(), recorded, terms)
    made = [of_trade(one.trade) for one in found.ended] + [of_position(position) for position in found.held]
    return Side(made, float(found.equity[-1]))


def stage_of(feed: ReplayFeed, module: ModuleName, cash: float) -> Stage:
    """Return the module's stage on what a replay of the feed shows, from its time to its end.

    Raises
    ------
    ConfigurationError
        The module trades no bars, or the feed has none of its symbols.
    """
    symbols = _symbols(feed, module)
    first, last = feed.now, feed.end
    moments = _moments(feed, module)
    prints = {symbol: np.full((len(moments), 2), np.nan) for symbol in symbols}
    for row, both in enumerate(moments):
        for place, moment in enumerate(both):
            feed.advance(datetime.fromtimestamp(moment, UTC))
            for symbol in symbols:
                quote = feed.quote(symbol)
                prints[symbol][row, place] = np.nan if quote is None else float(quote.last)
    feed.advance(last)
    panel = panel_of({symbol: _bars(feed.bars(symbol, DAILY, first - HISTORY, last)) for symbol in symbols})
    start, stop = np.searchsorted(panel.ends, (int(first.timestamp()) + 1, int(last.timestamp()) + 1))
    tunable = _tunable(module, symbols)
    grids = {symbol: _grid(module, symbol, panel) for symbol in symbols}
    return Stage(
        tunable=replace(tunable, strategies=tuple(sorted(tunable.strategies, key=lambda one: one.name))),
        panel=panel,
        minutes=DAILY,
        rows=slice(int(start), int(stop)),
        account=_account(module, cash, tunable),
        lots={symbol: float(grid.lot_size) for symbol, grid in grids.items()},
        leverage={symbol: float(grid.leverage) for symbol, grid in grids.items()},
        ticks={symbol: float(grid.tick_size) for symbol, grid in grids.items()},
        actions=dividends_of(panel, {symbol: _dividends(feed, symbol) for symbol in symbols}),
        opens=opens_of(panel, DAILY, module),
        prints=_on_rows(panel, moments, prints),
        at_open=module is ModuleName.STOCKS,
    )


def _symbols(feed: ReplayFeed, module: ModuleName) -> tuple[str, ...]:
    if module is ModuleName.OPTIONS:
        return feed.underlyings()
    found = sorted(symbol for symbol, asset in feed.assets().items() if asset.kind == module.value)
    if not found:
        raise ConfigurationError(f"{module}: no bars that the backtest could run on")
    return tuple(found)


def _moments(feed: ReplayFeed, module: ModuleName) -> list[tuple[int, int]]:
    """Return open and close of each day of the feed, a second before the session's end."""
    first, last = int(feed.now.timestamp()), int(feed.end.timestamp())
    if module is ModuleName.CRYPTO:
        return [(day, day + DAY_S - 1) for day in range(first // DAY_S * DAY_S, last, DAY_S)]
    sessions = xnys()
    inside = (sessions.opens >= first) & (sessions.closes <= last)
    return [(int(one), int(two) - 1) for one, two in zip(sessions.opens[inside], sessions.closes[inside], strict=True)]


def _on_rows(panel: Panel, moments: list[tuple[int, int]], prints: Mapping[str, Any]) -> Any:
    """Return (2, T, S): the prices of the moments on the panel's rows, NaN where there was none."""
    found = np.full((2, *panel.close.shape), np.nan)
    rows = np.searchsorted(panel.ends, [close for _, close in moments])
    for column, symbol in enumerate(panel.symbols):
        for row, both in zip(rows, prints[symbol], strict=True):
            if row < len(panel) and np.isfinite(panel.close[row, column]):
                found[:, row, column] = both
    return found


def _bars(told: list[MarketBar]) -> Bars:
    ends = np.array([int(bar.end.timestamp()) for bar in told], np.int64)
    columns = (np.array([float(getattr(bar, name)) for bar in told]) for name in _COLUMNS)
    return Bars(ends, *columns)


_COLUMNS = ("open", "high", "low", "close", "volume")


def _dividends(feed: ReplayFeed, symbol: str) -> list[tuple[int, float]]:
    epoch = date(1970, 1, 1)
    told = feed.actions(symbol)
    return [((one.ex_date - epoch).days, float(one.cash)) for one in told if one.cash is not None]


def _tunable(module: ModuleName, symbols: tuple[str, ...]) -> Tunable:
    found: Tunable = import_module(f"modules.{module}.tuning").tunable(module_class(module)[1](symbols))
    return found


def _grid(module: ModuleName, symbol: str, panel: Panel) -> Instrument:
    close = panel.close[:, panel.column(symbol)]
    found: Instrument = import_module(f"modules.{module}.universe").instrument(
        symbol, Decimal(repr(float(close[np.isfinite(close)][-1])))
    )
    return found


def _account(module: ModuleName, cash: float, tunable: Tunable) -> Account:
    """Return the desk's account at the local venue, with that venue's spread and fees."""
    fees, spread = FeeSchedule(), SpreadModel()
    through = float(tunable.model().execution.through_bps) / _BPS  # type: ignore[attr-defined]
    costs = {
        ModuleName.CRYPTO: partial(
            Costs, half_spread=float(spread.crypto_half_bps) / _BPS, fee=float(fees.kraken_taker_bps) / _BPS
        ),
        ModuleName.STOCKS: partial(
            Costs,
            half_spread=float(spread.stock_half_bps) / _BPS,
            sale_fee=float(fees.sec_per_usd),
            sale_fee_per_unit=float(fees.taf_per_share),
            fee_step=0.01,
        ),
    }[module](through=through)
    return Account(capital=cash, compound=True, fill=Fill.MOMENTS, costs=costs, limits=limits_of(RiskLimits(), module))


def window_of(data: Path, first: date, last: date, universe: str, module: ModuleName) -> Window:
    """Return the window with the module's symbols only: named ones, else what the folder has of the shipped ones."""
    own = [word for word in universe.split() if word.startswith(f"{module}=")]
    if not own:
        feed = ReplayFeed(data, first, last, parse_universe([universe]) or None)
        own = [f"{module}={','.join(_symbols(feed, module))}"]
    return Window(data, first, last, own[0])
