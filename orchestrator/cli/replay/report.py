"""What came of a replay: read from the store, compared with the venue's ledger.

It recomputes nothing that the desk recorded; where desk and venue differ, it says so.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, TypeVar

from pydantic import BaseModel

from orchestrator.cli.replay.driver import Run
from orchestrator.cli.replay.stacks import Stack
from orchestrator.domain.base import ZERO, ModuleName, cents
from orchestrator.domain.codec import decode
from orchestrator.domain.documents import (
    AccountView,
    BookDoc,
    CycleDoc,
    EquityDoc,
    EquityPoint,
    OrderDoc,
    TradeDoc,
    book_path,
)
from orchestrator.domain.orders import Order
from orchestrator.domain.positions import Trade
from orchestrator.ports import Snapshot

_ALL = 1_000_000

Json = dict[str, Any]
D = TypeVar("D", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Findings:
    """Everything the report is made of."""

    orders: Sequence[Order]
    trades: Sequence[Trade]
    cycles: Sequence[CycleDoc]
    books: Mapping[ModuleName, BookDoc]
    curve: Sequence[EquityPoint]
    ledger: Json


def gather(stack: Stack) -> Findings:
    """Read everything from the stack's store and its venue."""
    store = stack.store
    paths = {book_path(module): module for module in ModuleName}
    found = store.get_many(list(paths))
    months = store.query("equity", order_by="month", limit=_ALL)
    orders = store.query("orders", order_by="created_at", limit=_ALL)
    trades = store.query("trades", order_by="closed_at", limit=_ALL)
    cycles = store.query("cycles", order_by="slot", limit=_ALL)
    points = [point for doc in _decoded(EquityDoc, months) for point in doc.points]
    return Findings(
        orders=[doc.order for doc in _decoded(OrderDoc, orders)],
        trades=[doc.trade for doc in _decoded(TradeDoc, trades)],
        cycles=list(_decoded(CycleDoc, cycles)),
        books={paths[path]: decode(BookDoc, snapshot.data, where=path) for path, snapshot in found.items()},
        curve=sorted(points, key=lambda point: point.at),
        ledger=stack.ledger(),
    )


def _decoded(model: type[D], snapshots: Iterable[Snapshot]) -> Iterator[D]:
    return (decode(model, snapshot.data, where=snapshot.path) for snapshot in snapshots)


def report(stack_name: str, run: Run, found: Findings) -> Json:
    """Return the report as one JSON object."""
    seen = {book.account.venue for book in found.books.values() if book.account is not None}
    accounts = [account for name, account in found.ledger["accounts"].items() if name in seen]
    return {
        "store": stack_name,
        "market": found.ledger["name"],
        "modules": {module.value: _module(module, run, found) for module in ModuleName},
        "strategies": _strategies(found.trades),
        "equity_start": float(sum(Decimal(one["cash_start"]) for one in accounts)),
        "equity_final": float(cents(_desk_equity(found))),
        "equity_venue": float(sum(Decimal(one["equity"]) for one in accounts)),
        "drift": sum(len(book.drift) for book in found.books.values()),
        "duplicate_orders": duplicate_orders(found),
        "fills_equal_venue_ledger": not ledger_differences(found),
        "differences": ledger_differences(found)[:20],
        "idle_cycle": _cost(run.idle.cycles, run.idle.round_trips_max, run.idle.writes_max),
        "deciding_cycle": _cost(run.deciding.cycles, run.deciding.round_trips_max, run.deciding.writes_max),
        "trading_cycle": _cost(run.trading.cycles, run.trading.round_trips_max, run.trading.writes_max),
        "orders_sha256": orders_sha256(found.orders),
        "notes": dict(sorted(run.notes.items(), key=lambda item: -item[1])[:20]),
        "seconds": round(run.seconds, 2),
    }


def _cost(cycles: int, round_trips: int, writes: int) -> Json:
    return {"cycles": cycles, "round_trips_max": round_trips, "writes_max": writes}


def _desk_equity(found: Findings) -> Decimal:
    """Return the desk's equity as its books know it: each venue's newest account."""
    newest: dict[str, AccountView] = {}
    for book in found.books.values():
        if book.account is not None and (
            book.account.venue not in newest or newest[book.account.venue].as_of < book.account.as_of
        ):
            newest[book.account.venue] = book.account
    return sum((account.equity for account in newest.values()), ZERO)


