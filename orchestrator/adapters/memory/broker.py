"""A venue in memory: a shipped fake of `Broker`, deterministic, driven by a script.

It fills marketable orders at once at the prices it was given, unless told to wait, fill in part, tell things twice or
fail. It has no spread, no margin and no hours: what needs those is tested against the local venue.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from orchestrator.adapters.memory.faults import Fault, FaultPlan
from orchestrator.domain.base import ZERO
from orchestrator.domain.documents import AccountView
from orchestrator.domain.errors import DUPLICATE_ID, OrderRefusedError
from orchestrator.domain.orders import Fill, Leg, Order, OrderIntent, OrderState, OrderType, Side, TimeInForce
from orchestrator.domain.venues import MEMORY, IdUniqueness, VenueProfile
from orchestrator.ports import CashEvent, VenueOrder, VenueState


@dataclass(slots=True)
class _Resting:
    """An order as this venue keeps it."""

    intent: OrderIntent
    broker_order_id: str
    state: OrderState = OrderState.WORKING
    filled_qty: Decimal = ZERO
    filled_value: Decimal = ZERO
    triggered: bool = False
    note: str = ""

    @property
    def view(self) -> VenueOrder:
        single = len(self.intent.legs) == 1
        return VenueOrder(
            self.intent.client_order_id,
            self.broker_order_id,
            self.state,
            filled_qty=self.filled_qty,
            note=self.note,
            symbol=self.intent.legs[0].symbol if single else None,
            side=self.intent.legs[0].side if single else None,
            qty=self.intent.qty,
            limit_price=self.intent.limit_price,
            stop_price=self.intent.stop_price,
            avg_price=self.filled_value / self.filled_qty if single and self.filled_value else None,
        )


@dataclass(slots=True)
class MemoryBroker:
    """One account; fulfils `orchestrator.ports.Broker`.

    Parameters
    ----------
    now
        Returns the venue's time.
    cash
        USD at the start.
    fill_fraction
        Share of what is open that fills when an order can trade; 0 keeps every order waiting.
    fee_rate
        Fee as a fraction of traded value.
    profile
        The venue's rules; of them it keeps how long a client order id stays taken, what it leads to, whether a
        purchase pays its fee in the coin, and how part of a share trades.
    ids_stay_taken
        False frees a client order id once its order ended, whatever the profile says.
    tells_client_ids
        Whether fills carry the client order id, or only the venue's own in `fill_orders`.
    repeats_fills
        Tells every fill again in every state, as overlapping pages do.
    """

    now: Callable[[], datetime]
    name: str = "memory"
    cash: Decimal = Decimal(100_000)
    fill_fraction: Decimal = Decimal(1)
    fee_rate: Decimal = ZERO
    profile: VenueProfile = MEMORY
    ids_stay_taken: bool = True
    tells_client_ids: bool = True
    repeats_fills: bool = False
    faults: FaultPlan = field(default_factory=FaultPlan)
    calls: list[tuple[str, str]] = field(default_factory=list)
    """Every call that was made: its name and the client order id, or "" for `state`."""
    positions: dict[str, Decimal] = field(default_factory=dict)
    _prices: dict[str, Decimal] = field(default_factory=dict)
    _multipliers: dict[str, Decimal] = field(default_factory=dict)
    _orders: list[_Resting] = field(default_factory=list)
    _happened: list[tuple[Fill | CashEvent, str]] = field(default_factory=list)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def state(self, cursor: str) -> VenueState:
        """Return the account; `open_orders` also carries every order that has ended, with its final state.

        Raises
        ------
        BrokerError
            Only by a planned fault.
        """
        with self._lock:
            self.calls.append(("state", ""))
            self.faults.before("state", f"{self.name} state")
            seen = int(cursor or 0)
            news = self._happened[seen:]
            told = self._happened if self.repeats_fills else news
            fills = [(event, order_id) for event, order_id in told if isinstance(event, Fill)]
            return VenueState(
                account=self.account(),
                positions={symbol: qty for symbol, qty in self.positions.items() if qty},
                open_orders=[order.view for order in self._orders],
                fills=[self._told(fill) for fill, _ in fills],
                fill_orders={fill.trade_id: order_id for fill, order_id in fills},
                cash_events=[event for event, _ in news if isinstance(event, CashEvent)],
                cursor=str(len(self._happened)),
                prices={symbol: self._prices[symbol] for symbol in self.positions if symbol in self._prices},
            )

    def submit(self, order: Order) -> VenueOrder:
        """Accept an order and trade what can be traded.

        Raises
        ------
        BrokerError
            By a planned fault.
        OrderRefusedError
            The client order id is taken, or part of a share is to rest or to end at once where the profile says no.
        """
        with self._lock:
            self.calls.append(("submit", order.id))
            where = f"{self.name} submit {order.id}"
            fault = self.faults.before("submit", where)
            if any(self._takes(held, order.id) for held in self._orders):
                raise OrderRefusedError(f"{where}: client_order_id must be unique", code=DUPLICATE_ID)
            if self._parted(order.intent):
                raise OrderRefusedError(f"{where}: fractional orders must be DAY orders", code="refused")
            held = _Resting(order.intent, f"{self.name}-{len(self._orders) + 1}")
            self._orders.append(held)
            self._trade(held)
            self.faults.after(fault, where)
            return held.view

    def cancel(self, order: Order) -> VenueOrder:
        """Cancel what is still open and return the order as it stands.

        Raises
        ------
        BrokerError
            By a planned fault.
        OrderRefusedError
            No such order.
        """
        with self._lock:
            self.calls.append(("cancel", order.id))
            where = f"{self.name} cancel {order.id}"
            fault = self.faults.before("cancel", where)
            held = self._held(order.id)
            if held is None:
                raise OrderRefusedError(f"{where}: no such order", code="not_found")
            if not held.state.terminal:
                held.state = OrderState.CANCELLED
            self.faults.after(fault, where)
            return held.view

    def find(self, order: Order) -> VenueOrder | None:
        """Return the order of that client order id, open or ended, or None.

        Where an id leads to open orders only, an ended one is found by the venue's own id, or by what it traded.

        Raises
        ------
        BrokerError
            By a planned fault.
        """
        with self._lock:
            self.calls.append(("find", order.id))
            self.faults.before("find", f"{self.name} find {order.id}")
            held = self._held(order.id)
            return None if held is None or not self._leads_to(held, order) else held.view

    def set_prices(self, prices: Mapping[str, Decimal]) -> None:
        """Move the market; orders that can trade at the new prices do."""
        with self._lock:
            self._prices.update(prices)
            for held in self._orders:
                self._trade(held)

    def fill(self, client_order_id: str, qty: Decimal, price: Decimal | None = None) -> None:
        """Fill units of an order by script, at `price` (single leg) or the known prices, whatever its state."""
        with self._lock:
            held = self._held(client_order_id)
            if held is None:
                raise OrderRefusedError(f"{self.name} fill {client_order_id}: no such order", code="not_found")
            self._execute(held, qty, price)

    def end(self, client_order_id: str, state: OrderState, note: str = "") -> None:
        """End an order by script: CANCELLED, EXPIRED or REJECTED by the venue."""
        with self._lock:
            held = self._held(client_order_id)
            if held is not None:
                held.state, held.note = state, note

    def tell(self, event: CashEvent) -> None:
        """Let money or shares move without an order."""
        with self._lock:
            self.cash += event.amount
            self.positions[event.symbol] = self.positions.get(event.symbol, ZERO) + event.qty
            self._happened.append((event, ""))

    @contextmanager
    def still(self) -> Iterator[None]:
        """Keep other threads' calls waiting while somebody looks at the whole account."""
        with self._lock:
            yield

    def ledger(self) -> tuple[list[VenueOrder], list[Fill]]:
        """Return every order ever accepted and every execution, whatever the desk was told: no call of the port."""
        with self._lock:
            fills = [event for event, _ in self._happened if isinstance(event, Fill)]
            return [order.view for order in self._orders], fills

    def account(self) -> AccountView:
        """Return cash and equity at the known prices, USD."""
        held = sum((qty * self._unit(symbol) for symbol, qty in self.positions.items()), ZERO)
        return AccountView(
            venue=self.name, cash=self.cash, equity=self.cash + held, buying_power=self.cash, as_of=self.now()
        )

    def _unit(self, symbol: str) -> Decimal:
        return self._prices.get(symbol, ZERO) * self._multipliers.get(symbol, Decimal(1))

    def _parted(self, intent: OrderIntent) -> bool:
        parted = self.profile.fractional_day_only and intent.qty % 1 != 0
        return parted and intent.time_in_force is not TimeInForce.DAY

    def _takes(self, held: _Resting, client_order_id: str) -> bool:
        stays = self.ids_stay_taken and self.profile.id_uniqueness is IdUniqueness.FOR_EVER
        return held.intent.client_order_id == client_order_id and (stays or not held.state.terminal)

    def _held(self, client_order_id: str) -> _Resting | None:
        matches = [held for held in self._orders if held.intent.client_order_id == client_order_id]
        return matches[-1] if matches else None

    def _leads_to(self, held: _Resting, order: Order) -> bool:
        if self.profile.id_uniqueness is not IdUniqueness.PENDING_ONLY or not held.state.terminal:
            return True
        return order.broker_order_id == held.broker_order_id or held.filled_qty > 0

    def _told(self, fill: Fill) -> Fill:
        return fill if self.tells_client_ids else fill.model_copy(update={"client_order_id": ""})

    def _trade(self, held: _Resting) -> None:
        intent = held.intent
        if held.state.terminal or not all(leg.symbol in self._prices for leg in intent.legs):
            return
        if self._marketable(held):
            self._execute(held, (intent.qty - held.filled_qty) * self.fill_fraction, None)
        if intent.time_in_force is TimeInForce.IOC and not held.state.terminal:
            held.state = OrderState.CANCELLED

    def _marketable(self, held: _Resting) -> bool:
        intent = held.intent
        first = intent.legs[0]
        price = self._net(intent)
        if intent.order_type is OrderType.STOP and intent.stop_price is not None:
            beyond = (price - intent.stop_price) * first.side.sign >= 0
            held.triggered = held.triggered or beyond
            return held.triggered
        if intent.order_type is OrderType.MARKET or intent.limit_price is None:
            return True
        sign = first.side.sign if len(intent.legs) == 1 else 1
        return (intent.limit_price - price) * sign >= 0

    def _net(self, intent: OrderIntent) -> Decimal:
        if len(intent.legs) == 1:
            return self._prices[intent.legs[0].symbol]
        return sum((leg.side.sign * leg.ratio * self._prices[leg.symbol] for leg in intent.legs), ZERO)

    def _execute(self, held: _Resting, qty: Decimal, price: Decimal | None) -> None:
        if qty <= 0:
            return
        for leg in held.intent.legs:
            traded = self._prices[leg.symbol] if price is None else price
            self._book(held, leg, qty * leg.ratio, traded)
            held.filled_value += qty * traded
        held.filled_qty += qty
        if held.filled_qty >= held.intent.qty:
            held.state = OrderState.FILLED
        elif not held.state.terminal:
            held.state = OrderState.PARTIALLY_FILLED

    def _book(self, held: _Resting, leg: Leg, qty: Decimal, price: Decimal) -> None:
        value = qty * price * leg.multiplier
        fee = abs(value) * self.fee_rate
        coins = qty * self.fee_rate if self.profile.fee_in_coin and leg.side is Side.BUY else ZERO
        self._multipliers[leg.symbol] = leg.multiplier
        self.cash -= leg.side.sign * value + (ZERO if coins else fee)
        self.positions[leg.symbol] = self.positions.get(leg.symbol, ZERO) + leg.side.sign * qty - coins
        fill = Fill(
            trade_id=f"{held.broker_order_id}-{len(self._happened) + 1}",
            client_order_id=held.intent.client_order_id,
            symbol=leg.symbol,
            side=leg.side,
            qty=qty,
            price=price,
            fee=fee,
            fee_currency=leg.symbol.partition("/")[0] if coins else "USD",
            fee_paid=coins or None,
            fee_base_qty=coins,
            ts_event=self.now(),
        )
        self._happened.append((fill, held.broker_order_id))


__all__ = ["Fault", "MemoryBroker"]
