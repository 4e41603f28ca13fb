"""The desk's own check where no stop can rest at the venue: what has reached its stop leaves in this cycle. Pure.

Between two cycles nothing protects such a position; `docs/safety.md` says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from orchestrator.domain.documents import BookDoc
from orchestrator.domain.flatten import Part, being_left, free_parts, is_naked, leave, stop_level
from orchestrator.domain.market import MarketSnapshot
from orchestrator.domain.opportunities import ExitReason, TradeOpportunity
from orchestrator.domain.orders import Purpose, Side


def watched(
    wanted: Sequence[TradeOpportunity], book: BookDoc, market: MarketSnapshot, now: datetime
) -> list[TradeOpportunity]:
    """Return what is wanted without stops that cannot rest, and first of all what has reached its stop.

    That one takes the place of whatever else would leave the position; it is a protective order, sent on a halted desk
    too, and does not depend on the module that opened the position.
    """
    due = triggered(book, market, now)
    left = {order.position_id for order in due}
    kept = (wish for wish in wanted if wish.purpose is not Purpose.PROTECT and wish.position_id not in left)
    return [*due, *kept]


def triggered(
    book: BookDoc, market: MarketSnapshot, now: datetime, *, stops_rest: bool = False
) -> list[TradeOpportunity]:
    """Return the orders that leave what a firm quote shows beyond its stop; none in a closed market.

    Where `stops_rest` at the venue only part of a share is looked at.
    """
    if not market.session.is_open:
        return []
    found = []
    for part in _unguarded(book, stops_rest=stops_rest):
        quote, side = market.quotes.get(part.legs[0].symbol), part.exit_legs[0].side
        if quote is None or quote.mid is None or not quote.firm or part.position.symbol in book.quarantine:
            continue
        level = stop_level(part)
        if quote.mid <= level if side is Side.SELL else quote.mid >= level:
            order = leave(part, book, market, now, reason=f"{ExitReason.STOP.value}: the desk's own check")
            found.append(order.model_copy(update={"purpose": Purpose.PROTECT}))
    return found


def _unguarded(book: BookDoc, *, stops_rest: bool) -> Iterator[Part]:
    """Yield what no order guards and none will: part of a share, and at a venue without stops what is naked."""
    for position in book.positions.values():
        naked, left = not stops_rest and is_naked(position, book), being_left(book, position)
        yield from (part for part in free_parts(position, book) if naked or (part.whole == 0 and not left))
