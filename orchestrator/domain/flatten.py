"""How everything held is closed, and how what is naked is protected, without asking the module that opened it. Pure.

Closing never takes a hedge away before what it hedges. By underlying, one stage at a time: first every position with a
sold leg (a structure as the one order it is, a call before the shares that cover it), then shares and coins, then
bought options. Within a stage the largest exposure goes first; the next stage waits until the one before is gone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from orchestrator.domain.base import ZERO, ModuleName
from orchestrator.domain.documents import BookDoc
from orchestrator.domain.instruments import AssetClass, Instrument, OptionRight, is_occ, parse_occ
from orchestrator.domain.market import MarketSnapshot, Quote
from orchestrator.domain.opportunities import ExitReason, TradeOpportunity
from orchestrator.domain.orders import (
    Leg,
    Order,
    OrderState,
    OrderType,
    Purpose,
    Side,
    TimeInForce,
    leaving,
    missed_exits,
    outstanding,
)
from orchestrator.domain.positions import Position, PositionLeg, whole_units

FALLBACK_STOP = Decimal("0.08")
"""Distance of the stop of a position that has none, as a fraction of its entry price."""

_THROUGH = Decimal("0.003")
"""How far through the touch an exit may trade, as a fraction of it; its limit is no further from the middle than:"""
_WORST = Decimal("0.03")
_CONCESSION = Decimal("0.02")
"""How much of its touch an exit of options gives up for each one that missed, a cent at least, half of it at most."""
_MOST_MISSES = 4
"""Misses that count: a market without buyers is left at no price at all."""
_BESIDE = Decimal("0.001")
"""How far beyond the touch a stop stays that the price has already passed: it triggers on the next step."""
_CENT = Decimal("0.01")
_RESTING = frozenset({OrderState.WORKING, OrderState.PARTIALLY_FILLED})


@dataclass(frozen=True, slots=True)
class Part:
    """What of a position leaves as one order: all its options, or its shares. The lowest stage goes first."""

    position: Position
    legs: tuple[PositionLeg, ...]
    stage: int
    sold: Decimal = ZERO
    """Units that have left by the venue's word, with no fill shown so far."""

    @property
    def free(self) -> Decimal:
        """Units that are still there to leave."""
        return self.units - self.sold

    @property
    def whole(self) -> Decimal:
        """Units of those that an order may rest for, or that one may sell that ends at once."""
        return whole_units(self.position, self.free)

    @property
    def units(self) -> Decimal:
        """Units held, by the fills shown."""
        return min(abs(leg.qty) for leg in self.legs)

    @property
    def exit_legs(self) -> tuple[Leg, ...]:
        """The legs of one unit, reversed."""
        return tuple(
            Leg(
                symbol=leg.symbol,
                side=Side.SELL if leg.qty > 0 else Side.BUY,
                ratio=int(abs(leg.qty) / self.units),
                multiplier=leg.multiplier,
            )
            for leg in self.legs
        )


def exits(book: BookDoc, market: MarketSnapshot, now: datetime) -> list[TradeOpportunity]:
    """Return the orders that close what may be closed now, the largest exposure first; none in a closed market.

    A position that an order already leaves, or may be leaving, waits for that order's end.
    """
    if not market.session.is_open:
        return []
    parts = [part for position in book.positions.values() for part in free_parts(position, book)]
    first: dict[str, int] = {}
    for part in parts:
        name = underlying_of(part.position.symbol)
        first[name] = min(first.get(name, part.stage), part.stage)
    due = [part for part in parts if part.stage == first[underlying_of(part.position.symbol)]]
    free = [part for part in due if not being_left(book, part.position)]
    free.sort(key=lambda part: (-part.position.gross_exposure, part.position.id))
    why = f"{ExitReason.OWNER.value}: flatten"
    return [leave(part, book, market, now, reason=why).model_copy(update={"by_owner": True}) for part in free]


def parts_of(position: Position) -> Iterator[Part]:
    """Yield what of a position leaves separately: options together, shares or coins by themselves."""
    held = [leg for leg in position.legs if leg.qty != 0]
    contracts = tuple(leg for leg in held if is_occ(leg.symbol))
    if contracts:
        yield Part(position, contracts, 0 if any(leg.qty < 0 for leg in contracts) else 2)
    for leg in held:
        if not is_occ(leg.symbol):
            yield Part(position, (leg,), 0 if leg.qty < 0 else 1)


def free_parts(position: Position, book: BookDoc) -> Iterator[Part]:
    """Yield what of a position is still there to leave: what ended orders sold unseen is not."""
    for part in parts_of(position):
        symbols = {leg.symbol for leg in part.legs}
        ended = [order for order in outstanding(book.orders.values(), position.id) if order.state.terminal]
        unseen = (one.outstanding_qty for one in ended if {leg.symbol for leg in one.intent.legs} == symbols)
        rest = replace(part, sold=sum(unseen, ZERO))
        if rest.free > 0:
            yield rest


