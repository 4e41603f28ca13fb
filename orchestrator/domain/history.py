"""How symbols moved on each business day, and what today's holdings would have gained on them.

Days are numbered by business day, so that vectors of several modules line up: what a coin did on a weekend counts to
the Monday, a holiday is a day without a move. A symbol that lacks part of the window is left out, never filled.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import chain
from operator import attrgetter
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from orchestrator.domain.market import Floats, Panel
from orchestrator.domain.stakes import Stake

WINDOW = 250
"""Business days looked back on, at most."""
LEAST = 100
"""Business days without which a history says nothing of one day in a hundred."""
_BLOCK = 128
"""Symbols whose days are worked out together: few enough for a processor's cache."""
_DAY_S = 86_400
_EPOCH_MONDAY = date(1969, 12, 29)


class Day(NamedTuple):
    """What a symbol does in a day: the largest fall, 0 or more, and the standard deviation."""

    worst_fall: float
    sigma: float


@dataclass(frozen=True)
class Returns:
    """Daily returns of symbols, oldest first: the last is of business day `last`.

    They are worked out from `closes`, (days + 1, symbols), for those that are asked for: most of a universe is not.
    Holds only symbols whose whole window is known.
    """

    last: int = 0
    symbols: Mapping[str, int] = field(default_factory=dict)
    """The column of each symbol."""
    closes: Floats = field(default_factory=lambda: np.zeros((1, 0)))
    _blocks: dict[int, tuple[Day, ...]] = field(default_factory=dict)

    @property
    def days(self) -> int:
        """How many business days are known of each symbol."""
        return len(self.closes) - 1

    def of(self, symbol: str) -> Floats | None:
        """Return the returns of a symbol, None where they are not known."""
        return _moves(self.closes[:, self.symbols[symbol]]) if symbol in self.symbols else None

    def of_all(self, symbols: Iterable[str]) -> Floats:
        """Return the returns of several symbols that are known, (symbols, days)."""
        return _moves(self.closes[:, [self.symbols[symbol] for symbol in symbols]]).T

    def day(self, symbol: str) -> Day | None:
        """Return what a symbol does in a day, None where its returns are not known."""
        column = self.symbols.get(symbol)
        if column is None:
            return None
        block, place = divmod(column, _BLOCK)
        if block not in self._blocks:
            moves = _moves(self.closes[:, block * _BLOCK : (block + 1) * _BLOCK])
            falls = np.maximum(-moves.min(axis=0), 0.0)
            self._blocks[block] = tuple(map(Day, falls.tolist(), moves.std(axis=0).tolist()))
        return self._blocks[block][place]


def _moves(closes: Floats) -> Floats:
    """Return the relative change from each row to the next."""
    moves = closes[1:] / closes[:-1]
    moves -= 1
    return moves


@dataclass(frozen=True, slots=True)
class Gains:
    """What holdings would have gained on each business day up to `last`, USD; and what no history speaks of."""

    last: int = 0
    usd: Floats = field(default_factory=lambda: np.zeros(0))
    unseen_sigma_usd: float = 0.0

    def times(self, units: float) -> Gains:
        """Return the gains of so many units."""
        return Gains(self.last, self.usd * units, self.unseen_sigma_usd * units)


def business_day(day: date) -> int:
    """Return the number of a day; a Saturday and a Sunday have that of the Monday after."""
    weeks, weekday = divmod((day - _EPOCH_MONDAY).days, 7)
    return weeks * 5 + (min(5, weekday))


def date_of(number: int) -> date:
    """Return the day of a number.

    Examples
    --------
    >>> date_of(business_day(date(2026, 7, 16))), date_of(business_day(date(2026, 7, 18)))
    (datetime.date(2026, 7, 16), datetime.date(2026, 7, 20))
    """
    weeks, weekday = divmod(number, 5)
    return _EPOCH_MONDAY + timedelta(days=7 * weeks + weekday)


