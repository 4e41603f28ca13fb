"""Take splits, changes of symbol and adjusted contracts into a book before anything else of the venue's state.

    activity, or quantity and price together  ──►  post_action: positions, orders, foreign holdings restated
    any sign at all                           ──►  the symbol is in quarantine until book and venue agree

Executions of before the action that are told with it or later are restated when they are posted. What cannot be
worked out is not guessed: the symbol stays in quarantine, and a person is told.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from orchestrator.activities import RESTATING
from orchestrator.domain.actions import (
    Rate,
    gap_like_a_split,
    post_action,
    post_adjustment,
    rate_of,
    rate_told,
    rate_with_fraction,
    successor,
)
from orchestrator.domain.base import ZERO, ModuleName, floor_to
from orchestrator.domain.claims import answers_for
from orchestrator.domain.documents import EventKind
from orchestrator.domain.errors import TradingError
from orchestrator.domain.exposure import held_by_symbol
from orchestrator.domain.foreign import CorporateAction, risk_symbol
from orchestrator.domain.instruments import is_occ
from orchestrator.domain.ledger import post_fraction
from orchestrator.domain.orders import Order, Purpose
from orchestrator.domain.positions import Position
from orchestrator.foreign import News, other_share
from orchestrator.ports import CashEvent, VenueState
from orchestrator.unit import Unit

_SAME = timedelta(days=5)
"""How far apart what an activity tells and what quantities have shown before may be dated."""

_NEAR = Decimal("0.10")
"""How far from its new price a stock may have moved for the price to confirm a split."""


@dataclass(frozen=True, slots=True)
class _Told:
    """What a cycle was told, and the activities among it that change the meaning of a symbol."""

    unit: Unit
    state: VenueState
    news: News
    events: Sequence[CashEvent]

    def held_before(self, symbol: str, moment: datetime) -> Decimal:
        """Return what the whole account held before a moment: by the books, and by executions told since."""
        since = [fill for fill in self.news.fills if fill.symbol == symbol and fill.ts_event < moment]
        return self.booked(symbol) + sum((fill.side.sign * fill.held_qty for fill in since), ZERO)

    def booked(self, symbol: str) -> Decimal:
        """Return what the whole account holds of a symbol by the books."""
        holding = self.unit.book.foreign.get(symbol)
        foreign = ZERO if holding is None else holding.qty
        own = held_by_symbol(self.unit.book).get(symbol, ZERO)
        return own + other_share(self.unit).quantities.get(symbol, ZERO) + foreign


def restate(unit: Unit, state: VenueState, news: News) -> dict[str, str]:
    """Take in what changed the meaning of a symbol; return the symbols to quarantine, with the reason."""
    if news.first or unit.module is ModuleName.CRYPTO:
        return {}
    told = _Told(unit, state, news, [event for event in news.events if event.kind in RESTATING])
    signs = {risk_symbol(symbol): reason for event in told.events for symbol, reason in _signs_of(told, event)}
    signs = dict(_quiet_signs(told)) | signs
    for action in unit.book.actions:
        _adjust_contracts(told, action)
    return signs


def drop_unscaled(unit: Unit, state: VenueState) -> None:
    """Let protective orders that the venue did not restate end now: they rest at a price of before the split."""
    split = {action.becomes for action in unit.book.actions}
    for said in state.open_orders:
        order = unit.book.orders.get(said.client_order_id or unit.book.broker_ids.get(said.broker_order_id, ""))
        if order is None or order.state.terminal or order.intent.symbol not in split or len(order.intent.legs) != 1:
            continue
        if said.qty is not None and said.qty != order.intent.qty and order.intent.purpose is Purpose.PROTECT:
            intent = order.intent.model_copy(update={"valid_until": min(order.intent.valid_until, unit.now)})
            unit.put_order(order.model_copy(update={"intent": intent}))


def _signs_of(told: _Told, event: CashEvent) -> Iterator[tuple[str, str]]:
    """Take one activity in; what makes no sense is told, and keeps the cycle from nothing else."""
    try:
        action = _action(told, event)
        if action is not None and not _taken_in(told.unit, action):
            _take_in(told, event, action)
    except (ArithmeticError, ValueError, TradingError) as error:
        yield from _not_worked_out(told.unit, event, f" ({type(error).__name__}: {error})")
    else:
        if action is None:
            yield from _not_worked_out(told.unit, event, "")
        else:
            yield from dict.fromkeys((action.symbol, action.becomes), _words(action)).items()


def _take_in(told: _Told, event: CashEvent, action: CorporateAction) -> None:
    before = told.held_before(action.symbol, action.at)
    _post(told.unit, action)
    if event.qty and action.symbol == action.becomes == event.symbol:
        _pay_fraction(told.unit, event, before * action.new / action.old - (before + event.qty))


def _not_worked_out(unit: Unit, event: CashEvent, why: str) -> Iterator[tuple[str, str]]:
    if _concerns(unit, event.symbol):
        text = f"{event.symbol}: {event.kind} ({event.id}) cannot be worked out{why}; compare the book with the venue"
        unit.tell(f"action_{event.id}", EventKind.DRIFT_FOUND, text, severity="critical", subject=event.symbol)
    yield event.symbol, f"{event.kind} on {event.ts_event:%Y-%m-%d} that the desk cannot work out"


def _words(action: CorporateAction) -> str:
    if action.symbol != action.becomes:
        return f"{action.symbol} became {action.becomes}"
    return f"split of {action.new:f} for {action.old:f} on {action.at:%Y-%m-%d}"


def _concerns(unit: Unit, symbol: str) -> bool:
    """Return whether a module holds what an activity is about; contracts are the options'."""
    if not answers_for(unit.module, symbol):
        return False
    return risk_symbol(symbol) in {risk_symbol(held) for held in held_by_symbol(unit.book)}


