"""Watches the limits that holdings may outgrow by price alone, and plans what the desk then gives up.

A limit is breached once it is outgrown by a tenth and stays so until the holdings are back under the limit itself: it
does not flap, and a person hears of it once when it begins and once when it is over. A breach of the desk's gross
exposure or tail risk asks for REDUCING; beyond `reduce_above` a plan is written (`desk/reduction`) that the modules'
own cycles carry out as exits. Everything here follows from documents that were read together.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal

from orchestrator.domain.base import ModuleName, cents
from orchestrator.domain.codec import encode
from orchestrator.domain.documents import DESK_REDUCTION, BookDoc, ExposureDoc, ReductionDoc
from orchestrator.domain.events import DeskEvent, limit_breached, limit_kept, reduction_planned, usd
from orchestrator.domain.exposure import with_module
from orchestrator.domain.flatten import being_left, leave, parts_of
from orchestrator.domain.market import MarketSnapshot, Quote
from orchestrator.domain.opportunities import ExitReason, TradeOpportunity
from orchestrator.domain.orders import Purpose
from orchestrator.domain.positions import Position, whole_units
from orchestrator.domain.readings import DESK, HEADROOM, desk_standing, exposure_readings, tail_readings
from orchestrator.domain.reduction import Breach, Excess, due_units, reduction_plan
from orchestrator.domain.reports import Measure, Reading
from orchestrator.domain.risk import RiskLimits
from orchestrator.domain.sectors import groups_of, sector_of, underlying_of
from orchestrator.module import Context
from orchestrator.ports import Create, Replace, Write
from orchestrator.status import Desk, current_exposure

PLAN_FOR = timedelta(days=1)
"""How long a plan that is not carried out stays the plan."""


@dataclass(frozen=True, slots=True)
class Watched:
    """What became of the breaches and the plan, and what there is to tell."""

    reduction: ReductionDoc
    events: tuple[DeskEvent, ...] = ()


def watch(desk: Desk, now: datetime) -> Watched:
    """Return the breaches and the plan as they stand at `now`; the same desk again changes and tells nothing.

    While equity is unknown or a book cannot be read nothing is concluded: everything stays as it was.
    """
    before = desk.reduction
    if desk.faults or current_exposure(desk, now).equity <= 0:
        return Watched(before)
    readings = {reading.key: reading for reading in readings_of(desk, now)}
    breaches = {key: _breach(reading, before, now) for key, reading in readings.items() if _breached(reading, before)}
    events = [limit_breached(breach) for key, breach in breaches.items() if key not in before.breaches]
    events += [limit_kept(breach, now) for key, breach in before.breaches.items() if key not in breaches]
    after = _planned(desk, before.model_copy(update={"breaches": breaches}), now)
    if after.number != before.number:
        events.append(reduction_planned(after.number, after.cuts, now))
    return Watched(after, tuple(events))


def readings_of(desk: Desk, now: datetime) -> list[Reading]:
    """Return the readings of every limit that holdings can outgrow."""
    return _readings(current_exposure(desk, now), desk.limits)


def _readings(exposure: ExposureDoc, limits: RiskLimits) -> list[Reading]:
    standing = desk_standing(exposure, limits)
    return [*exposure_readings(standing, limits), *tail_readings(standing, limits, seen_only=True)]


def outgrown(desk: Desk, now: datetime) -> str | None:
    """Return which of the desk's own limits is outgrown and asks for REDUCING, None while there is none."""
    for reading in readings_of(desk, now):
        if reading.subject == DESK and _breached(reading, desk.reduction):
            return f"{reading.name} is {usd(reading.observed_usd)}, the limit is {usd(reading.limit_usd)}"
    return None


def _breached(reading: Reading, before: ReductionDoc) -> bool:
    """Whether a limit counts as breached: beyond the headroom, or beyond the limit itself once it has been so."""
    return reading.over > (1 if reading.key in before.breaches else HEADROOM)


def _breach(reading: Reading, before: ReductionDoc, now: datetime) -> Breach:
    """Return the breach as it began: it is not written again while it lasts."""
    return before.breaches.get(reading.key) or Breach(
        name=reading.name,
        subject=reading.subject,
        limit_usd=reading.limit_usd,
        observed_usd=reading.observed_usd,
        since=now,
    )


def _planned(desk: Desk, doc: ReductionDoc, now: datetime) -> ReductionDoc:
    """Return the document with the plan that is due: none without a breach, the old one until it is carried out.

    One that a day has not carried out is made anew: a position that cannot be left must not keep others from it.
    """
    if not doc.breaches or not desk.limits.auto_reduce:
        return doc.model_copy(update={"cuts": ()})
    fresh = doc.planned_at is not None and now - doc.planned_at < PLAN_FOR
    if fresh and any(due_units(cut, _position(desk, cut.module, cut.position_id)) > 0 for cut in doc.cuts):
        return doc
    held = {
        module: tuple(position for position in book.positions.values() if _leaves_as_one(position))
        for module, book in sorted(desk.books.items())
    }
    cuts = reduction_plan(held, list(_excesses(desk, now)), desk.limits)
    if not cuts:
        return doc.model_copy(update={"cuts": ()})
    return doc.model_copy(update={"cuts": cuts, "number": doc.number + 1, "planned_at": now})


