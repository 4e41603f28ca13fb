"""The audit chain: who did what, each entry holding the hash of the one before it.

Entries are created and never written again; the number is part of the path, so of two writers that both want the next
one, one fails and reads anew. A changed or missing entry breaks every hash after it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from orchestrator.domain.codec import decode, encode
from orchestrator.domain.documents import AuditDoc
from orchestrator.domain.paths import audit_path
from orchestrator.ports import Create, Store

GENESIS = "0" * 64
"""What the first entry has for a previous hash."""


def digest(entry: AuditDoc) -> str:
    """Return the SHA-256 (hex) over everything an entry says, its own hash left out."""
    at = entry.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    said = [entry.n, entry.who, entry.action, dict(entry.detail), at, entry.previous_hash]
    text = json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def entry_after(head: AuditDoc | None, *, who: str, action: str, detail: Mapping[str, str], at: datetime) -> AuditDoc:
    """Return the entry that follows `head` (None = the chain is empty)."""
    n, previous = (1, GENESIS) if head is None else (head.n + 1, head.hash)
    entry = AuditDoc(n=n, who=who, action=action, detail=dict(detail), at=at, previous_hash=previous, hash="")
    return entry.model_copy(update={"hash": digest(entry)})


def head(store: Store) -> AuditDoc | None:
    """Return the newest entry of the chain, None while it is empty."""
    newest = store.query("audit", order_by="-n", limit=1)
    return decode(AuditDoc, newest[0].data, where=newest[0].path) if newest else None


def appended(store: Store, *, who: str, action: str, detail: Mapping[str, str], at: datetime) -> Create:
    """Return the write that appends to the chain; commit it together with what it tells of.

    The commit raises AlreadyExistsError when somebody else took the number: read and decide again.
    """
    entry = entry_after(head(store), who=who, action=action, detail=detail, at=at)
    return Create(audit_path(entry.n), encode(entry))


def first_fault(entries: Sequence[AuditDoc]) -> int | None:
    """Return the number of the first entry that does not fit the chain, None if all do.

    Parameters
    ----------
    entries
        The whole chain, from number 1 on.
    """
    previous = GENESIS
    for n, entry in enumerate(entries, start=1):
        if entry.n != n or entry.previous_hash != previous or entry.hash != digest(entry):
            return n
        previous = entry.hash
    return None