def _action(told: _Told, event: CashEvent) -> CorporateAction | None:
    """Return the action that an activity tells, None if it cannot be worked out."""
    if is_occ(event.symbol):
        return _of_contract(told, event)
    if event.kind == "SPLIT":
        rate = _rate(told, event)
        return None if rate is None else _of(event, event.symbol, rate)
    if event.kind in {"NC", "SC", "REORG"}:
        went, came = _pair(event, told.events)
        if went is not None and came is not None:
            rate = Rate(Decimal(1), Decimal(1)) if came.qty == -went.qty else rate_of(-went.qty, came.qty)
            return None if rate is None else _of(went, came.symbol, rate)
    return None


def _of(event: CashEvent, becomes: str, rate: Rate) -> CorporateAction:
    return CorporateAction(
        id=event.id, symbol=event.symbol, becomes=becomes, new=rate.new, old=rate.old, at=event.ts_event
    )


def _of_contract(told: _Told, event: CashEvent) -> CorporateAction | None:
    """Return the split of the underlying that turned a contract of the book into the one that an activity names."""
    underlying = risk_symbol(event.symbol)
    shown = told.state.positions.get(event.symbol, ZERO)
    for symbol, qty in held_by_symbol(told.unit.book).items():
        rate = rate_of(qty, shown) if is_occ(symbol) and risk_symbol(symbol) == underlying else None
        action = None if rate is None else _of(event, underlying, rate).model_copy(update={"symbol": underlying})
        if action is not None and successor(symbol, action, [event.symbol]) is not None:
            return action
    return None


def _pair(event: CashEvent, events: Sequence[CashEvent]) -> tuple[CashEvent | None, CashEvent | None]:
    """Return what went under an old symbol and what came under a new one."""
    near = [one for one in events if one.kind == event.kind and abs(one.ts_event - event.ts_event) < _SAME]
    match = next((one for one in near if one.qty * event.qty < 0 and one.symbol != event.symbol), None)
    return (event, match) if event.qty < 0 else (match, event)


def _rate(told: _Told, event: CashEvent) -> Rate | None:
    """Return the rate of a split: as told, or from what was held before and after, by the book or by the venue."""
    if event.new_rate is not None and event.old_rate is not None:
        return rate_told(event.new_rate, event.old_rate)
    before = told.held_before(event.symbol, event.ts_event)
    shown = told.state.positions.get(event.symbol, ZERO)
    candidates = (
        rate_of(before, before + event.qty),
        rate_of(shown - event.qty, shown),
        rate_of(shown, shown + event.qty),
        rate_with_fraction(before, before + event.qty),
    )
    return next((rate for rate in candidates if rate is not None), None)


