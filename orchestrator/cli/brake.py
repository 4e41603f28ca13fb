"""`desk halt`, `desk reduce`, `desk flatten`, `desk rearm`, `desk resume`: the brake by hand."""

from __future__ import annotations

from typing import Annotated

import typer

from orchestrator.cli import show
from orchestrator.cli.asking import Reason, Wait, ask
from orchestrator.domain.documents import CommandKind


def halt(ctx: typer.Context, reason: Reason = "", wait: Wait = 5.0, as_json: show.AsJson = False) -> None:
    """Stop the desk: no order is sent until it is resumed. Protective orders stay at the venue."""
    ask(ctx, CommandKind.HALT, reason=reason, wait=wait, as_json=as_json)


def reduce(ctx: typer.Context, reason: Reason = "", wait: Wait = 5.0, as_json: show.AsJson = False) -> None:
    """Let the desk only lower its exposure."""
    ask(ctx, CommandKind.REDUCE, reason=reason, wait=wait, as_json=as_json)


def flatten(
    ctx: typer.Context,
    reason: Reason = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask whether it is meant.")] = False,
    wait: Wait = 5.0,
    as_json: show.AsJson = False,
) -> None:
    """Halt the desk and close everything it holds, as soon as the markets are open; what is not its own stays."""
    if not yes:
        typer.confirm("Close everything the desk holds?", abort=True)
    ask(ctx, CommandKind.FLATTEN, reason=reason, wait=wait, as_json=as_json, args={"confirm": "flatten"})


def rearm(ctx: typer.Context, reason: Reason = "", wait: Wait = 5.0, as_json: show.AsJson = False) -> None:
    """Count losses anew from the present equity, after a loss limit was reached; the brake stays until `resume`."""
    ask(ctx, CommandKind.REARM, reason=reason, wait=wait, as_json=as_json)


def resume(
    ctx: typer.Context,
    reason: Reason = "",
    accept_loss: Annotated[bool, typer.Option(help="Count losses anew from here, if a loss limit is reached.")] = False,
    wait: Wait = 5.0,
    as_json: show.AsJson = False,
) -> None:
    """Let the desk trade again."""
    args = {"accept_loss": "yes"} if accept_loss else {}
    ask(ctx, CommandKind.RESUME, reason=reason, wait=wait, as_json=as_json, args=args)
