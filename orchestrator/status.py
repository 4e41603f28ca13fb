"""The desk as a person looks at it: one batched read, and what follows from it. Reads, computes, writes nothing.

The first screen (`desk/summary`), `/status`, `/metrics` and the command line all show this one model. A damaged book
is named and counted as nothing, so that it never hides the others; damaged shared documents are an error, because
nothing may be concluded from them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TypeVar
from zoneinfo import ZoneInfo

from orchestrator.domain.base import ZERO, ModuleName, cents, utc_day
from orchestrator.domain.codec import decode
from orchestrator.domain.documents import (
    CONFIG_RISK,
    DESK_EXPOSURE,
    DESK_REDUCTION,
    DESK_STATE,
    DESK_SUMMARY,
    BookDoc,
    CycleStatus,
    DeskStateDoc,
    Document,
    EquityPoint,
    ExposureDoc,
    MarketDoc,
    ModuleSummary,
    ReductionDoc,
    SummaryDoc,
    book_path,
)
from orchestrator.domain.errors import ConfigurationError, MalformedDataError
from orchestrator.domain.exposure import drawdown, rolled, used_by, with_account, with_module
from orchestrator.domain.orders import Order, OrderState
from orchestrator.domain.paths import CONFIG_MARKET
from orchestrator.domain.risk import RiskLimits
from orchestrator.limits_doc import usable_limits
from orchestrator.ports import Snapshot, Store
from orchestrator.protection import TOLD_AFTER

SHARED = (DESK_STATE, DESK_EXPOSURE, CONFIG_RISK)
PATHS = (*SHARED, DESK_SUMMARY, DESK_REDUCTION, CONFIG_MARKET, *(book_path(module) for module in ModuleName))
"""What `desk_of` needs, to be read in one round trip."""

D = TypeVar("D", bound=Document)

Cadence = Mapping[ModuleName, timedelta]
"""How long each module may be silent while it should be running."""

_FAILED = frozenset({CycleStatus.FAILED, CycleStatus.VENUE_DOWN})


@dataclass(frozen=True, slots=True)
class Desk:
    """The documents behind the first screen, with their versions; `faults` names what could not be read."""

    state: DeskStateDoc
    exposure: ExposureDoc
    limits: RiskLimits
    market: MarketDoc
    books: Mapping[ModuleName, BookDoc]
    faults: Mapping[ModuleName, str]
    summary: SummaryDoc | None
    reduction: ReductionDoc
    versions: Mapping[str, str]
    brought_up: dict[datetime, ExposureDoc] = field(default_factory=dict, compare=False, repr=False)
    """Exposure of these books by the moment it was brought up to: everybody who looks at the desk asks for it."""


NEW_YORK = ZoneInfo("America/New_York")
_SILENCE = timedelta(minutes=20)
_CRYPTO_SILENCE = timedelta(minutes=10)
_NOT_WAITED_FOR = timedelta(hours=24)


def cadence_at(now: datetime) -> Cadence:
    """Return how long each module may be silent at `now`; the schedule of stocks and options covers New York's day.

    On a holiday their functions run too and find the session closed, so silence is silence.
    """
    local = now.astimezone(NEW_YORK)
    if local.isoweekday() > 5 or not 10 <= local.hour < 16:
        return {ModuleName.CRYPTO: _CRYPTO_SILENCE}
    return {ModuleName.CRYPTO: _CRYPTO_SILENCE, ModuleName.STOCKS: _SILENCE, ModuleName.OPTIONS: _SILENCE}


def load(store: Store) -> Desk:
    """Read the desk in one round trip.

    Raises
    ------
    ConfigurationError
        The desk has not been set up.
    MalformedDataError
        A shared document is damaged.
    """
    return desk_of(store.get_many(PATHS))


def desk_of(found: Mapping[str, Snapshot]) -> Desk:
    """Return the desk of documents that were read together.

    Raises
    ------
    ConfigurationError, MalformedDataError
        See `load`.
    """
    for path in SHARED:
        if path not in found:
            raise ConfigurationError(f"{path} is missing: set the desk up with `desk doctor --seed`")
    books: dict[ModuleName, BookDoc] = {}
    faults: dict[ModuleName, str] = {}
    for module in ModuleName:
        snapshot = found.get(book_path(module))
        if snapshot is None:
            continue
        try:
            books[module] = decode(BookDoc, snapshot.data, where=snapshot.path)
        except MalformedDataError as error:
            faults[module] = str(error)
    market = found.get(CONFIG_MARKET)
    return Desk(
        state=decode(DeskStateDoc, found[DESK_STATE].data, where=DESK_STATE),
        exposure=decode(ExposureDoc, found[DESK_EXPOSURE].data, where=DESK_EXPOSURE),
        limits=usable_limits(found[CONFIG_RISK].data, _last_good_limits(books)).limits,
        market=MarketDoc() if market is None else decode(MarketDoc, market.data, where=CONFIG_MARKET),
        books=books,
        faults=faults,
        summary=_made_anew(SummaryDoc, found.get(DESK_SUMMARY)),
        reduction=_made_anew(ReductionDoc, found.get(DESK_REDUCTION)) or ReductionDoc(),
        versions={path: snapshot.version for path, snapshot in found.items()},
    )


def _last_good_limits(books: Mapping[ModuleName, BookDoc]) -> Mapping[str, object]:
    """Return the limits that the module with the newest cycle traded under."""
    known = [book for book in books.values() if book.limits]
    return max(known, key=lambda book: book.updated_at).limits if known else {}


def _made_anew(model: type[D], snapshot: Snapshot | None) -> D | None:
    """Return a document that follows from the rest, None if there is none or a damaged one."""
    try:
        return None if snapshot is None else decode(model, snapshot.data, where=snapshot.path)
    except MalformedDataError:
        return None


def current_exposure(desk: Desk, now: datetime) -> ExposureDoc:
    """Return the shared exposure brought up to `now`: the UTC day, every venue's newest equity, each book's share."""
    if now not in desk.brought_up:
        desk.brought_up[now] = _brought_up(desk, now)
    return desk.brought_up[now]


def _brought_up(desk: Desk, now: datetime) -> ExposureDoc:
    exposure = rolled(desk.exposure, now)
    accounts = [book.account for book in desk.books.values() if book.account is not None]
    for account in sorted(accounts, key=lambda account: account.as_of):
        exposure = with_account(exposure, account, now)
    for book in desk.books.values():
        exposure = with_module(exposure, _today(book, now), now)
    return exposure


def _today(book: BookDoc, now: datetime) -> BookDoc:
    """Return the book with the realized P&L of another UTC day taken off today's."""
    if book.realized_day == utc_day(now):
        return book
    return book.model_copy(update={"realized_today": ZERO})


