"""What the lab shows beside backtests: a night's comparison, scores, and an experiment in each stage of its life."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

from orchestrator.domain.base import ModuleName
from orchestrator.domain.documents import ExperimentDoc, ParityDoc, ScoreDoc
from orchestrator.domain.parity import ParitySide, ParityTrade
from orchestrator.domain.scores import Parts, Score
from orchestrator.domain.trial import Arm, Stage
from tests.browser.sample import NOW

STOCKS = ModuleName.STOCKS
MISSING = "bars are missing: bars/alpaca_XLV_1d/chunks/2026 was never published; run `desk data fetch` with --publish"


def parity() -> ParityDoc:
    trades = (
        _trade("XLK", 0.0, -1.2, "0.00"),
        _trade("DIA", 0.4, 63.5, "31.70", why="prices 63.50 bps apart"),
        _trade("XLV", None, None, "0", fate="not_compared", why=MISSING),
        _trade("AMZN", None, None, "0", fate="only_backtest", why="only the backtest entered it"),
    )
    return ParityDoc(
        first=date(2026, 6, 17),
        last=date(2026, 7, 16),
        trades=trades,
        counts={"matched": 2, "not_compared": 1, "only_backtest": 1},
        gap_bps_max=63.5,
        gap_usd=Decimal("31.70"),
        notes=(f"stocks: XLV: {MISSING}",),
        as_of=NOW,
        expire_at=NOW + timedelta(days=365),
    )


def _trade(symbol: str, entry: float | None, leave: float | None, gap: str, **more: str) -> ParityTrade:
    side = ParitySide(
        qty=Decimal(10),
        opened_at=NOW - timedelta(days=3),
        entry_px=Decimal(100),
        closed_at=NOW,
        exit_px=Decimal(101),
        profit=Decimal(10),
    )
    both = more.get("fate") is None
    known = {"module": STOCKS, "strategy": "momentum", "symbol": symbol, "fate": "matched"}
    sides = {"live": None if more.get("fate") == "only_backtest" else side, "backtest": side if both else None}
    gaps = {"entry_gap_bps": entry, "exit_gap_bps": leave, "gap_usd": Decimal(gap)}
    return ParityTrade.model_validate({**known, **sides, **gaps, **more})


def scores() -> ScoreDoc:
    parts = Parts(gain=0.7, risk=0.6, calibration=0.6, slippage=0.5, uptime=1.0)
    good = Score(trades=41, gain=0.021, fall=0.008, brier=0.2, parts=parts, score=68.0, trend=3.5, advice="keep")
    bad = Score(trades=24, gain=-0.012, fall=0.02, brier=0.3, parts=parts, score=41.0, trend=-6.0, advice="less")
    return ScoreDoc(
        module=STOCKS,
        day=date(2026, 7, 15),
        own=good,
        strategies={"momentum": good, "mean_reversion": bad, "leveraged": Score(trades=3)},
        shares={"mean_reversion": Decimal("0.225")},
        updated_at=NOW,
    )


def experiment(stage: Stage, **more) -> ExperimentDoc:
    known = {
        "module": STOCKS,
        "stage": stage,
        "champion": 1,
        "challenger": 2,
        "share": 0.25,
        "champion_arm": Arm(outcomes=60, sum_r=6.0),
        "challenger_arm": Arm(outcomes=24, sum_r=7.44),
        "ratio": 3.1,
        "verdict": "better out of sample",
        "since": NOW,
        "updated_at": NOW,
    }
    return ExperimentDoc.model_validate({**known, **more})
