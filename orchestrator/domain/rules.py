"""Pre-trade risk as a list of small rules: each says nothing, or denies with code, limit and observed value.

A rule never guesses: what it cannot see it denies. Sizing comes after the rules and only ever makes smaller.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from orchestrator.domain.base import ZERO
from orchestrator.domain.documents import BookDoc, ExposureDoc
from orchestrator.domain.exposure import daily_loss, symbol_exposure, total_exposure, used_by
from orchestrator.domain.market import SessionState
from orchestrator.domain.opportunities import TradeOpportunity
from orchestrator.domain.orders import Order, OrderState, Purpose
from orchestrator.domain.risk import DenialCode, Denied, DeskState, RiskLimits


@dataclass(frozen=True, slots=True)
class Candidate:
    """An opportunity and everything that a rule may look at."""

    opportunity: TradeOpportunity
    state: DeskState
    limits: RiskLimits
    book: BookDoc
    exposure: ExposureDoc
    session: SessionState
    now: datetime
    planned_orders: int = 0
    planned_entries: frozenset[str] = frozenset()
    """Symbols that entries of this cycle were already approved for."""
    planned_exits: Mapping[str, Decimal] = field(default_factory=dict)
    """Units that orders approved in this cycle leave, by position id."""


Rule = Callable[[Candidate], Denied | None]


def _denied(code: DenialCode, limit: object, observed: object) -> Denied:
    return Denied(code=code, limit=str(limit), observed=str(observed))


def desk_state(c: Candidate) -> Denied | None:
    """HALTED lets only protective orders and what the owner ordered through, REDUCING every exit."""
    purpose = c.opportunity.purpose
    if c.state is DeskState.HALTED and purpose is not Purpose.PROTECT and not c.opportunity.by_owner:
        return _denied(DenialCode.DESK_HALTED, DeskState.ACTIVE, c.state)
    if c.state is not DeskState.ACTIVE and purpose is Purpose.ENTRY:
        return _denied(DenialCode.DESK_REDUCING, DeskState.ACTIVE, c.state)
    return None


def session_open(c: Candidate) -> Denied | None:
    """No order is sent into a closed market."""
    return None if c.session.is_open else _denied(DenialCode.SESSION_CLOSED, "open", "closed")


def order_count(c: Candidate) -> Denied | None:
    """Deny what exceeds the orders of one cycle."""
    limit = c.limits.orders_per_cycle
    return None if c.planned_orders < limit else _denied(DenialCode.ORDER_COUNT_ABOVE_MAX, limit, c.planned_orders + 1)


def account_known(c: Candidate) -> Denied | None:
    """Without an account nothing can be afforded."""
    known = c.book.account is not None and c.exposure.equity > 0
    return None if known else _denied(DenialCode.ACCOUNT_MISSING, "a venue account", "none seen")


def loss_of_day(c: Candidate) -> Denied | None:
    """After a day's loss no new risk is taken."""
    lost = daily_loss(c.exposure)
    return None if lost < c.limits.daily_loss else _denied(DenialCode.DAILY_LOSS_ABOVE_MAX, c.limits.daily_loss, lost)


def not_frozen(c: Candidate) -> Denied | None:
    """Deny while an order whose fate is unknown freezes new exposure in its symbol."""
    for order in c.book.orders.values():
        if order.intent.symbol == c.opportunity.symbol and order.state is OrderState.UNKNOWN:
            return _denied(DenialCode.SYMBOL_FROZEN, "no order in doubt", f"{order.id} is UNKNOWN")
    return None


def not_quarantined(c: Candidate) -> Denied | None:
    """Deny while book and venue do not agree on what a symbol is: a corporate action, or a holding without a price."""
    reason = c.book.quarantine.get(c.opportunity.symbol)
    return None if reason is None else _denied(DenialCode.SYMBOL_QUARANTINED, "book and venue agree", reason)


def no_duplicate(c: Candidate) -> Denied | None:
    """One position and one working entry per module and symbol."""
    symbol = c.opportunity.symbol
    held = any(position.symbol == symbol for position in c.book.positions.values())
    working = any(
        order.intent.symbol == symbol and order.intent.purpose is Purpose.ENTRY and not order.state.terminal
        for order in c.book.orders.values()
    )
    if held or working or symbol in c.planned_entries:
        seen = "a position" if held else "a working entry"
        return _denied(DenialCode.POSITION_DUPLICATE, "none open", seen)
    return None


def position_count(c: Candidate) -> Denied | None:
    """All modules together hold at most so many positions."""
    held = sum(share.open_positions for share in c.exposure.modules.values()) + len(c.planned_entries)
    limit = c.limits.open_positions
    return None if held < limit else _denied(DenialCode.OPEN_POSITIONS_ABOVE_MAX, limit, held + 1)


def quote_present(c: Candidate) -> Denied | None:
    """Every leg needs a quote with both sides."""
    if c.opportunity.quote_ts is None:
        return _denied(DenialCode.QUOTE_MISSING, "a quote", "none")
    if not c.opportunity.two_sided:
        return _denied(DenialCode.QUOTE_ONE_SIDED, "bid and ask", "one side")
    return None


