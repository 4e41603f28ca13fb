"""Triggers that are doubled, reordered or lost leave the same documents as triggers that all come once, in order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.adapters.memory.notifier import MemoryNotifier, MemoryRunner
from orchestrator.adapters.memory.store import MemoryDataLayer
from orchestrator.audit import first_fault
from orchestrator.commands import execute
from orchestrator.domain.codec import decode, encode
from orchestrator.domain.curve import thinned
from orchestrator.domain.documents import AuditDoc, CommandKind, EquityPoint, EventDoc
from orchestrator.domain.events import DeskEvent
from orchestrator.domain.orders import Evidence, Order, plan
from orchestrator.domain.risk import DeskState
from orchestrator.notify import Channel, Outlets, notify
from orchestrator.posttrade import STRICTNESS, on_order_written
from orchestrator.sweep import Surroundings, sweep
from tests.watched_desk import (
    NOW,
    brake,
    documents,
    intent,
    life,
    lose,
    new_desk,
    put_command,
    put_order,
    put_state,
    put_user,
    stored,
)

END = NOW + timedelta(minutes=3)
SENT, TAKEN, LOST = Evidence.SUBMIT_STARTED, Evidence.ACKNOWLEDGED, Evidence.ANSWER_LOST

LIVES: Sequence[tuple[Evidence | int, ...]] = (
    (SENT,),
    (SENT, TAKEN),
    (SENT, TAKEN, 10),
    (SENT, TAKEN, 3, 3, 4),
    (SENT, Evidence.REFUSED),
    (SENT, LOST),
    (SENT, LOST, TAKEN, 10),
    (SENT, LOST, Evidence.NOT_FOUND, SENT, LOST, 10),
    (SENT, TAKEN, 2, Evidence.CANCEL_CONFIRMED),
    (SENT, TAKEN, Evidence.EXPIRY_CONFIRMED),
)


def histories(chosen: Sequence[tuple[Evidence | int, ...]]) -> list[list[Order]]:
    return [life(plan(intent(number), NOW), *steps) for number, steps in enumerate(chosen)]


def desk_with(orders: Sequence[list[Order]], loss: int) -> MemoryDataLayer:
    """The desk after everything has happened: only the triggers are still to come."""
    store = new_desk()
    assert isinstance(store, MemoryDataLayer)
    lose(store, loss)
    for order in orders:
        put_order(store, order[-1])
    return store


def tell(store: MemoryDataLayer, outlets: Outlets, names: Sequence[str]) -> None:
    """Deliver the triggers of some events that exist by now."""
    existing = documents(store, "events")
    events = [
        DeskEvent(id=path.removeprefix("events/"), doc=decode(EventDoc, existing[path], where=path))
        for path in names
        if path in existing
    ]
    for event in events:
        notify(store, [event], outlets, END)


def told(store: MemoryDataLayer) -> Mapping[str, Any]:
    return documents(store, "events", "notifications", "desk", "equity")


@settings(max_examples=60)
@given(data=st.data(), chosen=st.lists(st.sampled_from(LIVES), min_size=1, max_size=4))
def test_lost_doubled_and_reordered_triggers_tell_the_same(
    data: st.DataObject, chosen: list[tuple[Evidence | int, ...]]
) -> None:
    orders = histories(chosen)
    ideal, ideal_mail = desk_with(orders, 0), MemoryNotifier("mail")
    ideal_outlets = Outlets(channels={"mail": Channel(ideal_mail, "info")})
    for history in orders:
        for order in history:
            on_order_written(ideal, stored(order), END)
    tell(ideal, ideal_outlets, list(documents(ideal, "events")))
    sweep(ideal, END, Surroundings(outlets=ideal_outlets))

    real, mail = desk_with(orders, 0), MemoryNotifier("mail")
    outlets = Outlets(channels={"mail": Channel(mail, "info")})
    every = [order for history in orders for order in history]
    for order in data.draw(st.lists(st.sampled_from(every), max_size=2 * len(every)), label="order triggers"):
        on_order_written(real, stored(order), END)
        tell(
            real,
            outlets,
            data.draw(st.lists(st.sampled_from(sorted(documents(real, "events")) or ["none"]), max_size=2)),
        )
    for _ in range(data.draw(st.integers(1, 3), label="sweeps")):
        sweep(real, END, Surroundings(outlets=outlets))

    assert told(real) == told(ideal)
    assert sorted(mail.sent) == sorted(ideal_mail.sent)


@settings(max_examples=60)
@given(
    loss=st.integers(-5_000, 30_000),
    before=st.sampled_from(list(DeskState)),
    triggers=st.lists(st.integers(0, 5), max_size=4),
)
def test_the_brake_ends_the_same_and_is_told_once(loss: int, before: DeskState, triggers: list[int]) -> None:
    (history,) = histories([LIVES[2]])
    ends = []
    for late in (triggers, []):
        store = desk_with([history], loss)
        put_state(store, before)
        for seconds in late:
            on_order_written(store, stored(history[-1]), NOW + timedelta(seconds=seconds))
        sweep(store, END)
        changes = [path for path, event in documents(store, "events").items() if event["kind"] == "state_changed"]
        ends.append((brake(store), changes))
    assert ends[0] == ends[1]
    assert STRICTNESS[ends[0][0]] >= STRICTNESS[before]
    # A loss limit that is reached is told, also of a desk that was strict enough already.
    assert len(ends[0][1]) == (ends[0][0] is not before or loss >= 3_000)


@settings(max_examples=60)
@given(
    kinds=st.lists(st.sampled_from([*CommandKind]), min_size=1, max_size=4),
    deliveries=st.lists(st.integers(0, 3), max_size=8),
    sweeps=st.integers(1, 2),
)
def test_every_command_is_done_audited_and_told_once(
    kinds: list[CommandKind], deliveries: list[int], sweeps: int
) -> None:
    store = new_desk()
    assert isinstance(store, MemoryDataLayer)
    put_user(store, "olga", role="owner")
    runner = MemoryRunner()
    ids = [
        put_command(store, kind, command_id=f"c{number}", args={"module": "stocks"})
        for number, kind in enumerate(kinds)
    ]
    for number in deliveries:
        execute(store, ids[number % len(ids)], NOW, runner=runner)
    for _ in range(sweeps):
        sweep(store, END, Surroundings(runner=runner))
    entries = [decode(AuditDoc, data, where=path) for path, data in documents(store, "audit").items()]
    entries.sort(key=lambda entry: entry.n)
    assert first_fault(entries) is None
    assert sorted(entry.detail["command"] for entry in entries) == ids
    assert {command["status"] for command in documents(store, "commands").values()} <= {"done", "refused"}
    assert len(runner.fired) == kinds.count(CommandKind.RUN)
    answers = [path for path, event in documents(store, "events").items() if event["kind"] == "command_executed"]
    assert len(answers) == len(ids)


@given(
    minutes=st.lists(st.integers(0, 60 * 24 * 5), min_size=1, max_size=80, unique=True).map(sorted),
    cut=st.integers(0, 80),
)
def test_a_curve_is_the_same_however_it_was_thinned(minutes: list[int], cut: int) -> None:
    points = [encode(EquityPoint(at=NOW + timedelta(minutes=minute), equity=Decimal(minute))) for minute in minutes]
    curve = thinned(points)
    assert thinned(curve) == curve
    assert thinned([*thinned(points[:cut]), *points[cut:]]) == curve
    assert curve[-1] == points[-1]
    assert [point["at"] for point in curve] == sorted({point["at"] for point in curve})
