"""Kraken's REST through ccxt's own class."""

from __future__ import annotations

from collections.abc import Iterator

import ccxt
import pytest

from tests.contract.venue_market import HOUR, OPEN, Venue, open_venue
from venue.scripted import ScriptedFeed, quote


@pytest.fixture
def venue() -> Iterator[Venue]:
    with open_venue() as found:
        yield found


def ms(seconds: float) -> int:
    return int(seconds * 1000)


def test_markets_carry_tick_lot_minimum_and_fees(venue: Venue) -> None:
    markets = venue.kraken.load_markets()
    assert sorted(markets) == ["BTC/USD", "ETH/USD", "SOL/USD"]
    btc = markets["BTC/USD"]
    assert (btc["id"], btc["precision"], btc["limits"]["amount"]["min"]) == (
        "XXBTZUSD",
        {"amount": 1e-08, "price": 0.1},
        5e-05,
    )
    assert (btc["maker"], btc["taker"], btc["active"]) == (0.0025, 0.004, True)
    assert (markets["ETH/USD"]["id"], markets["SOL/USD"]["id"]) == ("XETHZUSD", "SOLUSD")
    assert sorted(venue.kraken.currencies) == ["BTC", "ETH", "SOL", "USD"]


def test_time_and_status_are_the_venues(venue: Venue) -> None:
    assert venue.kraken.fetch_time() == ms(OPEN.timestamp())
    assert venue.kraken.fetch_status()["status"] == "ok"


def test_market_data(venue: Venue) -> None:
    ticker = venue.kraken.fetch_ticker("BTC/USD")
    assert (ticker["bid"], ticker["ask"], ticker["last"], ticker["askVolume"]) == (60000.0, 60010.0, 60005.0, 5.0)
    assert sorted(venue.kraken.fetch_tickers(["BTC/USD", "SOL/USD"])) == ["BTC/USD", "SOL/USD"]
    book = venue.kraken.fetch_order_book("ETH/USD")
    assert (book["bids"][0][:2], book["asks"][0][:2]) == ([3000.0, 5.0], [3010.0, 5.0])
    assert venue.kraken.fetch_trades("BTC/USD")[0]["price"] == 60005.0


def test_candles_are_the_finished_ones(venue: Venue) -> None:
    candles = venue.kraken.fetch_ohlcv("BTC/USD", "1d")
    assert len(candles) == 10
    assert candles[-1] == [ms(OPEN.replace(day=15, hour=0, minute=0).timestamp()), 59000, 61000, 58000, 60000, 123.5]
    since = candles[-3][0]
    assert [row[0] for row in venue.kraken.fetch_ohlcv("BTC/USD", "1d", since)] == [row[0] for row in candles[-3:]]


def test_market_order_fills_with_taker_fee(venue: Venue) -> None:
    order = venue.kraken.create_order("BTC/USD", "market", "buy", 0.1, None, {"clientOrderId": "c-abc"})
    assert order["symbol"] == "BTC/USD"
    found = venue.kraken.fetch_order(order["id"])
    assert (found["status"], found["filled"], found["average"], found["clientOrderId"]) == (
        "closed",
        0.1,
        60010.0,
        "c-abc",
    )
    assert (float(found["fee"]["cost"]), found["fee"]["currency"]) == (24.004, "USD")
    trades = venue.kraken.fetch_my_trades("BTC/USD")
    assert [(t["order"], t["amount"], t["price"], t["fee"]["cost"], t["takerOrMaker"]) for t in trades] == [
        (order["id"], 0.1, 60010.0, 24.004, "taker")
    ]
    balance = venue.kraken.fetch_balance()
    assert (balance["BTC"]["total"], balance["USD"]["total"]) == (0.1, pytest.approx(13974.996))
    traded = venue.kraken.fetch_order_trades(order["id"], None, None, None, {"trades": found["trades"]})
    assert [t["id"] for t in traded] == [trades[0]["id"]]


