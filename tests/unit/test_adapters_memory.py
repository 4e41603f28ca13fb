"""What the fakes of venue and prices add to the contract they share: their script."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from orchestrator.adapters.memory.broker import MemoryBroker
from orchestrator.adapters.memory.faults import Fault
from orchestrator.domain.errors import BrokerAuthError, BrokerUnavailableError, OrderRefusedError, RateLimitedError
from orchestrator.domain.orders import Leg, OrderState, Side, TimeInForce
from orchestrator.ports import CashEvent
from tests.contract.broker_stage import Stage, memory_stage

D = Decimal
NOW = datetime(2026, 7, 16, 14, 0, tzinfo=UTC)


@pytest.fixture
def stage() -> Iterator[Stage]:
    with memory_stage() as found:
        yield found


@pytest.fixture
def broker(stage: Stage) -> MemoryBroker:
    assert isinstance(stage.broker, MemoryBroker)
    return stage.broker


def test_faults_strike_one_call_each_in_order(stage: Stage, broker: MemoryBroker) -> None:
    broker.faults.add("submit", Fault.UNAVAILABLE, Fault.AUTH)
    broker.faults.add("state", Fault.RATE_LIMITED)
    with pytest.raises(BrokerUnavailableError):
        broker.submit(stage.order("a"))
    with pytest.raises(BrokerAuthError):
        broker.submit(stage.order("a"))
    with pytest.raises(RateLimitedError):
        broker.state("")
    broker.submit(stage.order("a"))
    assert [call for call, _ in broker.calls] == ["submit", "submit", "state", "submit"]


def test_fills_are_told_again_on_demand(stage: Stage, broker: MemoryBroker) -> None:
    broker.repeats_fills = True
    broker.submit(stage.order("a"))
    first = broker.state("")
    assert broker.state(first.cursor).fills == first.fills


def test_fills_can_come_without_the_client_order_id(stage: Stage, broker: MemoryBroker) -> None:
    broker.tells_client_ids = False
    said = broker.submit(stage.order("a"))
    state = broker.state("")
    assert state.fills[0].client_order_id == ""
    assert state.fill_orders == {state.fills[0].trade_id: said.broker_order_id}


def test_an_id_is_taken_for_ever_or_while_its_order_is_open(stage: Stage, broker: MemoryBroker) -> None:
    order = stage.order("a")
    broker.submit(order)
    with pytest.raises(OrderRefusedError):
        broker.submit(order)
    broker.ids_stay_taken = False
    broker.submit(order)
    assert broker.positions == {"XLK": 2 * stage.qty}


def test_a_late_fill_after_a_cancel_is_told(stage: Stage, broker: MemoryBroker) -> None:
    order = stage.order("a", limit_price=D(50))
    broker.submit(order)
    broker.cancel(order)
    broker.fill(order.id, D(3), D(50))
    state = broker.state("")
    assert state.fills[0].qty == 3
    assert state.open_orders[0].state is OrderState.CANCELLED
    assert state.open_orders[0].filled_qty == 3


def test_the_venue_ends_an_order_by_itself(stage: Stage, broker: MemoryBroker) -> None:
    order = stage.order("a", limit_price=D(50))
    broker.submit(order)
    broker.end(order.id, OrderState.EXPIRED, "the session closed")
    found = broker.find(order)
    assert found is not None
    assert (found.state, found.note) == (OrderState.EXPIRED, "the session closed")


def test_an_immediate_order_does_not_rest(stage: Stage, broker: MemoryBroker) -> None:
    order = stage.order("a", limit_price=D(50), time_in_force=TimeInForce.IOC)
    assert broker.submit(order).state is OrderState.CANCELLED


def test_a_spread_fills_at_its_net_price_or_rests(stage: Stage, broker: MemoryBroker) -> None:
    broker.set_prices({"C1": D(3), "C2": D(1)})
    legs = (Leg(symbol="C1", side=Side.BUY, multiplier=D(100)), Leg(symbol="C2", side=Side.SELL, multiplier=D(100)))
    broker.submit(stage.order("rests", symbol="SPY", legs=legs, qty=D(2), limit_price=D("1.99")))
    broker.submit(stage.order("fills", symbol="SPY", legs=legs, qty=D(2), limit_price=D("2.00")))
    assert {one.state for one in broker.state("").open_orders} == {OrderState.WORKING, OrderState.FILLED}
    assert broker.positions == {"C1": D(2), "C2": D(-2)}
    assert broker.account().cash == 80_000 - 400
    assert broker.account().equity == 80_000


def test_fees_leave_the_cash(stage: Stage, broker: MemoryBroker) -> None:
    broker.fee_rate = D("0.001")
    broker.submit(stage.order("a"))
    assert broker.state("").fills[0].fee == 1
    assert broker.account().cash == 80_000 - 1000 - 1


def test_a_cash_event_moves_money_and_shares_once(broker: MemoryBroker) -> None:
    broker.tell(CashEvent("d1", "DIV", "XLK", D(5), D(0), D("0.5"), NOW))
    state = broker.state("")
    assert [event.id for event in state.cash_events] == ["d1"]
    assert state.account.cash == 80_005
    assert not broker.state(state.cursor).cash_events


def test_scripting_an_unknown_order_is_an_error(broker: MemoryBroker) -> None:
    with pytest.raises(OrderRefusedError):
        broker.fill("nobody", D(1))
