"""Who owns what in an account: the desk by its books, somebody else, or nobody that can be named (drift). Pure.

    venue quantity = this module's book + the other module's of the account + foreign + drift

The desk's part is known by its orders. What an order of somebody else traded is foreign, and so is what appears in a
symbol that the desk neither holds nor has an order in. In a symbol where something of the desk is or just was in
flight, lists may lag behind: there the rest is drift, which vanishes by itself, and nothing changes owners.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from orchestrator.domain.base import ZERO, ModuleName
from orchestrator.domain.documents import BookDoc
from orchestrator.domain.exposure import held_by_symbol
from orchestrator.domain.foreign import ForeignHolding, How, worth
from orchestrator.domain.instruments import is_occ
from orchestrator.domain.orders import Fill

_REPRICE = Decimal("0.05")
"""A move of the price by which a holding is valued anew; less would write the shared exposure every cycle."""


@dataclass(frozen=True, slots=True)
class Sight:
    """What the venue shows of an account, as far as it is needed to tell owners apart."""

    positions: Mapping[str, Decimal]
    now: datetime
    first: bool = False
    """Whether the account is seen for the first time: then all that is not booked is somebody else's."""
    prices: Mapping[str, Decimal] = field(default_factory=dict)
    fills: Sequence[Fill] = ()
    """News of orders that are not the desk's."""
    others: Mapping[str, Decimal] = field(default_factory=dict)
    """What the other module of the account holds by its book."""
    busy: frozenset[str] = frozenset()
    """Symbols in which something of the desk is in flight, or was a moment ago."""
    unreadable: frozenset[str] = frozenset()
    """Symbols of which the venue's word made no sense: absent, not zero."""


def answers_for(module: ModuleName, symbol: str) -> bool:
    """Return whether a symbol is that module's to account for: in a shared account contracts are the options'."""
    return module is ModuleName.CRYPTO or is_occ(symbol) == (module is ModuleName.OPTIONS)


def claimed(book: BookDoc, sight: Sight) -> BookDoc:
    """Return the book with what is foreign and what nobody can be named for (drift) told apart."""
    held = held_by_symbol(book)
    desk = {symbol: _of(held, symbol) + _of(sight.others, symbol) for symbol in {*held, *sight.others}}
    foreign = _traded(book, sight, desk)
    how: dict[str, How] = {}
    drift: dict[str, Decimal] = {}
    for symbol in sorted({*sight.positions, *desk, *foreign}):
        if symbol in sight.unreadable:
            drift |= {symbol: book.drift[symbol]} if symbol in book.drift else {}
            continue
        gap = _of(sight.positions, symbol) - _of(desk, symbol)
        if not answers_for(book.module, symbol):
            drift |= {symbol: gap} if gap < 0 and _of(held, symbol) else {}
        elif _is_foreign(sight, symbol, gap, known=_of(foreign, symbol), desk=_of(desk, symbol)):
            foreign[symbol] = gap
            how[symbol] = How.FIRST_CONTACT if sight.first else How.UNCLAIMED
        elif gap != _of(foreign, symbol):
            drift[symbol] = gap - _of(foreign, symbol)
    holdings = {
        symbol: _holding(book.foreign.get(symbol), symbol, qty, sight=sight, how=how.get(symbol, How.FILL))
        for symbol, qty in foreign.items()
        if qty
    }
    return book.model_copy(update={"foreign": holdings, "drift": drift})


def _of(quantities: Mapping[str, Decimal], symbol: str) -> Decimal:
    return quantities.get(symbol, ZERO)


def _traded(book: BookDoc, sight: Sight, desk: Mapping[str, Decimal]) -> dict[str, Decimal]:
    """Return foreign quantities after the news of foreign orders; what is beyond them was taken from the desk's own."""
    foreign = {symbol: holding.qty for symbol, holding in book.foreign.items()}
    if sight.first:
        return foreign
    for fill in sight.fills:
        if answers_for(book.module, fill.symbol):
            after = _of(foreign, fill.symbol) + fill.side.sign * fill.held_qty
            foreign[fill.symbol] = ZERO if after * _of(desk, fill.symbol) < 0 else after
    return foreign


def _is_foreign(sight: Sight, symbol: str, gap: Decimal, *, known: Decimal, desk: Decimal) -> bool:
    """Return whether all that the desk has not booked in a symbol is somebody else's."""
    if sight.first:
        return True
    if symbol in sight.busy:
        return False
    shrunk = gap * known >= 0 and abs(gap) < abs(known)
    return desk == 0 or shrunk


def _holding(seen: ForeignHolding | None, symbol: str, qty: Decimal, *, sight: Sight, how: How) -> ForeignHolding:
    price = sight.prices.get(symbol)
    if seen is None:
        return ForeignHolding(qty=qty, price=price, value_usd=worth(symbol, qty, price), first_seen=sight.now, how=how)
    if price is None or (seen.qty == qty and not _moved(seen.price, price)):
        price = seen.price
    return seen.model_copy(update={"qty": qty, "price": price, "value_usd": worth(symbol, qty, price)})


def _moved(before: Decimal | None, price: Decimal) -> bool:
    return before is None or abs(price - before) > _REPRICE * before
