"""What the venue refuses, what collateral it asks for, and what it charges."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from venue.exchange import Exchange
from venue.feed import AssetKind, ContractQuote
from venue.fees import FeeSchedule
from venue.hours import Hours
from venue.ids import kraken_id, uuid_of
from venue.margin import requirement
from venue.occ import Contract, parse, spell
from venue.orders import (
    ExitRequest,
    Intent,
    LegRequest,
    OrderClass,
    OrderRequest,
    OrderType,
    Refusal,
    RefusedError,
    Side,
    TimeInForce,
)
from venue.scripted import ScriptedFeed, chain, pair, quote, stock

D = Decimal
T0 = datetime(2026, 7, 16, 13, 30, tzinfo=UTC)
EXPIRY = date(2026, 8, 21)


def option(right: str, strike: int, expiry: date = EXPIRY) -> Contract:
    found = parse(spell("SPY", expiry, right, D(strike)))
    assert found is not None
    return found


def exchange() -> Exchange:
    listed = {
        "SPY": stock("SPY"),
        "QQQ": stock("QQQ", lot="0.001"),
        "ETH/USD": pair("ETH/USD", "0.01", "0.00000001", "0.001"),
    }
    feed = ScriptedFeed(T0, listed)
    for symbol in ("SPY", "QQQ"):
        feed.say(symbol, quote(T0, "639.99", "640.01"))
    feed.say("ETH/USD", quote(T0, "3000", "3001"))
    quotes = [
        ContractQuote(
            spell("SPY", EXPIRY, right, D(strike)), EXPIRY, right, D(strike), D(2), D("2.1"), D(9), D(9), D(2), 1, 1
        )
        for right in "CP"
        for strike in (500, 630, 640, 650)
    ]
    feed.chains["SPY"] = [chain(T0, "SPY", "640", quotes)]
    return Exchange(feed)


def ask(symbol: str = "SPY", side: Side | None = Side.BUY, qty: str = "1", **more: Any) -> OrderRequest:
    kind, tif = more.pop("type", OrderType.MARKET), more.pop("tif", TimeInForce.DAY)
    return OrderRequest(symbol, side, D(qty), kind, tif, **more)


LIMIT, STOP = OrderType.LIMIT, OrderType.STOP
CALL = spell("SPY", EXPIRY, "C", D(640))
PUT = spell("SPY", EXPIRY, "P", D(630))


@pytest.mark.parametrize(
    ("request_", "refusal", "words"),
    [
        (ask(qty="0"), Refusal.BAD_REQUEST, "qty must be > 0"),
        (ask(qty="0.5"), Refusal.BAD_REQUEST, "not fractionable"),
        (ask("QQQ", qty="0.0001"), Refusal.BAD_REQUEST, "not fractionable"),
        (ask("QQQ", qty="1.5", tif=TimeInForce.GTC), Refusal.BAD_REQUEST, "fractional orders"),
        (ask(type=LIMIT), Refusal.BAD_REQUEST, "limit price"),
        (ask(type=STOP), Refusal.BAD_REQUEST, "stop price"),
        (ask(type=LIMIT, limit=D(-1)), Refusal.BAD_REQUEST, "prices must be > 0"),
        (ask(type=LIMIT, limit=D("1.005")), Refusal.BAD_REQUEST, "sub-penny"),
        (ask(order_class=OrderClass.BRACKET), Refusal.BAD_REQUEST, "bracket orders require"),
        (ask(order_class=OrderClass.OTO), Refusal.BAD_REQUEST, "oto orders require"),
        (
            ask(
                order_class=OrderClass.BRACKET,
                take_profit=ExitRequest(limit=D(600)),
                stop_loss=ExitRequest(stop=D(650)),
            ),
            Refusal.BAD_REQUEST,
            "beyond",
        ),
        (
            ask(
                order_class=OrderClass.BRACKET,
                tif=TimeInForce.IOC,
                take_profit=ExitRequest(limit=D(700)),
                stop_loss=ExitRequest(stop=D(600)),
            ),
            Refusal.BAD_REQUEST,
            "DAY or GTC",
        ),
        (ask("ETH/USD"), Refusal.UNKNOWN_SYMBOL, "not found"),
        (ask(side=Side.SELL), Refusal.INSUFFICIENT_QTY, "insufficient qty"),
        (ask(qty="200"), Refusal.INSUFFICIENT_FUNDS, "buying power"),
        (ask(CALL, Side.SELL), Refusal.NOT_ALLOWED, "uncovered"),
        (ask(CALL, Side.BUY, intent=Intent.BUY_TO_CLOSE), Refusal.BAD_REQUEST, "intent mismatch"),
        (ask(CALL, tif=TimeInForce.GTC), Refusal.BAD_REQUEST, "time_in_force"),
        (ask(CALL, type=STOP, stop=D(1)), Refusal.BAD_REQUEST, "market or limit"),
        (ask(CALL, qty="400"), Refusal.INSUFFICIENT_FUNDS, "buying power"),
        (ask(PUT, Side.SELL, qty="2"), Refusal.INSUFFICIENT_FUNDS, "buying power"),
        (ask(client_order_id="x" * 129), Refusal.BAD_REQUEST, "128"),
    ],
)
def test_alpaca_refuses(request_: OrderRequest, refusal: Refusal, words: str) -> None:
    market = exchange()
    with pytest.raises(RefusedError, match=words) as refused:
        market.submit(market.accounts["alpaca"], request_)
    assert refused.value.refusal is refusal
    assert market.orders == {}


def mleg(*legs: tuple[str, Side, str], **more: Any) -> OrderRequest:
    return ask(
        "",
        None,
        order_class=OrderClass.MLEG,
        type=LIMIT,
        limit=D(1),
        legs=[LegRequest(symbol, side, D(ratio)) for symbol, side, ratio in legs],
        **more,
    )


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        (mleg((CALL, Side.BUY, "1")), "2 to 4 legs"),
        (mleg((CALL, Side.BUY, "1"), (CALL, Side.SELL, "1")), "unique symbols"),
        (mleg((CALL, Side.BUY, "1"), ("SPY", Side.SELL, "1")), "option contracts"),
        (mleg((CALL, Side.BUY, "1"), (PUT, Side.BUY, "0.5")), "whole number"),
        (mleg((CALL, Side.BUY, "1"), (PUT, Side.BUY, "0")), "ratio_qty"),
        (mleg((CALL, Side.BUY, "1"), (spell("SPY", EXPIRY, "C", D(650)), Side.SELL, "2")), "uncovered"),
    ],
)
def test_multi_leg_orders_are_checked_as_one(request_: OrderRequest, words: str) -> None:
    market = exchange()
    with pytest.raises(RefusedError, match=words):
        market.submit(market.accounts["alpaca"], request_)


def test_collateral_is_not_promised_twice() -> None:
    market = exchange()
    account = market.accounts["alpaca"]
    put = ask(PUT, Side.SELL, type=LIMIT, limit=D(3))
    market.submit(account, put)
    with pytest.raises(RefusedError, match="buying power"):
        market.submit(account, put)


def test_shares_on_sale_do_not_cover_a_call() -> None:
    market = exchange()
    account = market.accounts["alpaca"]
    market.submit(account, ask(qty="100"))
    market.submit(account, ask(side=Side.SELL, qty="50", type=LIMIT, limit=D(700)))
    with pytest.raises(RefusedError, match="uncovered"):
        market.submit(account, ask(CALL, Side.SELL))


def test_options_market_orders_wait_for_no_open() -> None:
    market = exchange()
    market.advance(T0 + timedelta(hours=8))
    with pytest.raises(RefusedError, match="market hours"):
        market.submit(market.accounts["alpaca"], ask(CALL))


def test_kraken_minimum_tick_and_pairs() -> None:
    market = exchange()
    kraken = market.accounts["kraken"]
    for request_, refusal in (
        (ask("ETH/USD", qty="0.0001", tif=TimeInForce.GTC), Refusal.BELOW_MINIMUM),
        (ask("ETH/USD", type=LIMIT, limit=D("3000.001"), tif=TimeInForce.GTC), Refusal.BAD_REQUEST),
        (ask("SPY"), Refusal.UNKNOWN_SYMBOL),
    ):
        with pytest.raises(RefusedError) as refused:
            market.submit(kraken, request_)
        assert refused.value.refusal is refusal


@pytest.mark.parametrize(
    ("legs", "shares", "needed"),
    [
        ([("P", 630, -1)], 0, D(63000)),
        ([("P", 630, -1), ("P", 625, 1)], 0, D(500)),
        ([("C", 640, 1), ("C", 645, -1)], 0, D(0)),
        ([("C", 640, -1), ("C", 645, 1)], 0, D(500)),
        ([("C", 640, -1), ("C", 645, 1), ("P", 630, -1), ("P", 625, 1)], 0, D(500)),
        ([("C", 645, -1)], 100, D(0)),
        ([("C", 645, -1)], 99, None),
        ([("C", 640, 2), ("C", 645, -2)], 0, D(0)),
        ([("P", 630, 1)], 0, D(0)),
    ],
)
def test_collateral_is_the_worst_loss_at_expiry(
    legs: list[tuple[str, int, int]], shares: int, needed: D | None
) -> None:
    held = [(option(right, strike), D(qty)) for right, strike, qty in legs]
    assert requirement(held, {"SPY": D(shares)}) == needed


def test_long_contract_that_dies_first_protects_nothing() -> None:
    early = option("P", 625, date(2026, 7, 17))
    assert requirement([(option("P", 630), D(-1)), (early, D(1))], {}) == D(63000)
    late = option("P", 625, date(2026, 12, 18))
    assert requirement([(option("P", 630), D(-1)), (late, D(1))], {}) == D(500)


def test_fees_are_the_published_ones() -> None:
    fees = FeeSchedule()
    assert fees.fee(AssetKind.STOCK, Side.BUY, D(100), D(640)) == 0
    assert fees.fee(AssetKind.STOCK, Side.SELL, D(100), D(640)) == D("1.80")
    assert fees.fee(AssetKind.OPTION, Side.BUY, D(1), D(2)) == D("0.05")
    assert fees.fee(AssetKind.OPTION, Side.SELL, D(10), D(2)) == D("0.50")
    assert fees.fee(AssetKind.CRYPTO, Side.BUY, D("0.1"), D(60000)) == D("24.0000")
    assert fees.fee(AssetKind.CRYPTO, Side.SELL, D("0.1"), D(60000), maker=True) == D("15.0000")


def test_occ_symbols_are_read_and_written() -> None:
    found = parse("AAPL140621C00092140")
    assert found is not None
    assert (found.underlying, found.expiry, found.right, found.strike) == ("AAPL", date(2014, 6, 21), "C", D("92.14"))
    assert spell("AAPL", date(2014, 6, 21), "C", D("92.142857")) == "AAPL140621C00092143"
    assert parse("SPY") is None
    assert parse("SPY261399C00092140") is None


def test_ids_are_in_each_venues_form() -> None:
    assert uuid_of("a", 1) == uuid_of("a", 1) != uuid_of("a", 2)
    first, second, third = kraken_id("O", "x").split("-")
    assert (first[0], len(first), len(second), len(third)) == ("O", 6, 5, 6)


def test_hours_know_weekends_and_the_next_open() -> None:
    hours = Hours(ScriptedFeed(T0, holidays=frozenset({date(2026, 7, 20)})))
    friday_evening = datetime(2026, 7, 17, 21, tzinfo=UTC)
    following = hours.next_open(friday_evening)
    assert following is not None
    assert following.day == date(2026, 7, 21)
    assert hours.current(friday_evening) is None
    new_year = hours.following(datetime(2026, 12, 31, 22, tzinfo=UTC))
    assert new_year is not None
    assert new_year.day == date(2027, 1, 1)


def package(qty: str, *legs: tuple[str, Side], **more: Any) -> OrderRequest:
    wanted = [LegRequest(symbol, side, D(1)) for symbol, side in legs]
    return ask("", None, qty=qty, order_class=OrderClass.MLEG, legs=wanted, **more)


FAR = spell("SPY", EXPIRY, "C", D(650))


def test_market_package_is_costed_at_the_touch_and_cut_by_the_size() -> None:
    market = exchange()
    account = market.accounts["alpaca"]
    order = market.submit(account, package("20", (CALL, Side.BUY), (FAR, Side.BUY)))
    assert (order.filled_qty, order.avg_price, [leg.filled_qty for leg in order.legs]) == (D(9), D("4.2"), [D(9)] * 2)
    with pytest.raises(RefusedError, match="buying power"):
        market.submit(account, package("200", (CALL, Side.BUY), (FAR, Side.BUY)))


def test_package_whose_leg_has_no_quote_on_its_side_is_refused_at_the_market_and_rests_at_a_limit() -> None:
    market = exchange()
    feed = market.feed
    assert isinstance(feed, ScriptedFeed)
    contracts = feed.chains["SPY"][0].contracts
    contracts[FAR] = replace(contracts[FAR], ask=None)
    account = market.accounts["alpaca"]
    with pytest.raises(RefusedError, match="no quote"):
        market.submit(account, package("1", (CALL, Side.BUY), (FAR, Side.BUY)))
    order = market.submit(account, package("1", (CALL, Side.BUY), (FAR, Side.BUY), type=LIMIT, limit=D(9)))
    assert [leg.filled_qty for leg in order.legs] == [D(0), D(0)]


def test_half_filled_package_keeps_its_ratio() -> None:
    market = exchange()
    account = market.accounts["alpaca"]
    order = market.accept(account, package("8", (CALL, Side.BUY), (FAR, Side.BUY), type=LIMIT, limit=D(5)))
    order.first_fill_cap = D(3)
    market.work(order)
    assert (order.filled_qty, [leg.filled_qty for leg in order.legs]) == (D(3), [D(3), D(3)])
    market.advance(T0 + timedelta(minutes=5))
    assert (order.filled_qty, order.is_open) == (D(8), False)


def test_crypto_has_no_hours_and_no_day_orders_expire_on_it() -> None:
    market = exchange()
    order = market.submit(market.accounts["kraken"], ask("ETH/USD", type=LIMIT, limit=D(2900), tif=TimeInForce.GTC))
    market.advance(T0 + timedelta(days=3))
    assert order.is_open
    assert market.is_open(AssetKind.CRYPTO)
    assert not market.is_open(AssetKind.STOCK) or market.hours.current(market.now) is not None
