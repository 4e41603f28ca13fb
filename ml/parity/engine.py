"""Past days through the backtest, with the parameters and limits that were in force. Its decisions are its own.

On the local market a daily bar is two moments at which the desk can trade (docs/adr/0003): `Fill.MOMENTS`. At a real
venue what a bar's close decides is traded when the market is next open: `Fill.NEXT_OPEN`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from ml.backtest import layout
from ml.backtest.account import Account, Costs, Fill, limits_of
from ml.backtest.layout import DAY_S, Ints
from ml.backtest.sessions import hours_in, session_flags
from ml.backtest.stage import Run, Stage
from ml.parity.compare import Made
from orchestrator.domain.base import ModuleName
from orchestrator.domain.instruments import Instrument
from orchestrator.domain.market import Floats, Panel
from orchestrator.domain.parameters import Parameters
from orchestrator.domain.risk import RiskLimits
from orchestrator.domain.scene import DAILY, Execution
from orchestrator.domain.tuning import Tunable

GridOf = Callable[[str, Decimal], Instrument]
"""Returns the grid that a module trades a symbol on at a price."""
COSTS = {
    ModuleName.CRYPTO: Costs(half_spread=2.5e-4, fee=40e-4),
    ModuleName.STOCKS: Costs(half_spread=1e-4, sale_fee=0.0000278, sale_fee_per_unit=0.000166, fee_step=0.01),
}
"""What a side costs: half the spread, Kraken's taker fee, and the SEC's and FINRA's fees on sales of stock."""
_CLOSED_S = 7200
"""More than a bar shorter than a day is long: between two that are further apart the market was closed."""
_NEW_YORK = ZoneInfo("America/New_York")


@dataclass(frozen=True, slots=True)
class Days:
    """A span of time that is traded through with one set of parameters; `cash` USD at its begin."""

    begin: datetime
    end: datetime
    values: Parameters
    cash: float
    limits: RiskLimits
    local: bool
    """Whether the desk trades on the local market, which has a moment at each close."""


@dataclass(frozen=True, slots=True)
class BarGround:
    """What a module's backtest runs on, whatever the days: its strategies, the grid of its symbols, its bars."""

    tunable: Tunable
    grid: GridOf
    panel: Panel
    minutes: int

    def by_engine(self, days: Days) -> list[Made]:
        """Return every position that the backtest makes of the days; USD. Without bars, none.

        Raises
        ------
        DomainError
            No strategy can run on these bars; the message says which and why.
        """
        if not len(self.panel):
            return []
        opens = opens_of(self.panel, self.minutes, self.tunable.module)
        stage = self._stage(days, opens)
        if stage.rows.stop - stage.rows.start < 1:
            return []
        return made_of(stage.run(days.values), times=None if days.local else opens[stage.rows])

    def _stage(self, days: Days, opens: Ints) -> Stage:
        tunable, ends = self.tunable, self.panel.ends
        first, last = np.searchsorted(ends, [int(days.begin.timestamp()) + 1, int(days.end.timestamp()) + 1])
        if not days.local:
            first = max(first - 1, 0)  # what the bar before decided is filled at the first open
        grids = {symbol: self.grid(symbol, _last_close(self.panel, symbol)) for symbol in self.panel.symbols}
        return Stage(
            tunable=replace(tunable, strategies=tuple(sorted(tunable.strategies, key=lambda one: one.name))),
            panel=self.panel,
            minutes=self.minutes,
            rows=slice(int(first), int(last)),
            account=_account(tunable.module, days),
            lots={symbol: float(one.lot_size) for symbol, one in grids.items()},
            leverage={symbol: float(one.leverage) for symbol, one in grids.items()},
            ticks={symbol: float(one.tick_size) for symbol, one in grids.items()},
            flags=self._flags(days),
            opens=opens,
            chases=False,
            at_open=tunable.module is ModuleName.STOCKS and self._first_of_days(),
        )

    def _flags(self, days: Days) -> Ints | None:
        """Return when nothing is opened and all is left, where a module says so of bars shorter than a day."""
        no_entry = getattr(days.values, "intraday_no_entry_minutes", None)
        if self.minutes >= DAILY or no_entry is None:
            return None
        return session_flags(
            self.panel.ends,
            self.minutes,
            hours_in(self.panel.ends),
            no_entry_minutes=int(no_entry),
            leave_minutes=int(getattr(days.values, "intraday_leave_minutes", 0)),
            at_close=days.local,
        )

    def _first_of_days(self) -> bool | NDArray[np.bool_]:
        """Return the rows whose open is a moment of its own: all of days, else the first after a closed market."""
        if self.minutes >= DAILY:
            return True
        apart = np.diff(self.panel.ends, prepend=0) > _CLOSED_S
        return apart[:, None]


def _account(module: ModuleName, days: Days) -> Account:
    execution: Execution = getattr(days.values, "execution", Execution())
    return Account(
        capital=days.cash,
        compound=True,
        fill=Fill.MOMENTS if days.local else Fill.NEXT_OPEN,
        costs=replace(COSTS[module], through=execution.through_bps / 10_000),
        limits=limits_of(days.limits, module),
    )


def _last_close(panel: Panel, symbol: str) -> Decimal:
    close: Floats = panel.close[:, panel.column(symbol)]
    return Decimal(repr(float(close[np.isfinite(close)][-1])))


def opens_of(panel: Panel, minutes: int, module: ModuleName) -> Ints:
    """Return when each bar opened, epoch seconds: the session's open, UTC midnight, or its length before its end."""
    if minutes < DAILY:
        return (panel.ends + 1) // 60 * 60 - 60 * minutes
    if module is ModuleName.CRYPTO:
        return (panel.ends - 1) // DAY_S * DAY_S
    ends = (datetime.fromtimestamp(int(end), _NEW_YORK) for end in panel.ends)
    return np.array([int(end.replace(hour=9, minute=30, second=0).timestamp()) for end in ends], np.int64)


def made_of(run: Run, *, times: Ints | None = None) -> list[Made]:
    """Return a run's positions; `times` are those of its rows at which entries fill, None = the rows' own."""
    return [_trip(run, row, run.market.panel.ends if times is None else times) for row in run.result.ledger]


def _trip(run: Run, row: Floats, times: Ints) -> Made:
    def held(place: int) -> float:
        return float(row[layout.T_POSITION + place - layout.SIDE])

    strategy, symbol = run.result.columns[int(row[layout.T_COLUMN])]
    qty = held(layout.UNITS)
    opened = datetime.fromtimestamp(int(times[int(held(layout.ROW))]), UTC)
    made = Made(strategy, symbol, qty, opened, held(layout.PAID))
    if int(row[layout.T_REASON]) == layout.ENDED:
        return made
    closed = datetime.fromtimestamp(int(times[int(row[layout.T_EXIT])]), UTC)
    return replace(made, closed_at=closed, exit_px=held(layout.GOT) / qty, profit=held(layout.FLOW))
