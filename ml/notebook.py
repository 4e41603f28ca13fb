"""What the job remembers between runs: every trial ever made, and the searches of a night that was cut off.

One document a module, changed by compare-and-set only. It decides nothing; without it a night begins anew.
"""

from __future__ import annotations

from datetime import datetime

from orchestrator.domain.base import ModuleName
from orchestrator.domain.codec import decode, encode
from orchestrator.domain.paths import tuning_path
from orchestrator.domain.searches import Found, TuningDoc
from orchestrator.ports import Create, Replace, Store, Write


class Notebook:
    """The searches of one slot of one module.

    Parameters
    ----------
    doc
        As stored, or a fresh one; `version` is the store's token of it, None = not stored yet.
    """

    def __init__(self, store: Store, doc: TuningDoc, version: str | None) -> None:
        self._store, self._version = store, version
        self.doc = doc

    def found(self, name: str, fold: int) -> Found | None:
        """Return what a run that was cut off found, None if it did not come so far."""
        known = self.doc.found.get(name, ())
        return known[fold] if fold < len(known) else None

    def keep(self, name: str, fold: int, found: Found) -> None:
        """Store what was found, once.

        Raises
        ------
        ConcurrencyConflictError, AlreadyExistsError
            Another run of the job is at work on this module.
        """
        known = self.doc.found.get(name, ())
        if fold < len(known):
            return
        self.doc = self.doc.model_copy(update={"found": {**self.doc.found, name: (*known, found)}})
        self._version = self._store.commit([self._write(self.doc)])[tuning_path(self.doc.module)]

    def closing(self, said: str) -> Write:
        """Return the write that counts the night's trials, forgets its searches and keeps what they came to."""
        return self._write(_counted(self.doc).model_copy(update={"finished": self.doc.slot, "said": said}))

    def saying(self, said: str) -> Write:
        """Return the write that keeps why there was nothing to search; the same slot may try again."""
        return self._write(self.doc.model_copy(update={"said": said}))

    def _write(self, doc: TuningDoc) -> Write:
        path, data = tuning_path(doc.module), encode(doc)
        return Create(path, data) if self._version is None else Replace(path, data, self._version)


def opened(store: Store, module: ModuleName, slot: str, *, basis: str, now: datetime) -> Notebook:
    """Return the notebook of a slot; what an unfinished night of another basis tried is counted, not used.

    Raises
    ------
    MalformedDataError
        The stored one is damaged.
    """
    path = tuning_path(module)
    stored = store.get_many([path]).get(path)
    doc = TuningDoc(module=module, updated_at=now) if stored is None else decode(TuningDoc, stored.data, where=path)
    if (doc.slot, doc.basis) != (slot, basis):
        doc = _counted(doc).model_copy(update={"slot": slot, "basis": basis})
    return Notebook(store, doc.model_copy(update={"updated_at": now}), None if stored is None else stored.version)


def _counted(doc: TuningDoc) -> TuningDoc:
    tried = sum(found.trials for folds in doc.found.values() for found in folds)
    update = {"trials": doc.trials + tried, "nights": doc.nights + bool(tried), "slot": "", "basis": "", "found": {}}
    return doc.model_copy(update=update)
