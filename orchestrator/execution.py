"""OrderExecutor: intents first, then the venue, then the record.

The commit is the lock: the book's version and the brake's version are compared by the same commit that creates the
orders, so of two runs one does nothing, and nothing is sent after a HALT. Between the venue's answer and its record
there is no other call to the store.

    run A   read ── decide ── commit(SUBMITTING) ── submit ── record(WORKING | REJECTED | UNKNOWN)
    run B   read ── decide ── commit ✗ (book moved) ── nothing
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal

from orchestrator.contention import until_settled
from orchestrator.domain.base import ZERO
from orchestrator.domain.codec import decode, encode
from orchestrator.domain.documents import (
    DESK_EXPOSURE,
    DESK_STATE,
    BookDoc,
    CycleDoc,
    CycleStatus,
    CycleSummary,
    ExposureDoc,
    ModuleExposure,
    OpportunityTrace,
    book_path,
    cycle_path,
    order_path,
)
from orchestrator.domain.errors import (
    BrokerError,
    BrokerUnavailableError,
    ConcurrencyConflictError,
    InvalidTransitionError,
    OrderRefusedError,
    OutcomeUnknownError,
    RunExpiredError,
)
from orchestrator.domain.exposure import doubtful, share_moved, with_account, with_module
from orchestrator.domain.history import daily_returns
from orchestrator.domain.intents import intent_of
from orchestrator.domain.keys import key_path
from orchestrator.domain.opportunities import TradeOpportunity
from orchestrator.domain.orders import Evidence, Order, OrderState, Purpose, apply
from orchestrator.domain.risk import Denied, Verdict
from orchestrator.domain.venues import IdUniqueness
from orchestrator.keeping import kept_writes
from orchestrator.lookups import refusal
from orchestrator.module import Context, RiskScreen, TradeResult
from orchestrator.planning import Plan, counted_orders, make_plan, trace_of
from orchestrator.ports import Broker, Create, Put, Replace, VenueOrder, Verify, Write
from orchestrator.unit import DeskView, Unit, Versioned, key_in, order_doc
from orchestrator.venue_key import holds_off, released_key, taken_key, within_key

LEASE = timedelta(seconds=60)
"""How long a submission and its key belong to the run that committed it; longer than the functions' time-out."""

SENDS_FOR_S = 45.0
"""Seconds from its beginning in which a run sends: what leaves then is answered, or given up, before the lease ends.

The platform ends a request at its time-out, but may only freeze the process and let it go on hours later.
"""

TRACE_LIFE = timedelta(days=60)

_PARALLEL = 8

_VENUE_EVIDENCE = {
    OrderState.REJECTED: Evidence.REFUSED,
    OrderState.CANCELLED: Evidence.CANCEL_CONFIRMED,
    OrderState.EXPIRED: Evidence.EXPIRY_CONFIRMED,
}

Decided = Sequence[tuple[TradeOpportunity, Verdict]]


@dataclass(frozen=True, slots=True)
class Answer:
    """What the venue proved about an order: the evidence, its own id, its words."""

    evidence: Evidence
    broker_order_id: str | None = None
    note: str = ""
    filled_qty: Decimal = ZERO
    raw: str = ""


