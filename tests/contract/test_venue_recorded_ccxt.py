"""Answers that Kraken and Binance really gave parse through ccxt's classes, with their values kept.

What no unified method of ccxt reads is listed by kind with its reason; nothing is passed over in silence.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import ccxt
import pytest

from tests.contract.recorded import Answers, leaves, load, recorded_server

Call = Callable[[ccxt.Exchange], Any]
BTC, TETHER = "BTC/USD", "BTC/USDT"


def _candle(row: list[Any]) -> list[Any]:
    return [row[0] * 1000, row[1], row[2], row[3], row[4], row[6]]


def _market(market: dict[str, Any]) -> list[Any]:
    return [market["altname"], market["wsname"], market["ordermin"], 10 ** -market["pair_decimals"]]


def _ticker(ticker: dict[str, Any]) -> list[Any]:
    return [
        ticker["a"][0],
        ticker["b"][0],
        ticker["c"][0],
        ticker["v"][1],
        ticker["p"][1],
        ticker["h"][1],
        ticker["l"][1],
    ]


def _orders(orders: dict[str, Any]) -> list[Any]:
    return [[name, o["vol"], o["vol_exec"], o["descr"]["type"]] for name, o in orders.items()]


def _trades(trades: dict[str, Any]) -> list[Any]:
    return [[name, t["ordertxid"], t["price"], t["vol"], t["fee"], t["type"]] for name, t in trades.items()]


# (end of the recorded name, call, what of the answer must be found in what ccxt returns outside `info`)
KRAKEN: dict[str, tuple[Call, Callable[[Any], Any]]] = {
    "GetAssets": (lambda c: c.fetch_currencies(), lambda r: ["BTC", "EUR", "USD"]),
    "GetKlines": (lambda c: c.fetch_ohlcv(BTC), lambda r: [_candle(row) for row in r["XXBTZUSD"]]),
    "GetOrderBook": (lambda c: c.fetch_order_book(BTC), lambda r: r["XXBTZUSD"]),
    "GetOrderBookAsync": (lambda c: c.fetch_order_book(BTC), lambda r: r["XXBTZUSD"]),
    "GetSymbols": (lambda c: c.fetch_markets(), lambda r: [_market(m) for m in r.values()]),
    "GetSymbolsAsync": (lambda c: c.fetch_markets(), lambda r: [_market(m) for m in r.values()]),
    "GetSystemStatus": (lambda c: c.fetch_status(), lambda r: "ok"),
    "GetSystemStatusAsync": (lambda c: c.fetch_status(), lambda r: "ok"),
    "GetTicker": (lambda c: c.fetch_ticker(BTC), lambda r: _ticker(r["XXBTZUSD"])),
    "GetTickerAsync": (lambda c: c.fetch_ticker(BTC), lambda r: _ticker(r["XXBTZUSD"])),
    "GetTickersAsync": (lambda c: c.fetch_tickers([BTC]), lambda r: _ticker(r["XXBTZUSD"])),
    "GetTradeHistory": (lambda c: c.fetch_trades(BTC), lambda r: [row[:2] for row in r["XXBTZUSD"]]),
    "CancelAllOrders": (lambda c: c.cancel_all_orders(), lambda r: []),
    "CancelOrder": (lambda c: c.cancel_order("O"), lambda r: []),
    "GetOpenOrders": (lambda c: c.fetch_open_orders(), lambda r: _orders(r["open"])),
    "GetOpenOrdersAsync": (lambda c: c.fetch_open_orders(), lambda r: _orders(r["open"])),
    "GetClosedOrdersAsync": (lambda c: c.fetch_closed_orders(), lambda r: _orders(r["closed"])),
    "GetOrderAsync": (lambda c: c.fetch_orders_by_ids(["O"]), _orders),
    "GetUserTrades": (lambda c: c.fetch_my_trades(), lambda r: _trades(r["trades"])),
    "GetUserTradesAsync": (lambda c: c.fetch_my_trades(), lambda r: _trades(r["trades"])),
    "GetUserTradeDetails": (lambda c: c.fetch_order_trades("O", params={"trades": ["T"]}), _trades),
    "PlaceOrder": (lambda c: c.create_order(BTC, "limit", "buy", 1, 1), lambda r: r["txid"]),
    "PlaceOrderAsync": (lambda c: c.create_order(BTC, "limit", "buy", 1, 1), lambda r: r["txid"]),
    "GetTradeVolumeAsync": (lambda c: c.fetch_trading_fee(BTC), lambda r: [0.001, 0]),
    "CancelMultipleOrders": (lambda c: c.cancel_orders(["O"]), lambda r: []),
    "CancelAllOrdersAfter": (lambda c: c.cancel_all_orders_after(60000), lambda r: r),
    "EditOrder": (lambda c: c.edit_order("O", BTC, "limit", "buy", 1, 1), lambda r: r["txid"]),
}
RAW: dict[str, Call] = {
    "GetBalances": lambda c: c.private_post_balance(),
    "GetBalancesAsync": lambda c: c.private_post_balance(),
    "GetTradeBalance": lambda c: c.private_post_tradebalance(),
    "GetOpenPositionsAsync": lambda c: c.private_post_openpositions(),
    "GetLedgersEntryAsync": lambda c: c.private_post_queryledgers(),
    "GetApiKeyInfo": lambda c: c.private_post_getapikeyinfo(),
    "CancelWithdrawal": lambda c: c.private_post_withdrawcancel(),
    "GetDepositAddresses": lambda c: c.private_post_depositaddresses(),
    "GetDepositMethods": lambda c: c.private_post_depositmethods(),
    "GetWithdrawAddresses": lambda c: c.private_post_withdrawaddresses(),
    "GetWithdrawAddressesAsync": lambda c: c.private_post_withdrawaddresses(),
    "GetWithdrawInfo": lambda c: c.private_post_withdrawinfo(),
    "GetWithdrawInfoAsync": lambda c: c.private_post_withdrawinfo(),
    "Transfer": lambda c: c.private_post_wallettransfer(),
    "Withdraw": lambda c: c.private_post_withdraw(),
    "WithdrawAsync": lambda c: c.private_post_withdraw(),
    "AllocateEarnFunds": lambda c: c.private_post_earn_allocate(),
    "GetAllocationStatus": lambda c: c.private_post_earn_allocatestatus(),
    "GetStrategies": lambda c: c.private_post_earn_strategies(),
    "GetRecentSpread": lambda c: c.public_get_spread({"pair": "XXBTZUSD"}),
}
NOT_READ = {
    "Socket/": "a WebSocket dialogue; the desk uses REST",
    "Subscriptions/": "a WebSocket dialogue; the desk uses REST",
    "ws_": "a WebSocket message; the desk uses REST",
    "http_futures_": "Kraken Futures, another exchange with another class in ccxt",
    "http_cancel_order_futures": "Kraken Futures, another exchange with another class in ccxt",
    "http_send_order_futures": "Kraken Futures, another exchange with another class in ccxt",
}
NAUTILUS: dict[str, tuple[Call, Callable[[Any], Any]]] = {
    "http_add_order_spot.json": KRAKEN["PlaceOrder"],
    "http_asset_pairs.json": KRAKEN["GetSymbols"],
    "http_asset_pairs_tokenized.json": (lambda c: c.fetch_markets(), lambda r: [_market(m) for m in r.values()]),
    "http_cancel_order_spot.json": KRAKEN["CancelOrder"],
    "http_closed_orders.json": KRAKEN["GetClosedOrdersAsync"],
    "http_open_orders.json": KRAKEN["GetOpenOrders"],
    "http_order_book.json": (lambda c: c.fetch_order_book(TETHER), lambda r: r["XBTUSDT"]),
    "http_server_time.json": (lambda c: c.fetch_time(), lambda r: r["unixtime"] * 1000),
    "http_system_status.json": KRAKEN["GetSystemStatus"],
    "http_ticker.json": (lambda c: c.fetch_ticker(TETHER), lambda r: _ticker(r["XBTUSDT"])),
    "http_trades_history.json": KRAKEN["GetUserTrades"],
}
NAUTILUS_RAW: dict[str, Call] = {
    "http_spot_balance.json": RAW["GetBalances"],
    "http_spot_trade_balance.json": RAW["GetTradeBalance"],
    "http_spot_open_positions.json": RAW["GetOpenPositionsAsync"],
}


def _found(parsed: Any, wanted: Any) -> set[str]:
    """Return what was recorded and is not in what ccxt returned, `info` (the raw answer) left aside."""
    return {leaf for leaf in leaves(wanted) - leaves(parsed, frozenset({"info"})) if leaf != "0"}


def _reason(name: str) -> str | None:
    return next((reason for start, reason in NOT_READ.items() if name.startswith(start)), None)


@pytest.fixture(scope="module")
def answers() -> Iterator[Answers]:
    with recorded_server() as found:
        yield found


@pytest.fixture(scope="module")
def kraken(answers: Answers, data_root: Path) -> Iterator[ccxt.kraken]:
    """A client that knows the recorded pairs."""
    client = ccxt.kraken({"apiKey": "key", "secret": "c2VjcmV0", "enableRateLimit": False})
    client.urls["api"] = dict.fromkeys(client.urls["api"], answers.url)
    folder = data_root / "api" / "kraken"
    entries = load(folder / "endpoint_examples.json")
    (symbols,) = [e["response"]["result"] for e in entries if e["name"] == "Endpoints/Spot/ExchangeData/GetSymbols"]
    (assets,) = [e["response"] for e in entries if e["name"] == "Endpoints/Spot/ExchangeData/GetAssets"]
    tether = load(folder / "nautilus_examples.json")["http_asset_pairs.json"]["result"]
    pairs = {"error": [], "result": {**symbols, **tether}}
    answers.by_path = {
        "/0/public/AssetPairs": json.dumps(pairs).encode(),
        "/0/public/Assets": json.dumps(assets).encode(),
    }
    client.load_markets()
    answers.by_path = {}
    yield client
    client.close()


@pytest.fixture(scope="module")
def binance(answers: Answers) -> Iterator[ccxt.binance]:
    client = ccxt.binance({"enableRateLimit": False, "options": {"fetchMarkets": {"types": ["spot"]}}})
    client.urls["api"] = {name: answers.url + "/" + url.split("/", 3)[3] for name, url in client.urls["api"].items()}
    yield client
    client.close()


def test_kraken_examples_keep_their_values(answers: Answers, kraken: ccxt.kraken, data_root: Path) -> None:
    entries = load(data_root / "api" / "kraken" / "endpoint_examples.json")
    unread = set()
    for entry in entries:
        name, last = entry["name"], entry["name"].rsplit("/", 1)[-1]
        if _reason(name) is not None:
            continue
        answers.say(entry["response"])
        if last in KRAKEN:
            call, wanted = KRAKEN[last]
            assert _found(call(kraken), wanted(entry["response"]["result"])) == set(), name
        elif last in RAW:
            assert leaves(entry["response"]) == leaves(RAW[last](kraken)), name
        else:
            unread.add(name)
    assert unread == set()
    assert len(entries) == 56


def test_nautilus_examples_keep_their_values(answers: Answers, kraken: ccxt.kraken, data_root: Path) -> None:
    entries = load(data_root / "api" / "kraken" / "nautilus_examples.json")
    unread = set()
    for name, response in entries.items():
        answers.say(response)
        if name in NAUTILUS:
            call, wanted = NAUTILUS[name]
            assert _found(call(kraken), wanted(response["result"])) == set(), name
        elif name in NAUTILUS_RAW:
            assert leaves(response) == leaves(NAUTILUS_RAW[name](kraken)), name
        elif _reason(name) is None:
            unread.add(name)
    assert unread == set()


def test_recorded_candles_and_trades_of_kraken(answers: Answers, kraken: ccxt.kraken, data_root: Path) -> None:
    candles = load(data_root / "api" / "kraken" / "http_ohlc.json.gz")
    answers.say(candles)
    rows = [[float(value) for value in _candle(row)] for row in candles["result"]["XBTUSDT"]]
    assert kraken.fetch_ohlcv(TETHER, "1m", None, len(rows)) == rows
    trades = load(data_root / "api" / "kraken" / "http_trades.json.gz")
    answers.say(trades)
    parsed = kraken.fetch_trades(TETHER, None, 10_000)
    recorded = trades["result"]["XBTUSDT"]
    assert [(t["price"], t["amount"], t["id"]) for t in parsed[:-1]] == [
        (float(row[0]), float(row[1]), str(row[6])) for row in recorded[:-1]
    ]
    assert {t["side"] for t in parsed} == {"buy", "sell"}


def test_recorded_answers_of_binance_parse_as_ccxt_says(
    answers: Answers, binance: ccxt.binance, data_root: Path
) -> None:
    entries = load(data_root / "api" / "binance" / "ccxt_http_and_parsed.json.gz")
    markets = [e for e in entries if e["method"] == "fetch_markets"]
    spot = next(market for market in markets[0]["parsed_response"] if market["spot"])
    # The recording of markets has no BTC/USDT: its spot market under other names.
    binance.set_markets(
        [
            {**spot, "id": f"{base}USDT", "symbol": f"{base}/USDT", "base": base, "quote": "USDT"}
            for base in ("BTC", "ETH")
        ]
    )
    read = 0
    for entry in entries:
        if entry["method"] == "fetch_markets":
            continue
        answers.say(entry["http_response"])
        parsed = getattr(binance, entry["method"])(*entry["args"])
        skip = frozenset(entry["skip_keys"])
        different = _different(entry["parsed_response"], parsed, skip, entry["tolerance"])
        assert different == [], (entry["method"], different)
        read += 1
    assert read == 6


def _different(wanted: Any, found: Any, skip: frozenset[str], tolerance: dict[str, float], key: str = "") -> list[str]:
    """Return where two parsed answers differ, keys the recording does not know left aside."""
    if isinstance(wanted, dict) and isinstance(found, dict):
        shared = [name for name in wanted if name not in skip and name in found]
        return [d for name in shared for d in _different(wanted[name], found[name], skip, tolerance, name)]
    if isinstance(wanted, list) and isinstance(found, list):
        if len(wanted) > len(found):
            return [f"{key}: {len(found)} of {len(wanted)}"]
        return [d for w, f in zip(wanted, found, strict=False) for d in _different(w, f, skip, tolerance, key)]
    if isinstance(wanted, int | float) and isinstance(found, int | float):
        near = abs(wanted - found) <= tolerance.get(key, 1e-9) * max(1, abs(wanted))
        return [] if near else [f"{key}: {wanted} is {found}"]
    return [] if wanted == found or wanted is None else [f"{key}: {wanted!r} is {found!r}"]


def test_recorded_markets_of_binance(answers: Answers, binance: ccxt.binance, data_root: Path) -> None:
    (entry,) = [
        e
        for e in load(data_root / "api" / "binance" / "ccxt_http_and_parsed.json.gz")
        if e["method"] == "fetch_markets"
    ]
    recorded = entry["http_response"]["symbols"]
    assert all("contractType" in market for market in recorded)  # the file holds the coin-margined futures only
    answers.say(entry["http_response"])
    binance.options["fetchMarkets"] = {"types": ["inverse"]}
    parsed = {market["id"]: market for market in binance.fetch_markets()}
    assert set(parsed) == {market["symbol"] for market in recorded}
    wanted = {market["id"]: market for market in entry["parsed_response"] if market["id"] in parsed}
    for name, market in wanted.items():
        assert (parsed[name]["symbol"], parsed[name]["base"]) == (market["symbol"], market["base"])


def test_binance_examples_come_through_ccxts_requests(answers: Answers, data_root: Path) -> None:
    """Each recorded JSON answer of an endpoint that ccxt knows comes back through ccxt as it was recorded."""
    client = ccxt.binance({"apiKey": "key", "secret": "secret", "enableRateLimit": False})
    client.urls["api"] = {name: answers.url + "/" + url.split("/", 3)[3] for name, url in client.urls["api"].items()}
    read, unread = 0, {}
    for entry in load(data_root / "api" / "binance" / "endpoint_examples.json"):
        if "response" not in entry or not entry.get("path"):
            unread[entry["name"]] = "a WebSocket dialogue; the desk uses REST"
            continue
        _, family, version, path = entry["path"].split("/", 3)
        groups = [g for g, url in client.urls["api"].items() if url.endswith(f"/{family}/{version}")]
        answers.say(entry["response"])
        assert groups, entry["path"]
        group = "private" if entry["signed"] and "private" in groups else groups[0]
        assert leaves(client.request(path, [group], entry["method"])) == leaves(entry["response"]), entry["name"]
        read += 1
    client.close()
    assert (read, len(unread)) == (94, 15)
