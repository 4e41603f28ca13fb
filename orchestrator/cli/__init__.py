"""The `desk` command: reads what was typed and hands it on; each sub-command has a file of its own.

Exit codes are in `orchestrator.cli.faults`.
"""

from __future__ import annotations

import typer

from orchestrator.cli.adopt import adopt
from orchestrator.cli.backtest.command import backtest
from orchestrator.cli.brake import flatten, halt, rearm, reduce, resume
from orchestrator.cli.cycle import run
from orchestrator.cli.data import app as data
from orchestrator.cli.doctor.command import doctor
from orchestrator.cli.experiment import app as experiment
from orchestrator.cli.faults import DeskGroup
from orchestrator.cli.grant import grant
from orchestrator.cli.honesty import lookahead, recursion
from orchestrator.cli.limits import limits
from orchestrator.cli.parameters import parameters
from orchestrator.cli.parity.command import parity
from orchestrator.cli.replay.command import replay
from orchestrator.cli.resolve import resolve
from orchestrator.cli.scores import scores
from orchestrator.cli.status import status, watch
from orchestrator.cli.tune import tune
from orchestrator.cli.up import up

COMMANDS = (
    up,
    replay,
    run,
    status,
    watch,
    halt,
    reduce,
    flatten,
    resume,
    rearm,
    resolve,
    adopt,
    limits,
    doctor,
    grant,
    parameters,
    scores,
    tune,
    backtest,
    parity,
    lookahead,
    recursion,
)

app = typer.Typer(
    name="desk", cls=DeskGroup, no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False
)


@app.callback()
def _root() -> None:
    """Run and watch the trading desk.

    Exit codes: 0 done; 1 looked at and not right; 2 bad input or set-up; 3 store, venue or emulators out of reach.
    """


for _command in COMMANDS:
    app.command()(_command)
app.add_typer(data, name="data")
app.add_typer(experiment, name="experiment")


def main() -> None:
    """Run the command line."""
    app()
