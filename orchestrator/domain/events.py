"""Domain events: what is worth telling, with ids derived from what happened.

The same history yields the same events, whoever looks, however often and in whatever order; the events of an order
are read from its transitions, so one that was missed in passing is found later. Nothing is stored here. What a
cycle sees for itself (closed positions, drift) it tells itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Literal

from orchestrator.domain.base import ModuleName, Value, slot_id, utc_day
from orchestrator.domain.documents import CommandDoc, DeskStateDoc, EventDoc, EventKind
from orchestrator.domain.orders import Order, OrderState, Transition
from orchestrator.domain.reduction import Breach, Cut
from orchestrator.domain.risk import DeskState

Severity = Literal["info", "warning", "critical"]


class DeskEvent(Value):
    """An event with its id."""

    id: str
    doc: EventDoc


def usd(value: Decimal) -> str:
    """Return an amount as a person writes it: `-$1,234.50`."""
    return f"{'-' if value < 0 else ''}${abs(value):,.2f}"


def number(value: Decimal) -> str:
    """Return a number without trailing zeros, at most eight decimals."""
    text = f"{value:.8f}".rstrip("0").rstrip(".")
    return "0" if text in {"-0", ""} else text


def order_events(order: Order) -> tuple[DeskEvent, ...]:
    """Return every event in the history of an order: filled (also in part), rejected, unknown."""
    return tuple(_order_events(order))


def _order_events(order: Order) -> Iterator[DeskEvent]:
    seen: Counter[OrderState] = Counter()
    for step in order.history:
        seen[step.state] += 1
        kind = _order_kind(step.state, partly=seen[OrderState.PARTIALLY_FILLED] > 0)
        if kind is None:
            continue
        severity, text = _order_text(order, step)
        doc = EventDoc(
            kind=kind,
            module=order.intent.module,
            subject=order.id,
            severity=severity,
            text=text,
            data={"symbol": order.intent.symbol, "strategy": order.intent.strategy, "state": step.state.value},
            at=step.at,
        )
        yield DeskEvent(id=f"order-{order.id}-{step.state.lower()}-{seen[step.state]}", doc=doc)


def _order_kind(state: OrderState, *, partly: bool) -> EventKind | None:
    if state is OrderState.FILLED or (partly and state in {OrderState.CANCELLED, OrderState.EXPIRED}):
        return EventKind.ORDER_FILLED
    return {
        OrderState.REJECTED: EventKind.ORDER_REJECTED,
        OrderState.UNKNOWN: EventKind.ORDER_UNKNOWN,
    }.get(state)


def _order_text(order: Order, step: Transition) -> tuple[Severity, str]:
    intent = order.intent
    what = f"{intent.side} {number(intent.qty)} {intent.symbol} ({intent.strategy})"
    if step.state is OrderState.REJECTED:
        return "warning", f"The venue refused to {what}: {step.note or 'it gave no reason'}."
    if step.state is OrderState.UNKNOWN:
        return "warning", f"Nobody knows yet whether the venue took the order to {what}; the desk is looking it up."
    done = f"{'Bought' if intent.side.sign > 0 else 'Sold'} {number(order.filled_qty)} {intent.symbol}"
    price = "" if order.avg_px is None else f" at {number(order.avg_px)}"
    rest = (
        ""
        if step.state is OrderState.FILLED
        else f", of {number(intent.qty)} wanted; the rest was {step.state.lower()}"
    )
    return "info", f"{done}{price}{rest} ({intent.strategy}, {intent.purpose})."


def unknown_too_long(order: Order, now: datetime) -> DeskEvent:
    """Return the event that asks a person to look at the venue: the order has been UNKNOWN for too long."""
    episode = sum(1 for step in order.history if step.state is OrderState.UNKNOWN)
    intent = order.intent
    text = (
        f"Order {order.id} to {intent.side} {number(intent.qty)} {intent.symbol} is still unknown. "
        f"Look for it at the venue; no new {intent.symbol} order is sent until it is found."
    )
    doc = EventDoc(
        kind=EventKind.ORDER_UNKNOWN,
        module=intent.module,
        subject=order.id,
        severity="critical",
        text=text,
        data={"symbol": intent.symbol, "strategy": intent.strategy, "state": order.state.value},
        at=now,
    )
    return DeskEvent(id=f"order-{order.id}-unknown-{episode}-aged", doc=doc)


def state_changed(before: DeskStateDoc | None, after: DeskStateDoc) -> DeskEvent:
    """Return the event of a changed desk state; its id names the state that was left."""
    left = "start" if before is None else slot_id(before.changed_at)
    advice = {
        DeskState.ACTIVE: "The desk trades again.",
        DeskState.REDUCING: "Only orders that lower exposure are sent until the owner resumes.",
        DeskState.HALTED: "Nothing is sent until the owner resumes.",
    }[after.state]
    if after.flatten:
        advice = "Everything it holds is closed; nothing else is sent until the owner resumes."
    doc = EventDoc(
        kind=EventKind.STATE_CHANGED,
        subject=after.state.value,
        severity="info" if after.state is DeskState.ACTIVE else "critical",
        text=f"The desk is {after.state} (by {after.by}): {after.reason}. {advice}",
        data={
            "from": "" if before is None else before.state.value,
            "to": after.state.value,
            "by": after.by,
            "flatten": after.flatten,
        },
        at=after.changed_at,
    )
    return DeskEvent(id=f"state-{after.state.lower()}-after-{left}", doc=doc)


def flatten_open(state: DeskStateDoc, left: Sequence[str], now: datetime) -> DeskEvent:
    """Return the event of a flatten that is not over yet; once for each UTC day."""
    held = ", ".join(left) or "orders that have not ended"
    doc = EventDoc(
        kind=EventKind.STATE_CHANGED,
        subject=state.state.value,
        severity="warning",
        text=f"Not everything is closed yet: {held}. The desk goes on trying, when the markets are open.",
        data={"left": list(left)},
        at=now,
    )
    return DeskEvent(id=f"flatten-open-{slot_id(state.changed_at)}-{utc_day(now):%Y%m%d}", doc=doc)


def limit_breached(breach: Breach) -> DeskEvent:
    """Return the event of a limit that holdings have grown past; once per breach."""
    observed, limit = breach.observed_usd, breach.limit_usd
    doc = EventDoc(
        kind=EventKind.LIMIT_BREACHED,
        subject=breach.subject,
        severity="warning",
        text=f"{breach.subject}: {breach.name} is {usd(observed)}, the limit is {usd(limit)}. "
        "Nothing is added to it for now.",
        data={"limit": number(limit), "observed": number(observed), "name": breach.name},
        at=breach.since,
    )
    return DeskEvent(id=_breach_id(breach), doc=doc)


def limit_kept(breach: Breach, now: datetime) -> DeskEvent:
    """Return the event of holdings that are back under a limit; once per breach."""
    doc = EventDoc(
        kind=EventKind.LIMIT_KEPT,
        subject=breach.subject,
        severity="info",
        text=f"{breach.subject}: {breach.name} is back under its limit.",
        data={"name": breach.name},
        at=now,
    )
    return DeskEvent(id=f"{_breach_id(breach)}-over", doc=doc)


def _breach_id(breach: Breach) -> str:
    return f"limit-{_safe(breach.name)}-{_safe(breach.subject)}-{slot_id(breach.since)}"


def reduction_planned(number_: int, cuts: Sequence[Cut], now: datetime) -> DeskEvent:
    """Return the event of a plan that cuts holdings back; its id is the plan's number."""
    rows = ", ".join(f"{cut.symbol} from {number(cut.units)} to {number(cut.keep)} ({cut.module})" for cut in cuts)
    doc = EventDoc(
        kind=EventKind.REDUCTION_PLANNED,
        subject=str(number_),
        severity="warning",
        text=f"Holdings have outgrown their limits and are cut back: {rows}.",
        data={"cuts": len(cuts)},
        at=now,
    )
    return DeskEvent(id=f"reduction-{number_}", doc=doc)


