"""At what price and in what quantity orders trade."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from venue.exchange import Exchange
from venue.orders import (
    ExitRequest,
    Order,
    OrderClass,
    OrderRequest,
    OrderType,
    RefusedError,
    Side,
    Status,
    TimeInForce,
)
from venue.scripted import ScriptedFeed, bar, pair, quote, stock

D = Decimal
T0 = datetime(2026, 7, 16, 13, 30, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def exchange(
    *quotes: tuple[int, str, str], bars: tuple[tuple[int, list[str]], ...] = (), size: str = "1000"
) -> Exchange:
    """XLK with quotes and five-minute bars at minutes after the open."""
    feed = ScriptedFeed(T0, {"XLK": stock("XLK"), "ETH/USD": pair("ETH/USD", "0.01", "0.00000001", "0.001")})
    feed.say("XLK", *(quote(T0 + at * MINUTE, bid, ask, size=size) for at, bid, ask in quotes))
    feed.say("ETH/USD", quote(T0, "3000", "3001", size="10"))
    for at, ohlc in bars:
        feed.play("XLK", 5, bar(T0 + at * MINUTE, T0 + (at + 5) * MINUTE, ohlc, "1000"))
    return Exchange(feed)


def request(side: Side, qty: int, kind: OrderType = OrderType.MARKET, **more: Any) -> OrderRequest:
    return OrderRequest("XLK", side, D(qty), kind, more.pop("tif", TimeInForce.GTC), **more)


def held(market: Exchange, qty: int = 10) -> Exchange:
    """Buy shares at the open to have something to sell."""
    market.submit(market.accounts["alpaca"], request(Side.BUY, qty))
    return market


def sell(market: Exchange, kind: OrderType, **more: Any) -> Order:
    return market.submit(market.accounts["alpaca"], request(Side.SELL, 10, kind, **more))


def script(market: Exchange) -> ScriptedFeed:
    assert isinstance(market.feed, ScriptedFeed)
    return market.feed


def bracket(stop: str, target: str) -> dict[str, Any]:
    return {
        "order_class": OrderClass.BRACKET,
        "take_profit": ExitRequest(limit=D(target)),
        "stop_loss": ExitRequest(stop=D(stop)),
    }


def test_stop_fills_at_its_price_inside_a_bar() -> None:
    market = held(exchange((0, "99.99", "100"), bars=((0, ["100", "101", "97", "99"]),)))
    order = sell(market, OrderType.STOP, stop=D(98))
    market.advance(T0 + 5 * MINUTE)
    assert (order.status, order.avg_price) == (Status.FILLED, D(98))


def test_gap_through_a_stop_fills_at_the_open() -> None:
    market = held(exchange((0, "99.99", "100"), bars=((0, ["95.005", "96", "94", "95"]),)))
    order = sell(market, OrderType.STOP, stop=D(98))
    market.advance(T0 + 5 * MINUTE)
    assert order.avg_price == D("95.00")


def test_bar_that_touches_stop_and_target_fills_the_stop() -> None:
    market = exchange((0, "99.99", "100"), bars=((0, ["100", "110", "90", "100"]),))
    entry = market.submit(market.accounts["alpaca"], request(Side.BUY, 10, **bracket("95", "105")))
    market.advance(T0 + 5 * MINUTE)
    target, stop = entry.legs
    assert (stop.status, stop.avg_price, target.status) == (Status.FILLED, D(95), Status.CANCELED)
    assert market.accounts["alpaca"].qty("XLK") == 0


def test_target_fills_when_only_it_is_touched() -> None:
    market = exchange((0, "99.99", "100"), bars=((0, ["100", "106", "99", "105"]),))
    entry = market.submit(market.accounts["alpaca"], request(Side.BUY, 10, **bracket("95", "105")))
    market.advance(T0 + 5 * MINUTE)
    assert [(leg.type, leg.status) for leg in entry.legs] == [
        (OrderType.LIMIT, Status.FILLED),
        (OrderType.STOP, Status.CANCELED),
    ]


def test_bar_that_began_before_the_order_does_not_fill_it() -> None:
    market = held(exchange((0, "99.99", "100"), bars=((0, ["100", "101", "90", "99"]),)))
    market.advance(T0 + MINUTE)
    order = sell(market, OrderType.STOP, stop=D(98))
    market.advance(T0 + 5 * MINUTE)
    assert order.status is Status.NEW


def test_limit_in_a_bar_takes_a_tenth_of_its_volume() -> None:
    market = exchange((0, "99.99", "100"), bars=((0, ["99.5", "101", "98", "99"]),))
    order = market.submit(market.accounts["alpaca"], request(Side.BUY, 200, OrderType.LIMIT, limit=D("98.5")))
    market.advance(T0 + 5 * MINUTE)
    assert (order.filled_qty, order.avg_price) == (D(100), D("98.5"))


def test_stop_limit_rests_when_the_gap_is_beyond_its_limit() -> None:
    market = held(exchange((0, "99.99", "100"), (5, "95", "95.02"), bars=((0, ["95", "96", "94", "95"]),)))
    order = sell(market, OrderType.STOP_LIMIT, stop=D(98), limit=D(97))
    market.advance(T0 + 5 * MINUTE)
    assert (order.status, order.triggered) == (Status.NEW, True)


def test_buy_stop_triggers_upwards() -> None:
    market = exchange((0, "99.99", "100"), bars=((0, ["100", "106", "99", "105"]),))
    order = market.submit(market.accounts["alpaca"], request(Side.BUY, 5, OrderType.STOP, stop=D(104)))
    market.advance(T0 + 5 * MINUTE)
    assert order.avg_price == D(104)


def test_size_at_the_touch_is_shared_by_all_orders_of_a_quote() -> None:
    market = exchange((0, "99.99", "100"), (5, "100.99", "101"), size="30")
    account = market.accounts["alpaca"]
    first, second = (market.submit(account, request(Side.BUY, 20)) for _ in range(2))
    assert (first.filled_qty, second.filled_qty, second.status) == (D(20), D(10), Status.PARTIALLY_FILLED)
    market.advance(T0 + MINUTE)
    assert second.filled_qty == D(10)
    market.advance(T0 + 5 * MINUTE)
    assert (second.filled_qty, second.avg_price) == (D(20), D("100.5"))


def test_fill_or_kill_needs_the_whole_size_and_immediate_takes_what_is_there() -> None:
    market = exchange((0, "99.99", "100"), size="30")
    account = market.accounts["alpaca"]
    killed = market.submit(account, request(Side.BUY, 31, tif=TimeInForce.FOK))
    partial = market.submit(account, request(Side.BUY, 31, tif=TimeInForce.IOC))
    assert (killed.status, killed.filled_qty) == (Status.CANCELED, D(0))
    assert (partial.status, partial.filled_qty) == (Status.CANCELED, D(30))


def test_one_sided_quote_fills_nothing() -> None:
    market = exchange((0, "99.99", "100"))
    script(market).quotes["XLK"] = [quote(T0, "99.99", None)]
    order = market.submit(market.accounts["alpaca"], request(Side.BUY, 1))
    assert order.status is Status.NEW


def test_entry_that_ends_half_filled_takes_its_exits_with_it() -> None:
    market = exchange((0, "99.99", "100"), size="30")
    entry = market.submit(market.accounts["alpaca"], request(Side.BUY, 40, **bracket("95", "105")))
    market.cancel(entry)
    assert (entry.filled_qty, {leg.status for leg in entry.legs}) == (D(30), {Status.CANCELED})


def test_partly_filled_exit_shrinks_the_other() -> None:
    market = exchange((0, "99.99", "100"), (5, "105.5", "105.6"), (10, "94", "94.1"), size="30")
    entry = market.submit(market.accounts["alpaca"], request(Side.BUY, 30, **bracket("95", "105")))
    target, stop = entry.legs
    script(market).quotes["XLK"][1] = quote(T0 + 5 * MINUTE, "105.5", "105.6", size="10")
    market.advance(T0 + 5 * MINUTE)
    assert (target.filled_qty, stop.qty) == (D(10), D(20))
    market.advance(T0 + 10 * MINUTE)
    assert (stop.filled_qty, target.status, market.accounts["alpaca"].qty("XLK")) == (D(20), Status.CANCELED, D(0))


def test_long_step_gives_the_fills_of_short_steps() -> None:
    def play(steps: list[int]) -> list[object]:
        market = exchange((0, "99.99", "100"), (5, "102", "102.1"), (10, "97", "97.1"), size="30")
        market.submit(market.accounts["alpaca"], request(Side.BUY, 90))
        for step in steps:
            market.advance(T0 + step * MINUTE)
        return [(f.trade_id, f.price, f.qty, f.ts) for f in market.accounts["alpaca"].fills]

    assert play([20]) == play([1, 5, 7, 10, 20])
    assert len(play([20])) == 3


def test_purchase_is_cut_to_what_the_cash_pays() -> None:
    market = exchange((60 * 24, "150", "150.10"), (0, "99.99", "100"))
    market.advance(T0 + 7 * 60 * MINUTE)
    order = market.submit(market.accounts["alpaca"], request(Side.BUY, 790))
    assert order.status is Status.ACCEPTED
    market.advance(T0 + 24 * 60 * MINUTE)
    assert (order.status, order.filled_qty, order.reason) == (Status.CANCELED, D(532), "insufficient buying power")
    assert market.accounts["alpaca"].cash >= 0


def test_clock_does_not_go_back() -> None:
    market = exchange((0, "99.99", "100"))
    with pytest.raises(RefusedError, match="cannot go back"):
        market.advance(T0 - MINUTE)


def test_ids_follow_from_the_client_order_id_not_from_the_order_of_arrival() -> None:
    def ids(names: list[str]) -> dict[str, str]:
        market = exchange((0, "99.99", "100"))
        account = market.accounts["alpaca"]
        return {n: market.submit(account, request(Side.BUY, 1, client_order_id=n)).fills[0].trade_id for n in names}

    assert ids(["a", "b"]) == ids(["b", "a"])


def test_exits_are_armed_only_for_what_no_other_order_sells() -> None:
    market = exchange((0, "99.99", "100"), (5, "100", "100.01"), size="30")
    account = market.accounts["alpaca"]
    entry = market.submit(account, request(Side.BUY, 40, **bracket("95", "105")))
    market.submit(account, request(Side.SELL, 25, OrderType.LIMIT, limit=D(120)))
    market.advance(T0 + 5 * MINUTE)
    assert (entry.status, [leg.qty for leg in entry.legs]) == (Status.FILLED, [D(15), D(15)])
    assert account.held_for_orders("XLK") == account.qty("XLK") == D(40)


def test_exits_of_a_position_that_is_wholly_on_sale_end() -> None:
    market = exchange((0, "99.99", "100"), (5, "100", "100.01"), size="30")
    account = market.accounts["alpaca"]
    market.submit(account, request(Side.BUY, 10))
    entry = market.submit(account, request(Side.BUY, 20, **bracket("95", "105")))
    assert entry.status is Status.FILLED
    market.cancel(entry.legs[0])
    assert {leg.status for leg in entry.legs} == {Status.CANCELED}
