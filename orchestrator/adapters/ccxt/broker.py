"""Kraken's spot account behind the `Broker` port, and other venues' rules under Kraken's dialect (the local one).

A client order id is unique among open orders only, so nothing here sends an order twice, and an order is looked up in
open orders, closed orders and trades. It takes no decision about orders.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

from orchestrator.adapters.ccxt.client import CcxtClient
from orchestrator.adapters.ccxt.cursor import OVERLAP_S, Cursor
from orchestrator.adapters.ccxt.errors import translated
from orchestrator.adapters.ccxt.fees import USD, charged, unconverted
from orchestrator.adapters.ccxt.money import Purse
from orchestrator.adapters.ccxt.orders import order_of, symbols_by_name, ticket_of
from orchestrator.adapters.ccxt.trades import Execution, TradeReader, order_of_trades, seconds_of
from orchestrator.adapters.ccxt.transfers import cash_events, that_move_usd
from orchestrator.adapters.clocks import SystemClock
from orchestrator.adapters.rows import fields, number, said, shortened, sort_out
from orchestrator.domain.base import ZERO
from orchestrator.domain.errors import (
    BrokerError,
    MalformedDataError,
    MissingDataError,
    OrderRefusedError,
    OutcomeUnknownError,
)
from orchestrator.domain.orders import Fill, Order, OrderState
from orchestrator.domain.venues import LookUp
from orchestrator.ports import Clock, Trouble, TroubleKind, VenueOrder, VenueState

_UNKNOWN_ORDER = "EOrder:Unknown order"
_BEFORE_DECISION = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class _Answers:
    """The raw answers behind one state."""

    opened: Mapping[str, object]
    closed: Mapping[str, object]
    trades: Mapping[str, object]
    balances: Mapping[str, object]
    ledger: Mapping[str, object]

    @property
    def orders(self) -> dict[str, object]:
        """All orders; one that ended between two calls is told as ended."""
        return {**self.opened, **self.closed}


class KrakenBroker:
    """One account; fulfils `orchestrator.ports.Broker`.

    Parameters
    ----------
    client
        From `kraken_client`, with a key.
    clock
        Dates the account view; Kraken's answer carries no time.
    """

    def __init__(self, client: CcxtClient, *, clock: Clock | None = None) -> None:
        self._client = client
        self._clock = clock if clock is not None else SystemClock()
        self.name = client.name
        self.profile = client.profile
        self.meter = client.meter

    def state(self, cursor: str) -> VenueState:
        """Return the account in five calls, six when coins are held (their prices).

        `open_orders` carries every open order, and the orders that ended since the cursor in their final state. An
        order in neither must be asked for with `find`. Every coin that has a price in USD is a position; a deposit of
        coins is one more of them, and no cash event.

        Raises
        ------
        BrokerError
            Nothing is known.
        """
        known = Cursor.parse(cursor)
        with translated(f"{self.name} state"):
            return self._state(known)

    def _state(self, known: Cursor) -> VenueState:
        names, now = symbols_by_name(self._client.markets().values()), self._clock.now()
        answers = _Answers(
            opened=fields(self._private("OpenOrders", {})["open"]),
            closed=self._pages("ClosedOrders", "closed", known.start, {"closetime": "close"}),
            trades=self._pages("TradesHistory", "trades", known.start, {}),
            balances=fields(self._private("BalanceEx", {})),
            ledger=self._moves(known.start or now.timestamp() - OVERLAP_S),
        )
        purse = Purse.of(self._client, answers.balances)
        orders, bad_orders = self._orders(answers.orders, names)
        executions, bad_trades = self._executions(known.news(answers.trades), names)
        fills, bad_fees = self._fills(executions, orders)
        moved, bad_entries = cash_events(known.news(answers.ledger), now)
        dated = {**answers.trades, **answers.ledger}
        times = {key: at for key, raw in dated.items() if (at := seconds_of(raw, "time", now)) is not None}
        ended = [at for raw in answers.closed.values() if (at := seconds_of(raw, "closetm", now)) is not None]
        waiting = frozenset(trouble.subject for trouble in (*bad_trades, *bad_entries))
        return VenueState(
            account=purse.account(self.name, now),
            positions=purse.positions,
            open_orders=orders,
            fills=fills,
            fill_orders={one.fill.trade_id: one.order_id for one in executions},
            cash_events=moved,
            cursor=known.past(times, ended, waiting).text(),
            prices=purse.prices,
            least=purse.least,
            troubles=[*bad_orders, *bad_trades, *bad_fees, *bad_entries, *purse.troubles],
        )

    def submit(self, order: Order) -> VenueOrder:
        """Send an order once.

        Raises
        ------
        BrokerUnavailableError
            Certainly not sent; RateLimitedError when Kraken asked for fewer requests.
        OrderRefusedError
            Kraken said no, or has no such order.
        OutcomeUnknownError
            Kraken may have it.
        """
        symbol = order.intent.legs[0].symbol
        ticket = ticket_of(order.intent, self._client.grid(symbol), self.profile)
        try:
            taken = self._client.send(
                f"submit {order.id}",
                lambda exchange: exchange.create_order(
                    ticket.symbol, ticket.type, ticket.side, ticket.amount, ticket.price, ticket.params
                ),
            )
        except OrderRefusedError as refused:
            if not self.profile.is_duplicate(refused.code):
                raise
            return self._known_already(order, refused)
        broker_order_id = said(taken, "id")
        if not broker_order_id:
            text = f"order {order.id}: {self.name} answered without an order id; look it up"
            raise OutcomeUnknownError(text, raw=shortened(taken.get("info") if isinstance(taken, dict) else taken))
        return VenueOrder(order.id, broker_order_id, OrderState.WORKING, note="accepted")

    def cancel(self, order: Order) -> VenueOrder:
        """Ask for a cancel and return the order as it then stands.

        Raises
        ------
        OrderRefusedError
            Kraken has no such order.
        BrokerError
            Kraken cannot be asked.
        """
        if order.broker_order_id is None and LookUp.CLOSED not in self.profile.look_up:
            order = self._known_by_its_number(order)
        query = {"txid": order.broker_order_id} if order.broker_order_id else self._own_id(order)
        try:
            self._private("CancelOrder", query)
        except BrokerError as error:
            if _UNKNOWN_ORDER not in str(error):  # it ended already: what it ended as is looked up below
                raise
        found = self.find(order)
        if found is None:
            raise self._no_such(order)
        return found

    def _known_by_its_number(self, order: Order) -> Order:
        """Return the order with the venue's id: without it nothing would tell, once cancelled, what it ended as."""
        found = self.find(order)
        if found is None:
            raise self._no_such(order)
        return order.model_copy(update={"broker_order_id": found.broker_order_id})

    def _no_such(self, order: Order) -> OrderRefusedError:
        return OrderRefusedError(f"order {order.id}: {self.name} has no such order to cancel", code="not_found")

    def find(self, order: Order) -> VenueOrder | None:
        """Look an order up in open orders, closed orders and trades.

        Raises
        ------
        BrokerError
            Kraken cannot be asked; nothing is known.
        """
        with translated(f"{self.name} find"):
            return self._find(order)

    def _find(self, order: Order) -> VenueOrder | None:
        """Look in every list: one of them may be old, and an order that a later one tells as ended has ended."""
        since = (order.intent.decided_at - _BEFORE_DECISION).timestamp()
        own = self._own_id(order)
        by_id = own if LookUp.CLOSED in self.profile.look_up else {}
        opened = fields(self._private("OpenOrders", own)["open"])
        closed = self._pages("ClosedOrders", "closed", since, by_id)
        mine = {**self._mine(order, opened), **self._mine(order, closed, surely=bool(by_id))}
        if mine:
            key = max(mine, key=lambda key: (key == order.broker_order_id, _opened_at(mine[key])))
            return self._order(key, mine[key])
        traded = order_of_trades(
            order, self._pages("TradesHistory", "trades", since, {}), prefix=self.profile.client_id_prefix
        )
        if traded is not None and traded.broker_order_id in closed:
            return self._order(traded.broker_order_id, closed[traded.broker_order_id])
        return traded

    def _own_id(self, order: Order) -> dict[str, str]:
        return {"cl_ord_id": self.profile.client_id_prefix + order.id}

    def _mine(self, order: Order, listed: Mapping[str, object], *, surely: bool = True) -> dict[str, object]:
        """Return the rows of this order among these: by the venue's id of it, or by its client order id.

        Raises
        ------
        MalformedDataError
            A row that was asked for by client order id (`surely`) does not tell its own: it may be the one.
        """
        wanted = self._own_id(order)["cl_ord_id"]
        for key, raw in listed.items():
            if surely and key != order.broker_order_id and not said(raw, "cl_ord_id"):
                raise MalformedDataError(f"order {key} does not tell its client order id: {shortened(raw)[:300]}")
        return {
            key: raw for key, raw in listed.items() if key == order.broker_order_id or said(raw, "cl_ord_id") == wanted
        }

    def _order(self, key: str, raw: object) -> VenueOrder:
        names = symbols_by_name(self._client.markets().values())
        return order_of(key, raw, names, prefix=self.profile.client_id_prefix)

    def _known_already(self, order: Order, refused: OrderRefusedError) -> VenueOrder:
        found = self.find(order)
        if found is None:
            raise OutcomeUnknownError(
                f"order {order.id}: {self.name} knows the id and does not show the order"
            ) from refused
        return found

    def _moves(self, start: float) -> dict[str, object]:
        """Return the entries of the ledger that moved dollars without a trade."""
        return that_move_usd(self._pages("Ledgers", "ledger", start, {}), self._client.exchange.safe_currency_code)

    def _private(self, path: str, query: Mapping[str, Any]) -> Any:
        return self._client.read(path, lambda exchange: getattr(exchange, f"privatePost{path}")(dict(query))["result"])

    def _pages(self, path: str, field: str, start: float, query: Mapping[str, Any]) -> dict[str, object]:
        """Return all pages since `start`; from the beginning only trades, of closed orders the newest page."""
        asked = {**query, **({"start": f"{start:.6f}"} if start else {})}
        found: dict[str, object] = {}
        while True:
            page = self._private(path, {**asked, "ofs": str(len(found))})
            rows, before = fields(page[field]), len(found)
            found |= rows
            complete = len(found) >= int(page.get("count") or 0) or len(rows) < self.profile.page
            if complete or (not start and field == "closed"):
                return found
            if len(found) == before:
                raise MalformedDataError(f"{path}: a page leads to itself; the list cannot be read on")

    def _orders(self, listed: Mapping[str, object], names: Mapping[str, str]) -> tuple[list[VenueOrder], list[Trouble]]:
        prefix = self.profile.client_id_prefix
        return sort_out(
            TroubleKind.ORDER,
            listed.items(),
            lambda item: order_of(item[0], item[1], names, prefix=prefix),
            subject=lambda item: said(item[1], "cl_ord_id").removeprefix(prefix) or item[0],
            symbol=lambda item: _symbol(_descr(item[1]), names),
        )

    def _executions(
        self, news: Mapping[str, object], names: Mapping[str, str]
    ) -> tuple[list[Execution], list[Trouble]]:
        code_of = self._client.exchange.safe_currency_code
        reader = TradeReader(names, code_of, self._clock.now(), self.profile.client_id_prefix)
        return sort_out(
            TroubleKind.FILL,
            news.items(),
            lambda item: reader.read(*item),
            subject=lambda item: item[0],
            symbol=lambda item: _symbol(item[1], names),
        )

    def _fills(self, executions: Sequence[Execution], orders: Sequence[VenueOrder]) -> tuple[list[Fill], list[Trouble]]:
        own_ids = {one.broker_order_id: one.client_order_id or "" for one in orders}
        usd = self._worth(executions)
        fills: list[Fill] = []
        troubles: list[Trouble] = []
        for one in executions:
            fill = one.fill
            if not fill.client_order_id:
                fill = fill.model_copy(update={"client_order_id": own_ids.get(one.order_id, "")})
            try:
                if one.charge is None:
                    raise MissingDataError("the fee cannot be read")
                fills.append(charged(fill, one.charge, quote=self.profile.quote, usd=usd))
            except MissingDataError as error:
                fills.append(fill if one.charge is None else unconverted(fill, one.charge))
                troubles.append(Trouble(TroubleKind.FEE, fill.trade_id, str(error), symbol=fill.symbol))
        return fills, troubles

    def _worth(self, executions: Sequence[Execution]) -> dict[str, Decimal]:
        """Return USD per unit of the currencies that fees were taken in, where they are neither USD nor the coin."""
        odd = {
            one.charge.currency
            for one in executions
            if one.charge is not None
            and one.charge.cost
            and one.charge.currency not in {USD, self.profile.quote, one.fill.symbol.partition("/")[0]}
        }
        return {} if not odd else self._client.prices_of(sorted(odd))


def _opened_at(raw: object) -> Decimal:
    """Return when an order was taken: of two under one client order id the later counts."""
    try:
        return number(fields(raw), "opentm")
    except MalformedDataError:
        return ZERO


def _descr(raw: object) -> object:
    return raw.get("descr") if isinstance(raw, dict) else None


def _symbol(raw: object, names: Mapping[str, str]) -> str:
    pair = said(raw, "pair")
    return names.get(pair, pair)