def summarize(desk: Desk, now: datetime, *, cadence: Cadence | None = None) -> SummaryDoc:
    """Return what the first screen shows.

    Parameters
    ----------
    cadence
        Silence after which a module counts as unhealthy; None where the clock jumps (a replay).
    """
    exposure = current_exposure(desk, now)
    return SummaryDoc(
        equity=cents(exposure.equity),
        day_pnl=cents(exposure.equity - exposure.day_start_equity),
        peak_equity=cents(exposure.peak_equity),
        drawdown=round(float(drawdown(exposure)), 6),
        drift_usd=cents(sum((book.drift_usd for book in desk.books.values()), ZERO)),
        state=desk.state.state,
        modules={
            module: _module_summary(desk, module, exposure, silent=is_silent(desk, module, now, cadence))
            for module in ModuleName
            if module in desk.books or module in desk.faults
        },
        market=desk.market.name,
        synthetic=desk.market.synthetic,
        updated_at=now,
    )


def _module_summary(desk: Desk, module: ModuleName, exposure: ExposureDoc, *, silent: bool) -> ModuleSummary:
    limit = cents(desk.limits.module_allocation.get(module, ZERO) * exposure.equity)
    book = desk.books.get(module)
    if book is None:
        return ModuleSummary(allocation_limit=limit, healthy=False, note=desk.faults[module][:300])
    cycle, unknown = book.last_cycle, unknown_orders(book)
    note = ("no heartbeat; " if silent else "") + (cycle.note if cycle is not None else "")
    failed = cycle is not None and cycle.status in _FAILED
    bare = sum(1 for cycles in book.naked.values() if cycles >= TOLD_AFTER)
    return ModuleSummary(
        realized_pnl=cents(book.realized_pnl),
        unrealized_pnl=cents(unrealized(book)),
        realized_today=cents(exposure.realized_today.get(module, ZERO)),
        fees=cents(book.fees),
        exposure=cents(used_by(exposure, module)),
        allocation_limit=limit,
        open_positions=len(book.positions),
        working_orders=sum(1 for order in book.orders.values() if not order.state.terminal),
        unknown_orders=len(unknown),
        trades=book.trades,
        drift=len(book.drift),
        drift_usd=cents(book.drift_usd),
        naked=bare,
        quarantined=len(book.quarantine),
        foreign=len(book.foreign) + len(book.foreign_orders),
        last_slot=book.last_slot,
        last_status=None if cycle is None else cycle.status,
        healthy=not (silent or failed or unknown or book.drift_told or bare or book.quarantine),
        note=note[:300],
    )


