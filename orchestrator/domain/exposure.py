"""Arithmetic of the desk's shared exposure: what is held and reserved, day boundaries, drawdown.

Everything returns a new document; writing it by compare-and-set is the caller's work.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from decimal import Decimal

from orchestrator.domain.base import ZERO, ModuleName, utc_day
from orchestrator.domain.documents import AccountView, BookDoc, ExposureDoc, ModuleExposure
from orchestrator.domain.orders import Order, Purpose
from orchestrator.domain.positions import Position


def module_exposure(positions: Iterable[Position], orders: Iterable[Order]) -> ModuleExposure:
    """Return what a module holds and what its unfinished entries may still add, USD."""
    held, reserved, count = ZERO, ZERO, 0
    symbols: dict[str, Decimal] = {}
    for position in positions:
        held += position.gross_exposure
        count += 1
        symbols[position.symbol] = symbols.get(position.symbol, ZERO) + position.gross_exposure
    for order in orders:
        usd = reservation(order)
        reserved += usd
        if usd:
            symbols[order.intent.symbol] = symbols.get(order.intent.symbol, ZERO) + usd
    return ModuleExposure(held_usd=held, reserved_usd=reserved, symbols=symbols, open_positions=count)


def reservation(order: Order) -> Decimal:
    """Return the USD an order may still add to exposure: its reserved amount for what has not filled."""
    if order.intent.purpose is not Purpose.ENTRY or order.state.terminal or order.intent.qty == 0:
        return ZERO
    return order.intent.reserved_usd * order.leaves_qty / order.intent.qty


def book_exposure(book: BookDoc) -> ModuleExposure:
    """Return what a book holds and has reserved."""
    return module_exposure(book.positions.values(), book.orders.values())


def rolled(exposure: ExposureDoc, now: datetime) -> ExposureDoc:
    """Return the exposure with the counters of day and week started anew when the UTC day or week has changed.

    A document that knows no week yet begins it where its day began.
    """
    day, week = utc_day(now), week_of(now)
    if (exposure.day, exposure.week) == (day, week):
        return exposure
    update: dict[str, object] = {"updated_at": now}
    start = exposure.day_start_equity
    if exposure.day != day:
        start = exposure.equity
        update |= {"day": day, "day_start_equity": start, "realized_today": {}}
    if exposure.week != week:
        update |= {"week": week, "week_start_equity": start}
    return exposure.model_copy(update=update)


def week_of(now: datetime) -> date:
    """Return the Monday of the UTC week of `now`."""
    day = utc_day(now)
    return day - timedelta(days=day.weekday())


def with_account(exposure: ExposureDoc, account: AccountView | None, now: datetime) -> ExposureDoc:
    """Return the exposure with a venue's newest equity, the peak raised if it is one.

    The peak and the starts of day and week follow deposits of a venue that is seen for the first time.
    """
    if account is None or exposure.venue_equity.get(account.venue) == account.equity:
        return exposure
    first_seen = account.venue not in exposure.venue_equity
    equities = {**exposure.venue_equity, account.venue: account.equity}
    total = sum(equities.values(), ZERO)
    added = account.equity if first_seen else ZERO
    update = {
        "venue_equity": equities,
        "peak_equity": max(exposure.peak_equity + added, total),
        "day_start_equity": exposure.day_start_equity + added,
        "week_start_equity": exposure.week_start_equity + added,
        "updated_at": now,
    }
    return exposure.model_copy(update=update)


def with_module(exposure: ExposureDoc, book: BookDoc, now: datetime) -> ExposureDoc:
    """Return the exposure with a module's share taken from its book."""
    modules = {**exposure.modules, book.module: book_exposure(book)}
    realized = {**exposure.realized_today, book.module: book.realized_today}
    return exposure.model_copy(update={"modules": modules, "realized_today": realized, "updated_at": now})


def share_moved(seen: ModuleExposure | None, share: ModuleExposure) -> bool:
    """Return whether orders or positions changed a module's share; a change of marks alone does not count."""
    if seen is None:
        return share != ModuleExposure()
    return (seen.reserved_usd, seen.open_positions, set(seen.symbols)) != (
        share.reserved_usd,
        share.open_positions,
        set(share.symbols),
    )


def drawdown(exposure: ExposureDoc) -> Decimal:
    """Return the loss from the peak as a fraction of the peak, 0 or more."""
    return _lost(exposure.equity, exposure.peak_equity)


def daily_loss(exposure: ExposureDoc) -> Decimal:
    """Return the loss since the start of the UTC day as a fraction of the equity then, 0 or more."""
    return _lost(exposure.equity, exposure.day_start_equity)


def weekly_loss(exposure: ExposureDoc) -> Decimal:
    """Return the loss since the start of the UTC week (Monday) as a fraction of the equity then, 0 or more."""
    return _lost(exposure.equity, exposure.week_start_equity)


def _lost(equity: Decimal, start: Decimal) -> Decimal:
    return max(ZERO, 1 - equity / start) if start > 0 else ZERO


def symbol_exposure(exposure: ExposureDoc, symbol: str) -> Decimal:
    """Return what all modules hold and have reserved in a symbol, USD."""
    return sum((share.symbols.get(symbol, ZERO) for share in exposure.modules.values()), ZERO)


def total_exposure(exposure: ExposureDoc) -> Decimal:
    """Return what all modules hold and have reserved, USD."""
    return sum((share.held_usd + share.reserved_usd for share in exposure.modules.values()), ZERO)


def used_by(exposure: ExposureDoc, module: ModuleName) -> Decimal:
    """Return what one module holds and has reserved, USD."""
    share = exposure.modules.get(module)
    return ZERO if share is None else share.held_usd + share.reserved_usd
