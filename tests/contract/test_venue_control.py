"""The venue's own endpoints, and the faults as the desk's clients meet them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import ccxt
import pytest
import requests
from alpaca.common.exceptions import APIError
from alpaca.data.requests import StockLatestQuoteRequest
from alpaca.trading.enums import OrderSide, OrderStatus, TimeInForce
from alpaca.trading.requests import MarketOrderRequest

from tests.contract.venue_market import CALL_640, HOUR, OPEN, Venue, open_venue
from venue.server import advance_by
from venue.web.control import Pace


@pytest.fixture
def venue() -> Iterator[Venue]:
    with open_venue() as found:
        yield found


def buy(qty: float, name: str) -> MarketOrderRequest:
    return MarketOrderRequest(
        symbol="SPY", qty=qty, side=OrderSide.BUY, time_in_force=TimeInForce.DAY, client_order_id=name
    )


def test_every_answer_says_what_market_it_is(venue: Venue) -> None:
    for path in ("/venue/clock", "/v2/clock", "/0/public/Time", "/api/v3/time", "/nowhere"):
        assert venue.http.get(path).headers["X-Venue"] == "scripted (synthetic)"
    clock = venue.http.get("/venue/clock").json()
    assert (clock["synthetic"], clock["name"], clock["speed"]) == (True, "scripted (synthetic)", 0.0)


def test_clock_moves_forward_only(venue: Venue) -> None:
    venue.advance(OPEN + HOUR)
    for read in (
        venue.trading.get_clock().timestamp,
        datetime.fromisoformat(venue.http.get("/venue/clock").json()["now"]),
    ):
        assert read == OPEN + HOUR
    assert venue.kraken.fetch_time() == int((OPEN + HOUR).timestamp() * 1000)
    back = venue.http.post("/venue/clock", json={"to": OPEN.isoformat()})
    assert back.status_code == 422
    assert "cannot go back" in back.json()["message"]
    assert venue.http.post("/venue/clock", json={"speed": -1}).status_code == 422
    assert venue.http.post("/venue/clock", json={"nonsense": 1}).status_code == 422


def test_schedule_lists_moments_with_their_kinds(venue: Venue) -> None:
    moments = venue.http.get("/venue/schedule", params={"from": OPEN.isoformat(), "to": (OPEN + 2 * HOUR).isoformat()})
    assert moments.json() == [
        {"time": "2026-07-16T13:30:00Z", "kinds": ["options", "stocks"]},
        {"time": "2026-07-16T14:30:00Z", "kinds": ["crypto", "stocks"]},
    ]


def test_ledger_tells_every_fill_and_cash_to_the_cent(venue: Venue) -> None:
    venue.trading.submit_order(buy(3, "l1"))
    venue.kraken.create_order("ETH/USD", "market", "buy", 1, None, {"clientOrderId": "l2"})
    ledger = venue.http.get("/venue/ledger").json()
    assert [(f["account"], f["client_order_id"], f["qty"], f["price"], f["fee"]) for f in ledger["fills"]] == [
        ("alpaca", "l1", "3", "640.1", "0"),
        ("kraken", "l2", "1", "3010", "12.04"),
    ]
    for name, start in (("alpaca", "80000.00"), ("kraken", "20000.00")):
        account = ledger["accounts"][name]
        moved = sum(Decimal(f["cash"]) for f in ledger["fills"] if f["account"] == name)
        assert account["cash_start"] == start
        assert Decimal(account["cash"]) == Decimal(start) + moved
    assert [o["client_order_id"] for o in ledger["orders"]] == ["l1", "l2"]


def test_reset_starts_the_replay_again_with_the_same_ids(venue: Venue) -> None:
    def play() -> Any:
        venue.trading.submit_order(buy(3, "r1"))
        venue.advance(OPEN + HOUR)
        venue.kraken.create_order("ETH/USD", "market", "buy", 1, None, {"clientOrderId": "r2"})
        return venue.http.get("/venue/ledger").json()["fills"]

    first = play()
    assert venue.http.post("/venue/reset").json()["now"] == "2026-07-16T13:30:00Z"
    assert venue.trading.get_account().cash == "80000.00"
    assert play() == first


def test_real_time_pace_moves_the_market_to_its_end(venue: Venue) -> None:
    pace = Pace(speed=60.0, start=OPEN, end=OPEN + timedelta(minutes=2))
    advance_by(venue.exchange, pace, 1.0)
    assert venue.exchange.now == OPEN + timedelta(minutes=1)
    advance_by(venue.exchange, pace, 100.0)
    assert (venue.exchange.now, pace.speed) == (OPEN + timedelta(minutes=2), 0.0)


def test_speed_moves_the_clock_in_the_background(venue: Venue) -> None:
    venue.http.post("/venue/clock", json={"speed": 1000})
    asked = 0
    while venue.http.get("/v2/clock").json()["timestamp"] == "2026-07-16T13:30:00Z":
        asked += 1
        assert asked < 20_000
    assert venue.exchange.now > OPEN


def test_429_says_when_to_come_back(venue: Venue) -> None:
    venue.fault("http_429", "^/v2/account$", retry_after=7)
    answer = venue.http.get("/v2/account")
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "7")
    assert venue.http.get("/v2/account").status_code == 200
    venue.fault("http_429", "/0/private/")
    with pytest.raises(ccxt.DDoSProtection):
        venue.kraken.fetch_balance()


def test_5xx_reaches_both_clients(venue: Venue) -> None:
    venue.kraken.load_markets()
    venue.fault("http_5xx", "/v2/orders", method="POST")
    with pytest.raises(APIError) as broken:
        venue.trading.submit_order(buy(1, "x"))
    assert broken.value.status_code == 503
    venue.fault("http_5xx", "/0/private/AddOrder")
    with pytest.raises(ccxt.ExchangeNotAvailable):
        venue.kraken.create_order("ETH/USD", "market", "buy", 1)
    assert venue.http.get("/venue/ledger").json()["orders"] == []


@pytest.mark.parametrize(("kind", "accepted"), [("timeout_before", 0), ("timeout_after", 1)])
def test_lost_answer_before_and_after_acceptance(venue: Venue, kind: str, accepted: int) -> None:
    venue.fault(kind, "/v2/orders", method="POST")
    with pytest.raises(requests.ConnectionError):
        venue.trading.submit_order(buy(1, "lost"))
    assert len(venue.http.get("/venue/ledger").json()["fills"]) == accepted
    venue.kraken.load_markets()
    venue.fault(kind, "/0/private/AddOrder")
    with pytest.raises(ccxt.NetworkError):
        venue.kraken.create_order("ETH/USD", "market", "buy", 1, None, {"clientOrderId": "lost"})
    assert len(venue.kraken.fetch_my_trades()) == accepted


def test_a_held_connection_runs_into_the_clients_own_timeout(venue: Venue) -> None:
    venue.fault("timeout_before", "/v2/clock", hold_seconds=2)
    with pytest.raises(requests.Timeout):
        requests.get(f"{venue.url}/v2/clock", timeout=0.05)


def test_partial_fill_leaves_the_rest_for_later(venue: Venue) -> None:
    venue.fault("partial_fill", "/v2/orders", match={"method": "POST", "path": "/v2/orders", "client_order_id": "p1"})
    venue.trading.submit_order(buy(1, "other"))
    venue.trading.submit_order(buy(10, "p1"))
    order = venue.trading.get_order_by_client_id("p1")
    assert (order.status, order.filled_qty) == (OrderStatus.PARTIALLY_FILLED, "5")
    venue.advance(OPEN + HOUR)
    assert venue.trading.get_order_by_client_id("p1").filled_qty == "10"


def test_late_fill_waits_for_the_next_moment(venue: Venue) -> None:
    venue.fault("late_fill", "/v2/orders")
    venue.trading.submit_order(buy(1, "late"))
    assert venue.trading.get_order_by_client_id("late").status == OrderStatus.NEW
    venue.advance(OPEN + HOUR)
    assert venue.trading.get_order_by_client_id("late").filled_avg_price == "642.1"


def test_duplicate_refusal_hides_an_accepted_order(venue: Venue) -> None:
    venue.fault("duplicate_refused", "/v2/orders", method="POST")
    with pytest.raises(APIError, match="must be unique"):
        venue.trading.submit_order(buy(1, "twice"))
    assert venue.trading.get_order_by_client_id("twice").status == OrderStatus.FILLED


def test_stale_and_one_sided_quotes(venue: Venue) -> None:
    request = StockLatestQuoteRequest(symbol_or_symbols="SPY")
    venue.fault("stale_quote", "/quotes/latest", age_seconds=600)
    assert venue.stocks.get_stock_latest_quote(request)["SPY"].timestamp == OPEN - timedelta(minutes=10)
    venue.fault("one_sided_quote", "/quotes/latest", side="ask")
    quote = venue.stocks.get_stock_latest_quote(request)["SPY"]
    assert (quote.bid_price, quote.ask_price) == (639.9, 0.0)
    venue.fault("one_sided_quote", "/0/public/Depth")
    assert venue.kraken.fetch_order_book("BTC/USD")["bids"] == []
    assert venue.stocks.get_stock_latest_quote(request)["SPY"].timestamp == OPEN


def test_faults_are_listed_counted_and_removed(venue: Venue) -> None:
    venue.fault("http_5xx", "/v2/clock", times=2)
    venue.http.get("/v2/clock")
    (fault,) = venue.http.get("/venue/faults").json()
    assert (fault["times"], fault["hits"]) == (1, 1)
    assert venue.http.delete("/venue/faults").status_code == 204
    assert venue.http.get("/v2/clock").status_code == 200
    assert venue.http.post("/venue/faults", json={"kind": "nonsense"}).status_code == 422
    assert venue.http.post("/venue/faults", json={"kind": "late_fill", "colour": 1}).status_code == 422


def test_halted_symbol_rests_its_orders_and_its_options(venue: Venue) -> None:
    assert venue.http.post("/venue/halts", json={"symbol": "SPY"}).json() == ["SPY"]
    venue.trading.submit_order(buy(1, "h1"))
    venue.trading.submit_order(buy(1, "h2").model_copy(update={"symbol": CALL_640}))
    venue.advance(OPEN + HOUR)
    waiting = {name: venue.trading.get_order_by_client_id(name).filled_qty for name in ("h1", "h2")}
    assert waiting == {"h1": "0", "h2": "0"}
    assert venue.http.post("/venue/halts", json={"symbol": "SPY", "halted": False}).json() == []
    venue.advance(OPEN + 2 * HOUR)
    assert venue.trading.get_order_by_client_id("h1").filled_avg_price == "642.1"
    assert venue.http.post("/venue/halts", json={"symbol": "NOPE"}).status_code == 422


def test_clock_skew_puts_the_told_time_wrong_and_nothing_else(venue: Venue) -> None:
    for path in ("/v2/clock", "/0/public/Time", "/api/v3/time"):
        venue.fault("clock_skew", path, skew_seconds=90)
    wrong = OPEN + timedelta(seconds=90)
    assert venue.trading.get_clock().timestamp == wrong
    assert venue.kraken.fetch_time() == venue.binance.fetch_time() == int(wrong.timestamp() * 1000)
    assert venue.trading.get_clock().timestamp == OPEN


def test_capital_moves_by_the_owners_hand(venue: Venue) -> None:
    def transfer(usd: str) -> int:
        return venue.http.post("/venue/transfers", json={"account": "alpaca", "usd": usd}).status_code

    assert (transfer("2500"), transfer("-500")) == (200, 200)
    ledger = venue.http.get("/venue/ledger").json()
    assert [(one["activity_type"], one["net_amount"]) for one in ledger["activities"]] == [
        ("CSD", "2500"),
        ("CSW", "-500"),
    ]
    assert Decimal(ledger["accounts"]["alpaca"]["cash"]) == 82_000
    assert [transfer(usd) for usd in ("0", "-82000.01", "lots")] == [422, 422, 422]
