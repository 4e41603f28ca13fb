"""From what was asked to what was earned: the bars of each module, its stage, every run, and the sum of all."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

from ml.backtest.metrics import max_drawdown, sharpe
from ml.backtest.reality import reality_check
from ml.backtest.regimes import day_numbers, regimes_of, worth_of
from ml.backtest.sessions import session_flags
from ml.backtest.stage import Run, Stage, dividends_of, window_of
from ml.backtest.summary import Curve, Line, Summary, curve_of, line_of, summarised
from ml.validation.panels import check_panel
from orchestrator.cli.backtest.bars import Feed, Sources, desk_symbol, feed_of
from orchestrator.cli.backtest.sessions import session_hours
from orchestrator.cli.backtest.terms import Asked, grids_of
from orchestrator.domain.base import ModuleName
from orchestrator.domain.errors import ConfigurationError, DomainError
from orchestrator.domain.market import Floats, Panel, panel_of
from orchestrator.domain.series import DAILY

Told = Callable[[str], None]
"""Called with what is being done, once for each step of the progress bar."""
_DAY = timedelta(days=1)
_DAY_S = 86_400


@dataclass(frozen=True, slots=True, eq=False)
class Point:
    """One point of a sweep: its values, what they earned, and the return of each day."""

    values: Mapping[str, float]
    sharpe: float
    final_equity: float
    max_drawdown: float
    trades: int
    returns: Floats


@dataclass(frozen=True, slots=True)
class Chains:
    """What a backtest on recorded chains is told of: folder, moments, positions open at its end, and symbols.

    Parameters
    ----------
    by_desk
        Whether the desk itself ran it, all modules in one account.
    """

    data: str
    moments: int
    held: int
    symbols: tuple[str, ...]
    by_desk: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """A backtest, done.

    Parameters
    ----------
    luck
        p-values of the sweep's best by White's reality check: against earning nothing, and against the values that
        were not swept. None without a sweep.
    """

    asked: Asked
    feeds: Mapping[ModuleName, Feed]
    stages: Mapping[ModuleName, Stage]
    runs: Sequence[Run]
    lines: Sequence[Line]
    summary: Summary
    points: Sequence[Point]
    luck: tuple[float, float] | None
    digest: str
    chains: Chains | None = None


def steps_of(asked: Asked) -> int:
    """Return how many steps the progress bar has."""
    if ModuleName.OPTIONS in asked.modules and len(asked.modules) > 1 and asked.first and asked.last:
        return (asked.last - asked.first).days + 2
    return 2 * len(asked.modules) + (len(asked.points()) if asked.sweep else 0) + 1


def done(asked: Asked, sources: Sources, told: Told) -> Found:
    """Return the backtest that was asked for.

    Raises
    ------
    TradingError
        Something does not fit; the message says what and where.
    """
    feeds, stages = {}, {}
    for module in asked.modules:
        told(f"{module}: reading bars")
        feeds[module] = feed_of(
            sources,
            asked.wanted(module),
            named=bool(asked.symbols.get(module)),
            until=None if asked.last is None else _midnight(asked.last + _DAY),
        )
        stages[module] = _stage(asked, module, feeds[module])
    per_year = max(stage.tunable.bars_per_year(DAILY) for stage in stages.values())
    runs = []
    for module in asked.modules:
        told(f"{module}: running")
        runs.append(stages[module].run(asked.parameters(module, {})))
    points = _swept(asked, stages, told, per_year) if asked.sweep else []
    told("intervals")
    lines = [line_of(run) for run in runs]
    worth = _worth(asked, feeds, runs, curve_of(lines))
    summary = summarised(lines, worth.inside, regimes_of(worth.days, worth.all), per_year=per_year)
    luck = luck_of(points, summary.curve)
    return Found(asked, feeds, stages, runs, lines, summary, points, luck, _digest(asked, stages, summary.curve))


def _stage(asked: Asked, module: ModuleName, feed: Feed) -> Stage:
    panel = panel_of(feed.bars)
    where = f"{module}, {feed.minutes}-minute bars"
    check_panel(panel, where=where)
    if not len(panel):
        raise DomainError(f"{where}: no bars until --to")
    closes = {symbol: float(bars.close[-1]) for symbol, bars in feed.bars.items() if len(bars)}
    lots, leverage = grids_of(module, closes)
    return Stage(
        tunable=asked.tunables[module],
        panel=panel,
        minutes=feed.minutes,
        rows=window_of(panel, _after(asked.first)),
        account=asked.account(module),
        names=asked.names(module),
        lots=lots,
        leverage=leverage,
        flags=_flags(asked, module, panel, feed.minutes),
        actions=dividends_of(panel, feed.dividends),
    )


def _flags(asked: Asked, module: ModuleName, panel: Panel, minutes: int) -> np.ndarray | None:
    """Return the session's flags where a module leaves before the close; None where it does not."""
    parameters = asked.parameters(module, {})
    no_entry = getattr(parameters, "intraday_no_entry_minutes", None)
    if minutes >= DAILY or no_entry is None:
        return None
    leave = int(getattr(parameters, "intraday_leave_minutes", 0))
    hours = session_hours(panel.ends)
    return session_flags(
        panel.ends, minutes, hours, no_entry_minutes=int(no_entry), leave_minutes=leave, at_close=False
    )


