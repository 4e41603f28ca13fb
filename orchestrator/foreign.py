"""Compare a book with its account: what is foreign, what has drifted, what cash is unexplained; tell people of it.

It looks and counts only. Nothing foreign is cancelled, sold or protected; the owner may adopt a holding
(`orchestrator.adoption`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from orchestrator.activities import SHARED_ACCOUNT, TRANSFERS
from orchestrator.domain.actions import restated
from orchestrator.domain.base import ZERO, ModuleName, utc_day
from orchestrator.domain.claims import Sight, answers_for, claimed
from orchestrator.domain.documents import AccountView, BookDoc, EventKind, ModuleExposure
from orchestrator.domain.events import number, usd
from orchestrator.domain.foreign import DriftTold, ForeignOrder, risk_symbol, worth
from orchestrator.domain.ledger import cash_flow
from orchestrator.domain.orders import Fill, Order, OrderState, is_own
from orchestrator.ports import CashEvent, VenueOrder, VenueState
from orchestrator.unit import Unit

CASH = "USD cash"
"""Under what name a drift of the cash is told."""

KEEP_FILLS = 300
KEEP_TRANSFERS = 20
GROWN = Decimal("1.1")
"""A drift that has grown by this factor since it was told is told again."""

_IN_DOUBT = frozenset({OrderState.SUBMITTING, OrderState.UNKNOWN, OrderState.PLANNED})


@dataclass(frozen=True, slots=True)
class News:
    """What the venue told for the first time, and whether it is the first time at all."""

    first: bool
    fills: Sequence[Fill]
    events: Sequence[CashEvent]
    waited: Sequence[Fill] = ()
    """Fills of earlier cycles of which it was not known whose they are."""


def news_of(unit: Unit, venue: str, state: VenueState) -> News:
    """Return what of a state is new to the book; ask before anything of it is booked."""
    seen, known = set(unit.book.seen_events), set(unit.book.seen_fills)
    fills = {fill.trade_id: fill for fill in state.fills if _short(fill.trade_id) not in known}
    events = {event.id: event for event in state.cash_events if event.id not in seen}
    waited = tuple(one.fill for one in unit.book.unmatched)
    return News(venue not in unit.book.cursors, tuple(fills.values()), tuple(events.values()), waited)


def _short(trade_id: str) -> str:
    return hashlib.sha256(trade_id.encode()).hexdigest()[:12]


def compare(unit: Unit, state: VenueState, news: News) -> None:
    """Bring foreign holdings and orders, drift and cash of the book up to the venue's state."""
    before = unit.book
    book = claimed(before, _sight(unit, state, news))
    orders = {said.broker_order_id: _foreign_order(unit, said) for said in _foreign_orders(unit, state)}
    seen = (*before.seen_fills, *(_short(fill.trade_id) for fill in news.fills))[-KEEP_FILLS:]
    book = book.model_copy(update={"foreign_orders": orders, "seen_fills": seen})
    unit.book = _with_cash(book, state.account, news)
    _tell_foreign(unit, before)
    _tell_drift(unit, before, state)


def is_ours(unit: Unit, client_order_id: str) -> bool:
    """Return whether an order is this module's or has the form of the other's of the account, which knows its own."""
    other = SHARED_ACCOUNT.get(unit.module)
    theirs = other is not None and is_own(other, client_order_id)
    return theirs or client_order_id in unit.book.orders


def _own_id(unit: Unit, state: VenueState, fill: Fill) -> str:
    return fill.client_order_id or unit.book.broker_ids.get(state.fill_orders.get(fill.trade_id, ""), "")


def _sight(unit: Unit, state: VenueState, news: News) -> Sight:
    waiting = {one.fill.trade_id for one in unit.book.unmatched}
    other = other_share(unit)
    return Sight(
        positions=state.positions,
        now=unit.now,
        first=news.first,
        prices=state.prices,
        fills=[
            restated(fill, unit.book.actions)
            for fill in (*news.fills, *news.waited)
            if fill.trade_id not in waiting and not is_ours(unit, _own_id(unit, state, fill))
        ],
        others=other.quantities,
        busy=frozenset({*_busy(unit.book), *_busy_elsewhere(other)}),
        unreadable=frozenset(trouble.symbol for trouble in state.troubles if trouble.symbol),
    )


