"""Splits, dividends, exercise, assignment and expiry."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from venue.accounts import Account
from venue.exchange import Exchange
from venue.feed import AssetKind, ContractQuote, CorporateAction
from venue.occ import spell
from venue.orders import LegRequest, OrderClass, OrderRequest, OrderType, RefusedError, Side, Status, TimeInForce
from venue.scripted import ScriptedFeed, chain, quote, stock

D = Decimal
T0 = datetime(2026, 7, 16, 13, 30, tzinfo=UTC)
CLOSE = datetime(2026, 7, 16, 20, 0, tzinfo=UTC)
DAY = timedelta(days=1)
TODAY, LATER = date(2026, 7, 16), date(2026, 8, 21)


def contract(right: str, strike: int, bid: str, ask: str, expiry: date = TODAY) -> ContractQuote:
    symbol = spell("SPY", expiry, right, D(strike))
    return ContractQuote(symbol, expiry, right, D(strike), D(bid), D(ask), D(50), D(50), D(ask), 1, 1)


def market(close: str = "640") -> Exchange:
    """SPY at 640 until a last quote before the close, with contracts that expire today."""
    feed = ScriptedFeed(T0, {"SPY": stock("SPY")})
    feed.say("SPY", quote(T0, "639.99", "640.01", last="640"))
    last = D(close)
    feed.say("SPY", quote(CLOSE - timedelta(seconds=1), str(last - D("0.01")), str(last + D("0.01")), last=close))
    feed.chains["SPY"] = [
        chain(
            T0,
            "SPY",
            "640",
            [
                contract("C", 635, "5", "5.1"),
                contract("C", 640, "2", "2.1"),
                contract("C", 645, "1", "1.1"),
                contract("P", 630, "2", "2.1"),
                contract("P", 625, "1", "1.1"),
                contract("C", 640, "9", "9.1", LATER),
            ],
        )
    ]
    return Exchange(feed)


def trade(exchange: Exchange, symbol: str, side: Side, qty: int) -> None:
    account = exchange.accounts["alpaca"]
    order = exchange.submit(account, OrderRequest(symbol, side, D(qty), OrderType.MARKET, TimeInForce.DAY))
    assert order.status is Status.FILLED


def spread(exchange: Exchange, short: str, long: str, limit: str) -> None:
    legs = [LegRequest(short, Side.SELL, D(1)), LegRequest(long, Side.BUY, D(1))]
    order = exchange.submit(
        exchange.accounts["alpaca"],
        OrderRequest(
            "", None, D(1), OrderType.LIMIT, TimeInForce.DAY, order_class=OrderClass.MLEG, limit=D(limit), legs=legs
        ),
    )
    assert order.status is Status.FILLED


def moved(account: Account) -> D:
    """Cash that fills and activities explain."""
    entries = [a for a in account.activities if a.type not in {"FILL", "FEE"}]
    return sum((f.cash for f in account.fills), D(0)) + sum((D(a.fields["net_amount"]) for a in entries), D(0))


def kinds(account: Account) -> list[str]:
    return [a.type for a in account.activities if a.type not in {"FILL", "FEE"}]


def call(strike: int, expiry: date = TODAY) -> str:
    return spell("SPY", expiry, "C", D(strike))


def put(strike: int) -> str:
    return spell("SPY", TODAY, "P", D(strike))


def test_long_call_in_the_money_is_exercised_at_the_close() -> None:
    exchange = market("645")
    account = exchange.accounts["alpaca"]
    trade(exchange, call(640), Side.BUY, 1)
    before = account.cash
    exchange.advance(CLOSE)
    assert (account.qty("SPY"), account.qty(call(640))) == (D(100), D(0))
    assert account.positions["SPY"].avg_price == D(640)
    assert account.cash == before - D(64000)
    assert kinds(account) == ["OPEXC", "OPTRD"]
    assert account.cash == account.spec.cash + moved(account)


def test_a_cent_in_the_money_counts_and_less_expires() -> None:
    for close, expected in (("640.01", ["OPEXC", "OPTRD"]), ("640.005", ["OPEXP"])):
        exchange = market(close)
        trade(exchange, call(640), Side.BUY, 1)
        exchange.advance(CLOSE)
        assert kinds(exchange.accounts["alpaca"]) == expected


def test_call_the_account_cannot_pay_for_is_sold_at_the_bid() -> None:
    exchange = market("645")
    account = exchange.accounts["alpaca"]
    trade(exchange, call(635), Side.BUY, 2)
    exchange.advance(CLOSE)
    assert (account.qty("SPY"), account.qty(call(635)), kinds(account)) == (D(0), D(0), [])
    assert (account.fills[-1].price, account.fills[-1].client_order_id) == (
        D(5),
        f"venue-liquidation-{call(635)}-2026-07-16",
    )


def test_covered_call_is_assigned_and_the_shares_go() -> None:
    exchange = market("646")
    account = exchange.accounts["alpaca"]
    trade(exchange, "SPY", Side.BUY, 100)
    trade(exchange, call(645), Side.SELL, 1)
    exchange.advance(CLOSE)
    assert (account.qty("SPY"), account.qty(call(645)), kinds(account)) == (D(0), D(0), ["OPASN", "OPTRD"])
    assert account.cash == account.spec.cash + moved(account)
    realized = sum(p.realized for p in account.positions.values())
    fees = sum(f.fee for f in account.fills)
    assert account.cash - account.spec.cash == realized - fees


def test_short_call_whose_assignment_would_leave_short_stock_is_bought_back() -> None:
    exchange = market("641")
    account = exchange.accounts["alpaca"]
    spread(exchange, call(640), call(645), "-0.90")
    exchange.advance(CLOSE)
    assert (account.qty("SPY"), account.held()) == (D(0), [])
    assert (account.fills[-1].side, account.fills[-1].price) == (Side.BUY, D("2.1"))
    assert kinds(account) == ["OPEXP"]


def test_shares_that_an_order_will_sell_are_not_delivered() -> None:
    exchange = market("641")
    account = exchange.accounts["alpaca"]
    spread(exchange, call(640), call(645), "-0.90")
    trade(exchange, "SPY", Side.BUY, 100)
    stop = OrderRequest("SPY", Side.SELL, D(100), OrderType.STOP, TimeInForce.GTC, stop=D(600))
    exchange.submit(account, stop)
    exchange.advance(CLOSE)
    assert (account.qty("SPY"), account.qty(call(640)), kinds(account)) == (D(100), D(0), ["OPEXP"])


def test_put_whose_assignment_the_cash_carries_brings_the_shares() -> None:
    exchange = market("628")
    account = exchange.accounts["alpaca"]
    spread(exchange, put(630), put(625), "-0.90")
    exchange.advance(CLOSE)
    assert (account.qty("SPY"), sorted(kinds(account))) == (D(100), ["OPASN", "OPEXP", "OPTRD"])


def test_put_spread_in_the_money_on_both_legs_nets_to_its_width() -> None:
    exchange = market("620")
    account = exchange.accounts["alpaca"]
    spread(exchange, put(630), put(625), "-0.90")
    exchange.advance(CLOSE)
    assert account.held() == []
    fees = sum(f.fee for f in account.fills)
    assert account.cash == D(80000) + D(90) - D(500) - fees
    assert sorted(kinds(account)) == ["OPASN", "OPEXC", "OPTRD", "OPTRD"]


def test_spread_out_of_the_money_keeps_the_credit() -> None:
    exchange = market("640")
    account = exchange.accounts["alpaca"]
    spread(exchange, put(630), put(625), "-0.90")
    exchange.advance(CLOSE)
    assert kinds(account) == ["OPEXP", "OPEXP"]
    assert account.cash == D(80090) - sum(f.fee for f in account.fills)


def test_new_positions_in_expiring_contracts_are_refused_in_the_last_45_minutes() -> None:
    exchange = market()
    account = exchange.accounts["alpaca"]
    trade(exchange, call(640), Side.BUY, 1)
    exchange.advance(CLOSE - timedelta(minutes=45, seconds=1))
    trade(exchange, call(640), Side.BUY, 1)
    exchange.advance(CLOSE - timedelta(minutes=45))
    with pytest.raises(RefusedError, match="expires today"):
        exchange.submit(account, OrderRequest(call(640), Side.BUY, D(1), OrderType.MARKET, TimeInForce.DAY))
    trade(exchange, call(640, LATER), Side.BUY, 1)
    trade(exchange, call(640), Side.SELL, 2)


def act(exchange: Exchange, **action: Any) -> None:
    feed = exchange.feed
    assert isinstance(feed, ScriptedFeed)
    feed.events.append((T0 + DAY - timedelta(seconds=1), CorporateAction("SPY", (T0 + DAY).date(), **action)))


def test_split_scales_position_orders_and_contracts() -> None:
    exchange = market()
    account = exchange.accounts["alpaca"]
    trade(exchange, "SPY", Side.BUY, 10)
    trade(exchange, call(640, LATER), Side.BUY, 1)
    stop = exchange.submit(account, OrderRequest("SPY", Side.SELL, D(10), OrderType.STOP, TimeInForce.GTC, stop=D(600)))
    act(exchange, ratio=D(4))
    cash = account.cash
    exchange.advance(T0 + DAY)
    assert (account.qty("SPY"), account.positions["SPY"].avg_price, account.cash) == (D(40), D("160.0025"), cash)
    assert (stop.qty, stop.stop) == (D(40), D(150))
    assert (account.qty(call(640, LATER)), account.qty(call(160, LATER))) == (D(0), D(4))
    assert kinds(account) == ["SPLIT", "SPLIT"]


def test_uneven_split_leaves_the_contract_and_says_so() -> None:
    exchange = market()
    trade(exchange, call(640, LATER), Side.BUY, 1)
    act(exchange, ratio=D("1.5"))
    exchange.advance(T0 + DAY)
    account = exchange.accounts["alpaca"]
    assert account.qty(call(640, LATER)) == D(1)
    assert "as it is" in account.activities[-1].fields["description"]


def test_dividend_is_paid_on_what_was_held_before_the_ex_date() -> None:
    exchange = market()
    account = exchange.accounts["alpaca"]
    trade(exchange, "SPY", Side.BUY, 10)
    act(exchange, cash=D("1.755"))
    before = account.cash
    exchange.advance(T0 + DAY)
    assert account.cash - before == D("17.55")
    (entry,) = [a for a in account.activities if a.type == "DIV"]
    assert (entry.fields["qty"], entry.fields["per_share_amount"], entry.fields["date"]) == (
        "10",
        "1.755",
        "2026-07-17",
    )


def test_last_equity_and_prices_are_those_of_the_close() -> None:
    exchange = market("650")
    trade(exchange, "SPY", Side.BUY, 10)
    exchange.advance(CLOSE)
    account = exchange.accounts["alpaca"]
    assert account.last_prices == {"SPY": D(650)}
    assert account.last_equity == D(80000) - D("6400.10") + D(6500)


def test_position_of_an_option_counts_a_hundred_shares() -> None:
    exchange = market()
    trade(exchange, call(640, LATER), Side.BUY, 2)
    (held,) = exchange.accounts["alpaca"].held()
    assert (held.kind, held.cost) == (AssetKind.OPTION, D(1820))
