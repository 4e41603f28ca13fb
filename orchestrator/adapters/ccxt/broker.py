"""Kraken's spot account behind the `Broker` port.

A client order id is unique among open orders only, so nothing here sends an order twice, and an order is looked up in
open orders, closed orders and trades. It takes no decision about orders.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

from orchestrator.adapters.ccxt.client import CcxtClient, Raw
from orchestrator.adapters.ccxt.cursor import Cursor
from orchestrator.adapters.ccxt.errors import translated
from orchestrator.adapters.ccxt.orders import fill_of, order_of, order_of_trades, symbols_by_name, ticket_of
from orchestrator.adapters.clocks import SystemClock
from orchestrator.domain.base import ZERO
from orchestrator.domain.documents import AccountView
from orchestrator.domain.errors import BrokerError, OrderRefusedError, OutcomeUnknownError
from orchestrator.domain.orders import Fill, Order, OrderState
from orchestrator.ports import Clock, VenueOrder, VenueState

_UNKNOWN_ORDER = "EOrder:Unknown order"
_BEFORE_DECISION = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class _Answers:
    """The raw answers behind one state."""

    opened: Mapping[str, Raw]
    closed: Mapping[str, Raw]
    trades: Mapping[str, Raw]
    balances: Mapping[str, Raw]

    @property
    def orders(self) -> dict[str, Raw]:
        """All orders; one that ended between two calls is told as ended."""
        return {**self.opened, **self.closed}


class KrakenBroker:
    """One Kraken account; fulfils `orchestrator.ports.Broker`.

    Parameters
    ----------
    client
        From `kraken_client`, with a key.
    universe
        The pairs the desk trades, such as BTC/USD; other coins are not positions and not equity.
    clock
        Dates the account view; Kraken's answer carries no time.
    """

    name = "kraken"

    def __init__(self, client: CcxtClient, *, universe: Sequence[str], clock: Clock | None = None) -> None:
        self._client = client
        self._universe = tuple(universe)
        self._clock = clock if clock is not None else SystemClock()
        self.profile = client.profile
        self.meter = client.meter

    def state(self, cursor: str) -> VenueState:
        """Return the account in four calls, five when coins are held (their prices).

        `open_orders` carries every open order, and the orders that ended since the cursor in their final state. An
        order in neither must be asked for with `find`. Deposits and withdrawals are not told as cash events.

        Raises
        ------
        BrokerError
            Nothing is known.
        """
        known = Cursor.parse(cursor)
        with translated("kraken state"):
            return self._state(known)

    def _state(self, known: Cursor) -> VenueState:
        symbols = symbols_by_name(self._client.markets().values())
        answers = _Answers(
            opened=self._private("OpenOrders", {})["open"],
            closed=self._pages("ClosedOrders", "closed", known.start, {"closetime": "close"}),
            trades=self._pages("TradesHistory", "trades", known.start, {}),
            balances=self._private("BalanceEx", {}),
        )
        held = self._held(answers.balances)
        prices = self._prices([symbol for symbol, qty in held.items() if qty > 0])
        news = known.news(answers.trades)
        return VenueState(
            account=self._account(answers.balances, held, prices),
            positions={s: qty for s, qty in held.items() if qty > 0 and qty >= self._client.grid(s).min_qty},
            open_orders=[order_of(key, raw) for key, raw in answers.orders.items()],
            fills=self._fills(news, answers, symbols),
            fill_orders={key: str(raw["ordertxid"]) for key, raw in news.items()},
            cursor=known.past(answers.trades, answers.closed.values()).text(),
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
        ticket = ticket_of(order.intent, self._client.grid(symbol))
        try:
            taken = self._client.send(
                f"submit {order.id}",
                lambda exchange: exchange.create_order(
                    ticket.symbol, ticket.type, ticket.side, ticket.amount, ticket.price, ticket.params
                )["id"],
            )
        except OrderRefusedError as refused:
            if "uplicate" not in refused.code and "cl_ord_id" not in refused.code:
                raise
            return self._known_already(order, refused)
        if not taken:
            raise OutcomeUnknownError(f"order {order.id}: Kraken answered without an order id; look it up")
        return VenueOrder(order.id, str(taken), OrderState.WORKING, note="accepted")

    def cancel(self, order: Order) -> VenueOrder:
        """Ask for a cancel and return the order as it then stands.

        Raises
        ------
        OrderRefusedError
            Kraken has no such order.
        BrokerError
            Kraken cannot be asked.
        """
        query = {"txid": order.broker_order_id} if order.broker_order_id else {"cl_ord_id": order.id}
        try:
            self._private("CancelOrder", query)
        except BrokerError as error:
            if _UNKNOWN_ORDER not in str(error):  # it ended already: what it ended as is looked up below
                raise
        found = self.find(order)
        if found is None:
            raise OrderRefusedError(f"order {order.id}: Kraken has no such order to cancel", code="not_found")
        return found

    def find(self, order: Order) -> VenueOrder | None:
        """Look an order up in open orders, closed orders and trades.

        Raises
        ------
        BrokerError
            Kraken cannot be asked; nothing is known.
        """
        with translated("kraken find"):
            return self._find(order)

    def _find(self, order: Order) -> VenueOrder | None:
        since = (order.intent.decided_at - _BEFORE_DECISION).timestamp()
        own = {"cl_ord_id": order.id}
        for listed in (
            self._private("OpenOrders", own)["open"],
            self._pages("ClosedOrders", "closed", since, own),
        ):
            for key, raw in listed.items():
                if raw.get("cl_ord_id") == order.id:
                    return order_of(key, raw)
        return order_of_trades(order, self._pages("TradesHistory", "trades", since, {}))

    def _known_already(self, order: Order, refused: OrderRefusedError) -> VenueOrder:
        found = self.find(order)
        if found is None:
            raise OutcomeUnknownError(f"order {order.id}: Kraken knows the id and does not show the order") from refused
        return found

    def _private(self, path: str, query: Mapping[str, Any]) -> Any:
        return self._client.read(path, lambda exchange: getattr(exchange, f"privatePost{path}")(dict(query))["result"])

    def _pages(self, path: str, field: str, start: float, query: Mapping[str, Any]) -> dict[str, Raw]:
        """Return all pages since `start`; from the beginning only trades, of closed orders the newest page."""
        asked = {**query, **({"start": f"{start:.6f}"} if start else {})}
        found: dict[str, Raw] = {}
        while True:
            page = self._private(path, {**asked, "ofs": str(len(found))})
            found |= page[field]
            complete = len(found) >= int(page.get("count") or 0) or len(page[field]) < self._client.profile.page
            if complete or (not start and field == "closed"):
                return found

    def _held(self, balances: Mapping[str, Raw]) -> dict[str, Decimal]:
        by_code = self._by_code(balances, "balance")
        return {symbol: by_code.get(symbol.partition("/")[0], ZERO) for symbol in self._universe}

    def _by_code(self, balances: Mapping[str, Raw], field: str) -> dict[str, Decimal]:
        code_of = self._client.exchange.safe_currency_code
        return {code_of(key): Decimal(raw.get(field) or 0) for key, raw in balances.items()}

    def _prices(self, symbols: Sequence[str]) -> dict[str, Decimal]:
        if not symbols:
            return {}
        names = {self._client.market(symbol)["id"]: symbol for symbol in symbols}
        asked = {"pair": ",".join(names)}
        told = self._client.read("Ticker", lambda exchange: exchange.publicGetTicker(asked)["result"])
        return {names[key]: Decimal(raw["c"][0]) for key, raw in told.items() if key in names}

    def _account(
        self, balances: Mapping[str, Raw], held: Mapping[str, Decimal], prices: Mapping[str, Decimal]
    ) -> AccountView:
        cash = self._by_code(balances, "balance").get("USD", ZERO)
        on_hold = self._by_code(balances, "hold_trade").get("USD", ZERO)
        return AccountView(
            venue=self.name,
            cash=cash,
            equity=cash + sum((held[symbol] * price for symbol, price in prices.items()), ZERO),
            buying_power=cash - on_hold,
            as_of=self._clock.now(),
        )

    def _fills(self, news: Mapping[str, Raw], answers: _Answers, symbols: Mapping[str, str]) -> list[Fill]:
        return [
            fill_of(key, raw, symbols.get(str(raw["pair"]), str(raw["pair"])), _own_id(raw, answers.orders))
            for key, raw in news.items()
        ]


def _own_id(trade: Raw, orders: Mapping[str, Raw]) -> str:
    order = orders.get(str(trade["ordertxid"]), {})
    return str(trade.get("cl_ord_id") or order.get("cl_ord_id") or "")
