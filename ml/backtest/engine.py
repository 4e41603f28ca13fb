"""A small backtest of one strategy on bars: next-bar-open fills, costs on both sides, long only, pessimistic stops.

The portfolio is one strategy's: at most `max_positions`, each sized to the same volatility, on a constant capital of
one (profits are not reinvested). What it leaves out: partial fills, the caps that modules share, dividends, the stops
that trail within a bar, and ladders. Live acts on a bar's close at once; here the fill waits for the next open.

When a bar touches both stop and target, the stop counts; a gap through the stop fills at the open.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from orchestrator.domain.indicators import average_true_range, volatility
from orchestrator.domain.market import Floats, Panel, Signals
from orchestrator.domain.scene import Execution
from orchestrator.domain.stops import ExitRules

Mask = NDArray[np.bool_]

POSITION_VOL = 0.02
"""Annual volatility that one position adds, as a fraction of the capital."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What turns signals into trades.

    Parameters
    ----------
    max_weight
        Largest position, as a fraction of the capital.
    cost
        Of one side, as a fraction of the notional.
    """

    exits: ExitRules
    max_positions: int
    max_weight: float
    cost: float


@dataclass(frozen=True, slots=True, eq=False)
class Market:
    """A panel of the traded symbols with what stops and sizes are made of, all (T, S); known at the bar's end."""

    panel: Panel
    stop_base: Floats
    """Expected move of one bar, in price."""
    least_stop: float
    weight: Floats
    """Size that volatility asks for of a position opened on this bar's signal, as a fraction of the capital."""

    def __getitem__(self, rows: slice) -> Market:
        return Market(self.panel[rows], self.stop_base[rows], self.least_stop, self.weight[rows])


@dataclass(frozen=True, slots=True, eq=False)
class Result:
    """What a run earned: profit per bar as a fraction of the capital, and of each closed trade, costs taken off."""

    returns: Floats
    trades: Floats

    @property
    def count(self) -> int:
        """Number of round trips."""
        return len(self.trades)


def market_of(panel: Panel, execution: Execution, *, bars_per_year: float) -> Market:
    """Return the market that positions in the symbols of `panel` are simulated on."""
    annual = volatility(panel.close, execution.vol_bars) * bars_per_year**0.5
    weight = POSITION_VOL / np.maximum(annual, execution.min_annual_vol)
    return Market(panel, average_true_range(panel, execution.atr_bars), execution.min_stop_pct, weight)


def simulate(market: Market, signals: Signals, rules: Rules) -> Result:
    """Trade every row of `market` in order; it begins and ends without a position.

    Parameters
    ----------
    market
        The rows to trade.
    signals
        Of the same rows and symbols; those of row t are acted on at the open of row t + 1.

    Returns
    -------
    Result
        `returns` has one value for each row, the first is 0.
    """
    book = _Book(market, signals, rules)
    for row in range(1, len(market.panel)):
        book.step(row)
    book.finish()
    return Result(book.returns, np.array(book.trades, dtype=np.float64))


