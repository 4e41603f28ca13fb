"""A market with a known truth for tests of the tuning job: what a signal is worth is planted, or is nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import ClassVar, Literal

import numpy as np

from ml import job
from ml.selfcheck import FIRST, PLANTED, SYMBOLS, Planted, bars
from orchestrator.adapters.memory.market import MemoryMarketData
from orchestrator.adapters.memory.store import MemoryDataLayer
from orchestrator.audit import appended
from orchestrator.domain.base import ModuleName
from orchestrator.domain.codec import decode, encode
from orchestrator.domain.documents import ParametersDoc, TradeDoc, parameters_path, trade_path
from orchestrator.domain.parameters import Parameters
from orchestrator.domain.positions import Trade
from orchestrator.domain.strategy import Strategy
from orchestrator.domain.tuning import Tunable
from orchestrator.ports import Put, Store
from orchestrator.seed import seed
from tests.desk import ScriptedModule


class PlantedParameters(Parameters):
    timeframe: Literal[1440] = 1440
    second: Literal[5] = 5
    planted: Planted = Planted()


class PlantedModule(ScriptedModule):
    parameters_model: ClassVar[type[Parameters]] = PlantedParameters


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
