"""`desk lookahead STRATEGY` and `desk recursion STRATEGY`: whether a strategy tells the truth. Exit 1 = it does not.

Both ask the strategy on a made-up, seeded market; nothing is read from the desk, nothing is changed.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from orchestrator.bootstrap import module_class
from orchestrator.cli import show
from orchestrator.cli.faults import WRONG
from orchestrator.domain.base import ModuleName
from orchestrator.domain.errors import ConfigurationError
from orchestrator.domain.scene import listed
from orchestrator.domain.strategy import Strategy, StrategyParameters

if TYPE_CHECKING:
    from ml.validation.honesty import Fault

Name = Annotated[str, typer.Argument(help="A strategy of any module, such as momentum or long_call.")]
Rows = Annotated[int, typer.Option("--bars", help="Bars of the market beyond the warm-up.", min=20, max=5000)]
Seed = Annotated[int, typer.Option(help="Which made-up market.")]
Minutes = Annotated[int, typer.Option(help="Minutes per bar.", min=1, max=1440)]


def lookahead(
    strategy: Name, bars: Rows = 200, seed: Seed = 1, minutes: Minutes = 1440, as_json: show.AsJson = False
) -> None:
    """Look for a bar on which a strategy knew what came later."""
    from ml.validation.honesty import look_ahead, made_up

    found, settings, symbols = _strategy(strategy)
    panel = made_up(symbols, rows=settings.warmup + bars, minutes=minutes, seed=seed, gaps=0.02)
    stride = 1 if isinstance(settings, StrategyParameters) else max(bars // 20, 1)
    fault = look_ahead(found.evaluate, panel, settings, rows=range(0, len(panel), stride))
    _tell("lookahead", strategy, fault, rows=len(panel), as_json=as_json)


def recursion(
    strategy: Name, bars: Rows = 200, seed: Seed = 1, minutes: Minutes = 1440, as_json: show.AsJson = False
) -> None:
    """Look for a bar on which a strategy's signal depends on where its history begins."""
    from ml.validation.honesty import made_up
    from ml.validation.honesty import recursion as first_fault

    found, settings, symbols = _strategy(strategy)
    panel = made_up(symbols, rows=settings.warmup + bars, minutes=minutes, seed=seed)
    fault = first_fault(found.evaluate, panel, settings)
    _tell("recursion", strategy, fault, rows=len(panel), as_json=as_json)


def _strategy(name: str) -> tuple[Strategy, Any, tuple[str, ...]]:
    """Return a strategy by its name, its default parameters, and the symbols it looks at.

    Those of options are asked on chains made of the bars; pricing them takes its time, so there are fewer symbols.
    """
    known: dict[str, tuple[Strategy, Any, tuple[str, ...]]] = {}
    for module in (ModuleName.STOCKS, ModuleName.CRYPTO):
        tunable = import_module(f"modules.{module}.tuning").tunable(module_class(module)[1](None))
        for one in tunable.strategies:
            symbols = listed(tunable.universe, (*one.trades, *one.reads))
            known[one.name] = one, getattr(tunable.model(), one.name), symbols
    options = import_module("modules.options.rehearsal")
    known |= {one.name: (one, options.OptionsParameters(), options.SYMBOLS) for one in options.REHEARSED}
    if name not in known:
        raise ConfigurationError(f"strategy {name!r} is not known; one of {', '.join(known)}")
    return known[name]


def _tell(check: str, strategy: str, fault: Fault | None, *, rows: int, as_json: bool) -> None:
    if as_json:
        show.print_json({"check": check, "strategy": strategy, "bars": rows, "fault": _plain(fault)})
    elif fault is None:
        show.console().print(f"[green]ok[/] {escape(strategy)}: {check}, {rows} bars, nothing found")
    else:
        show.console().print(f"[bold red]{check}[/] {escape(f'{strategy}: {fault}')}", soft_wrap=True)
    if fault is not None:
        raise typer.Exit(WRONG)


def _plain(fault: Fault | None) -> dict[str, Any] | None:
    if fault is None:
        return None
    return {
        "field": fault.field,
        "symbol": fault.symbol,
        "bar": fault.row,
        "at": fault.at,
        "as_known": repr(fault.said),
        "otherwise": repr(fault.elsewhere),
    }