def _in_doubt(order: Order) -> bool:
    """Return whether the venue may know an order by an id that the book has not learnt."""
    return order.state in _IN_DOUBT and order.broker_order_id is None


def other_share(unit: Unit) -> ModuleExposure:
    """Return what the other module of a shared account holds, as it last told; of an own account nothing."""
    other = SHARED_ACCOUNT.get(unit.module)
    share = None if other is None else unit.desk.exposure.modules.get(other)
    return share or ModuleExposure()


def _busy(book: BookDoc) -> Iterator[str]:
    for order in book.orders.values():
        yield from (leg.symbol for leg in order.intent.legs)


def _busy_elsewhere(share: ModuleExposure) -> Iterator[str]:
    """Yield where the other module's contracts may turn into shares, and where its orders work."""
    yield from (risk_symbol(symbol) for symbol in share.quantities)
    if share.reserved_usd:
        yield from share.symbols


def _foreign_orders(unit: Unit, state: VenueState) -> Iterator[VenueOrder]:
    doubtful = {
        (leg.symbol, leg.side) for order in unit.book.orders.values() if _in_doubt(order) for leg in order.intent.legs
    }
    for said in state.open_orders:
        own = said.client_order_id or unit.book.broker_ids.get(said.broker_order_id, "")
        unnamed = not own and (said.symbol, said.side) in doubtful
        if not (said.state.terminal or unnamed or is_ours(unit, own)) and _is_part(unit.module, said.symbol or ""):
            yield said


def _is_part(module: ModuleName, symbol: str) -> bool:
    """Return whether an order belongs to a module's part of the account; one of several legs is the options'."""
    return answers_for(module, symbol) if symbol else module is not ModuleName.STOCKS


def _foreign_order(unit: Unit, said: VenueOrder) -> ForeignOrder:
    seen = unit.book.foreign_orders.get(said.broker_order_id)
    return ForeignOrder(
        symbol=said.symbol or "",
        side=said.side,
        qty=said.qty,
        leaves=None if said.qty is None else max(ZERO, said.qty - said.filled_qty),
        limit_price=said.limit_price,
        client_order_id=said.client_order_id,
        seen_at=unit.now if seen is None else seen.seen_at,
    )


def _with_cash(book: BookDoc, told: AccountView | None, news: News) -> BookDoc:
    """Return the book with the account's cash compared with what explains it, and the transfers of capital.

    One that cannot be read keeps its older figures, marked, and its drift; what explains the cash is counted on.
    """
    account = told or (book.account and book.account.model_copy(update={"unread": True}))
    if account is None:
        return book
    transfers = {} if book.account is None or news.first else dict(book.account.transfers)
    if not news.first:
        transfers |= {event.id: event.amount for event in news.events if event.kind in TRANSFERS and event.amount}
    newest = dict(list(transfers.items())[-KEEP_TRANSFERS:])
    book = book.model_copy(update={"account": account.model_copy(update={"transfers": newest})})
    if book.module is ModuleName.OPTIONS:
        return book
    if news.first or book.cash_expected is None:
        expected = None if told is None else told.cash
        return book.model_copy(update={"cash_expected": expected, "cash_drift": ZERO})
    moved = sum((cash_flow(fill) for fill in news.fills), ZERO) + sum((event.amount for event in news.events), ZERO)
    expected = book.cash_expected + moved
    drift = book.cash_drift if told is None else told.cash - expected
    return book.model_copy(update={"cash_expected": expected, "cash_drift": drift})


