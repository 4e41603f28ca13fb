"""Whatever is asked of the venue: an answer in the API's own form, never a crash, and the books stay whole."""

from __future__ import annotations

import json
from urllib.parse import urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.contract.venue_market import CALL_640, OPEN, PUT_630, market
from venue.exchange import Exchange
from venue.web.app import VenueApp
from venue.web.call import Call
from venue.web.control import Control, Pace
from venue.web.faults import FaultBook
from venue.web.routes import routes

_exact, _patterns = routes(Control(Pace(end=OPEN), FaultBook(), lambda: None), {})
PATHS = sorted(
    {path for method, path in _exact if method == "GET"} | {"/v2/orders/x", "/v1beta1/options/snapshots/SPY"}
)
POSTS = sorted(path for method, path in _exact if method == "POST" and path.startswith("/0/private/"))
NAMES = [
    "symbols", "symbol", "symbols", "pair", "interval", "since", "start", "end", "limit", "page_token", "timeframe",
    "status", "after", "until", "direction", "nested", "type", "strike_price_gte", "expiration_date", "page_size",
    "activity_types", "category", "date", "adjustment", "sort", "startTime", "from", "to", "underlying_symbols",
    "types", "ca_types", "client_order_id", "side",
]  # fmt: skip
VALUES = [
    "", "SPY", "XXBTZUSD", "BTCUSDT", "NOPE", '["BTCUSDT"]', "[", "1Day", "1d", "1", "0", "-1", "1e99", "NaN", "inf",
    "2026-07-01", "2026-07-16T13:30:00Z", "2026-07-16T13:30:00 00:00", "9999-12-31", "0001-01-01", "asc", "all", "call",
    "99999999999999999999", "FILL", "é", "QUFQTHxE", "====", "true", "split", CALL_640,
]  # fmt: skip
queries = st.dictionaries(st.sampled_from(NAMES), st.sampled_from(VALUES), max_size=5)
scalars: st.SearchStrategy[object] = st.sampled_from(
    [None, "", "1", "-1", "0.5", 1, 0, -3, 1.005, "x", True, "1e400", [], {}, "SPY", CALL_640]
)
forms = st.dictionaries(
    st.sampled_from(
        ["pair", "type", "ordertype", "volume", "price", "price2", "txid", "cl_ord_id", "ofs", "start", "oflags"]
    ),
    st.sampled_from(
        ["", "XBTUSD", "buy", "sell", "limit", "market", "stop-loss", "1", "0.01", "-1", "NaN", "x", "viqc", "1e40"]
    ),
    max_size=8,
)


@pytest.fixture(scope="module")
def app() -> VenueApp:
    return VenueApp(Exchange(market()), Pace(end=OPEN))


def answer(
    app: VenueApp, method: str, path: str, query: str = "", body: bytes = b"", **headers: str
) -> tuple[int, object]:
    reply = app.handle(Call(app.exchange, method, path, query, headers, body))
    return reply.status, json.loads(reply.body) if reply.body else None


@given(path=st.sampled_from(PATHS), query=queries)
@settings(max_examples=600)
def test_every_question_gets_an_answer_in_json(app: VenueApp, path: str, query: dict[str, str]) -> None:
    status, body = answer(app, "GET", path, urlencode(query))
    assert status in {200, 400, 403, 404, 422}
    if status != 200:
        assert isinstance(body, dict)
        assert body.get("message") or body.get("msg")


@given(
    order=st.fixed_dictionaries(
        {},
        optional={
            "symbol": st.sampled_from(["SPY", "NOPE", CALL_640, None, 3]),
            "qty": scalars,
            "notional": scalars,
            "side": st.sampled_from(["buy", "sell", "hold", None]),
            "type": st.sampled_from(["market", "limit", "stop", "trailing_stop", None]),
            "time_in_force": st.sampled_from(["day", "gtc", "opg", None]),
            "order_class": st.sampled_from(["simple", "bracket", "oco", "oto", "mleg", "x", None]),
            "limit_price": scalars,
            "stop_price": scalars,
            "take_profit": st.sampled_from([None, {}, {"limit_price": "700"}, "x"]),
            "stop_loss": st.sampled_from([None, {}, {"stop_price": "600"}, {"stop_price": "y"}]),
            "legs": st.sampled_from([None, [], [1], [{"symbol": PUT_630, "ratio_qty": "1", "side": "sell"}]]),
            "position_intent": st.sampled_from([None, "buy_to_open", "x"]),
        },
    )
)
@settings(max_examples=600)
def test_every_order_is_taken_or_refused_with_a_reason(app: VenueApp, order: dict[str, object]) -> None:
    status, body = answer(app, "POST", "/v2/orders", body=json.dumps(order).encode())
    assert isinstance(body, dict)
    assert status in {200, 403, 422}
    assert ("id" in body) == (status == 200)
    if status != 200:
        assert set(body) >= {"code", "message"}
        assert "\n" not in str(body["message"])


@given(path=st.sampled_from(POSTS), form=forms, nonce=st.integers(0, 10**12))
@settings(max_examples=400)
def test_kraken_answers_in_its_envelope(app: VenueApp, path: str, form: dict[str, str], nonce: int) -> None:
    key = f"k{nonce}{path}{sorted(form.items())}"
    body = urlencode({**form, "nonce": str(nonce)}).encode()
    headers = {"api-key": key, "api-sign": "s"}
    reply = app.handle(Call(app.exchange, "POST", path, "", headers, body))
    found = json.loads(reply.body)
    assert (reply.status, "result" in found) == (200, found["error"] == [])


@given(
    body=st.dictionaries(
        st.sampled_from(["to", "speed", "kind", "match", "times", "status", "side", "fraction", "x"]),
        st.sampled_from(
            [None, "x", 1, -1, "late_fill", {"path": "("}, {"path": "x"}, [], "2026-07-16T13:30:00Z", "1e999"]
        ),
    ),
    path=st.sampled_from(["/venue/clock", "/venue/faults"]),
)
@settings(max_examples=300)
def test_control_refuses_nonsense_in_one_line(app: VenueApp, body: dict[str, object], path: str) -> None:
    status, found = answer(app, "POST", path, body=json.dumps(body).encode())
    assert isinstance(found, dict)
    assert status in {200, 201, 422}


@given(body=st.binary(max_size=20))
@settings(max_examples=100)
def test_broken_bodies_are_refused(app: VenueApp, body: bytes) -> None:
    status, found = answer(app, "POST", "/v2/orders", body=body)
    assert (status, isinstance(found, dict)) == (422, True)
