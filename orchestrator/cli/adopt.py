"""`desk adopt`: take something foreign in the account over, so that the desk protects it and may leave it."""

from __future__ import annotations

from typing import Annotated

import typer

from orchestrator.cli import show
from orchestrator.cli.asking import Reason, Wait, ask
from orchestrator.domain.documents import CommandKind


def adopt(
    ctx: typer.Context,
    symbol: Annotated[str, typer.Argument(help="What is held, such as XLK; USD = cash that nothing explains.")],
    qty: Annotated[str, typer.Option(help="A part of it; else all.", show_default=False)] = "",
    stop: Annotated[str, typer.Option(help="Stop in USD; else the fall-back stop.", show_default=False)] = "",
    module: Annotated[str, typer.Option(help="Whose account; with USD only.", show_default=False)] = "",
    reason: Reason = "",
    wait: Wait = 5.0,
    as_json: show.AsJson = False,
) -> None:
    """Take a foreign holding over as a position of the desk, or unexplained cash as capital that moved."""
    given = {"symbol": symbol, "qty": qty, "stop": stop, "module": module}
    args = {name: value for name, value in given.items() if value}
    ask(ctx, CommandKind.ADOPT, reason=reason, wait=wait, as_json=as_json, args=args)
