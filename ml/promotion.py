"""Stores a candidate as a version and, if it has proved better, makes it what trades: one commit, all or nothing.

Versions are created and never written again. Activation compares and sets `parameters/{module}`: if anybody changed it
since the candidate was compared with it, nothing is activated.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from orchestrator.domain.base import ModuleName
from orchestrator.domain.codec import decode, encode
from orchestrator.domain.documents import (
    EventDoc,
    EventKind,
    ParametersDoc,
    event_path,
    parameters_path,
    parameters_version_path,
)
from orchestrator.domain.errors import AlreadyExistsError, ConcurrencyConflictError, ConfigurationError
from orchestrator.ports import Create, Put, Replace, Store, Write

WHO = "tuning"
NOBODY = "nobody: rejected by tuning"
"""`activated_by` of a version that never traded; its `activated_at` is when it was rejected."""
_ATTEMPTS = 5
_PROBE = 50


class Audited(Protocol):
    """Returns the write that appends to the audit chain."""

    def __call__(self, store: Store, *, who: str, action: str, detail: Mapping[str, str], at: datetime) -> Create:
        """Return the write; its commit raises AlreadyExistsError when somebody else took the number."""


@dataclass(frozen=True, slots=True)
class Champion:
    """What trades now, and the store's token of it."""

    doc: ParametersDoc
    token: str


@dataclass(frozen=True, slots=True)
class Candidate:
    """What is to be stored as a version; `text` is what people are told."""

    values: dict[str, Any]
    provenance: dict[str, Any]
    better: bool
    text: str


def champion_of(store: Store, module: ModuleName) -> Champion:
    """Return what trades now.

    Raises
    ------
    ConfigurationError
        The module has no parameters.
    MalformedDataError
        They are damaged.
    """
    path = parameters_path(module)
    found = store.get_many([path])
    if path not in found:
        raise ConfigurationError(f"{path} is missing: set the desk up with `desk doctor --seed`")
    return Champion(decode(ParametersDoc, found[path].data, where=path), found[path].version)


def versions_from(store: Store, module: ModuleName, first: int) -> list[ParametersDoc]:
    """Return the versions from number `first` on, in order; they have no gaps."""
    versions: list[ParametersDoc] = []
    while True:
        start = first + len(versions)
        paths = [parameters_version_path(module, n) for n in range(start, start + _PROBE)]
        found = store.get_many(paths)
        known = [path for path in paths if path in found]
        versions += [decode(ParametersDoc, found[path].data, where=path) for path in known]
        if len(known) < _PROBE:
            return versions


def of_slot(store: Store, champion: Champion, slot: str) -> ParametersDoc | None:
    """Return the version that this slot has written already, None if it has not."""
    doc = champion.doc
    known = [doc, *versions_from(store, doc.module, doc.version + 1)]
    return next((version for version in known if version.provenance.get("slot") == slot), None)


def promote(store: Store, champion: Champion, candidate: Candidate, *, now: datetime, audited: Audited) -> int:
    """Store a candidate as the next version, activate it if it is better, and return its number.

    Raises
    ------
    ConcurrencyConflictError
        What trades changed since the candidate was compared with it: nothing was written.
    AlreadyExistsError
        Others kept taking the next number; nothing was written.
    """
    module = champion.doc.module
    for last in (*[False] * (_ATTEMPTS - 1), True):
        if champion_of(store, module).token != champion.token:
            raise ConcurrencyConflictError(
                f"{parameters_path(module)} changed while the job ran: nothing is activated, the next run compares anew"
            )
        number = champion.doc.version + 1 + len(versions_from(store, module, champion.doc.version + 1))
        version = ParametersDoc(
            module=module,
            version=number,
            values=candidate.values,
            activated_at=now,
            activated_by=WHO if candidate.better else NOBODY,
            provenance=candidate.provenance,
        )
        try:
            store.commit(_writes(store, champion, candidate, version, audited=audited))
        except (AlreadyExistsError, ConcurrencyConflictError):
            if last:
                raise
        else:
            break
    return number


def _writes(
    store: Store, champion: Champion, candidate: Candidate, version: ParametersDoc, *, audited: Audited
) -> list[Write]:
    module, number, at = version.module, version.version, version.activated_at
    did = "activated" if candidate.better else "rejected"
    stored = encode(version)
    event = EventDoc(
        kind=EventKind.PARAMETERS_ACTIVATED if candidate.better else EventKind.PARAMETERS_REJECTED,
        module=module,
        subject=f"{module}/{number}",
        text=f"Parameters v{number} of {module}: {candidate.text}",
        data={"version": number, "champion": champion.doc.version, "verdict": did},
        at=at,
    )
    detail = {
        "module": module.value,
        "version": str(number),
        "champion": str(champion.doc.version),
        "reason": candidate.text,
    }
    writes: list[Write] = [
        Create(parameters_version_path(module, number), stored),
        audited(store, who=WHO, action=f"parameters_{did}", detail=detail, at=at),
        Put(event_path(f"parameters_{module}_{number}_{did}"), encode(event)),
    ]
    if candidate.better:
        writes.append(Replace(parameters_path(module), stored, champion.token))
    return writes
