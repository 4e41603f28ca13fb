"""The backtest: strategies' signals on bars, traded as the desk would, in compiled code.

A signal on a bar is filled at the next bar's open, or at the same close where the account says so. Several strategies
share one account; each keeps its own places and exits, and a symbol is held by one of them at a time. Sizes are the
desk's: the least of volatility target, loss at the stop, the strategy's weight and method, and what the caps leave.
When a bar touches both stop and target, the stop counts; a gap through the stop fills at the open; a stop moves at the
close, for the bars after it. What it leaves out: partial fills of entries, options, and what an owner would order.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np

from ml.backtest import layout
from ml.backtest.account import Account, Costs, Fill
from ml.backtest.kernel import run as run_bars
from ml.backtest.layout import Ints
from ml.backtest.lone import run as run_lone
from ml.backtest.moment import run as run_moments
from orchestrator.domain.errors import DomainError
from orchestrator.domain.indicators import average_true_range, volatility
from orchestrator.domain.kelly import SizingRules
from orchestrator.domain.market import Floats, Panel, Signals
from orchestrator.domain.scene import Execution
from orchestrator.domain.stops import ExitRules

POSITION_VOL = 0.02
"""Annual volatility that one position adds, as a fraction of the capital."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What turns a strategy's signals into trades.

    Parameters
    ----------
    max_weight
        Largest position, as a fraction of the capital.
    """

    exits: ExitRules
    max_positions: int
    max_weight: float
    sizing: SizingRules = field(default_factory=SizingRules)


@dataclass(frozen=True, slots=True, eq=False)
class Market:
    """A panel of the traded symbols with what stops and sizes are made of, all (T, S); known at the bar's end.

    Parameters
    ----------
    stop_base
        Expected move of one bar, in price.
    weight
        Size that volatility asks for of a position opened on this bar's signal, as a fraction of the capital.
    flags
        (T,) bits of `layout.NO_ENTRY` (nothing is opened in this row) and `layout.LEAVE` (all is left after it).
    actions
        (N, 4): row, symbol's column, units of one unit after it (split), and cash of each unit (dividend), where the
        prices are not adjusted for them.
    lots, leverage, ticks
        Of each symbol: grid of quantities (0 = none), what a fund multiplies its index by, and grid of prices, used
        at `Fill.MOMENTS` only.
    """

    panel: Panel
    stop_base: Floats
    least_stop: float
    weight: Floats
    flags: Ints | None = None
    actions: Floats = field(default_factory=lambda: np.zeros((0, layout.ACTION)))
    lots: Mapping[str, float] = field(default_factory=dict)
    leverage: Mapping[str, float] = field(default_factory=dict)
    ticks: Mapping[str, float] = field(default_factory=dict)

    def __getitem__(self, rows: slice) -> Market:
        start, stop, _ = rows.indices(len(self.panel))
        inside = (self.actions[:, 0] >= start) & (self.actions[:, 0] < stop)
        flags = None if self.flags is None else self.flags[rows]
        return Market(
            self.panel[rows],
            self.stop_base[rows],
            self.least_stop,
            self.weight[rows],
            flags,
            self.actions[inside] - [start, 0, 0, 0],
            self.lots,
            self.leverage,
            self.ticks,
        )


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """One strategy of a run: its signals on the market's rows and symbols, and its rules."""

    name: str
    signals: Signals
    rules: Rules


@dataclass(frozen=True, slots=True, eq=False)
class Result:
    """What a run earned.

    Parameters
    ----------
    equity, gross
        At each row's end: of the account, and the worth of all that is held.
    ledger
        Closed round trips, one a row, as the kernel writes them.
    columns
        Strategy and symbol of each column that the ledger names.
    """

    capital: float
    compound: bool
    ends: Ints
    equity: Floats
    gross: Floats
    ledger: Floats
    columns: tuple[tuple[str, str], ...]

    @property
    def returns(self) -> Floats:
        """Profit of each row as a fraction of the capital, or of the equity before it where sizes follow it."""
        found = np.empty(len(self.equity))
        np.subtract(self.equity[1:], self.equity[:-1], out=found[1:])
        found[:1] = self.equity[:1] - self.capital
        if self.compound:
            found[1:] /= self.equity[:-1]
            found[:1] /= self.capital
        else:
            found /= self.capital
        return found

    @property
    def trades(self) -> Floats:
        """Profit of each round trip as a fraction of the capital, costs taken off."""
        return self.position(layout.FLOW) / self.capital

    @property
    def costs(self) -> Floats:
        """What each round trip cost as a fraction of the capital: fees, spread, impact, borrowing."""
        return self.position(layout.COSTS) / self.capital

    def position(self, place: int) -> Floats:
        """Return what the ledger says of each position as it was left, by its place in a row of the book."""
        return self.ledger[:, layout.T_POSITION + place - layout.SIDE]

    @property
    def count(self) -> int:
        """Number of round trips."""
        return len(self.ledger)


