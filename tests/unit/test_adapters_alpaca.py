"""How orders, executions, bars and chains are put into and read from Alpaca's words; recorded forms, no calls."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from alpaca.common.exceptions import APIError
from requests import Response
from requests.exceptions import ConnectionError as RequestsConnectionError
from requests.exceptions import HTTPError, ReadTimeout

from orchestrator.adapters.alpaca.bars import bars_of, closes_of
from orchestrator.adapters.alpaca.chains import chain_of, quote_of
from orchestrator.adapters.alpaca.client import moment, plain
from orchestrator.adapters.alpaca.errors import translated
from orchestrator.adapters.alpaca.orders import order_of, request_of
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
from orchestrator.domain.orders import Leg, OrderIntent, OrderState, OrderType, Purpose, Side, TimeInForce

D = Decimal
NOW = datetime(2026, 7, 16, 14, 0, tzinfo=UTC)


def intent(**more: Any) -> OrderIntent:
    fields: dict[str, Any] = {
        "client_order_id": "s23456789012345678",
        "module": ModuleName.STOCKS,
        "strategy": "test",
        "purpose": Purpose.ENTRY,
        "symbol": "XLK",
        "legs": (Leg(symbol="XLK", side=Side.BUY),),
        "side": Side.BUY,
        "qty": D(10),
        "order_type": OrderType.LIMIT,
        "limit_price": D("100.01"),
        "decided_at": NOW,
        "valid_until": NOW,
        "decision_px": D(100),
        "position_id": "p",
    }
    return OrderIntent(**(fields | more))


def test_a_limit_order_is_written_in_text_without_a_float() -> None:
    assert request_of(intent(qty=D("1E+1"), limit_price=D("100.10"))) == {
        "symbol": "XLK",
        "side": "buy",
        "qty": "10",
        "type": "limit",
        "limit_price": "100.1",
        "time_in_force": "day",
        "client_order_id": "s23456789012345678",
    }


@pytest.mark.parametrize(
    ("side", "price", "sent"),
    [
        (Side.BUY, "100.019", "100.01"),
        (Side.SELL, "100.011", "100.02"),
        (Side.BUY, "0.12345", "0.1234"),
        (Side.SELL, "0.12341", "0.1235"),
    ],
)
def test_a_price_off_the_grid_moves_in_our_favour(side: Side, price: str, sent: str) -> None:
    order = intent(side=side, legs=(Leg(symbol="XLK", side=side),), limit_price=D(price))
    assert request_of(order)["limit_price"] == sent


@pytest.mark.parametrize(
    ("purpose", "qty", "sent"),
    [(Purpose.ENTRY, "10.9", "10"), (Purpose.EXIT, "10.5", "10.5"), (Purpose.EXIT, "0.5", "0.5")],
)
def test_whole_shares_are_bought_and_fractions_can_be_left(purpose: Purpose, qty: str, sent: str) -> None:
    assert request_of(intent(purpose=purpose, qty=D(qty)))["qty"] == sent


def test_less_than_a_share_is_not_bought() -> None:
    with pytest.raises(OrderRefusedError):
        request_of(intent(qty=D("0.9")))


def test_an_option_keeps_the_cent_below_one_dollar() -> None:
    legs = (Leg(symbol="SPY260717C00640000", side=Side.BUY, multiplier=D(100)),)
    assert request_of(intent(legs=legs, limit_price=D("0.456")))["limit_price"] == "0.45"


@pytest.mark.parametrize(
    ("side", "purpose", "words"),
    [
        (Side.BUY, Purpose.ENTRY, "buy_to_open"),
        (Side.SELL, Purpose.ENTRY, "sell_to_open"),
        (Side.SELL, Purpose.EXIT, "sell_to_close"),
        (Side.BUY, Purpose.PROTECT, "buy_to_close"),
    ],
)
def test_an_option_says_whether_it_opens_or_closes(side: Side, purpose: Purpose, words: str) -> None:
    legs = (Leg(symbol="SPY260717C00640000", side=side, multiplier=D(100)),)
    assert request_of(intent(legs=legs, side=side, purpose=purpose))["position_intent"] == words


def test_a_stop_carries_its_trigger_only() -> None:
    legs = (Leg(symbol="XLK", side=Side.SELL),)
    stop = intent(legs=legs, side=Side.SELL, order_type=OrderType.STOP, stop_price=D(95), time_in_force=TimeInForce.GTC)
    body = request_of(stop)
    assert (body["type"], body["stop_price"], body["time_in_force"]) == ("stop", "95", "gtc")
    assert "limit_price" not in body


def test_a_spread_is_one_order_with_its_ratios_and_a_signed_limit() -> None:
    legs = (
        Leg(symbol="SPY260717P00630000", side=Side.SELL, multiplier=D(100)),
        Leg(symbol="SPY260717P00620000", side=Side.BUY, ratio=2, multiplier=D(100)),
    )
    body = request_of(intent(symbol="SPY", legs=legs, qty=D(3), limit_price=D("-0.856")))
    assert body["order_class"] == "mleg"
    assert body["qty"] == "3"
    assert body["limit_price"] == "-0.86"
    assert [(leg["ratio_qty"], leg["position_intent"]) for leg in body["legs"]] == [
        ("1", "sell_to_open"),
        ("2", "buy_to_open"),
    ]
    assert "symbol" not in body


@pytest.mark.parametrize(
    "more",
    [
        {"side": Side.SELL},
        {"legs": (Leg(symbol="XLK", side=Side.BUY, ratio=2),)},
        {"legs": tuple(Leg(symbol=s, side=Side.BUY) for s in "ABCDE")},
        {"legs": tuple(Leg(symbol=s, side=Side.BUY) for s in "AB"), "order_type": OrderType.STOP},
    ],
)
def test_what_alpaca_does_not_take_is_refused_before_it_is_sent(more: dict[str, Any]) -> None:
    with pytest.raises(OrderRefusedError) as refused:
        request_of(intent(**more))
    assert refused.value.code == "unsupported"


@pytest.mark.parametrize(
    ("status", "filled", "state"),
    [
        ("new", "0", OrderState.WORKING),
        ("accepted", "0", OrderState.WORKING),
        ("pending_cancel", "0", OrderState.WORKING),
        ("partially_filled", "1", OrderState.PARTIALLY_FILLED),
        ("pending_cancel", "1", OrderState.PARTIALLY_FILLED),
        ("filled", "2", OrderState.FILLED),
        ("canceled", "1", OrderState.CANCELLED),
        ("replaced", "0", OrderState.CANCELLED),
        ("expired", "0", OrderState.EXPIRED),
        ("rejected", "0", OrderState.REJECTED),
    ],
)
def test_a_status_becomes_a_state(status: str, filled: str, state: OrderState) -> None:
    said = order_of({"id": "1", "client_order_id": "c", "status": status, "filled_qty": filled})
    assert (said.state, said.filled_qty, said.note) == (state, D(filled), status)


def test_a_state_of_tomorrow_is_nobodys_guess() -> None:
    with pytest.raises(MalformedDataError, match="a_word_of_tomorrow"):
        order_of({"id": "1", "client_order_id": "c", "status": "a_word_of_tomorrow", "filled_qty": "0"})


@pytest.mark.parametrize(
    ("status", "filled", "qty"), [("new", "3", "2"), ("filled", "1", "2"), ("canceled", "-1", "2"), ("new", None, "2")]
)
def test_quantities_that_contradict_each_other_are_not_believed(status: str, filled: str | None, qty: str) -> None:
    with pytest.raises(MalformedDataError):
        order_of({"id": "1", "client_order_id": "c", "status": status, "filled_qty": filled, "qty": qty})


def test_an_order_tells_what_it_is_for() -> None:
    raw = {"id": "1", "client_order_id": "c", "status": "new", "filled_qty": "0", "qty": "5", "symbol": "XLK"}
    said = order_of({**raw, "side": "sell", "limit_price": "100.5", "stop_price": None})
    assert (said.symbol, said.side, said.qty, said.limit_price, said.stop_price) == (
        "XLK",
        Side.SELL,
        D(5),
        D("100.5"),
        None,
    )


def api_error(status: int, body: str, headers: dict[str, str] | None = None) -> APIError:
    response = Response()
    response.status_code = status
    response.headers.update(headers or {})
    return APIError(body, HTTPError(response=response))  # type: ignore[no-untyped-call]


@pytest.mark.parametrize(
    ("status", "body", "sending", "error"),
    [
        (429, "{}", True, RateLimitedError),
        (429, "{}", False, RateLimitedError),
        (401, '{"code": 40110000, "message": "not authorized"}', True, BrokerAuthError),
        (403, '{"message": "forbidden."}', True, BrokerAuthError),
        (403, '{"code": 40310000, "message": "insufficient buying power"}', True, OrderRefusedError),
        (403, '{"code": 40310000, "message": "forbidden"}', False, BrokerAuthError),
        (422, '{"code": 42210000, "message": "bad price"}', True, OrderRefusedError),
        (404, '{"code": 40410000, "message": "none"}', True, OrderRefusedError),
        (422, "not json", False, BrokerError),
        (500, "oops", True, OutcomeUnknownError),
        (503, "oops", False, BrokerUnavailableError),
        (504, "oops", True, OutcomeUnknownError),
    ],
)
def test_an_answer_becomes_the_error_of_the_tree(
    status: int, body: str, sending: bool, error: type[BrokerError]
) -> None:
    with pytest.raises(error) as raised, translated("test", sending=sending):
        raise api_error(status, body)
    assert type(raised.value) is error
    assert str(status) in str(raised.value)


def test_the_wait_of_a_rate_limit_is_the_venues() -> None:
    with pytest.raises(RateLimitedError) as raised, translated("test"):
        raise api_error(429, "{}", {"Retry-After": "7"})
    assert raised.value.retry_after_s == 7


@pytest.mark.parametrize("lost", [ReadTimeout("read timed out"), RequestsConnectionError("reset")])
def test_no_answer_is_unknown_while_sending_and_unavailable_while_reading(lost: Exception) -> None:
    with pytest.raises(OutcomeUnknownError), translated("test", sending=True):
        raise lost
    with pytest.raises(BrokerUnavailableError), translated("test"):
        raise lost


def test_an_answer_nobody_understands_is_unknown_while_sending() -> None:
    with pytest.raises(OutcomeUnknownError), translated("test", sending=True):
        order_of({})


def _reset_while_handling_a_refused_connection() -> None:
    try:
        raise ConnectionRefusedError
    except ConnectionRefusedError:
        raise RequestsConnectionError("reset")  # noqa: B904 the context is what is tested


def test_a_refused_connection_in_the_past_does_not_make_an_order_unsent() -> None:
    with pytest.raises(OutcomeUnknownError), translated("test", sending=True):
        _reset_while_handling_a_refused_connection()


CLOSES = closes_of([{"date": "2026-07-16", "close": "16:00"}, {"date": "2026-11-27", "close": "13:00"}])


def row(t: str, price: float = 1.0) -> dict[str, Any]:
    return {"t": t, "o": price, "h": price, "l": price, "c": price, "v": 10}


def end_of(t: str, minutes: int) -> str:
    bars = bars_of([row(t)], minutes, CLOSES, NOW + timedelta(days=365))
    return datetime.fromtimestamp(int(bars.ends[0]), UTC).isoformat()


@pytest.mark.parametrize(
    ("t", "minutes", "end"),
    [
        ("2026-07-16T04:00:00Z", 1440, "2026-07-16T19:59:59+00:00"),
        ("2026-11-27T05:00:00Z", 1440, "2026-11-27T17:59:59+00:00"),
        ("2026-07-16T13:30:00Z", 5, "2026-07-16T13:35:00+00:00"),
        ("2026-07-16T19:55:00Z", 5, "2026-07-16T19:59:59+00:00"),
        ("2026-07-16T19:00:00Z", 60, "2026-07-16T19:59:59+00:00"),
        ("2026-07-16T20:30:00Z", 5, "2026-07-16T20:35:00+00:00"),
    ],
)
def test_a_bar_ends_with_its_length_or_its_session(t: str, minutes: int, end: str) -> None:
    assert end_of(t, minutes) == end


def test_a_forming_bar_and_one_without_a_session_are_dropped() -> None:
    rows = [row("2026-07-15T04:00:00Z"), row("2026-07-16T04:00:00Z")]
    assert len(bars_of(rows, 1440, CLOSES, NOW)) == 0
    assert len(bars_of(rows, 1440, CLOSES, datetime(2026, 7, 16, 19, 59, 59, tzinfo=UTC))) == 1
    assert len(bars_of([], 5, CLOSES, NOW)) == 0


def test_a_price_of_zero_is_no_price() -> None:
    quote = quote_of("XLK", {"t": "2026-07-16T13:30:00.123456789Z", "bp": 0, "ap": 100.01, "bs": 0, "as": 3})
    assert (quote.bid, quote.ask, quote.ask_size) == (None, D("100.01"), D(3))
    assert quote.ts == datetime(2026, 7, 16, 13, 30, 0, 123456, tzinfo=UTC)


def test_a_contract_nobody_quoted_is_kept_without_sides() -> None:
    snapshots = {
        "SPY260717C00640000": {"latestQuote": {"t": "2026-07-16T13:30:00Z", "bp": 1, "ap": 1.1, "bs": 1, "as": 1}},
        "SPY260717C00650000": {},
        "SPY1260717C00650000": {},
    }
    chain = chain_of("SPY", D(640), snapshots, NOW)
    assert chain is not None
    assert [(one.strike, one.bid) for one in chain.contracts] == [(D(640), D(1)), (D(650), None)]
    assert chain.contracts[1].ts.year == 1970


def test_a_chain_without_a_quote_is_no_chain() -> None:
    assert chain_of("SPY", D(640), {"SPY260717C00650000": {}}, NOW) is None


def test_a_time_without_a_zone_is_utc() -> None:
    assert moment("2026-07-16") == datetime(2026, 7, 16, tzinfo=UTC)
    assert moment("2026-07-16T09:30:00-04:00") == datetime(2026, 7, 16, 13, 30, tzinfo=UTC)


@pytest.mark.parametrize(("value", "text"), [("0", "0"), ("0.00", "0"), ("1E-8", "0.00000001"), ("12.50", "12.5")])
def test_numbers_are_written_as_digits(value: str, text: str) -> None:
    assert plain(D(value)) == text
