"""What goes wrong, as the command line says it: one line on standard error and a stable exit code.

0 done; 1 looked at and not right; 2 bad input or set-up; 3 store, venue or emulators cannot be reached.
"""

from __future__ import annotations

from typing import Any

import typer
from rich.console import Console
from typer.core import TyperGroup
from typer.exceptions import TyperException

from orchestrator.domain.errors import BrokerAuthError, BrokerError, StoreError, TradingError

WRONG, BAD_INPUT, UNAVAILABLE = 1, 2, 3

_CONTROL = (typer.Exit, typer.Abort, BrokenPipeError)
"""What is no fault: an end that was asked for, and a reader that has seen enough."""


_PART = "orchestrator.cli.part"
"""Where a context keeps which command of a group ran."""


class PartGroup(TyperGroup):
    """A group below the root: notes which of its commands runs, for what goes wrong is told under that name."""

    def invoke(self, ctx: Any) -> Any:
        """Run the sub-command."""
        try:
            return super().invoke(ctx)
        finally:
            ctx.meta[_PART] = ctx.invoked_subcommand


class DeskGroup(TyperGroup):
    """The root command: turns every error on purpose of its sub-commands into one line and an exit code."""

    def invoke(self, ctx: Any) -> Any:
        """Run the sub-command."""
        from httpx import HTTPError

        from scripts.processes import ProcessError
        from scripts.steps import MissingToolError

        try:
            return super().invoke(ctx)
        except _CONTROL:
            raise
        except TyperException as error:
            code, text = _usage(error)
        except TradingError as error:
            code, text = code_of(error), f"{_told_by(ctx)}: {error}"
        except (HTTPError, MissingToolError, ProcessError) as error:
            code, text = UNAVAILABLE, f"{_told_by(ctx)}: {error}"
        except OSError as error:
            code, text = BAD_INPUT, f"{_told_by(ctx)}: {error.filename or ''}: {error.strerror or error}"
        say(text)
        raise typer.Exit(code)


def _told_by(ctx: Any) -> str:
    """Return the command as it was typed, a group's with the group: `desk data check`."""
    return " ".join(part for part in ("desk", ctx.invoked_subcommand, ctx.meta.get(_PART)) if part)


def code_of(error: TradingError) -> int:
    """Return the exit code of an error: out of reach, or given something that is not right."""
    if isinstance(error, BrokerError | StoreError) and not isinstance(error, BrokerAuthError):
        return UNAVAILABLE
    return BAD_INPUT


def say(text: str) -> None:
    """Print one line on standard error, however many lines the text has."""
    Console(stderr=True, highlight=False, emoji=False).print(" ".join(text.split()), markup=False, soft_wrap=True)


def _usage(error: TyperException) -> tuple[int, str]:
    """Return code and text of a command line that cannot be read."""
    context = getattr(error, "ctx", None)
    command = "desk" if context is None else context.command_path
    told = error.format_message() if hasattr(error, "format_message") else str(error)
    told = told.replace("Value error, ", "")
    return BAD_INPUT, f"{command}: {told} (see `{command} --help`)"
