"""Rules about the desk as a whole: its state, the session, its losses, how many orders and positions."""

from __future__ import annotations

from orchestrator.domain.orders import Purpose
from orchestrator.domain.risk import DenialCode, Denied, DeskState
from orchestrator.domain.rules.candidate import Candidate, denied

LEAST_CHANCE = 0.6
"""Least probability of a profit, as a share of that of all trades."""
MOST_ORDERS = 20
"""Orders that one cycle can commit, send and record in its time."""


def state_allows(c: Candidate) -> Denied | None:
    """HALTED lets only protective orders and what the owner ordered through, REDUCING every exit."""
    purpose = c.opportunity.purpose
    if c.state is DeskState.HALTED and purpose is not Purpose.PROTECT and not c.opportunity.by_owner:
        return denied(DenialCode.DESK_HALTED, DeskState.ACTIVE, c.state)
    if c.state is not DeskState.ACTIVE and purpose is Purpose.ENTRY:
        return denied(DenialCode.DESK_REDUCING, DeskState.ACTIVE, c.state)
    return None


def session_open(c: Candidate) -> Denied | None:
    """No order is sent into a closed market."""
    return None if c.session.is_open else denied(DenialCode.SESSION_CLOSED, "open", "closed")


def order_count(c: Candidate) -> Denied | None:
    """Deny what exceeds the orders of one cycle; the owner's limit binds entries, no limit of his keeps anybody in."""
    limit = c.limits.orders_per_cycle if c.opportunity.purpose is Purpose.ENTRY else MOST_ORDERS
    return None if c.planned_orders < limit else denied(DenialCode.ORDER_COUNT_ABOVE_MAX, limit, c.planned_orders + 1)


def order_rate(c: Candidate) -> Denied | None:
    """Deny an entry beyond the orders of a clock hour or a day, this cycle's counted."""
    hour, day, limits = *c.orders_so_far, c.limits
    if hour + c.planned_orders >= limits.orders_per_hour:
        return denied(DenialCode.ORDER_RATE_ABOVE_MAX, f"{limits.orders_per_hour} in an hour", hour + c.planned_orders)
    if day + c.planned_orders >= limits.orders_per_day:
        return denied(DenialCode.ORDER_RATE_ABOVE_MAX, f"{limits.orders_per_day} in a day", day + c.planned_orders)
    return None


def account_known(c: Candidate) -> Denied | None:
    """Without an account that could be read just now nothing can be afforded."""
    account = c.book.account
    known = account is not None and not account.unread and c.standing.equity > 0
    seen = "none seen" if account is None or not account.unread else "none that can be read"
    return None if known else denied(DenialCode.ACCOUNT_MISSING, "a venue account", seen)


def confident(c: Candidate) -> Denied | None:
    """Deny what its strategy is less sure of than the owner wants; a confidence that is no number is none."""
    sure = c.opportunity.confidence
    if sure >= c.least_confidence:
        return None
    return denied(DenialCode.CONFIDENCE_BELOW_MIN, c.limits.min_confidence, sure)


def likely(c: Candidate) -> Denied | None:
    """Deny what the model of trade outcome takes for far less likely to earn than trades usually are."""
    chance = c.opportunity.relative_chance
    if chance is None or chance >= LEAST_CHANCE:
        return None
    return denied(DenialCode.PROFIT_CHANCE_BELOW_MIN, LEAST_CHANCE, chance)


def loss_of_day(c: Candidate) -> Denied | None:
    """After a day's loss no new risk is taken."""
    limit, lost = c.limits.daily_loss, c.standing.lost_in_day
    return None if lost < limit else denied(DenialCode.DAILY_LOSS_ABOVE_MAX, limit, lost)


def loss_of_week(c: Candidate) -> Denied | None:
    """After a week's loss no new risk is taken."""
    limit, lost = c.limits.weekly_loss, c.standing.lost_in_week
    return None if lost < limit else denied(DenialCode.WEEKLY_LOSS_ABOVE_MAX, limit, lost)


def drawdown_bound(c: Candidate) -> Denied | None:
    """So far below the peak no new risk is taken, whether or not the brake knows it already."""
    limit, fall = c.limits.drawdown_reducing, c.standing.fallen
    return None if fall < limit else denied(DenialCode.DRAWDOWN_ABOVE_MAX, limit, fall)


def position_count(c: Candidate) -> Denied | None:
    """All modules together hold at most so many positions."""
    held = c.standing.open_positions + len(c.planned_entries)
    limit = c.limits.open_positions
    return None if held < limit else denied(DenialCode.OPEN_POSITIONS_ABOVE_MAX, limit, held + 1)