def test_limit_order_rests_holds_funds_and_is_cancelled_by_client_id(venue: Venue) -> None:
    order = venue.kraken.create_order("ETH/USD", "limit", "buy", 2, 2900, {"clientOrderId": "l-1"})
    assert venue.kraken.fetch_balance()["USD"]["used"] == pytest.approx(2 * 2900 * 1.004)
    (resting,) = venue.kraken.fetch_open_orders()
    assert (resting["id"], resting["price"], resting["remaining"], resting["type"]) == (
        order["id"],
        2900.0,
        2.0,
        "limit",
    )
    assert venue.kraken.fetch_open_orders(None, None, None, {"clientOrderId": "other"}) == []
    venue.kraken.cancel_order("", None, {"clientOrderId": "l-1"})
    assert venue.kraken.fetch_open_orders() == []
    (closed,) = venue.kraken.fetch_closed_orders(None, None, None, {"clientOrderId": "l-1"})
    assert (closed["status"], closed["filled"]) == ("canceled", 0.0)
    with pytest.raises(ccxt.OrderNotFound):
        venue.kraken.cancel_order(order["id"])


def test_client_order_id_is_unique_only_among_open_orders(venue: Venue) -> None:
    first = venue.kraken.create_order("ETH/USD", "limit", "buy", 1, 2900, {"clientOrderId": "same"})
    with pytest.raises(ccxt.ExchangeError):
        venue.kraken.create_order("ETH/USD", "limit", "buy", 1, 2900, {"clientOrderId": "same"})
    venue.kraken.cancel_order(first["id"])
    again = venue.kraken.create_order("ETH/USD", "market", "buy", 1, None, {"clientOrderId": "same"})
    assert again["id"] != first["id"]
    assert len(venue.kraken.fetch_closed_orders(None, None, None, {"clientOrderId": "same"})) == 2


def test_client_order_id_of_nineteen_characters_is_refused(venue: Venue) -> None:
    with pytest.raises(ccxt.ExchangeError, match="Invalid arguments:cl_ord_id"):
        venue.kraken.create_order("ETH/USD", "market", "buy", 1, None, {"clientOrderId": "x" * 19})
    venue.kraken.create_order("ETH/USD", "market", "buy", 1, None, {"clientOrderId": "x" * 18})


def test_stop_loss_triggers_and_take_profit_is_read_back(venue: Venue) -> None:
    venue.kraken.create_order("SOL/USD", "market", "buy", 4)
    stop = venue.kraken.create_order("SOL/USD", "market", "sell", 2, None, {"stopLossPrice": 140})
    take = venue.kraken.create_order("SOL/USD", "market", "sell", 2, None, {"takeProfitPrice": 151})
    assert venue.kraken.fetch_order(stop["id"])["stopLossPrice"] == 140.0
    assert venue.kraken.fetch_order(take["id"])["status"] == "closed"
    assert [o["id"] for o in venue.kraken.fetch_open_orders()] == [stop["id"]]
    venue.kraken.cancel_all_orders()
    assert venue.kraken.fetch_open_orders() == []


@pytest.mark.parametrize(
    ("order", "error"),
    [
        (("BTC/USD", "market", "buy", 1.0), ccxt.InsufficientFunds),
        (("BTC/USD", "market", "sell", 0.1), ccxt.InsufficientFunds),
        (("BTC/USD", "market", "buy", 0.00001), ccxt.InvalidOrder),
    ],
)
def test_refusals_become_ccxts_exceptions(
    venue: Venue, order: tuple[str, str, str, float], error: type[Exception]
) -> None:
    with pytest.raises(error):
        venue.kraken.create_order(*order)


def test_validate_checks_and_places_nothing(venue: Venue) -> None:
    venue.kraken.create_order("ETH/USD", "limit", "buy", 1, 2900, {"validate": "true"})
    assert venue.kraken.fetch_open_orders() == []


def test_nonce_must_grow_and_signature_must_be_there(venue: Venue) -> None:
    headers = {"API-Key": "k", "API-Sign": "s"}
    url = "/0/private/Balance"
    assert venue.http.post(url, data={"nonce": "5"}, headers=headers).json()["error"] == []
    assert venue.http.post(url, data={"nonce": "5"}, headers=headers).json() == {"error": ["EAPI:Invalid nonce"]}
    assert venue.http.post(url, data={"nonce": "6"}).json() == {"error": ["EAPI:Invalid key"]}
    assert venue.http.post(url, data={"nonce": "1"}, headers={**headers, "API-Key": "k2"}).json()["error"] == []


