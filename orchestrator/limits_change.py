"""Changes the owner's limits: checked as a whole before they are written, and every version kept.

What is not named stays as it is in force now, so that a damaged `config/risk` is whole again after the next change.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from orchestrator.answers import Effect, Refusal
from orchestrator.domain.codec import encode
from orchestrator.domain.documents import CONFIG_RISK, RiskLimitsDoc, limits_version_path
from orchestrator.domain.errors import DomainError
from orchestrator.domain.risk import parse_limits
from orchestrator.ports import Json, Put, Replace, Snapshot, Write
from orchestrator.status import Desk


def set_limits(desk: Desk, args: Mapping[str, str], *, stored: Snapshot, by: str, now: datetime) -> Effect:
    """Return what changing limits writes: the new ones, and the version they are kept as.

    Parameters
    ----------
    args
        `limits`: a JSON object of names and values; of a limit that is a table only the rows that change, and null
        takes a row out.
    stored
        `config/risk` as read.

    Raises
    ------
    Refusal
        The text is no such object, or the limits it leads to are refused; the reason names each fault.
    """
    before: Json = desk.limits.model_dump(mode="json")
    wanted = _merged(before, _asked(args.get("limits", "")))
    try:
        limits = parse_limits(wanted, where="args.limits")
    except DomainError as error:
        raise Refusal(str(error)) from error
    after: Json = limits.model_dump(mode="json")
    changed = {name: (before[name], after[name]) for name in after if after[name] != before[name]}
    if not changed and not _is_damaged(stored, before):
        return Effect("the limits already are so")
    version = _version(stored) + 1
    doc = encode(RiskLimitsDoc(limits=limits, version=version, updated_by=by, updated_at=now))
    told = "; ".join(f"{name} {_plain(old)} → {_plain(new)}" for name, (old, new) in changed.items())
    return Effect(
        f"limits, version {version}: {told or 'the ones in force, written anew'}",
        [*_first(stored, before), Replace(CONFIG_RISK, doc, stored.version), Put(limits_version_path(version), doc)],
        {"version": str(version), "limits": args.get("limits", "")},
    )


def _asked(text: str) -> Json:
    """Return the names and values asked for; numbers stay the text they were typed as."""
    try:
        found = json.loads(text, parse_float=str, parse_int=str)
    except ValueError as error:
        raise Refusal(f"args.limits is not JSON ({error}); give names and values: {_EXAMPLE}") from error
    if not isinstance(found, dict) or not found:
        raise Refusal(f"args.limits names no limit; give names and values: {_EXAMPLE}")
    return found


_EXAMPLE = '{"daily_loss": "0.02", "module_allocation": {"crypto": "0.1"}}'


def _merged(before: Json, asked: Json) -> Json:
    after = dict(before)
    for name, value in asked.items():
        known = before.get(name)
        if isinstance(known, dict) and isinstance(value, dict):
            after[name] = {key: row for key, row in {**known, **value}.items() if row is not None}
        else:
            after[name] = value
    return after


def _is_damaged(stored: Snapshot, in_force: Json) -> bool:
    return stored.data.get("limits") != in_force


def _version(stored: Snapshot) -> int:
    version = stored.data.get("version", 0)
    return version if isinstance(version, int) else 0


def _first(stored: Snapshot, in_force: Json) -> list[Write]:
    """Return the write that keeps the limits that no command set; every later version is kept when it is made."""
    if _version(stored) or _is_damaged(stored, in_force):
        return []
    return [Put(limits_version_path(0), stored.data)]


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)