class _Book:
    """Positions of one run, a column for each symbol."""

    def __init__(self, market: Market, signals: Signals, rules: Rules) -> None:
        self._market, self._signals, self._rules = market, signals, rules
        symbols = len(market.panel.symbols)
        self._held = np.zeros(symbols, np.bool_)
        self._due = np.zeros(symbols, np.bool_)
        self._qty, self._mark, self._entry = np.zeros(symbols), np.zeros(symbols), np.zeros(symbols)
        self._stop, self._target, self._risk = np.zeros(symbols), np.zeros(symbols), np.zeros(symbols)
        self._top = np.zeros(symbols)
        self._gain, self._since = np.zeros(symbols), np.zeros(symbols, np.int64)
        self.returns = np.zeros(len(market.panel))
        self.trades: list[float] = []

    def step(self, row: int) -> None:
        """Trade one bar: departures and entries at its open, then stop and target, then the close."""
        panel = self._market.panel
        known = np.isfinite(panel.close[row])
        left = self._due & self._held & known
        if left.any():
            self._leave(row, left, panel.open[row])
        self._enter(row, known & ~left)
        held = self._held & known
        if held.any():
            self._protect(row, held)
            self._close_of_bar(row, self._held & known)

    def finish(self) -> None:
        """Leave what is still held at its last known price."""
        if self._held.any():
            self._leave(len(self.returns) - 1, self._held.copy(), self._mark)

    def _enter(self, row: int, free: Mask) -> None:
        panel, signals = self._market.panel, self._signals
        weight = np.minimum(self._market.weight[row - 1], self._rules.max_weight)
        move = self._market.stop_base[row - 1]
        wanted = free & ~self._held & (signals.target[row - 1] == 1.0) & (weight > 0) & (move > 0)
        slots = self._rules.max_positions - int(self._held.sum())
        if slots <= 0 or not wanted.any():
            return
        columns = np.flatnonzero(wanted)
        best = columns[np.argsort(-signals.confidence[row - 1, columns], kind="stable")][:slots]
        price = panel.open[row, best]
        exits = self._rules.exits
        far = exits.stop_pct * price if exits.stop_pct else exits.stop_moves * move[best]
        risk = np.maximum(far, self._market.least_stop * price)
        self._held[best], self._due[best] = True, False
        self._entry[best], self._mark[best], self._risk[best] = price, price, risk
        self._qty[best] = weight[best] / price
        self._stop[best], self._target[best], self._top[best] = price - risk, price + risk * exits.target_r, price
        self._since[best], self._gain[best] = panel.ends[row], 0.0
        self._pay(row, best, weight[best])

    def _protect(self, row: int, held: Mask) -> None:
        panel = self._market.panel
        stopped = held & (panel.low[row] <= self._stop)
        if stopped.any():
            self._leave(row, stopped, np.minimum(panel.open[row], self._stop))
        reached = held & ~stopped & (panel.high[row] >= self._target)
        if reached.any():
            self._leave(row, reached, np.maximum(panel.open[row], self._target))

    def _close_of_bar(self, row: int, held: Mask) -> None:
        self._earn(row, held, self._market.panel.close[row])
        self._follow(row, held)
        old = self._market.panel.ends[row] - self._since >= self._rules.exits.max_hold_hours * 3600
        self._due = np.where(held, old | (self._signals.target[row] == 0.0), self._due)

    def _follow(self, row: int, held: Mask) -> None:
        """Raise the stops that trail, have broken even or hang from the highest high; none comes down."""
        exits, close = self._rules.exits, self._market.panel.close[row]
        gain = close - self._entry
        stop = np.where(gain >= self._risk * exits.trail_after_r, close - self._risk * exits.trail_r, self._stop)
        if exits.break_even_r:
            stop = np.where(gain >= self._risk * exits.break_even_r, np.maximum(stop, self._entry), stop)
        if exits.chandelier_moves:
            self._top = np.where(held, np.maximum(self._top, self._market.panel.high[row]), self._top)
            stop = np.fmax(stop, self._top - exits.chandelier_moves * self._market.stop_base[row])
        self._stop = np.where(held, np.maximum(self._stop, stop), self._stop)

    def _leave(self, row: int, which: Mask, price: Floats) -> None:
        self._earn(row, which, price)
        columns = np.flatnonzero(which)
        self._pay(row, columns, self._qty[columns] * self._mark[columns])
        self.trades += [float(gain) for gain in self._gain[columns]]
        self._held[columns], self._due[columns], self._qty[columns] = False, False, 0.0

    def _earn(self, row: int, which: Mask, price: Floats) -> None:
        columns = np.flatnonzero(which)
        earned = self._qty[columns] * (price[columns] - self._mark[columns])
        self._gain[columns] += earned
        self._mark[columns] = price[columns]
        self.returns[row] += float(earned.sum())

    def _pay(self, row: int, columns: NDArray[np.int64], notional: Floats) -> None:
        cost = notional * self._rules.cost
        self._gain[columns] -= cost
        self.returns[row] -= float(cost.sum())
