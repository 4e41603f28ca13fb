"""The trading API through alpaca-py's own TradingClient."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from alpaca.common.exceptions import APIError
from alpaca.trading.enums import (
    AssetStatus,
    ContractType,
    OrderClass,
    OrderSide,
    OrderStatus,
    PositionIntent,
    QueryOrderStatus,
    TimeInForce,
)
from alpaca.trading.requests import (
    ClosePositionRequest,
    GetCalendarRequest,
    GetOptionContractsRequest,
    GetOrderByIdRequest,
    GetOrdersRequest,
    LimitOrderRequest,
    MarketOrderRequest,
    OptionLegRequest,
    StopLimitOrderRequest,
    StopLossRequest,
    StopOrderRequest,
    TakeProfitRequest,
)

from tests.contract.venue_market import (
    CALL_640,
    CALL_645,
    CLOSE,
    EXPIRY,
    HOUR,
    OPEN,
    PUT_625,
    PUT_630,
    Venue,
    market,
    open_venue,
)
from venue.scripted import stock


@pytest.fixture
def venue() -> Iterator[Venue]:
    with open_venue() as found:
        yield found


def buy(symbol: str, qty: float, name: str = "c1") -> MarketOrderRequest:
    return MarketOrderRequest(
        symbol=symbol, qty=qty, side=OrderSide.BUY, time_in_force=TimeInForce.DAY, client_order_id=name
    )


def test_account_starts_with_its_cash(venue: Venue) -> None:
    account = venue.trading.get_account()
    assert (account.cash, account.equity, account.buying_power) == ("80000.00",) * 3
    assert account.options_trading_level == 3
    assert account.shorting_enabled is False


def test_clock_and_calendar_tell_the_venue_time(venue: Venue) -> None:
    clock = venue.trading.get_clock()
    assert (clock.timestamp, clock.is_open, clock.next_close) == (OPEN, True, CLOSE)
    assert clock.next_open == OPEN + timedelta(days=1)
    days = venue.trading.get_calendar(GetCalendarRequest(start=OPEN.date(), end=OPEN.date() + timedelta(days=3)))
    assert [(d.date.isoformat(), d.open.hour, d.close.hour) for d in days] == [
        ("2026-07-16", 9, 16),
        ("2026-07-17", 9, 16),
    ]


def test_market_order_is_acknowledged_before_it_fills(venue: Venue) -> None:
    order = venue.trading.submit_order(buy("SPY", 10))
    assert (order.status, order.filled_qty) == (OrderStatus.PENDING_NEW, "0")
    filled = venue.trading.get_order_by_client_id("c1")
    assert (filled.id, filled.status, filled.filled_avg_price) == (order.id, OrderStatus.FILLED, "640.1")
    position = venue.trading.get_open_position("SPY")
    assert (position.qty, position.avg_entry_price, position.market_value) == ("10", "640.1", "6400")
    assert venue.trading.get_account().cash == "73599.00"


def test_partial_fill_rests_and_fills_with_the_next_quote(venue: Venue) -> None:
    order = venue.trading.submit_order(buy("XLK", 80))
    first = venue.trading.get_order_by_id(order.id)
    assert (first.status, first.filled_qty) == (OrderStatus.PARTIALLY_FILLED, "50")
    venue.advance(OPEN + HOUR)
    second = venue.trading.get_order_by_id(order.id)
    assert (second.status, second.filled_qty, second.filled_avg_price) == (OrderStatus.FILLED, "80", "100.38875")


def test_client_order_id_is_unique_for_ever(venue: Venue) -> None:
    order = venue.trading.submit_order(
        LimitOrderRequest(
            symbol="SPY", qty=1, side=OrderSide.BUY, time_in_force=TimeInForce.DAY, limit_price=600, client_order_id="x"
        )
    )
    venue.trading.cancel_order_by_id(order.id)
    with pytest.raises(APIError) as refused:
        venue.trading.submit_order(buy("SPY", 1, "x"))
    assert (refused.value.status_code, refused.value.code) == (422, 40010001)
    assert refused.value.message == "client_order_id must be unique"


def test_bracket_shows_its_exits_and_arms_them_when_filled(venue: Venue) -> None:
    order = venue.trading.submit_order(
        MarketOrderRequest(
            symbol="SPY",
            qty=5,
            side=OrderSide.BUY,
            time_in_force=TimeInForce.GTC,
            order_class=OrderClass.BRACKET,
            take_profit=TakeProfitRequest(limit_price=641.5),
            stop_loss=StopLossRequest(stop_price=630),
            client_order_id="b1",
        )
    )
    assert [leg.status for leg in order.legs] == [OrderStatus.HELD, OrderStatus.HELD]
    nested = venue.trading.get_orders(GetOrdersRequest(status=QueryOrderStatus.ALL, nested=True))
    assert [len(o.legs) for o in nested] == [2]
    flat = venue.trading.get_orders(GetOrdersRequest(status=QueryOrderStatus.OPEN))
    assert sorted(o.type.value for o in flat) == ["limit", "stop"]
    venue.advance(OPEN + HOUR)
    legs = {
        leg.type.value: leg for leg in venue.trading.get_order_by_id(order.id, GetOrderByIdRequest(nested=True)).legs
    }
    assert (legs["limit"].status, legs["limit"].filled_avg_price) == (OrderStatus.FILLED, "641.9")
    assert legs["stop"].status == OrderStatus.CANCELED
    assert venue.trading.get_all_positions() == []


def test_oto_and_oco_orders_are_taken(venue: Venue) -> None:
    entry = venue.trading.submit_order(
        LimitOrderRequest(
            symbol="SPY",
            qty=2,
            side=OrderSide.BUY,
            time_in_force=TimeInForce.GTC,
            limit_price=641,
            order_class=OrderClass.OTO,
            stop_loss=StopLossRequest(stop_price=630, limit_price=629),
        )
    )
    assert [leg.type.value for leg in entry.legs] == ["stop_limit"]
    venue.trading.cancel_order_by_id(entry.legs[0].id)
    pair = venue.trading.submit_order(
        LimitOrderRequest(
            symbol="SPY",
            qty=2,
            side=OrderSide.SELL,
            time_in_force=TimeInForce.GTC,
            order_class=OrderClass.OCO,
            take_profit=TakeProfitRequest(limit_price=650),
            stop_loss=StopLossRequest(stop_price=630),
        )
    )
    assert (pair.limit_price, pair.legs[0].stop_price) == ("650", "630")
    venue.trading.cancel_order_by_id(pair.id)
    assert venue.trading.get_order_by_id(pair.legs[0].id).status == OrderStatus.CANCELED


def test_stop_orders_rest_until_touched(venue: Venue) -> None:
    venue.trading.submit_order(buy("SPY", 4))
    stop = venue.trading.submit_order(
        StopOrderRequest(symbol="SPY", qty=2, side=OrderSide.SELL, time_in_force=TimeInForce.GTC, stop_price=639)
    )
    limit = venue.trading.submit_order(
        StopLimitOrderRequest(
            symbol="SPY", qty=2, side=OrderSide.SELL, time_in_force=TimeInForce.GTC, stop_price=639, limit_price=638.5
        )
    )
    venue.advance(OPEN + HOUR)
    assert venue.trading.get_order_by_id(stop.id).status == OrderStatus.NEW
    venue.advance(OPEN + 25 * HOUR)
    assert venue.trading.get_order_by_id(stop.id).filled_avg_price == "638"
    assert venue.trading.get_order_by_id(limit.id).status == OrderStatus.NEW


def test_day_order_expires_at_the_close_and_waits_for_the_open(venue: Venue) -> None:
    limit = LimitOrderRequest(
        symbol="SPY", qty=1, side=OrderSide.BUY, time_in_force=TimeInForce.DAY, limit_price=639, client_order_id="d1"
    )
    venue.trading.submit_order(limit)
    venue.advance(CLOSE + HOUR)
    assert venue.trading.get_order_by_client_id("d1").status == OrderStatus.EXPIRED
    late = venue.trading.submit_order(limit.model_copy(update={"client_order_id": "d2"}))
    assert late.status == OrderStatus.ACCEPTED
    venue.advance(OPEN + 25 * HOUR)
    assert venue.trading.get_order_by_client_id("d2").filled_avg_price == "638.2"


def test_cancel_one_all_and_what_cannot_be_cancelled(venue: Venue) -> None:
    resting = LimitOrderRequest(
        symbol="SPY", qty=1, side=OrderSide.BUY, time_in_force=TimeInForce.DAY, limit_price=600, client_order_id="r1"
    )
    first = venue.trading.submit_order(resting)
    venue.trading.submit_order(resting.model_copy(update={"client_order_id": "r2"}))
    venue.trading.cancel_order_by_id(first.id)
    with pytest.raises(APIError) as refused:
        venue.trading.cancel_order_by_id(first.id)
    assert refused.value.status_code == 422
    assert [answer.status for answer in venue.trading.cancel_orders()] == [200]
    with pytest.raises(APIError) as missing:
        venue.trading.cancel_order_by_id("00000000-0000-0000-0000-000000000000")
    assert (missing.value.status_code, missing.value.code) == (404, 40410000)


def test_orders_are_filtered(venue: Venue) -> None:
    venue.trading.submit_order(buy("SPY", 1, "a"))
    venue.advance(OPEN + HOUR)
    venue.trading.submit_order(buy("XLK", 1, "b"))
    ask = venue.trading.get_orders
    closed = QueryOrderStatus.CLOSED
    assert [o.client_order_id for o in ask(GetOrdersRequest(status=closed))] == ["b", "a"]
    assert [o.client_order_id for o in ask(GetOrdersRequest(status=closed, direction="asc", limit=1))] == ["a"]
    assert [o.client_order_id for o in ask(GetOrdersRequest(status=closed, symbols=["XLK"]))] == ["b"]
    assert [o.client_order_id for o in ask(GetOrdersRequest(status=closed, after=OPEN))] == ["b"]
    assert [o.client_order_id for o in ask(GetOrdersRequest(status=closed, until=OPEN))] == ["a"]
    assert ask() == []


@pytest.mark.parametrize(
    ("request_", "status", "words"),
    [
        (buy("SPY", 1000), 403, "insufficient buying power"),
        (buy("NOPE", 1), 422, "not found"),
        (buy("BTC/USD", 1), 422, "not found"),
        (buy("SPY", 1.5), 422, "not fractionable"),
        (
            MarketOrderRequest(symbol="SPY", qty=1, side=OrderSide.SELL, time_in_force=TimeInForce.DAY),
            403,
            "insufficient qty",
        ),
        (
            LimitOrderRequest(
                symbol="SPY", qty=1, side=OrderSide.BUY, time_in_force=TimeInForce.DAY, limit_price=600.123
            ),
            422,
            "sub-penny",
        ),
        (
            MarketOrderRequest(symbol=CALL_640, qty=1, side=OrderSide.SELL, time_in_force=TimeInForce.DAY),
            403,
            "uncovered",
        ),
        (
            MarketOrderRequest(symbol=CALL_640, qty=1, side=OrderSide.BUY, time_in_force=TimeInForce.GTC),
            422,
            "time_in_force",
        ),
    ],
)
def test_refusals_are_in_alpacas_words(venue: Venue, request_: MarketOrderRequest, status: int, words: str) -> None:
    with pytest.raises(APIError) as refused:
        venue.trading.submit_order(request_)
    assert refused.value.status_code == status
    assert words in refused.value.message
    assert venue.trading.get_orders(GetOrdersRequest(status=QueryOrderStatus.ALL)) == []


def spread(limit: float, qty: int = 2) -> LimitOrderRequest:
    return LimitOrderRequest(
        qty=qty,
        order_class=OrderClass.MLEG,
        time_in_force=TimeInForce.DAY,
        limit_price=limit,
        client_order_id="m1",
        legs=[
            OptionLegRequest(
                symbol=PUT_630, ratio_qty=1, side=OrderSide.SELL, position_intent=PositionIntent.SELL_TO_OPEN
            ),
            OptionLegRequest(
                symbol=PUT_625, ratio_qty=1, side=OrderSide.BUY, position_intent=PositionIntent.BUY_TO_OPEN
            ),
        ],
    )


def test_credit_spread_fills_as_one_order(venue: Venue) -> None:
    order = venue.trading.submit_order(spread(-0.90))
    assert (order.symbol, order.side, order.order_class) == (None, None, OrderClass.MLEG)
    filled = venue.trading.get_order_by_client_id("m1")
    assert (filled.status, filled.filled_qty, filled.filled_avg_price) == (OrderStatus.FILLED, "2", "-0.9")
    assert [(leg.symbol, leg.filled_qty, leg.filled_avg_price) for leg in filled.legs] == [
        (PUT_630, "2", "2"),
        (PUT_625, "2", "1.1"),
    ]
    held = {p.symbol: p.qty for p in venue.trading.get_all_positions()}
    assert held == {PUT_630: "-2", PUT_625: "2"}
    account = venue.trading.get_account()
    assert float(account.cash) == pytest.approx(80000 + 180, abs=0.5)
    assert float(account.buying_power) == pytest.approx(float(account.cash) - 1000)


def test_spread_below_its_limit_rests_whole(venue: Venue) -> None:
    venue.trading.submit_order(spread(-0.95))
    resting = venue.trading.get_order_by_client_id("m1")
    assert (resting.status, resting.filled_qty) == (OrderStatus.NEW, "0")
    assert [leg.filled_qty for leg in resting.legs] == ["0", "0"]
    venue.trading.cancel_order_by_id(resting.id)
    assert {leg.status for leg in venue.trading.get_order_by_client_id("m1").legs} == {OrderStatus.CANCELED}


def test_covered_call_needs_the_shares_and_holds_them(venue: Venue) -> None:
    venue.trading.submit_order(buy("SPY", 100, "s1"))
    call = LimitOrderRequest(
        symbol=CALL_645,
        qty=1,
        side=OrderSide.SELL,
        time_in_force=TimeInForce.DAY,
        limit_price=1.5,
        client_order_id="w1",
    )
    venue.trading.submit_order(call)
    assert venue.trading.get_order_by_client_id("w1").status == OrderStatus.FILLED
    with pytest.raises(APIError, match="uncovered"):
        venue.trading.submit_order(
            MarketOrderRequest(symbol="SPY", qty=1, side=OrderSide.SELL, time_in_force=TimeInForce.DAY)
        )


def test_positions_close_whole_in_part_and_all(venue: Venue) -> None:
    venue.trading.submit_order(buy("SPY", 10, "p1"))
    part = venue.trading.close_position("SPY", ClosePositionRequest(percentage="50"))
    assert (part.side, part.qty) == (OrderSide.SELL, "5")
    venue.trading.submit_order(buy("XLK", 5, "p2"))
    answers = venue.trading.close_all_positions(cancel_orders=True)
    assert {(a.symbol, a.status) for a in answers} == {("SPY", 200), ("XLK", 200)}
    assert venue.trading.get_all_positions() == []
    with pytest.raises(APIError, match="position does not exist"):
        venue.trading.close_position("SPY")


def test_activities_page_through_fills(venue: Venue) -> None:
    for number in range(3):
        venue.trading.submit_order(buy("SPY", 1, f"f{number}"))
    first = venue.trading.get("/account/activities/FILL", {"direction": "asc", "page_size": 2})
    assert [(a["activity_type"], a["qty"], a["price"]) for a in first] == [("FILL", "1", "640.10")] * 2
    rest = venue.trading.get("/account/activities", {"direction": "asc", "page_token": first[-1]["id"]})
    assert [a["order_status"] for a in rest] == ["filled"]
    assert venue.trading.get("/account/activities", {"after": OPEN.isoformat()}) == []


def test_assets_and_contracts_are_listed(venue: Venue) -> None:
    assert [a.symbol for a in venue.trading.get_all_assets()] == ["SPY", "XLK"]
    spy = venue.trading.get_asset("SPY")
    assert (spy.tradable, spy.fractionable, spy.shortable) == (True, False, False)
    with pytest.raises(APIError) as missing:
        venue.trading.get_asset("NOPE")
    assert missing.value.status_code == 404
    puts = venue.trading.get_option_contracts(
        GetOptionContractsRequest(underlying_symbols=["SPY"], type=ContractType.PUT, strike_price_gte="600", limit=1)
    )
    assert [(c.symbol, c.expiration_date, c.strike_price) for c in puts.option_contracts] == [(PUT_625, EXPIRY, 625.0)]
    assert puts.next_page_token == PUT_625
    page = venue.trading.get_option_contracts(
        GetOptionContractsRequest(
            underlying_symbols=["SPY"], type=ContractType.PUT, strike_price_gte="600", page_token=puts.next_page_token
        )
    )
    assert [c.symbol for c in page.option_contracts] == [PUT_630]
    assert venue.trading.get_option_contract(CALL_640).status == AssetStatus.ACTIVE


def test_account_configurations_forbid_shorting(venue: Venue) -> None:
    assert venue.trading.get_account_configurations().no_shorting is True


def test_notional_orders_need_a_fractionable_stock() -> None:
    feed = market()
    feed.listed["SPY"] = stock("SPY", lot="0.000000001")
    with open_venue(feed) as venue:
        half = MarketOrderRequest(
            symbol="SPY", notional=320.05, side=OrderSide.BUY, time_in_force=TimeInForce.DAY, client_order_id="n1"
        )
        order = venue.trading.submit_order(half)
        assert (order.notional, order.qty) == ("320.05", None)
        assert venue.trading.get_order_by_client_id("n1").filled_qty == "0.5"
        assert venue.trading.get_open_position("SPY").qty == "0.5"
        with pytest.raises(APIError, match="not fractionable"):
            venue.trading.submit_order(half.model_copy(update={"symbol": "XLK", "client_order_id": "n2"}))


def test_closing_everything_tells_what_could_not_be_closed(venue: Venue) -> None:
    venue.trading.submit_order(buy("SPY", 100, "s1"))
    call = LimitOrderRequest(
        symbol=CALL_645, qty=1, side=OrderSide.SELL, time_in_force=TimeInForce.DAY, limit_price=1.5
    )
    venue.trading.submit_order(call)
    answers = {a.symbol: (a.status, a.body) for a in venue.trading.close_all_positions()}
    assert answers["SPY"][0] == 403
    assert "uncovered" in answers["SPY"][1].message
    assert answers[CALL_645][0] == 200


def test_orders_and_activities_of_nonsense_are_refused(venue: Venue) -> None:
    for path in ("/orders?limit=0", "/orders?after=then", "/account/activities?page_token=none", "/orders/unknown"):
        with pytest.raises(APIError):
            venue.trading.get(path)