def daily_returns(panels: Mapping[int, Panel]) -> Returns:
    """Return the daily returns of the panel with the longest bars; none where it does not reach back far enough."""
    panel = panels[max(panels)] if panels else None
    if panel is None or len(panel) < LEAST:
        return Returns()
    days = _numbers(panel.ends)
    first, last = int(days[0]), int(days[-1])
    if last - first < LEAST:
        return Returns()
    window = np.arange(max(first, last - WINDOW), last + 1)
    newest_row = np.searchsorted(days, window, side="right") - 1
    return _complete(last, panel.symbols, _rows(_carried(panel.close), newest_row))


def _rows(table: Floats, rows: NDArray[np.int64]) -> Floats:
    """Return rows of a table, without a copy where they follow one another."""
    first, end = int(rows[0]), int(rows[-1]) + 1
    return table[first:end] if (np.diff(rows) == 1).all() else table[rows]


def _complete(last: int, symbols: tuple[str, ...], closes: Floats) -> Returns:
    """Return the returns of the symbols that have a positive close on every day of the window."""
    whole = np.flatnonzero((closes.min(axis=0) > 0) & (closes.max(axis=0) < np.inf)).tolist()
    held = closes if len(whole) == len(symbols) else closes[:, whole]
    names = {symbols[column]: index for index, column in enumerate(whole)}
    return Returns(last, names, held)


def _numbers(ends: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the business day of each bar; a bar that ends at midnight is of the day before."""
    since_monday = (ends - 1) // _DAY_S + 3
    weeks, weekday = np.divmod(since_monday, 7)
    return np.asarray(weeks * 5 + np.minimum(weekday, 5), dtype=np.int64)


def _carried(closes: Floats) -> Floats:
    """Return closes with gaps filled by the last one before; before the first there is nothing."""
    if np.isfinite(closes).all():
        return closes
    rows = np.where(np.isfinite(closes), np.arange(len(closes))[:, None], 0)
    np.maximum.accumulate(rows, axis=0, out=rows)
    return closes[rows, np.arange(closes.shape[1])]


_BENDS = attrgetter("own_usd", "gamma_usd", "worst_usd")


def gains(held: Iterable[Stake], returns: Returns) -> Gains:
    """Return what holdings would have gained on each day of the history: to second order, no loss beyond the worst."""
    seen: list[Stake] = []
    unseen = 0.0
    for stake in held:
        if stake.symbol in returns.symbols:
            seen.append(stake)
        else:
            unseen += stake.sigma_usd
    if not seen:
        return Gains(returns.last, np.zeros(returns.days), unseen)
    moves = returns.of_all(stake.symbol for stake in seen)
    own, gamma, worst = np.fromiter(chain.from_iterable(map(_BENDS, seen)), np.float64).reshape(-1, 3).T[:, :, None]
    curve = gamma / 2 * moves**2 if gamma.any() else 0.0
    moves *= own
    moves += curve
    np.maximum(moves, -worst, out=moves)
    return Gains(returns.last, moves.sum(axis=0), unseen)


def gain_of(stake: Stake, moves: Floats) -> Floats:
    """Return what one stake gains on each move, USD: own delta and gamma, bounded below by its worst loss."""
    gain = stake.own_usd * moves
    if stake.gamma_usd:
        gain += stake.gamma_usd / 2 * moves**2
    return np.maximum(gain, -stake.worst_usd)


def gains_of_unit(stake: Stake, returns: Returns) -> Gains:
    """Return the `gains` of one stake."""
    moves = returns.of(stake.symbol)
    if moves is None:
        return Gains(returns.last, np.zeros(returns.days), stake.sigma_usd)
    return Gains(returns.last, gain_of(stake, moves))


def together(parts: Iterable[Gains]) -> Gains:
    """Return the gains of several books over the days that all of them know.

    A book without history counts by its sigma; where fewer than `LEAST` days are shared, every book does.
    """
    every = list(parts)
    seen = [part for part in every if len(part.usd)]
    unseen = sum(part.unseen_sigma_usd for part in every)
    if not seen:
        return Gains(0, np.zeros(0), unseen)
    last = min(part.last for part in seen)
    days = min(len(part.usd) - (part.last - last) for part in seen)
    if days < LEAST:
        return Gains(0, np.zeros(0), unseen + sum(float(part.usd.std()) for part in seen))
    total = np.zeros(days)
    for part in seen:
        end = len(part.usd) - (part.last - last)
        total += part.usd[end - days : end]
    return Gains(last, total, unseen)
