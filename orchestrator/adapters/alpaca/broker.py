"""Alpaca's trading account behind the `Broker` port: stocks, options, multi-leg orders.

It sends an order at most once per call, always under its client order id, and says UNKNOWN whenever Alpaca may have it.
It takes no decision about orders.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from alpaca.trading.client import TradingClient

from orchestrator.adapters.alpaca.activities import Activity, Cursor, Execution, read_news, read_rows
from orchestrator.adapters.alpaca.client import AlpacaKeys, stamp, trading_client
from orchestrator.adapters.alpaca.errors import status_of, translated
from orchestrator.adapters.alpaca.holdings import holdings_of, read_account
from orchestrator.adapters.alpaca.orders import family, order_of, request_of
from orchestrator.adapters.clocks import SystemClock
from orchestrator.adapters.rows import UNREADABLE, said, shortened, sort_out
from orchestrator.adapters.transport import CallMeter, read
from orchestrator.domain.errors import (
    DUPLICATE_ID,
    BrokerError,
    MalformedDataError,
    OrderRefusedError,
    OutcomeUnknownError,
)
from orchestrator.domain.orders import Fill, Order
from orchestrator.domain.venues import ALPACA
from orchestrator.ports import Clock, Trouble, TroubleKind, VenueOrder, VenueState

_LONGEST_REST = timedelta(days=8)
_ORDERS_PAGE = 500
_CANCEL_POLLS = 3
_CANCEL_WAIT_S = 0.25


@dataclass(frozen=True, slots=True)
class _Book:
    """Orders by what executions call them."""

    own_ids: dict[str, str]
    parents: dict[str, str]
    mentioned: list[VenueOrder]
    troubles: list[Trouble]


class AlpacaBroker:
    """One Alpaca account; fulfils `orchestrator.ports.Broker`.

    Parameters
    ----------
    keys
        Key, secret and addresses.
    clock
        Dates the account view; Alpaca's answer carries no time.
    sleep
        How to wait between attempts, in seconds.
    """

    name = ALPACA.name
    profile = ALPACA

    def __init__(
        self, keys: AlpacaKeys, *, clock: Clock | None = None, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self.meter = CallMeter()
        self._clock = clock if clock is not None else SystemClock()
        self._sleep = sleep
        self._client: TradingClient = trading_client(keys, self.meter)

    def state(self, cursor: str) -> VenueState:
        """Return the account in four calls, five when there are executions of orders that are no longer open.

        `open_orders` carries every open order, and those of the ended ones that news in `fills` belongs to, in their
        final state. An order in neither must be asked for with `find`.

        Raises
        ------
        BrokerError
            Nothing is known.
        """
        known = Cursor.parse(cursor)
        working = self._listed("/orders", _orders_query(status="open"))
        activities = self._activities(known)
        positions = self._listed("/positions", {})
        account = self._get("state", "/account", {})
        with translated("Alpaca state"):
            return self._told(known, activities, working=working, positions=positions, account=account)

    def _told(
        self, known: Cursor, activities: list[Activity], *, working: list[Any], positions: list[Any], account: Any
    ) -> VenueState:
        rows, unknown_rows = read_rows(activities, self._clock.now())
        news = read_news(known.news(rows))
        book = self._book(working, news.executions)
        held = holdings_of(positions)
        money, unread = read_account(account, venue=self.name, now=self._clock.now())
        waiting = frozenset(trouble.subject for trouble in news.troubles)
        return VenueState(
            account=money,
            positions=held.positions,
            open_orders=book.mentioned,
            fills=[_owned(one, book) for one in news.executions],
            fill_orders={one.fill.trade_id: book.parents.get(one.order_id, one.order_id) for one in news.executions},
            cash_events=news.cash_events,
            cursor=known.past(rows, waiting).text(),
            prices=held.prices,
            troubles=[*unknown_rows, *news.troubles, *book.troubles, *held.troubles, *unread],
        )

    def submit(self, order: Order) -> VenueOrder:
        """Send an order once. An id that Alpaca knows already gives the order it belongs to.

        Raises
        ------
        BrokerUnavailableError
            Certainly not sent; RateLimitedError when Alpaca asked for fewer requests.
        OrderRefusedError
            Alpaca said no, or has no such order.
        OutcomeUnknownError
            Alpaca may have it.
        """
        body = request_of(order.intent)
        try:
            with translated(f"Alpaca submit {order.id}", sending=True):
                raw: object = self._client.post("/orders", body)
        except OrderRefusedError as refused:
            if refused.code != DUPLICATE_ID:
                raise
            return self._known_already(order, refused)
        return _taken(order, raw)

    def cancel(self, order: Order) -> VenueOrder:
        """Ask for a cancel and return the order as it stands a moment later.

        Raises
        ------
        OrderRefusedError
            Alpaca has no such order.
        BrokerError
            Alpaca cannot be asked.
        """
        broker_id = order.broker_order_id or self._id_of(order)
        try:
            self._read("cancel", lambda: self._client.delete(f"/orders/{broker_id}"))
        except BrokerError as error:
            if status_of(error) not in {404, 422}:  # ended already: what it ended as is read below
                raise
        stands = self._stands(broker_id)
        for _ in range(_CANCEL_POLLS):
            if stands.note != "pending_cancel":
                break
            self._sleep(_CANCEL_WAIT_S)
            stands = self._stands(broker_id)
        return stands

    def find(self, order: Order) -> VenueOrder | None:
        """Look an order up by its client order id; Alpaca keeps open and ended ones under it.

        Raises
        ------
        BrokerError
            Alpaca cannot be asked; nothing is known.
        """
        query = {"client_order_id": order.id}
        try:
            raw = self._get("find", "/orders:by_client_order_id", query)
        except BrokerError as error:
            if status_of(error) == 404:
                return None
            raise
        with translated("Alpaca find"):
            return _own(order, raw)

    def close(self) -> None:
        """Close the connections."""
        self._client._session.close()

    def _known_already(self, order: Order, refused: OrderRefusedError) -> VenueOrder:
        found = self.find(order)
        if found is None:
            raise OutcomeUnknownError(f"order {order.id}: Alpaca knows the id and does not show the order") from refused
        return found

    def _id_of(self, order: Order) -> str:
        found = self.find(order)
        if found is None:
            raise OrderRefusedError(f"order {order.id}: Alpaca has no such order to cancel", code="not_found")
        return found.broker_order_id

    def _stands(self, broker_id: str) -> VenueOrder:
        raw = self._get("cancel", f"/orders/{broker_id}", {})
        with translated("Alpaca cancel"):
            return order_of(raw)

    def _read(self, what: str, call: Callable[[], Any]) -> Any:
        def once() -> Any:
            with translated(f"Alpaca {what}"):
                return call()

        return read(once, sleep=self._sleep)

    def _get(self, what: str, path: str, query: dict[str, str]) -> Any:
        return self._read(what, lambda: self._client.get(path, query))

    def _listed(self, path: str, query: dict[str, str]) -> list[Any]:
        with translated("Alpaca state"):
            return _list(self._get("state", path, query))

    def _activities(self, known: Cursor) -> list[Any]:
        query = {"direction": "asc", "page_size": str(ALPACA.page)}
        if known.after is not None:
            query["after"] = stamp(known.after)
        found: list[Any] = []
        while True:
            page = self._listed("/account/activities", query)
            found += page
            if len(page) < ALPACA.page:
                return found
            last = next((key for row in reversed(page) if (key := said(row, "id"))), "")
            if last in {"", query.get("page_token")}:
                raise BrokerError("Alpaca state: a page of activities leads to itself; the history cannot be read on")
            query["page_token"] = last

    def _book(self, working: Sequence[Any], executions: Sequence[Execution]) -> _Book:
        unknown = {one.order_id for one in executions} - {key for raw in working for key in family(raw)}
        ended = [raw for raw in self._ended(executions) if unknown & set(family(raw))] if unknown else []
        listed = [*working, *ended]
        orders, troubles = sort_out(
            TroubleKind.ORDER,
            listed,
            order_of,
            subject=lambda raw: said(raw, "client_order_id", "id"),
            symbol=lambda raw: said(raw, "symbol"),
        )
        return _Book(
            own_ids={key: said(raw, "client_order_id") for raw in listed for key in family(raw)},
            parents={key: said(raw, "id") for raw in listed for key in family(raw) if said(raw, "id")},
            mentioned=orders,
            troubles=troubles,
        )

    def _ended(self, executions: Sequence[Execution]) -> list[Any]:
        first = min(one.fill.ts_event for one in executions)
        return self._listed("/orders", _orders_query(status="closed", after=stamp(first - _LONGEST_REST)))


def _orders_query(**query: str) -> dict[str, str]:
    return {"nested": "true", "limit": str(_ORDERS_PAGE), **query}


def _list(raw: object) -> list[Any]:
    if not isinstance(raw, list):
        raise MalformedDataError(f"a list is {shortened(raw)[:200]}")
    return raw


def _owned(one: Execution, book: _Book) -> Fill:
    return one.fill.model_copy(update={"client_order_id": book.own_ids.get(one.order_id, "")})


def _own(order: Order, raw: object) -> VenueOrder:
    """Return what an answer says of this order.

    Raises
    ------
    MalformedDataError
        It cannot be read, or is about another order.
    """
    told = order_of(raw)
    if told.client_order_id != order.id:
        raise MalformedDataError(f"the answer is about order {told.client_order_id}")
    return told


def _taken(order: Order, raw: object) -> VenueOrder:
    """Return what the answer to a new order says.

    Raises
    ------
    OutcomeUnknownError
        It says nothing that can be read: Alpaca may have the order.
    """
    try:
        return _own(order, raw)
    except UNREADABLE as error:
        text = f"order {order.id}: Alpaca's answer makes no sense ({error}); look it up before sending again"
        raise OutcomeUnknownError(text, raw=shortened(raw)) from error