def market_of(
    panel: Panel,
    execution: Execution,
    *,
    bars_per_year: float,
    position_vol: float = POSITION_VOL,
    leverage: Mapping[str, float] | None = None,
) -> Market:
    """Return the market that positions in the symbols of `panel` are simulated on."""
    multiple = np.array([(leverage or {}).get(symbol, 1.0) for symbol in panel.symbols])
    with np.errstate(all="ignore"):
        annual = volatility(panel.close, execution.vol_bars) * bars_per_year**0.5 / multiple
        weight = position_vol / (np.maximum(annual, execution.min_annual_vol) * multiple)
        move = average_true_range(panel, execution.atr_bars)
    return Market(panel, move, execution.min_stop_pct, weight, leverage=leverage or {})


def simulate(market: Market, signals: Signals, rules: Rules, *, cost: float) -> Result:
    """Trade one strategy on a constant capital of one, without the limits that modules share.

    Parameters
    ----------
    market
        The rows to trade; the run begins and ends without a position.
    signals
        Of the same rows and symbols; those of row t are acted on at the open of row t + 1.
    cost
        Of one side, as a fraction of the notional.
    """
    return backtest(market, [Plan("strategy", signals, rules)], Account(costs=Costs(fee=cost)))


def backtest(market: Market, plans: Sequence[Plan], account: Account) -> Result:
    """Trade every row of `market` in order with all strategies in one account; what is held at the end is sold.

    Raises
    ------
    DomainError
        There is no bar, or something is not of the panel's shape; the message says what.
    """
    panel = market.panel
    _check(market, plans)
    desk = _desk(market, plans, account)
    count = _engine(market, plans, account)(arrays_of(market, plans), desk)
    named = tuple((plan.name, symbol) for plan in plans for symbol in panel.symbols)
    trips: Any = desk.trips[:count]
    ledger = trips.view(np.float64).reshape(count, layout.TRADE).copy()  # records would be copied name by name
    return Result(account.capital, account.compound, panel.ends, desk.equity, desk.gross, ledger, named)


def _desk(market: Market, plans: Sequence[Plan], account: Account) -> layout.Desk:
    """Return where a run begins."""
    rows = len(market.panel)
    book: Any = np.concatenate([columns_of(market, plan.rules, place) for place, plan in enumerate(plans)])
    book["column"] = np.arange(len(book))
    tallies: Any = np.zeros(len(plans), layout.TALLY)
    trips: Any = np.empty((rows + 1) * len(book), layout.TRIP)
    return layout.Desk(
        book=book,
        purse=account.purse(least_stop=market.least_stop),
        tallies=tallies,
        now=np.zeros(1, layout.NOW)[0],
        trips=trips,
        equity=np.empty(rows),
        gross=np.empty(rows),
    )


def _engine(market: Market, plans: Sequence[Plan], account: Account) -> Callable[[layout.Bars, layout.Desk], int]:
    """Return the event loop that the run needs."""
    if account.fill is Fill.MOMENTS:
        return run_moments
    columns = len(plans) * len(market.panel.symbols)
    every_bar = market.flags is not None or len(market.actions) or account.watched or account.costs.borrow
    return run_bars if columns > 1 or every_bar else run_lone