def underlying_of(symbol: str) -> str:
    """Return what a symbol follows: an option's underlying, else the symbol itself."""
    return parse_occ(symbol).underlying if is_occ(symbol) else symbol


def _leaving(book: BookDoc, position: Position) -> list[Order]:
    """Return the unfinished orders that leave a position."""
    return [order for order in leaving(book.orders.values(), position.id) if not order.state.terminal]


def being_left(book: BookDoc, position: Position) -> bool:
    """Whether an exit is under way, or an order whose end cannot be asked for may still sell the position."""
    return any(o.intent.purpose is Purpose.EXIT or o.state not in _RESTING for o in _leaving(book, position))


def _resting(book: BookDoc, position: Position) -> tuple[str, ...]:
    """Return the resting orders of a position, entries included: they end before it is left."""
    return tuple(
        order.id
        for order in book.orders.values()
        if order.intent.position_id == position.id and order.state in _RESTING
    )


def leave(part: Part, book: BookDoc, market: MarketSnapshot, now: datetime, *, reason: str) -> TradeOpportunity:
    """Return the order that leaves a part of a position, priced to fill; its resting orders end first."""
    order = _order(part, now, reason=reason).model_copy(update={"replaces": _resting(book, part.position)})
    quotes = {leg.symbol: quote for leg in part.legs if (quote := market.quotes.get(leg.symbol)) is not None}
    priced_as = _priced_structure if is_occ(part.legs[0].symbol) else _priced_single
    priced = priced_as(part, quotes, misses=min(missed_exits(book.orders.values(), part.position.id), _MOST_MISSES))
    stamps = [quote.ts for quote in quotes.values()]
    complete = len(quotes) == len(part.legs)
    seen = {"quote_ts": min(stamps) if complete else None}
    return order.model_copy(update=priced | seen)


def _priced_single(part: Part, quotes: dict[str, Quote], *, misses: int) -> dict[str, object]:
    """Return price and time of an order for shares or coins: through the touch; at the market without a quote.

    Part of a share goes at the market too.
    """
    leg = part.legs[0]
    quote, side = quotes.get(leg.symbol), part.exit_legs[0].side
    mid = None if quote is None else quote.mid
    if quote is None or mid is None or part.whole == 0:
        rests = TimeInForce.GTC if part.position.module is ModuleName.CRYPTO else TimeInForce.DAY
        return {"order_type": OrderType.MARKET, "time_in_force": rests, "decision_px": mid or mark_of(leg)}
    through, most = _THROUGH * (1 + misses), _WORST * (1 + misses)
    if side is Side.SELL:
        worst = max((quote.bid or ZERO) * (1 - through), mid * (1 - most))
    else:
        worst = min((quote.ask or mid) * (1 + through), mid * (1 + most))
    limit = on_grid(worst, tick_of(part.position.module, mid), side)
    return {"limit_px": limit, "decision_px": mid, "time_in_force": TimeInForce.IOC, "two_sided": True}


def _priced_structure(part: Part, quotes: dict[str, Quote], *, misses: int) -> dict[str, object]:
    """Return the price of an order for options: the touch of each leg; net, credit negative, for several."""
    touch = mid = ZERO
    for leg, leaves in zip(part.legs, part.exit_legs, strict=True):
        quote = quotes.get(leg.symbol)
        middle = mark_of(leg) if quote is None or quote.mid is None else quote.mid
        touch += leaves.side.sign * leaves.ratio * _touch(leg, quote, middle)
        mid += leaves.side.sign * leaves.ratio * middle
    sided = all((quote := quotes.get(leg.symbol)) is not None and quote.two_sided for leg in part.legs)
    touch += min(misses * max(abs(touch) * _CONCESSION, _CENT), abs(touch) / 2)
    if len(part.legs) == 1:
        touch, mid = max(abs(touch), _CENT), max(abs(mid), _CENT)
    return {"limit_px": touch, "decision_px": mid, "two_sided": sided}


def _touch(leg: PositionLeg, quote: Quote | None, middle: Decimal) -> Decimal:
    """Return the price a contract can be closed at: nothing for what nobody bids for, the middle without an offer."""
    if quote is None:
        return middle
    return (quote.bid or ZERO) if leg.qty > 0 else (quote.ask or middle)


