"""The `desk` command: reads what was typed and hands it on; each sub-command has a file of its own."""

from __future__ import annotations

import typer

from orchestrator.cli.replay.command import replay
from orchestrator.cli.up import up

app = typer.Typer(name="desk", no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False)


@app.callback()
def _root() -> None:
    """Run and watch the trading desk."""


app.command()(up)
app.command()(replay)


def main() -> None:
    """Run the command line."""
    app()
