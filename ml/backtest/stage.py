"""A module on its bars: its strategies with their own parameters, sizes, stops and caps, in one account.

What does not depend on the parameters is made once and shared by every run; so are the signals of strategies that a
run leaves as they are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from ml.backtest import layout
from ml.backtest.account import Account, Fill
from ml.backtest.engine import Market, Plan, Result, Rules, backtest, market_of
from ml.backtest.layout import Ints
from ml.backtest.unfolded import unchased_plans, unfolded_market, unfolded_plans
from orchestrator.domain.errors import DomainError, TradingError
from orchestrator.domain.market import Floats, Panel, Signals
from orchestrator.domain.parameters import Parameters
from orchestrator.domain.scene import Execution, listed
from orchestrator.domain.strategy import Strategy, StrategyParameters, selected
from orchestrator.domain.tuning import Tunable


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """What a module earned on its bars.

    Parameters
    ----------
    market
        The rows and symbols that were traded.
    left_out
        Strategies that did not run, and why.
    """

    module: str
    minutes: int
    market: Market
    result: Result
    left_out: Mapping[str, str]


@dataclass(frozen=True, slots=True, eq=False)
class Stage:
    """A module's bars and terms.

    Parameters
    ----------
    panel
        Every symbol that its strategies read, with the history that they warm up on.
    rows
        Of the panel: those that are traded.
    names
        Strategies to run, in the module's order; empty = all that are enabled.
    lots, leverage
        Grid of quantities and multiple, by symbol.
    flags, actions
        As in `Market`, on the panel's rows and columns.
    opens, ticks
        At `Fill.MOMENTS`: when each row's bar opened, epoch seconds, and the grid of prices by symbol.
    prints
        At `Fill.MOMENTS`: (2, T, S) prices at open and close where they differ from the bars', NaN = they do not.
    chases
        At `Fill.NEXT_OPEN`: whether entries follow a price as far as it may open; else only as far as the desk does.
    at_open
        At `Fill.MOMENTS`: whether the module enters anything at the open; an array (T, 1) says it of each row.
    """

    tunable: Tunable
    panel: Panel
    minutes: int
    rows: slice
    account: Account
    names: tuple[str, ...] = ()
    lots: Mapping[str, float] = field(default_factory=dict)
    leverage: Mapping[str, float] = field(default_factory=dict)
    flags: Ints | None = None
    actions: Floats = field(default_factory=lambda: np.zeros((0, layout.ACTION)))
    opens: Ints | None = None
    ticks: Mapping[str, float] = field(default_factory=dict)
    prints: Floats | None = None
    chases: bool = True
    at_open: bool | NDArray[np.bool_] = True
    _signals: dict[tuple[str, str, tuple[str, ...]], Signals] = field(default_factory=dict)
    _markets: dict[tuple[str, tuple[str, ...]], Market] = field(default_factory=dict)

    def run(self, values: Parameters) -> Run:
        """Return what the module earns with these parameters.

        Raises
        ------
        DomainError
            No strategy can run, one raised, or its signals do not fit; the message says which and why.
        """
        able, left_out = self._able(values)
        if not able:
            said = "; ".join(f"{name}: {why}" for name, why in left_out.items())
            raise DomainError(f"{self.tunable.module}: nothing to run: {said or 'it has no strategies on bars'}")
        traded = tuple(s for s in self.panel.symbols if any(s in self._trades(one) for one in able))
        execution = getattr(values, "execution", Execution())
        market = self._market(execution, traded)
        plans = [self._plan(one, getattr(values, one.name), market) for one in able]
        if self.account.fill is Fill.MOMENTS:
            market, plans = self._moments(market, plans, execution)
        else:
            if not self.chases:
                plans = unchased_plans(market, plans, max_chase_moves=execution.max_chase_moves)
            market, plans = market[self.rows], [_within(plan, self.rows) for plan in plans]
        return Run(self.tunable.module.value, self.minutes, market, backtest(market, plans, self.account), left_out)

    def _moments(self, market: Market, plans: list[Plan], execution: Execution) -> tuple[Market, list[Plan]]:
        """Return the rows of both moments; those of the first bar need the bar before it."""
        if self.opens is None:
            raise DomainError(f"{self.tunable.module}: fills at moments need the times at which the bars opened")
        market = self._printed(market)
        told = unfolded_plans(market, plans, max_chase_moves=execution.max_chase_moves, at_open=self.at_open)
        start, stop, _ = self.rows.indices(len(market.panel))
        rows = slice(2 * start, 2 * stop)
        return unfolded_market(market, self.opens, self.ticks)[rows], [_within(plan, rows) for plan in told]

    def _printed(self, market: Market) -> Market:
        if self.prints is None:
            return market
        panel = market.panel
        seen = self.prints[:, :, [self.panel.column(symbol) for symbol in panel.symbols]]
        opened, closed = (
            np.where(np.isfinite(one), one, old) for one, old in zip(seen, (panel.open, panel.close), strict=True)
        )
        return replace(market, panel=replace(panel, open=opened, close=closed))

    def _able(self, values: Parameters) -> tuple[list[Strategy], dict[str, str]]:
        """Return the strategies that can run, and why the others cannot."""
        able, left_out = [], {}
        for one in self.tunable.strategies:
            settings: StrategyParameters = getattr(values, one.name)
            if (one.name not in self.names) if self.names else not settings.enabled:
                continue
            if (why := self._lacking(one, settings, values)) is None:
                able.append(one)
            else:
                left_out[one.name] = why
        return able, left_out

    def _lacking(self, strategy: Strategy, settings: StrategyParameters, values: Parameters) -> str | None:
        columns = [self.panel.column(symbol) for symbol in self._trades(strategy)]
        if not columns:
            wanted = ", ".join(listed(self.tunable.universe, strategy.trades))
            return f"no bars of what it trades ({wanted})" if wanted else "none of the symbols is for it"
        need = max(settings.warmup, getattr(values, "execution", Execution()).warmup)
        most = int(np.isfinite(self.panel.close[: self.rows.stop, columns]).sum(axis=0).max())
        return None if most > need else f"{most} bars of {self.minutes} minutes, more than {need} are needed"

    def _trades(self, strategy: Strategy) -> tuple[str, ...]:
        wanted = listed(self.tunable.universe, strategy.trades)
        return tuple(symbol for symbol in wanted if symbol in self.panel.symbols)

    def _market(self, execution: Execution, traded: tuple[str, ...]) -> Market:
        key = execution.model_dump_json(), traded
        if key not in self._markets:
            self._markets[key] = self._measured(execution, traded)
        return self._markets[key]

    def _measured(self, execution: Execution, traded: tuple[str, ...]) -> Market:
        columns = [self.panel.column(symbol) for symbol in traded]
        panel = self.panel
        arrays = (panel.open, panel.high, panel.low, panel.close, panel.volume)
        own = Panel(traded, panel.ends, *(np.ascontiguousarray(array[:, columns]) for array in arrays))
        leverage = {symbol: self.leverage.get(symbol, 1.0) for symbol in traded}
        per_year = self.tunable.bars_per_year(self.minutes)
        with np.errstate(all="ignore"):
            market = market_of(own, execution, bars_per_year=per_year, leverage=leverage)
        actions = self.actions[np.isin(self.actions[:, layout.A_SYMBOL], columns)]
        actions[:, layout.A_SYMBOL] = [columns.index(int(column)) for column in actions[:, layout.A_SYMBOL]]
        return replace(market, flags=self.flags, actions=actions, lots=self.lots)

    def _plan(self, strategy: Strategy, settings: StrategyParameters, market: Market) -> Plan:
        key = strategy.name, settings.model_dump_json(), market.panel.symbols
        if key not in self._signals:
            self._signals[key] = self._asked(strategy, settings, market)
        rules = Rules(
            exits=settings.exits,
            max_positions=settings.max_positions,
            max_weight=settings.weight,
            sizing=settings.sizing,
        )
        return Plan(strategy.name, self._signals[key], rules)

    def _asked(self, strategy: Strategy, settings: StrategyParameters, market: Market) -> Signals:
        """Return the strategy's signals on the market's rows and symbols; none where it does not look."""
        trades = self._trades(strategy)
        shown = selected(self.panel, (*trades, *listed(self.tunable.universe, strategy.reads)))
        found = evaluated(strategy, shown, settings, where=f"{self.tunable.module}.{strategy.name}")
        shape = market.panel.close.shape
        target, confidence, reason = np.full(shape, np.nan), np.zeros(shape), np.zeros(shape, np.int64)
        rows = np.searchsorted(market.panel.ends, shown.ends)
        for symbol in trades:
            here, there = market.panel.column(symbol), shown.column(symbol)
            target[rows, here] = found.target[:, there]
            confidence[rows, here] = found.confidence[:, there]
            reason[rows, here] = found.reason[:, there]
        return Signals(target, confidence, reason, found.reasons)


def _within(plan: Plan, rows: slice) -> Plan:
    found = plan.signals
    signals = Signals(found.target[rows], found.confidence[rows], found.reason[rows], found.reasons)
    return replace(plan, signals=signals)


def evaluated(strategy: Strategy, panel: Panel, settings: StrategyParameters, *, where: str) -> Signals:
    """Return a strategy's signals.

    Raises
    ------
    DomainError
        It raised, or its signals do not fit the panel; the message says how.
    """
    try:
        with np.errstate(all="ignore"):
            found = strategy.evaluate(panel, settings)
    except TradingError:
        raise
    except Exception as error:
        raise DomainError(f"{where}: the strategy raised {type(error).__name__}: {error}") from error
    for name in ("target", "confidence", "reason"):
        shape = np.shape(getattr(found, name))
        if shape != panel.close.shape:
            raise DomainError(f"{where}: {name} has shape {shape}, the panel {panel.close.shape}")
    return found


def window_of(panel: Panel, first: int | None) -> slice:
    """Return the rows whose bars end at a time (epoch seconds) or later; None = all.

    Raises
    ------
    DomainError
        There are fewer than two.
    """
    start = 0 if first is None else int(np.searchsorted(panel.ends, first, side="left"))
    if len(panel) - start < 2:
        newest = datetime.fromtimestamp(int(panel.ends[-1]), UTC) if len(panel) else None
        there = "" if newest is None else f"; the last of them all ends {newest:%Y-%m-%d %H:%M} UTC"
        raise DomainError(f"{len(panel) - start} bars between --from and --to: at least 2 are needed{there}")
    return slice(start, len(panel))


def dividends_of(panel: Panel, told: Mapping[str, Sequence[tuple[int, float]]]) -> Floats:
    """Return dividends as the engine reads corporate actions.

    Parameters
    ----------
    told
        By symbol: day number and cash of each unit; who holds it at the open of the first bar from that day on gets it.
    """
    days = (panel.ends - 1) // layout.DAY_S
    found = [
        (int(np.searchsorted(days, day, side="left")), panel.column(symbol), 1.0, cash)
        for symbol, paid in told.items()
        for day, cash in paid
    ]
    return np.array([one for one in found if one[0] < len(panel)], np.float64).reshape(-1, layout.ACTION)
