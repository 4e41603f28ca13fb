"""One verdict for one opportunity among its surroundings: the rules first, then as many units as every cap allows.

Pure. Whatever it cannot judge it denies.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal

from orchestrator.domain.base import ZERO
from orchestrator.domain.opportunities import TradeOpportunity
from orchestrator.domain.orders import Purpose
from orchestrator.domain.risk import Approved, DenialCode, Denied, Resized, Verdict
from orchestrator.domain.rules import (
    CAP_CODES,
    ENTRY_RULES,
    EXIT_RULES,
    Candidate,
    OpenRules,
    Rule,
    first_denial,
    open_rules,
)
from orchestrator.domain.rules.caps import headroom, too_little
from orchestrator.domain.rules.room import tightest
from orchestrator.domain.sizing import NO_RECORD, size, wanted_units

Surroundings = Callable[[TradeOpportunity], Candidate]

_ENTRY, _TOO_SMALL = Purpose.ENTRY, DenialCode.ORDER_SIZE_BELOW_MIN
"""Looked up once: asking an enum for a member costs as much as a rule's comparison."""


def screened(candidate_of: Surroundings, opportunities: Sequence[TradeOpportunity]) -> list[Verdict]:
    """Return one verdict for each opportunity, in order, each counted against the next.

    Parameters
    ----------
    candidate_of
        Puts an opportunity among its surroundings.
    """
    verdicts: list[Verdict] = []
    still_open: OpenRules | None = None
    for opportunity in opportunities:
        candidate = candidate_of(opportunity)
        if still_open is None and opportunity.purpose is _ENTRY:
            still_open = open_rules(candidate)
        verdict = judge(candidate, ENTRY_RULES if still_open is None else still_open.of(opportunity))
        verdicts.append(verdict)
        if not isinstance(verdict, Denied):
            candidate, still_open = counted(candidate, verdict), None
        candidate_of = candidate.facing
    return verdicts


def judge(candidate: Candidate, entry_rules: tuple[Rule, ...] = ENTRY_RULES) -> Verdict:
    """Return the verdict on one candidate; of the rules of entries only those that are still open need be asked."""
    if candidate.opportunity.purpose is _ENTRY:
        return first_denial(candidate, entry_rules) or _sized(candidate)
    denial = first_denial(candidate, EXIT_RULES)
    return denial or Approved(qty=candidate.opportunity.qty or ZERO, binding_cap="position")


def _sized(candidate: Candidate) -> Verdict:
    """Return as many units as every cap allows at once, none once a cap leaves too little for an order."""
    try:
        room: dict[str, Decimal] = {}
        for caps in headroom(candidate):
            name, left = tightest(caps)
            if too_little(candidate, left):
                return _nothing_left(candidate, name, left)
            room |= caps
        return _filling(candidate, room)
    except Exception as error:  # noqa: BLE001 - what cannot be calculated is not sent
        return Denied(code=DenialCode.RULE_FAILED, limit="size", observed=f"{type(error).__name__}: {error}")


def _filling(candidate: Candidate, room: Mapping[str, Decimal]) -> Verdict:
    """Return as many units as are wanted and every cap has `room` for, USD."""
    equity, limits, opportunity = candidate.standing.equity, candidate.limits, candidate.opportunity
    record = candidate.book.records.get(opportunity.strategy, NO_RECORD)
    qty, cap = size(opportunity, equity=equity, limits=limits, headroom_usd=room, record=record)
    wanted = min(wanted_units(opportunity, equity=equity, limits=limits, record=record).values(), default=ZERO)
    if qty <= 0:
        return _nothing_left(candidate, cap, room.get(cap, wanted))
    if cap in CAP_CODES:
        return Resized(qty=qty, wanted_qty=wanted, binding_cap=cap)
    return Approved(qty=qty, binding_cap=cap)


def _nothing_left(candidate: Candidate, cap: str, left: Decimal) -> Denied:
    """Return the refusal of an entry that a cap leaves too little for."""
    limit = f"{candidate.limits.min_order_usd!s} USD, {candidate.opportunity.instrument.min_qty!s} units"
    return Denied(CAP_CODES.get(cap, _TOO_SMALL), limit, f"{cap} leaves {left:.2f}")


def counted(candidate: Candidate, verdict: Verdict) -> Candidate:
    """Return the candidate's surroundings after a verdict: what was approved counts against what follows."""
    if isinstance(verdict, Denied):
        return candidate
    planned = candidate.planned_orders + 1
    opportunity = candidate.opportunity
    if opportunity.purpose is not Purpose.ENTRY:
        key = opportunity.position_id or ""
        left = candidate.planned_exits.get(key, ZERO) + verdict.qty
        return replace(candidate, planned_orders=planned, planned_exits={**candidate.planned_exits, key: left})
    return candidate.after(verdict.qty)
