"""Each row of the order table, by name: how an order gets there, and what the row does to it."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from orchestrator.domain.errors import InvalidTransitionError
from orchestrator.domain.order_life import ROWS, TRANSITIONS, Evidence, OrderState, Row
from orchestrator.domain.orders import Order, apply, apply_fills
from scripts import codegen_orders
from tests.builders import NOW, fill, order

LATER = NOW + timedelta(minutes=1)
QTY = Decimal(10)
HALF = fill("first", qty=Decimal(5), price=Decimal(99))
REST = fill("second", qty=Decimal(5), price=Decimal(101))
EXTRA = fill("third", qty=Decimal(1), price=Decimal(101))

_WAY_TO: dict[OrderState, tuple[Evidence, ...]] = {
    OrderState.PLANNED: (),
    OrderState.SUBMITTING: (Evidence.SUBMIT_STARTED,),
    OrderState.UNKNOWN: (Evidence.SUBMIT_STARTED, Evidence.ANSWER_LOST),
    OrderState.WORKING: (Evidence.SUBMIT_STARTED, Evidence.ACKNOWLEDGED),
    OrderState.CANCELLED: (Evidence.SUBMIT_STARTED, Evidence.ACKNOWLEDGED, Evidence.CANCEL_CONFIRMED),
    OrderState.EXPIRED: (Evidence.SUBMIT_STARTED, Evidence.ACKNOWLEDGED, Evidence.EXPIRY_CONFIRMED),
    OrderState.REJECTED: (Evidence.SUBMIT_STARTED, Evidence.REFUSED),
}


def _in_state(state: OrderState) -> Order:
    """An order that came into the state by evidence, as a real one does."""
    if state is OrderState.PARTIALLY_FILLED:
        return apply_fills(_in_state(OrderState.WORKING), [HALF], NOW)
    if state is OrderState.FILLED:
        return apply_fills(_in_state(OrderState.WORKING), [HALF, REST], NOW)
    made = order(OrderState.PLANNED, qty=QTY)
    for evidence in _WAY_TO[state]:
        made = apply(made, evidence, NOW)
    assert made.state is state
    return made


def _told(before: Order, evidence: Evidence) -> Order:
    """What the desk makes of the evidence; fills come as fills."""
    match evidence:
        case Evidence.PARTIAL_FILL:
            return apply_fills(before, [EXTRA], LATER)
        case Evidence.FULL_FILL:
            known = {known.trade_id for known in before.fills}
            news = [one for one in (HALF, REST) if one.trade_id not in known] or [EXTRA]
            return apply_fills(before, news, LATER)
        case Evidence.DUPLICATE_FILL:
            return apply_fills(before, before.fills, LATER)
        case _:
            return apply(before, evidence, LATER)


@pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])
def test_row(row: Row) -> None:
    before = _in_state(row.state)
    after = _told(before, row.evidence)
    assert after.state is row.to
    if row.evidence in {Evidence.PARTIAL_FILL, Evidence.FULL_FILL}:
        assert after.filled_qty == sum(one.qty for one in after.fills) > before.filled_qty
        assert after.avg_px == sum(one.qty * one.price for one in after.fills) / after.filled_qty
    else:
        assert (after.filled_qty, after.fills) == (before.filled_qty, before.fills), "only fills fill"
    if row.to is row.state and row.evidence not in {Evidence.PARTIAL_FILL, Evidence.FULL_FILL}:
        assert after is before, "what changes nothing leaves no trace"
    if row.to is not row.state:
        assert (after.history[-1].evidence, after.history[-1].at) == (row.evidence, LATER)


def test_no_pair_has_two_rows() -> None:
    assert len(TRANSITIONS) == len(ROWS)


MISSING = [(s, e) for s in OrderState for e in Evidence if (s, e) not in TRANSITIONS]


@pytest.mark.parametrize(("state", "evidence"), MISSING)
def test_a_pair_without_a_row_is_refused(state: OrderState, evidence: Evidence) -> None:
    with pytest.raises(InvalidTransitionError, match=f"state {state} does not accept {evidence}"):
        apply(_in_state(state), evidence, NOW)


def test_whatever_a_venue_may_say_has_a_row_in_every_state_it_may_be_said_in() -> None:
    venue = {
        Evidence.ACKNOWLEDGED,
        Evidence.REFUSED,
        Evidence.PARTIAL_FILL,
        Evidence.FULL_FILL,
        Evidence.DUPLICATE_FILL,
        Evidence.SMALLER_QUANTITY,
        Evidence.CANCEL_CONFIRMED,
        Evidence.EXPIRY_CONFIRMED,
        Evidence.UNREADABLE,
    }
    assert not [pair for pair in MISSING if pair[1] in venue]


def test_unknown_is_left_by_evidence_only() -> None:
    leaving = {row.evidence for row in ROWS if row.state is OrderState.UNKNOWN and row.to is not row.state}
    assert leaving.isdisjoint({Evidence.ABANDONED, Evidence.NOT_SENT, Evidence.ANSWER_LOST, Evidence.SUBMIT_STARTED})


def test_an_order_in_doubt_that_had_filled_in_part_is_partly_filled_again() -> None:
    doubtful = apply(_in_state(OrderState.PARTIALLY_FILLED), Evidence.VANISHED, NOW)
    assert apply(doubtful, Evidence.ACKNOWLEDGED, LATER).state is OrderState.PARTIALLY_FILLED


def test_the_page_shows_the_table_of_the_code() -> None:
    text = codegen_orders.PAGE.read_text()
    assert codegen_orders.page(text) == text
    for row in ROWS:
        assert row.does in text


def test_a_page_without_its_marks_says_what_to_do() -> None:
    with pytest.raises(ValueError, match="are missing; put them back"):
        codegen_orders.page("# The life of an order")
