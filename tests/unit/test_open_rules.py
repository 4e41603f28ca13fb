"""Which rules a screening asks of every opportunity, and that leaving the others out changes no verdict."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.domain.exposure import with_account, with_module
from orchestrator.domain.opportunities import TradeOpportunity
from orchestrator.domain.orders import Purpose, Side
from orchestrator.domain.risk import DenialCode, Denied, RiskLimits, Verdict
from orchestrator.domain.rules import DESK_RULES, ENTRY_RULES, MOOT, STRUCTURE_RULES, open_rules
from orchestrator.domain.rules.holdings import is_plain, not_quarantined
from orchestrator.domain.screening import counted, judge
from tests.builders import NOW, book, exposure, opportunity
from tests.unit.cap_cases import cap_cases, room_cases
from tests.unit.risk_cases import Case, candidate, rule_cases
from tests.unit.test_risk_manager import screen

CASES = [
    case for case in (*rule_cases(), *room_cases(), *cap_cases()) if case.candidate.opportunity.purpose is Purpose.ENTRY
]
WISHES = [case.candidate.opportunity for case in CASES]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_rule_that_is_left_out_says_nothing_of_any_entry(case: Case) -> None:
    left_out = set(ENTRY_RULES) - set(open_rules(case.candidate).any)
    assert left_out <= DESK_RULES | MOOT.keys()
    for wish in WISHES:
        faced = case.candidate.facing(wish)
        assert {rule.__name__ for rule in left_out if rule(faced) is not None} == set()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_rules_left_out_change_no_verdict(case: Case) -> None:
    assert judge(case.candidate, open_rules(case.candidate).any) == judge(case.candidate)


def test_the_rules_on_structures_say_nothing_of_a_plain_entry() -> None:
    told = [(rule(case.candidate), is_plain(case.candidate.opportunity)) for case in CASES for rule in STRUCTURE_RULES]
    assert {denial for denial, plain in told if plain} == {None}
    assert any(denial is not None for denial, plain in told if not plain)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_is_asked_of_its_kind_of_entry_changes_no_verdict(case: Case) -> None:
    rules = open_rules(case.candidate)
    assert judge(case.candidate, rules.of(case.candidate.opportunity)) == judge(case.candidate)


@pytest.mark.parametrize("rule", sorted(DESK_RULES, key=lambda rule: rule.__name__), ids=lambda rule: rule.__name__)
def test_a_rule_of_the_desk_sees_nothing_of_an_entry(rule: Any) -> None:
    unseen = cast("TradeOpportunity", SimpleNamespace(purpose=Purpose.ENTRY))
    told = [(rule(case.candidate), rule(case.candidate.facing(unseen))) for case in CASES]
    assert all(own == blind for own, blind in told)
    assert any(own is not None for own, _ in told)


def test_most_rules_of_a_quiet_desk_are_left_out() -> None:
    assert set(ENTRY_RULES) - set(open_rules(candidate()).any) >= DESK_RULES


def test_a_rule_whose_surroundings_cannot_be_read_stays_and_denies() -> None:
    blind = replace(candidate(), book=cast("Any", None))
    assert not_quarantined in open_rules(blind).any
    verdict = judge(blind, (not_quarantined,))
    assert isinstance(verdict, Denied)
    assert verdict.code is DenialCode.RULE_FAILED


wishes = st.lists(
    st.builds(
        opportunity,
        symbol=st.sampled_from(["XLK", "SPY", "MSFT", "GLD"]),
        side=st.sampled_from([Side.BUY, Side.BUY, Side.SELL]),
        confidence=st.sampled_from([0.1, 0.9]),
        two_sided=st.sampled_from([True, True, False]),
        annual_vol=st.sampled_from([0.05, 0.3]),
        stop_price=st.sampled_from([None, Decimal(98), Decimal(101)]),
    ),
    max_size=7,
)


@given(wishes, st.integers(0, 4), st.integers(0, 3), st.booleans())
def test_a_screening_says_what_every_rule_asked_one_by_one_says(
    wanted: list[TradeOpportunity], orders: int, positions: int, shorts: bool
) -> None:
    limits = RiskLimits(orders_per_cycle=orders, open_positions=positions, allow_short=shorts)
    held = book()
    desk = with_module(with_account(exposure(), held.account, NOW), held, NOW)
    expected: list[Verdict] = []
    surroundings = candidate(limits=limits, exposure=desk, book=held)
    for wish in wanted:
        faced = surroundings.facing(wish)
        expected.append(judge(faced))
        surroundings = counted(faced, expected[-1])
    assert screen(wanted, limits) == expected
