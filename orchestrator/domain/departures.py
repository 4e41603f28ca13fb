"""How a directional module looks after what it holds: protective stops at the venue, ladders of profits, and exits.

Every position gets one protective order for what no exit sells; a position that must be left gets an exit that first
takes the protective order away. A missing quote keeps nobody in: the exit is then a market order. The orders that leave
a position never add up to more than is held; what the venue says is sold counts as sold before it shows the fills.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

import numpy as np

from orchestrator.domain.base import ZERO, floor_to
from orchestrator.domain.indicators import average_true_range
from orchestrator.domain.opportunities import ExitReason, TradeOpportunity
from orchestrator.domain.orders import (
    Leg,
    Order,
    OrderState,
    OrderType,
    Purpose,
    TimeInForce,
    missed_exits,
    outstanding,
)
from orchestrator.domain.positions import Position, whole_units
from orchestrator.domain.scene import DAILY, Opinion, Scene, mark_of, timeframe_of
from orchestrator.domain.stops import (
    ExitRules,
    Swing,
    due_exit,
    effective_stop,
    initial_risk,
    resting_stop,
    rung_units,
    units_changed,
)

_BPS = Decimal(10_000)
_WORST_EXIT = Decimal("0.03")
"""Least an exit accepts is this far under the middle: a stub quote does not give the position away."""


def departures(scene: Scene) -> list[TradeOpportunity]:
    """Return exits first, then protective orders; none in a closed market."""
    if not scene.market.session.is_open:
        return []
    held = [position for position in scene.book.positions.values() if position.units > 0]
    found = [order for position in held for order in _departures(scene, position)]
    return sorted(found, key=lambda order: order.purpose is not Purpose.EXIT)


def stops_in_force(scene: Scene) -> dict[str, Decimal]:
    """Return the stop of each position that has risen above the one set at entry, by position id.

    A quote whose sides are far apart, or a symbol in quarantine, raises nothing: it would be remembered for good.
    """
    if not scene.market.session.is_open:
        return {}
    found = {}
    for position in scene.book.positions.values():
        if not _firm(scene, position):
            continue
        held = _with_stop(scene, position)
        stop = effective_stop(held, mark_of(scene, held), rules=_rules(scene, held), swing=_swing(scene, held))
        if position.units > 0 and stop is not None and held.stop_price is not None and stop > held.stop_price:
            found[position.id] = stop
    return found


def _firm(scene: Scene, position: Position) -> bool:
    """Whether the position's mark is a price that was reached: of no stub quote, in units that the venue shares."""
    quote = scene.market.quotes.get(position.symbol)
    return position.symbol not in scene.book.quarantine and (quote is None or quote.firm)


def _departures(scene: Scene, position: Position) -> list[TradeOpportunity]:
    everything = outstanding(scene.book.orders.values(), position.id)
    unsent = _misfits(everything, position)
    leaving = [order for order in everything if order not in unsent]
    stops = [order for order in leaving if order.intent.purpose is Purpose.PROTECT and not order.state.terminal]
    exiting = sum((order.outstanding_qty for order in leaving if order not in stops), ZERO)
    held, mark = _with_stop(scene, position), mark_of(scene, position)
    free = held.units - exiting
    venue_units = held.units + scene.book.drift.get(position.symbol, ZERO)
    if free <= 0 or units_changed(held, mark, venue_units):
        return []
    why = _why_leave(scene, held, mark)
    if why is not None:
        return [_exit(scene, held, mark, why=why, qty=free, working=[*stops, *unsent])]
    rungs = _rungs(scene, held, mark) if exiting == 0 else ZERO
    if rungs == 0:
        return _protection(scene, held, mark, qty=free, resting=stops, unsent=unsent)
    why = f"{ExitReason.TARGET.value}: {rungs.normalize():f} of {held.units.normalize():f} up the ladder"
    part = _exit(scene, held, mark, why=why, qty=rungs, working=[*stops, *unsent])
    return [part, *_protection(scene, held, mark, qty=free - rungs, resting=stops, unsent=unsent)]


def _misfits(leaving: Sequence[Order], position: Position) -> list[Order]:
    """Return the orders that never reached the venue, when there is no room for all: what they replaced has filled."""
    if sum((order.outstanding_qty for order in leaving), ZERO) <= position.units:
        return []
    return [order for order in leaving if order.state is OrderState.PLANNED]


def _rules(scene: Scene, position: Position) -> ExitRules:
    """Return the exit rules of the position's strategy; of any, when that one is gone."""
    settings = scene.settings.get(position.strategy)
    return (settings or next(iter(scene.settings.values()))).exits


def _rungs(scene: Scene, position: Position, mark: Decimal) -> Decimal:
    grid = scene.instrument(position.symbol, mark)
    return rung_units(position, mark, rules=_rules(scene, position), lot=grid.lot_size, least=grid.min_qty)


