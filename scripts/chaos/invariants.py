"""What must hold once all is quiet: the desk's documents and its venues tell the same story.

Used by the tests in memory and by `scripts.chaos.stack`; `docs/safety.md` says what it promises. Each check fails with
one line that names what it found.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeVar

from orchestrator.audit import first_fault
from orchestrator.domain.base import ZERO, Document, ModuleName, cents
from orchestrator.domain.codec import decode
from orchestrator.domain.documents import (
    CONFIG_RISK,
    DESK_EXPOSURE,
    AuditDoc,
    BookDoc,
    ExposureDoc,
    OrderDoc,
    RiskLimitsDoc,
    book_path,
)
from orchestrator.domain.exposure import book_exposure, symbol_exposure, total_exposure, used_by
from orchestrator.domain.orders import Fill, Order, OrderState
from orchestrator.ports import Store, VenueOrder

D = TypeVar("D", bound=Document)

_ALL = 1_000_000
_CENT = Decimal("0.01")


class BreachError(AssertionError):
    """Something that must hold does not; the message names it."""


@dataclass(frozen=True, slots=True)
class VenueLedger:
    """What really happened at one venue, whatever the desk was told: every order accepted, every execution."""

    name: str
    modules: tuple[ModuleName, ...]
    orders: Sequence[VenueOrder]
    fills: Sequence[Fill]
    positions: Mapping[str, Decimal]
    cash: Decimal


def need(holds: bool, text: str) -> None:
    """Fail with one line unless it holds.

    Raises
    ------
    BreachError
        It does not hold.
    """
    if not holds:
        raise BreachError(text)


def read(store: Store, model: type[D], path: str) -> D:
    """Read a document that must exist."""
    return decode(model, store.get_many([path])[path].data, where=path)


def books(store: Store) -> dict[ModuleName, BookDoc]:
    """Return every module's book."""
    found = store.get_many([book_path(module) for module in ModuleName])
    return {module: decode(BookDoc, found[book_path(module)].data, where=module) for module in ModuleName}


def orders(store: Store) -> dict[str, Order]:
    """Return every order document's order."""
    found = store.query("orders", order_by="created_at", limit=_ALL)
    return {doc.order.id: doc.order for doc in (decode(OrderDoc, one.data, where=one.path) for one in found)}


def check_once(ledger: VenueLedger) -> None:
    """Check that each intent is at most one venue order, and that nothing was sold that was not held."""
    taken = Counter(order.client_order_id for order in ledger.orders if order.client_order_id)
    doubled = [key for key, count in taken.items() if count > 1]
    need(not doubled, f"{ledger.name} accepted {doubled} more than once")
    short = {key: qty for key, qty in ledger.positions.items() if qty < 0 and len(key) < 15}
    need(not short, f"{ledger.name} was sold short: {short}")


def check_limits(store: Store, entries: Sequence[Order]) -> None:
    """Check that what was just reserved exceeds no limit; growth by price alone is not looked at."""
    exposure = read(store, ExposureDoc, DESK_EXPOSURE)
    limits = read(store, RiskLimitsDoc, CONFIG_RISK).limits
    equity = exposure.equity
    for module in {order.intent.module for order in entries}:
        allowed = equity * limits.module_allocation.get(module, ZERO)
        used = used_by(exposure, module)
        need(used <= allowed + _CENT, f"{module} uses {used:.2f} of {allowed:.2f} USD")
    for symbol in {order.intent.symbol for order in entries}:
        allowed, used = equity * limits.symbol_concentration, symbol_exposure(exposure, symbol)
        need(used <= allowed + _CENT, f"{symbol} uses {used:.2f} of {allowed:.2f} USD")
    gross = total_exposure(exposure)
    need(gross <= equity * limits.gross_exposure + _CENT, f"gross exposure is {gross:.2f} of {equity:.2f} USD")


def check_quiet(store: Store, ledgers: Sequence[VenueLedger]) -> int:
    """Check everything that must hold once nothing is under way any more; return how many facts were compared."""
    every, kept = orders(store), books(store)
    for ledger in ledgers:
        check_once(ledger)
        _check_fills(ledger, every)
        _check_holdings(ledger, kept)
        _check_resting(ledger, every)
    for module, book in kept.items():
        _check_book(module, book, every)
    _check_exposure(store, kept)
    entries = check_audit(store)
    facts = sum(len(ledger.orders) + len(ledger.fills) + len(ledger.positions) + 1 for ledger in ledgers)
    return facts + len(every) + 2 * len(kept) + entries


