"""Pre-trade risk as a list of small rules: each says nothing, or denies with code, limit and observed value.

A rule never guesses: what it cannot see it denies. Sizing comes after the rules and only ever makes smaller.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from orchestrator.domain.opportunities import TradeOpportunity
from orchestrator.domain.risk import DenialCode, Denied, DeskState
from orchestrator.domain.rules.candidate import Candidate, Rule, denied
from orchestrator.domain.rules.caps import CAP_CODES, desk_room_left, symbol_room_left
from orchestrator.domain.rules.desk import (
    account_known,
    confident,
    drawdown_bound,
    likely,
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
    is_plain,
    no_duplicate,
    no_self_cross,
    no_short_sale,
    not_barred,
    not_frozen,
    not_quarantined,
    not_refused_again,
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

__all__ = [
    "CAP_CODES",
    "DESK_RULES",
    "ENTRY_RULES",
    "EXIT_RULES",
    "MOOT",
    "STRUCTURE_RULES",
    "Candidate",
    "OpenRules",
    "Rule",
    "first_denial",
    "open_rules",
]

ENTRY_RULES: tuple[Rule, ...] = (
    state_allows,
    session_open,
    order_count,
    order_rate,
    account_known,
    loss_of_day,
    loss_of_week,
    drawdown_bound,
    position_count,
    desk_room_left,
    confident,
    likely,
    not_barred,
    not_quarantined,
    not_frozen,
    not_halted,
    no_duplicate,
    no_self_cross,
    symbol_room_left,
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
"""What an order that adds exposure must pass: the desk as a whole first, then the symbol, then what is wanted of it."""

DESK_RULES: frozenset[Rule] = frozenset(
    {session_open, order_count, order_rate, account_known, loss_of_day, loss_of_week, drawdown_bound, position_count}
)
"""Those that look at nothing of an entry: one that says nothing of the first says nothing until one is approved."""

MOOT: Mapping[Rule, Callable[[Candidate], bool]] = {
    state_allows: lambda c: c.state is DeskState.ACTIVE,
    not_barred: lambda c: not c.limits.barred,
    not_quarantined: lambda c: not c.book.quarantine,
    not_frozen: lambda c: not c.standing.frozen,
    not_halted: lambda c: not c.tape.halted,
    no_self_cross: lambda c: not c.standing.buying and not c.standing.selling,
    no_short_sale: lambda c: c.limits.allow_short,
    cash_settled: lambda c: not c.limits.cash_settled_only,
    peg_kept: lambda c: c.limits.depeg is None,
}
"""When a rule says nothing whatever is wanted: what it forbids is not there, or the owner does not ask for it."""

STRUCTURE_RULES: frozenset[Rule] = frozenset({no_short_sale, cash_settled, defined_risk, greeks_known})
"""Those that look at what is sold and at options: they say nothing of a plain entry, one share or coin bought."""

EXIT_RULES: tuple[Rule, ...] = (
    state_allows,
    session_open,
    order_count,
    position_held,
    protection_kept,
    not_refused_again,
)
"""What an order that lowers exposure must pass: a bad quote never keeps the desk in a position."""


class OpenRules(NamedTuple):
    """The rules that may still say something: of any entry, and of a plain one."""

    any: tuple[Rule, ...]
    plain: tuple[Rule, ...]

    def of(self, opportunity: TradeOpportunity) -> tuple[Rule, ...]:
        """Return those to ask of an entry."""
        return self.plain if is_plain(opportunity) else self.any


def open_rules(candidate: Candidate) -> OpenRules:
    """Return the rules of entries that the surroundings do not settle for all opportunities alike, in their order."""
    rules = tuple(rule for rule in ENTRY_RULES if not _settled(rule, candidate))
    return OpenRules(rules, tuple(rule for rule in rules if rule not in STRUCTURE_RULES))


def _settled(rule: Rule, candidate: Candidate) -> bool:
    """Whether a rule says nothing of any entry in these surroundings; one that raises is asked each time."""
    try:
        if rule in DESK_RULES:
            return rule(candidate) is None
        return rule in MOOT and MOOT[rule](candidate)
    except Exception:  # noqa: BLE001 - asked each time, it denies
        return False


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
