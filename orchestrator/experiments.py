"""Moves experiments on: the sweeper on evidence, the owner by command. One commit each, compared with what was read.

Going on to champion and going back are the same commit: experiment, parameters, audit and event, or nothing. Doing it
twice changes nothing: the stage that was left is gone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from orchestrator.answers import Effect, Refusal
from orchestrator.audit import appended
from orchestrator.domain.base import ModuleName
from orchestrator.domain.codec import decode, encode
from orchestrator.domain.documents import (
    CommandKind,
    EventDoc,
    EventKind,
    ExperimentDoc,
    ParametersDoc,
    event_path,
    experiment_path,
    parameters_path,
    parameters_version_path,
)
from orchestrator.domain.errors import MissingDataError
from orchestrator.domain.experiments import Seen, judged, moved, usual_after, with_evidence
from orchestrator.domain.trial import Stage, Trial
from orchestrator.ports import Create, Put, Replace, Snapshot, Store, Write

BY = "experiment"
"""Who signs what evidence decided."""


@dataclass(frozen=True, slots=True)
class Tried:
    """A module's experiment and what it is about, read together with their versions."""

    doc: ExperimentDoc
    at: Snapshot
    parameters: ParametersDoc
    parameters_at: Snapshot


def tried_in(found: Mapping[str, Snapshot], module: ModuleName) -> Tried | None:
    """Return a module's experiment among documents read together, None when there never was one.

    Raises
    ------
    MalformedDataError
        It, or what trades, is damaged.
    """
    path, traded = experiment_path(module), parameters_path(module)
    if path not in found or traded not in found:
        return None
    return Tried(
        decode(ExperimentDoc, found[path].data, where=path),
        found[path],
        decode(ParametersDoc, found[traded].data, where=traded),
        found[traded],
    )


def advance(store: Store, module: ModuleName, trial: Trial | None, now: datetime) -> bool:
    """Take the evidence of a module's book into its experiment, and move it on where that decides; return if it wrote.

    Raises
    ------
    MalformedDataError
        A document is damaged; nothing was written.
    MissingDataError
        The version to go on or back to does not exist; nothing was written.
    ConcurrencyConflictError, AlreadyExistsError
        Somebody was faster: read and decide again.
    """
    tried = tried_in(store.get_many([experiment_path(module), parameters_path(module)]), module)
    if tried is None or not tried.doc.running:
        return False
    doc = with_evidence(tried.doc, trial)
    fits = trial is not None and (trial.stage, trial.challenger) == (doc.stage, doc.challenger)
    seen_trial = trial if fits and trial is not None else _nothing_yet(doc)
    move = judged(Seen(doc, seen_trial, tried.parameters.version, now))
    if move is None:
        if doc == tried.doc:
            return False
        store.commit([Replace(tried.at.path, encode(doc.model_copy(update={"updated_at": now})), tried.at.version)])
        return True
    doc = doc.model_copy(update={"usual": usual_after(doc, seen_trial)})
    after = moved(doc, move[0], by=BY, reason=move[1], at=now)
    detail = {"module": module.value, "version": str(doc.challenger), "champion": str(doc.champion), "reason": move[1]}
    entry = appended(store, who=BY, action=f"experiment_{move[0]}", detail=detail, at=now)
    store.commit([*move_writes(store, tried, after), entry])
    return True


def _nothing_yet(doc: ExperimentDoc) -> Trial:
    return Trial(stage=doc.stage, champion=doc.champion, challenger=doc.challenger, usual=doc.usual)


def move_writes(store: Store, tried: Tried, after: ExperimentDoc) -> list[Write]:
    """Return the writes that move an experiment and tell it; with it what trades, where that changes.

    Raises
    ------
    MissingDataError
        The version that is to trade does not exist.
    """
    event = _event(after)
    writes: list[Write] = [
        Replace(tried.at.path, encode(after), tried.at.version),
        Put(event_path(f"experiment_{after.module}_{after.challenger}_{after.stage}"), encode(event)),
    ]
    version = {Stage.CHAMPION: after.challenger, Stage.ROLLED_BACK: after.champion}.get(after.stage)
    if version is not None and tried.parameters.version != version:
        path, last = parameters_version_path(after.module, version), after.steps[-1]
        found = store.get_many([path])
        if path not in found:
            raise MissingDataError(f"{path} does not exist: what trades stays version {tried.parameters.version}")
        update = {"activated_at": last.at, "activated_by": last.by}
        wanted = decode(ParametersDoc, found[path].data, where=path).model_copy(update=update)
        writes.append(Replace(tried.parameters_at.path, encode(wanted), tried.parameters_at.version))
    return writes


