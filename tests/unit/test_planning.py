"""What a cycle sends, sends again, gives up and cancels."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from orchestrator.domain.orders import OrderState, OrderType, Purpose, Side, TimeInForce
from orchestrator.domain.risk import Approved, DenialCode, Denied, DeskState, Resized
from orchestrator.execution import LEASE
from orchestrator.planning import Plan, make_plan, trace_of
from tests.builders import NOW, book, opportunity, order, position

YES = Approved(qty=Decimal(10), binding_cap="volatility_target")
NO = Denied(code=DenialCode.SESSION_CLOSED, limit="open", observed="closed")


def planned(**changes: Any) -> Plan:
    base: dict[str, Any] = {"state": DeskState.ACTIVE, "now": NOW, "lease": LEASE, "desk": "d", "cleared": ()}
    given = base | changes
    return make_plan(given.pop("book", book()), given.pop("decided", []), **given)


def test_an_approved_entry_is_leased_to_this_run() -> None:
    plan = planned(decided=[(opportunity(), YES), (opportunity(symbol="XLF"), NO)])
    (sent,) = plan.to_send
    assert (sent.state, sent.attempts, sent.lease_until) == (OrderState.SUBMITTING, 1, NOW + LEASE)
    assert (sent.intent.reserved_usd, sent.intent.protect_stop, sent.intent.position_id) == (1001, 95, sent.id)
    assert sent.intent.valid_until == NOW + timedelta(minutes=15)


def test_a_protective_stop_rests_for_good() -> None:
    held = position()
    wanted = opportunity(
        purpose=Purpose.PROTECT,
        side=Side.SELL,
        order_type=OrderType.STOP,
        time_in_force=TimeInForce.GTC,
        position_id=held.id,
        qty=held.units,
    )
    (sent,) = planned(book=book(positions={held.id: held}), decided=[(wanted, YES)]).to_send
    assert (sent.intent.stop_price, sent.intent.reserved_usd, sent.intent.position_id) == (95, 0, held.id)
    assert sent.intent.valid_until > NOW + timedelta(days=365)


def test_the_same_decision_twice_is_one_order() -> None:
    plan = planned(decided=[(opportunity(), YES), (opportunity(), YES)])
    assert len(plan.new) == 1
    known = {plan.new[0].id: plan.new[0]}
    assert planned(book=book(orders=known), decided=[(opportunity(), YES)]).new == ()


@pytest.mark.parametrize(
    ("changes", "resumed", "abandoned"),
    [
        ({}, 1, 0),
        ({"state": DeskState.REDUCING}, 0, 1),
        ({"state": DeskState.HALTED}, 0, 1),
        ({"now": NOW + timedelta(minutes=15)}, 0, 1),
        ({"cleared": ()}, 0, 0),
    ],
)
def test_an_entry_the_venue_does_not_have_is_sent_again_only_while_it_is_still_right(
    changes: dict[str, Any], resumed: int, abandoned: int
) -> None:
    one = order(OrderState.PLANNED)
    plan = planned(**({"book": book(orders={one.id: one}), "cleared": {one.id}} | changes))
    assert (len(plan.resumed), len(plan.abandoned)) == (resumed, abandoned)


def test_an_exit_is_sent_again_while_its_position_is_open() -> None:
    held = position()
    leave = order(OrderState.PLANNED, client_order_id="sexit", purpose=Purpose.EXIT)
    has = book(orders={leave.id: leave}, positions={held.id: held})
    assert planned(book=has, cleared={leave.id}, state=DeskState.REDUCING).resumed
    gone = has.model_copy(update={"positions": {}})
    assert planned(book=gone, cleared={leave.id}).abandoned


def test_an_exit_waits_for_the_protective_order_also_when_sent_again() -> None:
    stop = order(OrderState.WORKING, client_order_id="sstop", purpose=Purpose.PROTECT)
    leave = order(OrderState.PLANNED, client_order_id="sexit", purpose=Purpose.EXIT)
    held = position(protective_order_id=stop.id)
    plan = planned(book=book(orders={stop.id: stop, leave.id: leave}, positions={held.id: held}), cleared={leave.id})
    assert plan.waits_for[leave.id] == (stop.id,)
    assert plan.cancels == (stop.id,)


@pytest.mark.parametrize(("unseen", "resumed"), [(0, 1), (7, 0)])
def test_an_exit_whose_replaced_stop_sold_unseen_is_decided_anew(unseen: int, resumed: int) -> None:
    stop = order(OrderState.CANCELLED, client_order_id="sstop", purpose=Purpose.PROTECT)
    stop = stop.model_copy(update={"told_qty": Decimal(unseen)})
    leave = order(OrderState.PLANNED, client_order_id="sexit", purpose=Purpose.EXIT, replaces=(stop.id,))
    held = position(protective_order_id=stop.id)
    plan = planned(book=book(orders={stop.id: stop, leave.id: leave}, positions={held.id: held}), cleared={leave.id})
    assert (len(plan.resumed), len(plan.abandoned)) == (resumed, 1 - resumed)


@pytest.mark.parametrize(
    ("state", "after", "purpose", "cancelled"),
    [
        (DeskState.ACTIVE, 0, Purpose.ENTRY, False),
        (DeskState.ACTIVE, 15, Purpose.ENTRY, True),
        (DeskState.REDUCING, 0, Purpose.ENTRY, True),
        (DeskState.HALTED, 0, Purpose.ENTRY, True),
        (DeskState.HALTED, 0, Purpose.PROTECT, False),
    ],
)
def test_resting_orders_are_cancelled_when_old_or_no_longer_allowed(
    state: DeskState, after: int, purpose: Purpose, cancelled: bool
) -> None:
    held = position()
    resting = order(OrderState.WORKING, purpose=purpose)
    has = book(orders={resting.id: resting}, positions={held.id: held})
    plan = planned(book=has, state=state, now=NOW + timedelta(minutes=after))
    assert bool(plan.cancels) is cancelled
    assert plan.busy is cancelled


def test_a_protective_order_without_its_position_is_cancelled() -> None:
    orphan = order(OrderState.WORKING, purpose=Purpose.PROTECT)
    assert planned(book=book(orders={orphan.id: orphan})).cancels == (orphan.id,)


def test_a_trace_tells_verdict_code_and_cap() -> None:
    denied = trace_of(opportunity(), NO, None)
    assert (denied.verdict, denied.code, denied.limit, denied.observed) == (
        "denied",
        "SESSION_CLOSED",
        "open",
        "closed",
    )
    cut = trace_of(opportunity(), Resized(qty=Decimal(5), wanted_qty=Decimal(9), binding_cap="buying_power"), "sid")
    assert (cut.verdict, cut.qty, cut.binding_cap, cut.client_order_id) == ("resized", 5, "buying_power", "sid")
    assert trace_of(opportunity(), YES, "sid").verdict == "approved"
