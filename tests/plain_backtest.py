"""The backtest in plain Python, as it was before it was compiled: what the compiled one must agree with."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from orchestrator.domain.market import Floats

Mask = NDArray[np.bool_]


def plain(market, signals, rules, *, cost=0.0):
    """Return profit per row and of each closed trade."""
    book = PlainBook(market, signals, rules, cost)
    for row in range(1, len(market.panel)):
        book.step(row)
    book.finish()
    return book.returns, np.array(book.trades, dtype=np.float64)


class PlainBook:
    """Positions of one run, a column for each symbol."""

    def __init__(self, market, signals, rules, cost) -> None:
        self._market, self._signals, self._rules, self._cost = market, signals, rules, cost
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
        cost = notional * self._cost
        self._gain[columns] -= cost
        self.returns[row] -= float(cost.sum())
