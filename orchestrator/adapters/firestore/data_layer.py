"""Firestore as the desk's store: one batched read, whole commits with compare-and-set, counted operations.

It refuses what Firestore would keep silently and the desk must not (NaN), and knows nothing of what the documents
mean.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from google.api_core import exceptions as google_errors
from google.api_core.datetime_helpers import DatetimeWithNanoseconds
from google.cloud import firestore
from google.cloud.firestore_v1.base_query import FieldFilter

from orchestrator.domain.codec import check_storable
from orchestrator.domain.errors import (
    AlreadyExistsError,
    ConcurrencyConflictError,
    StoreError,
    StoreUnavailableError,
)
from orchestrator.ports import Create, Put, Replace, Snapshot, Usage, Verify, Where, Write

_TIMEOUT_S = 20.0

_TRANSLATION: tuple[tuple[type[Exception], type[StoreError]], ...] = (
    (google_errors.AlreadyExists, AlreadyExistsError),
    (google_errors.FailedPrecondition, ConcurrencyConflictError),
    (google_errors.NotFound, ConcurrencyConflictError),
    (google_errors.Aborted, ConcurrencyConflictError),
    (google_errors.GoogleAPICallError, StoreUnavailableError),
    (google_errors.RetryError, StoreUnavailableError),
)

T = TypeVar("T")


class FirebaseDataLayer:
    """Documents by path in Cloud Firestore; fulfils `orchestrator.ports.Store`."""

    def __init__(self, client: firestore.Client) -> None:
        self._client = client
        self.usage = Usage()

    def get_many(self, paths: Sequence[str]) -> Mapping[str, Snapshot]:
        """Return the documents that exist, in one batched read."""
        self.usage.round_trips += 1
        self.usage.reads += len(paths)
        references = [self._client.document(path) for path in paths]
        found = _translated(lambda: list(self._client.get_all(references, timeout=_TIMEOUT_S)))
        return {snapshot.reference.path: _snapshot(snapshot) for snapshot in found if snapshot.exists}

    def commit(self, writes: Sequence[Write]) -> Mapping[str, str]:
        """Apply all writes or none; return the new version of each path.

        Raises
        ------
        AlreadyExistsError, ConcurrencyConflictError
            A precondition failed; nothing was written.
        MalformedDataError
            A value cannot be stored.
        StoreUnavailableError
            No answer: it may have been applied, and may be sent again.
        """
        batch = self._client.batch()
        for write in writes:
            self._add(batch, write)
        self.usage.round_trips += 1
        self.usage.writes += len(writes)
        results = _translated(lambda: batch.commit(timeout=_TIMEOUT_S))
        return {write.path: result.update_time.rfc3339() for write, result in zip(writes, results, strict=True)}

    def query(
        self, collection: str, where: Sequence[Where] = (), *, order_by: str | None = None, limit: int = 100
    ) -> Sequence[Snapshot]:
        """Return documents of a collection; `order_by` a field, with a leading `-` for descending."""
        query: Any = self._client.collection(collection)
        for condition in where:
            query = query.where(filter=FieldFilter(condition.field, condition.op, condition.value))
        if order_by is not None:
            direction = "DESCENDING" if order_by.startswith("-") else "ASCENDING"
            query = query.order_by(order_by.removeprefix("-"), direction=direction)
        self.usage.round_trips += 1
        found = _translated(lambda: list(query.limit(limit).stream(timeout=_TIMEOUT_S)))
        self.usage.reads += max(len(found), 1)
        return [_snapshot(snapshot) for snapshot in found]

    def _add(self, batch: firestore.WriteBatch, write: Write) -> None:
        reference = self._client.document(write.path)
        if isinstance(write, Verify):
            # A write that changes nothing leaves the update time alone; its precondition is what counts.
            batch.update(reference, {"schema": 1}, option=self._unchanged_since(write.version))
            return
        check_storable(write.data, write.path)
        if isinstance(write, Create):
            batch.create(reference, write.data)
        elif isinstance(write, Put):
            batch.set(reference, write.data)
        elif isinstance(write, Replace):
            # update() names every top-level field of the model, so nested maps are replaced whole.
            batch.update(reference, write.data, option=self._unchanged_since(write.version))

    def _unchanged_since(self, version: str) -> Any:
        moment = DatetimeWithNanoseconds.from_rfc3339(version)  # type: ignore[no-untyped-call]
        return self._client.write_option(last_update_time=moment.timestamp_pb())


def _snapshot(snapshot: Any) -> Snapshot:
    return Snapshot(snapshot.reference.path, snapshot.to_dict(), snapshot.update_time.rfc3339())


def _translated(call: Callable[[], T]) -> T:
    try:
        return call()
    except (google_errors.GoogleAPICallError, google_errors.RetryError) as error:
        for vendor, ours in _TRANSLATION:
            if isinstance(error, vendor):
                raise ours(f"Firestore: {error}") from error
        raise