def test_immediate_or_cancel_leaves_nothing_resting(venue: Venue) -> None:
    order = venue.kraken.create_order("BTC/USD", "limit", "buy", 0.1, 60010, {"timeInForce": "IOC"})
    assert venue.kraken.fetch_order(order["id"])["status"] == "closed"
    order = venue.kraken.create_order("BTC/USD", "limit", "buy", 0.1, 50000, {"timeInForce": "IOC"})
    assert venue.kraken.fetch_order(order["id"])["status"] == "canceled"


def test_post_only_order_is_refused_when_it_would_take(venue: Venue) -> None:
    with pytest.raises(ccxt.ExchangeError, match="Post only"):
        venue.kraken.create_order("BTC/USD", "limit", "buy", 0.1, 60010, {"postOnly": True})


def test_resting_limit_pays_the_maker_fee(venue: Venue) -> None:
    order = venue.kraken.create_order("ETH/USD", "limit", "buy", 1, 3009, {"postOnly": True})
    feed = venue.exchange.feed
    assert isinstance(feed, ScriptedFeed)
    feed.say("ETH/USD", quote(OPEN + HOUR / 2, "3000", "3005", size="5"))
    venue.advance(OPEN + HOUR)
    found = venue.kraken.fetch_order(order["id"])
    assert (found["status"], found["average"], float(found["fee"]["cost"])) == ("closed", 3005.0, 7.5125)


def test_trading_fee_and_equity(venue: Venue) -> None:
    fee = venue.kraken.fetch_trading_fee("BTC/USD")
    assert (fee["maker"], fee["taker"]) == (0.0025, 0.004)
    assert venue.kraken.private_post_tradebalance()["result"]["eb"] == "20000.0000"
    assert venue.kraken.private_post_balance()["result"] == {"ZUSD": "20000.0000"}


def test_volume_may_be_given_in_usd(venue: Venue) -> None:
    order = venue.kraken.create_market_buy_order_with_cost("ETH/USD", 3010)
    assert venue.kraken.fetch_order(order["id"])["filled"] == 1.0


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"pair": "NOPE"}, "EQuery:Unknown asset pair"),
        ({"ordertype": "trailing-stop"}, "EGeneral:Invalid arguments:ordertype"),
        ({"type": "hold"}, "EGeneral:Invalid arguments:type"),
        ({"volume": "much"}, "EGeneral:Invalid arguments:volume"),
        ({"price": "low"}, "EGeneral:Invalid arguments:price"),
        ({"volume": "0.00001"}, "EOrder:Order minimum not met"),
    ],
)
def test_malformed_orders_are_refused_in_krakens_words(venue: Venue, form: dict[str, str], error: str) -> None:
    order = {"nonce": "1", "pair": "XBTUSD", "type": "buy", "ordertype": "limit", "price": "50000", "volume": "0.01"}
    headers = {"API-Key": "k", "API-Sign": "s"}
    answer = venue.http.post("/0/private/AddOrder", data={**order, **form}, headers=headers)
    assert answer.json() == {"error": [error]}


def test_unknown_ids_and_methods_are_refused(venue: Venue) -> None:
    headers = {"API-Key": "k", "API-Sign": "s"}
    for number, (method, form, error) in enumerate(
        [
            ("QueryOrders", {"txid": "O1"}, "EOrder:Invalid order"),
            ("QueryTrades", {"txid": "T1"}, "EQuery:Unknown trade"),
            ("CancelOrder", {"txid": "O1"}, "EOrder:Unknown order"),
            ("Nothing", {}, "EGeneral:Unknown method"),
        ]
    ):
        answer = venue.http.post(f"/0/private/{method}", data={**form, "nonce": str(number)}, headers=headers)
        assert answer.json() == {"error": [error]}
