"""What every broker owes the desk: run on the fake and on the real clients against the local venue."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest

from orchestrator.adapters.memory.faults import Fault
from orchestrator.domain.errors import (
    BrokerUnavailableError,
    OrderRefusedError,
    OutcomeUnknownError,
    RateLimitedError,
)
from orchestrator.domain.orders import Fill, OrderState, Side, TimeInForce
from orchestrator.ports import VenueState
from tests.contract.broker_stage import STAGES, Stage


@pytest.fixture(params=STAGES)
def stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    with STAGES[request.param]() as found:
        yield found


def own_fills(state: VenueState, stage: Stage, client_order_id: str) -> list[Fill]:
    """Fills of an order, by the client id or by the venue's order id."""
    broker_ids = {said.broker_order_id: said.client_order_id for said in state.open_orders}
    return [
        fill
        for fill in state.fills
        if client_order_id in {fill.client_order_id, broker_ids.get(state.fill_orders.get(fill.trade_id, ""))}
    ]


def test_a_fresh_account_is_flat(stage: Stage) -> None:
    state = stage.broker.state("")
    assert not state.positions
    assert not state.fills
    assert not state.cash_events
    assert state.account.cash == state.account.equity > 0
    assert state.account.buying_power <= state.account.cash
    assert state.account.as_of == stage.now()
    assert state.account.venue == stage.broker.name


def test_an_accepted_order_has_both_ids(stage: Stage) -> None:
    order = stage.order("a", limit_price=stage.below("10"))
    said = stage.broker.submit(order)
    assert said.client_order_id == order.id
    assert said.broker_order_id
    assert not said.state.terminal


def test_a_market_order_fills_and_changes_position_and_cash(stage: Stage) -> None:
    before = stage.broker.state("")
    order = stage.order("a")
    stage.broker.submit(order)
    state = stage.broker.state(before.cursor)
    fills = own_fills(state, stage, order.id)
    assert sum(fill.qty for fill in fills) == stage.qty
    assert all(fill.side is Side.BUY and fill.symbol == stage.symbol for fill in fills)
    assert all(fill.price > 0 and fill.fee >= 0 for fill in fills)
    assert state.positions == {stage.symbol: stage.qty}
    paid = sum(fill.qty * fill.price + fill.fee for fill in fills)
    assert state.account.cash == pytest.approx(before.account.cash - paid, abs=Decimal("0.01"))
    assert state.account.equity == pytest.approx(before.account.equity, rel=Decimal("0.01"))


def test_a_filled_order_is_found_as_filled(stage: Stage) -> None:
    order = stage.order("a")
    stage.broker.submit(order)
    found = stage.broker.find(order)
    assert found is not None
    assert found.state is OrderState.FILLED
    assert found.filled_qty == stage.qty


def test_an_order_that_was_never_sent_is_not_found(stage: Stage) -> None:
    assert stage.broker.find(stage.order("never")) is None


def test_a_sale_takes_the_position_down(stage: Stage) -> None:
    stage.broker.submit(stage.order("a"))
    stage.broker.submit(stage.order("b", Side.SELL))
    state = stage.broker.state("")
    assert not state.positions
    assert {fill.side for fill in state.fills} == {Side.BUY, Side.SELL}


def test_a_resting_order_is_told_as_working_and_its_cancel_sticks(stage: Stage) -> None:
    order = stage.order("a", limit_price=stage.below("10"))
    said = stage.broker.submit(order)
    resting = {one.client_order_id: one for one in stage.broker.state("").open_orders}
    assert resting[order.id].state is OrderState.WORKING
    assert resting[order.id].broker_order_id == said.broker_order_id
    sent = order.model_copy(update={"broker_order_id": said.broker_order_id})
    assert stage.broker.cancel(sent).state is OrderState.CANCELLED
    found = stage.broker.find(sent)
    assert found is not None
    assert found.state is OrderState.CANCELLED


def test_a_cancel_needs_only_the_client_order_id(stage: Stage) -> None:
    order = stage.order("a", limit_price=stage.below("10"))
    stage.broker.submit(order)
    assert stage.broker.cancel(order).state is OrderState.CANCELLED


def test_cancelling_a_filled_order_tells_that_it_filled(stage: Stage) -> None:
    order = stage.order("a")
    said = stage.broker.submit(order)
    sent = order.model_copy(update={"broker_order_id": said.broker_order_id})
    assert stage.broker.cancel(sent).state is OrderState.FILLED


def test_cancelling_what_was_never_sent_is_refused(stage: Stage) -> None:
    with pytest.raises(OrderRefusedError):
        stage.broker.cancel(stage.order("never"))


def test_a_limit_order_fills_when_the_market_comes_to_it(stage: Stage) -> None:
    order = stage.order("a", limit_price=stage.below("2"))
    stage.broker.submit(order)
    before = stage.broker.state("")
    assert not before.fills
    stage.fall()
    state = stage.broker.state(before.cursor)
    fills = own_fills(state, stage, order.id)
    assert sum(fill.qty for fill in fills) == stage.qty
    assert all(fill.price <= stage.below("2") for fill in fills)


def test_a_stop_rests_until_the_market_falls_through_it(stage: Stage) -> None:
    stage.broker.submit(stage.order("a"))
    stop = stage.order("b", Side.SELL, stop_price=stage.below("2"), time_in_force=TimeInForce.GTC)
    stage.broker.submit(stop)
    before = stage.broker.state("")
    assert before.positions == {stage.symbol: stage.qty}
    stage.fall()
    state = stage.broker.state(before.cursor)
    assert not state.positions
    assert sum(fill.qty for fill in own_fills(state, stage, stop.id)) == stage.qty


