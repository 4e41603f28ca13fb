"""One executor per API key, and room in its rate limit for what must not wait.

The key is taken in the commit that creates the orders and given back in the one that records the answers. A venue
that wants its requests in order (nonces) has one holder at a time: whoever else comes sends nothing and decides anew
in its next cycle. Entries beyond the share of the limit that is theirs are denied; exits, stops and cancels never are.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta

from orchestrator.domain.codec import encode
from orchestrator.domain.keys import VenueKeyDoc, entries_allowed, is_busy, key_path, released, taken
from orchestrator.domain.opportunities import TradeOpportunity
from orchestrator.domain.orders import Order, Purpose
from orchestrator.domain.risk import DenialCode, Denied, Verdict
from orchestrator.domain.venues import VenueProfile
from orchestrator.planning import Plan
from orchestrator.ports import Put, Replace, Write
from orchestrator.unit import Unit

Decided = Sequence[tuple[TradeOpportunity, Verdict]]


def holds_off(unit: Unit, profile: VenueProfile) -> bool:
    """Return whether another run sends with the key now, so that this one must not."""
    return is_busy(None if unit.key is None else unit.key.doc, profile, unit.run, unit.now)


def within_key(decided: Decided, unit: Unit, profile: VenueProfile) -> Decided:
    """Return the verdicts with everything denied that the key has no room for, entries last in the list first."""
    key = None if unit.key is None else unit.key.doc
    if holds_off(unit, profile) and key is not None:
        busy = Denied(code=DenialCode.EXECUTOR_BUSY, limit="one executor per key", observed=f"{key.holder} sends")
        return [(wish, verdict if isinstance(verdict, Denied) else busy) for wish, verdict in decided]
    limit = entries_allowed(key, profile, unit.now)
    kept: list[tuple[TradeOpportunity, Verdict]] = []
    entries = 0
    for wish, verdict in decided:
        counts = wish.purpose is Purpose.ENTRY and not isinstance(verdict, Denied)
        entries += counts
        if counts and entries > limit:
            code = DenialCode.REQUEST_RATE_ABOVE_MAX
            kept.append((wish, Denied(code=code, limit=f"{limit} entries now", observed=str(entries))))
        else:
            kept.append((wish, verdict))
    return kept


def taken_key(
    unit: Unit, profile: VenueProfile, plan: Plan, lease: timedelta
) -> tuple[VenueKeyDoc | None, list[Write]]:
    """Return the key as this run takes it, and its write; nothing when nothing is sent that needs it."""
    entries = _entries(plan.to_send)
    if not (entries or (profile.exclusive_key and (plan.to_send or plan.cancels))):
        return None, []
    before = None if unit.key is None else unit.key.doc
    key = taken(before, profile, unit.run, entries=entries, now=unit.now, lease=lease)
    key = key.model_copy(update={"venue": unit.venue})
    path = key_path(unit.venue)
    if unit.key is None:  # the first order ever: whoever else is as early costs a few requests of the budget
        return key, [Put(path, encode(key))]
    return key, [Replace(path, encode(key), unit.key.version)]


def released_key(unit: Unit) -> tuple[VenueKeyDoc | None, list[Write]]:
    """Return the key as this run gives it back, and its write; nothing when it does not hold it."""
    if unit.key is None or unit.key.doc.holder != unit.run:
        return None, []
    key = released(unit.key.doc)
    return key, [Replace(key_path(unit.venue), encode(key), unit.key.version)]


def _entries(orders: Iterable[Order]) -> int:
    return sum(order.intent.purpose is Purpose.ENTRY for order in orders)
