"""The crossing of two moving averages: a strategy to measure the engine with, and the sweep over its windows."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from ml.backtest import crossings, layout
from ml.backtest.account import Account, Fill
from ml.backtest.engine import Market, Rules, arrays_of, columns_of
from ml.backtest.rolling import crossing_wishes, means_of
from orchestrator.domain.errors import DomainError
from orchestrator.domain.market import Floats, Panel, Signals


@dataclass(frozen=True, slots=True)
class Cross:
    """Bars of the fast and the slow mean."""

    fast: int
    slow: int


@dataclass(frozen=True, slots=True, eq=False)
class Swept:
    """What each pair earned, (P,): final equity, round trips, those won, gains, losses, costs, deepest drawdown.

    The drawdown is that of the equity between positions.
    """

    equity: Floats
    trades: Floats
    wins: Floats
    gained: Floats
    lost: Floats
    costs: Floats
    drawdown: Floats


def crosses(panel: Panel, parameters: Cross) -> Signals:
    """Return entries where the fast mean rises above the slow one, departures where it falls below."""
    _check([parameters])
    shape = panel.close.shape
    target = np.empty(shape)
    means = means_of(np.array([parameters.fast, parameters.slow], np.int64))
    for column in range(shape[1]):
        wishes = target[:, column] if shape[1] == 1 else np.empty(shape[0])
        close = np.require(panel.close[:, column], requirements=["C", "W"])
        crossing_wishes(close, means, wishes)
        target[:, column] = wishes
    return Signals(target, np.zeros(shape), np.zeros(shape, np.int64), ("crossing",))


def sweep(market: Market, pairs: Sequence[Cross], rules: Rules, account: Account, *, threads: int = 0) -> Swept:
    """Return what each pair earns on the one symbol of `market`.

    Parameters
    ----------
    threads
        Number of threads that share the pairs, 0 = as many as there are cores for this process; the result is the same.

    Raises
    ------
    DomainError
        The market has several symbols, missing bars, flags or corporate actions, or the account asks for what needs
        every bar: fills on the same close, sold positions, brakes.
    """
    _check(pairs)
    _simple(market, account)
    bars = arrays_of(market, [])
    count = min(threads or _cores(), len(pairs))
    parts = [np.array([(one.fast, one.slow) for one in pairs[start::count]], np.int64) for start in range(count)]
    with ThreadPoolExecutor(count) as pool:
        found = list(pool.map(lambda part: _swept(market, bars, part, (rules, account)), parts))
    swept = np.empty(len(pairs), layout.SWEPT)
    for start, part in enumerate(found):
        swept[start::count] = part
    return Swept(*(swept[one.name].copy() for one in fields(Swept)))


def _cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _swept(market: Market, bars: layout.Bars, part: layout.Ints, terms: tuple[Rules, Account]) -> Any:
    rules, account = terms
    windows, places = np.unique(part, return_inverse=True)
    shared = crossings.Shared(bars, means_of(windows))
    count = len(part)
    swept: Any = np.zeros(count, layout.SWEPT)
    swept["peak"] = account.capital
    books: Any = np.repeat(columns_of(market, rules, 0), count)
    purses: Any = np.repeat(account.purse(least_stop=market.least_stop), count)
    tallies: Any = np.zeros(count, layout.TALLY)
    crossings.sweep(
        shared,
        crossings.Pairs(
            places=np.ascontiguousarray(places.reshape(count, 2).astype(np.int64)),
            books=books,
            purses=purses,
            tallies=tallies,
            swept=swept,
            now=np.zeros(1, layout.NOW)[0],
        ),
    )
    return swept


def _check(pairs: Sequence[Cross]) -> None:
    for one in pairs:
        if not 1 <= one.fast < one.slow:
            raise DomainError(f"crossing means: fast {one.fast} is not below slow {one.slow}, both at least 1")
    if not pairs:
        raise DomainError("crossing means: no pair to try")


def _simple(market: Market, account: Account) -> None:
    limits = account.limits
    brakes = min(limits.daily_loss, limits.drawdown_reducing, limits.drawdown_halted) < np.inf
    if market.panel.close.shape[1] != 1 or not np.isfinite(market.panel.close).all():
        raise DomainError("sweep: one symbol without missing bars, please")
    if market.flags is not None or len(market.actions):
        raise DomainError("sweep: sessions and corporate actions need every bar: run such candidates one by one")
    if brakes or account.short or account.fill is not Fill.NEXT_OPEN:
        raise DomainError("sweep: brakes, short sales and fills on the close need every bar: run them one by one")
