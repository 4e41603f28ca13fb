"""Bring the book in line with the venue: the first step of every cycle, and the whole of crash recovery.

Evidence comes from the venue only (`orchestrator.lookups`); nothing here sends an order.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import timedelta
from hashlib import sha256

from orchestrator.activities import post_activities, write_off_dust
from orchestrator.cumulative import stand_ins
from orchestrator.domain.actions import restated
from orchestrator.domain.base import ZERO
from orchestrator.domain.codec import decode
from orchestrator.domain.documents import EventKind, OrderDoc, order_path
from orchestrator.domain.errors import MalformedDataError
from orchestrator.domain.ledger import post_fill, stands_in
from orchestrator.domain.orders import Fill, Order, UnmatchedFill, is_own
from orchestrator.domain.positions import Position
from orchestrator.foreign import compare, news_of
from orchestrator.lookups import hear, look_up, unreadable
from orchestrator.ports import Broker, TroubleKind, VenueOrder, VenueState
from orchestrator.quarantine import settle_quarantine
from orchestrator.restating import drop_unscaled, restate
from orchestrator.unit import Unit

KEEP_TERMINAL = timedelta(hours=1)
"""How long a finished order stays in the book; a later fill finds it in `orders/`."""
KEEP_RESOLVED = timedelta(days=7)
"""How long one stays that the owner ended as filled and of which the venue has not told its own id yet."""

CLOCKS_APART = timedelta(minutes=2)
"""How far the venue's clock may be from ours when fills are told from one another by their times."""

KEEP_IDS = 300
"""How many of the venue's order ids a book remembers, so that a late fill finds its order long after its end."""


@dataclass(frozen=True, slots=True)
class _Matched:
    order: Order
    fill: Fill


def reconcile(unit: Unit, broker: Broker) -> None:
    """Apply everything the venue says since the cursor to the unit's book.

    Raises
    ------
    BrokerError
        The venue's state cannot be had; the book is unchanged.
    """
    state = _with_unmatched(unit, broker.state(unit.book.cursors.get(broker.name, "")))
    news = news_of(unit, broker.name, state)
    signs = restate(unit, state, news)
    _recall(unit, state)
    _name_resolved(unit, state)
    _learn_broker_ids(unit, state)
    for matched in _own_fills(unit, state):
        _post(unit, matched)
    for order in state.open_orders:
        _hear(unit, order)
    drop_unscaled(unit, state)
    _look_up_the_rest(unit, broker, state, _take_troubles(unit, state))
    _learn_broker_ids(unit, state)
    for matched in _own_fills(unit, state):  # again: the look-ups may have told whose they are
        _post(unit, matched)
    _keep_unmatched(unit, state)
    for fill in list(stand_ins(unit)):
        _post(unit, _Matched(unit.book.orders[fill.client_order_id], fill))
    post_activities(unit, state, first=news.first)
    write_off_dust(unit, state)
    compare(unit, state, news)
    settle_quarantine(unit, state, signs)
    _finish(unit, broker, state)


def _recall(unit: Unit, state: VenueState) -> None:
    """Read back the orders of this module that the venue has news of and the book has forgotten."""
    resting = {said.client_order_id or "" for said in state.open_orders if not said.state.terminal}
    filled = {_own_id(unit, state, fill) for fill in state.fills}
    missing = sorted(own for own in resting | filled if is_own(unit.module, own) and own not in unit.book.orders)
    if not missing:
        return
    for snapshot in unit.store.get_many([order_path(own) for own in missing]).values():
        try:
            order = decode(OrderDoc, snapshot.data, where=snapshot.path).order
        except MalformedDataError as error:
            key = snapshot.path.replace("/", "_")
            unit.tell(f"damaged_{key}", EventKind.DRIFT_FOUND, str(error), severity="critical", subject=snapshot.path)
        else:
            unit.book = unit.book.model_copy(update={"orders": {**unit.book.orders, order.id: order}})


def _learn_broker_ids(unit: Unit, state: VenueState) -> None:
    known = dict(unit.book.broker_ids)
    for said in state.open_orders:
        if said.client_order_id in unit.book.orders:
            known[said.broker_order_id] = said.client_order_id or ""
    known |= {order.broker_order_id: order.id for order in unit.book.orders.values() if order.broker_order_id}
    recent = dict(list(known.items())[-KEEP_IDS:])
    unit.book = unit.book.model_copy(update={"broker_ids": recent})


def _name_resolved(unit: Unit, state: VenueState) -> None:
    """Learn the venue's id of an order that the owner ended as filled from an unnamed fill that can only be its own.

    It is of the same symbol and side, happened between sending and the owner's word, is no larger than what was entered
    by hand, and there is one such order.
    """
    for fill in state.fills:
        theirs = state.fill_orders.get(fill.trade_id)
        if theirs is None or _own_id(unit, state, fill):
            continue
        orders = [order for order in unit.book.orders.values() if _may_be_of(fill, order)]
        if len(orders) == 1:
            unit.put_order(orders[0].model_copy(update={"broker_order_id": theirs}))
            _learn_broker_ids(unit, state)


def _may_be_of(fill: Fill, order: Order) -> bool:
    if order.broker_order_id is not None or not order.state.terminal or order.submitted_at is None:
        return False
    entered = sum((one.qty for one in order.fills if stands_in(one) and one.symbol == fill.symbol), ZERO)
    sided = any((leg.symbol, leg.side) == (fill.symbol, fill.side) for leg in order.intent.legs)
    begin, end = order.submitted_at - CLOCKS_APART, order.history[-1].at + CLOCKS_APART
    return sided and fill.qty <= entered and begin <= fill.ts_event <= end


