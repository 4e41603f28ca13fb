"""Decides at what price and in what quantity an order trades against a quote or a finished bar.

Pure decisions. Where the data leaves a choice, the one that is worse for the order is taken: a gap through a
stop fills at the open, and of a stop and a target that one bar touches the stop is worked first.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_DOWN, ROUND_UP, Decimal

from venue.feed import MarketBar, MarketQuote
from venue.occ import parse
from venue.orders import Order, OrderType, Side

PARTICIPATION = Decimal("0.1")
STOPS = frozenset({OrderType.STOP, OrderType.STOP_LIMIT})
TRIGGERS = STOPS | {OrderType.TAKE_PROFIT, OrderType.TAKE_PROFIT_LIMIT}
PRICED = frozenset({OrderType.LIMIT, OrderType.STOP_LIMIT, OrderType.TAKE_PROFIT_LIMIT})


@dataclass(frozen=True, slots=True)
class Match:
    """A price, and the most that trades at it (None: no bound)."""

    price: Decimal
    size: Decimal | None


class TouchSizes:
    """What orders have taken from the size at the touch; a new quote brings a new size."""

    def __init__(self) -> None:
        self._taken: dict[tuple[str, Side], tuple[datetime, Decimal]] = {}

    def left(self, symbol: str, side: Side, quote: MarketQuote) -> Decimal:
        """Return the size that an order of that side still meets."""
        size = quote.ask_size if side is Side.BUY else quote.bid_size
        seen, taken = self._taken.get((symbol, side), (quote.ts, Decimal(0)))
        return size - taken if seen == quote.ts else size

    def take(self, symbol: str, side: Side, quote: MarketQuote, qty: Decimal) -> None:
        """Take a quantity from the touch."""
        seen, taken = self._taken.get((symbol, side), (quote.ts, Decimal(0)))
        self._taken[symbol, side] = (quote.ts, qty + (taken if seen == quote.ts else Decimal(0)))


def floor_to(qty: Decimal, step: Decimal) -> Decimal:
    """Round a quantity down to a whole number of steps."""
    return (qty / step).to_integral_value(ROUND_DOWN) * step


def worse_tick(price: Decimal, tick: Decimal, side: Side | None) -> Decimal:
    """Round a price that was read off a bar to a whole tick, up for a purchase and down for a sale."""
    rounding = ROUND_UP if side is Side.BUY else ROUND_DOWN
    return (price / tick).to_integral_value(rounding) * tick


def touch(quote: MarketQuote, side: Side) -> Match | None:
    """Return the price and size an order of that side meets, or None if there is no such quote."""
    price, size = (quote.ask, quote.ask_size) if side is Side.BUY else (quote.bid, quote.bid_size)
    return None if price is None or price <= 0 else Match(price, size)


def within_limit(order: Order, price: Decimal) -> bool:
    """Tell whether the order's limit allows the price; an order without a limit allows any."""
    if order.type not in PRICED or order.limit is None:
        return True
    return price <= order.limit if order.side is Side.BUY else price >= order.limit


def is_triggered(order: Order, price: Decimal) -> bool:
    """Tell whether a trade at `price` sets off the order's stop or take-profit trigger."""
    if order.triggered or order.type not in TRIGGERS or order.stop is None:
        return True
    rising = (order.side is Side.BUY) == (order.type in STOPS)
    return price >= order.stop if rising else price <= order.stop


def at_quote(order: Order, quote: MarketQuote) -> Match | None:
    """Return what the order would trade at the touch, None if it would not. Marks a trigger that was hit."""
    if not is_triggered(order, quote.last) or order.side is None:
        return None
    order.triggered = order.triggered or order.type in TRIGGERS
    match = touch(quote, order.side)
    return match if match is not None and within_limit(order, match.price) else None


def in_bar(order: Order, bar: MarketBar) -> Match | None:
    """Return what the order traded in a finished bar that it rested through, None if it did not.

    A triggered stop trades in full; a limit trades at most a tenth of the bar's volume.
    """
    if order.type is OrderType.MARKET or order.side is None:
        return None
    if order.type in TRIGGERS and not order.triggered:
        return _trigger_in_bar(order, bar)
    if order.limit is None:
        return None
    price = _reached(order.limit, bar, rising=order.side is Side.SELL)
    return None if price is None else Match(price, bar.volume * PARTICIPATION)


def _trigger_in_bar(order: Order, bar: MarketBar) -> Match | None:
    if order.stop is None:
        return None
    rising = (order.side is Side.BUY) == (order.type in STOPS)
    price = _reached(order.stop, bar, rising=rising)
    if price is None:
        return None
    order.triggered = True
    return Match(price, None) if within_limit(order, price) else None


def _reached(level: Decimal, bar: MarketBar, *, rising: bool) -> Decimal | None:
    """Return the first price at or beyond `level`: the open after a gap, else the level if the bar got there."""
    if (bar.open >= level) if rising else (bar.open <= level):
        return bar.open
    return level if ((bar.high >= level) if rising else (bar.low <= level)) else None


def stops_first(orders: Iterable[Order]) -> list[Order]:
    """Return the orders with stops ahead of the rest, each part in order of arrival."""
    return sorted(orders, key=lambda order: order.type not in STOPS)


def traded(order: Order) -> set[str]:
    """Return the symbols an order trades, and the underlyings of those that are contracts."""
    names = {one.symbol for one in (order, *order.legs) if one.symbol}
    return names | {contract.underlying for name in names if (contract := parse(name)) is not None}


def package(legs: Iterable[tuple[Order, MarketQuote]]) -> Match | None:
    """Return net price and number of units of a multi-leg order at its legs' touch, None if a leg has no quote.

    The net price is positive for a debit, negative for a credit, per unit of the order and per share.
    """
    net, units = Decimal(0), None
    for leg, quote in legs:
        match = touch(quote, leg.side) if leg.side is not None else None
        if match is None or match.size is None or leg.side is None:
            return None
        net += leg.side.sign * leg.ratio * match.price
        available = floor_to(match.size / leg.ratio, Decimal(1))
        units = available if units is None else min(units, available)
    return None if not units else Match(net, units)