def stops(
    book: BookDoc, market: MarketSnapshot, now: datetime, *, instead_of: frozenset[str] = frozenset()
) -> list[TradeOpportunity]:
    """Return a stop order for each position of one instrument that has none and is not being left.

    Exits named in `instead_of` were not sent: a position that one of them should have left gets its stop in its place.

    Structures have their loss bounded by their legs; shares in whose underlying more calls are sold than bought are
    left alone, because a stop would leave those calls without them.
    """
    if not market.session.is_open:
        return []
    calls = _calls(book)
    sent = book.model_copy(update={"orders": {k: o for k, o in book.orders.items() if k not in instead_of}})
    naked = [p for p in book.positions.values() if is_naked(p, sent) and calls.get(p.symbol, ZERO) >= 0]
    return [_stop(part, book, market, now) for position in naked for part in free_parts(position, book)]


def _calls(book: BookDoc) -> dict[str, Decimal]:
    """Return calls held less calls sold, by underlying."""
    found: dict[str, Decimal] = {}
    for leg in (leg for position in book.positions.values() for leg in position.legs if is_occ(leg.symbol)):
        contract = parse_occ(leg.symbol)
        if contract.right is OptionRight.CALL:
            found[contract.underlying] = found.get(contract.underlying, ZERO) + leg.qty
    return found


def is_naked(position: Position, book: BookDoc) -> bool:
    """Return whether a position of one instrument has no stop, or one of fewer units than one could rest for."""
    held = [leg for leg in position.legs if leg.qty != 0]
    single = len(held) == 1 and not is_occ(held[0].symbol) and position.max_loss_usd is None
    if not single or being_left(book, position):
        return False
    resting = sum((order.leaves_qty for order in _leaving(book, position)), ZERO)
    return resting < sum((part.whole for part in free_parts(position, book)), ZERO)


def stop_level(part: Part) -> Decimal:
    """Return the price at which a part of a position is to be left: the raised stop, the first one, the fall-back."""
    position, side = part.position, part.exit_legs[0].side
    return position.raised_stop or position.stop_price or position.entry_px * (1 + side.sign * FALLBACK_STOP)


def _stop(part: Part, book: BookDoc, market: MarketSnapshot, now: datetime) -> TradeOpportunity:
    position, leg = part.position, part.legs[0]
    side, quote = part.exit_legs[0].side, market.quotes.get(leg.symbol)
    level = stop_level(part)
    if quote is not None and quote.two_sided and quote.bid is not None and quote.ask is not None:
        below, above = quote.bid * (1 - _BESIDE), quote.ask * (1 + _BESIDE)
        level = min(level, below) if side is Side.SELL else max(level, above)
    price = on_grid(level, tick_of(position.module, level), side)
    return _order(part, now, reason="protective stop by the caretaker").model_copy(
        update={
            "purpose": Purpose.PROTECT,
            "order_type": OrderType.STOP,
            "time_in_force": TimeInForce.GTC,
            "stop_price": price,
            "replaces": tuple(order.id for order in _leaving(book, position)),
        }
    )


def _order(part: Part, now: datetime, *, reason: str) -> TradeOpportunity:
    position, legs = part.position, part.exit_legs
    mark = mark_of(part.legs[0])
    return TradeOpportunity(
        module=position.module,
        strategy=position.strategy,
        purpose=Purpose.EXIT,
        symbol=position.symbol,
        instrument=instrument_of(position, part.legs[0], mark),
        side=legs[0].side if len(legs) == 1 else Side.SELL,
        legs=legs,
        decided_at=now,
        decision_px=mark,
        notional_usd=max(position.gross_exposure / part.units, _CENT),
        confidence=1.0,
        reason=reason,
        position_id=position.id,
        qty=part.whole or part.free,
    )


def mark_of(leg: PositionLeg) -> Decimal:
    """Return the last price known of a leg."""
    return leg.avg_px if leg.mark_px is None else leg.mark_px


def instrument_of(position: Position, leg: PositionLeg, price: Decimal) -> Instrument:
    """Return the grid of what is left; quantities are those held, so that only the tick matters."""
    crypto = position.module is ModuleName.CRYPTO
    kind = AssetClass.OPTION if is_occ(leg.symbol) else AssetClass.CRYPTO if crypto else AssetClass.EQUITY
    return Instrument(
        symbol=leg.symbol,
        asset_class=kind,
        tick_size=tick_of(position.module, price),
        multiplier=leg.multiplier,
        leverage=position.leverage,
    )


def tick_of(module: ModuleName, price: Decimal) -> Decimal:
    """Return a step that prices may be on: cents, hundredths of them below a dollar; five digits for coins."""
    if module is ModuleName.CRYPTO:
        return Decimal(1).scaleb(min(price.adjusted() - 4, 0))
    return _CENT if price >= 1 else Decimal("0.0001")


def on_grid(price: Decimal, tick: Decimal, side: Side) -> Decimal:
    """Round a price to the grid so that it trades sooner: down for a sale, up for a purchase; at least one step."""
    rounding = ROUND_FLOOR if side is Side.SELL else ROUND_CEILING
    return max((price / tick).to_integral_value(rounding=rounding) * tick, tick)
