"""When a position is left, and how much of it: stops, ladder of profits and time, as pure rules shared by all modules.

A rule sees a position, the price it could be sold at, what the price has done since the entry, and the time; it answers
with a reason, a level or a quantity. It does not know where prices come from and sends nothing. A stop never loosens:
what it once was is kept on the position (`Position.raised_stop`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from pydantic import Field, model_validator

from orchestrator.domain.base import ZERO, floor_to, nearest
from orchestrator.domain.opportunities import ExitReason
from orchestrator.domain.orders import Side
from orchestrator.domain.parameters import Parameters
from orchestrator.domain.positions import Position


class Rung(Parameters):
    """One step of a ladder: at a gain of `at_r` R, `part` of all units that were entered is sold."""

    at_r: float = Field(ge=0.25, le=20)
    part: float = Field(ge=0.05, le=1)


class ExitRules(Parameters):
    """How far stop and target are, and how long to wait. R is the distance from entry decision to stop.

    What 0 switches off is off by default.
    """

    stop_moves: float = Field(default=2.5, ge=0.5, le=8)
    """Stop distance, in expected moves of one bar (average true range)."""
    stop_pct: float = Field(default=0, ge=0, le=0.5)
    """Stop distance as a fraction of the price, instead of `stop_moves`; 0 = off."""
    target_r: float = Field(default=2.0, ge=0.25, le=10)
    """Target distance, in R."""
    trail_after_r: float = Field(default=1.0, ge=0.25, le=10)
    """Gain, in R, from which the stop follows the high."""
    trail_r: float = Field(default=1.0, ge=0.25, le=5)
    """Distance of the following stop below the high, in R."""
    break_even_r: float = Field(default=0, ge=0, le=10)
    """Gain, in R, from which the stop is at least the entry price; 0 = off."""
    chandelier_moves: float = Field(default=0, ge=0, le=10)
    """Distance of the stop below the highest high since the entry, in expected moves of one bar; 0 = off."""
    restop_r: float = Field(default=0, ge=0, le=5)
    """Least rise, in R, for which the order at the venue is replaced by one at the risen stop; 0 = it stays."""
    max_hold_hours: int = Field(default=480, ge=1, le=2160)
    """Hours after which the position is left whatever it shows."""
    ladder: tuple[Rung, ...] = Field(default=(), max_length=5)
    """Partial profits, nearest first; parts that add up to 1 leave with the last rung whatever is left."""

    @model_validator(mode="after")
    def _ladder_climbs(self) -> ExitRules:
        gains = [rung.at_r for rung in self.ladder]
        if gains != sorted(set(gains)):
            raise ValueError(f"ladder: at_r must rise from rung to rung, is {gains}")
        if sum(rung.part for rung in self.ladder) > 1 + _WHOLE:
            raise ValueError("ladder: the parts add up to more than 1")
        return self


_ONE = Decimal(1)
_LEAST_SPLIT = Decimal("1.5")
_WHOLE = 1e-9
"""Parts that miss 1 by less than this are the whole."""


@dataclass(frozen=True, slots=True)
class Swing:
    """What the bars say since a position was opened: its highest high (None = no bar yet), and the move of one bar."""

    high: Decimal | None
    move: Decimal


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


def stop_distance(px: Decimal, *, move: float, rules: ExitRules, least_pct: float) -> Decimal:
    """Return how far from `px` the stop of an entry is: a fraction of the price or moves of one bar, at least a least.

    Parameters
    ----------
    move
        Expected move of one bar, in price.
    least_pct
        Least distance, as a fraction of the price.
    """
    far = rules.stop_pct * float(px) if rules.stop_pct else rules.stop_moves * move
    return Decimal(repr(max(far, least_pct * float(px))))


def due_exit(
    position: Position, mark: Decimal, *, rules: ExitRules, now: datetime, swing: Swing | None = None
) -> ExitReason | None:
    """Return why the position must be left at `mark` now; a stop comes before a target, a target before time."""
    stop = effective_stop(position, mark, rules=rules, swing=swing)
    if stop is not None and _at_or_below(mark, stop, position.side):
        return ExitReason.STOP
    if position.take_profit is not None and _at_or_below(position.take_profit, mark, position.side):
        return ExitReason.TARGET
    if now - position.opened_at >= timedelta(hours=rules.max_hold_hours):
        return ExitReason.TIME
    return None


def effective_stop(
    position: Position, mark: Decimal, *, rules: ExitRules, swing: Swing | None = None
) -> Decimal | None:
    """Return the stop that holds now: the highest of the one set at entry and those that followed the price since.

    Notes
    -----
    A stop follows only a bought position's high: `high_water_px` is kept for the highest mark. Its levels: `trail_r`
    below the high once that has gained `trail_after_r`; the entry price once it has gained `break_even_r`; the
    chandelier, `chandelier_moves` below the highest high of mark and bars; and whatever the stop has been before.

    References
    ----------
    C. Le Beau's chandelier exit, in A. Elder, Come Into My Trading Room, 2002, chapter 6.
    """
    if position.stop_price is None or position.side is Side.SELL:
        return position.stop_price
    high = mark if position.high_water_px is None else max(mark, position.high_water_px)
    stops = [position.stop_price, *_followed(position, high, rules)]
    if rules.chandelier_moves and swing is not None:
        top = high if swing.high is None else max(high, swing.high)
        stops.append(top - swing.move * Decimal(repr(rules.chandelier_moves)))
    return max(stops if position.raised_stop is None else [*stops, position.raised_stop])


def _followed(position: Position, high: Decimal, rules: ExitRules) -> list[Decimal]:
    """Return the stops that the gain at the high has earned: trailing and break-even."""
    risk, gain, found = initial_risk(position), high - position.entry_px, []
    if risk is None:
        return []
    if gain >= risk * Decimal(repr(rules.trail_after_r)):
        found.append(high - risk * Decimal(repr(rules.trail_r)))
    if rules.break_even_r and gain >= risk * Decimal(repr(rules.break_even_r)):
        found.append(position.entry_px)
    return found


def initial_risk(position: Position) -> Decimal | None:
    """Return R: what one unit was to lose between the entry decision and its stop; None without a stop that loses."""
    if position.stop_price is None:
        return None
    risk = position.side.sign * (position.decision_px - position.stop_price)
    return risk if risk > 0 else None


def resting_stop(stop: Decimal, mark: Decimal, *, tick: Decimal) -> Decimal | None:
    """Return the price of a stop order that sells, on the grid; None at or above the mark: the wrong side."""
    price = nearest(stop, tick)
    price = floor_to(stop, tick) if price >= mark else price
    return price if ZERO < price < mark else None


def units_changed(position: Position, mark: Decimal, venue_units: Decimal) -> bool:
    """Return whether price and quantity both moved as in a split that is not booked yet: levels are in old units.

    Parameters
    ----------
    venue_units
        What the venue holds for the position.

    Notes
    -----
    The venue's quantity must be a simple multiple or fraction of the position's, and the price have gone at least half
    of the other way. A purchase by hand moves no price, a crash no quantity.
    """
    if position.units <= 0 or venue_units <= 0:
        return False
    ratio = venue_units / position.units
    steps = max(ratio, 1 / ratio)
    simple = abs(steps * 2 - nearest(steps * 2, _ONE)) < steps / 100 and steps >= _LEAST_SPLIT
    if not simple:
        return False
    half_way = (1 + 1 / ratio) / 2
    if ratio > 1:
        return mark < max(position.entry_px, position.high_water_px or ZERO) * half_way
    return mark > position.entry_px * half_way


def rung_units(position: Position, mark: Decimal, *, rules: ExitRules, lot: Decimal, least: Decimal) -> Decimal:
    """Return the units to sell now because rungs of the ladder are reached; 0 = none.

    Parameters
    ----------
    lot, least
        Grid and least quantity of an order.

    Notes
    -----
    What is due is told by quantities, not by flags: the parts of all rungs reached, of everything ever entered, less
    what has been sold. A rung sold in part, twice or by a stop is therefore finished, not repeated. What would leave
    less than `least` sells everything; less than `least` waits for the next rung.
    """
    risk = initial_risk(position)
    if risk is None or position.side is Side.SELL:
        return ZERO
    reached = [rung for rung in rules.ladder if mark - position.entry_px >= risk * Decimal(repr(rung.at_r))]
    due = _due_units(position, reached, lot) if reached else ZERO
    if due < max(least, lot):
        return ZERO
    return position.units if position.units - due < least else due


def _due_units(position: Position, reached: Sequence[Rung], lot: Decimal) -> Decimal:
    part = sum(rung.part for rung in reached)
    if part >= 1 - _WHOLE:
        return position.units
    return floor_to(position.entered_units * Decimal(repr(part)), lot) - position.exit_qty


def _at_or_below(price: Decimal, level: Decimal, side: Side) -> bool:
    """Whether `price` is no better than `level` for a position of `side`."""
    return side.sign * price <= side.sign * level
