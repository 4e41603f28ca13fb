"""What Alpaca alone can do, and what it costs: multi-leg orders, refusals, activities, retries, calls."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal

import pytest

from orchestrator.adapters.memory.faults import Fault
from orchestrator.domain.errors import BrokerUnavailableError, MalformedDataError, OutcomeUnknownError, RateLimitedError
from orchestrator.domain.orders import Leg, Order, OrderState, Purpose, Side
from tests.contract.broker_stage import Stage, alpaca_stage
from tests.contract.venue_market import CALL_640, CALL_645, CLOSE, PUT_625, PUT_630

D = Decimal


@pytest.fixture
def stage() -> Iterator[Stage]:
    with alpaca_stage() as found:
        yield found


def spread(stage: Stage, name: str, limit: str, *, opening: bool = True, qty: int = 2) -> Order:
    """A call debit spread on SPY, or its closing."""
    long_side = Side.BUY if opening else Side.SELL
    legs = (
        Leg(symbol=CALL_640, side=long_side, multiplier=D(100)),
        Leg(symbol=CALL_645, side=long_side.opposite, multiplier=D(100)),
    )
    purpose = Purpose.ENTRY if opening else Purpose.EXIT
    return stage.order(name, symbol="SPY", legs=legs, qty=D(qty), limit_price=D(limit), purpose=purpose)


def test_legs_of_a_spread_fill_under_the_parents_ids(stage: Stage) -> None:
    order = spread(stage, "s", "1.70")
    said = stage.broker.submit(order)
    state = stage.broker.state("")
    assert {(fill.symbol, fill.side, fill.qty) for fill in state.fills} == {
        (CALL_640, Side.BUY, D(2)),
        (CALL_645, Side.SELL, D(2)),
    }
    assert {fill.client_order_id for fill in state.fills} == {order.id}
    assert set(state.fill_orders.values()) == {said.broker_order_id}
    assert state.positions == {CALL_640: D(2), CALL_645: D(-2)}
    assert stage.state_of(order) is OrderState.FILLED


def test_fees_of_an_execution_are_in_the_fill_and_not_told_twice(stage: Stage) -> None:
    before = stage.broker.state("")
    stage.broker.submit(spread(stage, "s", "1.70"))
    state = stage.broker.state(before.cursor)
    assert all(fill.fee > 0 for fill in state.fills)
    assert not state.cash_events
    moved = sum(-fill.side.sign * fill.qty * fill.price * 100 - fill.fee for fill in state.fills)
    assert state.account.cash == before.account.cash + moved


def test_a_credit_is_a_negative_limit(stage: Stage) -> None:
    legs = (
        Leg(symbol=PUT_630, side=Side.SELL, multiplier=D(100)),
        Leg(symbol=PUT_625, side=Side.BUY, multiplier=D(100)),
    )
    greedy = stage.order("g", symbol="SPY", legs=legs, qty=D(1), limit_price=D("-1.00"))
    content = stage.order("c", symbol="SPY", legs=legs, qty=D(1), limit_price=D("-0.85"))
    stage.broker.submit(greedy)
    stage.broker.submit(content)
    assert stage.state_of(greedy) is OrderState.WORKING
    assert stage.state_of(content) is OrderState.FILLED


def test_a_spread_can_be_left_again(stage: Stage) -> None:
    stage.broker.submit(spread(stage, "s", "1.70"))
    stage.broker.submit(spread(stage, "x", "-1.30", opening=False))
    assert not stage.broker.state("").positions


def test_an_order_that_expired_is_found_as_expired(stage: Stage) -> None:
    order = stage.order("a", limit_price=stage.below("20"))
    stage.broker.submit(order)
    stage.venue.advance(CLOSE + timedelta(minutes=1))
    assert stage.state_of(order) is OrderState.EXPIRED


def test_an_option_that_expires_is_a_cash_event(stage: Stage) -> None:
    leg = Leg(symbol=CALL_645, side=Side.BUY, multiplier=D(100))
    stage.broker.submit(stage.order("o", symbol="SPY", legs=(leg,), qty=D(1), limit_price=D("1.70")))
    before = stage.broker.state("")
    stage.venue.advance(CLOSE + timedelta(days=1, hours=1))
    state = stage.broker.state(before.cursor)
    assert [(event.kind, event.symbol, event.qty) for event in state.cash_events] == [("OPEXP", CALL_645, D(-1))]
    assert not state.positions


def test_a_refused_duplicate_is_answered_with_the_order_it_belongs_to(stage: Stage) -> None:
    stage.venue.fault("duplicate_refused", "^/v2/orders$", method="POST")
    order = stage.order("a", limit_price=stage.below("10"))
    said = stage.broker.submit(order)
    assert said == stage.broker.find(order)


def test_an_error_of_the_venue_while_sending_leaves_the_outcome_open(stage: Stage) -> None:
    for status in (500, 503, 504):
        stage.venue.fault("http_5xx", "^/v2/orders$", method="POST", status=status)
        before = stage.calls()
        with pytest.raises(OutcomeUnknownError):
            stage.broker.submit(stage.order(f"a{status}"))
        assert stage.calls() - before == 1


def test_an_order_is_not_sent_again_behind_our_back(stage: Stage) -> None:
    stage.venue.fault("http_429", "^/v2/orders$", method="POST", retry_after=3)
    before = stage.calls()
    with pytest.raises(RateLimitedError) as limited:
        stage.broker.submit(stage.order("a"))
    assert stage.calls() - before == 1
    assert limited.value.retry_after_s == 3


def test_reading_is_tried_again_and_gives_up(stage: Stage) -> None:
    stage.venue.fault("http_5xx", "^/v2/account$", times=2)
    stage.broker.state("")
    stage.venue.fault("http_429", "^/v2/account$", times=3)
    with pytest.raises(BrokerUnavailableError):
        stage.broker.state("")


def test_an_idle_state_costs_four_calls_and_news_one_more(stage: Stage) -> None:
    cursor = stage.broker.state("").cursor
    before = stage.calls()
    stage.broker.state(cursor)
    assert stage.calls() - before == 4
    stage.broker.submit(stage.order("a"))
    before = stage.calls()
    stage.broker.state(cursor)
    assert stage.calls() - before == 5


def test_more_activities_than_a_page_are_all_told(stage: Stage) -> None:
    for n in range(12):
        stage.broker.submit(spread(stage, f"o{n}", "1.70", qty=1))
        stage.broker.submit(spread(stage, f"c{n}", "-1.30", opening=False, qty=1))
    state = stage.broker.state("")
    assert len(state.fills) == 48
    assert len(stage.venue.http.get("/venue/ledger").json()["activities"]) > 90
    assert not stage.broker.state(state.cursor).fills


def test_fills_are_told_by_leaps_of_time(stage: Stage) -> None:
    cursor = stage.broker.state("").cursor
    told: list[str] = []
    for n in range(3):
        stage.broker.submit(stage.order(f"a{n}", qty=D(1)))
        state = stage.broker.state(cursor)
        told += [fill.trade_id for fill in state.fills]
        cursor = state.cursor
        stage.venue.advance(stage.now() + timedelta(minutes=20))
    assert len(told) == len(set(told)) == 3


def test_a_cursor_of_somebody_else_is_refused(stage: Stage) -> None:
    with pytest.raises(MalformedDataError):
        stage.broker.state("17")


def test_a_planned_fault_hits_the_venue_only_once(stage: Stage) -> None:
    stage.fail(Fault.LOST_BEFORE_ACCEPTANCE)
    with pytest.raises(OutcomeUnknownError):
        stage.broker.submit(stage.order("a"))
    assert stage.broker.submit(stage.order("a")).client_order_id == stage.order("a").id
