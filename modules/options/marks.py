"""What a position is worth now and what leaving it would bring, from its legs and their quotes.

Signed USD per share of one unit: what is held long counts positive. A leg without a usable quote is valued at its last
mark, and the mark says that it is not fresh.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from modules.options.structures import payoff_range_of
from modules.options.universe import MULTIPLIER
from orchestrator.domain.base import ZERO
from orchestrator.domain.instruments import is_occ, parse_occ
from orchestrator.domain.market import OptionQuote, Quote
from orchestrator.domain.orders import Leg, Side
from orchestrator.domain.positions import Position, PositionLeg

AnyQuote = OptionQuote | Quote
_TICK = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Mark:
    """Worth of one unit of a position."""

    entry: Decimal
    """What was paid; negative = received."""
    mid: Decimal
    """What it is worth in the middle of the market."""
    touch: Decimal
    """What leaving it at once brings; negative = costs."""
    quote_ts: datetime | None
    """Age of the oldest quote; None when a leg has none."""
    two_sided: bool
    max_profit: Decimal | None
    """Largest gain over `entry` at expiry; None = no bound."""
    prices: Mapping[str, Decimal]
    """Middle of each leg's market, USD per share."""

    @property
    def gain(self) -> Decimal:
        """Profit at mid, negative = loss."""
        return self.mid - self.entry

    @property
    def concession(self) -> Decimal:
        """What leaving at once gives up, as a fraction of mid; a unit worth nothing gives up everything."""
        return (self.mid - self.touch) / abs(self.mid) if self.mid else Decimal(1)

    @property
    def gain_at_touch(self) -> Decimal:
        """Profit if left at once."""
        return self.touch - self.entry


def open_legs(position: Position) -> list[PositionLeg]:
    """Return the legs that still hold something: a leg that the venue closed by itself is gone."""
    return [leg for leg in position.legs if leg.qty != 0]


def mark(position: Position, quotes: Mapping[str, AnyQuote]) -> Mark:
    """Return what a position that is not flat is worth."""
    legs, size = open_legs(position), position.units
    ratios = [leg.qty / size for leg in legs]
    found = [quotes.get(leg.symbol) for leg in legs]
    stamps = [None if quote is None else quote.ts for quote in found]
    known = [stamp for stamp in stamps if stamp is not None]
    prices = {leg.symbol: _mid(leg, quote) for leg, quote in zip(legs, found, strict=True)}
    entry = sum((r * leg.avg_px for r, leg in zip(ratios, legs, strict=True)), ZERO)
    return Mark(
        entry=entry,
        mid=sum((r * prices[leg.symbol] for r, leg in zip(ratios, legs, strict=True)), ZERO),
        touch=sum((r * _touch(leg, q) for r, leg, q in zip(ratios, legs, found, strict=True)), ZERO),
        quote_ts=min(known) if len(known) == len(stamps) else None,
        two_sided=all(quote is not None and quote.mid is not None for quote in found),
        max_profit=_max_profit(legs, ratios, entry),
        prices=prices,
    )


def exit_legs(position: Position) -> tuple[Leg, ...]:
    """Return the legs of one unit, reversed."""
    return tuple(
        Leg(
            symbol=leg.symbol,
            side=Side.SELL if leg.qty > 0 else Side.BUY,
            ratio=int(abs(leg.qty) / position.units),
            multiplier=leg.multiplier,
        )
        for leg in open_legs(position)
    )


def exit_prices(position: Position, worth: Mark) -> tuple[Decimal, Decimal]:
    """Return decision and limit price of the order that leaves: a positive price for one leg, net for several."""
    if len(open_legs(position)) == 1:
        return max(abs(worth.mid), _TICK), max(abs(worth.touch), _TICK)
    return -worth.mid, -worth.touch


def nearest_expiry(position: Position) -> date | None:
    """Return the first expiry among the open legs; None for shares."""
    return min((parse_occ(leg.symbol).expiry for leg in open_legs(position) if is_occ(leg.symbol)), default=None)


def exit_notional(position: Position) -> Decimal:
    """Return the exposure of one unit in USD, never zero."""
    return max(position.gross_exposure / max(position.units, Decimal(1)), MULTIPLIER * _TICK)


def _mid(leg: PositionLeg, quote: AnyQuote | None) -> Decimal:
    middle = None if quote is None else quote.mid
    if middle is not None:
        return middle
    return leg.avg_px if leg.mark_px is None else leg.mark_px


def _touch(leg: PositionLeg, quote: AnyQuote | None) -> Decimal:
    """Return the price at which the leg can be closed: nothing for what nobody bids for, the mark without an offer."""
    if quote is None:
        return _mid(leg, None)
    if leg.qty > 0:
        return quote.bid or ZERO
    return quote.ask or _mid(leg, quote)


def _max_profit(legs: list[PositionLeg], ratios: list[Decimal], entry: Decimal) -> Decimal | None:
    if not all(is_occ(leg.symbol) for leg in legs):
        return None
    contracts = [parse_occ(leg.symbol) for leg in legs]
    _, high = payoff_range_of([(r, c.right, c.strike) for r, c in zip(ratios, contracts, strict=True)])
    return None if high is None else high - entry
