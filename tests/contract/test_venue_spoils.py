"""What the local venue can be told to do wrong, and to stocks, seen through the desk's own adapters."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from orchestrator.domain.errors import BrokerError, OutcomeUnknownError
from orchestrator.domain.orders import Leg, OrderState, Side
from orchestrator.ports import TroubleKind
from tests.contract.broker_stage import Stage, alpaca_stage, kraken_stage
from venue.__main__ import accounts_of
from venue.orders import RefusedError

D = Decimal
STAGES = {"alpaca": alpaca_stage, "kraken": kraken_stage}


@pytest.fixture(params=STAGES)
def stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    with STAGES[request.param]() as found:
        yield found


@pytest.fixture
def stocks() -> Iterator[Stage]:
    with alpaca_stage() as found:
        yield found


def act(stage: Stage, **body: Any) -> int:
    return int(stage.venue.http.post("/venue/actions", json=body).status_code)


def test_an_unknown_state_is_a_trouble_of_that_order_alone(stage: Stage) -> None:
    for name in "ab":
        stage.broker.submit(stage.order(name, limit_price=stage.below("10")))
    stage.venue.fault("malformed", r"/v2/orders$|OpenOrders$", how="unknown_state")
    state = stage.broker.state("")
    (trouble,) = state.troubles
    assert trouble.kind is TroubleKind.ORDER
    assert "levitating" in trouble.raw
    assert {trouble.subject, *(said.client_order_id for said in state.open_orders)} == {
        stage.order(name).id for name in "ab"
    }
    assert not stage.broker.state("").troubles


@pytest.mark.parametrize("how", ["null", "text", "negative", "absurd", "missing"])
def test_a_position_that_cannot_be_read_is_absent_and_not_zero(stage: Stage, how: str) -> None:
    stage.broker.submit(stage.order("a"))
    row = 0 if rules(stage) == "alpaca" else 1
    stage.venue.fault("malformed", r"positions$|BalanceEx$", how=how, row=row)
    state = stage.broker.state("")
    assert stage.symbol not in state.positions
    assert [(one.kind, one.symbol) for one in state.troubles] == [(TroubleKind.POSITION, stage.symbol)]
    assert state.account.equity > state.account.cash


def rules(stage: Stage) -> str:
    return stage.broker.profile.name


def test_an_execution_that_cannot_be_read_is_told_as_soon_as_it_can(stage: Stage) -> None:
    stage.broker.submit(stage.order("a"))
    stage.venue.fault("malformed", r"activities$|TradesHistory$", how="negative")
    first = stage.broker.state("")
    assert not first.fills
    assert [one.kind for one in first.troubles] == [TroubleKind.FILL]
    second = stage.broker.state(first.cursor)
    assert sum(fill.qty for fill in second.fills) == stage.qty
    assert not stage.broker.state(second.cursor).fills


def test_an_answer_to_an_order_that_cannot_be_read_leaves_the_outcome_open_and_keeps_it(stage: Stage) -> None:
    field = "filled_qty" if rules(stage) == "alpaca" else "txid"
    stage.venue.fault("malformed", r"/v2/orders$|AddOrder$", method="POST", how="null", field=field)
    order = stage.order("a", limit_price=stage.below("10"))
    with pytest.raises(OutcomeUnknownError) as unknown:
        stage.broker.submit(order)
    assert "null" in unknown.value.raw
    assert stage.state_of(order) is OrderState.WORKING


def test_a_look_up_that_cannot_be_read_proves_nothing(stage: Stage) -> None:
    order = stage.order("a", limit_price=stage.below("10"))
    stage.broker.submit(order)
    stage.venue.fault("malformed", r"by_client_order_id$|OpenOrders$", how="unknown_state")
    with pytest.raises(BrokerError):
        stage.broker.find(order)


def test_an_account_whose_money_cannot_be_read_leaves_the_rest_known(stage: Stage) -> None:
    stage.broker.submit(stage.order("a"))
    usual = stage.broker.state("")
    stage.venue.fault(
        "malformed", "account$|BalanceEx$", how="null", field="cash" if rules(stage) == "alpaca" else "balance"
    )
    told = stage.broker.state("")
    assert told.account is None
    assert [trouble.kind for trouble in told.troubles if trouble.kind is TroubleKind.ACCOUNT] == [TroubleKind.ACCOUNT]
    assert (told.positions, told.fills, told.cursor) == (usual.positions, usual.fills, usual.cursor)


def test_rows_told_twice_count_once(stocks: Stage) -> None:
    stocks.broker.submit(stocks.order("a"))
    stocks.venue.fault("duplicate_rows", "activities$", times=2)
    first = stocks.broker.state("")
    assert sum(fill.qty for fill in first.fills) == stocks.qty
    assert not stocks.broker.state(first.cursor).fills


def test_a_stale_list_shows_an_order_that_was_cancelled_since(stage: Stage) -> None:
    order = stage.order("a", limit_price=stage.below("10"))
    stage.broker.submit(order)
    stage.venue.advance(stage.now() + timedelta(minutes=2))
    stage.broker.cancel(order)
    stage.venue.fault("stale_open_orders", r"/v2/orders$|OpenOrders$", age_seconds=60)
    listed = stage.venue.http.get("/v2/orders").json() if rules(stage) == "alpaca" else []
    told = {said["client_order_id"]: said["status"] for said in listed}
    assert told == ({order.id: "new"} if rules(stage) == "alpaca" else {})
    assert stage.state_of(order) is OrderState.CANCELLED


def test_a_split_scales_what_is_held_and_what_rests(stocks: Stage) -> None:
    stocks.broker.submit(stocks.order("a"))
    stocks.broker.submit(stocks.order("b", limit_price=stocks.below("10")))
    before = stocks.broker.state("")
    assert act(stocks, symbol="XLK", ratio="2") == 200
    state = stocks.broker.state(before.cursor)
    assert state.positions == {"XLK": D(20)}
    assert [(event.kind, event.symbol, event.qty) for event in state.cash_events] == [("SPLIT", "XLK", D(10))]
    (rests,) = [said for said in state.open_orders if not said.state.terminal]
    assert (rests.qty, rests.limit_price) == (D(20), D(45))
    assert state.prices["XLK"] == D(50)
    assert state.account.equity == pytest.approx(before.account.equity, abs=D("0.5"))


def test_a_reverse_split_pays_fractions_in_cash_and_cancels_what_rests(stocks: Stage) -> None:
    stocks.broker.submit(stocks.order("a", qty=D(15)))
    stocks.broker.submit(stocks.order("b", limit_price=stocks.below("10")))
    before = stocks.broker.state("")
    assert act(stocks, symbol="XLK", ratio="0.1") == 200
    state = stocks.broker.state(before.cursor)
    assert state.positions == {"XLK": D(1)}
    (event,) = state.cash_events
    assert (event.kind, event.qty, event.amount) == ("SPLIT", D(-14), D(500))
    assert stocks.state_of(stocks.order("b")) is OrderState.CANCELLED
    assert state.prices["XLK"] == D(1000)
    assert state.account.cash == before.account.cash + 500


def test_a_change_of_symbol_is_told_as_what_goes_and_what_comes(stocks: Stage) -> None:
    stocks.broker.submit(stocks.order("a"))
    stocks.broker.submit(stocks.order("b", limit_price=stocks.below("10")))
    before = stocks.broker.state("")
    assert act(stocks, symbol="XLK", becomes="TECH") == 200
    state = stocks.broker.state(before.cursor)
    assert state.positions == {"TECH": D(10)}
    assert [(e.kind, e.symbol, e.qty) for e in state.cash_events] == [("NC", "XLK", D(-10)), ("NC", "TECH", D(10))]
    assert stocks.state_of(stocks.order("b")) is OrderState.CANCELLED
    stocks.broker.submit(stocks.order("c", symbol="TECH", legs=(Leg(symbol="TECH", side=Side.BUY),)))
    with pytest.raises(BrokerError):
        stocks.broker.submit(stocks.order("d"))


def test_a_dividend_comes_in_cash(stocks: Stage) -> None:
    stocks.broker.submit(stocks.order("a"))
    before = stocks.broker.state("")
    assert act(stocks, symbol="XLK", cash="0.25") == 200
    (event,) = stocks.broker.state(before.cursor).cash_events
    assert (event.kind, event.amount) == ("DIV", D("2.50"))


@pytest.mark.parametrize(
    "body",
    [
        {"symbol": "NONE", "ratio": "2"},
        {"symbol": "XLK"},
        {"symbol": "XLK", "ratio": "0"},
        {"symbol": "XLK", "ratio": "2", "cash": "1"},
        {"symbol": "XLK", "becomes": "SPY"},
        {"symbol": "BTC/USD", "ratio": "2"},
        {"symbol": "XLK", "shout": 1},
    ],
)
def test_an_action_that_makes_no_sense_is_refused(stocks: Stage, body: dict[str, Any]) -> None:
    assert act(stocks, **body) == 422


def test_a_reset_takes_actions_and_profiles_back(stocks: Stage) -> None:
    act(stocks, symbol="XLK", becomes="TECH")
    stocks.venue.http.post("/venue/profiles", json={"account": "kraken", "profile": "gate"}).raise_for_status()
    stocks.venue.http.post("/venue/reset").raise_for_status()
    assert stocks.venue.http.get("/venue/profiles").json() == {"alpaca": "alpaca", "kraken": "kraken"}
    assert "XLK" in stocks.venue.exchange.assets


@pytest.mark.parametrize(
    ("account", "profile"), [("kraken", "alpaca"), ("alpaca", "gate"), ("kraken", "nobody"), ("nobody", "gate")]
)
def test_a_profile_that_an_account_cannot_have_is_refused(stocks: Stage, account: str, profile: str) -> None:
    body = {"account": account, "profile": profile}
    assert stocks.venue.http.post("/venue/profiles", json=body).status_code == 422
    with pytest.raises(RefusedError):
        accounts_of([f"{account}={profile}"])


def test_the_command_line_opens_an_account_under_other_rules() -> None:
    assert {spec.name: spec.rules.name for spec in accounts_of(["kraken=gate"])} == {
        "alpaca": "alpaca",
        "kraken": "gate",
    }


@pytest.mark.parametrize("body", [{"kind": "malformed", "how": "loudly"}, {"kind": "malformed", "rows": 1}])
def test_a_fault_that_is_not_understood_is_refused(stocks: Stage, body: dict[str, Any]) -> None:
    assert stocks.venue.http.post("/venue/faults", json=body).status_code == 422
