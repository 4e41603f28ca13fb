"""What an Alpaca account holds: positions with their prices, and the account's money. Pure translation, no calls."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import partial

from orchestrator.adapters.rows import choice, fields, maybe_number, number, said, sort_out, word
from orchestrator.domain.base import ZERO
from orchestrator.domain.documents import AccountView
from orchestrator.domain.errors import MalformedDataError
from orchestrator.ports import Trouble, TroubleKind

_SIGNS = {"long": 1, "short": -1}


@dataclass(frozen=True, slots=True)
class Holdings:
    """Signed quantities and prices in USD, by symbol; a position that cannot be read is in `troubles` only."""

    positions: dict[str, Decimal]
    prices: dict[str, Decimal]
    troubles: list[Trouble]


def holdings_of(rows: Sequence[object]) -> Holdings:
    """Return the positions; a symbol that is told twice is in trouble."""
    times = Counter(_symbol(row) for row in rows)

    def read(raw: object) -> tuple[str, Decimal]:
        symbol, qty = _position(raw)
        if times[symbol] > 1:
            raise MalformedDataError(f"{symbol} is told {times[symbol]} times")
        return symbol, qty

    good, troubles = sort_out(
        TroubleKind.POSITION,
        rows,
        read,
        subject=lambda row: said(row, "symbol"),
        symbol=lambda row: said(row, "symbol"),
    )
    positions = dict(good)
    prices, unpriced = sort_out(TroubleKind.PRICE, rows, _price, subject=_symbol, symbol=_symbol)
    told = {symbol: price for symbol, price in prices if symbol in positions}
    return Holdings(positions, told, [*troubles, *(one for one in unpriced if one.symbol in positions)])


def _symbol(row: object) -> str:
    return said(row, "symbol")


def _position(raw: object) -> tuple[str, Decimal]:
    row = fields(raw)
    sign, qty = choice(row, "side", _SIGNS), number(row, "qty")
    if qty * sign < 0 and sign > 0:
        raise MalformedDataError(f"a long position of {qty}")
    return word(row, "symbol"), abs(qty) * sign


def _price(raw: object) -> tuple[str, Decimal]:
    """Return the price a position is told with; a position without one is told all the same."""
    row = fields(raw)
    return word(row, "symbol"), number(row, "current_price", above=ZERO)


def read_account(raw: object, *, venue: str, now: datetime) -> tuple[AccountView | None, list[Trouble]]:
    """Return the account's money, or the trouble that it cannot be read."""
    read = partial(account_of, venue=venue, now=now)
    good, bad = sort_out(TroubleKind.ACCOUNT, [raw], read, subject=lambda _: venue)
    return next(iter(good), None), bad


def account_of(raw: object, *, venue: str, now: datetime) -> AccountView:
    """Return the account's money in USD; buying power without a margin loan: as told, or else the cash at most.

    Raises
    ------
    MalformedDataError
        A sum is missing or no number.
    """
    row = fields(raw)
    cash, own = number(row, "cash"), maybe_number(row, "non_marginable_buying_power")
    return AccountView(
        venue=venue,
        cash=cash,
        equity=number(row, "equity"),
        buying_power=min(number(row, "buying_power"), max(cash, ZERO) if own is None else own),
        as_of=now,
    )