def _swing(scene: Scene, position: Position) -> Swing | None:
    """Return what the bars say of a position, where its rules ask; a bar begun before it was opened does not count."""
    panel = scene.own_bars.get(position.id)
    if panel is None or not len(panel) or not _rules(scene, position).chandelier_moves:
        return None
    bars = scene.execution.atr_bars
    move = float(average_true_range(panel[-(bars + 1) :], bars)[-1, 0])
    if not move > 0:
        return None
    since = panel.ends - 60 * timeframe_of(position) >= position.opened_at.timestamp()
    highs = panel.high[since, 0]
    return Swing(Decimal(repr(float(np.max(highs)))) if len(highs) else None, Decimal(repr(move)))


def _with_stop(scene: Scene, position: Position) -> Position:
    """Return the position with a stop, the fall-back one if it was taken over without."""
    if position.stop_price is not None:
        return position
    stop = position.entry_px * (1 - Decimal(repr(scene.execution.fallback_stop_pct)))
    return position.model_copy(update={"stop_price": stop})


def _why_leave(scene: Scene, position: Position, mark: Decimal) -> str | None:
    due = due_exit(position, mark, rules=_rules(scene, position), now=scene.now, swing=_swing(scene, position))
    if due is not None:
        return due.value
    if position.exit_qty > 0 and whole_units(position, position.units) == 0:
        return f"{ExitReason.SIGNAL.value}: part of a share is left"
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
    return timeframe_of(position) < DAILY and scene.intraday_until is not None and scene.now >= scene.intraday_until


def _exit(
    scene: Scene, position: Position, mark: Decimal, *, why: str, qty: Decimal, working: Sequence[Order]
) -> TradeOpportunity:
    quote = scene.market.quotes.get(position.symbol)
    whole = whole_units(position, qty)
    tick = scene.instrument(position.symbol, mark).tick_size
    order = _order(scene, position, mark, reason=why, qty=whole or qty, working=working)
    if quote is None or quote.bid is None or not quote.two_sided or whole == 0:
        return order.model_copy(update={"order_type": OrderType.MARKET, "time_in_force": scene.market_tif})
    tries = 1 + missed_exits(scene.book.orders.values(), position.id)
    through = quote.bid * (1 - tries * scene.execution.exit_through_bps / _BPS)
    worst = floor_to(max(through, mark * (1 - _WORST_EXIT)), tick)
    return order.model_copy(update={"limit_px": worst, "quote_ts": quote.ts, "two_sided": True})


def _protection(
    scene: Scene,
    position: Position,
    mark: Decimal,
    *,
    qty: Decimal,
    resting: Sequence[Order],
    unsent: Sequence[Order],
) -> list[TradeOpportunity]:
    """Return the stop for `qty` units where none rests, or the resting one has another size or is too low by now.

    What rests is replaced only while the venue surely has it untouched: one in doubt is looked up first, one that has
    begun to fill leaves the position by itself.
    """
    grid = scene.instrument(position.symbol, mark)
    qty = whole_units(position, qty)
    stop = _stop_price(scene, position, mark, resting)
    price = None if stop is None else resting_stop(stop, mark, tick=grid.tick_size)
    if qty <= 0 or price is None or any(order.state is not OrderState.WORKING for order in resting):
        return []
    covered = sum((order.leaves_qty for order in resting), ZERO)
    fits = bool(resting) and abs(covered - qty) < grid.lot_size
    if fits and not _worth_raising(scene, position, resting, price=price):
        return []
    order = _order(scene, position, mark, reason="protective stop", qty=qty, working=[*resting, *unsent])
    update = {"purpose": Purpose.PROTECT, "order_type": OrderType.STOP, "time_in_force": TimeInForce.GTC}
    return [order.model_copy(update={**update, "stop_price": price})]


def _stop_price(scene: Scene, position: Position, mark: Decimal, resting: Sequence[Order]) -> Decimal | None:
    """Return where a stop order belongs: where the stop is, if orders follow it; never lower than one that rests."""
    rules = _rules(scene, position)
    levels = [position.stop_price, *(order.intent.stop_price for order in resting)]
    if rules.restop_r:
        levels.append(position.raised_stop)
    if rules.restop_r and _firm(scene, position):
        levels.append(effective_stop(position, mark, rules=rules, swing=_swing(scene, position)))
    known = [level for level in levels if level is not None]
    return max(known, default=None)


def _worth_raising(scene: Scene, position: Position, resting: Sequence[Order], *, price: Decimal) -> bool:
    """Whether the stop has risen far enough above the lowest resting order, and a bar has closed since."""
    rules, risk, panel = _rules(scene, position), initial_risk(position), scene.own_bars.get(position.id)
    newest = None if panel is None else panel.last_end
    if not rules.restop_r or risk is None or newest is None:
        return False
    lowest = min(order.intent.stop_price or ZERO for order in resting)
    step = max(risk * Decimal(repr(rules.restop_r)), scene.instrument(position.symbol, price).tick_size)
    return price - lowest >= step and all(newest > order.intent.decided_at for order in resting)


def _order(
    scene: Scene, position: Position, mark: Decimal, *, reason: str, qty: Decimal, working: Sequence[Order]
) -> TradeOpportunity:
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
        qty=qty,
        replaces=tuple(order.id for order in working),
    )
