"""`desk doctor`: one line for each thing the desk needs. Exit 1 = something that is needed is missing."""

from __future__ import annotations

import os
from typing import Annotated

import typer
from rich.markup import escape

from orchestrator.bootstrap import Builder, default_parameters
from orchestrator.cli import show
from orchestrator.cli.doctor import desk, machine
from orchestrator.cli.doctor.finding import Finding
from orchestrator.cli.faults import WRONG
from orchestrator.cli.target import builder
from orchestrator.domain.errors import TradingError
from orchestrator.seed import seed


def doctor(
    ctx: typer.Context,
    seed_missing: Annotated[bool, typer.Option("--seed", help="Create the desk's missing documents first.")] = False,
    as_json: show.AsJson = False,
) -> None:
    """Check this machine, the store, the desk's documents and the venues; say what to do."""
    created: list[str] = []
    found: list[Finding] = []
    try:
        built = builder(ctx)
        created = _seed(built) if seed_missing else []
        found = [*machine.findings(local=built.settings.emulated), *desk.findings(built)]
    except TradingError as error:
        local = "GCLOUD_PROJECT" not in os.environ
        found = [*machine.findings(local=local), Finding("desk", ok=False, detail=str(error))]
    if as_json:
        show.print_json({"created": created, "findings": [_told(one) for one in found]})
    else:
        _print(found, created)
    if any(one.missing for one in found):
        raise typer.Exit(WRONG)


def _seed(built: Builder) -> list[str]:
    return seed(built.store, default_parameters(), now=built.clock().now())


def _told(finding: Finding) -> dict[str, object]:
    return {
        "name": finding.name,
        "ok": finding.ok,
        "needed": finding.needed,
        "detail": finding.detail,
        "advice": "" if finding.ok else finding.advice,
    }


def _print(found: list[Finding], created: list[str]) -> None:
    out = show.console()
    for path in created:
        out.print(f"created {path}")
    for one in found:
        mark = "[green]ok     [/]" if one.ok else "[bold red]missing[/]" if one.needed else "[yellow]note   [/]"
        advice = "" if one.ok or not one.advice else f": {one.advice}"
        out.print(f"{mark} {escape(f'{one.name:18} {one.detail}{advice}')}", soft_wrap=True)
    missing = sum(one.missing for one in found)
    out.print("everything that is needed is there" if not missing else f"{missing} needed and not right")
