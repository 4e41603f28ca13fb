"""A backtest of options: their module replayed on recorded chains through the desk itself and the local venue.

Bars cannot tell what a structure earns. The replay trades quotes of whole chains, with expiry, exercise, assignment and
fees at the venue; what it leaves is summed up as every backtest is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path

import numpy as np

from ml.backtest.regimes import regimes_of
from ml.backtest.summary import Line, Summary, summarised
from ml.backtest.trips import Trip
from orchestrator.cli.backtest.bars import Sources
from orchestrator.cli.backtest.stages import Found, Replay
from orchestrator.cli.backtest.terms import Asked
from orchestrator.cli.replay.command import check
from orchestrator.cli.replay.driver import Progress, drive
from orchestrator.cli.replay.report import Findings, gather
from orchestrator.cli.replay.stacks import MemoryStack, Moment, Window, memory_stack
from orchestrator.domain.base import ZERO, ModuleName
from orchestrator.domain.codec import decode, encode
from orchestrator.domain.documents import ParametersDoc, parameters_path
from orchestrator.domain.errors import ConfigurationError, DomainError
from orchestrator.domain.positions import Trade
from orchestrator.ports import Put

MODULE = ModuleName.OPTIONS
CONTRACT = 100.0
_DAILY = 1440


@dataclass(frozen=True, slots=True)
class _Replayed:
    findings: Findings
    capital: float
    cycles: int


def by_replay(asked: Asked, sources: Sources, progress: Progress) -> Found:
    """Return the backtest of the options module.

    Raises
    ------
    ConfigurationError
        No folder or days are named, or something that a replay does not know; the message says which.
    TradingError
        The folder cannot be replayed.
    """
    window = _window(asked, sources)
    check(window)
    done = _replayed(asked, window, progress)
    line = _line(done)
    worth = np.full(len(line.ends), np.nan)
    per_year = asked.tunables[MODULE].bars_per_year(_DAILY)
    summary = summarised([line], worth, regimes_of(line.ends // 86_400, worth), per_year=per_year)
    held = len(done.findings.books[MODULE].positions)
    told = Replay(str(window.data), done.cycles, held, _symbols(asked))
    return Found(asked, {}, {}, (), [line], summary, (), None, _digest(asked, summary), told)


def _window(asked: Asked, sources: Sources) -> Window:
    if len(sources.paths) != 1 or asked.first is None or asked.last is None:
        raise ConfigurationError("options: name one folder of recorded chains with --data, and --from and --to")
    plain = replace(asked, modules=(), strategies=(), symbols={}, first=None, last=None, values={})
    if plain != Asked((), (), {}, None, None) or sources.minutes or sources.adjust:
        raise ConfigurationError(
            "options: a replay has its own account, costs, limits and bars: only --strategy, --data, --symbols, "
            "--from, --to, --set, --out, --store and --json go with it"
        )
    universe = f"{MODULE}={','.join(_symbols(asked))}"
    return Window(Path(sources.paths[0]), asked.first.date(), asked.last.date(), universe)


def _symbols(asked: Asked) -> tuple[str, ...]:
    return asked.tunables[MODULE].universe["underlyings"]


def _replayed(asked: Asked, window: Window, progress: Progress) -> _Replayed:
    with memory_stack(window) as stack:
        _set(asked, stack)
        moments = [Moment(one.time, (MODULE,)) for one in stack.moments() if MODULE in one.modules]
        if not moments:
            raise DomainError(f"options: no chains of {', '.join(_symbols(asked))} in {window.data} in these days")
        stack.moments = lambda: moments
        run = drive(stack, progress)
        findings = gather(stack)
    account = findings.books[MODULE].account
    venues = findings.ledger["accounts"]
    cash = sum(Decimal(venues[name]["cash_start"]) for name in venues if account and name == account.venue)
    return _Replayed(findings, float(cash), run.cycles[MODULE])


def _set(asked: Asked, stack: MemoryStack) -> None:
    """Give the module what was set: parameters within their bounds, and which strategies it may use."""
    path = parameters_path(MODULE)
    seeded = decode(ParametersDoc, stack.store.get_many([path])[path].data, where=path)
    values = asked.parameters(MODULE, {}).model_dump(mode="json")
    if asked.strategies:
        values["enabled"] = list(asked.strategies)
    stack.store.commit([Put(path, encode(seeded.model_copy(update={"values": values})))])


def _line(done: _Replayed) -> Line:
    """Return what the module gained as a line; where equity is not told at all it is the capital."""
    points = done.findings.curve
    if not points:
        raise DomainError("options: the replay left no equity: too few moments in these days")
    ends = np.array([int(point.at.timestamp()) + 1 for point in points], np.int64)
    gained = np.array([float(point.pnl.get(MODULE, ZERO)) for point in points])
    nothing = np.full(len(points), np.nan)
    return Line(MODULE.value, 0, done.capital, ends, done.capital + gained, nothing, _trips(done.findings.trades))


def _trips(trades: Sequence[Trade]) -> list[Trip]:
    return [_trip(one) for one in trades if one.module is MODULE]


def _trip(trade: Trade) -> Trip:
    """Return a closed structure; prices are of one unit, as the venue quotes it, credits negative."""
    qty = float(trade.qty)
    decided = qty * CONTRACT * abs(float(trade.entry_px))
    return Trip(
        module=MODULE.value,
        strategy=trade.strategy,
        symbol=trade.symbol,
        side=1,
        qty=qty,
        opened=int(trade.opened_at.timestamp()),
        closed=int(trade.closed_at.timestamp()),
        entry_px=float(trade.entry_px),
        exit_px=float(trade.exit_px),
        profit=float(trade.realized_pnl),
        costs=float(trade.fees) + max(trade.entry_slippage_bps, 0.0) / 1e4 * decided,
        risk=float("nan"),
        reason=trade.exit_reason.partition(":")[0],
        minutes=1,
        multiplier=CONTRACT,
    )


def _digest(asked: Asked, summary: Summary) -> str:
    found = hashlib.sha256(np.round(summary.curve.equity, 2).tobytes())
    for part in (_symbols(asked), asked.strategies, dict(asked.values), summary.curve.ends.tolist()):
        found.update(repr(part).encode())
    return found.hexdigest()[:20]
