"""Every pre-trade rule: at its limit, just inside, just outside; and a rule that raises denies."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from orchestrator.domain.base import ModuleName
from orchestrator.domain.documents import ModuleExposure
from orchestrator.domain.market import SessionState
from orchestrator.domain.orders import OrderState, Purpose, Side
from orchestrator.domain.risk import DenialCode, Denied, DeskState, RiskLimits
from orchestrator.domain.rules import CAP_CODES, ENTRY_RULES, EXIT_RULES, Candidate, first_denial, headroom
from orchestrator.risk import counted, judge
from tests.builders import NOW, book, exposure, opportunity, order, position


def candidate(**changes: Any) -> Candidate:
    base = Candidate(
        opportunity=opportunity(),
        state=DeskState.ACTIVE,
        limits=RiskLimits(),
        book=book(),
        exposure=exposure(),
        session=SessionState(is_open=True),
        now=NOW,
    )
    return replace(base, **changes)


def code_of(c: Candidate) -> DenialCode | None:
    verdict = judge(c)
    return verdict.code if isinstance(verdict, Denied) else None


def leaving(**changes: Any) -> Candidate:
    held = position()
    base = {"purpose": Purpose.EXIT, "side": Side.SELL, "qty": held.units, "position_id": held.id}
    return candidate(opportunity=opportunity(**(base | changes)), book=book(positions={held.id: held}))


def test_a_sound_entry_is_approved() -> None:
    assert code_of(candidate()) is None


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


def test_nothing_is_sent_into_a_closed_market() -> None:
    closed = SessionState(is_open=False)
    assert code_of(candidate(session=closed)) is DenialCode.SESSION_CLOSED
    assert code_of(replace(leaving(), session=closed)) is DenialCode.SESSION_CLOSED


@pytest.mark.parametrize(("planned", "code"), [(19, None), (20, DenialCode.ORDER_COUNT_ABOVE_MAX)])
def test_a_cycle_sends_at_most_so_many_orders(planned: int, code: DenialCode | None) -> None:
    assert code_of(candidate(planned_orders=planned)) is code


def test_without_an_account_nothing_is_bought() -> None:
    assert code_of(candidate(book=book(account=None))) is DenialCode.ACCOUNT_MISSING
    assert code_of(candidate(exposure=exposure(venue_equity={}))) is DenialCode.ACCOUNT_MISSING


@pytest.mark.parametrize(
    ("equity", "code"),
    [("97000.01", None), ("97000", DenialCode.DAILY_LOSS_ABOVE_MAX), ("96999", DenialCode.DAILY_LOSS_ABOVE_MAX)],
)
def test_after_a_days_loss_no_new_risk_is_taken(equity: str, code: DenialCode | None) -> None:
    assert code_of(candidate(exposure=exposure(venue_equity={"alpaca": Decimal(equity)}))) is code


def test_a_symbol_with_an_order_in_doubt_is_frozen() -> None:
    doubtful = order(OrderState.UNKNOWN, purpose=Purpose.EXIT)
    assert code_of(candidate(book=book(orders={doubtful.id: doubtful}))) is DenialCode.SYMBOL_FROZEN
    elsewhere = order(OrderState.UNKNOWN, symbol="XLF")
    assert code_of(candidate(book=book(orders={elsewhere.id: elsewhere}))) is None


def test_a_quarantined_symbol_takes_no_new_exposure() -> None:
    quarantined = book(quarantine={"XLK": "split 2:1"})
    assert code_of(candidate(book=quarantined)) is DenialCode.SYMBOL_QUARANTINED
    assert code_of(candidate(book=book(quarantine={"XLF": "split 2:1"}))) is None


def test_a_symbol_is_entered_once() -> None:
    held, working = position(), order(OrderState.WORKING)
    assert code_of(candidate(book=book(positions={held.id: held}))) is DenialCode.POSITION_DUPLICATE
    assert code_of(candidate(book=book(orders={working.id: working}))) is DenialCode.POSITION_DUPLICATE
    assert code_of(candidate(planned_entries=frozenset({"XLK"}))) is DenialCode.POSITION_DUPLICATE
    done = order(OrderState.CANCELLED)
    assert code_of(candidate(book=book(orders={done.id: done}))) is None


@pytest.mark.parametrize(("held", "code"), [(19, None), (20, DenialCode.OPEN_POSITIONS_ABOVE_MAX)])
def test_all_modules_together_hold_at_most_so_many_positions(held: int, code: DenialCode | None) -> None:
    shares = {ModuleName.CRYPTO: ModuleExposure(open_positions=held)}
    assert code_of(candidate(exposure=exposure(modules=shares))) is code


def test_a_quote_must_be_there_and_two_sided() -> None:
    assert code_of(candidate(opportunity=opportunity(quote_ts=None))) is DenialCode.QUOTE_MISSING
    assert code_of(candidate(opportunity=opportunity(two_sided=False))) is DenialCode.QUOTE_ONE_SIDED


@pytest.mark.parametrize(("age", "stale"), [(900, False), (901, True), (-60, False), (-61, True)])
def test_a_quote_must_be_of_now(age: int, stale: bool) -> None:
    quoted = opportunity(quote_ts=NOW - timedelta(seconds=age))
    assert (code_of(candidate(opportunity=quoted)) is DenialCode.QUOTE_AGE_ABOVE_MAX) is stale


@pytest.mark.parametrize(("limit_px", "denied"), [("101", False), ("101.01", True), ("99", False), ("98.99", True)])
def test_a_limit_price_stays_within_the_collar(limit_px: str, denied: bool) -> None:
    c = candidate(opportunity=opportunity(limit_px=Decimal(limit_px)))
    assert (code_of(c) is DenialCode.PRICE_COLLAR_ABOVE_MAX) is denied


def test_an_order_without_a_limit_or_a_price_is_denied() -> None:
    assert code_of(candidate(opportunity=opportunity(limit_px=None))) is DenialCode.PRICE_COLLAR_ABOVE_MAX
    free = opportunity(decision_px=Decimal(0), stop_price=None)
    assert code_of(candidate(opportunity=free)) is DenialCode.PRICE_COLLAR_ABOVE_MAX


@pytest.mark.parametrize(("stop", "denied"), [("99.99", False), ("100", True), ("101", True)])
def test_a_stop_lies_on_the_losing_side(stop: str, denied: bool) -> None:
    c = candidate(opportunity=opportunity(stop_price=Decimal(stop)))
    assert (code_of(c) is DenialCode.STOP_INVALID) is denied


@pytest.mark.parametrize(("qty", "denied"), [("10", False), ("10.0001", True), ("0", True)])
def test_only_what_is_held_is_sold(qty: str, denied: bool) -> None:
    assert (code_of(leaving(qty=Decimal(qty))) is DenialCode.POSITION_MISSING) is denied
    assert code_of(leaving(position_id="another")) is DenialCode.POSITION_MISSING


def protected(resting_qty: str = "10", **changes: Any) -> Candidate:
    """An order that leaves 10 XLK beside a resting protective order."""
    resting = order(OrderState.WORKING, purpose=Purpose.PROTECT, client_order_id="sprotect", qty=Decimal(resting_qty))
    held = leaving(**changes)
    return replace(held, book=held.book.model_copy(update={"orders": {resting.id: resting}}))


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


@pytest.mark.parametrize("rules", [ENTRY_RULES, EXIT_RULES])
def test_a_rule_that_raises_denies(rules: tuple[Any, ...]) -> None:
    def broken(c: Candidate) -> Denied | None:
        raise KeyError("price")

    denial = first_denial(candidate() if rules is ENTRY_RULES else leaving(), (*rules, broken))
    assert denial == Denied(code=DenialCode.RULE_FAILED, limit="broken", observed="KeyError: 'price'")


@pytest.mark.parametrize(
    ("shares", "cap"),
    [
        ({ModuleName.STOCKS: ModuleExposure(held_usd=Decimal(50_000))}, "module_allocation"),
        ({ModuleName.OPTIONS: ModuleExposure(symbols={"XLK": Decimal(15_000)})}, "symbol_concentration"),
        ({ModuleName.CRYPTO: ModuleExposure(reserved_usd=Decimal(100_000))}, "gross_exposure"),
    ],
)
def test_a_full_cap_denies_with_its_own_code(shares: dict[ModuleName, ModuleExposure], cap: str) -> None:
    c = candidate(exposure=exposure(modules=shares))
    assert headroom(c)[cap] == 0
    assert code_of(c) is CAP_CODES[cap]


def test_no_buying_power_denies() -> None:
    poor = book().account.model_copy(update={"buying_power": Decimal(0)})
    assert code_of(candidate(book=book(account=poor))) is DenialCode.BUYING_POWER_BELOW_MIN


def test_codes_are_unique_and_follow_one_grammar() -> None:
    assert len({code.value for code in DenialCode}) == len(DenialCode)
    assert all(code.name == code.value and code.value.isupper() for code in DenialCode)
    assert not [code for code in DenialCode if "EXCEED" in code or "TOO_" in code]