def _module(module: ModuleName, run: Run, found: Findings) -> Json:
    book = found.books[module]
    own = [order for order in found.orders if order.intent.module is module]
    denied = Counter(
        trace.code for doc in found.cycles if doc.module is module for trace in doc.opportunities if trace.code
    )
    return {
        "cycles": run.cycles[module],
        "orders": len(own),
        "fills": sum(len(order.fills) for order in own),
        "trades": sum(trade.module is module for trade in found.trades),
        "open_positions": len(book.positions),
        "pnl": float(cents(module_pnl(book))),
        "realized_pnl": float(cents(book.realized_pnl)),
        "fees": float(cents(book.fees)),
        "income": float(cents(book.income)),
        "denied_by_code": dict(denied.most_common()),
    }


def module_pnl(book: BookDoc) -> Decimal:
    """Return realized and unrealized P&L and income, less fees, USD."""
    unrealized = sum((position.unrealized_pnl for position in book.positions.values()), ZERO)
    return book.realized_pnl + unrealized + book.income - book.fees


def _strategies(trades: Sequence[Trade]) -> list[Json]:
    names = sorted({(trade.module.value, trade.strategy) for trade in trades})
    rows = []
    for module, strategy in names:
        own = [trade for trade in trades if (trade.module.value, trade.strategy) == (module, strategy)]
        won = sum(trade.realized_pnl > 0 for trade in own)
        pnl = float(cents(sum((trade.realized_pnl for trade in own), ZERO)))
        rows.append({"module": module, "strategy": strategy, "trades": len(own), "won": won, "pnl": pnl})
    return rows


def orders_sha256(orders: Sequence[Order]) -> str:
    """Return the fingerprint of all orders, by decision time and id, with their fills."""
    digest = hashlib.sha256()
    for order in sorted(orders, key=lambda order: (order.intent.decided_at, order.id)):
        fills = sorted(f"{fill.symbol} {fill.side} {_digits(fill.qty)}@{_digits(fill.price)}" for fill in order.fills)
        digest.update(f"{order.id} {'; '.join(fills)}\n".encode())
    return digest.hexdigest()


def duplicate_orders(found: Findings) -> int:
    """Return how many venue orders share a client order id with another one."""
    seen = Counter(order["client_order_id"] for order in found.ledger["orders"] if order.get("client_order_id"))
    return sum(count - 1 for count in seen.values())


def ledger_differences(found: Findings) -> list[str]:
    """Return where the desk's fills and cash differ from the venue's, a line each; none = equal to the cent."""
    ours = Counter(
        f"{order.id} {fill.symbol} {fill.side} {_digits(fill.qty)} at {_digits(fill.price)}"
        for order in found.orders
        for fill in order.fills
    )
    theirs = Counter(
        f"{told['client_order_id']} {told['symbol']} {told['side']} {_digits(Decimal(told['qty']))} at "
        f"{_digits(Decimal(told['price']))}"
        for told in found.ledger["fills"]
    )
    lines = [f"only at the venue: {line}" for line in (theirs - ours).elements()]
    lines += [f"only at the desk: {line}" for line in (ours - theirs).elements()]
    return lines + list(_cash_differences(found))


def _digits(value: Decimal) -> str:
    return f"{value.normalize():f}"


def _cash_differences(found: Findings) -> Iterator[str]:
    """Yield each venue whose cash is not what the desk's fills, fees and income add up to."""
    for name, account in found.ledger["accounts"].items():
        books = [book for book in found.books.values() if book.account is not None and book.account.venue == name]
        modules = {book.module for book in books}
        cash = Decimal(account["cash_start"]) + sum((book.income + book.delivered - book.fees for book in books), ZERO)
        for order in found.orders:
            if order.intent.module in modules:
                cash += _cash_of(order)
        if cents(cash) != Decimal(account["cash"]):
            yield f"cash at {name}: venue {account['cash']}, desk {cents(cash)}"


def _cash_of(order: Order) -> Decimal:
    """Return the USD an order's fills have moved into the account."""
    multipliers = {leg.symbol: leg.multiplier for leg in order.intent.legs}
    return -sum((fill.side.sign * fill.qty * fill.price * multipliers[fill.symbol] for fill in order.fills), ZERO)
