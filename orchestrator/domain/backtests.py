"""A backtest as it is kept: what it earned, how sure that is, and what it does not prove."""

from __future__ import annotations

from datetime import date

from orchestrator.domain.base import Amount, Document, ModuleName, UtcTime, Value

MOST_POINTS = 500
"""Points of a stored curve."""


class Estimate(Value):
    """A number and its 95 % interval; None where it is not defined, or there is too little to say."""

    value: float | None = None
    low: float | None = None
    high: float | None = None


class BacktestDoc(Document):
    """`backtests/{id}`: a run over past bars; the id is a hash of what went in and of its curve. Money in USD."""

    title: str
    modules: tuple[ModuleName, ...]
    symbols: tuple[str, ...]
    first: date
    last: date
    minutes: int
    """Length of a bar; of several modules, the shortest; 0 of a replay."""
    parameters: dict[str, float] = {}
    """What was set away from the shipped values."""
    capital: Amount
    final_equity: Amount
    trades: int
    metrics: dict[str, Estimate] = {}
    days: tuple[date, ...] = ()
    """Of the curve, at most `MOST_POINTS`."""
    equity: tuple[Amount, ...] = ()
    cautions: tuple[str, ...] = ()
    execution: tuple[str, ...] = ()
    created_at: UtcTime
