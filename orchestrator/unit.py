"""The unit of work of one cycle: what was read at its start, and what is to be written at its end.

One batched read opens it; `orchestrator.execution` writes it. It holds versions, so that whatever changed in
between fails the commit instead of being overwritten.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from orchestrator.domain.base import Document, ModuleName, slot_id
from orchestrator.domain.codec import decode, encode
from orchestrator.domain.documents import (
    CONFIG_RISK,
    DESK_EXPOSURE,
    DESK_REDUCTION,
    DESK_STATE,
    BookDoc,
    CycleStatus,
    CycleSummary,
    DeskStateDoc,
    EventDoc,
    EventKind,
    ExposureDoc,
    OpportunityTrace,
    OrderDoc,
    ReductionDoc,
    TradeDoc,
    book_path,
    event_path,
    experiment_path,
    order_path,
    parameters_path,
    trade_path,
)
from orchestrator.domain.errors import AlreadyExistsError, ConfigurationError, MalformedDataError
from orchestrator.domain.exposure import rolled
from orchestrator.domain.keys import VenueKeyDoc, key_path
from orchestrator.domain.market import OptionChain
from orchestrator.domain.orders import Order
from orchestrator.domain.positions import Trade
from orchestrator.domain.risk import DeskState, RiskLimits
from orchestrator.limits_doc import usable_limits
from orchestrator.ports import Json, Put, Snapshot, Store, Write


@dataclass(frozen=True, slots=True)
class DeskView:
    """The shared documents as read, with their versions."""

    state: DeskState
    state_version: str
    exposure: ExposureDoc
    exposure_version: str
    limits: RiskLimits
    limits_stored: Json = field(default_factory=dict)
    limits_fault: str = ""
    """What is wrong with the stored limits, while the last good ones hold."""
    flatten: bool = False
    """Whether everything held is to be closed."""


D = TypeVar("D", bound=Document)


@dataclass(frozen=True, slots=True)
class Versioned(Generic[D]):
    """A document and the version it was read or written at."""

    doc: D
    version: str


@dataclass(frozen=True, slots=True)
class Keeper:
    """How often a module's chains are kept while it does nothing, and which they are; True = the session ends."""

    every: Callable[[], timedelta]
    chains: Callable[[bool], Mapping[str, OptionChain]]


@dataclass(slots=True)
class Unit:
    """One module's cycle in progress. `book` is the working copy; the rest is what will be written."""

    store: Store
    module: ModuleName
    venue: str
    slot: datetime
    now: datetime
    book: BookDoc
    book_version: str
    desk: DeskView
    parameters: Json
    experiment: Json = field(default_factory=dict)
    """What is tried, as stored; empty = nothing."""
    care: bool = False
    """Whether the caretaker runs: it uses up no slot and is no heartbeat of the module."""
    key: Versioned[VenueKeyDoc] | None = None
    """The venue's key as read; None = nobody has sent with it yet."""
    reduction: ReductionDoc = field(default_factory=ReductionDoc)
    """The plan that cuts back what has outgrown its limits."""
    note: str = ""
    trouble: CycleStatus | None = None
    """FAILED or VENUE_DOWN, once one of them happened: what the cycle is called, whatever else it did."""
    cleared: set[str] = field(default_factory=set)
    """Client order ids that the venue was asked for in this cycle and does not have."""
    summary: CycleSummary | None = None
    """What this run has committed so far, in figures."""
    traces: tuple[OpportunityTrace, ...] = ()
    """What this cycle has decided and committed so far."""
    keeper: Keeper | None = None
    changed: dict[str, Order] = field(default_factory=dict)
    trades: dict[str, Trade] = field(default_factory=dict)
    events: dict[str, EventDoc] = field(default_factory=dict)
    elapsed_s: Callable[[], float] = lambda: 0.0
    """Seconds since the run began, by the clock of the machine that runs it."""
    round_trips_before: int = 0
    writes_before: int = 0

    @property
    def run(self) -> str:
        """The name of this run, under which it holds a key."""
        return f"{self.module}_{self.label}"

    @property
    def label(self) -> str:
        """The name of what this run is for: its slot, or the moment of a caretaker's run."""
        return f"{self.now:%Y%m%dT%H%M%S%f}_care" if self.care else slot_id(self.slot)

    def stamp(self, summary: CycleSummary) -> Json:
        """Return what the book remembers of this run."""
        if self.care:
            return {"cared_at": self.now, "updated_at": self.now}
        return {"last_slot": self.slot, "last_cycle": summary, "updated_at": self.now}

    @property
    def round_trips(self) -> int:
        """Calls to the store since the cycle began."""
        return self.store.usage.round_trips - self.round_trips_before

    @property
    def writes(self) -> int:
        """Documents written since the cycle began."""
        return self.store.usage.writes - self.writes_before

    def put_order(self, order: Order) -> None:
        """Take over a new state of an order, into the book and into what will be written."""
        if self.book.orders.get(order.id) == order:
            return
        self.book = self.book.model_copy(update={"orders": {**self.book.orders, order.id: order}})
        self.changed[order.id] = order

    def tell(
        self,
        event_id: str,
        kind: EventKind,
        text: str,
        *,
        severity: str = "info",
        subject: str = "",
        data: Json | None = None,
    ) -> None:
        """Remember an event; the same id is told once."""
        self.events[event_id] = EventDoc.model_validate(
            {"kind": kind, "module": self.module, "subject": subject, "severity": severity, "text": text}
            | {"data": data or {}, "at": self.now}
        )

    def pending(self) -> list[Write]:
        """Return the writes of orders, trades and events; `written` forgets them."""
        writes: list[Write] = [Put(order_path(order.id), encode(order_doc(order))) for order in self.changed.values()]
        writes += [Put(trade_path(trade.id), encode(trade_doc(trade))) for trade in self.trades.values()]
        return writes + [Put(event_path(key), encode(event)) for key, event in self.events.items()]

    def written(self) -> None:
        """Forget what has been committed."""
        self.changed, self.trades, self.events = {}, {}, {}

    def refresh(self) -> None:
        """Read the shared documents anew after a conflict.

        Raises
        ------
        AlreadyExistsError
            Another run of this module has committed, or closing everything was begun or ended: what this one decided
            no longer stands.
        """
        book_at = book_path(self.module)
        found = dict(self.store.get_many([book_at, key_path(self.venue), *shared_paths()]))
        if book_at not in found or found[book_at].version != self.book_version:
            raise AlreadyExistsError(f"{book_at}: another run committed first")
        desk = desk_view(found, self.now, last_good=self.book.limits)
        if desk.flatten is not self.desk.flatten:
            raise AlreadyExistsError(f"{DESK_STATE}: closing everything was begun or ended meanwhile")
        self.desk, self.key = desk, key_in(found, self.venue)


