"""`desk parameters`: which versions of a module's parameters there are, and the way back to one of them.

A version is checked against the module's bounds before it may trade; the change is compared, audited and told. Versions
themselves are never written here.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer
from rich.markup import escape

from orchestrator.audit import appended
from orchestrator.bootstrap import module_class
from orchestrator.cli import show
from orchestrator.cli.target import builder, name_of
from orchestrator.commands import CONSOLE
from orchestrator.contention import until_settled
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
from orchestrator.domain.errors import ConfigurationError
from orchestrator.domain.paths import tuning_path
from orchestrator.domain.searches import TuningDoc
from orchestrator.ports import Put, Replace, Snapshot, Store

_PAGE = 50


def parameters(
    ctx: typer.Context,
    module: Annotated[ModuleName, typer.Argument(help="Which module.")],
    activate: Annotated[int, typer.Option(help="Let this version trade from the next cycle on.", min=0)] = 0,
    as_json: show.AsJson = False,
) -> None:
    """Show the versions of a module's parameters, or let an earlier one trade again."""
    built = builder(ctx)
    if activate:
        until_settled(lambda: _activate(built.store, module, activate, _wall()))
    current = _current(built.store, module)[0]
    versions = _versions(built.store, module)
    night = _last_night(built.store, module)
    if as_json:
        told = {"module": module.value, "active": current.version, "versions": versions, "last_night": night}
        show.print_json(told)
        return
    table = show.table("", "version", "by", "at", "why", numbers=("version",), folds=("by", "why"))
    for doc in versions:
        mark = "[green]trades[/]" if doc.version == current.version else ""
        table.add_row(
            mark, str(doc.version), escape(doc.activated_by), show.moment(doc.activated_at), escape(_why(doc))
        )
    show.console().print(f"[bold]{module}[/] on {escape(name_of(built.settings))}", table, sep="\n")
    show.console().print(f"last tuning: {escape(night or 'none yet')}", soft_wrap=True)


def _activate(store: Store, module: ModuleName, version: int, now: datetime) -> None:
    """Write what trades, the audit entry and the event in one commit; doing it twice changes nothing."""
    current, snapshot = _current(store, module)
    if current.version == version:
        return
    path = parameters_version_path(module, version)
    found = store.get_many([path])
    if path not in found:
        raise ConfigurationError(f"{path} does not exist; `desk parameters {module}` lists the versions")
    wanted = decode(ParametersDoc, found[path].data, where=path)
    module_class(module)[0].parameters_model.parse(wanted.values, where=path)
    active = wanted.model_copy(update={"activated_at": now, "activated_by": CONSOLE})
    detail = {"module": module.value, "from": str(current.version), "to": str(version)}
    text = f"{module}: version {version} trades instead of {current.version}, by {CONSOLE}"
    event = EventDoc(
        kind=EventKind.PARAMETERS_ACTIVATED,
        module=module,
        text=text,
        data={"version": version, "champion": current.version},
        at=now,
    )
    store.commit(
        [
            Replace(snapshot.path, encode(active), snapshot.version),
            appended(store, who=CONSOLE, action="activate_parameters", detail=detail, at=now),
            Put(event_path(f"parameters_{module}_{version}_{now:%Y%m%dT%H%M%S}"), encode(event)),
        ]
    )


def _current(store: Store, module: ModuleName) -> tuple[ParametersDoc, Snapshot]:
    path = parameters_path(module)
    found = store.get_many([path])
    if path not in found:
        raise ConfigurationError(f"{path} is missing: set the desk up with `desk doctor --seed`")
    return decode(ParametersDoc, found[path].data, where=path), found[path]


def _versions(store: Store, module: ModuleName) -> list[ParametersDoc]:
    """Return every version, oldest first; their numbers have no gaps."""
    docs: list[ParametersDoc] = []
    while True:
        paths = [parameters_version_path(module, len(docs) + n) for n in range(1, _PAGE + 1)]
        found = store.get_many(paths)
        docs += [decode(ParametersDoc, found[path].data, where=path) for path in paths if path in found]
        if len(found) < _PAGE:
            return docs


def _last_night(store: Store, module: ModuleName) -> str:
    """Return what the last night of tuning came to, empty when there was none."""
    path = tuning_path(module)
    found = store.get_many([path])
    return decode(TuningDoc, found[path].data, where=path).said if path in found else ""


def _why(doc: ParametersDoc) -> str:
    """Return a version's provenance in a few words."""
    told = doc.provenance.get("source") or doc.provenance.get("text") or doc.provenance.get("reason") or ""
    return str(told)[:120]


def _wall() -> datetime:
    from orchestrator.adapters.clocks import SystemClock

    return SystemClock().now()
