"""Looks after the books of modules that do not, or must not, look after them themselves.

The caretaker is a stand-in for any module: it never enters, it protects what is naked, and while the desk is being
flattened it closes everything. It runs through the same cycle, executor and lock as the module, on the module's own
book, uses up no slot and counts as no heartbeat, so that a silent module stays known as silent:

    module    slot 14:00 ── hangs ─────────────────────────── slot 14:05 runs as ever
    caretaker              14:02 halt: cancels entries ── 14:04 nothing left to do

What a hung function is sending belongs to it until its lease ends; the caretaker cancels what rests and sends nothing
twice, because whatever it decides follows from the book: a position that is being left is left alone.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import ClassVar, Protocol

from orchestrator.contention import until_settled
from orchestrator.domain import flatten
from orchestrator.domain.base import ModuleName, slot_id
from orchestrator.domain.codec import encode
from orchestrator.domain.documents import DESK_STATE, BookDoc, EventDoc, EventKind, event_path
from orchestrator.domain.errors import AlreadyExistsError
from orchestrator.domain.market import DataRequest
from orchestrator.domain.opportunities import TradeOpportunity
from orchestrator.domain.orders import Purpose
from orchestrator.domain.parameters import Parameters
from orchestrator.domain.risk import DeskState
from orchestrator.domain.watch import triggered
from orchestrator.module import Context, TradingModule
from orchestrator.ports import Create, Put, Replace, Store, Write
from orchestrator.status import Cadence, Desk, is_silent, load

ROUNDS = 3
"""How often in a row a book is looked after while orders are sent: what has just filled lets the next stage go."""


class Caretaker(TradingModule):
    """Stands in for a module: protects what is naked, enters nothing, needs no parameters."""

    parameters_model: ClassVar[type[Parameters]] = Parameters

    def request(self, book: BookDoc, parameters: Parameters, now: datetime) -> DataRequest:
        """Return quotes of what is held."""
        legs = (leg.symbol for position in book.positions.values() for leg in position.legs if leg.qty != 0)
        return DataRequest(quotes=tuple(dict.fromkeys(legs)))

    def analyze(self, context: Context) -> list[TradeOpportunity]:
        """Return nothing: a caretaker takes no risk."""
        return []

    def monitor(self, context: Context) -> list[TradeOpportunity]:
        """Return stops for what has none, and what has reached a stop that cannot rest."""
        due = triggered(context.book, context.market, context.now, stops_rest=True)
        return [*due, *flatten.stops(context.book, context.market, context.now)]


class Closer(Caretaker):
    """Stands in for a module while the desk is being flattened."""

    def monitor(self, context: Context) -> list[TradeOpportunity]:
        """Return the exits that may go now."""
        return flatten.exits(context.book, context.market, context.now)


class Carer(Protocol):
    """Runs the caretaker on a module's book: fulfilled by the shell, which knows the venues and the time."""

    def care(self, module: ModuleName) -> int:
        """Run it once, and return how many orders it sent."""


@dataclass(slots=True)
class Cared:
    """What was looked after and why, and what went wrong, by module."""

    done: dict[ModuleName, str] = field(default_factory=dict)
    problems: dict[ModuleName, str] = field(default_factory=dict)


def due(desk: Desk, module: ModuleName, now: datetime, cadence: Cadence | None) -> str:
    """Return why a module's book must be looked after, "" when the module does it or nothing is to be done."""
    book = desk.books.get(module)
    if book is None:
        return ""
    unfinished = [order for order in book.orders.values() if not order.state.terminal]
    if desk.state.flatten and (book.positions or unfinished):
        return "the desk is being flattened"
    if desk.state.state is not DeskState.ACTIVE and any(o.intent.purpose is Purpose.ENTRY for o in unfinished):
        return f"entries are open while the desk is {desk.state.state}"
    if (book.positions or unfinished) and is_silent(desk, module, now, cadence):
        return "the module is silent"
    return ""


def look_after(
    store: Store, carer: Carer, now: datetime, cadence: Cadence | None, *, desk: Desk | None = None
) -> Cared:
    """Look after every book that is due, all at once: no venue that is down keeps another from being cared for.

    Parameters
    ----------
    desk
        As just read; None = it is read here.

    Raises
    ------
    ConfigurationError, MalformedDataError
        The desk is not set up, or a document that all share is damaged.
    StoreUnavailableError
        The store did not answer; the next sweep looks again.
    """
    desk = load(store) if desk is None else desk
    wanted = {module: why for module in ModuleName if (why := due(desk, module, now, cadence))}
    cared = Cared(done=wanted)
    if not wanted:
        return cared
    with ThreadPoolExecutor(max_workers=len(wanted)) as pool:
        for module, problem in zip(wanted, pool.map(lambda one: _care(carer, one), wanted), strict=True):
            if problem:
                cared.problems[module] = problem
    tell_problems(store, cared.problems, now)
    until_settled(lambda: _finish(store, now))
    return cared


def _care(carer: Carer, module: ModuleName) -> str:
    """Care for one book until nothing more is sent; return what went wrong."""
    try:
        for _ in range(ROUNDS):
            if not carer.care(module):
                break
    except Exception as error:  # noqa: BLE001 - whatever one module or venue fails with, the others are cared for
        return f"{type(error).__name__}: {error}"
    return ""


def tell_problems(store: Store, problems: dict[ModuleName, str], now: datetime) -> None:
    """Tell of books that could not be looked after; once for each module, kind of problem and hour."""
    for module, problem in problems.items():
        event = EventDoc(
            kind=EventKind.CYCLE_FAILED,
            module=module,
            subject=module.value,
            severity="critical",
            text=f"{module}: the caretaker could not look after the book: {problem}",
            at=now,
        )
        key = f"care_{module}_{problem.partition(':')[0]}_{now:%Y%m%dT%H}"
        with suppress(AlreadyExistsError):
            store.commit([Create(event_path(key), encode(event))])


def flattened(desk: Desk, now: datetime) -> tuple[Desk, list[Write]] | None:
    """Return the desk once everything is closed, and the writes that say so; None while it is not."""
    if not desk.state.flatten or desk.faults or not all(_is_flat(book) for book in desk.books.values()):
        return None
    after = desk.state.model_copy(update={"flatten": False})
    foreign = sorted({symbol for book in desk.books.values() for symbol in book.foreign})
    left = f" Left alone, because they are not the desk's: {', '.join(foreign)}." if foreign else ""
    event = EventDoc(
        kind=EventKind.FLATTENED,
        severity="warning",
        text=f"Everything the desk held is closed.{left} It stays HALTED until the owner resumes.",
        at=now,
    )
    key = f"flattened-{slot_id(desk.state.changed_at)}"
    return replace(desk, state=after), [
        Replace(DESK_STATE, encode(after), desk.versions[DESK_STATE]),
        Put(event_path(key), encode(event)),
    ]


def _is_flat(book: BookDoc) -> bool:
    return not book.positions and all(order.state.terminal for order in book.orders.values())


def _finish(store: Store, now: datetime) -> None:
    ended = flattened(load(store), now)
    if ended is not None:
        store.commit(ended[1])
