"""How orders, executions and errors are put into and read from Kraken's words; no calls."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import ccxt
import pytest
import requests

from orchestrator.adapters.ccxt.cursor import OVERLAP_S, PATIENCE_S, Cursor
from orchestrator.adapters.ccxt.errors import translated
from orchestrator.adapters.ccxt.fees import Charge
from orchestrator.adapters.ccxt.orders import order_of, symbols_by_name, ticket_of
from orchestrator.adapters.ccxt.trades import TradeReader, order_of_trades
from orchestrator.domain.base import ModuleName
from orchestrator.domain.errors import (
    BrokerAuthError,
    BrokerError,
    BrokerUnavailableError,
    MalformedDataError,
    OrderRefusedError,
    OutcomeUnknownError,
    RateLimitedError,
)
from orchestrator.domain.orders import Leg, OrderIntent, OrderState, OrderType, Purpose, Side, TimeInForce, plan
from orchestrator.domain.venues import Grid

D = Decimal
NOW = datetime(2026, 7, 16, 14, 0, tzinfo=UTC)
GRID = Grid(tick=D("0.1"), lot=D("0.00001"), min_qty=D("0.0001"))


def intent(side: Side = Side.BUY, **more: Any) -> OrderIntent:
    fields: dict[str, Any] = {
        "client_order_id": "c23456789012345678",
        "module": ModuleName.CRYPTO,
        "strategy": "test",
        "purpose": Purpose.ENTRY,
        "symbol": "BTC/USD",
        "legs": (Leg(symbol="BTC/USD", side=side),),
        "side": side,
        "qty": D("0.01"),
        "order_type": OrderType.LIMIT,
        "limit_price": D("60000.17"),
        "decided_at": NOW,
        "valid_until": NOW,
        "decision_px": D(60000),
        "position_id": "p",
    }
    return OrderIntent(**(fields | more))


@pytest.mark.parametrize(("side", "price"), [(Side.BUY, "60000.1"), (Side.SELL, "60000.2")])
def test_a_limit_is_put_on_the_grid_in_our_favour(side: Side, price: str) -> None:
    ticket = ticket_of(intent(side), GRID)
    assert (ticket.type, ticket.side, ticket.amount, ticket.price) == ("limit", side.value, "0.01", price)
    assert ticket.params == {"clientOrderId": "c23456789012345678"}


def test_a_stop_is_a_market_order_behind_a_trigger() -> None:
    stop = intent(Side.SELL, order_type=OrderType.STOP, limit_price=None, stop_price=D("58000"))
    ticket = ticket_of(stop, GRID)
    assert (ticket.type, ticket.price, ticket.params["stopLossPrice"]) == ("market", None, "58000")


def test_an_immediate_limit_says_so_and_a_day_order_rests() -> None:
    assert ticket_of(intent(time_in_force=TimeInForce.IOC), GRID).params["timeInForce"] == "IOC"
    assert "timeInForce" not in ticket_of(intent(), GRID).params


def test_the_quantity_is_cut_to_whole_lots() -> None:
    assert ticket_of(intent(qty=D("0.012345678")), GRID).amount == "0.01234"


@pytest.mark.parametrize(
    "more",
    [
        {"qty": D("0.00009")},
        {"legs": (Leg(symbol="BTC/USD", side=Side.SELL),)},
        {"legs": (Leg(symbol="A", side=Side.BUY),) * 2},
    ],
)
def test_what_kraken_does_not_take_is_refused_before_it_is_sent(more: dict[str, Any]) -> None:
    with pytest.raises(OrderRefusedError):
        ticket_of(intent(**more), GRID)


@pytest.mark.parametrize(
    ("status", "done", "state"),
    [
        ("pending", "0", OrderState.WORKING),
        ("open", "0.00000000", OrderState.WORKING),
        ("open", "0.5", OrderState.PARTIALLY_FILLED),
        ("closed", "1", OrderState.FILLED),
        ("canceled", "0.5", OrderState.CANCELLED),
        ("expired", "0", OrderState.EXPIRED),
    ],
)
def test_a_status_becomes_a_state(status: str, done: str, state: OrderState) -> None:
    said = order_of("O1", {"status": status, "vol": "1", "vol_exec": done, "cl_ord_id": "c", "reason": None})
    assert (said.state, said.filled_qty, said.broker_order_id) == (state, D(done), "O1")


def test_a_state_of_tomorrow_is_nobodys_guess() -> None:
    with pytest.raises(MalformedDataError, match="paused"):
        order_of("O1", {"status": "paused", "vol": "1", "vol_exec": "0"})


@pytest.mark.parametrize(("status", "vol", "done"), [("open", "1", "2"), ("closed", "1", "0.5"), ("open", "-1", "0")])
def test_quantities_that_contradict_each_other_are_not_believed(status: str, vol: str, done: str) -> None:
    with pytest.raises(MalformedDataError):
        order_of("O1", {"status": status, "vol": vol, "vol_exec": done})


@pytest.mark.parametrize(
    ("kind", "price", "price2", "stop", "limit"),
    [
        ("limit", "30010.0", "0", None, "30010"),
        ("market", "0", "0", None, None),
        ("stop-loss", "29000", "0", "29000", None),
        ("stop-loss-limit", "29000", "28900", "29000", "28900"),
        ("take-profit-limit", "31000", "30900", None, "30900"),
    ],
)
def test_an_order_tells_what_it_is_for(kind: str, price: str, price2: str, stop: str | None, limit: str | None) -> None:
    descr = {"pair": "XBTUSD", "type": "sell", "ordertype": kind, "price": price, "price2": price2}
    said = order_of("O1", {"status": "open", "vol": "1", "vol_exec": "0", "descr": descr}, {"XBTUSD": "BTC/USD"})
    assert (said.symbol, said.side, said.qty) == ("BTC/USD", Side.SELL, D(1))
    assert said.stop_price == (None if stop is None else D(stop))
    assert said.limit_price == (None if limit is None else D(limit))


def trade(time: float | str = 1000.0, **more: Any) -> dict[str, Any]:
    told = {"ordertxid": "O1", "time": time, "type": "buy", "vol": "0.004", "price": "60000.1", "fee": "0.96"}
    return {**told, "pair": "XXBTZUSD", **more}


READER = TradeReader({"XXBTZUSD": "BTC/USD"}, lambda name: {"XXBT": "BTC"}[name], NOW)


def test_an_execution_is_read_exactly() -> None:
    one = READER.read("T1", trade(time="1784210400.1234"))
    assert (one.fill.qty, one.fill.price, one.charge) == (D("0.004"), D("60000.1"), Charge(D("0.96"), "USD"))
    assert one.fill.ts_event == datetime(2026, 7, 16, 14, 0, 0, 123400, tzinfo=UTC)


@pytest.mark.parametrize(
    "bad",
    [
        {"pair": "NOBODY"},
        {"time": NOW.timestamp() + 200_000},
        {"type": "swap"},
        {"vol": "-1"},
        {"price": None},
        {"ordertxid": 7},
    ],
)
def test_an_execution_that_makes_no_sense_is_not_told(bad: dict[str, Any]) -> None:
    with pytest.raises(MalformedDataError):
        READER.read("T1", trade(**bad))


def test_a_fee_that_cannot_be_read_does_not_hide_the_execution() -> None:
    assert READER.read("T1", trade(fee="much")).charge is None


def test_trades_alone_prove_an_order() -> None:
    order = plan(intent(), NOW)
    assert order_of_trades(order, {"T9": trade(cl_ord_id="somebody")}) is None
    part = order_of_trades(order, {"T1": trade(cl_ord_id=order.id)})
    assert part is not None
    assert (part.state, part.filled_qty, part.broker_order_id) == (OrderState.PARTIALLY_FILLED, D("0.004"), "O1")
    sent = order.model_copy(update={"broker_order_id": "O1"})
    whole = order_of_trades(sent, {"T1": trade(), "T2": trade(vol="0.006")})
    assert whole is not None
    assert whole.state is OrderState.FILLED


@pytest.mark.parametrize("bad", [{"ordertxid": None}, {"vol": None, "cl_ord_id": "c23456789012345678"}])
def test_a_trade_that_may_be_the_orders_own_is_not_passed_over(bad: dict[str, Any]) -> None:
    with pytest.raises(MalformedDataError):
        order_of_trades(plan(intent(), NOW), {"T1": trade(**bad)})


def test_a_trade_is_news_once_and_one_of_the_same_moment_is_news() -> None:
    cursor = Cursor().past({"T1": 1000.0}, [])
    assert list(cursor.news({"T1": 1, "T2": 2})) == ["T2"]
    assert Cursor.parse(cursor.text()) == cursor


def test_a_closed_order_moves_the_cursor_and_old_trades_are_forgotten() -> None:
    cursor = Cursor().past({"T1": 1000.0}, [1000.0 + OVERLAP_S + 1])
    assert cursor.newest == 1000.0 + OVERLAP_S + 1
    assert not cursor.seen
    assert cursor.start == 1001.0


def test_a_cursor_waits_a_day_for_a_trade_that_could_not_be_read() -> None:
    unread = frozenset({"T1"})
    held = Cursor().past({"T1": 1000.0, "T2": 5000.0}, [], unread)
    assert held.newest == 1000.0
    assert list(held.news({"T1": 1, "T2": 2})) == ["T1"]
    assert held.past({"T1": 1000.0, "T3": 1000.0 + PATIENCE_S}, [], unread).newest == 1000.0 + PATIENCE_S


def test_nothing_seen_is_the_empty_cursor() -> None:
    assert Cursor().past({}, []).text() == ""
    with pytest.raises(MalformedDataError):
        Cursor.parse("yesterday")


@pytest.mark.parametrize(
    ("vendor", "sending", "error"),
    [
        (ccxt.DDoSProtection("EAPI:Rate limit exceeded"), True, RateLimitedError),
        (ccxt.RateLimitExceeded("429"), False, RateLimitedError),
        (ccxt.InvalidNonce("EAPI:Invalid nonce"), True, BrokerUnavailableError),
        (ccxt.AuthenticationError("EAPI:Invalid key"), True, BrokerAuthError),
        (ccxt.PermissionDenied("EGeneral:Permission denied"), True, BrokerAuthError),
        (ccxt.InsufficientFunds("EOrder:Insufficient funds"), True, OrderRefusedError),
        (ccxt.InvalidOrder("EOrder:Order minimum not met"), True, OrderRefusedError),
        (ccxt.OnMaintenance("EService:Market in cancel_only mode"), True, OrderRefusedError),
        (ccxt.ExchangeError("EOrder:Something new"), True, OrderRefusedError),
        (ccxt.ExchangeError("EGeneral:Unknown method"), False, BrokerError),
        (ccxt.ExchangeNotAvailable("EService:Unavailable"), True, OutcomeUnknownError),
        (ccxt.ExchangeNotAvailable("EService:Busy"), False, BrokerUnavailableError),
        (ccxt.RequestTimeout("kraken POST"), True, OutcomeUnknownError),
        (ccxt.NetworkError("reset"), True, OutcomeUnknownError),
        (requests.exceptions.ChunkedEncodingError("half"), True, OutcomeUnknownError),
        (KeyError("result"), True, OutcomeUnknownError),
    ],
)
def test_an_error_of_ccxt_becomes_the_error_of_the_tree(
    vendor: Exception, sending: bool, error: type[BrokerError]
) -> None:
    with pytest.raises(error) as raised, translated("kraken test", sending=sending):
        raise vendor
    assert type(raised.value) is error


def test_an_answer_lost_in_the_transport_is_unknown_though_ccxt_calls_it_an_exchange_error() -> None:
    with pytest.raises(OutcomeUnknownError), translated("kraken test", sending=True):
        raise ccxt.ExchangeError("kraken POST") from requests.exceptions.SSLError("cut")


def test_a_refusal_carries_the_venues_code() -> None:
    with pytest.raises(OrderRefusedError) as refused, translated("kraken test", sending=True):
        raise ccxt.InsufficientFunds('kraken {"error":["EOrder:Insufficient funds"]}')
    assert refused.value.code == "EOrder:Insufficient funds"


def test_a_pair_is_known_by_all_its_names() -> None:
    market = {"id": "XXBTZUSD", "altname": "XBTUSD", "wsId": "XBT/USD", "symbol": "BTC/USD"}
    assert symbols_by_name([market]) == dict.fromkeys(("XXBTZUSD", "XBTUSD", "XBT/USD"), "BTC/USD")