class OrderExecutor:
    """Commits, submits and records the orders of one cycle.

    Parameters
    ----------
    broker
        The venue of the module.
    unit
        The cycle in progress.
    desk
        Name of the desk; part of every client order id.
    """

    def __init__(self, broker: Broker, unit: Unit, *, desk: str = "desk") -> None:
        self._broker = broker
        self._unit = unit
        self._desk = desk

    def execute(
        self, context: Context, opportunities: Sequence[TradeOpportunity], risk: RiskScreen
    ) -> list[TradeResult]:
        """Screen, commit, submit and record.

        Raises
        ------
        AlreadyExistsError
            Another run of this module committed first; nothing was sent.
        RunExpiredError
            The run was held up for so long that others may have taken its orders over; it sends nothing more.
        StoreUnavailableError
            The store did not answer; nothing was sent by this run, or its record is left to the next one.
        """
        decided, plan = self._commit(context, opportunities, risk)
        answers = self._submit(plan)
        if answers:
            self._record(answers)
        return [self._result(opportunity, verdict) for opportunity, verdict in decided]

    def _commit(
        self, context: Context, opportunities: Sequence[TradeOpportunity], risk: RiskScreen
    ) -> tuple[Decided, Plan]:
        lost = 0

        def attempt() -> tuple[Decided, Plan]:
            nonlocal lost
            if lost:
                self._unit.refresh()
            lost += 1
            screened = list(zip(opportunities, risk.screen(context, opportunities), strict=True))
            decided = within_key(screened, self._unit, self._broker.profile)
            return decided, self._commit_once(decided, context)

        return until_settled(attempt, on=(ConcurrencyConflictError,))

    def _commit_once(self, decided: Decided, context: Context) -> Plan:
        unit = self._unit
        plan = self._plan(decided)
        kept = kept_writes(unit, context, acts=plan.busy)
        book = _with_orders(unit.book, (*plan.to_send, *plan.abandoned))
        book = counted_orders(book, len(plan.new), unit.now)
        others = self._other_writes(book, plan, decided, context)
        summary = self._summary(decided, plan, writes=unit.writes + len(others) + 1, kept=len(kept))
        book = book.model_copy(update=unit.stamp(summary) | ({"kept_at": unit.now} if kept else {}))
        at = book_path(unit.module)
        key, key_writes = taken_key(unit, self._broker.profile, plan, LEASE)
        versions = unit.store.commit([Replace(at, encode(book), unit.book_version), *others, *kept, *key_writes])
        unit.written()
        unit.book, unit.book_version, unit.summary = book, versions[at], summary
        unit.traces = self._traces(decided)
        unit.desk = _desk_after(unit.desk, others, versions)
        if key is not None:
            unit.key = Versioned(key, versions[key_path(unit.venue)])
        return plan

    def _plan(self, decided: Decided) -> Plan:
        unit, profile = self._unit, self._broker.profile
        if holds_off(unit, profile):
            return Plan()
        return make_plan(
            unit.book,
            decided,
            state=unit.desk.state,
            now=unit.now,
            lease=LEASE,
            desk=self._desk,
            cleared=unit.cleared,
            resends=profile.id_uniqueness is IdUniqueness.FOR_EVER,
        )

    def _other_writes(self, book: BookDoc, plan: Plan, decided: Decided, context: Context) -> list[Write]:
        """Return what is written beside the book: nothing at all when nothing happened."""
        unit = self._unit
        exposure = self._exposure_write(book, context)
        if not (decided or plan.busy or unit.pending() or exposure):
            return []
        updated = (*plan.resumed, *plan.abandoned)
        for order in updated:
            unit.changed[order.id] = order
        writes: list[Write] = [Create(order_path(order.id), encode(order_doc(order))) for order in plan.new]
        writes += [*unit.pending(), *exposure]
        if plan.to_send:
            writes.append(Verify(DESK_STATE, unit.desk.state_version))
        trace = encode(self._trace(plan, decided, context))
        return [*writes, Put(cycle_path(unit.module, unit.label), trace)]

    def _exposure_write(self, book: BookDoc, context: Context) -> list[Write]:
        """Return the write of the module's share when orders or positions changed it; marks alone do not."""
        unit = self._unit
        seen = unit.desk.exposure
        exposure = with_module(with_account(seen, book.account, unit.now), book, unit.now)
        if not share_moved(seen.modules.get(unit.module), exposure.modules[unit.module]):
            return []
        exposure = with_module(exposure, book, unit.now, daily_returns(context.market.panels))
        return [Replace(DESK_EXPOSURE, encode(exposure), unit.desk.exposure_version)]

    def _summary(self, decided: Decided, plan: Plan, *, writes: int, kept: int) -> CycleSummary:
        """Return the heartbeat; a second commit of a cycle adds to the first. One that only keeps chains is idle."""
        before = self._unit.summary or CycleSummary(slot=self._unit.slot)
        idle = CycleStatus.IDLE if writes == 1 else CycleStatus.DECIDED
        orders = before.orders + len(plan.to_send)
        return CycleSummary(
            slot=self._unit.slot,
            status=self._unit.trouble or (CycleStatus.TRADED if orders else idle),
            opportunities=before.opportunities + len(decided),
            denied=before.denied + sum(isinstance(verdict, Denied) for _, verdict in decided),
            orders=orders,
            round_trips=self._unit.round_trips + 1,
            writes=writes + kept,
            kept=before.kept + kept,
            note=self._unit.note,
        )

    def _trace(self, plan: Plan, decided: Decided, context: Context) -> CycleDoc:
        unit = self._unit
        return CycleDoc(
            module=unit.module,
            slot=unit.slot,
            status=unit.trouble or (CycleStatus.TRADED if plan.to_send else CycleStatus.DECIDED),
            opportunities=self._traces(decided),
            missing=dict(context.market.missing),
            round_trips=unit.round_trips + 1,
            parameters_version=unit.book.parameters_version,
            note=unit.note,
            expire_at=unit.now + TRACE_LIFE,
        )

    def _traces(self, decided: Decided) -> tuple[OpportunityTrace, ...]:
        """Return what this cycle has decided, an earlier commit included."""
        news = (trace_of(wish, verdict, self._order_id(wish, verdict)) for wish, verdict in decided)
        return (*self._unit.traces, *news)

    def _order_id(self, opportunity: TradeOpportunity, verdict: Verdict) -> str | None:
        if isinstance(verdict, Denied):
            return None
        return intent_of(opportunity, verdict, desk=self._desk, version=0).client_order_id

    def _submit(self, plan: Plan) -> dict[str, Answer]:
        """Cancel first, then send in parallel; an order that waits for a cancel is not sent without it."""
        orders = self._unit.book.orders
        with ThreadPoolExecutor(max_workers=_PARALLEL) as pool:
            said = zip(plan.cancels, pool.map(lambda key: self._cancel(orders[key]), plan.cancels), strict=True)
            cancelled = {key: answer for key, answer in said if answer is not None}
            free = {key for key, answer in cancelled.items() if _gone(orders[key], answer)}
            ready = [order for order in plan.to_send if free.issuperset(plan.waits_for.get(order.id, ()))]
            sent = dict(zip((order.id for order in ready), pool.map(self._send, ready), strict=True))
        waiting = {
            order.id: Answer(Evidence.NOT_SENT, note="what it replaces still rests or has just filled")
            for order in plan.to_send
            if order.id not in sent
        }
        return cancelled | sent | waiting

    def _check_lease(self, what: str) -> None:
        spent = self._unit.elapsed_s()
        if spent > SENDS_FOR_S:
            raise RunExpiredError(f"{self._unit.run}: {what} is not sent {spent:.0f} s after the run began; look it up")

    def _send(self, order: Order) -> Answer:
        self._check_lease(order.id)
        try:
            return _heard(self._broker.submit(order))
        except BrokerUnavailableError as error:
            return Answer(Evidence.NOT_SENT, note=str(error))
        except OrderRefusedError as error:
            return Answer(refusal(order, error), note=f"{error.code}: {error}")
        except Exception as error:  # noqa: BLE001 - whatever happened after sending began, the outcome is unknown
            raw = error.raw if isinstance(error, OutcomeUnknownError) else ""
            return Answer(Evidence.ANSWER_LOST, note=f"{type(error).__name__}: {error}", raw=raw)

    def _cancel(self, order: Order) -> Answer | None:
        """Return what the venue said of a cancelled order; None when it said nothing: that proves nothing."""
        self._check_lease(f"the cancel of {order.id}")
        try:
            return _heard(self._broker.cancel(order))
        except BrokerError:
            return None

    def _record(self, answers: Mapping[str, Answer]) -> None:
        """Write what the venue answered; if the book has moved on, onto the newer book."""
        lost = 0

        def attempt() -> None:
            nonlocal lost
            if lost:
                self._reload()
            lost += 1
            self._record_once(answers)

        until_settled(attempt, on=(ConcurrencyConflictError,))

    def _record_once(self, answers: Mapping[str, Answer]) -> None:
        unit = self._unit
        before = unit.book.orders
        orders = [_answered(before[key], answer, unit) for key, answer in answers.items() if key in before]
        book = _with_orders(unit.book, orders)
        writes: list[Write] = [Put(order_path(order.id), encode(order_doc(order))) for order in orders]
        writes += self._doubt_write(book)
        if unit.summary is not None:
            counted = {"round_trips": unit.round_trips + 1, "writes": unit.writes + len(writes) + 1}
            unit.summary = unit.summary.model_copy(update=counted)
            if book.last_slot == unit.slot and not unit.care:
                book = book.model_copy(update={"last_cycle": unit.summary})
        freed, key_writes = released_key(unit)
        replaced = Replace(book_path(unit.module), encode(book), unit.book_version)
        versions = unit.store.commit([replaced, *writes, *key_writes])
        unit.book, unit.book_version = book, versions[book_path(unit.module)]
        unit.desk = _desk_after(unit.desk, writes, versions)
        if freed is not None:
            unit.key = Versioned(freed, versions[key_path(unit.venue)])

    def _doubt_write(self, book: BookDoc) -> list[Write]:
        """Return the write that tells the other modules of an order in doubt, so that its symbol is frozen for all."""
        unit, doubt = self._unit, doubtful(book)
        share = unit.desk.exposure.modules.get(unit.module, ModuleExposure())
        if doubt.keys() <= share.frozen.keys():
            return []
        told = share.model_copy(update={"frozen": {**share.frozen, **doubt}})
        modules = {**unit.desk.exposure.modules, unit.module: told}
        exposure = unit.desk.exposure.model_copy(update={"modules": modules})
        return [Replace(DESK_EXPOSURE, encode(exposure), unit.desk.exposure_version)]

    def _reload(self) -> None:
        """Read book, exposure and key anew; a key that another run has taken over meanwhile is left to it."""
        path, unit = book_path(self._unit.module), self._unit
        found = unit.store.get_many([path, DESK_EXPOSURE, key_path(unit.venue)])
        exposure = decode(ExposureDoc, found[DESK_EXPOSURE].data, where=DESK_EXPOSURE)
        unit.desk = replace(unit.desk, exposure=exposure, exposure_version=found[DESK_EXPOSURE].version)
        unit.book = decode(BookDoc, found[path].data, where=path)
        unit.book_version = found[path].version
        unit.key = key_in(found, unit.venue)

    def _result(self, opportunity: TradeOpportunity, verdict: Verdict) -> TradeResult:
        order = self._unit.book.orders.get(self._order_id(opportunity, verdict) or "")
        if order is None:
            return TradeResult(opportunity=opportunity, verdict=verdict)
        note = order.history[-1].note if order.history else ""
        return TradeResult(
            opportunity=opportunity, verdict=verdict, client_order_id=order.id, state=order.state, message=note
        )


