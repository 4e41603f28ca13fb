"""One suite over every venue's rules: the real client classes against the local venue, and the fake.

What differs between venues is asked of the profile, never of a name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from decimal import Decimal
from functools import partial
from typing import Any

import pytest

from orchestrator.adapters.memory.broker import MemoryBroker
from orchestrator.adapters.memory.faults import Fault
from orchestrator.domain.errors import OrderRefusedError, OutcomeUnknownError, RateLimitedError
from orchestrator.domain.orders import Fill, Order, OrderState, Side
from orchestrator.domain.venues import (
    ALPACA,
    GATE,
    KRAKEN,
    OKX,
    WHITEBIT,
    IdUniqueness,
    LookUp,
    VenueCall,
    VenueProfile,
)
from orchestrator.ports import VenueState
from tests.contract.broker_stage import SUBMIT_PATHS, Stage, alpaca_stage, kraken_stage, memory_stage

D = Decimal
EXCHANGES = (KRAKEN, WHITEBIT, GATE, OKX)
CASES: dict[str, Callable[[], AbstractContextManager[Stage]]] = {
    "alpaca": alpaca_stage,
    **{one.name: partial(kraken_stage, one) for one in EXCHANGES},
    **{f"memory as {one.name}": partial(memory_stage, one) for one in (ALPACA, *EXCHANGES)},
}
OVER_HTTP = [name for name in CASES if not name.startswith("memory")]


@pytest.fixture(params=CASES)
def stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    with CASES[request.param]() as found:
        yield found


@pytest.fixture(params=OVER_HTTP)
def live(request: pytest.FixtureRequest) -> Iterator[Stage]:
    """Only what goes over HTTP: there the venue's own ledger tells what arrived."""
    with CASES[request.param]() as found:
        yield found


def rules(stage: Stage) -> VenueProfile:
    return stage.broker.profile


def resting(stage: Stage, name: str = "a") -> Order:
    return stage.order(name, limit_price=stage.below("10"))


def orders_at(stage: Stage) -> int:
    """How many orders the venue ever took."""
    if isinstance(stage.broker, MemoryBroker):
        return len(stage.broker.ledger()[0])
    return len(stage.venue.http.get("/venue/ledger").json()["orders"])


def sent(stage: Stage, order: Order) -> Order:
    """Send an order and remember the venue's own id of it."""
    said = stage.broker.submit(order)
    return order.model_copy(update={"broker_order_id": said.broker_order_id})


def again(stage: Stage, order: Order) -> None:
    """Send an order a second time, whatever the venue says to that."""
    try:
        stage.broker.submit(order)
    except OrderRefusedError as refused:
        assert refused.code == "duplicate_id"  # noqa: PT017 only the fake has no way to look it up itself


def moved(state: VenueState) -> Decimal:
    def signed(fill: Fill) -> Decimal:
        return fill.side.sign * fill.held_qty

    return sum((signed(fill) for fill in state.fills), D(0))


def test_the_venue_takes_the_desks_own_ids(stage: Stage) -> None:
    order = resting(stage)
    assert rules(stage).accepts_id(order.id)
    assert stage.broker.submit(order).client_order_id == order.id


def test_an_id_in_use_is_never_a_second_order(stage: Stage) -> None:
    order = resting(stage)
    stage.broker.submit(order)
    again(stage, order)
    assert orders_at(stage) == 1


def test_an_id_whose_order_was_cancelled_is_free_or_not_as_the_profile_says(stage: Stage) -> None:
    order = sent(stage, resting(stage))
    stage.broker.cancel(order)
    again(stage, order)
    stays = rules(stage).id_uniqueness is IdUniqueness.FOR_EVER
    assert orders_at(stage) == (1 if stays else 2)


def test_a_filled_market_order_sent_again_trades_twice_unless_ids_are_for_ever(stage: Stage) -> None:
    order = stage.order("a")
    stage.broker.submit(order)
    once = stage.broker.state("").positions[stage.symbol]
    again(stage, order)
    stays = rules(stage).id_uniqueness is IdUniqueness.FOR_EVER
    assert stage.broker.state("").positions[stage.symbol] == (once if stays else 2 * once)


def test_an_open_order_is_found_by_its_client_order_id(stage: Stage) -> None:
    order = resting(stage)
    stage.broker.submit(order)
    assert stage.state_of(order) is OrderState.WORKING


def test_a_filled_order_is_found_by_its_client_order_id_alone(stage: Stage) -> None:
    order = stage.order("a")
    stage.broker.submit(order)
    assert stage.state_of(order) is OrderState.FILLED


def test_an_order_that_ended_without_a_trade_is_found_by_the_venues_id_and_by_ours_if_the_profile_says_so(
    stage: Stage,
) -> None:
    order = sent(stage, resting(stage))
    stage.broker.cancel(order)
    assert stage.state_of(order) is OrderState.CANCELLED
    by_ours = stage.broker.find(order.model_copy(update={"broker_order_id": None}))
    assert (by_ours is not None) == (LookUp.CLOSED in rules(stage).look_up)


