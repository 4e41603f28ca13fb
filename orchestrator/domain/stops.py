"""When a position is left: stop, target, trailing stop and time, as pure rules shared by all modules.

A rule sees a position, the price it could be sold at, and the time; it answers with a reason or with None. It does not
know where prices come from and sends nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from pydantic import Field

from orchestrator.domain.base import nearest
from orchestrator.domain.opportunities import ExitReason
from orchestrator.domain.orders import Side
from orchestrator.domain.parameters import Parameters
from orchestrator.domain.positions import Position


class ExitRules(Parameters):
    """How far stop and target are, and how long to wait. R is the distance from entry decision to stop."""

    stop_moves: float = Field(default=2.5, ge=0.5, le=8)
    """Stop distance, in expected moves of one bar (average true range)."""
    target_r: float = Field(default=2.0, ge=0.25, le=10)
    """Target distance, in R."""
    trail_after_r: float = Field(default=1.0, ge=0.25, le=10)
    """Gain, in R, from which the stop follows the high."""
    trail_r: float = Field(default=1.0, ge=0.25, le=5)
    """Distance of the following stop below the high, in R."""
    max_hold_hours: int = Field(default=480, ge=1, le=2160)
    """Hours after which the position is left whatever it shows."""


@dataclass(frozen=True, slots=True)
class Levels:
    """Protective levels of an entry, in its price."""

    stop: Decimal
    target: Decimal


def levels(
    px: Decimal, *, distance: Decimal, target_r: float, tick: Decimal = Decimal("0.01"), side: Side = Side.BUY
) -> Levels | None:
    """Return stop and target around an entry price; None when the distance is less than a tick.

    Parameters
    ----------
    px
        Decision price; the net price of a structure may be negative (a credit).
    distance
        From `px` to the stop, positive, in price.
    target_r
        Distance to the target as a multiple of `distance`.
    tick
        Price grid both levels are rounded to.
    side
        BUY gains when the price rises.

    Notes
    -----
    For a bought unit with a positive price the stop stays at least one tick above zero.
    """
    if distance < tick:
        return None
    stop = nearest(px - side.sign * distance, tick)
    if px > 0 and side is Side.BUY:
        stop = max(stop, tick)
    return Levels(stop, nearest(px + side.sign * distance * Decimal(repr(target_r)), tick))


def due_exit(position: Position, mark: Decimal, *, rules: ExitRules, now: datetime) -> ExitReason | None:
    """Return why the position must be left at `mark` now; a stop comes before a target, a target before time."""
    stop = effective_stop(position, mark, rules=rules)
    if stop is not None and _at_or_below(mark, stop, position.side):
        return ExitReason.STOP
    if position.take_profit is not None and _at_or_below(position.take_profit, mark, position.side):
        return ExitReason.TARGET
    if now - position.opened_at >= timedelta(hours=rules.max_hold_hours):
        return ExitReason.TIME
    return None


def effective_stop(position: Position, mark: Decimal, *, rules: ExitRules) -> Decimal | None:
    """Return the stop that holds now: the one set at entry, or the one that has followed the price since.

    Notes
    -----
    A stop follows only a bought position's high: `high_water_px` is kept for the highest mark.
    """
    if position.stop_price is None or position.side is Side.SELL:
        return position.stop_price
    risk = position.decision_px - position.stop_price
    high = mark if position.high_water_px is None else max(mark, position.high_water_px)
    if risk <= 0 or high - position.entry_px < risk * Decimal(repr(rules.trail_after_r)):
        return position.stop_price
    return max(position.stop_price, high - risk * Decimal(repr(rules.trail_r)))


def _at_or_below(price: Decimal, level: Decimal, side: Side) -> bool:
    """Whether `price` is no better than `level` for a position of `side`."""
    return side.sign * price <= side.sign * level