_TOLD = {
    Stage.CHAMPION: EventKind.PARAMETERS_ACTIVATED,
    Stage.ROLLED_BACK: EventKind.PARAMETERS_ROLLED_BACK,
}


def _event(after: ExperimentDoc) -> EventDoc:
    back = f"; version {after.champion} trades again" if after.stage is Stage.ROLLED_BACK else ""
    return EventDoc(
        kind=_TOLD.get(after.stage, EventKind.EXPERIMENT_MOVED),
        module=after.module,
        subject=f"{after.module}/{after.challenger}",
        severity="warning" if after.stage is Stage.ROLLED_BACK else "info",
        text=f"Parameters v{after.challenger} of {after.module}: {after.stage}, {after.verdict}{back}",
        data={"version": after.challenger, "champion": after.champion, "stage": after.stage.value},
        at=after.since,
    )


_NEXT = {Stage.SHADOW: Stage.CANARY, Stage.CANARY: Stage.CHAMPION}
_END = {Stage.SHADOW: Stage.REJECTED, Stage.CANARY: Stage.REJECTED, Stage.CHAMPION: Stage.ROLLED_BACK}
_PINNED = {Stage.SHADOW: Stage.REJECTED, Stage.CANARY: Stage.REJECTED, Stage.CHAMPION: Stage.KEPT}


def by_owner(
    store: Store, kind: CommandKind, args: Mapping[str, str], *, by: str, reason: str, now: datetime
) -> Effect:
    """Return what promoting, rejecting or pinning a module's experiment writes.

    Parameters
    ----------
    args
        `module`; for `pin` also `pinned` = yes or no.

    Raises
    ------
    Refusal
        There is no such module, or nothing that could be promoted or rejected.
    """
    name = args.get("module", "")
    if name not in set(ModuleName):
        raise Refusal(f"no module {name!r}; args.module is one of {', '.join(ModuleName)}")
    module = ModuleName(name)
    found = store.get_many([experiment_path(module), parameters_path(module)])
    tried = tried_in(found, module)
    if kind is CommandKind.PIN:
        return _pin(store, module, found, tried, yes=args.get("pinned", "yes") != "no", by=by, now=now)
    table = _NEXT if kind is CommandKind.PROMOTE else _END
    if tried is None or tried.doc.stage not in table:
        stage = "there is no experiment" if tried is None else f"version {tried.doc.challenger} is {tried.doc.stage}"
        raise Refusal(f"{module}: {stage}; nothing to {kind}")
    after = moved(tried.doc, table[tried.doc.stage], by=by, reason=reason or f"the owner's {kind}", at=now)
    try:
        writes = move_writes(store, tried, after)
    except MissingDataError as error:
        raise Refusal(str(error)) from error
    return Effect(f"{module}: version {after.challenger} is {after.stage}", writes)


def _pin(
    store: Store,
    module: ModuleName,
    found: Mapping[str, Snapshot],
    tried: Tried | None,
    *,
    yes: bool,
    by: str,
    now: datetime,
) -> Effect:
    words = f"{module}: what trades {'is pinned' if yes else 'is no longer pinned'}"
    if tried is None:
        return _pin_without(module, found, words, yes=yes, now=now)
    if tried.doc.pinned is yes:
        return Effect(f"{module}: what trades {'is pinned already' if yes else 'was not pinned'}")
    doc = tried.doc.model_copy(update={"pinned": yes, "updated_at": now})
    if yes and doc.stage in _PINNED:
        after = moved(doc, _PINNED[doc.stage], by=by, reason="pinned by the owner", at=now)
        return Effect(f"{words}; version {after.challenger} is {after.stage}", move_writes(store, tried, after))
    return Effect(words, [Replace(tried.at.path, encode(doc), tried.at.version)])


def _pin_without(module: ModuleName, found: Mapping[str, Snapshot], words: str, *, yes: bool, now: datetime) -> Effect:
    """Pin where nothing was tried so far."""
    path = parameters_path(module)
    if not yes:
        return Effect(f"{module}: what trades was not pinned")
    if path not in found:
        raise Refusal(f"{path} is missing: set the desk up with `desk doctor --seed`")
    version = decode(ParametersDoc, found[path].data, where=path).version
    kept = {"module": module, "stage": Stage.KEPT, "champion": version, "challenger": version}
    doc = ExperimentDoc.model_validate({**kept, "pinned": True, "verdict": "pinned", "since": now, "updated_at": now})
    return Effect(words, [Create(experiment_path(module), encode(doc))])
