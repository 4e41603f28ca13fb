"""What stands in a book beside its own positions and orders: foreign ones, drift that was told, corporate actions.

Values only; nothing here compares or decides.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from enum import StrEnum

from orchestrator.domain.base import ZERO, Amount, UtcTime, Value
from orchestrator.domain.instruments import is_occ, parse_occ
from orchestrator.domain.orders import Side

_CONTRACT = Decimal(100)


def multiplier_of(symbol: str) -> Decimal:
    """Return the units of underlying in one unit of a symbol: 100 for a listed option."""
    return _CONTRACT if is_occ(symbol) else Decimal(1)


class How(StrEnum):
    """How the desk came to know that something is not its own."""

    FIRST_CONTACT = "first_contact"
    """It was there when the desk first saw the account."""
    FILL = "fill"
    """An order that is not the desk's traded it."""
    UNCLAIMED = "unclaimed"
    """It appeared in a symbol that the desk neither holds nor has an order in."""


class ForeignHolding(Value):
    """What somebody else holds in the account. `qty` is signed; without a price its worth is not known."""

    qty: Amount
    price: Amount | None = None
    """USD per share, coin or point of premium, as of the last change of the quantity or a move of 5 %."""
    value_usd: Amount | None = None
    """Worth counted against limits, 0 or more; None = unknown, and the symbol takes no new exposure."""
    first_seen: UtcTime
    how: How


class ForeignOrder(Value):
    """An open order of somebody else in the account; `symbol` is empty for several legs."""

    symbol: str = ""
    side: Side | None = None
    qty: Amount | None = None
    leaves: Amount | None = None
    limit_price: Amount | None = None
    client_order_id: str | None = None
    seen_at: UtcTime


class DriftTold(Value):
    """A difference that a person was told of: the day, and how large it was then (units, signed)."""

    day: date
    gap: Amount


class CorporateAction(Value):
    """A split or a change of symbol that a book has taken in: `new` units under `becomes` for `old` of `symbol`.

    It stays for a while, so that an execution of before it that is told late is restated.
    """

    id: str
    """The venue's activity; empty while only quantity and price have shown it."""
    symbol: str
    becomes: str
    new: Amount = Decimal(1)
    old: Amount = Decimal(1)
    at: UtcTime


def worth(symbol: str, qty: Decimal, price: Decimal | None) -> Decimal | None:
    """Return the USD that a signed quantity counts against limits, None without a price.

    A written option counts the value of its underlying at the strike: its premium says nothing of what it may cost.
    """
    if qty < 0 and is_occ(symbol):
        return -qty * parse_occ(symbol).strike * multiplier_of(symbol)
    return ZERO if qty == 0 else None if price is None else abs(qty) * price * multiplier_of(symbol)


def risk_symbol(symbol: str) -> str:
    """Return the symbol under which a holding counts in limits: of an option its underlying."""
    return parse_occ(symbol).underlying if is_occ(symbol) else symbol
