"""A venue's account that tells late, tells old news, or loses its answers; what really happened stays on record."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from copy import copy, deepcopy
from dataclasses import dataclass, field, fields, replace
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import takewhile
from typing import Any

from orchestrator.adapters.memory.broker import MemoryBroker
from orchestrator.domain.base import ModuleName
from orchestrator.domain.errors import BrokerError
from orchestrator.domain.orders import Fill, Order, OrderState
from orchestrator.domain.venues import IdUniqueness, VenueProfile
from orchestrator.ports import VenueOrder, VenueState
from scripts.chaos.invariants import VenueLedger

NONE = timedelta(0)

MODULES_OF = {"venue": (ModuleName.STOCKS, ModuleName.OPTIONS), "crypto": (ModuleName.CRYPTO,)}
"""Which modules trade on each account."""


@dataclass
class Manners:
    """How an account behaves beyond its planned faults.

    Parameters
    ----------
    fills_late
        How long a fill stays out of the history of trades.
    list_age
        How old the list of orders is; a look-up of one order is never old.
    lists_ended
        Whether the list also names orders that have ended.
    cancels_rest
        Whether the venue itself cancels what did not fill at once.
    """

    fills_late: timedelta = NONE
    list_age: timedelta = NONE
    lists_ended: bool = True
    cancels_rest: bool = False


@dataclass
class Account:
    """One account, as unhelpful as its profile permits; fulfils `orchestrator.ports.Broker` around a `MemoryBroker`."""

    inner: MemoryBroker
    manners: Manners = field(default_factory=Manners)
    lists: list[tuple[datetime, Sequence[VenueOrder]]] = field(default_factory=list)
    taken_at: dict[str, datetime] = field(default_factory=dict)
    """When each order was accepted, by the venue's own id."""
    failures: int = 0
    """Calls that it did not answer as asked."""

    @property
    def name(self) -> str:
        return self.inner.name

    @property
    def profile(self) -> VenueProfile:
        return self.inner.profile

    def state(self, cursor: str) -> VenueState:
        with self._counting_failures():
            told = self.inner.state(cursor)
        shown = list(takewhile(self._is_told, told.fills))
        hidden = len(told.fills) - len(shown)
        return replace(
            told,
            open_orders=self._list(),
            fills=shown,
            cursor=str(int(told.cursor) - hidden),
        )

    def submit(self, order: Order) -> VenueOrder:
        try:
            with self._counting_failures():
                said = self.inner.submit(order)
        finally:
            if self.manners.cancels_rest:
                self._cancel_rest(order.id)
            self._remember()
        return next((seen for seen in reversed(self.orders) if seen.client_order_id == order.id), said)

    def cancel(self, order: Order) -> VenueOrder:
        try:
            with self._counting_failures():
                return self.inner.cancel(order)
        finally:
            self._remember()

    def find(self, order: Order) -> VenueOrder | None:
        with self._counting_failures():
            found = self.inner.find(order)
        return found if found is not None and self._shows(found) and self._finds(order, found) else None

    @property
    def orders(self) -> Sequence[VenueOrder]:
        """Every order that was ever accepted."""
        return self.inner.ledger()[0]

    @property
    def fills(self) -> Sequence[Fill]:
        """Every execution, each with its client order id."""
        return self.inner.ledger()[1]

    @property
    def ledger(self) -> VenueLedger:
        """What really happened."""
        taken, fills = self.inner.ledger()
        return VenueLedger(self.name, MODULES_OF[self.name], taken, fills, self.inner.positions, self.inner.cash)

    def told_all(self, now: datetime) -> bool:
        """Return whether nothing is kept back any more: no fill, and no end of an order that the list still shows."""
        late = max(self.manners.fills_late, self.manners.list_age)
        resting = {said.broker_order_id for said in self.orders if not said.state.terminal}
        shown = {said.broker_order_id for said in self._list() if not said.state.terminal}
        return shown <= resting and all(fill.ts_event <= now - late for fill in self.fills)

    def prices(self, prices: dict[str, Decimal]) -> None:
        self.inner.set_prices(prices)
        self._remember()

    def forked(self, now: Callable[[], datetime]) -> Account:
        """Return an account of its own in the same state."""
        inner = MemoryBroker(now=now)
        with self.inner.still():
            for item in fields(MemoryBroker):
                if item.name not in {"now", "_lock", "profile"}:
                    setattr(inner, item.name, _copied(getattr(self.inner, item.name)))
            inner.profile = self.profile  # frozen, and the copy of a set may show its members in another order
            return Account(inner, replace(self.manners), list(self.lists), dict(self.taken_at))

    @contextmanager
    def _counting_failures(self) -> Iterator[None]:
        try:
            yield
        except BrokerError:
            self.failures += 1
            raise

    def _is_told(self, fill: Fill) -> bool:
        """Return whether a fill is told by now; without lateness at once, even when the clock has gone back since."""
        late = self.manners.fills_late
        return not late or fill.ts_event <= self.inner.now() - late

    def _shows(self, said: VenueOrder) -> bool:
        """Return whether an order has been here for long enough to be shown: never sooner than the profile promises."""
        since = self.taken_at.get(said.broker_order_id)
        return since is None or self.inner.now() - since >= self.profile.visibility_lag

    def _finds(self, order: Order, found: VenueOrder) -> bool:
        """Return whether the venue finds an order by what the desk knows of it."""
        if self.profile.id_uniqueness is not IdUniqueness.PENDING_ONLY or not found.state.terminal:
            return True
        traded = any(fill.client_order_id == order.id and self._is_told(fill) for fill in self.fills)
        return order.broker_order_id is not None or traded

    def _cancel_rest(self, client_order_id: str) -> None:
        for said in self.orders:
            if said.client_order_id == client_order_id and said.state is OrderState.PARTIALLY_FILLED:
                self.inner.end(client_order_id, OrderState.CANCELLED)

    def _remember(self) -> None:
        for said in self.orders:
            self.taken_at.setdefault(said.broker_order_id, self.inner.now())
        if self.manners.list_age:
            self.lists.append((self.inner.now(), self.orders))

    def _list(self) -> Sequence[VenueOrder]:
        shown = self.orders
        if self.manners.list_age:
            known = [orders for at, orders in self.lists if at <= self.inner.now() - self.manners.list_age]
            shown = known[-1] if known else ()
        return [said for said in shown if self._shows(said) and (self.manners.lists_ended or not said.state.terminal)]


def _copied(value: Any) -> Any:
    """Return a copy of what an account keeps: of its parts only resting orders change, and those are in a list."""
    if isinstance(value, list):
        return [copy(item) for item in value]
    return dict(value) if isinstance(value, dict) else deepcopy(value)
