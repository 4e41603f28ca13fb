"""`desk resolve`: end an order in doubt by the owner's word, where the venue's is not to be had."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from orchestrator.cli import show
from orchestrator.cli.asking import Reason, Wait, ask
from orchestrator.domain.documents import CommandKind


class Outcome(StrEnum):
    """What became of the order, as the venue's own page shows it."""

    NEVER_ARRIVED = "never_arrived"
    CANCELLED = "cancelled"
    FILLED = "filled"


def resolve(
    ctx: typer.Context,
    order: Annotated[str, typer.Argument(help="Client order id of an UNKNOWN order.")],
    outcome: Annotated[Outcome, typer.Argument(help="What the venue's own page shows.")],
    qty: Annotated[str, typer.Option(help="Units filled; with filled only.", show_default=False)] = "",
    price: Annotated[
        str, typer.Option(help="Price in USD; of several legs one each, separated by commas.", show_default=False)
    ] = "",
    reason: Reason = "",
    wait: Wait = 5.0,
    as_json: show.AsJson = False,
) -> None:
    """End an order in doubt by your word; should the venue's fills come after all, they take its place."""
    told = {"qty": qty, "price": price} if outcome is Outcome.FILLED else {}
    args = {"order": order, "outcome": outcome.value, **told}
    ask(ctx, CommandKind.RESOLVE, reason=reason, wait=wait, as_json=as_json, args=args)
