"""A market with a known truth for tests of the tuning job: what a signal is worth is planted, or is nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from ml import job
from orchestrator.adapters.memory.market import MemoryMarketData
from orchestrator.adapters.memory.store import MemoryDataLayer
from orchestrator.audit import appended
from orchestrator.domain.base import ModuleName
from orchestrator.domain.codec import decode, encode
from orchestrator.domain.documents import ParametersDoc, TradeDoc, parameters_path, trade_path
from orchestrator.domain.market import Bars, Panel, Signals
from orchestrator.domain.parameters import Parameters
from orchestrator.domain.positions import Trade
from orchestrator.domain.stops import ExitRules
from orchestrator.domain.strategy import Strategy, StrategyParameters, signals
from orchestrator.domain.tuning import Tunable
from orchestrator.ports import Put, Store
from orchestrator.seed import seed
from tests.desk import ScriptedModule

DAY = 86_400
FIRST = datetime(2025, 1, 1, 20, 0, tzinfo=UTC)
SYMBOLS = ("A", "B", "C", "D")
WORTH = 0.65
"""Confidence from which a planted signal earns; below, it loses as much."""


class Planted(StrategyParameters):
    """Enters on a bar whose volume, in millions, is at least `min_confidence`; two numbers of no effect."""

    max_positions: int = Field(default=4, ge=0, le=12)
    min_confidence: float = Field(default=0.5, ge=0, le=1)
    lookback: int = Field(default=5, ge=2, le=20)
    idle: float = Field(default=0.5, ge=0, le=1)
    exits: ExitRules = ExitRules(stop_moves=6, target_r=10, trail_after_r=10, trail_r=5, max_hold_hours=2160)


def evaluate(panel: Panel, parameters: Planted) -> Signals:
    confidence = panel.volume / 1e6
    enter = confidence >= parameters.min_confidence
    return signals(enter, ~enter, confidence, ("in", "out"))


PLANTED = Strategy("planted", evaluate, trades=("all",))


class PlantedParameters(Parameters):
    timeframe: Literal[1440] = 1440
    second: Literal[5] = 5
    planted: Planted = Planted()


class PlantedModule(ScriptedModule):
    parameters_model: ClassVar[type[Parameters]] = PlantedParameters


def bars(rows: int, seed_: int, *, edge: float) -> dict[str, Bars]:
    """Return daily bars; the day after a signal gains `edge` where the signal is worth it, loses as much if not."""
    chance = np.random.default_rng(seed_)
    ends = np.array([int((FIRST + timedelta(days=n)).timestamp()) for n in range(rows)], np.int64)
    found = {}
    for symbol in SYMBOLS:
        signal = chance.uniform(0, 1, rows)
        moves = chance.normal(0, 0.004, rows)
        moves[1:] += np.where(signal[:-1] >= WORTH, edge, np.where(signal[:-1] >= 0.5, -edge, 0.0))
        close = 100 * np.exp(np.cumsum(moves))
        start = np.concatenate([[100.0], close[:-1]])
        high, low = np.maximum(start, close) * 1.001, np.minimum(start, close) * 0.999
        found[symbol] = Bars(ends, start, high, low, close, signal * 1e6)
    return found


@dataclass
class Stage:
    """One desk whose stocks module has the planted strategy."""

    __test__ = False

    edge: float = 0.004
    rows: int = 420
    seed: int = 1
    strategy: Strategy = PLANTED
    store: Store = field(default_factory=MemoryDataLayer)
    market: MemoryMarketData = field(default_factory=MemoryMarketData)

    def __post_init__(self) -> None:
        for symbol, series in bars(self.rows, self.seed, edge=self.edge).items():
            self.market.put_bars(1440, symbol, series)
        seed(self.store, {ModuleName.STOCKS: PlantedParameters()}, now=FIRST)

    @property
    def now(self) -> datetime:
        return FIRST + timedelta(days=self.rows - 1, hours=2)

    def tune(self, *, nights: int = 0, timeframes: tuple[str, ...] = ("timeframe",)) -> job.Outcome:
        tunable = Tunable(
            module=ModuleName.STOCKS,
            model=PlantedParameters,
            universe={"all": SYMBOLS},
            bars_per_year=lambda _minutes: 365.0,
            cost_bps=2.0,
            strategies=(self.strategy,),
            timeframes=timeframes,
        )
        data = {ModuleName.STOCKS: self.market}
        now = self.now + timedelta(days=nights)
        [found] = job.run(self.store, [tunable], data, now, code="test", audited=appended)
        return found

    def active(self) -> ParametersDoc:
        return self.document(parameters_path(ModuleName.STOCKS))

    def document(self, path: str) -> ParametersDoc:
        return decode(ParametersDoc, dict(self.store.get_many([path])[path].data), where=path)

    def put_trades(self, trades: list[Trade]) -> None:
        docs = [TradeDoc(trade=t, module=t.module, strategy=t.strategy, closed_at=t.closed_at) for t in trades]
        self.store.commit([Put(trade_path(doc.trade.id), encode(doc)) for doc in docs])


def closed_trades(count: int, *, module: ModuleName = ModuleName.STOCKS, skill: float = 1.0) -> list[Trade]:
    """Return trades whose profit depends on `edge_feature`, more or less, and on confidence not at all."""
    chance = np.random.default_rng(4)
    found = []
    for n in range(count):
        known = {"edge_feature": float(chance.normal()), "noise": float(chance.normal()), "constant": 1.0}
        gain = 100 * (skill * known["edge_feature"] + chance.normal())
        opened = FIRST + timedelta(days=n, hours=-30)
        found.append(
            Trade(
                id=f"t{n:04d}",
                module=module,
                strategy="planted",
                symbol="A",
                qty=Decimal(10),
                entry_px=Decimal(100),
                exit_px=Decimal(101),
                opened_at=opened,
                closed_at=opened + timedelta(hours=20),
                realized_pnl=Decimal(repr(round(gain, 2))),
                fees=Decimal("0.20"),
                entry_slippage_bps=1.0,
                exit_reason="target",
                confidence=float(chance.uniform(0.5, 1)),
                features=known,
                parameters_version=1,
            )
        )
    return found
