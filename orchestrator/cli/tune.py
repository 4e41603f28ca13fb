"""`desk tune`: runs the tuning job and shows what it found. Exit 1 = a module could not be tuned.

Against the desk's own store (emulator or production), or, with `--data`, on the trades and traces of a replay in this
process: then nothing outside is changed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from orchestrator.cli import show
from orchestrator.cli.faults import WRONG
from orchestrator.cli.selfcheck import check_self
from orchestrator.cli.target import builder
from orchestrator.domain.base import ModuleName
from orchestrator.domain.errors import ConfigurationError

if TYPE_CHECKING:
    from ml.job import Outcome
    from ml.tuning.walkforward import Tuned

_DAY = ["%Y-%m-%d"]
_STYLE = {"activated": "green", "shadow": "green", "failed": "bold red", "rejected": "yellow"}


def tune(
    ctx: typer.Context,
    module: Annotated[list[ModuleName] | None, typer.Option(help="Only this module; may be given again.")] = None,
    data: Annotated[Path | None, typer.Option(help="Replay this folder first, in memory, and tune on that.")] = None,
    first: Annotated[datetime | None, typer.Option("--from", formats=_DAY, help="First day of the replay.")] = None,
    last: Annotated[datetime | None, typer.Option("--to", formats=_DAY, help="Last day, included.")] = None,
    universe: Annotated[str, typer.Option(help="Symbols of the replay: stocks=XLK,XLF crypto=BTC")] = "",
    selfcheck: Annotated[
        bool, typer.Option("--selfcheck", help="Ask search and gate of markets with a known truth; changes nothing.")
    ] = False,
    shard: Annotated[int, typer.Option(envvar="CLOUD_RUN_TASK_INDEX", help="Which share of the modules, from 0.")] = 0,
    shards: Annotated[int, typer.Option(envvar="CLOUD_RUN_TASK_COUNT", help="Into how many they are dealt out.")] = 1,
    as_json: show.AsJson = False,
) -> None:
    """Look for better parameters; activate those that prove better on data no search has seen."""
    if selfcheck:
        if module or data or first or last or universe:
            raise ConfigurationError("--selfcheck makes its own markets: leave --module, --data and its days out")
        return check_self(as_json=as_json)
    modules = dealt(list(dict.fromkeys(module or ModuleName)), shard, shards)
    if data is not None:
        outcomes = _on_replay(modules, data, _days(first, last), universe=universe, quiet=as_json)
    elif first is not None or last is not None or universe:
        raise ConfigurationError("--from, --to and --universe belong to a replay: name its folder with --data")
    else:
        built = builder(ctx)
        outcomes = built.tune(modules, now=built.clock().now().replace(second=0, microsecond=0))
    if as_json:
        show.print_json({"modules": {one.module.value: told(one) for one in outcomes}})
    else:
        _print(outcomes)
    if any(one.status == "failed" for one in outcomes):
        raise typer.Exit(WRONG)
    return None


def dealt(modules: list[ModuleName], shard: int, shards: int) -> list[ModuleName]:
    """Return one task's share of the modules; each is in exactly one, a share may be empty.

    Raises
    ------
    ConfigurationError
        There is no such share.
    """
    if not 0 <= shard < shards:
        raise ConfigurationError(f"--shard {shard} of --shards {shards}: shares are counted from 0, below --shards")
    return modules[shard::shards]


def _days(first: datetime | None, last: datetime | None) -> tuple[datetime, datetime]:
    if first is None or last is None:
        raise ConfigurationError("--data needs --from and --to: the days to replay")
    return first, last


def _on_replay(
    modules: Sequence[ModuleName], data: Path, days: tuple[datetime, datetime], *, universe: str, quiet: bool
) -> list[Outcome]:
    """Replay in memory, then tune at the replay's end on what it left behind."""
    from orchestrator.cli.replay.command import check, progress
    from orchestrator.cli.replay.driver import drive
    from orchestrator.cli.replay.stacks import Window, memory_stack

    window = Window(data, days[0].date(), days[1].date(), universe)
    check(window)
    with progress(quiet=quiet) as bar, memory_stack(window) as stack:
        task = bar.add_task("replay", total=None)
        drive(stack, lambda done, total, at: bar.update(task, completed=done, total=total, description=f"{at:%F}"))
        bar.update(task, description="tuning", total=None)
        return stack.builder.tune(modules, now=stack.builder.clock().now())


def told(outcome: Outcome) -> dict[str, Any]:
    """Return an outcome as plain values."""
    return {
        "status": outcome.status.value,
        "reason": outcome.reason,
        "champion": outcome.champion,
        "version": outcome.version,
        "outcome_model": outcome.model,
        "bars_left_out": list(outcome.left_out),
        "tuned": {one.name: _plain(one) for one in outcome.tuned},
    }


def _plain(tuned: Tuned) -> dict[str, Any]:
    verdict = tuned.verdict
    return {
        "verdict": _verdict(tuned),
        "reasons": [tuned.missing] if verdict is None else list(verdict.reasons),
        "p_value": None if verdict is None else verdict.p_value,
        "trials": tuned.trials,
        "changes": {name: {"from": tuned.current[name], "to": value} for name, value in tuned.changes.items()},
        "in_sample": _pair(tuned.in_sample),
        "out_of_sample": _pair(tuned.out_of_sample),
        "folds_won": tuned.folds_won,
        "folds": tuned.folds,
    }


def _pair(scores: tuple[float, float]) -> Mapping[str, float]:
    return {"champion": scores[0], "candidate": scores[1]}


def _verdict(tuned: Tuned) -> str:
    if tuned.verdict is None:
        return "not enough evidence"
    if not tuned.changes:
        return "unchanged"
    return "better" if tuned.verdict.better else "rejected"


def _print(outcomes: Sequence[Outcome]) -> None:
    out = show.console()
    for one in outcomes:
        style = _STYLE.get(one.status.value, "bold")
        version = "" if one.version is None else f", version {one.version}"
        line = f"[bold]{one.module}[/] [{style}]{one.status.value}[/]{version}: {escape(one.reason)}"
        out.print(line, soft_wrap=True)
        if any(found.verdict is not None for found in one.tuned):
            out.print(_table(one.tuned))
            for found in one.tuned:
                for why in (found.missing,) if found.verdict is None else found.verdict.reasons:
                    out.print(f"  {escape(f'{found.name}: {why}')}", soft_wrap=True)
        for why in one.left_out:
            out.print(f"  not learned from: {escape(why)}", soft_wrap=True)
        if one.model:
            out.print(f"  model of trade outcome: {escape(one.model)}", soft_wrap=True)
    out.print("Scores: annualised Sharpe ratio after costs, shrunk for few trades; medians of the folds.")


def _table(tuned: Sequence[Tuned]) -> Table:
    numbers = ("from", "to", "in-sample", "out-of-sample", "won")
    found = show.table("parameter", *numbers, "verdict", numbers=numbers)
    for one in (one for one in tuned if one.verdict is not None):
        scores = (_scores(one.in_sample), _scores(one.out_of_sample), f"{one.folds_won}/{one.folds}", _verdict(one))
        changes = [(name, f"{one.current[name]:g}", f"{value:g}") for name, value in one.changes.items()]
        for index, change in enumerate(changes or [(one.name, "", "")]):
            found.add_row(*change, *(scores if index == 0 else ("",) * 4))
    return found


def _scores(pair: tuple[float, float]) -> str:
    return f"{pair[0]:+.2f} → {pair[1]:+.2f}"
