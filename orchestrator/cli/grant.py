"""`desk grant`: gives a person a role; how the first owner comes to be."""

from __future__ import annotations

import os
from typing import Annotated

import typer
from rich.markup import escape

from orchestrator.cli import show
from orchestrator.cli.target import builder, name_of
from orchestrator.people import ROLES
from orchestrator.people import grant as give

_AUTH = "FIREBASE_AUTH_EMULATOR_HOST"


def grant(
    ctx: typer.Context,
    email: Annotated[str, typer.Argument(help="Address of an account that exists.")],
    role: Annotated[str, typer.Argument(help=f"One of {', '.join(ROLES)}.")],
    as_json: show.AsJson = False,
) -> None:
    """Give a person a role on the desk; they sign in anew to use it."""
    from orchestrator.adapters.clocks import SystemClock

    built = builder(ctx)
    if host := built.settings.get(_AUTH):
        os.environ[_AUTH] = host  # where Google's client library looks for it
    person = give(built.store, built.accounts(), email=email, role=role, now=SystemClock().now())
    if as_json:
        show.print_json({"uid": person.uid, "email": person.email, "role": person.role})
    else:
        show.console().print(f"{escape(person.email)} is {person.role} on {escape(name_of(built.settings))}")