def _tell_foreign(unit: Unit, before: BookDoc) -> None:
    for symbol in unit.book.foreign.keys() - before.foreign.keys():
        holding = unit.book.foreign[symbol]
        value = "of unknown worth" if holding.value_usd is None else usd(holding.value_usd)
        text = (
            f"{number(holding.qty)} {symbol} ({value}) in the account are not the desk's ({holding.how}). They count "
            f"in the limits and are never touched; `desk adopt {symbol}` takes them over."
        )
        key = f"foreign_{unit.module}_{_key(symbol)}_{unit.now:%Y%m%d}"
        unit.tell(key, EventKind.FOREIGN_FOUND, text, severity="warning", subject=symbol)
    for broker_id in unit.book.foreign_orders.keys() - before.foreign_orders.keys():
        order = unit.book.foreign_orders[broker_id]
        what = f"{order.side or 'an order'} {order.symbol or 'of several legs'}"
        text = f"Open order {broker_id} ({what}) is not the desk's. It is counted and never touched."
        unit.tell(f"foreign_{_key(broker_id)}", EventKind.FOREIGN_FOUND, text, subject=broker_id)


def _key(text: str) -> str:
    return text.replace("/", "").replace(" ", "_")


def _tell_drift(unit: Unit, before: BookDoc, state: VenueState) -> None:
    """Tell a drift that has lasted a cycle and is above the bound: once a day, when it has grown, when it is gone."""
    gaps, lasted = _gaps(unit.book), _gaps(before)
    told = {symbol: last for symbol, last in unit.book.drift_told.items() if symbol in gaps}
    for symbol in unit.book.drift_told.keys() - told.keys():
        key = f"drift_{unit.module}_{_key(symbol)}_cleared_{unit.now:%Y%m%dT%H%M}"
        unit.tell(key, EventKind.DRIFT_CLEARED, f"{symbol}: book and venue agree again.", subject=symbol)
    total = ZERO
    for symbol, gap in gaps.items():
        value = _value(unit.book, state, symbol, gap)
        total += value or ZERO
        last, today = told.get(symbol), utc_day(unit.now)
        news = last is None or last.day != today or abs(gap) > GROWN * abs(last.gap)
        if news and gap * lasted.get(symbol, ZERO) > 0 and (value is None or value > _bound(unit, state, symbol)):
            told[symbol] = DriftTold(day=today, gap=gap)
            _tell_gap(unit, symbol, gap, grown=last is not None and last.day == today)
    unit.book = unit.book.model_copy(update={"drift_told": told, "drift_usd": total})


def _gaps(book: BookDoc) -> dict[str, Decimal]:
    return book.drift | ({CASH: book.cash_drift} if book.cash_drift else {})


def _value(book: BookDoc, state: VenueState, symbol: str, qty: Decimal) -> Decimal | None:
    """Return the USD that a quantity is worth, by the venue's price or else the newest mark; None without any."""
    if symbol == CASH:
        return abs(qty)
    legs = (leg for held in book.positions.values() for leg in held.legs if leg.symbol == symbol)
    mark = next((leg.avg_px if leg.mark_px is None else leg.mark_px for leg in legs), None)
    return worth(symbol, abs(qty), state.prices.get(symbol, mark))


def _bound(unit: Unit, state: VenueState, symbol: str) -> Decimal:
    """Return the USD up to which a drift is shown and not told."""
    limits = unit.desk.limits
    equity = ZERO if unit.book.account is None else unit.book.account.equity
    held = equity if symbol == CASH else state.positions.get(symbol, ZERO)
    whole = _value(unit.book, state, symbol, held) or ZERO
    return max(limits.drift_usd, limits.drift_share * whole)


def _tell_gap(unit: Unit, symbol: str, gap: Decimal, *, grown: bool) -> None:
    if symbol == CASH:
        text = f"The account's cash is {usd(gap)} off what fills, fees and activities explain."
    else:
        text = f"{symbol}: the venue holds {number(gap)} that neither the desk nor anybody it knows of accounts for."
    key = f"drift_{unit.module}_{_key(symbol)}_{unit.now:%Y%m%d}" + (f"_{number(abs(gap))}" if grown else "")
    unit.tell(key, EventKind.DRIFT_FOUND, text, severity="warning", subject=symbol)
