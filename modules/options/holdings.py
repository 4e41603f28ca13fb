"""What the module holds, by underlying, and which underlyings it must leave alone for now."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_FLOOR, Decimal

from modules.options.playbook import ON_SHARES
from modules.options.reading import last_held, today
from modules.options.universe import MULTIPLIER, underlying_of
from orchestrator.domain.base import ZERO
from orchestrator.domain.documents import BookDoc
from orchestrator.domain.instruments import is_occ
from orchestrator.domain.orders import Purpose
from orchestrator.domain.positions import Position


@dataclass(frozen=True, slots=True)
class Pair:
    """Shares of one underlying and the contracts written on them, both held by this module for one strategy."""

    underlying: str
    strategy: str
    shares: tuple[Position, ...]
    contracts: tuple[Position, ...]

    @property
    def lots(self) -> Decimal:
        """Whole lots of 100 shares held."""
        held = sum((position.units for position in self.shares), ZERO)
        return (held / MULTIPLIER).to_integral_value(rounding=ROUND_FLOOR)

    @property
    def covered(self) -> Decimal:
        """Contracts held on them."""
        return sum((position.units for position in self.contracts), ZERO)


def is_shares(position: Position) -> bool:
    """Whether a position is of shares, not options."""
    return not any(is_occ(leg.symbol) for leg in position.legs)


def pairs(book: BookDoc) -> list[Pair]:
    """Return shares and contracts that belong together, for every strategy on shares."""
    found: dict[tuple[str, str], list[Position]] = {}
    for position in book.positions.values():
        if position.strategy in ON_SHARES:
            found.setdefault((underlying_of(position.symbol), position.strategy), []).append(position)
    return [
        Pair(
            underlying,
            strategy,
            tuple(p for p in positions if is_shares(p)),
            tuple(p for p in positions if not is_shares(p)),
        )
        for (underlying, strategy), positions in sorted(found.items())
    ]


def entering(book: BookDoc) -> set[str]:
    """Return the underlyings in which an entry is not finished."""
    orders = (order for order in book.orders.values() if not order.state.terminal)
    return {underlying_of(o.intent.symbol) for o in orders if o.intent.purpose is Purpose.ENTRY}


def still_entering(book: BookDoc, position_id: str) -> tuple[str, ...]:
    """Return the unfinished orders that may still add to a position."""
    orders = (order for order in book.orders.values() if order.intent.position_id == position_id)
    return tuple(o.id for o in orders if o.intent.purpose is Purpose.ENTRY and not o.state.terminal)


def leaving(book: BookDoc) -> set[str]:
    """Return the ids of positions that an unfinished order leaves."""
    orders = (order for order in book.orders.values() if not order.state.terminal)
    return {o.intent.position_id for o in orders if o.intent.purpose is not Purpose.ENTRY}


def occupied(book: BookDoc, symbols: Iterable[str], *, reentry_days: int, now: datetime) -> set[str]:
    """Return the underlyings not to be entered: held, being entered, or left too short a time ago."""
    held = {underlying_of(position.symbol) for position in book.positions.values()} | entering(book)
    for symbol in symbols:
        seen = last_held(book, symbol)
        if seen is not None and (today(now) - seen).days < reentry_days:
            held.add(symbol)
    return held