def _check(market: Market, plans: Sequence[Plan]) -> None:
    """Refuse what does not fit: compiled code does not look where it reads."""
    shape = market.panel.close.shape
    if not plans or 0 in shape:
        raise DomainError(f"backtest: {len(plans)} strategies on {shape[0]} bars of {shape[1]} symbols")
    arrays = {"stop_base": market.stop_base, "weight": market.weight}
    for name in ("open", "high", "low", "volume"):
        arrays[name] = getattr(market.panel, name)
    for plan in plans:
        arrays |= {f"{plan.name}.{name}": getattr(plan.signals, name) for name in ("target", "confidence")}
    for name, array in arrays.items():
        if array.shape != shape:
            raise DomainError(f"backtest: {name} has shape {array.shape}, the panel {shape}")
    flags, actions = market.flags, market.actions
    if market.panel.ends.shape != shape[:1] or (flags is not None and flags.shape != shape[:1]):
        raise DomainError(f"backtest: times or flags are not {shape[0]}, as the panel's rows")
    if actions.ndim != 2 or actions.shape[1] != layout.ACTION:
        raise DomainError(f"backtest: corporate actions have shape {actions.shape}, not (N, {layout.ACTION})")


def arrays_of(market: Market, plans: Sequence[Plan]) -> layout.Bars:
    """Return market and signals as the compiled code reads them."""
    panel = market.panel
    flags = _no_flags(len(panel)) if market.flags is None else market.flags
    actions = market.actions[np.argsort(market.actions[:, layout.A_ROW], kind="stable")]
    return layout.Bars(
        len(panel.symbols),
        _plain(panel.ends),
        _plain(flags),
        _plain(panel.open),
        _plain(panel.high),
        _plain(panel.low),
        _plain(panel.close),
        _plain(panel.volume),
        _plain(market.stop_base),
        _plain(market.weight),
        _side_by_side([plan.signals.target for plan in plans]),
        _side_by_side([plan.signals.confidence for plan in plans]),
        _plain(actions),
    )


def columns_of(market: Market, rules: Rules, place: int) -> Any:
    """Return one strategy's part of the book: a column for each symbol, how it trades and nothing held."""
    symbols, exits, sizing = market.panel.symbols, rules.exits, rules.sizing
    book = np.zeros(len(symbols), layout.COLUMN)
    book["held"] = -1.0
    book["symbol"], book["plan"] = np.arange(len(symbols)), place
    book["lot"] = [market.lots.get(symbol, 0.0) for symbol in symbols]
    book["tick"] = [market.ticks.get(symbol, 0.0) for symbol in symbols]
    book["leverage"] = [market.leverage.get(symbol, 1.0) for symbol in symbols]
    book["places"], book["max_weight"] = rules.max_positions, rules.max_weight
    book["at_risk"] = sizing.fixed_fraction if sizing.method == "fixed_fraction" else np.inf
    book["stop_moves"], book["stop_pct"], book["target_r"] = exits.stop_moves, exits.stop_pct, exits.target_r
    book["trail_after_r"], book["trail_r"] = exits.trail_after_r, exits.trail_r
    book["break_even_r"], book["chandelier"] = exits.break_even_r, exits.chandelier_moves
    book["restop_r"], book["hold_s"] = exits.restop_r, exits.max_hold_hours * 3600.0
    book["kelly"] = sizing.kelly_multiple if sizing.method == "kelly" else 0.0
    book["kelly_least"], book["prior_trades"] = sizing.kelly_min_trades, sizing.prior_trades
    book["prior_rate"], book["prior_payoff"] = sizing.prior_win_rate, sizing.prior_payoff
    book["rung_r"] = np.inf
    for step, rung in enumerate(exits.ladder):
        book["rung_r"][:, step], book["rung_part"][:, step] = rung.at_r, rung.part
    return book


@lru_cache(maxsize=8)
def _no_flags(rows: int) -> Ints:
    """Return no flag for each row; a search asks for the same ones in each of its trials, and nothing writes them."""
    return np.zeros(rows, np.int64)


def _side_by_side(arrays: list[Floats]) -> Floats:
    found: Floats = _plain(arrays[0] if len(arrays) == 1 else np.hstack(arrays or [np.zeros((1, 1))]))
    return found


def _plain(array: Any) -> Any:
    """Return the numbers row by row as the compiled code wants them: its own; no copy where they are so already."""
    return np.require(array, requirements=["C", "W"]).reshape(-1)
