"""`desk data`: bars for research and for the desk: fetched, imported, checked. Nothing is ever repaired silently."""

from __future__ import annotations

import typer

from orchestrator.cli.data.check import check
from orchestrator.cli.data.fetch import fetch
from orchestrator.cli.data.importing import import_
from orchestrator.cli.faults import PartGroup

app = typer.Typer(cls=PartGroup, no_args_is_help=True, pretty_exceptions_enable=False)
"""The sub-commands of `desk data`."""


@app.callback()
def _data() -> None:
    """Fetch, import and check bars."""


app.command()(fetch)
app.command("import")(import_)
app.command()(check)