def _own_fills(unit: Unit, state: VenueState) -> Iterable[_Matched]:
    """Yield the fills of this module's orders, oldest first."""
    for fill in sorted(state.fills, key=lambda fill: (fill.ts_event, fill.trade_id)):
        own = _own_id(unit, state, fill)
        order = unit.book.orders.get(own)
        if order is not None:
            told = restated(fill, unit.book.actions)
            yield _Matched(order, told.model_copy(update={"client_order_id": own}))
        elif is_own(unit.module, own):
            text = f"fill {fill.trade_id} belongs to order {own}, which the desk has never stored"
            unit.tell(f"orphan_{fill.trade_id}", EventKind.DRIFT_FOUND, text, severity="critical", subject=own)


def _with_unmatched(unit: Unit, state: VenueState) -> VenueState:
    """Return the venue's state with the fills of earlier cycles that nobody could be found for."""
    kept = {one.fill.trade_id: one for one in unit.book.unmatched}
    for fill in state.fills:
        kept.pop(fill.trade_id, None)
    if not kept:
        return state
    orders = {trade: one.broker_order_id for trade, one in kept.items()}
    fills = [*state.fills, *(one.fill for one in kept.values())]
    return replace(state, fills=fills, fill_orders={**state.fill_orders, **orders})


def _keep_unmatched(unit: Unit, state: VenueState) -> None:
    """Keep the fills that may belong to an order whose id at the venue is still to be learnt."""
    doubtful = {
        leg.symbol
        for order in unit.book.orders.values()
        if order.broker_order_id is None and not order.state.terminal
        for leg in order.intent.legs
    }
    unmatched = tuple(
        UnmatchedFill(fill=fill, broker_order_id=state.fill_orders[fill.trade_id])
        for fill in state.fills
        if not _own_id(unit, state, fill) and fill.symbol in doubtful and fill.trade_id in state.fill_orders
    )
    if unmatched != unit.book.unmatched:
        unit.book = unit.book.model_copy(update={"unmatched": unmatched})


def _own_id(unit: Unit, state: VenueState, fill: Fill) -> str:
    return fill.client_order_id or unit.book.broker_ids.get(state.fill_orders.get(fill.trade_id, ""), "")


def _post(unit: Unit, matched: _Matched) -> None:
    posted = post_fill(unit.book, unit.book.orders[matched.order.id], matched.fill, unit.now)
    unit.book = posted.book
    if posted.order is not None:
        unit.changed[posted.order.id] = posted.order
    if posted.trade is not None:
        unit.trades[posted.trade.id] = posted.trade
        text = f"{posted.trade.symbol} closed ({posted.trade.exit_reason}): {posted.trade.realized_pnl:+.2f} USD"
        unit.tell(f"closed_{posted.trade.id}", EventKind.POSITION_CLOSED, text, subject=posted.trade.id)


def _hear(unit: Unit, said: VenueOrder) -> None:
    own = said.client_order_id or unit.book.broker_ids.get(said.broker_order_id, "")
    order = unit.book.orders.get(own)
    if order is not None:
        unit.put_order(hear(order, said, unit))


def _take_troubles(unit: Unit, state: VenueState) -> frozenset[str]:
    """Take what the venue said and nobody can read: orders into doubt, the rest is told; return the orders."""
    orders: set[str] = set()
    for trouble in state.troubles:
        own = unit.book.broker_ids.get(trouble.subject, trouble.subject)
        order = unit.book.orders.get(own)
        if trouble.kind is TroubleKind.ORDER and order is not None:
            unit.put_order(unreadable(order, trouble, unit))
            orders.add(own)
            continue
        text = f"{trouble.kind} {trouble.subject}: {trouble.reason}"
        key = f"trouble_{unit.module}_{sha256(trouble.subject.encode()).hexdigest()[:12]}"
        if trouble.kind is TroubleKind.ACCOUNT:
            key += f"_{unit.now:%Y%m%d}"
        data = {"raw": trouble.raw}
        unit.tell(key, EventKind.VENUE_UNREADABLE, text, severity="warning", subject=trouble.subject, data=data)
    return frozenset(orders)


def _look_up_the_rest(unit: Unit, broker: Broker, state: VenueState, unreadable_ones: frozenset[str]) -> None:
    """Ask for every order that the venue did not mention and that is not finished."""
    mentioned = {said.client_order_id or unit.book.broker_ids.get(said.broker_order_id) for said in state.open_orders}
    for order in list(unit.book.orders.values()):
        if order.id not in mentioned and order.id not in unreadable_ones:
            look_up(unit, broker, order)


def _finish(unit: Unit, broker: Broker, state: VenueState) -> None:
    """Take over the cursor, drop what is long finished."""
    book = unit.book
    orders = {
        key: order
        for key, order in book.orders.items()
        if not order.state.terminal
        or order.updated_at + _kept_for(order) > unit.now
        or order.told_qty > order.filled_qty
    }
    positions = {key: _with_live_protection(position, orders) for key, position in book.positions.items()}
    unit.book = book.model_copy(
        update={
            "orders": orders,
            "positions": positions,
            "cursors": {**book.cursors, broker.name: state.cursor},
        }
    )


def _kept_for(order: Order) -> timedelta:
    unnamed = order.broker_order_id is None and any(stands_in(fill) for fill in order.fills)
    return KEEP_RESOLVED if unnamed else KEEP_TERMINAL


def _with_live_protection(position: Position, orders: dict[str, Order]) -> Position:
    """Return the position without its protective order when that one no longer rests."""
    order = orders.get(position.protective_order_id or "")
    if position.protective_order_id is None or (order is not None and not order.state.terminal):
        return position
    return position.model_copy(update={"protective_order_id": None})
