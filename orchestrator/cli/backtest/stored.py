"""Keeps a backtest in the desk's store, under a name made of all that decides it: keeping it again changes nothing."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from decimal import Decimal

from ml.backtest.thinning import thinned
from orchestrator.bootstrap import Builder
from orchestrator.cli.backtest import words
from orchestrator.cli.backtest.screen import measured, title_of
from orchestrator.cli.backtest.stages import Found, moment
from orchestrator.domain.backtests import MOST_POINTS, BacktestDoc, Estimate
from orchestrator.domain.base import cents
from orchestrator.domain.codec import encode
from orchestrator.domain.errors import AlreadyExistsError
from orchestrator.domain.paths import backtest_path
from orchestrator.ports import Create


def keep(desk: Builder, found: Found) -> str:
    """Keep a backtest and return its path; one that is there already stays as it is."""
    path = backtest_path(found.digest)
    with suppress(AlreadyExistsError):
        desk.store.commit([Create(path, encode(document(found, desk.clock().now())))])
    return path


def document(found: Found, now: datetime) -> BacktestDoc:
    """Return a backtest as it is kept."""
    summary = found.summary
    curve = summary.curve
    rows = thinned(curve.equity, MOST_POINTS)
    days = [moment(int(end)).date() for end in curve.ends]
    numbers = {**summary.measured, **summary.against}
    return BacktestDoc(
        title=title_of(found),
        modules=found.asked.modules,
        symbols=_symbols(found),
        first=days[0],
        last=days[-1],
        minutes=min(line.minutes for line in found.lines),
        parameters=dict(found.asked.values),
        capital=_usd(curve.capital),
        final_equity=_usd(float(curve.equity[-1])),
        trades=len(summary.trips),
        metrics={name: Estimate(**measured(one)) for name, one in numbers.items()},
        days=tuple(days[row] for row in rows),
        equity=tuple(_usd(float(curve.equity[row])) for row in rows),
        cautions=tuple(words.cautions(found)),
        execution=tuple(words.execution(found)),
        created_at=now,
    )


def _symbols(found: Found) -> tuple[str, ...]:
    if found.chains is not None:
        return found.chains.symbols
    return tuple(dict.fromkeys(symbol for run in found.runs for symbol in run.market.panel.symbols))


def _usd(value: float) -> Decimal:
    return cents(Decimal(repr(value)))