def _leaves_as_one(position: Position) -> bool:
    """Whether one order can cut it: shares with options on them leave in parts, which the plan does not do."""
    return len(list(parts_of(position))) == 1


def _position(desk: Desk, module: ModuleName, position_id: str) -> Position | None:
    book = desk.books.get(module)
    return None if book is None else book.positions.get(position_id)


def _excesses(desk: Desk, now: datetime) -> Iterator[Excess]:
    """Yield what was outgrown so far that it is cut; working entries do not count, they are cancelled or refused."""
    limits, exposure = desk.limits, _held_only(desk, now)
    symbols = frozenset(symbol for share in exposure.modules.values() for symbol in share.symbols)
    for reading in _readings(exposure, limits):
        if reading.over <= limits.reduce_above or reading.name not in _CUT:
            continue
        yield Excess(
            key=reading.key,
            observed_usd=reading.observed_usd,
            target_usd=cents(reading.limit_usd * limits.reduce_to),
            module=ModuleName(reading.subject) if reading.name == "module allocation" else None,
            symbols=_counted(reading, symbols, limits),
            scales=reading.measure is Measure.TAIL or reading.name == "leverage",
        )


_CUT = frozenset(
    {"symbol concentration", "sector concentration", "group concentration", "module allocation", "gross exposure"}
    | {"leverage", "worst shock", "VaR 95 %", "VaR 99 %", "CVaR 95 %", "CVaR 99 %"}
)
"""Limits that holdings are cut for; the others are told, and keep entries out."""


def _counted(reading: Reading, symbols: frozenset[str], limits: RiskLimits) -> frozenset[str] | None:
    """Return the symbols that count against a limit, None where all do."""
    if reading.name == "symbol concentration":
        return frozenset({reading.subject})
    if reading.name == "sector concentration":
        return frozenset(s for s in symbols if sector_of(underlying_of(s), limits.sectors) == reading.subject)
    if reading.name == "group concentration":
        return frozenset(s for s in symbols if reading.subject in groups_of(underlying_of(s), limits.groups))
    return None


def _held_only(desk: Desk, now: datetime) -> ExposureDoc:
    exposure = current_exposure(desk, now)
    for book in desk.books.values():
        exposure = with_module(exposure, book.model_copy(update={"orders": {}}), now)
    return exposure


def reduction_write(desk: Desk, after: ReductionDoc) -> Write:
    """Return the write of the plan, compared with what was read."""
    version = desk.versions.get(DESK_REDUCTION)
    if version is None:
        return Create(DESK_REDUCTION, encode(after))
    return Replace(DESK_REDUCTION, encode(after), version)


def with_cuts(reduction: ReductionDoc, context: Context, wanted: Sequence[TradeOpportunity]) -> list[TradeOpportunity]:
    """Return what a module wants, after the exits that the plan still wants of it.

    A position that the module leaves by itself, or that is being left, is not cut besides; of one that is cut, the
    protection for what stays is placed once the cut is known.
    """
    leaving = {wish.position_id for wish in wanted if wish.purpose is Purpose.EXIT}
    cuts = [cut for cut in _cuts(reduction, context) if cut.position_id not in leaving]
    cut = {one.position_id for one in cuts}
    return [*cuts, *(wish for wish in wanted if wish.purpose is not Purpose.PROTECT or wish.position_id not in cut)]


def _cuts(reduction: ReductionDoc, context: Context) -> Iterator[TradeOpportunity]:
    book, market = context.book, context.market
    due = to_leave(reduction, book) if market.session.is_open else {}
    for cut in reduction.cuts:
        position = book.positions.get(cut.position_id)
        if position is None or cut.position_id not in due or being_left(book, position):
            continue
        if cut.module is not book.module or not _leaves_as_one(position):
            continue
        why = f"{ExitReason.REDUCTION.value}: {cut.cause}"
        order = leave(next(parts_of(position)), book, _with_chains(market), context.now, reason=why)
        units = due[cut.position_id]
        yield order.model_copy(update={"qty": whole_units(position, units) or units})


def _with_chains(market: MarketSnapshot) -> MarketSnapshot:
    """Return the market with the quotes of its chains among the others."""
    quotes = {
        contract.symbol: Quote(symbol=contract.symbol, ts=contract.ts, bid=contract.bid, ask=contract.ask)
        for chain in market.chains.values()
        for contract in chain.contracts
    }
    return replace(market, quotes={**quotes, **market.quotes})


def to_leave(reduction: ReductionDoc, book: BookDoc) -> dict[str, Decimal]:
    """Return how many units of which of a module's positions the plan still wants gone."""
    mine = [cut for cut in reduction.cuts if cut.module is book.module]
    due = {cut.position_id: due_units(cut, book.positions.get(cut.position_id)) for cut in mine}
    return {position_id: units for position_id, units in due.items() if units > 0}
