"""`desk experiment`: what is tried in each module and how far it is; promote it, reject it, or pin what trades."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markup import escape

from orchestrator.cli import show
from orchestrator.cli.asking import Reason, Wait, ask
from orchestrator.cli.faults import PartGroup
from orchestrator.cli.target import builder
from orchestrator.domain.base import ModuleName
from orchestrator.domain.codec import decode, encode
from orchestrator.domain.documents import CommandKind, ExperimentDoc, experiment_path
from orchestrator.ports import Store

app = typer.Typer(
    cls=PartGroup, no_args_is_help=True, help="What is tried in each module: show it, promote it, reject it, pin."
)

Module = Annotated[ModuleName, typer.Argument(help="Which module.")]


@app.command(name="show")
def show_experiments(ctx: typer.Context, as_json: show.AsJson = False) -> None:
    """Show the experiment of every module with its evidence so far."""
    docs = _experiments(builder(ctx).store)
    if as_json:
        show.print_json({doc.module.value: encode(doc) for doc in docs})
        return
    if not docs:
        show.console().print("no experiment: one begins when the night's tuning finds something better (`desk tune`)")
        return
    numbers = ("champion", "challenger", "ratio")
    table = show.table("module", "stage", *numbers, "since", "why", numbers=numbers, folds=("why",))
    for doc in docs:
        arms = [f"v{doc.champion} {_arm(doc, 'champion_arm')}", f"v{doc.challenger} {_arm(doc, 'challenger_arm')}"]
        stage = f"{doc.stage}, pinned" if doc.pinned else doc.stage.value
        table.add_row(doc.module.value, stage, *arms, f"{doc.ratio:.1f}", show.moment(doc.since), escape(doc.verdict))
    show.console().print(table)


def _arm(doc: ExperimentDoc, name: str) -> str:
    arm = getattr(doc, name)
    return f"{arm.mean:+.2f} R in {arm.outcomes}"


def _experiments(store: Store) -> list[ExperimentDoc]:
    paths = [experiment_path(module) for module in ModuleName]
    found = store.get_many(paths)
    return [decode(ExperimentDoc, found[path].data, where=path) for path in paths if path in found]


@app.command()
def promote(
    ctx: typer.Context, module: Module, reason: Reason = "", wait: Wait = 5.0, as_json: show.AsJson = False
) -> None:
    """Move the candidate on: from shadow to canary, from canary to champion."""
    ask(ctx, CommandKind.PROMOTE, reason=reason, wait=wait, as_json=as_json, args={"module": module.value})


@app.command()
def reject(
    ctx: typer.Context, module: Module, reason: Reason = "", wait: Wait = 5.0, as_json: show.AsJson = False
) -> None:
    """End the experiment; a candidate that trades already gives way to the version before it."""
    ask(ctx, CommandKind.REJECT, reason=reason, wait=wait, as_json=as_json, args={"module": module.value})


@app.command()
def pin(
    ctx: typer.Context,
    module: Module,
    off: Annotated[bool, typer.Option("--off", help="Let candidates be tried again.")] = False,
    reason: Reason = "",
    wait: Wait = 5.0,
    as_json: show.AsJson = False,
) -> None:
    """Keep what trades: nothing is tried or rolled back until it is unpinned."""
    args = {"module": module.value, "pinned": "no" if off else "yes"}
    ask(ctx, CommandKind.PIN, reason=reason, wait=wait, as_json=as_json, args=args)
