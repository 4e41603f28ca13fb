"""How the command line asks the desk for something. Exit 1 = the desk refused.

It asks as every client does, with a command document. If no trigger answers in time it does what the sweeper would:
the same command is executed from here, and whoever comes second finds the answer.
"""

from __future__ import annotations

import time
from datetime import datetime
from typing import Annotated

import typer
from rich.markup import escape

from orchestrator.bootstrap import Builder
from orchestrator.cli import show
from orchestrator.cli.faults import WRONG
from orchestrator.cli.target import builder, name_of
from orchestrator.commands import CONSOLE
from orchestrator.domain.codec import decode, encode
from orchestrator.domain.documents import CommandDoc, CommandKind
from orchestrator.domain.errors import StoreUnavailableError
from orchestrator.domain.paths import command_path
from orchestrator.ports import Create, Store

_POLL_S = 0.25

Reason = Annotated[str, typer.Option(help="Why; it is shown, told and audited.", show_default=False)]
Wait = Annotated[float, typer.Option(help="Seconds to wait for the desk before doing it from here.", min=0.0)]


def ask(
    ctx: typer.Context,
    kind: CommandKind,
    *,
    reason: str,
    wait: float,
    as_json: bool,
    args: dict[str, str] | None = None,
) -> None:
    """Ask the desk for something, wait for its answer, and show it; exit 1 when it refuses.

    Raises
    ------
    StoreUnavailableError
        Nobody answered, from here either.
    """
    built = builder(ctx)
    now = _wall()
    command_id = f"{CONSOLE}-{kind}-{now:%Y%m%dT%H%M%S%f}"
    asked = CommandDoc(kind=kind, by=CONSOLE, role="owner", args=args or {}, reason=reason, created_at=now)
    built.store.commit([Create(command_path(command_id), encode(asked))])
    answered = _answer(built, command_id, wait)
    result = answered.result
    if result is None:
        raise StoreUnavailableError(f"{command_path(command_id)} was not answered; it stays open for the sweeper")
    if as_json:
        show.print_json({"command": command_id, "status": answered.status, **encode(result)})
    else:
        mark = "[green]done[/]" if result.ok else "[bold red]refused[/]"
        show.console().print(f"{mark} on {escape(name_of(built.settings))}: {escape(result.message)}")
    if not result.ok:
        raise typer.Exit(WRONG)


def _answer(built: Builder, command_id: str, wait: float) -> CommandDoc:
    """Return the command once the desk has answered it, or after doing it here."""
    deadline = time.monotonic() + wait
    while time.monotonic() < deadline:
        command = _read(built.store, command_id)
        if command.result is not None:
            return command
        time.sleep(_POLL_S)
    return built.answer(command_id)


def _read(store: Store, command_id: str) -> CommandDoc:
    path = command_path(command_id)
    return decode(CommandDoc, store.get_many([path])[path].data, where=path)


def _wall() -> datetime:
    """Return the time in which people act; the desk's own may be a replay's."""
    from orchestrator.adapters.clocks import SystemClock

    return SystemClock().now()
