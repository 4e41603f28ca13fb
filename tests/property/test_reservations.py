"""Three modules whose cycles cut into each other's commits never reserve above a limit together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.adapters.memory.broker import MemoryBroker
from orchestrator.adapters.memory.market import MemoryMarketData
from orchestrator.adapters.memory.store import MemoryDataLayer
from orchestrator.cycle import Desk, ModularOrchestrator
from orchestrator.domain.base import ModuleName
from orchestrator.domain.codec import decode, encode
from orchestrator.domain.documents import CONFIG_RISK, DESK_EXPOSURE, BookDoc, ExposureDoc, RiskLimitsDoc, book_path
from orchestrator.domain.exposure import book_exposure, symbol_exposure, total_exposure, used_by
from orchestrator.domain.market import DataRequest, Quote
from orchestrator.domain.opportunities import TradeOpportunity
from orchestrator.domain.orders import Leg, Side
from orchestrator.domain.parameters import Parameters
from orchestrator.domain.risk import RiskLimits
from orchestrator.module import Context, ModuleConfig, TradingModule
from orchestrator.ports import Replace, Snapshot, Usage, Where, Write
from orchestrator.seed import seed
from tests.builders import opportunity

START = datetime(2026, 7, 16, 14, 0, tzinfo=opportunity().decided_at.tzinfo)
SYMBOLS = ("XLK", "MSFT", "SPY", "ORCL")
LIMITS = RiskLimits(
    module_allocation={
        ModuleName.STOCKS: Decimal("0.4"),
        ModuleName.OPTIONS: Decimal("0.3"),
        ModuleName.CRYPTO: Decimal("0.3"),
    },
    symbol_concentration=Decimal("0.15"),
    sector_concentration=Decimal("0.25"),
    gross_exposure=Decimal("0.45"),
    strategy_concentration=Decimal("0.35"),
    open_positions=5,
    position_vol=Decimal(1),
    risk_per_trade=Decimal(1),
    auto_reduce=False,
)
PRICE = Decimal(100)


class Greedy(TradingModule):
    """Wants to enter the symbols it is told, as large as may be."""

    parameters_model: ClassVar[type[Parameters]] = Parameters
    wants: ClassVar[list[str]] = []

    def request(self, book: BookDoc, parameters: Parameters, now: datetime) -> DataRequest:
        return DataRequest(quotes=SYMBOLS)

    def analyze(self, context: Context) -> list[TradeOpportunity]:
        return [self._wish(symbol, context.now) for symbol in self.wants]

    def monitor(self, context: Context) -> list[TradeOpportunity]:
        return []

    def _wish(self, symbol: str, now: datetime) -> TradeOpportunity:
        changes = {"legs": (Leg(symbol=symbol, side=Side.BUY),), "decided_at": now, "quote_ts": now}
        return opportunity(module=self.module_name, symbol=symbol, stop_price=None, **changes)


@dataclass
class CutInto:
    """The store of one module's cycle: before each of its commits others may run a whole cycle."""

    store: MemoryDataLayer
    before_commit: Callable[[], None]
    usage: Usage = field(init=False)

    def __post_init__(self) -> None:
        self.usage = self.store.usage

    def get_many(self, paths: Sequence[str]) -> Mapping[str, Snapshot]:
        return self.store.get_many(paths)

    def commit(self, writes: Sequence[Write]) -> Mapping[str, str]:
        if any(isinstance(write, Replace) and write.path.startswith("books/") for write in writes):
            self.before_commit()
        return self.store.commit(writes)

    def query(
        self, collection: str, where: Sequence[Where] = (), *, order_by: str | None = None, limit: int = 100
    ) -> Sequence[Snapshot]:
        return self.store.query(collection, where, order_by=order_by, limit=limit)


