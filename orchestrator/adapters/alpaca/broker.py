"""Alpaca's trading account behind the `Broker` port: stocks, options, multi-leg orders.

It sends an order at most once per call, always under its client order id, and says UNKNOWN whenever Alpaca may have it.
It takes no decision about orders.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

from alpaca.trading.client import TradingClient

from orchestrator.adapters.alpaca.activities import Cursor, cash_events_of, fills_of
from orchestrator.adapters.alpaca.client import AlpacaKeys, Raw, decimal, moment, stamp, trading_client
from orchestrator.adapters.alpaca.errors import DUPLICATE_ID, status_of, translated
from orchestrator.adapters.alpaca.orders import family, order_of, request_of
from orchestrator.adapters.clocks import SystemClock
from orchestrator.adapters.transport import CallMeter, read
from orchestrator.domain.documents import AccountView
from orchestrator.domain.errors import BrokerError, OrderRefusedError, OutcomeUnknownError
from orchestrator.domain.orders import Order
from orchestrator.domain.venues import ALPACA
from orchestrator.ports import Clock, VenueOrder, VenueState

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
        working = self._get("state", "/orders", _orders_query(status="open"))
        activities = self._activities(known)
        positions = self._get("state", "/positions", {})
        account = self._get("state", "/account", {})
        with translated("Alpaca state"):
            news = known.news(activities)
            book = self._book(working, news)
            fills = fills_of(news, book.own_ids)
            orders = {str(one["id"]): str(one["order_id"]) for one in news if one["activity_type"] == "FILL"}
            return VenueState(
                account=self._account(account),
                positions={str(held["symbol"]): _signed(held) for held in positions},
                open_orders=book.mentioned,
                fills=fills,
                fill_orders={trade: book.parents.get(order, order) for trade, order in orders.items()},
                cash_events=cash_events_of(news),
                cursor=known.past(activities).text(),
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
                return order_of(self._client.post("/orders", body))  # type: ignore[arg-type]
        except OrderRefusedError as refused:
            if refused.code != DUPLICATE_ID:
                raise
            return self._known_already(order, refused)

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
            return order_of(raw)

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

    def _activities(self, known: Cursor) -> list[Raw]:
        query = {"direction": "asc", "page_size": str(ALPACA.page)}
        if known.after is not None:
            query["after"] = stamp(known.after)
        found: list[Raw] = []
        while True:
            page = self._get("state", "/account/activities", query)
            found += page
            if len(page) < ALPACA.page:
                return found
            query["page_token"] = str(page[-1]["id"])

    def _book(self, working: Sequence[Raw], news: Sequence[Raw]) -> _Book:
        executed = {str(one["order_id"]) for one in news if one["activity_type"] == "FILL"}
        unknown = executed - {key for raw in working for key in family(raw)}
        ended = [raw for raw in self._ended(news) if unknown & set(family(raw))] if unknown else []
        listed = [*working, *ended]
        return _Book(
            own_ids={key: str(raw["client_order_id"]) for raw in listed for key in family(raw)},
            parents={key: str(raw["id"]) for raw in listed for key in family(raw)},
            mentioned=[order_of(raw) for raw in listed],
        )

    def _ended(self, news: Sequence[Raw]) -> list[Raw]:
        first = min(moment(str(one["transaction_time"])) for one in news if one["activity_type"] == "FILL")
        query = _orders_query(status="closed", after=stamp(first - _LONGEST_REST))
        return list(self._get("state", "/orders", query))

    def _account(self, raw: Raw) -> AccountView:
        power = min(decimal(raw[name]) for name in ("buying_power", "non_marginable_buying_power") if raw.get(name))
        return AccountView(
            venue=self.name,
            cash=decimal(raw["cash"]),
            equity=decimal(raw["equity"]),
            buying_power=power,
            as_of=self._clock.now(),
        )


def _orders_query(**query: str) -> dict[str, str]:
    return {"nested": "true", "limit": str(_ORDERS_PAGE), **query}


def _signed(held: Raw) -> Decimal:
    qty = decimal(held["qty"])
    return -qty if held.get("side") == "short" and qty > 0 else qty