def order_doc(order: Order) -> OrderDoc:
    """Return the stored form of an order."""
    return OrderDoc(
        order=order,
        module=order.intent.module,
        symbol=order.intent.symbol,
        state=order.state.value,
        terminal=order.state.terminal,
        created_at=order.intent.decided_at,
        updated_at=order.updated_at,
    )


def trade_doc(trade: Trade) -> TradeDoc:
    """Return the stored form of a closed round trip."""
    return TradeDoc(trade=trade, module=trade.module, strategy=trade.strategy, closed_at=trade.closed_at)


def shared_paths() -> tuple[str, ...]:
    """Return the paths of the documents that all modules share."""
    return (DESK_STATE, DESK_EXPOSURE, CONFIG_RISK)


def desk_view(found: dict[str, Snapshot], now: datetime, *, last_good: Json) -> DeskView:
    """Return the shared documents; unusable limits are replaced by `last_good`, where there are any.

    Raises
    ------
    ConfigurationError
        The desk has not been set up, or neither stored nor last good limits are usable.
    MalformedDataError
        A shared document is damaged; nothing may trade on it.
    """
    for path in shared_paths():
        if path not in found:
            raise ConfigurationError(f"{path} is missing: set the desk up with `desk doctor --seed`")
    state = decode(DeskStateDoc, found[DESK_STATE].data, where=DESK_STATE)
    exposure = decode(ExposureDoc, found[DESK_EXPOSURE].data, where=DESK_EXPOSURE)
    limits = usable_limits(found[CONFIG_RISK].data, last_good)
    return DeskView(
        state=state.state,
        state_version=found[DESK_STATE].version,
        exposure=rolled(exposure, now),
        exposure_version=found[DESK_EXPOSURE].version,
        limits=limits.limits,
        limits_stored=limits.stored,
        limits_fault=limits.fault,
        flatten=state.flatten,
    )


def key_in(found: Mapping[str, Snapshot], venue: str) -> Versioned[VenueKeyDoc] | None:
    """Return a venue's key among documents read together, None when nobody has sent with it yet."""
    snapshot = found.get(key_path(venue))
    if snapshot is None:
        return None
    return Versioned(decode(VenueKeyDoc, snapshot.data, where=snapshot.path), snapshot.version)


def reduction_in(found: dict[str, Snapshot]) -> ReductionDoc:
    """Return the plan that cuts holdings back; a damaged one is none, post-trade risk makes it anew."""
    with suppress(KeyError, MalformedDataError):
        return decode(ReductionDoc, found[DESK_REDUCTION].data, where=DESK_REDUCTION)
    return ReductionDoc()


def open_unit(
    store: Store, module: ModuleName, *, venue: str, slot: datetime, now: datetime, care: bool = False
) -> Unit:
    """Read everything a cycle, or a caretaker's run, needs in one round trip.

    Raises
    ------
    ConfigurationError
        The desk has not been set up.
    MalformedDataError
        The book or a shared document is damaged.
    """
    trips, writes = store.usage.round_trips, store.usage.writes
    book_at, parameters_at, tried_at = book_path(module), parameters_path(module), experiment_path(module)
    found = dict(store.get_many([book_at, parameters_at, tried_at, key_path(venue), DESK_REDUCTION, *shared_paths()]))
    if book_at not in found:
        raise ConfigurationError(f"{book_at} is missing: set the desk up with `desk doctor --seed`")
    book = decode(BookDoc, found[book_at].data, where=book_at)
    return Unit(
        store=store,
        module=module,
        venue=venue,
        slot=slot,
        now=now,
        book=book,
        book_version=found[book_at].version,
        desk=desk_view(found, now, last_good=book.limits),
        parameters=found[parameters_at].data if parameters_at in found else {},
        experiment=found[tried_at].data if tried_at in found else {},
        care=care,
        key=key_in(found, venue),
        reduction=reduction_in(found),
        round_trips_before=trips,
        writes_before=writes,
    )
