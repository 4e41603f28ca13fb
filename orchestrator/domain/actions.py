"""What corporate actions do to a book: quantities, prices and names change, nothing is gained or lost. Pure.

A split of n new shares for o old ones multiplies every quantity by n / o and every price by o / n: of positions, of
orders with their fills, of foreign holdings. A change of symbol renames them. What a book has taken in it remembers,
so that an execution of before that arrives late is restated in the same way.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction

from orchestrator.domain.base import Value, nearest
from orchestrator.domain.documents import BookDoc
from orchestrator.domain.foreign import CorporateAction, ForeignHolding, worth
from orchestrator.domain.instruments import is_occ, parse_occ
from orchestrator.domain.orders import Fill, Order
from orchestrator.domain.positions import Position, PositionLeg

REMEMBERED = timedelta(days=10)
"""How long a corporate action restates executions that are told late."""

_WHOLE, _SMALL = 500, 20
"""Largest n of splits n for 1 and 1 for n, and largest number of a split such as 3 for 2."""

_CENT = Decimal("0.01")
_CLOSE = Decimal("0.03")
_POSITION_LEVELS = (
    "entry_px", "decision_px", "stop_price", "take_profit", "high_water_px", "raised_stop", "max_loss_usd",
)  # fmt: skip
_ORDER_LEVELS = ("limit_price", "stop_price", "protect_stop", "take_profit", "decision_px", "max_loss_usd")


@dataclass(frozen=True, slots=True)
class Rate:
    """`new` units for `old` ones, in lowest terms."""

    new: Decimal
    old: Decimal


def rate_of(before: Decimal, after: Decimal) -> Rate | None:
    """Return the split that turns one quantity into the other, None if no split has such a ratio.

    Examples
    --------
    >>> rate_of(Decimal(10), Decimal(70))
    Rate(new=Decimal('7'), old=Decimal('1'))
    >>> rate_of(Decimal(10), Decimal(13)) is None
    True
    """
    if before * after <= 0 or before == after or max(after / before, before / after) > _WHOLE:
        return None
    ratio = Fraction(after) / Fraction(before)
    new, old = ratio.numerator, ratio.denominator
    split = max(new, old) <= _SMALL or (min(new, old) == 1 and max(new, old) <= _WHOLE)
    return Rate(Decimal(new), Decimal(old)) if split else None


def rate_told(new: Decimal, old: Decimal) -> Rate | None:
    """Return a split as the venue tells it, `0.1 for 1` too; None if it says nothing."""
    if new <= 0 or old <= 0 or new == old or not 1 <= max(new / old, old / new) <= _WHOLE:
        return None
    ratio = (Fraction(new) / Fraction(old)).limit_denominator(_WHOLE)
    return Rate(Decimal(ratio.numerator), Decimal(ratio.denominator)) if ratio > 0 else None


def rate_with_fraction(before: Decimal, after: Decimal) -> Rate | None:
    """Return the only split 1 for n that leaves this whole number of shares, its fraction paid out, else None."""
    fits = [n for n in range(2, _WHOLE + 1) if before > 0 and before // n == after and before % n]
    return Rate(Decimal(1), Decimal(fits[0])) if len(fits) == 1 and after >= 1 else None


def gap_like_a_split(before: Decimal, price: Decimal) -> bool:
    """Return whether a price has jumped as it does at a split: by a third or more, to within 3 % of such a ratio."""
    ratios = [Decimal(n) for n in (2, 3, 4, 5, 6, 7, 8, 10, 15, 20)] + [Decimal("1.5")]
    fell = before / price
    return any(abs(jump / ratio - 1) <= _CLOSE for ratio in ratios for jump in (fell, 1 / fell))


def post_action(book: BookDoc, action: CorporateAction) -> BookDoc:
    """Return the book after a corporate action; one it has taken in already changes nothing."""
    known = [one for one in book.actions if action.at - one.at < REMEMBERED]
    if action in known:
        return book
    return book.model_copy(
        update={
            "positions": {key: _position(held, action) for key, held in book.positions.items()},
            "orders": {key: restated_order(order, action) for key, order in book.orders.items()},
            "foreign": _foreign(book.foreign, action),
            "memory": {_renamed(key, action): value for key, value in book.memory.items()},
            "drift": {symbol: gap for symbol, gap in book.drift.items() if symbol != action.symbol},
            "actions": (*known, action),
        }
    )


def _position(position: Position, action: CorporateAction) -> Position:
    if all(leg.symbol != action.symbol for leg in position.legs):
        return position  # contracts follow when the venue shows their adjusted ones
    update: dict[str, str | Decimal] = {"symbol": action.becomes} if position.symbol == action.symbol else {}
    if len(position.legs) == 1:
        update |= _levels(position, _POSITION_LEVELS, action) | {"exit_qty": _qty(position.exit_qty, action)}
    legs = tuple(_leg(leg, action) for leg in position.legs)
    return position.model_copy(update=update | {"legs": legs})


def _leg(leg: PositionLeg, action: CorporateAction) -> PositionLeg:
    if leg.symbol != action.symbol:
        return leg
    mark = None if leg.mark_px is None else _price(leg.mark_px, action)
    update = {"qty": _qty(leg.qty, action), "avg_px": _price(leg.avg_px, action), "mark_px": mark}
    return leg.model_copy(update=update | {"symbol": action.becomes})


def _qty(qty: Decimal, action: CorporateAction) -> Decimal:
    return qty * action.new / action.old


def _price(price: Decimal, action: CorporateAction) -> Decimal:
    return price * action.old / action.new


def _levels(value: Value, names: Iterable[str], action: CorporateAction) -> dict[str, Decimal]:
    found = {name: getattr(value, name) for name in names}
    return {name: _price(level, action) for name, level in found.items() if level is not None}


def restated_order(order: Order, action: CorporateAction) -> Order:
    """Return an order as the venue restates it: what rests and what has filled, in new units and at new prices.

    One that has ended stays as it was; the venue does not touch it either.
    """
    intent = order.intent
    if order.state.terminal or len(intent.legs) != 1 or intent.legs[0].symbol != action.symbol:
        return order
    levels = _levels(intent, _ORDER_LEVELS, action)
    levels |= {name: nearest(levels[name], _CENT) for name in ("limit_price", "stop_price") if name in levels}
    scaled = intent.model_copy(
        update={
            **levels,
            "qty": _qty(intent.qty, action),
            "symbol": action.becomes if intent.symbol == action.symbol else intent.symbol,
            "legs": tuple(leg.model_copy(update={"symbol": action.becomes}) for leg in intent.legs),
        }
    )
    return order.model_copy(
        update={
            "intent": scaled,
            "fills": tuple(_fill(fill, action) for fill in order.fills),
            "filled_qty": _qty(order.filled_qty, action),
            "told_qty": _qty(order.told_qty, action),
            "avg_px": None if order.avg_px is None else _price(order.avg_px, action),
        }
    )


def _fill(fill: Fill, action: CorporateAction) -> Fill:
    update = {"symbol": action.becomes, "qty": _qty(fill.qty, action), "price": _price(fill.price, action)}
    return fill.model_copy(update=update | {"fee_base_qty": _qty(fill.fee_base_qty, action)})


def restated(fill: Fill, actions: Iterable[CorporateAction]) -> Fill:
    """Return an execution in the units of now: every action after it that the book has taken in restates it."""
    for action in sorted(actions, key=lambda one: one.at):
        if fill.symbol == action.symbol and fill.ts_event < action.at:
            fill = _fill(fill, action)
    return fill


def _foreign(foreign: Mapping[str, ForeignHolding], action: CorporateAction) -> dict[str, ForeignHolding]:
    found = dict(foreign)
    holding = found.pop(action.symbol, None)
    if holding is not None:
        qty = _qty(holding.qty, action)
        price = None if holding.price is None else _price(holding.price, action)
        update = {"qty": qty, "price": price, "value_usd": worth(action.becomes, qty, price)}
        found[action.becomes] = holding.model_copy(update=update)
    return found


def _renamed(key: str, action: CorporateAction) -> str:
    """Return a key of memory, words of which may be symbols, under the new symbol."""
    return " ".join(action.becomes if word == action.symbol else word for word in key.split(" "))


def post_adjustment(book: BookDoc, position_id: str, action: CorporateAction, renames: Mapping[str, str]) -> BookDoc:
    """Return the book after the contracts of a position were adjusted: all its legs, and its levels, at one rate.

    Parameters
    ----------
    action
        The split of the underlying.
    renames
        New contract by old one.
    """
    position = book.positions[position_id]
    legs = tuple(
        _leg(leg, action.model_copy(update={"symbol": leg.symbol, "becomes": renames[leg.symbol]}))
        if leg.symbol in renames
        else leg
        for leg in position.legs
    )
    levels = _levels(position, _POSITION_LEVELS, action)
    update = {**levels, "symbol": action.becomes, "legs": legs, "exit_qty": _qty(position.exit_qty, action)}
    after = position.model_copy(update=update)
    return book.model_copy(update={"positions": {**book.positions, position_id: after}})


def successor(contract: str, action: CorporateAction, held: Iterable[str]) -> str | None:
    """Return which of the contracts held is the adjusted one: same expiry and right, the strike follows the price."""
    terms = parse_occ(contract)
    strike = _price(terms.strike, action)
    for symbol in held:
        if symbol == contract or not is_occ(symbol):
            continue
        new = parse_occ(symbol)
        same = (new.expiry, new.right) == (terms.expiry, terms.right)
        if same and new.underlying in {action.symbol, action.becomes} and abs(new.strike - strike) <= _CENT:
            return symbol
    return None
