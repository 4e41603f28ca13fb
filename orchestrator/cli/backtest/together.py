"""A backtest of options beside other modules: all of them in one account, through the desk itself on recorded days.

Modules take room from each other under the limits they share, and only a desk that runs them all knows how much. The
replay (`desk replay`) is that desk; what it leaves is summed up as every backtest is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import numpy as np

from ml.backtest.outcome import trip_of
from ml.backtest.regimes import regimes_of
from ml.backtest.summary import Line, curve_of, summarised
from ml.backtest.trips import Trip, in_order
from orchestrator.cli.backtest.bars import Sources
from orchestrator.cli.backtest.stages import Chains, Found, Told
from orchestrator.cli.backtest.terms import Asked
from orchestrator.cli.replay.command import check
from orchestrator.cli.replay.driver import drive
from orchestrator.cli.replay.report import Findings, gather
from orchestrator.cli.replay.stacks import MemoryStack, Moment, Window, memory_stack
from orchestrator.domain.base import ZERO, ModuleName
from orchestrator.domain.codec import decode, encode
from orchestrator.domain.documents import ParametersDoc, parameters_path
from orchestrator.domain.errors import ConfigurationError, DomainError
from orchestrator.domain.positions import Trade
from orchestrator.ports import Put

_DAILY = 1440
_CONTRACT = 100.0


@dataclass(frozen=True, slots=True)
class _Replayed:
    findings: Findings
    capital: float
    moments: int


def by_desk(asked: Asked, sources: Sources, told: Told) -> Found:
    """Return the backtest of several modules in one account.

    Raises
    ------
    ConfigurationError
        No folder or days are named, or something that the desk itself does not take; the message says which.
    TradingError
        The folder cannot be replayed.
    """
    window = _window(asked, sources)
    check(window)
    done = _replayed(asked, window, told)
    told("intervals")
    lines = [_line(done, module) for module in asked.modules]
    days = curve_of(lines).ends // 86_400
    unknown = np.full(len(days), np.nan)
    per_year = max(one.bars_per_year(_DAILY) for one in asked.tunables.values())
    summary = summarised(lines, unknown, regimes_of(days, unknown), per_year=per_year)
    held = sum(len(done.findings.books[module].positions) for module in asked.modules)
    chains = Chains(str(window.data), done.moments, held, _symbols(asked), by_desk=True)
    return Found(asked, {}, {}, (), lines, summary, (), None, _digest(asked, lines), chains)


def _window(asked: Asked, sources: Sources) -> Window:
    names = ", ".join(asked.modules)
    if len(sources.paths) != 1 or asked.first is None or asked.last is None:
        raise ConfigurationError(f"{names}: name one folder of recorded days with --data, and --from and --to")
    plain = replace(asked, modules=(), symbols={}, first=None, last=None, values={})
    if plain != Asked((), (), {}, None, None) or sources.minutes or sources.adjust:
        raise ConfigurationError(
            f"{names}: together they run through the desk itself, with its own account, costs, limits and bars: only "
            "--data, --symbols, --from, --to, --set, --out, --store and --json go with it"
        )
    universe = " ".join(f"{module}={','.join(names)}" for module, names in asked.symbols.items())
    return Window(Path(sources.paths[0]), asked.first.date(), asked.last.date(), universe)


def _symbols(asked: Asked) -> tuple[str, ...]:
    return tuple(
        dict.fromkeys(symbol for one in asked.tunables.values() for symbol in sorted(sum(one.universe.values(), ())))
    )


def _replayed(asked: Asked, window: Window, told: Told) -> _Replayed:
    with memory_stack(window) as stack:
        _set(asked, stack)
        moments = [
            Moment(one.time, due)
            for one in stack.moments()
            if (due := tuple(module for module in one.modules if module in asked.modules))
        ]
        if not moments:
            raise DomainError(f"{window.data}: nothing of {', '.join(asked.modules)} in these days")
        stack.moments = lambda: moments
        days: set[datetime] = set()
        drive(stack, lambda _index, _count, moment: _tell_day(told, days, moment))
        findings = gather(stack)
    venues = {book.account.venue for book in findings.books.values() if book.account is not None}
    cash = [Decimal(one["cash_start"]) for name, one in findings.ledger["accounts"].items() if name in venues]
    return _Replayed(findings, float(sum(cash, ZERO)), len(moments))


def _tell_day(told: Told, days: set[datetime], moment: datetime) -> None:
    day = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    if day not in days:
        days.add(day)
        told(f"{day:%Y-%m-%d}")


def _set(asked: Asked, stack: MemoryStack) -> None:
    """Give each module the parameters that were set, within their bounds."""
    paths = {module: parameters_path(module) for module in asked.modules}
    found = stack.store.get_many(list(paths.values()))
    for module, path in paths.items():
        seeded = decode(ParametersDoc, found[path].data, where=path)
        values = asked.parameters(module, {}).model_dump(mode="json")
        stack.store.commit([Put(path, encode(seeded.model_copy(update={"values": values})))])


def _line(done: _Replayed, module: ModuleName) -> Line:
    """Return what a module gained, on the whole capital; what all gained is added up."""
    points = done.findings.curve
    if not points:
        raise DomainError(f"{module}: the desk left no equity: too few moments in these days")
    ends = np.array([int(point.at.timestamp()) + 1 for point in points], np.int64)
    gained = np.array([float(point.pnl.get(module, ZERO)) for point in points])
    untold = np.full(len(points), np.nan)
    return Line(
        module.value, 0, done.capital, ends, done.capital + gained, untold, _trips(done.findings.trades, module)
    )


def _trips(trades: Sequence[Trade], module: ModuleName) -> Sequence[Trip]:
    return in_order(_trip(one) for one in trades if one.module is module)


def _trip(trade: Trade) -> Trip:
    """Return a round trip; it costs its fees and what its entry paid beyond the decided price."""
    multiplier = _CONTRACT if trade.module is ModuleName.OPTIONS else 1.0
    decided = float(trade.qty) * multiplier * abs(float(trade.entry_px))
    costs = float(trade.fees) + max(trade.entry_slippage_bps, 0.0) / 1e4 * decided
    return trip_of(trade, costs=costs, risk=float("nan"), multiplier=multiplier)


def _digest(asked: Asked, lines: Sequence[Line]) -> str:
    """Return a hash of what went in and, since code changes too, of the curves that came out, to the cent."""
    found = hashlib.sha256()
    for part in (_symbols(asked), asked.modules, dict(asked.values), lines[0].ends.tolist()):
        found.update(repr(part).encode())
    for line in lines:
        found.update(np.round(line.equity, 2).tobytes())
    return found.hexdigest()[:20]
