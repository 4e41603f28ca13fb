"""Book what moved without an order: dividends, fees, exercise, assignment, expiry, dust. Once each.

Splits and changes of symbol are taken in before (`orchestrator.restating`). Nothing here asks the venue for anything or
sends an order: the activities come with the venue's state.
"""

from __future__ import annotations

from decimal import Decimal

from orchestrator.domain.base import ZERO, ModuleName
from orchestrator.domain.documents import EventKind
from orchestrator.domain.exposure import held_by_symbol
from orchestrator.domain.instruments import is_occ
from orchestrator.domain.ledger import post_delivery, post_dust, post_expiry
from orchestrator.domain.positions import Position
from orchestrator.ports import CashEvent, VenueState
from orchestrator.unit import Unit

SHARED_ACCOUNT = {ModuleName.STOCKS: ModuleName.OPTIONS, ModuleName.OPTIONS: ModuleName.STOCKS}
"""Modules that trade on one account, and the other one of each."""

TRANSFERS = frozenset({"CSD", "CSW", "JNLC", "TRANS", "ACATC", "JNL"})
"""Kinds of activities that move capital: neither profit nor loss."""

DUST_USD = Decimal(50)
"""What a rest may be worth at most to count as dust. Least orders are worth a few dollars."""

RESTATING = frozenset({"SPLIT", "NC", "SC", "REORG", "MA", "SPIN", "OPCA"})
"""Kinds of activities that change what a symbol is."""

KEEP_EVENTS = 200
"""How many cash events a book remembers, so that none is booked twice."""

_DELIVERY = "OPTRD"
"""Shares of an exercise or assignment; booked before the contract ends, while its position is still there."""


def post_activities(unit: Unit, state: VenueState, *, first: bool) -> None:
    """Book the activities of the account that concern this module's book.

    Parameters
    ----------
    first
        Whether the account is seen for the first time: what happened before is history, and nothing is booked.
    """
    for event in sorted(state.cash_events, key=lambda event: event.kind != _DELIVERY):
        if event.id not in unit.book.seen_events:
            if not first:
                _BOOKING.get(event.kind, _post_income)(unit, event, state)
            seen = (*unit.book.seen_events, event.id)[-KEEP_EVENTS:]
            unit.book = unit.book.model_copy(update={"seen_events": seen})


def write_off_dust(unit: Unit, state: VenueState) -> None:
    """End the positions of less coins than the venue takes in an order: they could neither be protected nor left.

    Only once no order of theirs is under way or has fills to come. The coins stay in the account, where they are dust.
    A least order that makes dust of more than a few dollars is not believed.
    """
    for position in list(unit.book.positions.values()):
        least = state.least.get(position.symbol, ZERO)
        if not position.units < least or position.gross_exposure > DUST_USD or not _settled(unit, position):
            continue
        posted = post_dust(unit.book, position, unit.now)
        unit.book = posted.book
        if posted.trade is not None:
            unit.trades[posted.trade.id] = posted.trade
        text = f"{position.symbol}: the rest of {position.units.normalize():f} is less than the least order, {least:f}"
        unit.tell(f"dust_{position.id}", EventKind.POSITION_CLOSED, f"{text}: written off", subject=position.id)


def _settled(unit: Unit, position: Position) -> bool:
    """Whether no order can change the position any more."""
    own = [order for order in unit.book.orders.values() if order.intent.position_id == position.id]
    return all(order.state.terminal and order.outstanding_qty == 0 for order in own)


def _post_fee(unit: Unit, event: CashEvent, _state: VenueState) -> None:
    if _fee_is_ours(unit, event):
        unit.book = unit.book.model_copy(update={"fees": unit.book.fees - event.amount})


def _post_delivery(unit: Unit, event: CashEvent, _state: VenueState) -> None:
    if unit.module is not ModuleName.OPTIONS:
        return
    posted = post_delivery(
        unit.book, event.symbol, qty=event.qty, price=event.price, event_id=event.id, moment=event.ts_event
    )
    unit.book = posted.book
    if posted.trade is not None:
        unit.trades[posted.trade.id] = posted.trade


def _post_income(unit: Unit, event: CashEvent, state: VenueState) -> None:
    """Book a dividend or other cash in proportion to what this module holds of the account's whole.

    Of what is held no more, or is no holding at all (interest), everything is the stocks': nothing is counted twice.
    """
    if event.kind in TRANSFERS or event.kind in RESTATING:
        return
    own = held_by_symbol(unit.book).get(event.symbol, ZERO)
    total = state.positions.get(event.symbol, own)
    share = own / total if total else ZERO if unit.module is ModuleName.OPTIONS else 1
    if share:
        unit.book = unit.book.model_copy(update={"income": unit.book.income + event.amount * share})


def _fee_is_ours(unit: Unit, event: CashEvent) -> bool:
    """Return whether a fee of a shared account is this module's: options pay for contracts, stocks for the rest."""
    if unit.module not in SHARED_ACCOUNT:
        return True
    return is_occ(event.symbol) == (unit.module is ModuleName.OPTIONS)


def _post_expiry(unit: Unit, event: CashEvent, _state: VenueState) -> None:
    """Close an option leg that expired, was exercised or assigned; shares it turned into show as drift."""
    posted = post_expiry(unit.book, event.symbol, event_id=event.id, price=event.price, moment=event.ts_event)
    if posted.book is unit.book:
        return
    unit.book = posted.book
    if posted.trade is not None:
        unit.trades[posted.trade.id] = posted.trade
    text = f"{event.symbol}: {event.kind}; an option leg was held into its expiry, look at what is left"
    unit.tell(f"expiry_{event.id}", EventKind.DRIFT_FOUND, text, severity="critical", subject=event.symbol)


_BOOKING = {
    "FEE": _post_fee,
    "CFEE": _post_fee,
    _DELIVERY: _post_delivery,
    "OPEXP": _post_expiry,
    "OPASN": _post_expiry,
    "OPEXC": _post_expiry,
}
"""How each kind of activity is booked; what is not here is income."""