def _taken_in(unit: Unit, action: CorporateAction) -> bool:
    """Return whether the book has the action already: told twice, told of contracts too, or inferred.

    No symbol splits twice within days: where the terms differ, book and venue do, and the symbol stays in quarantine.
    """
    names = (action.symbol, action.becomes)
    return any((one.symbol, one.becomes) == names and abs(one.at - action.at) <= _SAME for one in unit.book.actions)


def _post(unit: Unit, action: CorporateAction) -> None:
    before = unit.book.orders
    unit.book = post_action(unit.book, action)
    unit.changed |= {key: order for key, order in unit.book.orders.items() if order != before[key]}


def _pay_fraction(unit: Unit, event: CashEvent, fraction: Decimal) -> None:
    """Take out of the book the fraction of a share that the venue paid out in cash, with the event or after it."""
    own = held_by_symbol(unit.book).get(event.symbol, ZERO) % 1
    if not 0 < fraction < 1 or own <= 0:
        return
    price = event.amount / fraction
    paid = min(fraction, own)
    posted = post_fraction(unit.book, event.symbol, paid, event_id=event.id, price=price, moment=event.ts_event)
    orders = {key: _whole(order, event.symbol) for key, order in posted.book.orders.items()}
    unit.book = posted.book.model_copy(update={"orders": orders})
    unit.changed |= {key: orders[key] for key in unit.changed if key in orders}
    if posted.trade is not None:
        unit.trades[posted.trade.id] = posted.trade


def _whole(order: Order, symbol: str) -> Order:
    if order.intent.symbol != symbol or order.state.terminal:
        return order
    whole = floor_to(order.intent.qty, Decimal(1))
    return order.model_copy(update={"intent": order.intent.model_copy(update={"qty": whole})})


def _adjust_contracts(told: _Told, action: CorporateAction) -> None:
    """Take in the contracts that the venue shows in place of those on an underlying that has split."""
    for position in list(told.unit.book.positions.values()):
        renames = dict(_renames(position, told.state, action))
        if renames:
            told.unit.book = post_adjustment(told.unit.book, position.id, action, renames)


def _renames(position: Position, state: VenueState, action: CorporateAction) -> Iterator[tuple[str, str]]:
    for leg in position.legs:
        if not is_occ(leg.symbol) or risk_symbol(leg.symbol) != action.symbol or state.positions.get(leg.symbol):
            continue
        found = successor(leg.symbol, action, state.positions)
        if found is not None and state.positions[found] == leg.qty * action.new / action.old:
            yield leg.symbol, found


def _quiet_signs(told: _Told) -> Iterator[tuple[str, str]]:
    """Yield what looks like a split of which no activity tells; quantity and price together are taken for one."""
    book = told.unit.book
    known = {action.becomes for action in book.actions} | {event.symbol for event in told.events}
    moving = {fill.symbol for fill in told.news.fills} | {o.intent.symbol for o in book.orders.values() if _moves(o)}
    for position in list(book.positions.values()):
        symbol = position.symbol
        if len(position.legs) == 1 and position.legs[0].symbol == symbol and symbol not in known | moving:
            sign = _quiet_sign(told, symbol, position.legs[0].mark_px)
            yield from [(symbol, sign)] if sign else []


def _moves(order: Order) -> bool:
    return order.intent.purpose is not Purpose.PROTECT or order.state.terminal


def _quiet_sign(told: _Told, symbol: str, mark: Decimal | None) -> str | None:
    price, shown = told.state.prices.get(symbol), told.state.positions.get(symbol, ZERO)
    rate = rate_of(told.booked(symbol), shown)
    if rate is None:
        gap = bool(price and mark) and price is not None and mark is not None and gap_like_a_split(mark, price)
        return f"its price went from {mark:f} to {price:f}, as it does at a split" if gap else None
    if price and mark and _confirmed(rate, mark, price):
        at = told.unit.now - timedelta(seconds=1)
        _post(told.unit, CorporateAction(id="", symbol=symbol, becomes=symbol, new=rate.new, old=rate.old, at=at))
    return f"the venue holds {rate.new:f} for {rate.old:f} of what the books hold"


def _confirmed(rate: Rate, mark: Decimal, price: Decimal) -> bool:
    """Return whether a price is where the split would put it, and not where it was."""
    expected = mark * rate.old / rate.new
    return abs(price / expected - 1) < _NEAR < abs(price / mark - 1)
