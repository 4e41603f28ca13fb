"""One running process: its calls to store and venue are counted, and it can be killed at any of them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from orchestrator.adapters.memory.market import MemoryMarketData
from orchestrator.domain.market import DataRequest, MarketSnapshot
from orchestrator.domain.orders import Order
from orchestrator.ports import Broker, Snapshot, Store, Usage, VenueOrder, VenueState, Where, Write

Meet = Callable[[str], None]


class Killed(BaseException):
    """The process is gone: no handler of the desk sees this."""


class Witness(Protocol):
    """Who looks on while a process acts."""

    def committed(self, writes: Sequence[Write]) -> None:
        """See what was written."""

    def sending(self, order: Order) -> None:
        """See an order leave for the venue."""


class Process:
    """Counts the points at which a process can die: before each call, and after each call that has an effect.

    Parameters
    ----------
    dies_at
        Number of the point to die at, from 1; 0 = lives.
    meet
        Called at every point with its name; it may hold the process up.
    """

    def __init__(self, *, dies_at: int = 0, meet: Meet | None = None) -> None:
        self.trail: list[str] = []
        self.dead = False
        self._dies_at, self._meet = dies_at, meet
        self._lock = threading.Lock()

    def reach(self, point: str) -> None:
        """Pass a point, or die there; a dead process passes no more points in any of its threads."""
        if self._meet is not None and not self.dead:
            self._meet(point)
        with self._lock:
            if not self.dead:
                self.trail.append(point)
                self.dead = len(self.trail) == self._dies_at
            if self.dead:
                raise Killed(point)


class ProcessStore:
    """The store as one process sees it; fulfils `orchestrator.ports.Store`."""

    def __init__(self, store: Store, process: Process, witness: Witness) -> None:
        self.usage = Usage()
        self._store, self._process, self._witness = store, process, witness

    def get_many(self, paths: Sequence[str]) -> Mapping[str, Snapshot]:
        self._process.reach("read")
        self.usage.round_trips += 1
        return self._store.get_many(paths)

    def commit(self, writes: Sequence[Write]) -> Mapping[str, str]:
        self._process.reach("commit")
        self.usage.round_trips += 1
        self.usage.writes += len(writes)
        versions = self._store.commit(writes)
        self._witness.committed(writes)
        self._process.reach("committed")
        return versions

    def query(
        self, collection: str, where: Sequence[Where] = (), *, order_by: str | None = None, limit: int = 100
    ) -> Sequence[Snapshot]:
        self._process.reach("query")
        self.usage.round_trips += 1
        return self._store.query(collection, where, order_by=order_by, limit=limit)


class ProcessBroker:
    """A venue as one process reaches it; fulfils `orchestrator.ports.Broker`."""

    def __init__(self, broker: Broker, process: Process, witness: Witness) -> None:
        self.name = broker.name
        self._broker, self._process, self._witness = broker, process, witness

    def __getattr__(self, name: str) -> object:
        """Whatever else a broker says of itself."""
        return getattr(self._broker, name)

    def state(self, cursor: str) -> VenueState:
        self._process.reach("state")
        return self._broker.state(cursor)

    def submit(self, order: Order) -> VenueOrder:
        self._process.reach("submit")
        self._witness.sending(order)
        try:
            return self._broker.submit(order)
        finally:
            self._process.reach("submitted")

    def cancel(self, order: Order) -> VenueOrder:
        self._process.reach("cancel")
        try:
            return self._broker.cancel(order)
        finally:
            self._process.reach("cancelled")

    def find(self, order: Order) -> VenueOrder | None:
        self._process.reach("find")
        return self._broker.find(order)


class ProcessMarket:
    """Prices as one process asks for them; fulfils `orchestrator.ports.MarketData`."""

    def __init__(self, market: MemoryMarketData, process: Process) -> None:
        self._market, self._process = market, process

    def snapshot(self, request: DataRequest, now: datetime) -> MarketSnapshot:
        self._process.reach("snapshot")
        return self._market.snapshot(request, now)
