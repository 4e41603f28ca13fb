"""A store in memory with the behaviour of Firestore that the desk relies on: a shipped fake, not a mock.

It keeps only what Firestore can keep (a Decimal or NaN is refused), gives every write a new version, applies a
commit whole or not at all, and is safe to use from threads.
"""

from __future__ import annotations

import pickle
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
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


@dataclass(frozen=True)
class _Kept:
    """A document as it is kept: packed, to be handed out each time as a copy.

    Pickling plain values in memory is several times faster than copy.deepcopy.
    """

    path: str
    version: str
    packed: bytes

    @cached_property
    def seen(self) -> Json:
        """The data to look into; most of what is written nobody looks for."""
        return _unpacked(self.packed)

    def copy(self) -> Snapshot:
        """Return the document with data of its own."""
        return Snapshot(self.path, _unpacked(self.packed), self.version)


def _unpacked(packed: bytes) -> Json:
    data: Json = pickle.loads(packed)  # noqa: S301 - our own bytes
    return data


class MemoryDataLayer:
    """Documents by path, with compare-and-set; fulfils `orchestrator.ports.Store`."""

    def __init__(self) -> None:
        self.usage = Usage()
        self._documents: dict[str, _Kept] = {}
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

    def packed(self) -> Sequence[tuple[str, str, bytes]]:
        """Return path, version and pickled data of every document, by path: quicker to compare than copies."""
        with self._lock:
            kept = [self._documents[path] for path in sorted(self._documents)]
        return [(one.path, one.version, one.packed) for one in kept]

    def listen(self, listener: Listener) -> None:
        """Call `listener(path, before, after)` after every commit, once per written document."""
        self._listeners.append(listener)

    def get_many(self, paths: Sequence[str]) -> Mapping[str, Snapshot]:
        """Return the documents that exist."""
        with self._lock:
            self.usage.round_trips += 1
            self.usage.reads += len(paths)
            return {path: self._documents[path].copy() for path in paths if path in self._documents}

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
            for before, after in changes:
                listener(after.path, None if before is None else before.seen, after.copy().data)
        return versions

    def query(
        self, collection: str, where: Sequence[Where] = (), *, order_by: str | None = None, limit: int = 100
    ) -> Sequence[Snapshot]:
        """Return documents of a collection; a document without a compared field does not match."""
        with self._lock:
            self.usage.round_trips += 1
            inside = (self._documents[path] for path in self._collections.get(collection, ()))
            found = [kept for kept in inside if _matches(kept.seen, where)]
            found.sort(key=lambda kept: kept.path)
            if order_by is not None:
                field, descending = order_by.removeprefix("-"), order_by.startswith("-")
                found = [kept for kept in found if _field(kept.seen, field) is not None]
                found.sort(key=lambda kept: _field(kept.seen, field), reverse=descending)
            found = found[:limit]
            self.usage.reads += max(len(found), 1)
            return [kept.copy() for kept in found]

    def _check(self, write: Write) -> None:
        current = self._documents.get(write.path)
        if isinstance(write, Create) and current is not None:
            raise AlreadyExistsError(f"{write.path} exists")
        if isinstance(write, Replace | Verify) and (current is None or current.version != write.version):
            raise ConcurrencyConflictError(f"{write.path} changed since it was read")
        if not isinstance(write, Verify):
            check_storable(write.data, write.path)

    def _apply(self, write: Create | Put | Replace) -> tuple[_Kept | None, _Kept]:
        before = self._documents.get(write.path)
        self._clock += 1
        packed = pickle.dumps(write.data, pickle.HIGHEST_PROTOCOL)
        after = self._documents[write.path] = _Kept(write.path, f"{self._clock:012d}", packed)
        self._collections.setdefault(write.path.rpartition("/")[0], set()).add(write.path)
        return before, after


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
