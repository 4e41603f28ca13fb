"""`desk tune --selfcheck`: how often luck passes the gate, and how often an edge does. Exit 1 = outside its promise."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import typer

from orchestrator.cli import show
from orchestrator.cli.faults import WRONG

if TYPE_CHECKING:
    from ml.selfcheck import Share


def check_self(*, as_json: bool) -> None:
    """Print on how many random walks, and on how many planted edges, the job would activate a change."""
    from ml.selfcheck import EDGE, LEAST_FOUND, MARKETS, MOST_LUCK, share

    began = time.monotonic()
    noise, edge = share(MARKETS, edge=0.0), share(MARKETS, edge=EDGE)
    seconds, holds = time.monotonic() - began, noise.share <= MOST_LUCK and edge.share >= LEAST_FOUND
    if as_json:
        found = {"noise": _plain(noise), "edge": _plain(edge), "seconds": round(seconds, 1), "holds": holds}
        show.print_json(found)
    else:
        out = show.console()
        out.print(f"random walks: {_line(noise)}, at most {MOST_LUCK:.0%}", soft_wrap=True)
        out.print(f"planted edge: {_line(edge)}, at least {LEAST_FOUND:.0%}", soft_wrap=True)
        out.print(f"{'[green]holds[/]' if holds else '[bold red]does not hold[/]'}, {seconds:.0f} s", soft_wrap=True)
    if not holds:
        raise typer.Exit(WRONG)


def _line(found: Share) -> str:
    last = found.first_seed + found.markets - 1
    return f"{found.activated} of {found.markets} activated ({found.share:.0%}), seeds {found.first_seed} to {last}"


def _plain(found: Share) -> dict[str, float]:
    return {
        "activated": found.activated,
        "markets": found.markets,
        "share": found.share,
        "first_seed": found.first_seed,
    }
