"""How a directional module looks after what it holds: protective stops at the venue, and exits.

Every position gets one protective order; a position that must be left gets an exit that first takes the protective
order away. A missing quote keeps nobody in: the exit is then a market order. It never adds a second order that leaves
the same position while one works.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from orchestrator.domain.base import floor_to, nearest
from orchestrator.domain.opportunities import ExitReason, TradeOpportunity
from orchestrator.domain.orders import Leg, Order, OrderType, Purpose, TimeInForce
from orchestrator.domain.positions import Position
from orchestrator.domain.scene import DAILY, Opinion, Scene, mark_of
from orchestrator.domain.stops import due_exit

_BPS = Decimal(10_000)
_WORST_EXIT = Decimal("0.03")
"""Least an exit accepts is this far under the middle: a stub quote does not give the position away."""


def departures(scene: Scene) -> list[TradeOpportunity]:
    """Return exits first, then protective orders; at most one for each position, none in a closed market."""
    if not scene.market.session.is_open:
        return []
    held = [position for position in scene.book.positions.values() if position.units > 0]
    found = [order for position in held if (order := _departure(scene, position)) is not None]
    return sorted(found, key=lambda order: order.purpose is not Purpose.EXIT)


def _departure(scene: Scene, position: Position) -> TradeOpportunity | None:
    working = [
        order
        for order in scene.book.orders.values()
        if order.intent.position_id == position.id and order.intent.purpose is not Purpose.ENTRY
    ]
    if any(order.intent.purpose is Purpose.EXIT for order in working):
        return None
    protected = _with_stop(scene, position)
    mark = mark_of(scene, position)
    why = _why_leave(scene, protected, mark)
    if why is not None:
        return _exit(scene, protected, mark, why=why, working=working)
    return None if working else _protection(scene, protected, mark)


def _with_stop(scene: Scene, position: Position) -> Position:
    """Return the position with a stop, the fall-back one if it was taken over without."""
    if position.stop_price is not None:
        return position
    stop = position.entry_px * (1 - Decimal(repr(scene.execution.fallback_stop_pct)))
    return position.model_copy(update={"stop_price": stop})


def _why_leave(scene: Scene, position: Position, mark: Decimal) -> str | None:
    settings = scene.settings.get(position.strategy)
    rules = (settings or next(iter(scene.settings.values()))).exits
    due = due_exit(position, mark, rules=rules, now=scene.now)
    if due is not None:
        return due.value
    if _session_ends(scene, position):
        return f"{ExitReason.TIME.value}: the session ends"
    opinion = scene.opinions.get(position.strategy)
    if opinion is None or not _newer(opinion, position.opened_at):
        return None
    view = opinion.views.get(position.symbol)
    return f"{ExitReason.SIGNAL.value}: {view.reason}" if view is not None and view.target == 0.0 else None


def _newer(opinion: Opinion, moment: datetime) -> bool:
    """Whether a bar has closed since `moment`: the bar that opened a position does not close it."""
    newest = opinion.panel.last_end
    return newest is not None and newest > moment


def _session_ends(scene: Scene, position: Position) -> bool:
    """Whether a position on bars shorter than a day must not be carried over the close that is near."""
    intraday = position.features.get("timeframe_minutes", DAILY) < DAILY
    return intraday and scene.intraday_until is not None and scene.now >= scene.intraday_until


def _exit(scene: Scene, position: Position, mark: Decimal, *, why: str, working: list[Order]) -> TradeOpportunity:
    quote = scene.market.quotes.get(position.symbol)
    tick = scene.instrument(position.symbol, mark).tick_size
    order = _order(scene, position, mark, reason=why, working=working)
    if quote is None or quote.bid is None or not quote.two_sided:
        return order.model_copy(update={"order_type": OrderType.MARKET, "time_in_force": scene.market_tif})
    through = quote.bid * (1 - scene.execution.exit_through_bps / _BPS)
    worst = floor_to(max(through, mark * (1 - _WORST_EXIT)), tick)
    return order.model_copy(update={"limit_px": worst, "quote_ts": quote.ts, "two_sided": True})


def _protection(scene: Scene, position: Position, mark: Decimal) -> TradeOpportunity:
    tick = scene.instrument(position.symbol, mark).tick_size
    stop = position.stop_price
    order = _order(scene, position, mark, reason="protective stop", working=[])
    return order.model_copy(
        update={
            "purpose": Purpose.PROTECT,
            "order_type": OrderType.STOP,
            "time_in_force": TimeInForce.GTC,
            "stop_price": None if stop is None else nearest(stop, tick),
        }
    )


def _order(scene: Scene, position: Position, mark: Decimal, *, reason: str, working: list[Order]) -> TradeOpportunity:
    instrument = scene.instrument(position.symbol, mark)
    side = position.side.opposite
    return TradeOpportunity(
        module=scene.module,
        strategy=position.strategy,
        purpose=Purpose.EXIT,
        symbol=position.symbol,
        instrument=instrument,
        side=side,
        legs=(Leg(symbol=position.symbol, side=side),),
        decided_at=scene.now,
        decision_px=mark,
        time_in_force=TimeInForce.IOC,
        notional_usd=mark * instrument.leverage,
        confidence=1.0,
        reason=reason,
        position_id=position.id,
        qty=position.units,
        replaces=tuple(order.id for order in working),
    )
