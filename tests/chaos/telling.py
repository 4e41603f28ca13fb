"""How people are told in a story: by triggers that come doubled, late, in any order or not at all, and by sweeps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from orchestrator.adapters.memory.notifier import MemoryNotifier
from orchestrator.adapters.memory.store import MemoryDataLayer
from orchestrator.domain.codec import decode
from orchestrator.domain.documents import EventDoc, NotificationDoc
from orchestrator.domain.errors import TradingError
from orchestrator.domain.events import DeskEvent
from orchestrator.domain.paths import notification_path
from orchestrator.notify import Channel, Outlets, notify
from orchestrator.ports import Notifier
from scripts.chaos.invariants import need
from tests.chaos.process import Killed, Process, ProcessStore, Witness

_ALL = 1_000_000


@dataclass(frozen=True, slots=True)
class _Line:
    """The channel as one process uses it, which may die before or after a message; fulfils `ports.Notifier`."""

    notifier: Notifier
    process: Process

    @property
    def name(self) -> str:
        return self.notifier.name

    def send(self, title: str, body: str, *, severity: str) -> None:
        self.process.reach("send")
        self.notifier.send(title, body, severity=severity)
        self.process.reach("sent")


@dataclass(slots=True)
class Telling:
    """The channel, and the events that triggers may still bring."""

    notifier: MemoryNotifier = field(default_factory=MemoryNotifier)
    created: list[DeskEvent] = field(default_factory=list)

    def notice(self, path: str, before: object, after: Mapping[str, Any]) -> None:
        """Keep an event that was created; a listener of the store."""
        if path.startswith("events/") and before is None:
            self.created.append(DeskEvent(id=path.partition("/")[2], doc=decode(EventDoc, after, where=path)))

    def outlets(self, process: Process) -> Outlets:
        """Return the ways out of a process: everything is told."""
        return Outlets(channels={"line": Channel(_Line(self.notifier, process), least="info")})

    def trigger(self, store: MemoryDataLayer, witness: Witness, event: DeskEvent, now: datetime, dies_at: int) -> None:
        """Deliver an event once more, in a process that may die of it."""
        process = Process(dies_at=dies_at)
        try:
            notify(ProcessStore(store, process, witness), [event], self.outlets(process), now)
        except (Killed, TradingError):
            return

    def check(self, store: MemoryDataLayer) -> None:
        """Check that everybody was told of everything, once, and where a process died at most twice."""
        every = store.query("events", limit=_ALL)
        told = store.get_many([notification_path(one.path.partition("/")[2]) for one in every])
        docs = [decode(NotificationDoc, one.data, where=one.path) for one in told.values()]
        need(len(docs) == len(every), f"{len(every)} events, {len(docs)} notifications")
        open_ones = [doc.event_id for doc in docs if not doc.settled]
        need(not open_ones, f"not told to the end: {open_ones[:3]}")
        self._check_messages(docs)

    def _check_messages(self, docs: list[NotificationDoc]) -> None:
        allowed: Counter[tuple[str, str]] = Counter()
        least: Counter[tuple[str, str]] = Counter()
        for doc in docs:
            line = doc.channels["line"]
            allowed[doc.title, doc.body] += 2 if line.unanswered else 1
            least[doc.title, doc.body] += line.state == "sent"
        sent = Counter((title, body) for title, body, _ in self.notifier.sent)
        need(not least - sent, f"told as sent and never sent: {list(least - sent)[:3]}")
        need(not sent - allowed, f"sent more often than a lost record explains: {list(sent - allowed)[:3]}")
