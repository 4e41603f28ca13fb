"""Replace is cancel, confirm, new: never two orders that together sell more than is held."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from orchestrator.adapters.memory.broker import MemoryBroker
from orchestrator.domain.errors import BrokerUnavailableError
from orchestrator.domain.orders import Order, OrderState, OrderType, Purpose, Side, TimeInForce
from orchestrator.domain.positions import PositionLeg
from orchestrator.domain.risk import Approved, DeskState
from orchestrator.execution import LEASE
from orchestrator.planning import Plan, make_plan
from orchestrator.ports import VenueOrder
from tests.builders import NOW, book, opportunity, order, position
from tests.desk import TestDesk

HELD = position()


def resting(key: str, state: OrderState = OrderState.WORKING, /, **changes: Any) -> Order:
    return order(state, client_order_id=key, **{"purpose": Purpose.PROTECT, **changes})


def wish(purpose: Purpose, qty: int, *replaces: str) -> tuple[Any, Approved]:
    stop = {"order_type": OrderType.STOP, "time_in_force": TimeInForce.GTC} if purpose is Purpose.PROTECT else {}
    wanted = opportunity(
        purpose=purpose, side=Side.SELL, position_id=HELD.id, qty=Decimal(qty), replaces=replaces, **stop
    )
    return wanted, Approved(qty=Decimal(qty), binding_cap="position")


def planned(*orders: Order, decided: list[Any] = (), cleared: tuple[str, ...] = (), units: int = 10) -> Plan:  # type: ignore[assignment]
    legs = (PositionLeg(symbol="XLK", qty=Decimal(units), avg_px=Decimal(100)),)
    held = HELD.model_copy(update={"legs": legs, "protective_order_id": orders[0].id if orders else None})
    has = book(orders={one.id: one for one in orders}, positions={held.id: held})
    return make_plan(has, decided, state=DeskState.ACTIVE, now=NOW, lease=LEASE, desk="d", cleared=cleared)


def test_a_new_stop_waits_for_the_one_it_replaces() -> None:
    plan = planned(resting("sold"), decided=[wish(Purpose.PROTECT, 10, "sold")])
    (sent,) = plan.new
    assert (plan.waits_for[sent.id], plan.cancels, sent.intent.replaces) == (("sold",), ("sold",), ("sold",))


def test_a_partial_exit_and_the_stop_for_the_rest_wait_for_one_cancel() -> None:
    plan = planned(resting("sold"), decided=[wish(Purpose.EXIT, 4, "sold"), wish(Purpose.PROTECT, 6, "sold")])
    assert [plan.waits_for[one.id] for one in plan.new] == [("sold",), ("sold",)]
    assert plan.cancels == ("sold",)


def test_what_has_ended_is_not_waited_for() -> None:
    plan = planned(resting("sold", OrderState.CANCELLED), decided=[wish(Purpose.PROTECT, 10, "sold")])
    (sent,) = plan.new
    assert (plan.waits_for[sent.id], plan.cancels) == ((), ())


def test_a_partial_exit_beside_a_stop_for_the_rest_is_sent_again_without_taking_it_away() -> None:
    part = resting("sexit", OrderState.PLANNED, purpose=Purpose.EXIT, qty=Decimal(4))
    plan = planned(resting("srest", qty=Decimal(6)), part, cleared=("sexit",))
    assert [one.id for one in plan.resumed] == ["sexit"]
    assert (plan.waits_for["sexit"], plan.cancels) == ((), ())


@pytest.mark.parametrize(("units", "again"), [(10, ("srest", "sexit")), (9, ("sexit",))])
def test_a_stop_beside_which_an_exit_no_longer_fits_is_given_up(units: int, again: tuple[str, ...]) -> None:
    part = resting("sexit", OrderState.PLANNED, purpose=Purpose.EXIT, qty=Decimal(4))
    rest = resting("srest", OrderState.PLANNED, qty=Decimal(6))
    plan = planned(rest, part, cleared=("sexit", "srest"), units=units)
    assert tuple(one.id for one in plan.resumed) == again
    assert len(plan.abandoned) == 2 - len(again)
    assert plan.cancels == ()


def test_an_order_that_never_left_is_given_up_when_it_is_replaced() -> None:
    plan = planned(
        resting("snever", OrderState.PLANNED), decided=[wish(Purpose.EXIT, 10, "snever")], cleared=("snever",)
    )
    assert [one.id for one in plan.abandoned] == ["snever"]
    assert (plan.resumed, plan.cancels, plan.waits_for[plan.new[0].id]) == ((), (), ())


def test_an_order_that_could_not_be_looked_up_blocks_its_successor_without_a_cancel() -> None:
    plan = planned(resting("sdoubt", OrderState.PLANNED), decided=[wish(Purpose.EXIT, 10, "sdoubt")])
    assert (plan.waits_for[plan.new[0].id], plan.cancels) == (("sdoubt",), ())


class FillsBeforeCancel:
    """A venue at which the stop sells three units just before it is cancelled."""

    def __init__(self, broker: MemoryBroker) -> None:
        self._broker, self.name, self.profile = broker, broker.name, broker.profile
        self.state, self.submit, self.find = broker.state, broker.submit, broker.find

    def cancel(self, order: Order) -> VenueOrder:
        self._broker.fill(order.id, Decimal(3))
        return self._broker.cancel(order)


class DeafToCancels(FillsBeforeCancel):
    """A venue that is not reached when it is asked to cancel."""

    def cancel(self, order: Order) -> VenueOrder:
        raise BrokerUnavailableError(f"cancel {order.id}")


@pytest.fixture
def desk() -> TestDesk:
    """A desk that holds XLK with a stop resting."""
    made = TestDesk()
    made.module.entries, made.module.protects = ["XLK"], True
    made.cycle()
    made.module.entries = []
    made.cycle()
    assert next(iter(made.book.positions.values())).protective_order_id is not None
    return made


@pytest.mark.parametrize("kind", [FillsBeforeCancel, DeafToCancels])
def test_an_exit_is_not_sent_when_its_stop_filled_or_still_rests(desk: TestDesk, kind: type[FillsBeforeCancel]) -> None:
    before = set(desk.submitted())
    desk.module.exits = True
    desk.cycle(broker=kind(desk.broker))  # type: ignore[arg-type]
    put_back = [desk.book.orders[key].intent for key in desk.submitted() if key not in before]
    left = [(Purpose.PROTECT, Decimal(97))] if kind is FillsBeforeCancel else []
    assert [(one.purpose, one.qty) for one in put_back] == left
    for _ in range(3):
        desk.cycle()
    assert desk.book.positions == {}
    assert desk.broker.positions["XLK"] == 0


def test_a_failed_cancel_proves_nothing(desk: TestDesk) -> None:
    (position,) = desk.book.positions.values()
    desk.module.exits = True
    desk.cycle(broker=DeafToCancels(desk.broker))  # type: ignore[arg-type]
    stop = desk.book.orders[position.protective_order_id or ""]
    assert stop.state is OrderState.WORKING
    assert len(stop.history) == 2


def test_an_answer_that_tells_of_fills_is_remembered_until_they_are_shown(desk: TestDesk) -> None:
    desk.module.exits = True
    desk.broker.fill_fraction = Decimal("0.5")
    desk.cycle()
    (leave,) = [one for one in desk.book.orders.values() if one.intent.purpose is Purpose.EXIT]
    assert (leave.told_qty, leave.filled_qty) == (leave.intent.qty / 2, 0)
    assert leave.outstanding_qty == leave.intent.qty - leave.filled_qty
    desk.module.exits = False
    desk.cycle()
    (leave,) = [one for one in desk.book.orders.values() if one.intent.purpose is Purpose.EXIT]
    assert leave.filled_qty == leave.told_qty > 0
