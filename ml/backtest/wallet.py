"""The account of a backtest of options: cash, the module's book, orders that rest, and how orders are filled.

An order is filled at the touch of its legs when their net is within its limit, all legs together, up to the size that
is shown; the rest waits for the next moment. The book changes by the functions of the desk's own ledger.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import ROUND_FLOOR, Decimal

from ml.backtest.recorded import House, Quoted, Touch
from orchestrator.domain.base import ZERO
from orchestrator.domain.documents import AccountView, BookDoc
from orchestrator.domain.exposure import held_by_symbol
from orchestrator.domain.foreign import multiplier_of
from orchestrator.domain.ledger import Posted, cash_flow, post_fill
from orchestrator.domain.orders import Evidence, Fill, Order, Purpose, Side, apply
from orchestrator.domain.positions import Trade, unit_risk_usd

VENUE = "backtest"


@dataclass(frozen=True, slots=True)
class Ended:
    """A round trip with what it cost beyond the middle of its quotes, fees included, and what it had at risk; USD."""

    trade: Trade
    costs: Decimal
    risk: Decimal
    multiplier: Decimal
    """Shares of a unit."""


@dataclass(slots=True)
class Wallet:
    """What a backtest of options owns.

    Parameters
    ----------
    cost_times
        What fees and the way from the middle to the touch are multiplied by.
    """

    quoted: Quoted
    house: House
    cash: Decimal
    book: BookDoc
    cost_times: Decimal = Decimal(1)
    ended: list[Ended] = field(default_factory=list)
    _costs: dict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    _risks: dict[str, tuple[Decimal, Decimal]] = field(default_factory=dict)
    """What each position has at risk, USD, and the shares of its unit."""
    _taken: dict[tuple[str, Side, datetime], Decimal] = field(default_factory=lambda: defaultdict(Decimal))

    def mark(self, symbol: str, now: datetime) -> Decimal:
        """Return what a unit is valued at: the middle of a contract's quote, else its last trade."""
        seen = self.quoted.touch(symbol, now)
        if seen is None:
            return ZERO
        if multiplier_of(symbol) == 1 or seen.bid is None or seen.ask is None:
            return seen.last
        return (seen.bid + seen.ask) / 2

    def equity(self, now: datetime) -> Decimal:
        """Return cash and all that is held at its mark, USD."""
        held = held_by_symbol(self.book).items()
        return self.cash + sum((qty * self.mark(name, now) * multiplier_of(name) for name, qty in held if qty), ZERO)

    def view(self, now: datetime) -> AccountView:
        """Return the account as the desk would see it."""
        return AccountView(
            venue=VENUE, cash=self.cash, equity=self.equity(now), buying_power=max(self._free(), ZERO), as_of=now
        )

    def send(self, order: Order, now: datetime) -> None:
        """Take an order unless the cash does not cover it, and fill what fills at once."""
        need = self._need(order, now)
        if need is None or (need > 0 and need > self._free()):
            return
        order = apply(apply(order, Evidence.SUBMIT_STARTED, now), Evidence.ACKNOWLEDGED, now)
        self.book = self.book.model_copy(update={"orders": {**self.book.orders, order.id: order}})
        self._work(order, now)

    def work(self, now: datetime) -> None:
        """Fill what rests, as far as it fills now."""
        for order in list(self.book.orders.values()):
            self._work(order, now)

    def drop(self, orders: Iterable[Order]) -> None:
        """Forget orders: cancelled, or expired with their day."""
        gone = {order.id for order in orders}
        kept = {key: order for key, order in self.book.orders.items() if key not in gone}
        self.book = self.book.model_copy(update={"orders": kept})

    def take(self, posted: Posted) -> None:
        """Take over a changed book, and note the round trip that it completed."""
        self.book = posted.book
        if (trade := posted.trade) is not None:
            costs, (risk, multiplier) = self._costs.pop(trade.id, ZERO), self._risks.pop(trade.id)
            self.ended.append(Ended(trade, costs, risk, multiplier))

    def _free(self) -> Decimal:
        """Return the cash that no sold option ties up."""
        return self.cash - (self.house.collateral(held_by_symbol(self.book)) or ZERO)

    def _need(self, order: Order, now: datetime) -> Decimal | None:
        """Return the free cash that an order takes at its limit, USD; None where it leaves a loss without bound."""
        intent, held = order.intent, held_by_symbol(self.book)
        before = self.house.collateral(held) or ZERO
        fees = ZERO
        for symbol, side, ratio in _trades(order):
            seen = self.quoted.touch(symbol, now)
            price = ZERO if seen is None else seen.last
            held[symbol] = held.get(symbol, ZERO) + side.sign * ratio * intent.qty
            fees += self.house.fee(symbol, side, qty=ratio * intent.qty, price=price)
        after = self.house.collateral(held)
        if after is None:
            return None
        sign = intent.side.sign if len(intent.legs) == 1 else 1
        paid = sign * (intent.limit_price or ZERO) * intent.qty * intent.legs[0].multiplier
        return paid + fees + after - before

    def _work(self, order: Order, now: datetime) -> None:
        """Fill an order at the touch of its legs if their net is within its limit."""
        legs = [(*leg, self.quoted.touch(leg[0], now)) for leg in _trades(order)]
        seen = [(symbol, side, ratio, one) for symbol, side, ratio, one in legs if one is not None]
        prices = [_price(one, side) for _, side, _, one in seen]
        known = [price for price in prices if price is not None]
        if len(known) < len(order.intent.legs):
            return
        net = sum((side.sign * ratio * price for (_, side, ratio, _), price in zip(seen, known, strict=True)), ZERO)
        limit = order.intent.limit_price
        bound = None if limit is None else limit * (order.intent.side.sign if len(seen) == 1 else 1)
        if bound is not None and net > bound:
            return
        room = [(self._shown(symbol, side, one)) / ratio for symbol, side, ratio, one in seen]
        units = min(order.leaves_qty, *(size.to_integral_value(ROUND_FLOOR) for size in room))
        if units > 0:
            for (symbol, side, ratio, one), price in zip(seen, known, strict=True):
                self._taken[symbol, side, one.ts] += units * ratio
                self._fill(order.id, _Part(symbol, side, units * ratio, price), one, now)
            self._settled(order)

    def _shown(self, symbol: str, side: Side, seen: Touch) -> Decimal:
        return (seen.ask_size if side is Side.BUY else seen.bid_size) - self._taken[symbol, side, seen.ts]

    def _fill(self, key: str, part: _Part, seen: Touch, now: datetime) -> None:
        order = self.book.orders[key]
        middle = part.price if seen.bid is None or seen.ask is None else (seen.bid + seen.ask) / 2
        price = middle + (part.price - middle) * self.cost_times
        fee = self.house.fee(part.symbol, part.side, qty=part.qty, price=price) * self.cost_times
        fill = Fill(
            trade_id=f"{key}/{part.symbol}/{len(order.fills)}",
            client_order_id=key,
            symbol=part.symbol,
            side=part.side,
            qty=part.qty,
            price=price,
            fee=fee,
            ts_event=now,
        )
        self.cash += cash_flow(fill)
        away = part.side.sign * (price - middle) * part.qty * multiplier_of(part.symbol)
        self._costs[order.intent.position_id] += fee + away
        self.take(post_fill(self.book, order, fill, now))

    def _settled(self, order: Order) -> None:
        """Forget an order that is done, and note what its position has at risk once it is entered."""
        position = self.book.positions.get(order.intent.position_id)
        if position is not None and order.intent.purpose is Purpose.ENTRY:
            self._risks[position.id] = unit_risk_usd(position) * position.units, position.legs[0].multiplier
        if self.book.orders[order.id].state.terminal:
            self.drop([order])


@dataclass(frozen=True, slots=True)
class _Part:
    symbol: str
    side: Side
    qty: Decimal
    price: Decimal


def _trades(order: Order) -> list[tuple[str, Side, Decimal]]:
    """Return symbol, side and ratio of each leg; a single one is traded the way of its order."""
    intent = order.intent
    if len(intent.legs) == 1:
        return [(intent.legs[0].symbol, intent.side, Decimal(1))]
    return [(leg.symbol, leg.side, Decimal(leg.ratio)) for leg in intent.legs]


def _price(seen: Touch, side: Side) -> Decimal | None:
    """Return the price that an order of that side meets; None where nobody quotes."""
    return (seen.ask if side is Side.BUY else seen.bid) or None