def test_what_can_no_longer_be_found_by_our_id_can_no_longer_trade(stage: Stage) -> None:
    """A look-up that finds nothing allows a second sending: that must not make two orders that trade."""
    order = sent(stage, resting(stage))
    stage.broker.cancel(order)
    if stage.broker.find(order.model_copy(update={"broker_order_id": None})) is None:
        stage.broker.submit(order)
        live = [said for said in stage.broker.state("").open_orders if not said.state.terminal]
        assert [said.client_order_id for said in live] == [order.id]


@pytest.mark.parametrize("market", [False, True])
def test_an_order_behind_a_lost_answer_is_found_once(stage: Stage, market: bool) -> None:
    stage.fail(Fault.LOST_AFTER_ACCEPTANCE)
    order = stage.order("a") if market else resting(stage)
    with pytest.raises(OutcomeUnknownError):
        stage.broker.submit(order)
    assert stage.state_of(order) is (OrderState.FILLED if market else OrderState.WORKING)
    assert orders_at(stage) == 1


def test_an_order_lost_on_the_way_is_not_found(stage: Stage) -> None:
    stage.fail(Fault.LOST_BEFORE_ACCEPTANCE)
    with pytest.raises(OutcomeUnknownError):
        stage.broker.submit(resting(stage))
    assert stage.broker.find(resting(stage)) is None
    assert orders_at(stage) == 0


def test_what_is_held_is_what_the_fills_say_whatever_the_fee_was_taken_in(stage: Stage) -> None:
    stage.broker.submit(stage.order("a"))
    stage.broker.submit(stage.order("b", Side.SELL, qty=stage.qty / 2))
    state = stage.broker.state("")
    assert state.positions == {stage.symbol: moved(state)}
    assert not state.troubles


def test_a_fee_in_coins_is_told_as_charged_and_in_usd(live: Stage) -> None:
    before = live.broker.state("").account.cash
    live.broker.submit(live.order("a"))
    state = live.broker.state("")
    (fill,) = state.fills
    assert (fill.fee_base_qty > 0) == rules(live).fee_in_coin
    assert before - state.account.cash == pytest.approx(fill.held_qty * fill.price + fill.fee, abs=D("0.01"))


def test_size_and_price_are_never_rounded_against_us(live: Stage) -> None:
    asked = live.order("a", qty=live.qty * D("1.0123456789"), limit_price=live.below("10") + D("0.12345"))
    live.broker.submit(asked)
    (kept,) = live.venue.http.get("/venue/ledger").json()["orders"]
    assert D(0) < D(kept["qty"]) <= asked.intent.qty
    assert D(0) < D(kept["limit_price"]) <= live.below("10") + D("0.12345")


@pytest.mark.parametrize("bad", [{"qty": D("0.00001")}, {"client_order_id": "s" + "x" * 200}])
def test_what_the_profile_rules_out_is_refused_without_a_call(live: Stage, bad: dict[str, Any]) -> None:
    live.broker.state("")
    before = live.calls()
    with pytest.raises(OrderRefusedError):
        live.broker.submit(live.order("a", **bad))
    assert live.calls() == before


def test_a_rate_limit_is_told_with_the_venues_own_wait_and_nothing_was_sent(live: Stage) -> None:
    kind = "alpaca" if rules(live) is ALPACA else "kraken"
    live.venue.fault("http_429", SUBMIT_PATHS[kind], method="POST", retry_after=7)
    with pytest.raises(RateLimitedError) as limited:
        live.broker.submit(resting(live))
    assert limited.value.retry_after_s == 7
    assert orders_at(live) == 0


def test_a_stale_list_of_open_orders_hides_an_order_that_a_look_up_finds(live: Stage) -> None:
    order = resting(live)
    live.broker.submit(order)
    live.venue.fault("stale_open_orders", r"/v2/orders$|OpenOrders$", method="", age_seconds=60)
    assert order.id not in {said.client_order_id for said in live.broker.state("").open_orders}
    assert live.state_of(order) is OrderState.WORKING


def test_a_late_history_tells_the_fill_once_it_shows_it(live: Stage) -> None:
    live.broker.submit(live.order("a"))
    live.venue.fault("late_history", r"activities$|TradesHistory$", age_seconds=60)
    first = live.broker.state("")
    assert not first.fills
    assert first.positions
    assert moved(live.broker.state(first.cursor)) == first.positions[live.symbol]


def test_a_call_costs_no_more_requests_than_the_profile_says(live: Stage) -> None:
    order = resting(live)
    calls: dict[VenueCall, Callable[[], object]] = {
        VenueCall.STATE: lambda: live.broker.state(""),
        VenueCall.SUBMIT: lambda: live.broker.submit(order),
        VenueCall.FIND: lambda: live.broker.find(order),
        VenueCall.CANCEL: lambda: live.broker.cancel(order),
    }
    live.broker.state("")
    for call, make in calls.items():
        before = live.calls()
        make()
        counted = rules(live).requests_of(call)
        assert live.calls() - before <= counted or (call, counted) == (VenueCall.SUBMIT, 0)
