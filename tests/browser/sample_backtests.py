"""Kept backtests for the page: one that proves something, and one that does not."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import numpy as np

from orchestrator.domain.backtests import BacktestDoc, Estimate
from orchestrator.domain.base import ModuleName, cents
from orchestrator.domain.paths import backtest_path
from tests.browser.sample import NOW

FIRST = date(2025, 1, 2)
UNSURE = (
    "The 95 % interval of the Sharpe ratio, -0.85 to +2.14, holds zero: this result cannot be told from luck.",
    "8 positions were still open at the end and are counted at their last price.",
)


def backtests() -> dict[str, BacktestDoc]:
    return {
        backtest_path("a" * 20): _kept("stocks", drift=0.0001, sharpe=(0.64, -0.85, 2.14), cautions=UNSURE),
        backtest_path("b" * 20): _kept("session_momentum", drift=0.002, sharpe=(1.9, 0.7, 3.1), cautions=()),
    }


def _kept(title: str, *, drift: float, sharpe: tuple[float, float, float], cautions: tuple[str, ...]) -> BacktestDoc:
    moves = np.random.default_rng(3).normal(drift, 0.004, 300)
    worth = [cents(Decimal(repr(float(value)))) for value in 100_000 * np.cumprod(1 + moves)]
    return BacktestDoc(
        title=title,
        modules=(ModuleName.STOCKS,),
        symbols=("SPY", "QQQ", "XLK"),
        first=FIRST,
        last=FIRST + timedelta(days=299),
        minutes=1440,
        capital=Decimal(100_000),
        final_equity=worth[-1],
        trades=195,
        metrics={
            "sharpe": Estimate(value=sharpe[0], low=sharpe[1], high=sharpe[2]),
            "max_drawdown": Estimate(value=0.053, low=0.025, high=0.114),
        },
        days=tuple(FIRST + timedelta(days=day) for day in range(300)),
        equity=tuple(worth),
        cautions=cautions,
        execution=("What a bar's close decides is filled at the open of the next bar.",),
        created_at=NOW,
    )
