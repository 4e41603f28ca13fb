"""What Kraken alone demands, and what it costs: ids among open orders only, nonces, grids, calls."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from orchestrator.adapters.ccxt.client import kraken_client
from orchestrator.adapters.ccxt.transfers import cash_events, that_move_usd
from orchestrator.domain.errors import BrokerUnavailableError, OrderRefusedError, OutcomeUnknownError
from orchestrator.domain.orders import Leg, OrderState, Side, TimeInForce
from orchestrator.ports import TroubleKind
from tests.contract.broker_stage import SECRET, Stage, kraken_stage

D = Decimal


@pytest.fixture
def stage() -> Iterator[Stage]:
    with kraken_stage() as found:
        yield found


def test_an_id_is_free_again_once_its_order_ended_so_the_desk_must_look_first(stage: Stage) -> None:
    order = stage.order("a")
    stage.broker.submit(order)
    assert stage.state_of(order) is OrderState.FILLED
    stage.broker.submit(order)
    assert stage.broker.state("").positions == {stage.symbol: 2 * stage.qty}


def test_an_id_in_use_gives_the_order_it_belongs_to(stage: Stage) -> None:
    order = stage.order("a", limit_price=stage.below("10"))
    first = stage.broker.submit(order)
    assert stage.broker.submit(order).broker_order_id == first.broker_order_id


def test_price_and_quantity_are_put_on_the_grid_in_our_favour(stage: Stage) -> None:
    order = stage.order("a", qty=D("0.0123456789"), limit_price=D("54321.19"))
    stage.broker.submit(order)
    kept = stage.venue.http.get("/venue/ledger").json()["orders"][0]
    assert (kept["qty"], kept["limit_price"]) == ("0.01234567", "54321.1")


def test_less_than_the_least_is_refused_without_a_call(stage: Stage) -> None:
    stage.broker.state("")
    before = stage.calls()
    with pytest.raises(OrderRefusedError):
        stage.broker.submit(stage.order("a", qty=D("0.00001")))
    assert stage.calls() == before


def test_an_order_for_several_legs_is_refused_without_a_call(stage: Stage) -> None:
    stage.broker.state("")
    before = stage.calls()
    legs = (Leg(symbol="BTC/USD", side=Side.BUY), Leg(symbol="ETH/USD", side=Side.SELL))
    with pytest.raises(OrderRefusedError):
        stage.broker.submit(stage.order("a", legs=legs))
    assert stage.calls() == before


def test_an_immediate_order_that_cannot_trade_is_cancelled(stage: Stage) -> None:
    order = stage.order("a", limit_price=stage.below("10"), time_in_force=TimeInForce.IOC)
    stage.broker.submit(order)
    assert stage.state_of(order) is OrderState.CANCELLED
    ended = {one.client_order_id: one.state for one in stage.broker.state("").open_orders}
    assert ended[order.id] is OrderState.CANCELLED


def test_equity_counts_coins_at_the_last_price(stage: Stage) -> None:
    stage.broker.submit(stage.order("a"))
    account = stage.broker.state("").account
    last = D(60005)
    assert account.equity == account.cash + stage.qty * last


def test_a_resting_purchase_takes_buying_power_not_cash(stage: Stage) -> None:
    stage.broker.submit(stage.order("a", limit_price=stage.below("10")))
    account = stage.broker.state("").account
    assert account.cash == 20_000
    assert account.buying_power <= 20_000 - stage.qty * stage.below("10")


def test_fees_are_in_the_fill(stage: Stage) -> None:
    stage.broker.submit(stage.order("a"))
    (fill,) = stage.broker.state("").fills
    assert fill.fee == (fill.qty * fill.price * D("0.004")).quantize(D("0.0001"))


def test_an_error_of_the_venue_while_sending_leaves_the_outcome_open(stage: Stage) -> None:
    stage.venue.fault("http_5xx", "AddOrder$", method="POST")
    with pytest.raises(OutcomeUnknownError):
        stage.broker.submit(stage.order("a"))


def test_an_order_that_met_a_closed_door_was_certainly_not_sent() -> None:
    client = kraken_client("key", SECRET, base_url="http://127.0.0.1:1", sleep=lambda _: None)
    client.exchange.markets = {"known": {}}
    with contextlib.closing(client), pytest.raises(BrokerUnavailableError):
        client.send("submit", lambda exchange: exchange.privatePostAddOrder({}))


def test_a_nonce_that_is_too_small_means_the_order_was_not_looked_at(stage: Stage) -> None:
    stage.broker.state("")
    other = kraken_client("key", SECRET, base_url=stage.venue.url, sleep=lambda _: None)
    other.exchange.nonce = lambda: 9 * 10**18
    with contextlib.closing(other):
        other.read("BalanceEx", lambda exchange: exchange.privatePostBalanceEx())
    with pytest.raises(BrokerUnavailableError, match="another process"):
        stage.broker.submit(stage.order("a"))
    assert not stage.venue.http.get("/venue/ledger").json()["orders"]


def test_reading_is_tried_again_and_gives_up(stage: Stage) -> None:
    stage.venue.fault("http_5xx", "BalanceEx$", times=2)
    stage.broker.state("")
    stage.venue.fault("http_5xx", "BalanceEx$", times=3)
    with pytest.raises(BrokerUnavailableError):
        stage.broker.state("")


def test_calls_from_threads_never_overtake_each_other(stage: Stage) -> None:
    with ThreadPoolExecutor(8) as pool:
        states = list(pool.map(lambda _: stage.broker.state(""), range(8)))
    assert len({state.cursor for state in states}) == 1


def test_an_idle_state_costs_five_calls_and_coins_one_more(stage: Stage) -> None:
    cursor = stage.broker.state("").cursor
    before = stage.calls()
    stage.broker.state(cursor)
    assert stage.calls() - before == 5
    stage.broker.submit(stage.order("a"))
    before = stage.calls()
    stage.broker.state(cursor)
    assert stage.calls() - before == 6


def test_more_trades_than_a_page_are_all_told(stage: Stage) -> None:
    for n in range(30):
        stage.broker.submit(stage.order(f"b{n}", qty=D("0.001")))
        stage.broker.submit(stage.order(f"s{n}", Side.SELL, qty=D("0.001")))
    state = stage.broker.state("")
    assert len(state.fills) == 60
    assert not stage.broker.state(state.cursor).fills


def test_dollars_that_come_and_go_are_told_once(stage: Stage) -> None:
    before = stage.broker.state("")
    transfer(stage, "5000")
    transfer(stage, "-1200.50")
    after = stage.broker.state(before.cursor)
    assert sorted((event.kind, event.amount) for event in after.cash_events) == [
        ("CSD", D(5000)),
        ("CSW", D("-1200.50")),
    ]
    assert before.account is not None
    assert after.account is not None
    assert after.account.cash - before.account.cash == D("3799.50")
    assert not stage.broker.state(after.cursor).cash_events


def test_a_movement_that_cannot_be_read_is_told_when_it_can(stage: Stage) -> None:
    before = stage.broker.state("")
    transfer(stage, "5000")
    stage.venue.fault("malformed", "Ledgers$", how="null", field="amount")
    after = stage.broker.state(before.cursor)
    assert not after.cash_events
    assert [trouble.kind for trouble in after.troubles] == [TroubleKind.ACTIVITY]
    assert [event.amount for event in stage.broker.state(after.cursor).cash_events] == [D(5000)]


def transfer(stage: Stage, usd: str) -> None:
    stage.venue.http.post("/venue/transfers", json={"account": "kraken", "usd": usd}).raise_for_status()


def test_the_fee_of_a_withdrawal_is_part_of_it_and_coins_and_trades_are_none() -> None:
    entries = {
        "L1": {"time": 100.0, "type": "withdrawal", "asset": "ZUSD", "amount": "-100.00", "fee": "4.00"},
        "L2": {"time": 100.0, "type": "deposit", "asset": "XXBT", "amount": "1.0", "fee": "0"},
        "L3": {"time": 100.0, "type": "trade", "asset": "ZUSD", "amount": "-50.00", "fee": "0.1"},
    }
    kept = that_move_usd(entries, {"ZUSD": "USD", "XXBT": "BTC"}.__getitem__)
    events, troubles = cash_events(kept, datetime(2026, 7, 16, tzinfo=UTC))
    assert [(event.id, event.kind, event.amount) for event in events] == [("L1", "CSW", D(-104))]
    assert not troubles
