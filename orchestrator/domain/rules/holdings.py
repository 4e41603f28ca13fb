"""Rules about what is held and worked on: doubt, duplicates, crosses, what may be sold, and what options may risk."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal

from orchestrator.domain.base import ZERO
from orchestrator.domain.documents import BookDoc
from orchestrator.domain.greeks import Greeks
from orchestrator.domain.instruments import OptionRight, is_occ, parse_occ
from orchestrator.domain.opportunities import TradeOpportunity
from orchestrator.domain.orders import Leg, Order, OrderIntent, OrderState, Purpose, Side, leaving, outstanding
from orchestrator.domain.risk import DenialCode, Denied
from orchestrator.domain.rules.candidate import Candidate, denied
from orchestrator.domain.sectors import CASH_SETTLED, underlying_of

_BUY = Side.BUY
_REFUSALS = 5
"""Refusals in a row after which the same is not asked of the venue in every cycle, but each:"""
_PAUSE = timedelta(minutes=10)


def not_frozen(c: Candidate) -> Denied | None:
    """Deny while an order in doubt, of whatever module, freezes new exposure in the symbol or its underlying."""
    why = c.standing.frozen.get(underlying_of(c.opportunity.symbol))
    return None if why is None else denied(DenialCode.SYMBOL_FROZEN, "no order in doubt", why)


def not_barred(c: Candidate) -> Denied | None:
    """Deny what the owner bars, or whose bars were found not to be used: in the symbol and in options on it."""
    symbol = c.opportunity.symbol
    why = c.limits.barred.get(symbol) or c.limits.barred.get(underlying_of(symbol))
    return None if why is None else denied(DenialCode.SYMBOL_BARRED, "not barred", why)


def not_quarantined(c: Candidate) -> Denied | None:
    """Deny while book and venue do not agree on what a symbol is: a corporate action, or a holding without a price."""
    reason = c.book.quarantine.get(c.opportunity.symbol)
    return None if reason is None else denied(DenialCode.SYMBOL_QUARANTINED, "book and venue agree", reason)


def no_duplicate(c: Candidate) -> Denied | None:
    """One position and one working entry per module and symbol."""
    symbol, s = c.opportunity.symbol, c.standing
    held = symbol in s.held
    if held or symbol in s.entering or symbol in c.planned_entries:
        seen = "a position" if held else "a working entry"
        return denied(DenialCode.POSITION_DUPLICATE, "none open", seen)
    return None


def no_self_cross(c: Candidate) -> Denied | None:
    """Deny a trade against another module's unfinished order in the same symbol: the desk would trade with itself."""
    for leg in c.opportunity.legs:
        against = c.standing.selling if _side(c, leg) is Side.BUY else c.standing.buying
        if leg.symbol in against:
            return denied(DenialCode.SELF_CROSS, "no order of ours against it", f"another module's in {leg.symbol}")
    return None


def is_plain(opportunity: TradeOpportunity) -> bool:
    """Whether one share or coin is bought: nothing is sold, and there is no option."""
    legs = opportunity.legs
    return opportunity.side is _BUY and len(legs) == 1 and not is_occ(legs[0].symbol)


def _side(c: Candidate, leg: Leg) -> Side:
    return c.opportunity.side if len(c.opportunity.legs) == 1 else leg.side


def _sold(c: Candidate) -> Sequence[Leg]:
    """Return the legs that are sold: of a single instrument the order's own side counts."""
    o = c.opportunity
    if len(o.legs) == 1:
        return o.legs if o.side is Side.SELL else ()
    return [leg for leg in o.legs if leg.side is Side.SELL]


def no_short_sale(c: Candidate) -> Denied | None:
    """Nothing is sold to open but options, unless the owner allows it; those have rules of their own."""
    if c.limits.allow_short:
        return None
    for leg in _sold(c):
        if not is_occ(leg.symbol):
            return denied(DenialCode.SHORT_SALE, "what is held", f"a sale of {leg.symbol}")
    return None


def cash_settled(c: Candidate) -> Denied | None:
    """Where the owner wants it, only options that settle in cash: nothing is delivered or assigned."""
    if not c.limits.cash_settled_only:
        return None
    roots = {parse_occ(leg.symbol).underlying for leg in c.opportunity.legs if is_occ(leg.symbol)}
    physical = sorted(roots - CASH_SETTLED)
    return denied(DenialCode.SETTLEMENT_PHYSICAL, "cash", f"{physical[0]} delivers shares") if physical else None


def defined_risk(c: Candidate) -> Denied | None:
    """Deny a short option whose loss nothing bounds: neither its unit, nor shares of the book for a short call."""
    sold = _sold(c)
    if not sold or not c.limits.defined_risk_only or c.opportunity.max_loss_usd is not None:
        return None
    short = [leg for leg in sold if is_occ(leg.symbol)]
    if not short:
        return None
    if len(c.opportunity.legs) == 1 and parse_occ(short[0].symbol).right is OptionRight.CALL:
        wanted = c.opportunity.max_qty
        if wanted is not None and wanted * short[0].multiplier <= _uncovered_shares(c.book, short[0].symbol):
            return None
    return denied(DenialCode.RISK_UNDEFINED, "a bounded loss", f"{short[0].symbol} sold without cover")


