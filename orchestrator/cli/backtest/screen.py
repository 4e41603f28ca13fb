"""A backtest on the terminal and as plain values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.markup import escape

from orchestrator.cli import show
from orchestrator.cli.backtest import words
from orchestrator.cli.backtest.stages import Found, Point, moment

if TYPE_CHECKING:
    from ml.backtest.intervals import Measured
    from ml.backtest.trips import Group

ROWS = {
    "total_return": ("total return", "{:+.1%}"),
    "cagr": ("annual growth (CAGR)", "{:+.1%}"),
    "volatility": ("volatility a year", "{:.1%}"),
    "sharpe": ("Sharpe ratio", "{:+.2f}"),
    "sortino": ("Sortino ratio", "{:+.2f}"),
    "calmar": ("Calmar ratio", "{:+.2f}"),
    "max_drawdown": ("deepest drawdown", "{:.1%}"),
    "drawdown_length": ("longest drawdown, trading days", "{:.0f}"),
    "tail_ratio": ("tail ratio", "{:.2f}"),
    "hit_rate": ("hit rate", "{:.1%}"),
    "profit_factor": ("profit factor", "{:.2f}"),
    "expectancy": ("expectancy of a trade, USD", "{:+,.2f}"),
    "payoff": ("mean gain over mean loss", "{:.2f}"),
    "alpha": ("alpha a year", "{:+.1%}"),
    "beta": ("beta", "{:+.2f}"),
    "information_ratio": ("information ratio", "{:+.2f}"),
    "tracking_error": ("tracking error a year", "{:.1%}"),
}
"""Name and form of each metric that has an interval."""
PLAIN = {
    "trades": ("round trips", "{:.0f}"),
    "final_equity": ("final equity, USD", "{:,.2f}"),
    "exposure": ("mean exposure", "{:.1%}"),
    "time_in_market": ("time in the market", "{:.1%}"),
    "turnover": ("turnover a year, times equity", "{:.2f}"),
    "costs": ("costs, USD", "{:,.2f}"),
    "costs_per_year": ("costs a year, of equity", "{:.2%}"),
    "costs_of_profit": ("costs, of profit before them", "{:.1%}"),
}
NOTHING = "–"


def form(shape: str, value: float) -> str:
    """Return a number in its form; one that is not defined is a dash."""
    return shape.format(value) if isfinite(value) else NOTHING


def print_found(found: Found, out: Path | None, stored: str | None) -> None:
    """Print the tables, and what to be careful about."""
    screen, summary = show.console(), found.summary
    first, last = (moment(int(summary.curve.ends[at])) for at in (0, -1))
    names = ", ".join(dict.fromkeys(f"{trip.module}.{trip.strategy}" for trip in summary.trips)) or "no trade"
    screen.print(f"[bold]{escape(names)}[/], {first:%Y-%m-%d} to {last:%Y-%m-%d}", soft_wrap=True)
    table = show.table("metric", "value", "95 % low", "high", numbers=("value", "95 % low", "high"))
    for key, one in {**summary.measured, **summary.against}.items():
        name, shape = ROWS[key]
        table.add_row(name, *(form(shape, value) for value in (one.value, one.low, one.high)))
    for key, value in summary.plain.items():
        name, shape = PLAIN[key]
        table.add_row(name, form(shape, value), "", "")
    screen.print(table)
    for by in ("strategy", "symbol", "session", "regime", "exit") if summary.trips else ():
        screen.print(_groups(by, summary.groups[by]))
    _print_sweep(found)
    for text in words.cautions(found):
        screen.print(f"[yellow]careful[/] {escape(text)}", soft_wrap=True)
    for text in words.execution(found)[:1]:
        screen.print(escape(text), soft_wrap=True)
    for what, path in (("report", out), ("stored", stored)):
        if path is not None:
            screen.print(f"{what}: {escape(str(path))}", soft_wrap=True)


def title_of(found: Found) -> str:
    """Return what ran, in short."""
    return ", ".join(found.asked.strategies or tuple(module.value for module in found.asked.modules))


def _groups(by: str, groups: Sequence[Group]) -> Any:
    numbers = ("trades", "profit", "hit rate", "factor", "mean", "mean R", "costs")
    table = show.table(by, *numbers, numbers=numbers)
    for one in groups[:12]:
        table.add_row(
            escape(one.name),
            str(one.trades),
            f"{one.profit:+,.0f}",
            form("{:.0%}", one.hit_rate),
            form("{:.2f}", one.profit_factor),
            form("{:+,.1f}", one.expectancy),
            form("{:+.2f}", one.mean_r),
            f"{one.costs:,.0f}",
        )
    return table


def _print_sweep(found: Found) -> None:
    if not found.points:
        return
    numbers = ("Sharpe", "final equity", "drawdown", "trades")
    table = show.table("best of the sweep", *numbers, numbers=numbers)
    for point in best(found)[:8]:
        values = ", ".join(f"{name}={value:g}" for name, value in point.values.items())
        told = form("{:+.2f}", point.sharpe), f"{point.final_equity:,.0f}", f"{point.max_drawdown:.1%}"
        table.add_row(escape(values), *told, str(point.trades))
    show.console().print(table)


def best(found: Found) -> list[Point]:
    """Return the points of the sweep, the highest Sharpe ratio first; those without one last."""
    return sorted(found.points, key=lambda one: -one.sharpe if isfinite(one.sharpe) else float("inf"))


def plain(found: Found) -> dict[str, Any]:
    """Return the backtest as plain values; a number that is not defined is null."""
    summary = found.summary
    first, last = (moment(int(summary.curve.ends[at])) for at in (0, -1))
    return {
        "id": found.digest,
        "modules": [module.value for module in found.asked.modules],
        "first": first,
        "last": last,
        "capital": summary.curve.capital,
        "metrics": {name: measured(one) for name, one in summary.measured.items()},
        "against_benchmark": {name: measured(one) for name, one in summary.against.items()},
        "plain": {name: number(value) for name, value in summary.plain.items()},
        "groups": {by: [_group(one) for one in groups] for by, groups in summary.groups.items()},
        "sweep": [_point(one) for one in found.points],
        "sweep_p_values": None if found.luck is None else dict(zip(("nothing", "as_it_is"), found.luck, strict=True)),
        "trades": [_finite(asdict(trip)) for trip in summary.trips],
        "cautions": words.cautions(found),
        "execution": words.execution(found),
        "bars": words.bars(found),
    }


def _point(one: Point) -> dict[str, Any]:
    told = (one.sharpe, one.final_equity, one.max_drawdown)
    names = ("sharpe", "final_equity", "max_drawdown")
    numbers = {name: number(value) for name, value in zip(names, told, strict=True)}
    return {"values": dict(one.values), **numbers, "trades": one.trades}


def measured(one: Measured) -> dict[str, float | None]:
    """Return a number with its interval."""
    return {"value": number(one.value), "low": number(one.low), "high": number(one.high)}


def number(value: float) -> float | None:
    """Return a number that JSON has, None for one that is not defined."""
    return float(value) if isfinite(value) else None


def _group(one: Group) -> dict[str, Any]:
    return _finite(asdict(one))


def _finite(values: dict[str, Any]) -> dict[str, Any]:
    return {name: number(value) if isinstance(value, float) else value for name, value in values.items()}