def unknown_orders(book: BookDoc) -> list[Order]:
    """Return the orders of which nobody knows whether the venue has them."""
    return [order for order in book.orders.values() if order.state is OrderState.UNKNOWN]


def unrealized(book: BookDoc) -> Decimal:
    """Return the USD gained on what a module still holds."""
    return sum((position.unrealized_pnl for position in book.positions.values()), ZERO)


def is_silent(desk: Desk, module: ModuleName, now: datetime, cadence: Cadence | None) -> bool:
    """Return whether a module should have run and has not; one that never ran is not expected to."""
    book = desk.books.get(module)
    if cadence is None or module not in cadence or book is None or book.last_slot is None:
        return False
    return now - book.last_slot > cadence[module]


def sees_all_venues(desk: Desk, now: datetime) -> bool:
    """Return whether every module has seen its account; one that has not run for a day is not waited for.

    Until then the desk's equity is a part of itself, and a curve that began with it would show capital as profit.
    """
    unseen = [book for book in desk.books.values() if book.account is None]
    return all(now - book.updated_at >= _NOT_WAITED_FOR for book in unseen)


def equity_point(desk: Desk, now: datetime) -> EquityPoint:
    """Return the equity curve's newest point; a module's P&L is realized, unrealized and income less fees."""
    pnl = {
        module: cents(book.realized_pnl + unrealized(book) + book.income - book.fees)
        for module, book in desk.books.items()
    }
    return EquityPoint(at=now, equity=cents(current_exposure(desk, now).equity), pnl=pnl)


def same_facts(left: SummaryDoc | None, right: SummaryDoc) -> bool:
    """Return whether two summaries differ in nothing but their time."""
    return left is not None and left.model_copy(update={"updated_at": right.updated_at}) == right


def metrics(summary: SummaryDoc) -> str:
    """Return a summary in Prometheus' text form; money in USD, times in seconds since 1970."""
    lines = [*_desk_metrics(summary)]
    for name, help_text in _MODULE_METRICS.items():
        lines += _header(name, help_text)
        for module, share in summary.modules.items():
            value = _module_value(share, name)
            if value is not None:
                lines.append(f'firedesk_module_{name}{{module="{module}"}} {value}')
    return "\n".join(lines) + "\n"


_MODULE_METRICS = {
    "realized_pnl": "Realized P&L before fees, USD.",
    "unrealized_pnl": "Unrealized P&L, USD.",
    "realized_today": "Realized P&L of the UTC day, USD.",
    "fees": "Fees paid, USD.",
    "exposure": "Exposure held and reserved, USD.",
    "allocation_limit": "Largest exposure allowed, USD.",
    "open_positions": "Open positions.",
    "working_orders": "Orders that are not finished.",
    "unknown_orders": "Orders of which the venue's word is missing.",
    "trades": "Closed round trips.",
    "drift": "Symbols on which book and venue differ.",
    "naked": "Positions without protection.",
    "quarantined": "Symbols in quarantine.",
    "foreign": "Holdings and orders that are not the desk's.",
    "healthy": "1 while the module runs and agrees with the venue.",
    "last_slot": "Scheduler slot of the last cycle, seconds since 1970.",
}


def _header(name: str, help_text: str, *, prefix: str = "firedesk_module_") -> list[str]:
    return [f"# HELP {prefix}{name} {help_text}", f"# TYPE {prefix}{name} gauge"]


def _module_value(share: ModuleSummary, name: str) -> str | None:
    value = getattr(share, name)
    if isinstance(value, datetime):
        return f"{value.timestamp():.0f}"
    if isinstance(value, bool):
        return str(int(value))
    return None if value is None else f"{value}"


def _desk_metrics(summary: SummaryDoc) -> Iterable[str]:
    figures = {
        "equity": ("Equity, USD.", summary.equity),
        "day_pnl": ("P&L since the start of the UTC day, USD.", summary.day_pnl),
        "peak_equity": ("Highest equity, USD.", summary.peak_equity),
        "drawdown": ("Loss from the peak as a fraction.", summary.drawdown),
        "updated": ("Time of these figures, seconds since 1970.", f"{summary.updated_at.timestamp():.0f}"),
        "synthetic": ("1 on a synthetic market.", int(summary.synthetic)),
    }
    for name, (help_text, value) in figures.items():
        yield from _header(name, help_text, prefix="firedesk_")
        yield f"firedesk_{name} {value}"
    yield from _header("state", "1 for the desk's state.", prefix="firedesk_")
    for state in type(summary.state):
        yield f'firedesk_state{{state="{state}"}} {int(state is summary.state)}'
