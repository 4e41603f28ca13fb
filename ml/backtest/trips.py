"""Round trips of a backtest as values, and what groups of them earned: by strategy, symbol, session, regime."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np

from ml.backtest import layout, metrics
from ml.backtest.stage import Run
from orchestrator.domain.base import ModuleName
from orchestrator.domain.market import Floats

REASONS = ("signal", "stop", "target", "time", "session end", "brake", "end of data")
"""Why a position was left, in the order of `ml.backtest.layout`."""
DAILY = 1440
_NEW_YORK = ZoneInfo("America/New_York")
_OPEN, _CLOSE = 9 * 60 + 30, 16 * 60
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


@dataclass(frozen=True, slots=True)
class Trip:
    """One round trip; money in USD, prices as paid, times in epoch seconds.

    Parameters
    ----------
    opened, closed
        When the bar began in which it was entered, and when the one ended in which it was left.
    entry_px, exit_px
        What was paid and got for a unit, spread and impact included; the mean over partial exits.
    profit
        After all costs, dividends included.
    risk
        What the stop would have lost at the entry.
    """

    module: str
    strategy: str
    symbol: str
    side: int
    qty: float
    opened: int
    closed: int
    entry_px: float
    exit_px: float
    profit: float
    costs: float
    risk: float
    reason: str
    minutes: int
    multiplier: float = 1.0

    @property
    def traded(self) -> float:
        """Notional of entry and exit together, USD."""
        return self.qty * self.multiplier * (abs(self.entry_px) + abs(self.exit_px))


@dataclass(frozen=True, slots=True)
class Group:
    """What some round trips earned, USD; a ratio that is not defined is NaN."""

    name: str
    trades: int
    profit: float
    costs: float
    hit_rate: float
    profit_factor: float
    expectancy: float
    mean_r: float


def trips_of(run: Run) -> list[Trip]:
    """Return the round trips of a run, in the order of their exits."""
    return in_order(_trip(run, row) for row in run.result.ledger)


def in_order(trips: Iterable[Trip]) -> list[Trip]:
    """Return round trips in the order of their exits."""
    return sorted(trips, key=lambda one: (one.closed, one.opened, one.symbol, one.strategy))


def _trip(run: Run, row: Floats) -> Trip:
    def held(place: int) -> float:
        return float(row[layout.T_POSITION + place - layout.SIDE])

    strategy, symbol = run.result.columns[int(row[layout.T_COLUMN])]
    ends, qty = run.market.panel.ends, held(layout.UNITS)
    entered = int(held(layout.ROW))
    return Trip(
        module=run.module,
        strategy=strategy,
        symbol=symbol,
        side=int(held(layout.SIDE)),
        qty=qty,
        opened=_start(ends, entered, run.minutes),
        closed=int(ends[int(row[layout.T_EXIT])]),
        entry_px=held(layout.PAID),
        exit_px=held(layout.GOT) / qty,
        profit=held(layout.FLOW),
        costs=held(layout.COSTS),
        risk=held(layout.RISK) * qty,
        reason=REASONS[int(row[layout.T_REASON])],
        minutes=run.minutes,
    )


def _start(ends: layout.Ints, row: int, minutes: int) -> int:
    """Return when a bar began; a daily one counts from the start of its day."""
    end = int(ends[row])
    return end - 60 * minutes if minutes < DAILY else (end - 1) // layout.DAY_S * layout.DAY_S


def grouped(trips: Sequence[Trip], name_of: Callable[[Trip], str]) -> list[Group]:
    """Return what each group earned, the largest profit first."""
    names = dict.fromkeys(name_of(trip) for trip in trips)
    found = [_group(name, [trip for trip in trips if name_of(trip) == name]) for name in names]
    return sorted(found, key=lambda one: (-one.profit, one.name))


def _group(name: str, trips: Sequence[Trip]) -> Group:
    profits = np.array([trip.profit for trip in trips])
    return Group(
        name=name,
        trades=len(trips),
        profit=float(profits.sum()),
        costs=sum(trip.costs for trip in trips),
        hit_rate=float(metrics.hit_rate(profits)),
        profit_factor=float(metrics.profit_factor(profits)),
        expectancy=float(metrics.expectancy(profits)),
        mean_r=float(np.mean([trip.profit / trip.risk for trip in trips])),
    )


def session_of(trip: Trip) -> str:
    """Return the part of the day in which a position was opened; of daily bars, the day of the week.

    Stocks have pre-market, regular and after hours by New York's clock; coins a quarter of the UTC day.
    """
    opened = datetime.fromtimestamp(trip.opened, UTC)
    if trip.minutes >= DAILY:
        return _DAYS[opened.weekday()]
    if trip.module == ModuleName.CRYPTO:
        first = opened.hour // 6 * 6
        return f"{first:02d}-{first + 6:02d} UTC"
    there = opened.astimezone(_NEW_YORK)
    minute = there.hour * 60 + there.minute
    return "pre-market" if minute < _OPEN else "regular" if minute < _CLOSE else "after hours"
