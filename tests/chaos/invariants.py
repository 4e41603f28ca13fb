"""What must hold at every commit, at every order that leaves, and of every position: the rest is `scripts.chaos`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from orchestrator.adapters.memory.store import MemoryDataLayer
from orchestrator.domain.base import ZERO, ModuleName
from orchestrator.domain.codec import decode
from orchestrator.domain.documents import (
    DESK_EXPOSURE,
    DESK_STATE,
    BookDoc,
    DeskStateDoc,
    ExposureDoc,
    ModuleExposure,
    OrderDoc,
    book_path,
    order_path,
)
from orchestrator.domain.exposure import book_exposure
from orchestrator.domain.orders import Order, OrderState, Purpose
from orchestrator.domain.risk import DeskState
from orchestrator.ports import Verify, Write
from scripts.chaos.invariants import check_limits, need, read
from tests.chaos.account import Account


class Watch:
    """Looks on at every commit and at every order that leaves for a venue."""

    def __init__(self, store: MemoryDataLayer) -> None:
        self._store = store

    def committed(self, writes: Sequence[Write]) -> None:
        """Check a commit that was applied: what it reserves fits the limits, and the brake lets it through."""
        begun = [order for write in writes if (order := _order_of(write)) and order.state is OrderState.SUBMITTING]
        self._check_brake(begun)
        entries = [order for order in begun if order.intent.purpose is Purpose.ENTRY and order.attempts == 1]
        if entries:
            check_limits(self._store, entries)
            for module in {order.intent.module for order in entries}:
                self._check_reserved(module)

    def _check_reserved(self, module: ModuleName) -> None:
        """Check that what an entry may add is reserved by the very commit that creates it."""
        book = read(self._store, BookDoc, book_path(module))
        share = read(self._store, ExposureDoc, DESK_EXPOSURE).modules.get(module, ModuleExposure())
        implied = book_exposure(book).reserved_usd
        need(share.reserved_usd == implied, f"{module} reserved {share.reserved_usd} and its orders need {implied} USD")

    def _check_brake(self, begun: Iterable[Order]) -> None:
        for order in begun:
            state = read(self._store, DeskStateDoc, DESK_STATE).state
            purpose = order.intent.purpose
            by_owner = getattr(order.intent, "by_owner", False)
            entry_stopped = state is not DeskState.ACTIVE and purpose is Purpose.ENTRY
            exit_stopped = state is DeskState.HALTED and purpose is Purpose.EXIT and not by_owner
            need(not entry_stopped, f"{order.id} is an entry, committed while the desk was {state}")
            need(not exit_stopped, f"{order.id} is an exit of a module, committed while the desk was {state}")

    def sending(self, order: Order) -> None:
        """Check an order that leaves: it was committed first, with this attempt."""
        path = order_path(order.id)
        found = self._store.get_many([path])
        need(path in found, f"{order.id} was sent before it was committed")
        stored = decode(OrderDoc, found[path].data, where=path).order
        need(stored.attempts >= order.attempts, f"{order.id}: attempt {order.attempts} was sent uncommitted")


def _order_of(write: Write) -> Order | None:
    if isinstance(write, Verify) or not write.path.startswith("orders/"):
        return None
    return decode(OrderDoc, write.data, where=write.path).order


class Protection:
    """Counts for how many of its module's cycles each position stood without a protective order."""

    ALLOWED = 2

    def __init__(self) -> None:
        self._naked: Counter[str] = Counter()

    def after_cycle(self, module: ModuleName, book: BookDoc, account: Account) -> None:
        """Take a cycle into account in which venue and store did not fail."""
        naked = set(naked_positions(book, account))
        for key in [key for key in self._naked if key not in naked and key.startswith(module.value[0])]:
            del self._naked[key]
        self._naked.update(naked)
        bad = {key: count for key, count in self._naked.items() if count > self.ALLOWED}
        need(not bad, f"positions without protection for more than {self.ALLOWED} cycles: {bad}")

    def disturbed(self, module: ModuleName) -> None:
        """Start counting anew: the venue or the process failed in this cycle."""
        for key in [key for key in self._naked if key.startswith(module.value[0])]:
            del self._naked[key]


def naked_positions(book: BookDoc, account: Account) -> Iterator[str]:
    """Yield the single-leg positions that the venue still holds and where nothing rests to protect or leave them."""
    resting = {said.client_order_id for said in account.orders if not said.state.terminal}
    for position in book.positions.values():
        leaving = any(
            order.intent.position_id == position.id and order.intent.purpose is not Purpose.ENTRY and key in resting
            for key, order in book.orders.items()
        )
        held = account.inner.positions.get(position.symbol, ZERO)
        if len(position.legs) == 1 and held and not leaving:
            yield position.id
