"""The order's life: the table, fills by trade id, ids derived from the decision."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from orchestrator.domain.base import ModuleName
from orchestrator.domain.orders import (
    Evidence,
    Leg,
    OrderState,
    Side,
    apply,
    apply_fills,
    client_order_id,
    net_price,
)
from tests.builders import NOW, fill, intent, order


def test_evidence_that_changes_nothing_leaves_no_trace() -> None:
    working = order(OrderState.WORKING)
    assert apply(working, Evidence.ACKNOWLEDGED, NOW) is working


def test_a_step_is_remembered_with_its_evidence() -> None:
    step = apply(order(), Evidence.SUBMIT_STARTED, NOW, note="first").history[-1]
    assert (step.state, step.evidence, step.at, step.note) == (OrderState.SUBMITTING, "submit_started", NOW, "first")


def test_partial_fills_add_up_to_a_full_one() -> None:
    working = order(OrderState.WORKING)
    part = apply_fills(working, [fill("a", qty=Decimal(4), price=Decimal(99), fee=Decimal("0.1"))], NOW)
    assert (part.state, part.filled_qty, part.leaves_qty) == (OrderState.PARTIALLY_FILLED, 4, 6)
    done = apply_fills(part, [fill("b", qty=Decimal(6), price=Decimal(100), fee=Decimal("0.2"))], NOW)
    assert (done.state, done.filled_qty, done.leaves_qty) == (OrderState.FILLED, 10, 0)
    assert done.avg_px == Decimal("99.6")
    assert done.fees == Decimal("0.3")


def test_a_fill_told_twice_counts_once() -> None:
    once = apply_fills(order(OrderState.WORKING), [fill("a", qty=Decimal(4))], NOW)
    assert apply_fills(once, [fill("a", qty=Decimal(4))], NOW) is once


def test_a_fill_after_the_cancel_is_believed() -> None:
    late = apply_fills(order(OrderState.CANCELLED), [fill("a", qty=Decimal(4))], NOW)
    assert (late.state, late.filled_qty) == (OrderState.CANCELLED, 4)
    full = apply_fills(late, [fill("b", qty=Decimal(6))], NOW)
    assert full.state is OrderState.FILLED


def test_a_spread_is_as_filled_as_its_least_filled_leg() -> None:
    legs = (Leg(symbol="LONG", side=Side.BUY, ratio=1), Leg(symbol="SHORT", side=Side.SELL, ratio=2))
    spread = order(OrderState.WORKING, legs=legs, qty=Decimal(3))
    bought = apply_fills(spread, [fill("a", symbol="LONG", qty=Decimal(3), price=Decimal(5))], NOW)
    assert (bought.state, bought.filled_qty, bought.avg_px) == (OrderState.PARTIALLY_FILLED, 0, None)
    both = apply_fills(bought, [fill("b", symbol="SHORT", side=Side.SELL, qty=Decimal(6), price=Decimal(3))], NOW)
    assert both.state is OrderState.FILLED
    assert both.avg_px == Decimal(-1), "a credit of one point per unit"


def test_nothing_filled_has_no_price() -> None:
    assert net_price(intent(), []) is None


def test_the_same_decision_has_the_same_id_and_fits_the_tightest_venue() -> None:
    def made(**changes: object) -> str:
        base = {"desk": "d", "strategy": "s", "legs": ["XLK:buy:1"], "decided_at": NOW, "attempt": 0}
        return client_order_id(ModuleName.STOCKS, **(base | changes))

    assert made() == made()
    assert len(made()) == 18
    assert made().isalnum()
    assert made().startswith("s")
    different = [
        {"desk": "e"},
        {"strategy": "t"},
        {"legs": ["XLF:buy:1"]},
        {"decided_at": NOW + timedelta(seconds=1)},
        {"attempt": 1},
    ]
    assert len({made(), *(made(**change) for change in different)}) == 6