@dataclass
class Stage:
    """Three modules on one store; `cuts` says who runs before whose commit."""

    wants: Mapping[ModuleName, list[str]]
    cuts: list[ModuleName | None]
    fills: bool
    store: MemoryDataLayer = field(default_factory=MemoryDataLayer)
    now: datetime = START
    slots: int = 0

    def __post_init__(self) -> None:
        seed(self.store, {module: Parameters() for module in ModuleName}, now=START)
        self.store.commit([self._limits()])
        self.brokers = {module: self._broker(module) for module in ModuleName}
        self.market = MemoryMarketData()

    def _limits(self) -> Write:
        found = self.store.get_many([CONFIG_RISK])[CONFIG_RISK]
        return Replace(CONFIG_RISK, encode(RiskLimitsDoc(limits=LIMITS, updated_at=START)), found.version)

    def _broker(self, module: ModuleName) -> MemoryBroker:
        broker = MemoryBroker(now=lambda: self.now, name=f"venue-{module}", cash=Decimal(50_000))
        if self.fills:
            broker.set_prices(dict.fromkeys(SYMBOLS, PRICE))
        return broker

    def cycle(self, module: ModuleName, depth: int = 0) -> None:
        """Run the next slot of a module; deeper ones cut into it."""
        self.slots += 1
        self.now = START + timedelta(seconds=self.slots)
        self.market.put_quotes(
            Quote(symbol=symbol, ts=self.now, bid=PRICE - 1, ask=PRICE, bid_size=Decimal(900), ask_size=Decimal(900))
            for symbol in SYMBOLS
        )
        kind = type("Greedy", (Greedy,), {"module_name": module, "wants": self.wants[module]})
        desk = Desk(kind, ModuleConfig(universe={}), self.brokers[module], self.market)
        store = CutInto(self.store, lambda: self._cut(module, depth))
        ModularOrchestrator(store, {module: lambda: desk}).cycle(module, slot=self.now, now=self.now)
        self.check()

    def _cut(self, cut: ModuleName, depth: int) -> None:
        if depth < 3 and self.cuts and (module := self.cuts.pop()) is not None and module is not cut:
            self.cycle(module, depth + 1)

    def check(self) -> None:
        exposure = decode(ExposureDoc, self.store.get_many([DESK_EXPOSURE])[DESK_EXPOSURE].data, where=DESK_EXPOSURE)
        equity = exposure.equity
        sector = sum((symbol_exposure(exposure, symbol) for symbol in ("XLK", "MSFT", "ORCL")), Decimal(0))
        assert total_exposure(exposure) <= equity * LIMITS.gross_exposure
        assert sector <= equity * LIMITS.sector_concentration
        assert all(symbol_exposure(exposure, symbol) <= equity * LIMITS.symbol_concentration for symbol in SYMBOLS)
        for module, share in LIMITS.module_allocation.items():
            assert used_by(exposure, module) <= equity * share
            path = book_path(module)
            book = decode(BookDoc, self.store.get_many([path])[path].data, where=path)
            told = exposure.modules.get(module)
            assert book_exposure(book).reserved_usd == (0 if told is None else told.reserved_usd)
        entries = sum(1 for doc in self.store.query("orders", limit=1000) if not doc.data["terminal"])
        held = sum(share.open_positions for share in exposure.modules.values())
        assert max(entries, held) <= LIMITS.open_positions


@pytest.mark.parametrize("fills", [False, True])
@settings(max_examples=20)
@given(
    wants=st.fixed_dictionaries(
        {module: st.lists(st.sampled_from(SYMBOLS), max_size=3, unique=True) for module in ModuleName}
    ),
    order=st.lists(st.sampled_from(list(ModuleName)), min_size=2, max_size=6),
    cuts=st.lists(st.none() | st.sampled_from(list(ModuleName)), max_size=8),
)
def test_no_interleaving_reserves_above_a_limit(
    fills: bool, wants: dict[ModuleName, list[str]], order: list[ModuleName], cuts: list[ModuleName | None]
) -> None:
    stage = Stage(wants, cuts, fills)
    for module in order:
        stage.cycle(module)
