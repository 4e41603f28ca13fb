"""What goes wrong in a storm: faults at the venue, workers killed, events told again, an owner who changes their mind.

Everything is drawn from one seeded source, so that a storm can be repeated as far as processes allow.
"""

from __future__ import annotations

import os
import random
import signal
import threading
import urllib.request
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from orchestrator.commands import CONSOLE
from orchestrator.domain.codec import encode
from orchestrator.domain.documents import CommandDoc, CommandKind
from orchestrator.domain.paths import command_path
from orchestrator.ports import Create, Snapshot, Store
from scripts.chaos.ledger import post
from scripts.cloud_events import deliver
from scripts.suite import Suite

_TOLD = "/v2/orders|/v2/positions|/v2/account|OpenOrders|ClosedOrders|TradesHistory|Balance"
_NONSENSE = ("null", "text", "negative", "absurd", "missing", "unknown_state")
_SENSELESS: tuple[dict[str, object], ...] = tuple(
    {"kind": "malformed", "how": how, "match": {"path": _TOLD}} for how in _NONSENSE
)
_SENDING = {"method": "POST", "path": "/v2/orders$|AddOrder$"}
_LISTS = {"path": "/v2/orders$|(Open|Closed)Orders$"}
_FILLS = {"path": "activities$|TradesHistory$"}
_HELD = {"path": "positions$|BalanceEx$"}
_PRICES = {"path": "quotes/latest$|snapshots|Ticker$"}

FAULTS: tuple[dict[str, object], ...] = (
    {"kind": "http_429"},
    {"kind": "http_5xx", "status": 504},
    {"kind": "timeout_before"},
    {"kind": "timeout_after"},
    {"kind": "timeout_after", "match": _SENDING},
    {"kind": "http_5xx", "status": 504, "match": _SENDING},
    {"kind": "duplicate_refused", "match": _SENDING},
    {"kind": "partial_fill", "match": _SENDING},
    {"kind": "late_fill", "moments": 3, "match": _SENDING},
    {"kind": "malformed", "how": "null", "match": _SENDING},
    {"kind": "malformed", "how": "unknown_state", "match": _LISTS},
    {"kind": "malformed", "how": "text", "match": _LISTS},
    {"kind": "malformed", "how": "negative", "match": _FILLS},
    {"kind": "malformed", "how": "null", "match": _FILLS},
    {"kind": "malformed", "how": "negative", "match": _HELD},
    {"kind": "malformed", "how": "missing", "match": _HELD},
    {"kind": "malformed", "how": "null", "field": "cash", "match": {"path": "/v2/account$"}},
    {"kind": "malformed", "how": "text", "match": _PRICES},
    *_SENSELESS,
    {"kind": "stale_open_orders", "age_seconds": 90, "match": _LISTS},
    {"kind": "late_history", "age_seconds": 240, "match": _FILLS},
    {"kind": "duplicate_rows", "match": _FILLS},
    {"kind": "duplicate_rows", "match": _LISTS},
    {"kind": "stale_quote"},
    {"kind": "one_sided_quote", "match": _PRICES},
)
"""What the venue is told to do, one of these at a time."""

COMMANDS = (CommandKind.HALT, CommandKind.RESUME, CommandKind.REDUCE, CommandKind.RESUME, CommandKind.RESUME)

_TRIGGERS = {"orders": "on_order_written", "events": "on_event_created", "commands": "on_command_created"}
_NEWEST = {"orders": "-updated_at", "events": "-at", "commands": "-created_at"}


class Storm:
    """Lets things go wrong between and during the runs of functions; counts what it did.

    Parameters
    ----------
    emulators, venue_url, store
        What is stormed.
    seed
        Of everything that is drawn.
    """

    def __init__(self, emulators: Suite, venue_url: str, store: Store, *, seed: int) -> None:
        self._emulators, self._venue_url, self._store = emulators, venue_url, store
        self._chance = random.Random(seed)
        self.done: Counter[str] = Counter()
        self.refused: list[str] = []
        """Events that a function did not take; the platform would deliver them again."""

    def blow(self) -> None:
        """Let some of it happen, now or while the functions that are fired next are running."""
        if self._chance.random() < 0.5:
            fault = self._chance.choice(FAULTS)
            post(f"{self._venue_url}/venue/faults", {**fault, "times": self._chance.choice((1, 1, 2))})
            self.done[" ".join(str(fault[word]) for word in ("kind", "how") if word in fault)] += 1
        if self._chance.random() < 0.2:
            self.strike()
        if self._chance.random() < 0.15:
            self._command()
        if self._chance.random() < 0.25:
            self._tell_again()

    def strike(self) -> None:
        """Kill a worker within the next moments."""
        threading.Timer(self._chance.uniform(0.0, 0.8), self._kill, [self._chance.random()]).start()

    def calm(self) -> None:
        """Take back the faults that have not struck yet."""
        request = urllib.request.Request(f"{self._venue_url}/venue/faults", method="DELETE")
        with urllib.request.urlopen(request, timeout=30):
            return

    def command(self, kind: CommandKind, **args: str) -> None:
        """Ask the desk for something as the owner at the console."""
        self.done[f"command {kind.value}"] += 1
        now = datetime.now(UTC)
        doc = CommandDoc(kind=kind, by=CONSOLE, role="owner", args=args, reason="the storm", created_at=now)
        path = command_path(f"storm-{sum(self.done.values())}-{kind.value}")
        self._store.commit([Create(path, encode(doc))])

    def _command(self) -> None:
        kind = self._chance.choice(COMMANDS)
        args = {"accept_loss": "yes"} if kind is CommandKind.RESUME else {}
        self.command(kind, **args)

    def _kill(self, choice: float) -> None:
        """Kill one of the functions' workers, whatever it is doing."""
        found = workers(self._emulators.process.pid)
        if found:
            try:
                os.kill(found[int(choice * len(found))], signal.SIGKILL)
            except ProcessLookupError:
                return
            self.done["workers killed"] += 1

    def _tell_again(self) -> None:
        """Deliver the events of a few documents twice more, in any order."""
        collection = self._chance.choice(tuple(_TRIGGERS))
        found = list(self._store.query(collection, order_by=_NEWEST[collection], limit=10))
        self._chance.shuffle(found)
        for snapshot in found[:2] * 2:
            self._tell(_TRIGGERS[collection], snapshot)

    def _tell(self, function: str, snapshot: Snapshot) -> None:
        moment = datetime.now(UTC) - timedelta(seconds=self._chance.uniform(0, 120))
        try:
            deliver(self._emulators, function, snapshot.path, dict(snapshot.data), moment=moment)
        except OSError as error:
            self.refused.append(f"{function} {snapshot.path}: {error}")
        self.done["events told again"] += 1


def workers(root: int) -> list[int]:
    """Return the processes below `root` that run functions."""
    return [
        pid
        for pid in below(root)
        if "functions_framework" in _command_of(pid) or "functions-framework" in _command_of(pid)
    ]


def below(root: int) -> Iterator[int]:
    """Yield the descendants of a process."""
    parents: dict[int, list[int]] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                stat = (folder / "stat").read_text(encoding="utf-8")
            except OSError:
                continue
            parents.setdefault(int(stat.rpartition(")")[2].split()[1]), []).append(int(folder.name))
    waiting = [root]
    while waiting:
        for child in parents.get(waiting.pop(), []):
            yield child
            waiting.append(child)


def _command_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
    except OSError:
        return ""