def quote_fresh(c: Candidate) -> Denied | None:
    """Deny a quote older than the module's limit; one from the future is no better."""
    limit = c.limits.quote_age_s.get(c.opportunity.module, 0)
    quoted = c.opportunity.quote_ts
    age = None if quoted is None else (c.now - quoted).total_seconds()
    if age is not None and -60 <= age <= limit:
        return None
    return _denied(DenialCode.QUOTE_AGE_ABOVE_MAX, f"{limit} s", "no quote" if age is None else f"{age:.0f} s")


def price_collar(c: Candidate) -> Denied | None:
    """Deny a limit price further from the decision price than the module's collar."""
    limit = c.limits.price_collar.get(c.opportunity.module, ZERO)
    px, worst = c.opportunity.decision_px, c.opportunity.limit_px
    if worst is None:
        return _denied(DenialCode.PRICE_COLLAR_ABOVE_MAX, limit, "an order without a limit")
    if px == 0:
        return _denied(DenialCode.PRICE_COLLAR_ABOVE_MAX, limit, "no price")
    away = abs(worst - px) / abs(px)
    return None if away <= limit else _denied(DenialCode.PRICE_COLLAR_ABOVE_MAX, limit, round(away, 4))


def stop_sensible(c: Candidate) -> Denied | None:
    """Deny a protective stop that is not on the losing side of the entry."""
    stop, px = c.opportunity.stop_price, c.opportunity.decision_px
    if stop is None or c.opportunity.side.sign * (px - stop) > 0:
        return None
    return _denied(DenialCode.STOP_INVALID, f"on the losing side of {px}", stop)


def position_held(c: Candidate) -> Denied | None:
    """Nothing is sold that is not held: an order fits beside what rests and what this cycle already sells."""
    position = c.book.positions.get(c.opportunity.position_id or "")
    wanted = c.opportunity.qty or ZERO
    held = ZERO if position is None else position.units_of(c.opportunity.legs)
    if position is None or wanted <= 0 or wanted > held:
        return _denied(DenialCode.POSITION_MISSING, held, wanted)
    resting = sum((order.outstanding_qty for order in _leaving(c) if order.id not in c.opportunity.replaces), ZERO)
    free = held - resting - c.planned_exits.get(position.id, ZERO)
    return None if wanted <= free else _denied(DenialCode.POSITION_DUPLICATE, f"{max(free, ZERO)} not on sale", wanted)


def protection_kept(c: Candidate) -> Denied | None:
    """Deny a protective order that replaces one of more units, unless what it leaves out is sold in this cycle."""
    if c.opportunity.purpose is not Purpose.PROTECT:
        return None
    given_up = sum((order.leaves_qty for order in _leaving(c) if order.id in c.opportunity.replaces), ZERO)
    position = c.book.positions.get(c.opportunity.position_id or "")
    needed = min(given_up, ZERO if position is None else position.units)
    kept = (c.opportunity.qty or ZERO) + c.planned_exits.get(c.opportunity.position_id or "", ZERO)
    return None if kept >= needed else _denied(DenialCode.PROTECTION_BELOW_MIN, needed, kept)


def _leaving(c: Candidate) -> list[Order]:
    """Return the orders that leave the opportunity's position, or have left it without a fill shown so far."""
    return [
        order
        for order in c.book.orders.values()
        if order.intent.position_id == c.opportunity.position_id
        and order.intent.purpose is not Purpose.ENTRY
        and order.outstanding_qty > 0
    ]


ENTRY_RULES: tuple[Rule, ...] = (
    desk_state,
    session_open,
    order_count,
    account_known,
    loss_of_day,
    not_frozen,
    not_quarantined,
    no_duplicate,
    position_count,
    quote_present,
    quote_fresh,
    price_collar,
    stop_sensible,
)
"""What an order that adds exposure must pass, cheapest and most telling first."""

EXIT_RULES: tuple[Rule, ...] = (desk_state, session_open, order_count, position_held, protection_kept)
"""What an order that lowers exposure must pass: a bad quote never keeps the desk in a position."""


def first_denial(candidate: Candidate, rules: tuple[Rule, ...]) -> Denied | None:
    """Return the first denial; a rule that raises denies."""
    for rule in rules:
        try:
            denial = rule(candidate)
        except Exception as error:  # noqa: BLE001 - whatever a rule fails with, the answer is no
            return _denied(DenialCode.RULE_FAILED, rule.__name__, f"{type(error).__name__}: {error}")
        if denial is not None:
            return denial
    return None


def headroom(c: Candidate) -> dict[str, Decimal]:
    """Return the USD of exposure still free under each cap."""
    exposure, opportunity = c.exposure, c.opportunity
    allocation = c.limits.module_allocation.get(opportunity.module, ZERO)
    return {
        "module_allocation": exposure.equity * allocation - used_by(exposure, opportunity.module),
        "symbol_concentration": exposure.equity * c.limits.symbol_concentration
        - symbol_exposure(exposure, opportunity.symbol),
        "gross_exposure": exposure.equity * c.limits.gross_exposure - total_exposure(exposure),
        "buying_power": ZERO if c.book.account is None else c.book.account.buying_power,
    }


CAP_CODES = {
    "module_allocation": DenialCode.MODULE_ALLOCATION_ABOVE_MAX,
    "symbol_concentration": DenialCode.SYMBOL_CONCENTRATION_ABOVE_MAX,
    "gross_exposure": DenialCode.GROSS_EXPOSURE_ABOVE_MAX,
    "buying_power": DenialCode.BUYING_POWER_BELOW_MIN,
}
"""The code with which each cap denies when it leaves room for nothing."""
