"""Take something foreign over at the owner's word: a holding becomes a position, unexplained cash a transfer.

The book is compared with the one that was read, so a cycle that runs at the same time starts anew.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation

from orchestrator.answers import Effect, Refusal
from orchestrator.domain.base import ZERO, ModuleName
from orchestrator.domain.codec import encode
from orchestrator.domain.documents import BookDoc, book_path
from orchestrator.domain.events import number, usd
from orchestrator.domain.foreign import ForeignHolding, multiplier_of, risk_symbol, worth
from orchestrator.domain.instruments import is_occ
from orchestrator.domain.orders import Side
from orchestrator.domain.positions import Position, PositionLeg
from orchestrator.foreign import CASH
from orchestrator.ports import Replace
from orchestrator.status import Desk

STRATEGY = "adopted"
CASH_SYMBOL = "USD"
ARGUMENTS = frozenset({"symbol", "qty", "stop", "module"})


def adopt(desk: Desk, args: Mapping[str, str], *, command_id: str, now: datetime) -> Effect:
    """Return what adopting `args.symbol` writes.

    Raises
    ------
    Refusal
        There is no such foreign holding, or the arguments make no sense.
    """
    if unknown := set(args) - ARGUMENTS:
        raise Refusal(f"adopt knows no {', '.join(sorted(unknown))}; it takes {', '.join(sorted(ARGUMENTS))}")
    symbol = args.get("symbol", "").strip().upper()
    if symbol == CASH_SYMBOL:
        return _adopt_cash(desk, args.get("module", ""), command_id=command_id)
    book = _book(desk, _module_of(symbol))
    key = position_id(book.module, command_id)
    if key in book.positions:
        return Effect(f"{symbol} already is adopted as {key}")
    holding = book.foreign.get(symbol)
    if holding is None:
        known = ", ".join(sorted(name for each in desk.books.values() for name in each.foreign)) or "nothing"
        raise Refusal(f"nothing foreign is held in {symbol or '(no symbol)'}; foreign are: {known}")
    position = _position(book, symbol, holding, args, key=key, now=now)
    after = _with_position(book, position, symbol)
    text = (
        f"{number(position.units)} {symbol} are {book.module}' own now, entered at {number(position.entry_px)}: {key}"
    )
    return _written(desk, after, text, {"position": key, "symbol": symbol, "qty": number(position.units)})


def position_id(module: ModuleName, command_id: str) -> str:
    """Return the id of the position that a command adopts: of the same command always the same."""
    digest = base64.b32encode(hashlib.sha256(f"adopt|{command_id}".encode()).digest()).decode().lower()
    return module.value[0] + digest[:17]


def _module_of(symbol: str) -> ModuleName:
    if "/" in symbol:
        return ModuleName.CRYPTO
    return ModuleName.OPTIONS if is_occ(symbol) else ModuleName.STOCKS


def _book(desk: Desk, module: ModuleName) -> BookDoc:
    book = desk.books.get(module)
    if book is None:
        raise Refusal(f"the book of {module} cannot be read: {desk.faults.get(module, 'there is none')}")
    return book


def _position(
    book: BookDoc, symbol: str, holding: ForeignHolding, args: Mapping[str, str], *, key: str, now: datetime
) -> Position:
    wanted, stop = _number(args, "qty"), _number(args, "stop")
    qty = holding.qty if wanted is None else wanted
    if holding.qty < 0:
        raise Refusal(f"{symbol} is held short ({number(holding.qty)}); the desk takes no short holding over")
    if not 0 < qty <= holding.qty:
        raise Refusal(f"qty {number(qty)} is not between 0 and the {number(holding.qty)} {symbol} that are foreign")
    if holding.price is None:
        raise Refusal(f"{symbol} has no price yet; wait for a cycle that sees one")
    if any(order.symbol == symbol and order.side is Side.SELL for order in book.foreign_orders.values()):
        raise Refusal(f"an open order that is not the desk's sells {symbol}; cancel it at the venue first")
    if stop is not None and not 0 < stop < holding.price:
        raise Refusal(f"stop {number(stop)} is not below the price {number(holding.price)} of {symbol}")
    leg = PositionLeg(symbol=symbol, qty=qty, avg_px=holding.price, multiplier=multiplier_of(symbol))
    return Position(
        id=key,
        module=book.module,
        strategy=STRATEGY,
        symbol=risk_symbol(symbol),
        legs=(leg.model_copy(update={"mark_px": holding.price}),),
        opened_at=now,
        entry_px=holding.price,
        decision_px=holding.price,
        stop_price=stop,
    )


def _number(args: Mapping[str, str], name: str) -> Decimal | None:
    text = args.get(name, "").strip()
    if not text:
        return None
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite():
        raise Refusal(f"{name} {text!r} is not a number")
    return value


def _with_position(book: BookDoc, position: Position, symbol: str) -> BookDoc:
    holding = book.foreign[symbol]
    left = holding.qty - position.units
    rest = {name: each for name, each in book.foreign.items() if name != symbol}
    if left:
        value = worth(symbol, left, holding.price)
        rest[symbol] = holding.model_copy(update={"qty": left, "value_usd": value})
    return book.model_copy(update={"foreign": rest, "positions": {**book.positions, position.id: position}})


def _adopt_cash(desk: Desk, module: str, *, command_id: str) -> Effect:
    """Take unexplained cash as a deposit or withdrawal that the venue did not tell."""
    books = [book for name, book in desk.books.items() if book.cash_drift and module in {"", name.value}]
    if len(books) != 1:
        found = ", ".join(book.module.value for book in desk.books.values() if book.cash_drift)
        among = f"{found}; name one of them" if found else "none"
        raise Refusal(f"unexplained cash is in the accounts of: {among}")
    (book,) = books
    if book.account is None or book.cash_expected is None:
        raise Refusal(f"{book.module} has not seen its account yet")
    moved = book.cash_drift
    account = book.account.model_copy(update={"transfers": {**book.account.transfers, command_id: moved}})
    told = {symbol: last for symbol, last in book.drift_told.items() if symbol != CASH}
    after = book.model_copy(
        update={
            "account": account,
            "cash_expected": book.cash_expected + moved,
            "cash_drift": ZERO,
            "drift_told": told,
            "drift_usd": max(ZERO, book.drift_usd - abs(moved)),
        }
    )
    text = f"{usd(moved)} count as capital that moved into (or out of) the account of {book.module}"
    return _written(desk, after, text, {"usd": number(moved)})


def _written(desk: Desk, after: BookDoc, text: str, detail: dict[str, str]) -> Effect:
    path = book_path(after.module)
    return Effect(text, [Replace(path, encode(after), desk.versions[path])], detail)
