"""How results look: rich tables for a person, one JSON object for a program."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any

import typer
from pydantic import BaseModel
from rich import box
from rich.console import Console, JustifyMethod
from rich.table import Table

from orchestrator.domain.codec import encode

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]

STATE_STYLE = {"ACTIVE": "green", "REDUCING": "yellow", "HALTED": "bold red"}
_PIPE_WIDTH = 160


def console() -> Console:
    """Return the console for results. A file or pipe has no width of its own: nothing is cut for it."""
    out = Console(highlight=False, emoji=False)
    if not out.is_terminal and "COLUMNS" not in os.environ:
        out = Console(highlight=False, emoji=False, width=_PIPE_WIDTH)
    return out


def print_json(value: Any) -> None:
    """Print one JSON object on one line; money as text, times as ISO 8601."""
    typer.echo(json.dumps(_plain(value)))


def usd(value: Decimal | float, *, signed: bool = False) -> str:
    """Return an amount with two decimals."""
    return f"{value:+,.2f}" if signed else f"{value:,.2f}"


def table(*columns: str, numbers: Iterable[str] = (), folds: Iterable[str] = ()) -> Table:
    """Return an empty table that fits a narrow terminal: `numbers` stand right, only `folds` are ever broken."""
    made = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 0), show_edge=False)
    right, broken = set(numbers), set(folds)
    for name in columns:
        justify: JustifyMethod = "right" if name in right else "left"
        made.add_column(name, justify=justify, no_wrap=name not in broken, overflow="fold")
    return made


def moment(value: datetime | None) -> str:
    """Return a time for a table."""
    return "never" if value is None else f"{value:%m-%d %H:%M:%S}"


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return _plain(encode(value))
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value) if isinstance(value, Decimal) else value