def _with_orders(book: BookDoc, orders: Iterable[Order]) -> BookDoc:
    """Return the book with newer states of orders: broker ids learnt, protective orders noted on their positions."""
    after, ids, positions = dict(book.orders), dict(book.broker_ids), dict(book.positions)
    for order in orders:
        after[order.id] = order
        if order.broker_order_id:
            ids[order.broker_order_id] = order.id
        position = positions.get(order.intent.position_id)
        if order.intent.purpose is Purpose.PROTECT and position is not None and not order.state.terminal:
            positions[position.id] = position.model_copy(update={"protective_order_id": order.id})
    return book.model_copy(update={"orders": after, "broker_ids": ids, "positions": positions})


def _desk_after(desk: DeskView, written: Iterable[Write], versions: Mapping[str, str]) -> DeskView:
    """Return the shared documents as this run left them, for a second commit of the same cycle."""
    for write in written:
        if isinstance(write, Replace) and write.path == DESK_EXPOSURE:
            exposure = decode(ExposureDoc, write.data, where=DESK_EXPOSURE)
            return replace(desk, exposure=exposure, exposure_version=versions[DESK_EXPOSURE])
    return desk


def _heard(said: VenueOrder) -> Answer:
    evidence = _VENUE_EVIDENCE.get(said.state, Evidence.ACKNOWLEDGED)
    return Answer(evidence, said.broker_order_id, said.note, said.filled_qty)


def _gone(order: Order, answer: Answer) -> bool:
    """Whether a cancelled order leaves its successor's size right: it ended, and filled no more than the book knows."""
    return answer.evidence in _VENUE_EVIDENCE.values() and answer.filled_qty <= order.filled_qty


def _answered(order: Order, answer: Answer, unit: Unit) -> Order:
    """Return the order after the venue's answer; an answer that a newer state has overtaken changes nothing."""
    update: dict[str, object] = {"lease_until": None, "told_qty": max(order.told_qty, answer.filled_qty)}
    if answer.broker_order_id:
        update["broker_order_id"] = answer.broker_order_id
    if answer.raw:
        update["raw"] = answer.raw
    try:
        return apply(order.model_copy(update=update), answer.evidence, unit.now, note=answer.note)
    except InvalidTransitionError:
        return order
