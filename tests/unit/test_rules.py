"""Every rule and every cap from one table: just inside, at the limit, just outside; and a rule that raises denies."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import pytest

from orchestrator.domain.base import ModuleName
from orchestrator.domain.orders import Leg, OrderState, Purpose, Side
from orchestrator.domain.risk import DenialCode, Denied, DeskState, Resized, RiskLimits
from orchestrator.domain.rules import CAP_CODES, ENTRY_RULES, EXIT_RULES, Candidate, first_denial
from orchestrator.domain.screening import counted, judge
from orchestrator.domain.tape import Tape
from tests.builders import book, opportunity, order, position
from tests.unit.cap_cases import cap_cases, room_cases
from tests.unit.risk_cases import Case, candidate, leaving, others, rule_cases, wish

RULES, CAPS = [*rule_cases(), *room_cases()], list(cap_cases())

ELSEWHERE = {
    DenialCode.ORDER_SIZE_BELOW_MIN,  # sizing: what the caps leave is too small to send
    DenialCode.RULE_FAILED,  # a rule that raised
    DenialCode.EXECUTOR_BUSY,  # the venue key, after the rules
    DenialCode.REQUEST_RATE_ABOVE_MAX,
}


@pytest.mark.parametrize("case", RULES, ids=lambda case: case.name)
def test_a_rule_denies_outside_its_limit_only(case: Case) -> None:
    denial = case.rule(case.candidate)
    assert (denial is not None) is case.denied
    if denial is not None:
        assert denial.code is case.code
        assert denial.limit
        assert denial.observed


@pytest.mark.parametrize("case", [case for case in RULES if case.denied], ids=lambda case: case.name)
def test_what_a_rule_denies_the_desk_denies(case: Case) -> None:
    assert isinstance(judge(case.candidate), Denied)


@pytest.mark.parametrize("case", CAPS, ids=lambda case: case.name)
def test_a_cap_leaves_what_its_limit_leaves(case: Case) -> None:
    verdict = judge(case.candidate)
    if case.denied:
        assert isinstance(verdict, Denied)
        assert verdict.code is case.code
    else:
        assert isinstance(verdict, Resized)
        assert (verdict.binding_cap, verdict.qty) == (case.rule, Decimal(10))


def test_every_rule_cap_and_code_has_its_rows() -> None:
    for rules, known in ((RULES, {*ENTRY_RULES, *EXIT_RULES}), (CAPS, set(CAP_CODES))):
        sides: dict[Any, set[str]] = {}
        for case in rules:
            sides.setdefault(case.rule, set()).add(case.side)
        assert set(sides) == known
        assert {rule for rule, seen in sides.items() if seen != {"inside", "at", "outside"}} == set()
    assert {case.code for case in (*RULES, *CAPS)} == set(DenialCode) - ELSEWHERE


@pytest.mark.parametrize("rule", [*ENTRY_RULES, *EXIT_RULES], ids=lambda rule: rule.__name__)
def test_a_rule_that_raises_denies(rule: Any) -> None:
    def stub(c: Candidate) -> Denied | None:
        raise KeyError("price")

    rules = ENTRY_RULES if rule in ENTRY_RULES else EXIT_RULES
    broken = tuple(stub if one is rule else one for one in rules)
    denial = first_denial(candidate() if rule in ENTRY_RULES else leaving(), broken)
    assert denial == Denied(code=DenialCode.RULE_FAILED, limit="stub", observed="KeyError: 'price'")


def test_a_cap_that_cannot_be_calculated_denies() -> None:
    @dataclass(frozen=True)
    class Unreadable(Tape):
        def volume(self, symbol: str) -> Decimal | None:
            raise KeyError("volume")

    verdict = judge(candidate(tape=Unreadable()))
    assert verdict == Denied(code=DenialCode.RULE_FAILED, limit="size", observed="KeyError: 'volume'")


def code_of(c: Candidate) -> DenialCode | None:
    verdict = judge(c)
    return verdict.code if isinstance(verdict, Denied) else None


def protected(resting_qty: str = "10", **changes: Any) -> Candidate:
    """An order that leaves 10 XLK beside a resting protective order."""
    resting = order(OrderState.WORKING, purpose=Purpose.PROTECT, client_order_id="sprotect", qty=Decimal(resting_qty))
    held = leaving(**changes)
    return replace(held, book=held.book.model_copy(update={"orders": {resting.id: resting}}))


@pytest.mark.parametrize(
    ("state", "entry", "leave", "protect"),
    [
        (DeskState.ACTIVE, None, None, None),
        (DeskState.REDUCING, DenialCode.DESK_REDUCING, None, None),
        (DeskState.HALTED, DenialCode.DESK_HALTED, DenialCode.DESK_HALTED, None),
    ],
)
def test_the_brake_lets_through_what_its_state_says(
    state: DeskState, entry: DenialCode | None, leave: DenialCode | None, protect: DenialCode | None
) -> None:
    assert code_of(candidate(state=state)) is entry
    assert code_of(replace(leaving(), state=state)) is leave
    assert code_of(replace(leaving(purpose=Purpose.PROTECT), state=state)) is protect


def test_a_quarantined_symbol_takes_no_new_exposure() -> None:
    quarantined = book(quarantine={"XLK": "split 2:1"})
    assert code_of(candidate(book=quarantined)) is DenialCode.SYMBOL_QUARANTINED
    assert code_of(candidate(book=book(quarantine={"XLF": "split 2:1"}))) is None


@pytest.mark.parametrize(
    ("resting", "wanted", "denied"), [("10", "10", True), ("6", "4", False), ("6", "4.0001", True), ("10", "1", True)]
)
def test_orders_that_leave_a_position_together_never_exceed_it(resting: str, wanted: str, denied: bool) -> None:
    assert (code_of(protected(resting, qty=Decimal(wanted))) is DenialCode.POSITION_DUPLICATE) is denied


def test_an_order_takes_the_room_of_what_it_replaces_and_of_what_has_ended() -> None:
    assert code_of(protected(replaces=("sprotect",))) is None
    done = order(OrderState.CANCELLED, purpose=Purpose.EXIT, client_order_id="sdone")
    held = leaving()
    assert code_of(replace(held, book=held.book.model_copy(update={"orders": {done.id: done}}))) is None


@pytest.mark.parametrize(("qty", "denied"), [("7", False), ("7.0001", True)])
def test_what_the_venue_says_was_sold_is_not_sold_again(qty: str, denied: bool) -> None:
    ended = order(OrderState.CANCELLED, purpose=Purpose.EXIT, client_order_id="sdone")
    told = ended.model_copy(update={"told_qty": Decimal(3)})
    held = leaving(qty=Decimal(qty))
    c = replace(held, book=held.book.model_copy(update={"orders": {told.id: told}}))
    assert (code_of(c) is DenialCode.POSITION_DUPLICATE) is denied


@pytest.mark.parametrize(("sold", "denied"), [("6", False), ("6.0001", True)])
def test_what_this_cycle_sells_already_is_not_sold_again(sold: str, denied: bool) -> None:
    c = replace(protected(replaces=("sprotect",), qty=Decimal(4)), planned_exits={position().id: Decimal(sold)})
    assert (code_of(c) is DenialCode.POSITION_DUPLICATE) is denied


@pytest.mark.parametrize(
    ("qty", "sold", "denied"), [("10", "0", False), ("9.9999", "0", True), ("6", "4", False), ("6", "3.9999", True)]
)
def test_a_replaced_stop_never_protects_less(qty: str, sold: str, denied: bool) -> None:
    c = protected(purpose=Purpose.PROTECT, replaces=("sprotect",), qty=Decimal(qty))
    c = replace(c, planned_exits={position().id: Decimal(sold)})
    assert (code_of(c) is DenialCode.PROTECTION_BELOW_MIN) is denied


def test_a_denied_partial_exit_leaves_the_whole_stop_in_place() -> None:
    part = leaving(qty=Decimal(4), replaces=("sprotect",)).opportunity
    rest = leaving(qty=Decimal(6), replaces=("sprotect",), purpose=Purpose.PROTECT).opportunity
    halted = replace(protected(), state=DeskState.HALTED)
    first = judge(replace(halted, opportunity=part))
    second = replace(counted(replace(halted, opportunity=part), first), opportunity=rest)
    assert code_of(second) is DenialCode.PROTECTION_BELOW_MIN
    active = replace(protected(), opportunity=part)
    assert code_of(replace(counted(active, judge(active)), opportunity=rest)) is None


def test_codes_are_unique_and_follow_one_grammar() -> None:
    assert len({code.value for code in DenialCode}) == len(DenialCode)
    assert all(code.name == code.value and code.value.isupper() for code in DenialCode)
    assert not [code for code in DenialCode if "EXCEED" in code or "TOO_" in code]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"decision_px": Decimal(0), "stop_price": None}, DenialCode.PRICE_COLLAR_ABOVE_MAX),
        ({"limit_px": None}, DenialCode.PRICE_COLLAR_ABOVE_MAX),
        ({"quote_ts": None}, DenialCode.QUOTE_MISSING),
        ({"spread": None}, DenialCode.SPREAD_ABOVE_MAX),
        ({"confidence": float("nan")}, DenialCode.CONFIDENCE_BELOW_MIN),
        ({"annual_vol": float("nan")}, DenialCode.ORDER_SIZE_BELOW_MIN),
        ({"notional_usd": Decimal(0)}, DenialCode.ORDER_SIZE_BELOW_MIN),
    ],
)
def test_what_is_not_known_of_an_entry_denies_it(changes: dict[str, Any], code: DenialCode) -> None:
    assert code_of(wish(**changes)) is code


def test_symbols_of_no_known_sector_share_one_cap() -> None:
    full = others(ModuleName.OPTIONS, symbols={"OTHERCO": Decimal(40_000)})
    unknown = opportunity(symbol="NEWCO", legs=(Leg(symbol="NEWCO", side=Side.BUY),))
    assert code_of(full) is None
    assert code_of(full.facing(unknown)) is DenialCode.SECTOR_CONCENTRATION_ABOVE_MAX


def test_a_module_or_a_class_without_a_limit_of_its_own_gets_nothing() -> None:
    for limits in (RiskLimits(module_allocation={}), RiskLimits(spread={}), RiskLimits(price_collar={})):
        assert code_of(candidate(limits=limits)) is not None
