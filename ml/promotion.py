"""Stores a candidate as a version and, if it has proved better, lets it be tried: one commit, all or nothing.

Where the module's cycles run, a better candidate begins as a shadow (`orchestrator.domain.experiments`). A module
that has never run has nothing that it could be compared with in the same cycles: there it trades at once.

Versions are created and never written again. Activation compares and sets `parameters/{module}`: if anybody changed it
since the candidate was compared with it, nothing is activated.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from orchestrator.domain.base import ModuleName
from orchestrator.domain.codec import decode, encode
from orchestrator.domain.documents import (
    BookDoc,
    EventDoc,
    EventKind,
    ExperimentDoc,
    ParametersDoc,
    book_path,
    event_path,
    experiment_path,
    parameters_path,
    parameters_version_path,
)
from orchestrator.domain.errors import AlreadyExistsError, ConcurrencyConflictError, ConfigurationError
from orchestrator.domain.experiments import begun
from orchestrator.domain.trial import Stage
from orchestrator.ports import Create, Put, Replace, Snapshot, Store, Verify, Write

WHO = "tuning"
NOBODY = "nobody: rejected by tuning"
"""`activated_by` of a version that never traded; its `activated_at` is when it was rejected."""
NOT_YET = "nobody: proposed by tuning"
"""`activated_by` of a version that is tried as a shadow, or waits because another one is."""
_ATTEMPTS = 5
_PROBE = 50


class Fate(StrEnum):
    """What becomes of a candidate."""

    ACTIVATED = "activated"
    SHADOW = "shadow"
    WAITS = "waits"
    """Better, but another one is tried or the owner has pinned what trades."""
    REJECTED = "rejected"


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


@dataclass(frozen=True, slots=True)
class Stored:
    """The version that was written and what became of it."""

    number: int
    fate: Fate


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a candidate comes to: the module's experiment, and whether its cycles run."""

    module: ModuleName
    experiment: Snapshot | None
    lives: bool

    @property
    def doc(self) -> ExperimentDoc | None:
        """The experiment, None when there never was one."""
        if self.experiment is None:
            return None
        return decode(ExperimentDoc, self.experiment.data, where=self.experiment.path)

    def fate(self, candidate: Candidate) -> tuple[Fate, str]:
        """Return what becomes of a candidate, and the words for it."""
        if not candidate.better:
            return Fate.REJECTED, candidate.text
        doc = self.doc
        if doc is not None and (doc.running or doc.pinned):
            why = "the owner has pinned what trades" if doc.pinned else f"version {doc.challenger} is {doc.stage}"
            return Fate.WAITS, f"better out of sample, but not tried: {why}"
        return (Fate.SHADOW if self.lives else Fate.ACTIVATED), candidate.text


def promote(
    store: Store,
    champion: Champion,
    candidate: Candidate,
    *,
    now: datetime,
    audited: Audited,
    also: Sequence[Write] = (),
) -> Stored:
    """Store a candidate as the next version and, if it is better, let it be tried, or trade where nothing runs yet.

    `also` is written with it, in the same commit.

    Raises
    ------
    ConcurrencyConflictError
        What trades changed since the candidate was compared with it: nothing was written.
    AlreadyExistsError
        Others kept taking the next number; nothing was written.
    MalformedDataError
        The module's book or experiment is damaged.
    """
    for last in (*[False] * (_ATTEMPTS - 1), True):
        version, place = _next_version(store, champion, candidate, now), _place(store, champion.doc.module)
        fate, text = place.fate(candidate)
        version = version.model_copy(update=_signed(version, fate))
        try:
            writes = _writes(store, champion, version, place, fate=fate, text=text, audited=audited)
            store.commit([*writes, *also])
        except (AlreadyExistsError, ConcurrencyConflictError):
            if last:
                raise
        else:
            break
    return Stored(version.version, fate)


def _place(store: Store, module: ModuleName) -> _Place:
    paths = book_path(module), experiment_path(module)
    found = store.get_many(paths)
    book = decode(BookDoc, found[paths[0]].data, where=paths[0]) if paths[0] in found else None
    return _Place(module, found.get(paths[1]), lives=book is not None and book.last_slot is not None)


def _next_version(store: Store, champion: Champion, candidate: Candidate, now: datetime) -> ParametersDoc:
    module = champion.doc.module
    if champion_of(store, module).token != champion.token:
        raise ConcurrencyConflictError(
            f"{parameters_path(module)} changed while the job ran: nothing is activated, the next run compares anew"
        )
    first = champion.doc.version + 1
    return ParametersDoc(
        module=module,
        version=first + len(versions_from(store, module, first)),
        values=candidate.values,
        activated_at=now,
        activated_by=NOBODY,
        provenance=candidate.provenance,
    )


def _signed(version: ParametersDoc, fate: Fate) -> dict[str, Any]:
    by = {Fate.ACTIVATED: WHO, Fate.REJECTED: NOBODY}.get(fate, NOT_YET)
    return {"activated_by": by, "provenance": {**version.provenance, "verdict": fate.value}}


_KINDS = {
    Fate.ACTIVATED: EventKind.PARAMETERS_ACTIVATED,
    Fate.SHADOW: EventKind.EXPERIMENT_MOVED,
    Fate.WAITS: EventKind.EXPERIMENT_MOVED,
    Fate.REJECTED: EventKind.PARAMETERS_REJECTED,
}


def _writes(
    store: Store,
    champion: Champion,
    version: ParametersDoc,
    place: _Place,
    *,
    fate: Fate,
    text: str,
    audited: Audited,
) -> list[Write]:
    module, number, at = version.module, version.version, version.activated_at
    told = f"{text} (shadow: it decides in the same cycles and does not trade yet)" if fate is Fate.SHADOW else text
    event = EventDoc(
        kind=_KINDS[fate],
        module=module,
        subject=f"{module}/{number}",
        text=f"Parameters v{number} of {module}: {told}",
        data={"version": number, "champion": champion.doc.version, "verdict": fate.value},
        at=at,
    )
    detail = {"module": module.value, "version": str(number), "champion": str(champion.doc.version), "reason": text}
    writes: list[Write] = [
        Create(parameters_version_path(module, number), encode(version)),
        audited(store, who=WHO, action=f"parameters_{fate}", detail=detail, at=at),
        Put(event_path(f"parameters_{module}_{number}_{fate}"), encode(event)),
    ]
    if fate is Fate.ACTIVATED:
        writes.append(Replace(parameters_path(module), encode(version), champion.token))
    if fate is Fate.SHADOW:
        writes += [Verify(parameters_path(module), champion.token), _experiment(champion, version, place, text)]
    return writes


def _experiment(champion: Champion, version: ParametersDoc, place: _Place, text: str) -> Write:
    """Return the write that begins the experiment, in the place of one that is over."""
    fresh = ExperimentDoc(
        module=version.module,
        stage=Stage.SHADOW,
        champion=champion.doc.version,
        challenger=version.version,
        values=version.values,
        cost_bps=float(version.provenance.get("costs", {}).get("used_bps", 0.0)),
        since=version.activated_at,
        updated_at=version.activated_at,
    )
    doc = encode(begun(place.doc, fresh, by=WHO, reason=text))
    path = experiment_path(version.module)
    return Create(path, doc) if place.experiment is None else Replace(path, doc, place.experiment.version)