def _key(fill: Fill) -> tuple[str, str, str, Decimal, Decimal]:
    return fill.client_order_id, fill.symbol, fill.side.value, fill.qty.normalize(), fill.price.normalize()


def _check_fills(ledger: VenueLedger, every: Mapping[str, Order]) -> None:
    """Check that every venue fill is in the order documents exactly once, under its own order, and no other fill is."""
    own = [order for order in every.values() if order.intent.module in ledger.modules]
    told = Counter(_key(fill.model_copy(update={"client_order_id": order.id})) for order in own for fill in order.fills)
    happened = Counter(_key(fill) for fill in ledger.fills)
    lost, invented = list((happened - told).elements()), list((told - happened).elements())
    need(not lost, f"fills of {ledger.name} that are in no order: {[_words(key) for key in lost[:3]]}")
    need(not invented, f"fills that {ledger.name} never made: {[_words(key) for key in invented[:3]]}")


def _words(key: tuple[str, str, str, Decimal, Decimal]) -> str:
    order_id, symbol, side, qty, price = key
    return f"{order_id} {side} {qty:f} {symbol} at {price:f}"


def _check_holdings(ledger: VenueLedger, kept: Mapping[ModuleName, BookDoc]) -> None:
    """Compare positions, foreign ones included, and cash with the venue's."""
    held: dict[str, Decimal] = {}
    for module in ledger.modules:
        for symbol, foreign in kept[module].foreign.items():
            held[symbol] = held.get(symbol, ZERO) + foreign.qty
        for leg in (leg for position in kept[module].positions.values() for leg in position.legs):
            held[leg.symbol] = held.get(leg.symbol, ZERO) + leg.qty
    books_say = {symbol: qty for symbol, qty in held.items() if qty}
    venue_says = {symbol: qty for symbol, qty in ledger.positions.items() if qty}
    need(books_say == venue_says, f"books hold {books_say}, {ledger.name} holds {venue_says}")
    for module in ledger.modules:
        view = kept[module].account
        same = view is None or cents(view.cash) == cents(ledger.cash)
        need(same, f"{module} knows of {view and view.cash} USD, there are {ledger.cash}")
        need(not kept[module].drift, f"{module} tells of drift: {kept[module].drift}")


def _check_resting(ledger: VenueLedger, every: Mapping[str, Order]) -> None:
    """Compare what rests at the venue with what is known to rest."""
    for said in ledger.orders:
        if said.state.terminal:
            continue
        order = every.get(said.client_order_id or "")
        need(order is not None, f"{said.client_order_id} rests at {ledger.name} and no document knows it")
        resting = order is not None and order.state in {OrderState.WORKING, OrderState.PARTIALLY_FILLED}
        need(resting, f"{said.client_order_id} rests at {ledger.name} and is {order and order.state} on the desk")


def _check_book(module: ModuleName, book: BookDoc, every: Mapping[str, Order]) -> None:
    """Compare the book's orders with their documents; nothing is in doubt, nothing is forgotten."""
    for key, order in book.orders.items():
        stored = every.get(key)
        need(stored is not None, f"{key} is in the book of {module} and has no document")
        same = stored is not None and (stored.state, stored.filled_qty) == (order.state, order.filled_qty)
        need(same, f"{key} is {order.state} in the book and {stored and stored.state} in its document")
        doubtful = order.state in {OrderState.UNKNOWN, OrderState.SUBMITTING, OrderState.PLANNED}
        need(not doubtful, f"{key} is still {order.state}")
    for key, order in every.items():
        forgotten = order.intent.module is module and not order.state.terminal and key not in book.orders
        need(not forgotten, f"{key} is {order.state} and the book of {module} has forgotten it")


def _check_exposure(store: Store, kept: Mapping[ModuleName, BookDoc]) -> None:
    """Compare what is reserved and held with what the books imply: every reservation was released, once."""
    exposure = read(store, ExposureDoc, DESK_EXPOSURE)
    for module, book in kept.items():
        implied, told = book_exposure(book), exposure.modules.get(module)
        if told is None:
            need(not implied.symbols, f"{module} has no share of the exposure and holds {implied.symbols}")
            continue
        same = (implied.reserved_usd, implied.open_positions, set(implied.symbols)) == (
            told.reserved_usd,
            told.open_positions,
            set(told.symbols),
        )
        need(same, f"the exposure of {module} is told as {told} and is {implied}")


def check_audit(store: Store) -> int:
    """Check that the audit chain is whole; return its length."""
    entries = [decode(AuditDoc, one.data, where=one.path) for one in store.query("audit", order_by="n", limit=_ALL)]
    need(first_fault(entries) is None, f"the audit chain is broken at {first_fault(entries)}")
    return len(entries)
