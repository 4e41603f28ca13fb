"""What came of a backtest of options, and the same as every backtest is summed up: a line with its round trips."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ml.backtest.layout import Ints
from ml.backtest.summary import Line
from ml.backtest.trips import Trip, in_order
from ml.backtest.wallet import Ended
from orchestrator.domain.base import ModuleName
from orchestrator.domain.market import Floats
from orchestrator.domain.positions import Position, Trade


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """What came of it; `ends` in epoch seconds, one for each moment.

    Parameters
    ----------
    equity, gross
        After what was traded at the moment, USD; `gross` counts a structure by its largest loss.
    ended, held
        Round trips in the order of their ends, and what was still held.
    denied
        How often each reason kept the module from what it wanted.
    """

    ends: Ints
    equity: Floats
    gross: Floats
    ended: Sequence[Ended]
    held: Sequence[Position]
    denied: Mapping[str, int]


def as_line(outcome: Outcome, capital: float) -> Line:
    """Return an outcome as a line; positions that are still open are in its curve and among no round trips."""
    trips = in_order(
        trip_of(one.trade, costs=float(one.costs), risk=float(one.risk), multiplier=float(one.multiplier))
        for one in outcome.ended
    )
    return Line(ModuleName.OPTIONS.value, 0, capital, outcome.ends, outcome.equity, outcome.gross, trips)


def trip_of(trade: Trade, *, costs: float, risk: float, multiplier: float) -> Trip:
    """Return a closed trade of the desk's ledger as a round trip.

    Prices are of one unit, as the venue quotes it, credits of structures negative; `costs` and `risk` in USD, NaN = not
    told; `multiplier` shares of a unit.
    """
    return Trip(
        module=trade.module.value,
        strategy=trade.strategy,
        symbol=trade.symbol,
        side=1,
        qty=float(trade.qty),
        opened=int(trade.opened_at.timestamp()),
        closed=int(trade.closed_at.timestamp()),
        entry_px=float(trade.entry_px),
        exit_px=float(trade.exit_px),
        profit=float(trade.realized_pnl),
        costs=costs,
        risk=risk,
        reason=trade.exit_reason.partition(":")[0],
        minutes=1,
        multiplier=multiplier,
    )