def heartbeat_stale(module: ModuleName, last_slot: datetime, now: datetime) -> DeskEvent:
    """Return the event of a module that has stopped running; once per silence."""
    minutes = int((now - last_slot).total_seconds() // 60)
    doc = EventDoc(
        kind=EventKind.HEARTBEAT_STALE,
        module=module,
        subject=module.value,
        severity="critical",
        text=f"{module} has not run for {minutes} minutes. Look at the logs of {module}_cycle.",
        data={"last_slot": last_slot},
        at=now,
    )
    return DeskEvent(id=f"heartbeat-{module}-{slot_id(last_slot)}", doc=doc)


def command_answered(command_id: str, command: CommandDoc) -> DeskEvent:
    """Return the event of a command that has its answer."""
    result = command.result
    message, at = ("no answer", command.created_at) if result is None else (result.message, result.at)
    doc = EventDoc(
        kind=EventKind.COMMAND_EXECUTED,
        subject=command_id,
        severity="info" if command.status == "done" else "warning",
        text=f"{command.kind} by {command.by}: {message}",
        data={"kind": command.kind.value, "status": command.status},
        at=at,
    )
    return DeskEvent(id=f"command-{command_id}", doc=doc)


def _safe(text: str) -> str:
    """Return text that may be part of a document id."""
    return text.replace("/", "_").replace(" ", "_")
