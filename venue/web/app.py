"""The ASGI application: routes a request to its handler, applies faults, words refusals in the API's own way.

Handlers are plain functions and run to the end under the exchange's lock, so every request sees one state.
"""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta
from functools import partial

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from venue.exchange import Exchange
from venue.orders import Order, Refusal, RefusedError
from venue.web import alpaca_shapes, kraken_names
from venue.web.call import Cache, Call, Reply, reply
from venue.web.control import Control, Pace
from venue.web.faults import Fault, FaultBook, FaultKind
from venue.web.routes import Handler, routes

LONGEST_HOLD = 120.0


class VenueApp:
    """Serves one exchange."""

    def __init__(self, exchange: Exchange, pace: Pace | None = None) -> None:
        self.exchange = exchange
        self.pace = pace if pace is not None else Pace(start=exchange.now)
        self.faults = FaultBook()
        self._nonces: dict[str, int] = {}
        self._cache = Cache()
        control = Control(self.pace, self.faults, self._forget)
        exact, patterns = routes(control, self._nonces)
        self._exact = exact
        self._patterns = [(method, re.compile(pattern), handler) for method, pattern, handler in patterns]

    def _forget(self) -> None:
        self._nonces.clear()
        self._cache.clear()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        request = Request(scope, receive)
        body = await request.body() if request.method in {"POST", "PATCH", "PUT"} else b""
        call = Call(
            self.exchange,
            request.method,
            scope["path"],
            scope["query_string"].decode("latin-1"),
            {key.decode("latin-1"): value.decode("latin-1") for key, value in scope["headers"]},
            body,
            cache=self._cache,
        )
        fault = None if call.path.startswith("/venue/") else self.faults.take(call)
        answer = self._answer(call, fault)
        if answer is None:
            await _drop(fault, send)
            return
        headers = {"X-Venue": self.exchange.feed.name, **answer.headers}
        response = Response(answer.body, answer.status, headers, media_type="application/json")
        await response(scope, receive, send)

    def _answer(self, call: Call, fault: Fault | None) -> Reply | None:
        """Return the answer, None if a fault swallows it."""
        if fault is None:
            return self.handle(call)
        early = {FaultKind.HTTP_429: _too_many, FaultKind.HTTP_5XX: _broken}
        if fault.kind in early:
            return early[fault.kind](call, fault)
        if fault.kind is FaultKind.TIMEOUT_BEFORE:
            return None
        call.quote_fault = fault.quote_fault()
        if fault.kind is FaultKind.CLOCK_SKEW:
            call.skew = timedelta(seconds=fault.skew_seconds)
        if fault.kind in {FaultKind.STALE_OPEN_ORDERS, FaultKind.LATE_HISTORY}:
            call.list_lag = timedelta(seconds=fault.age_seconds)
        call.order_fault = partial(_disturb, fault)
        answer = fault.rewritten(self.handle(call))
        if fault.kind is FaultKind.DUPLICATE_REFUSED:
            return _word(call, RefusedError(Refusal.DUPLICATE_ID, "client_order_id must be unique"))
        return None if fault.kind is FaultKind.TIMEOUT_AFTER else answer

    def handle(self, call: Call) -> Reply:
        """Run the handler of a request, and then what it left to be done once the answer was written."""
        with self.exchange.lock:
            handler = self._route(call)
            try:
                answer = handler(call) if handler is not None else _unknown(call)
                if call.after is not None:
                    call.after()
            except RefusedError as error:
                return _word(call, error)
            return answer

    def _route(self, call: Call) -> Handler | None:
        handler = self._exact.get((call.method, call.path))
        if handler is not None:
            return handler
        for method, pattern, found in self._patterns:
            match = pattern.fullmatch(call.path)
            if method == call.method and match is not None:
                call.args = match.groupdict()
                return found
        return None


def _word(call: Call, error: RefusedError) -> Reply:
    if call.path.startswith("/0/"):
        return kraken_names.refusal(error)
    if call.path.startswith("/api/"):
        return reply({"code": -1100, "msg": error.message}, 400)
    return alpaca_shapes.refusal(error)


def _unknown(call: Call) -> Reply:
    if call.path.startswith("/0/"):
        return kraken_names.fail("EGeneral:Unknown method")
    return reply({"code": 40410000, "message": f"endpoint not found: {call.method} {call.path}"}, 404)


def _too_many(call: Call, fault: Fault) -> Reply:
    if call.path.startswith("/0/"):
        body = kraken_names.fail("EAPI:Rate limit exceeded").body
    else:
        body = reply({"code": 42910000, "message": "rate limit exceeded"}).body
    return Reply(body, 429, {"Retry-After": str(fault.retry_after)})


def _broken(call: Call, fault: Fault) -> Reply:
    if call.path.startswith("/0/"):
        return Reply(kraken_names.fail("EService:Unavailable").body, fault.status)
    return reply({"code": 50010000, "message": "internal server error occurred"}, fault.status)


def _disturb(fault: Fault, order: Order) -> None:
    if fault.kind is FaultKind.PARTIAL_FILL:
        order.first_fill_cap = order.qty * fault.fraction
    elif fault.kind is FaultKind.LATE_FILL:
        order.hold_moments = fault.moments


async def _drop(fault: Fault | None, send: Send) -> None:
    """Give no answer: hold the connection for as long as the fault says, then cut it.

    ASGI has no word for that, so the connection is cut through uvicorn's own request cycle, which `send` belongs to.
    """
    await asyncio.sleep(min(fault.hold_seconds if fault is not None else 0.0, LONGEST_HOLD))
    cycle = getattr(send, "__self__", None)
    if cycle is not None:
        cycle.transport.abort()
        while not cycle.disconnected:
            await asyncio.sleep(0)
