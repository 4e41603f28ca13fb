"""Pre-trade risk as a list of small rules: each says nothing, or denies with code, limit and observed value.

A rule never guesses: what it cannot see it denies. Sizing comes after the rules and only ever makes smaller.
"""

from __future__ import annotations

from orchestrator.domain.risk import DenialCode, Denied
from orchestrator.domain.rules.candidate import Candidate, Rule, denied
from orchestrator.domain.rules.caps import CAP_CODES, headroom
from orchestrator.domain.rules.desk import (
    account_known,
    confident,
    drawdown_bound,
    loss_of_day,
    loss_of_week,
    order_count,
    order_rate,
    position_count,
    session_open,
    state_allows,
)
from orchestrator.domain.rules.holdings import (
    cash_settled,
    defined_risk,
    greeks_known,
    no_duplicate,
    no_self_cross,
    no_short_sale,
    not_barred,
    not_frozen,
    not_quarantined,
    position_held,
    protection_kept,
)
from orchestrator.domain.rules.prices import (
    not_halted,
    peg_kept,
    price_collar,
    quote_fresh,
    quote_present,
    spread_bound,
    stop_sensible,
)

__all__ = ["CAP_CODES", "ENTRY_RULES", "EXIT_RULES", "Candidate", "Rule", "first_denial", "headroom"]

ENTRY_RULES: tuple[Rule, ...] = (
    state_allows,
    session_open,
    order_count,
    order_rate,
    account_known,
    confident,
    loss_of_day,
    loss_of_week,
    drawdown_bound,
    not_barred,
    not_quarantined,
    not_frozen,
    not_halted,
    no_duplicate,
    no_self_cross,
    position_count,
    no_short_sale,
    cash_settled,
    defined_risk,
    greeks_known,
    quote_present,
    quote_fresh,
    price_collar,
    spread_bound,
    peg_kept,
    stop_sensible,
)
"""What an order that adds exposure must pass, cheapest and most telling first."""

EXIT_RULES: tuple[Rule, ...] = (state_allows, session_open, order_count, position_held, protection_kept)
"""What an order that lowers exposure must pass: a bad quote never keeps the desk in a position."""


def first_denial(candidate: Candidate, rules: tuple[Rule, ...]) -> Denied | None:
    """Return the first denial; a rule that raises denies."""
    for rule in rules:
        try:
            denial = rule(candidate)
        except Exception as error:  # noqa: BLE001 - whatever a rule fails with, the answer is no
            return denied(DenialCode.RULE_FAILED, rule.__name__, f"{type(error).__name__}: {error}")
        if denial is not None:
            return denial
    return None
