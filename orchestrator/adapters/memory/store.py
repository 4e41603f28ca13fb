"""A store in memory with the behaviour of Firestore that the desk relies on: a shipped fake, not a mock.

It keeps only what Firestore can keep (a Decimal or NaN is refused), gives every write a new version, applies a
commit whole or not at all, and is safe to use from threads.
"""

from __future__ import annotations

import pickle
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from orchestrator.domain.codec import check_storable
from orchestrator.domain.errors import AlreadyExistsError, ConcurrencyConflictError
from orchestrator.ports import Create, Json, Put, Replace, Snapshot, Usage, Verify, Where, Write

Listener = Callable[[str, "Json | None", Json], None]

_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "==": lambda left, right: left == right,
    "<": lambda left, right: left < right,
    "<=": lambda left, right: left <= right,
    ">": lambda left, right: left > right,
    ">=": lambda left, right: left >= right,
    "in": lambda left, right: left in right,
}


class MemoryDataLayer:
    """Documents by path, with compare-and-set; fulfils `orchestrator.ports.Store`."""

    def __init__(self) -> None:
        self.usage = Usage()
        self._documents: dict[str, Snapshot] = {}
        self._collections: dict[str, set[str]] = {}
        self._clock = 0
        self._lock = threading.RLock()
        self._listeners: list[Listener] = []

    def forked(self) -> MemoryDataLayer:
        """Return a store of its own with the same documents and no listeners."""
        twin = MemoryDataLayer()
        with self._lock:
            twin._documents = dict(self._documents)
            twin._collections = {name: set(paths) for name, paths in self._collections.items()}
            twin._clock = self._clock
        return twin

    def listen(self, listener: Listener) -> None:
        """Call `listener(path, before, after)` after every commit, once per written document."""
        self._listeners.append(listener)

    def get_many(self, paths: Sequence[str]) -> Mapping[str, Snapshot]:
        """Return the documents that exist."""
        with self._lock:
            self.usage.round_trips += 1
            self.usage.reads += len(paths)
            return {path: _own_copy(self._documents[path]) for path in paths if path in self._documents}

    def commit(self, writes: Sequence[Write]) -> Mapping[str, str]:
        """Apply all writes or none; return the new version of each path.

        Raises
        ------
        AlreadyExistsError, ConcurrencyConflictError
            A precondition failed; nothing was written.
        MalformedDataError
            A value cannot be stored.
        """
        with self._lock:
            self.usage.round_trips += 1
            for write in writes:
                self._check(write)
            changes = [self._apply(write) for write in writes if not isinstance(write, Verify)]
            self.usage.writes += len(writes)
            versions = {write.path: self._documents[write.path].version for write in writes}
        for listener in self._listeners:
            for path, before, after in changes:
                listener(path, before, _copy(after))
        return versions

    def query(
        self, collection: str, where: Sequence[Where] = (), *, order_by: str | None = None, limit: int = 100
    ) -> Sequence[Snapshot]:
        """Return documents of a collection; a document without a compared field does not match."""
        with self._lock:
            self.usage.round_trips += 1
            inside = (self._documents[path] for path in self._collections.get(collection, ()))
            found = [snapshot for snapshot in inside if _matches(snapshot.data, where)]
            found.sort(key=lambda snapshot: snapshot.path)
            if order_by is not None:
                field, descending = order_by.removeprefix("-"), order_by.startswith("-")
                found = [snapshot for snapshot in found if _field(snapshot.data, field) is not None]
                found.sort(key=lambda snapshot: _field(snapshot.data, field), reverse=descending)
            found = found[:limit]
            self.usage.reads += max(len(found), 1)
            return [_own_copy(snapshot) for snapshot in found]

    def _check(self, write: Write) -> None:
        current = self._documents.get(write.path)
        if isinstance(write, Create) and current is not None:
            raise AlreadyExistsError(f"{write.path} exists")
        if isinstance(write, Replace | Verify) and (current is None or current.version != write.version):
            raise ConcurrencyConflictError(f"{write.path} changed since it was read")
        if not isinstance(write, Verify):
            check_storable(write.data, write.path)

    def _apply(self, write: Create | Put | Replace) -> tuple[str, Json | None, Json]:
        before = self._documents.get(write.path)
        self._clock += 1
        self._documents[write.path] = Snapshot(write.path, _copy(write.data), f"{self._clock:012d}")
        self._collections.setdefault(write.path.rpartition("/")[0], set()).add(write.path)
        return write.path, None if before is None else before.data, write.data


def _copy(data: Json) -> Json:
    """Return a deep copy; pickling plain values in memory is several times faster than copy.deepcopy."""
    copied: Json = pickle.loads(pickle.dumps(data, pickle.HIGHEST_PROTOCOL))  # noqa: S301 - our own bytes
    return copied


def _own_copy(snapshot: Snapshot) -> Snapshot:
    return Snapshot(snapshot.path, _copy(snapshot.data), snapshot.version)


def _field(data: Json, dotted: str) -> Any:
    value: Any = data
    for name in dotted.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _matches(data: Json, where: Sequence[Where]) -> bool:
    for condition in where:
        value = _field(data, condition.field)
        if value is None or not _COMPARE[condition.op](value, condition.value):
            return False
    return True
