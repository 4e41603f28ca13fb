"""What must hold of the desk, whatever happens to it: at every commit and every order sent, and once all is quiet.

Each check names what it found; `docs/safety.md` says what they promise.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import TypeVar

from orchestrator.adapters.memory.store import MemoryDataLayer
from orchestrator.audit import first_fault
from orchestrator.domain.base import ZERO, Document, ModuleName
from orchestrator.domain.codec import decode
from orchestrator.domain.documents import (
    CONFIG_RISK,
    DESK_EXPOSURE,
    DESK_STATE,
    AuditDoc,
    BookDoc,
    DeskStateDoc,
    ExposureDoc,
    OrderDoc,
    RiskLimitsDoc,
    book_path,
    order_path,
)
from orchestrator.domain.exposure import book_exposure, held_by_symbol, symbol_exposure, total_exposure, used_by
from orchestrator.domain.orders import Order, OrderState, Purpose
from orchestrator.domain.risk import DeskState
from orchestrator.ports import Put, Verify, Write
from tests.chaos.account import Account

D = TypeVar("D", bound=Document)

MODULES_OF = {"venue": (ModuleName.STOCKS, ModuleName.OPTIONS), "crypto": (ModuleName.CRYPTO,)}
"""Which modules trade on each account."""

_CENT = Decimal("0.01")


def read(store: MemoryDataLayer, model: type[D], path: str) -> D:
    """Read a document that must exist."""
    return decode(model, store.get_many([path])[path].data, where=path)


def books(store: MemoryDataLayer) -> dict[ModuleName, BookDoc]:
    """Return every module's book."""
    return {module: read(store, BookDoc, book_path(module)) for module in ModuleName}


def orders(store: MemoryDataLayer) -> dict[str, Order]:
    """Return every order document's order."""
    found = store.query("orders", limit=100_000)
    return {doc.order.id: doc.order for doc in (decode(OrderDoc, one.data, where=one.path) for one in found)}


def _need(holds: bool, text: str) -> None:
    """Fail with one line."""
    if not holds:
        raise AssertionError(text)


class Watch:
    """Looks on at every commit and at every order that leaves for a venue."""

    def __init__(self, store: MemoryDataLayer) -> None:
        self._store = store
        self.entries_sent: Counter[str] = Counter()

    def committed(self, writes: Sequence[Write]) -> None:
        """Check a commit that was applied: what it reserves fits the limits, and the brake lets it through."""
        begun = [order for write in writes if (order := _order_of(write)) and order.state is OrderState.SUBMITTING]
        entries = [order for order in begun if order.intent.purpose is Purpose.ENTRY]
        if begun:
            self._check_brake(begun)
        if any(isinstance(write, Put) is False and write.path == DESK_EXPOSURE for write in writes) and entries:
            check_limits(self._store, entries)

    def _check_brake(self, begun: Iterable[Order]) -> None:
        state = read(self._store, DeskStateDoc, DESK_STATE).state
        for order in begun:
            purpose = order.intent.purpose
            by_owner = getattr(order.intent, "by_owner", False)
            entry_stopped = state is not DeskState.ACTIVE and purpose is Purpose.ENTRY
            exit_stopped = state is DeskState.HALTED and purpose is Purpose.EXIT and not by_owner
            _need(not entry_stopped, f"{order.id} is an entry, committed while the desk was {state}")
            _need(not exit_stopped, f"{order.id} is an exit of a module, committed while the desk was {state}")

    def sending(self, order: Order) -> None:
        """Check an order that leaves: it was committed first, with this attempt."""
        path = order_path(order.id)
        found = self._store.get_many([path])
        _need(path in found, f"{order.id} was sent before it was committed")
        stored = decode(OrderDoc, found[path].data, where=path).order
        _need(stored.attempts >= order.attempts, f"{order.id}: attempt {order.attempts} was sent uncommitted")
        if order.intent.purpose is Purpose.ENTRY:
            self.entries_sent[order.id] += 1


def _order_of(write: Write) -> Order | None:
    if isinstance(write, Verify) or not write.path.startswith("orders/"):
        return None
    return decode(OrderDoc, write.data, where=write.path).order


def check_limits(store: MemoryDataLayer, entries: Sequence[Order]) -> None:
    """No limit is exceeded by what was just reserved; growth by price alone is not looked at."""
    exposure = read(store, ExposureDoc, DESK_EXPOSURE)
    limits = read(store, RiskLimitsDoc, CONFIG_RISK).limits
    equity = exposure.equity
    for module in {order.intent.module for order in entries}:
        allowed = equity * limits.module_allocation.get(module, ZERO)
        used = used_by(exposure, module)
        _need(used <= allowed + _CENT, f"{module} uses {used:.2f} of {allowed:.2f} USD")
    for symbol in {order.intent.symbol for order in entries}:
        allowed, used = equity * limits.symbol_concentration, symbol_exposure(exposure, symbol)
        _need(used <= allowed + _CENT, f"{symbol} uses {used:.2f} of {allowed:.2f} USD")
    gross = total_exposure(exposure)
    _need(gross <= equity * limits.gross_exposure + _CENT, f"gross exposure is {gross:.2f} of {equity:.2f} USD")


