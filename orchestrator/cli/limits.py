"""`desk limits`: show the owner's limits, or change some of them."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from orchestrator.cli import show
from orchestrator.cli.asking import Reason, Wait, ask
from orchestrator.cli.target import builder
from orchestrator.domain.documents import CommandKind
from orchestrator.status import load

_FORM = "NAME=VALUE, or TABLE.ROW=VALUE for a row of a table"


def limits(
    ctx: typer.Context,
    changes: Annotated[
        list[str] | None, typer.Argument(help=f"{_FORM}; null takes a row out.", show_default=False)
    ] = None,
    reason: Reason = "",
    wait: Wait = 5.0,
    as_json: show.AsJson = False,
) -> None:
    """Show the limits in force, or change those that are named: daily_loss=0.02 module_allocation.crypto=0.1."""
    if changes:
        args = {"limits": json.dumps(_asked(changes))}
        ask(ctx, CommandKind.SET_LIMITS, reason=reason, wait=wait, as_json=as_json, args=args)
        return
    in_force: dict[str, Any] = load(builder(ctx).store).limits.model_dump(mode="json")
    if as_json:
        show.print_json(in_force)
        return
    table = show.table("limit", "value", folds=("value",))
    for name, value in in_force.items():
        table.add_row(name, _shown(value))
    show.console().print(table)


def _asked(changes: list[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for change in changes:
        name, sign, value = change.partition("=")
        table, _, row = name.partition(".")
        if not sign or not table or (row and not isinstance(found.setdefault(table, {}), dict)):
            raise typer.BadParameter(f"{change!r} is not {_FORM}", param_hint="CHANGES")
        if row in found.get(table, ()) if row else table in found:
            raise typer.BadParameter(f"{name} is named twice", param_hint="CHANGES")
        if row:
            found[table][row] = _value(value)
        else:
            found[table] = _value(value)
    return found


def _value(text: str) -> Any:
    """Return what was typed: JSON where it is a list, a truth or null, else the text, so that no digit is lost."""
    if text in {"true", "false", "null"} or text.startswith(("[", "{")):
        try:
            return json.loads(text)
        except ValueError as error:
            raise typer.BadParameter(f"{text!r} is not JSON ({error})", param_hint="CHANGES") from error
    return text


def _shown(value: Any) -> str:
    return ", ".join(f"{key} {row}" for key, row in value.items()) if isinstance(value, dict) else str(value)