def _midnight(day: datetime | None) -> int | None:
    return None if day is None else int(day.timestamp())


def _after(day: datetime | None) -> int | None:
    """Return the first second after a midnight: a bar that ends at midnight is of the day before."""
    midnight = _midnight(day)
    return None if midnight is None else midnight + 1


def _swept(asked: Asked, stages: Mapping[ModuleName, Stage], told: Told, per_year: float) -> list[Point]:
    found = []
    for values in asked.points():
        told(", ".join(f"{name}={value:g}" for name, value in values.items()))
        runs = [stage.run(asked.parameters(module, values)) for module, stage in stages.items()]
        curve = curve_of([line_of(run) for run in runs])
        found.append(point_of(values, curve, sum(run.result.count for run in runs), per_year))
    return found


def point_of(values: Mapping[str, float], curve: Curve, trades: int, per_year: float) -> Point:
    """Return a point of a sweep by the curve that came of its values."""
    return Point(
        values,
        float(sharpe(curve.returns, per_year)),
        float(curve.equity[-1]),
        float(max_drawdown(curve.returns, per_year)),
        trades,
        curve.returns,
    )


def luck_of(points: Sequence[Point], curve: Curve) -> tuple[float, float] | None:
    """Return the p-values of a sweep's best (`Found.luck`); None without a sweep."""
    if not points:
        return None
    returns = np.array([point.returns for point in points])
    return reality_check(returns), reality_check(returns - curve.returns)


@dataclass(frozen=True, slots=True, eq=False)
class _Worth:
    """Worth of the benchmark on every day that is known, and on the days of the backtest."""

    days: np.ndarray
    all: Floats
    inside: Floats


def _worth(asked: Asked, feeds: Mapping[ModuleName, Feed], runs: Sequence[Run], curve: Curve) -> _Worth:
    """Return the benchmark: the one named, else equal sums of all that was traded, bought and held."""
    panels = _benchmark(asked, feeds) if asked.benchmark else [_traded(feeds[ModuleName(r.module)], r) for r in runs]
    days = np.unique(np.concatenate([day_numbers(panel.ends) for panel in panels]))
    inside = curve.ends // _DAY_S
    return _Worth(days, worth_of(panels, days), worth_of([_since(panel, int(inside[0])) for panel in panels], inside))


def _benchmark(asked: Asked, feeds: Mapping[ModuleName, Feed]) -> list[Panel]:
    name = desk_symbol(asked.benchmark)
    found = [panel_of({name: feed.bars[name]}) for feed in feeds.values() if name in feed.bars]
    if not found:
        there = ", ".join(symbol for feed in feeds.values() for symbol in feed.bars)
        raise ConfigurationError(f"--benchmark {name}: no bars of it; there is: {there}")
    return found[:1]


def _traded(feed: Feed, run: Run) -> Panel:
    return panel_of({symbol: feed.bars[symbol] for symbol in run.market.panel.symbols})


def _since(panel: Panel, day: int) -> Panel:
    """Return the panel from the last row before a day on: what was bought at that close."""
    start = int(np.searchsorted(day_numbers(panel.ends), day, side="left"))
    return panel[max(start - 1, 0) :]


def _digest(asked: Asked, stages: Mapping[ModuleName, Stage], curve: Curve) -> str:
    """Return a hash of what went in and, since code changes too, of the curve that came out, to the cent."""
    found = hashlib.sha256(np.round(curve.equity, 2).tobytes())
    for module, stage in stages.items():
        panel, used = stage.panel, asked.parameters(module, {})
        for part in (panel.symbols, stage.rows, stage.account, stage.names, asked.benchmark, dict(asked.sweep)):
            found.update(repr(part).encode())
        found.update(used.model_dump_json().encode())
        for array in (panel.ends, panel.open, panel.high, panel.low, panel.close, panel.volume, stage.actions):
            found.update(np.ascontiguousarray(array).tobytes())
    return found.hexdigest()[:20]


def moment(seconds: int) -> datetime:
    """Return epoch seconds as a time."""
    return datetime.fromtimestamp(seconds, UTC)