def check_always(accounts: Iterable[Account]) -> None:
    """Hold at every moment: one venue order for each intent, nothing sold that was not held."""
    for account in accounts:
        doubled = [key for key, count in account.accepted.items() if count > 1]
        _need(not doubled, f"{account.name} accepted {doubled} more than once")
        short = {key: qty for key, qty in account.inner.positions.items() if qty < 0 and "C00" not in key}
        _need(not short, f"{account.name} was sold short: {short}")


def check_quiet(store: MemoryDataLayer, accounts: Mapping[str, Account]) -> None:
    """Hold once nothing is under way any more: the desk's documents and the venues tell the same story."""
    check_always(accounts.values())
    every, kept = orders(store), books(store)
    for account in accounts.values():
        _check_fills(account, every)
        _check_positions(account, kept)
        _check_finished(account, every)
    for module, book in kept.items():
        _check_book(module, book, every)
    _check_exposure(store, kept)
    check_audit(store)


def _check_fills(account: Account, every: Mapping[str, Order]) -> None:
    """Every venue fill is in the order documents exactly once, under its own order, and no other fill is."""
    at_venue = {fill.trade_id: fill for fill in account.fills}
    known = Counter(fill.trade_id for order in every.values() for fill in order.fills)
    for trade_id, fill in at_venue.items():
        _need(known[trade_id] == 1, f"fill {trade_id} is in the orders {known[trade_id]} times")
        order = every[fill.client_order_id]
        own = next((kept for kept in order.fills if kept.trade_id == trade_id), None)
        _need(own is not None and own.qty == fill.qty, f"fill {trade_id} is not as it happened in {order.id}: {own}")
    prefix = f"{account.name}-"
    invented = [trade_id for trade_id in known if trade_id.startswith(prefix) and trade_id not in at_venue]
    _need(not invented, f"fills that never happened: {invented}")


def _check_positions(account: Account, kept: Mapping[ModuleName, BookDoc]) -> None:
    """Positions and cash are the venue's."""
    held: dict[str, Decimal] = {}
    for module in MODULES_OF[account.name]:
        for symbol, qty in held_by_symbol(kept[module]).items():
            held[symbol] = held.get(symbol, ZERO) + qty
    books_say = {symbol: qty for symbol, qty in held.items() if qty}
    venue_says = {symbol: qty for symbol, qty in account.inner.positions.items() if qty}
    _need(books_say == venue_says, f"books hold {books_say}, {account.name} holds {venue_says}")
    for module in MODULES_OF[account.name]:
        view = kept[module].account
        if view is not None:
            _need(view.cash == account.inner.cash, f"{module} knows of {view.cash} USD, there are {account.inner.cash}")
        _need(not kept[module].drift, f"{module} tells of drift: {kept[module].drift}")


def _check_finished(account: Account, every: Mapping[str, Order]) -> None:
    """What rests at the venue is known to rest; what is finished in the documents does not rest."""
    for said in account.orders:
        if said.state.terminal:
            continue
        order = every.get(said.client_order_id or "")
        _need(order is not None, f"{said.client_order_id} rests at {account.name} and no document knows it")
        resting = order is not None and order.state in {OrderState.WORKING, OrderState.PARTIALLY_FILLED}
        _need(resting, f"{said.client_order_id} rests at {account.name} and is {order and order.state} on the desk")


def _check_book(module: ModuleName, book: BookDoc, every: Mapping[str, Order]) -> None:
    """The book's copy of an order is the document; nothing of it is in doubt."""
    for key, order in book.orders.items():
        stored = every.get(key)
        _need(stored is not None, f"{key} is in the book of {module} and has no document")
        same = stored is not None and (stored.state, stored.filled_qty) == (order.state, order.filled_qty)
        _need(same, f"{key} is {order.state} in the book and {stored and stored.state} in its document")
        doubtful = order.state in {OrderState.UNKNOWN, OrderState.SUBMITTING, OrderState.PLANNED}
        _need(not doubtful, f"{key} is still {order.state}")
    for key, order in every.items():
        if order.intent.module is module and not order.state.terminal:
            _need(key in book.orders, f"{key} is {order.state} and the book of {module} has forgotten it")


def _check_exposure(store: MemoryDataLayer, kept: Mapping[ModuleName, BookDoc]) -> None:
    """What is reserved and held is what the books imply: every reservation was released once."""
    exposure = read(store, ExposureDoc, DESK_EXPOSURE)
    for module, book in kept.items():
        implied, told = book_exposure(book), exposure.modules.get(module)
        if told is None:
            _need(not implied.symbols, f"{module} has no share of the exposure and holds {implied.symbols}")
            continue
        same = (implied.reserved_usd, implied.open_positions, set(implied.symbols)) == (
            told.reserved_usd,
            told.open_positions,
            set(told.symbols),
        )
        _need(same, f"the exposure of {module} is told as {told} and is {implied}")


def check_audit(store: MemoryDataLayer) -> None:
    """The audit chain is whole."""
    entries = [decode(AuditDoc, one.data, where=one.path) for one in store.query("audit", limit=100_000)]
    entries.sort(key=lambda entry: entry.n)
    _need(first_fault(entries) is None, f"the audit chain is broken at {first_fault(entries)}")


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
        _need(not bad, f"positions without protection for more than {self.ALLOWED} cycles: {bad}")

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