def test_a_fill_is_told_once_by_cursor_and_again_from_the_start(stage: Stage) -> None:
    stage.broker.submit(stage.order("a"))
    first = stage.broker.state("")
    second = stage.broker.state(first.cursor)
    assert first.fills
    assert not second.fills
    assert not second.cash_events
    assert {fill.trade_id for fill in stage.broker.state("").fills} == {fill.trade_id for fill in first.fills}


def test_a_fill_of_the_same_moment_is_not_lost_between_two_states(stage: Stage) -> None:
    one, two = stage.order("a"), stage.order("b")
    stage.broker.submit(one)
    first = stage.broker.state("")
    stage.broker.submit(two)
    second = stage.broker.state(first.cursor)
    assert sum(fill.qty for fill in own_fills(first, stage, one.id)) == stage.qty
    assert sum(fill.qty for fill in own_fills(second, stage, two.id)) == stage.qty
    assert not own_fills(second, stage, one.id)


def test_a_partly_filled_order_keeps_its_fill_when_cancelled(stage: Stage) -> None:
    stage.fill_part()
    order = stage.order("a", limit_price=stage.price * Decimal("1.05").quantize(Decimal("0.01")))
    stage.broker.submit(order)
    state = stage.broker.state("")
    said = {one.client_order_id: one for one in state.open_orders}[order.id]
    assert said.state is OrderState.PARTIALLY_FILLED
    assert said.filled_qty == stage.qty / 2
    ended = stage.broker.cancel(order)
    assert ended.state is OrderState.CANCELLED
    assert ended.filled_qty == stage.qty / 2
    assert stage.broker.state("").positions == {stage.symbol: stage.qty / 2}


def test_an_order_too_large_for_the_account_is_refused_or_ends_without_a_fill(stage: Stage) -> None:
    if stage.live is None:
        stage.fail(Fault.REFUSED)
    order = stage.order("a", qty=stage.qty * 100_000)
    with pytest.raises(OrderRefusedError) as refused:
        stage.broker.submit(order)
    assert refused.value.code
    assert stage.broker.find(order) is None
    assert not stage.broker.state("").fills


def test_an_answer_lost_after_acceptance_is_unknown_and_the_order_is_found(stage: Stage) -> None:
    stage.fail(Fault.LOST_AFTER_ACCEPTANCE)
    order = stage.order("a", limit_price=stage.below("10"))
    with pytest.raises(OutcomeUnknownError):
        stage.broker.submit(order)
    found = stage.broker.find(order)
    assert found is not None
    assert found.client_order_id == order.id


def test_an_answer_lost_before_acceptance_is_unknown_and_nothing_is_found(stage: Stage) -> None:
    stage.fail(Fault.LOST_BEFORE_ACCEPTANCE)
    order = stage.order("a", limit_price=stage.below("10"))
    with pytest.raises(OutcomeUnknownError):
        stage.broker.submit(order)
    assert stage.broker.find(order) is None


def test_a_fill_behind_a_lost_answer_is_told_with_its_client_order_id(stage: Stage) -> None:
    stage.fail(Fault.LOST_AFTER_ACCEPTANCE)
    order = stage.order("a")
    with pytest.raises(OutcomeUnknownError):
        stage.broker.submit(order)
    state = stage.broker.state("")
    assert sum(fill.qty for fill in own_fills(state, stage, order.id)) == stage.qty


def test_too_many_requests_is_not_sent_and_says_when_to_come_back(stage: Stage) -> None:
    stage.fail(Fault.RATE_LIMITED)
    order = stage.order("a")
    before = stage.calls()
    with pytest.raises(RateLimitedError) as limited:
        stage.broker.submit(order)
    assert limited.value.retry_after_s > 0
    assert stage.live is None or stage.calls() - before <= 3  # one submission; ccxt reads two lists of markets first
    assert stage.broker.find(order) is None


def test_a_venue_that_does_not_listen_certainly_got_nothing(stage: Stage) -> None:
    dead = stage.unreachable()
    with pytest.raises(BrokerUnavailableError):
        dead.submit(stage.order("a"))
    with pytest.raises(BrokerUnavailableError):
        dead.state("")
    with pytest.raises(BrokerUnavailableError):
        dead.find(stage.order("a"))


def test_an_id_sent_again_while_its_order_rests_is_not_a_second_order(stage: Stage) -> None:
    order = stage.order("a", limit_price=stage.below("10"))
    first = stage.broker.submit(order)
    with contextlib.suppress(OrderRefusedError):
        assert stage.broker.submit(order).broker_order_id == first.broker_order_id
    assert [one.broker_order_id for one in stage.broker.state("").open_orders] == [first.broker_order_id]


def test_orders_sent_from_threads_are_each_taken_once(stage: Stage) -> None:
    stage.broker.state("")
    orders = [stage.order(f"n{n}", limit_price=stage.below("10")) for n in range(8)]
    with ThreadPoolExecutor(8) as pool:
        taken = list(pool.map(stage.broker.submit, orders))
    assert len({said.broker_order_id for said in taken}) == 8
    assert {one.client_order_id for one in stage.broker.state("").open_orders} == {order.id for order in orders}