def _uncovered_shares(book: BookDoc, call: str) -> Decimal:
    """Return the shares of the call's underlying that no short or working call of the book is written on."""
    root = parse_occ(call).underlying
    legs = [leg for position in book.positions.values() for leg in position.legs if underlying_of(leg.symbol) == root]
    shares = sum((leg.qty for leg in legs if leg.symbol == root), ZERO)
    written = sum((-leg.qty * leg.multiplier for leg in legs if leg.qty < 0 and _is_call(leg.symbol)), ZERO)
    return shares - written - sum((_written_by(order, root) for order in book.orders.values()), ZERO)


def _written_by(order: Order, root: str) -> Decimal:
    """Return the shares of `root` that an unfinished entry may still write calls on."""
    intent: OrderIntent = order.intent
    legs = intent.legs if intent.purpose is Purpose.ENTRY and len(intent.legs) == 1 else ()
    calls = (leg for leg in legs if _is_call(leg.symbol) and underlying_of(leg.symbol) == root)
    return sum((order.leaves_qty * leg.multiplier for leg in calls if intent.side is Side.SELL), ZERO)


def _is_call(symbol: str) -> bool:
    return is_occ(symbol) and parse_occ(symbol).right is OptionRight.CALL


def greeks_known(c: Candidate) -> Denied | None:
    """Deny an option whose Greeks nobody can tell."""
    for leg in c.opportunity.legs:
        if is_occ(leg.symbol):
            return _known(c.opportunity.greeks)
    return None


def _known(greeks: Greeks | None) -> Denied | None:
    if greeks is None:
        return denied(DenialCode.GREEKS_MISSING, "delta, gamma, vega, theta", "none")
    known = all(math.isfinite(value) for value in greeks.model_dump().values())
    return None if known else denied(DenialCode.GREEKS_MISSING, "finite numbers", greeks)


def position_held(c: Candidate) -> Denied | None:
    """Nothing is sold that is not held: an order fits beside what rests and what this cycle already sells."""
    position = c.book.positions.get(c.opportunity.position_id or "")
    wanted = c.opportunity.qty or ZERO
    held = ZERO if position is None else position.units_of(c.opportunity.legs)
    if position is None or wanted <= 0 or wanted > held:
        return denied(DenialCode.POSITION_MISSING, held, wanted)
    replaced = c.opportunity.replaces
    unfinished = outstanding(c.book.orders.values(), position.id)
    others = (order for order in unfinished if order.state.terminal or order.id not in replaced)
    resting = sum((order.outstanding_qty for order in others), ZERO)
    free = held - resting - c.planned_exits.get(position.id, ZERO)
    return None if wanted <= free else denied(DenialCode.POSITION_DUPLICATE, f"{max(free, ZERO)} not on sale", wanted)


def protection_kept(c: Candidate) -> Denied | None:
    """Deny a protective order that replaces one of more units, unless what it leaves out is sold in this cycle."""
    if c.opportunity.purpose is not Purpose.PROTECT:
        return None
    unfinished = outstanding(c.book.orders.values(), c.opportunity.position_id)
    given_up = sum((order.leaves_qty for order in unfinished if order.id in c.opportunity.replaces), ZERO)
    position = c.book.positions.get(c.opportunity.position_id or "")
    needed = min(given_up, ZERO if position is None else position.units)
    kept = (c.opportunity.qty or ZERO) + c.planned_exits.get(c.opportunity.position_id or "", ZERO)
    return None if kept >= needed else denied(DenialCode.PROTECTION_BELOW_MIN, needed, kept)


def not_refused_again(c: Candidate) -> Denied | None:
    """Deny for a while what the venue has refused five times running: its stop, or its exit, which would cost the stop.

    A day-trading rule, or an order of the owner's that holds the shares, does not go away by asking each minute.
    """
    what = c.opportunity.purpose, {leg.symbol for leg in c.opportunity.legs}
    own = leaving(c.book.orders.values(), c.opportunity.position_id)
    alike = [o for o in own if (o.intent.purpose, {leg.symbol for leg in o.intent.legs}) == what]
    alike.sort(key=lambda order: order.intent.decided_at)
    newest = alike[-_REFUSALS:]
    refused = len(newest) == _REFUSALS and all(order.state is OrderState.REJECTED for order in newest)
    if not refused or c.now >= newest[-1].updated_at + _PAUSE:
        return None
    why = newest[-1].history[-1].note if newest[-1].history else ""
    return denied(DenialCode.REFUSALS_ABOVE_MAX, f"{_REFUSALS - 1} in a row", why[:200] or f"{_REFUSALS} in a row")
