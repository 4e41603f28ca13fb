"""What happens to a backtest's holdings without an order: contracts that end with a session, dividends.

As the venue settles (`venue.settlement`): in the money by a cent is exercised or assigned and delivers shares at the
strike; what the account could not carry is closed at its touch first; the rest ends worthless.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from ml.backtest.recorded import Closed, Event, Paid
from ml.backtest.wallet import Wallet
from orchestrator.domain.base import ZERO, cents
from orchestrator.domain.exposure import held_by_symbol
from orchestrator.domain.instruments import Contract, OptionRight, is_occ, parse_occ
from orchestrator.domain.ledger import post_expiry
from orchestrator.domain.orders import Side
from orchestrator.domain.positions import PositionLeg

AUTO_EXERCISE = Decimal("0.01")
"""Worth in the money from which a contract is exercised, USD a share."""
SHARES = Decimal(100)
"""Shares of a contract."""


def settle(wallet: Wallet, event: Event) -> None:
    """Apply one event to the wallet."""
    if isinstance(event, Paid):
        _pay(wallet, event)
        return
    wallet.drop(list(wallet.book.orders.values()))
    ending = [(symbol, qty) for symbol, qty in held_by_symbol(wallet.book).items() if qty and _ends(symbol, event)]
    carried = {symbol: _carries(wallet, parse_occ(symbol), event.at) for symbol, _ in ending}
    for symbol, qty in ending:
        if not carried[symbol]:
            _close(wallet, symbol, qty, event.at)
    for symbol, qty in ending:
        if carried[symbol]:
            _end(wallet, symbol, qty, event.at)


def _pay(wallet: Wallet, event: Paid) -> None:
    cash = cents(held_by_symbol(wallet.book).get(event.symbol, ZERO) * event.cash)
    wallet.cash += cash
    wallet.book = wallet.book.model_copy(update={"income": wallet.book.income + cash})


def _ends(symbol: str, event: Closed) -> bool:
    return is_occ(symbol) and parse_occ(symbol).expiry <= event.day


def _inside(wallet: Wallet, contract: Contract, now: datetime) -> Decimal:
    """Return what exercise is worth a share; nothing where the underlying has no price or it is less than a cent."""
    seen = wallet.quoted.touch(contract.underlying, now)
    if seen is None:
        return ZERO
    gain = (seen.last - contract.strike) * (1 if contract.right is OptionRight.CALL else -1)
    return gain if gain >= AUTO_EXERCISE else ZERO


def _moved(contract: Contract, qty: Decimal) -> Decimal:
    """Return the shares that the settlement of contracts brings, signed."""
    return qty * SHARES * (1 if contract.right is OptionRight.CALL else -1)


def _carries(wallet: Wallet, contract: Contract, now: datetime) -> bool:
    """Tell whether shares and cash cover the settlement of all of this underlying that ends with the contract."""
    if not _inside(wallet, contract, now):
        return True
    held = held_by_symbol(wallet.book)
    shares, cash = held.get(contract.underlying, ZERO), wallet.cash
    for symbol, qty in held.items():
        other = parse_occ(symbol) if is_occ(symbol) and qty else None
        if other is None or other.underlying != contract.underlying or other.expiry > contract.expiry:
            continue
        if _inside(wallet, other, now):
            shares += _moved(other, qty)
            cash -= _moved(other, qty) * other.strike
    return shares >= 0 and cash >= 0


def _close(wallet: Wallet, symbol: str, qty: Decimal, now: datetime) -> None:
    """Close a contract at its touch: sold for nothing without a bid, bought back at its worth without an offer."""
    seen, contract = wallet.quoted.touch(symbol, now), parse_occ(symbol)
    touch = None if seen is None else (seen.bid if qty > 0 else seen.ask)
    price = touch or (ZERO if qty > 0 else _inside(wallet, contract, now))
    side = Side.SELL if qty > 0 else Side.BUY
    fee = wallet.house.fee(symbol, side, qty=abs(qty), price=price) * wallet.cost_times
    wallet.cash += qty * price * SHARES - fee
    wallet.book = wallet.book.model_copy(update={"fees": wallet.book.fees + fee})
    _ended(wallet, symbol, price=price, now=now)


def _end(wallet: Wallet, symbol: str, qty: Decimal, now: datetime) -> None:
    """Exercise or assign a contract in the money, let any other end worthless."""
    contract = parse_occ(symbol)
    if _inside(wallet, contract, now):
        leg = PositionLeg(symbol=contract.underlying, qty=_moved(contract, qty), avg_px=contract.strike)
        wallet.cash -= leg.cost
        _deliver(wallet, symbol, leg, now)
    _ended(wallet, symbol, price=ZERO, now=now)


def _deliver(wallet: Wallet, symbol: str, leg: PositionLeg, now: datetime) -> None:
    """Close the shares that are held at the strike; any others become a leg of the position that had the contract."""
    book = wallet.book
    if held_by_symbol(book).get(leg.symbol, ZERO) == -leg.qty:
        _ended(wallet, leg.symbol, price=leg.avg_px, now=now)
        return
    before = next(
        held for held in book.positions.values() if any(one.symbol == symbol and one.qty for one in held.legs)
    )
    after = before.model_copy(update={"legs": (*before.legs, leg), "max_loss_usd": None})
    delivered = book.delivered - leg.qty * leg.avg_px
    wallet.book = book.model_copy(update={"positions": {**book.positions, after.id: after}, "delivered": delivered})


def _ended(wallet: Wallet, symbol: str, *, price: Decimal, now: datetime) -> None:
    event_id = f"{symbol}/{now.isoformat()}"
    while held_by_symbol(wallet.book).get(symbol, ZERO):
        posted = post_expiry(wallet.book, symbol, event_id=event_id, price=price, moment=now)
        wallet.take(posted)
