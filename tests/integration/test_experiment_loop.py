"""The loop end to end: trades, tuning, version, gate, shadow, canary, champion, and the cycles that follow use it."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import ClassVar

import numpy as np

from ml.job import Status
from ml.selfcheck import FIRST, PLANTED, SYMBOLS, WORTH
from orchestrator.adapters.memory.broker import MemoryBroker
from orchestrator.cycle import Desk, ModularOrchestrator
from orchestrator.domain.base import ModuleName
from orchestrator.domain.codec import decode
from orchestrator.domain.documents import BookDoc, ExperimentDoc, book_path, experiment_path
from orchestrator.domain.instruments import AssetClass, Instrument
from orchestrator.domain.market import Bars, DataRequest, Quote
from orchestrator.domain.orders import TimeInForce
from orchestrator.domain.parameters import Parameters
from orchestrator.domain.scene import Execution, Scene, settings_of
from orchestrator.module import Context, DirectionalModule, ModuleConfig
from orchestrator.sweep import sweep
from tests.tuning_stage import PlantedParameters, Stage

STOCKS = ModuleName.STOCKS
TUNED = 420
"""Days that tuning sees."""
DAYS = 700
UNIVERSE = {"all": SYMBOLS}


def market_of(edge: float, rows: int = DAYS) -> dict[str, Bars]:
    """As `tests.tuning_stage.bars`, but what a signal below its worth loses is three times what one above gains."""
    chance = np.random.default_rng(1)
    ends = np.array([int((FIRST + timedelta(days=n)).timestamp()) for n in range(rows)], np.int64)
    found = {}
    for symbol in SYMBOLS:
        signal = chance.uniform(0, 1, rows)
        moves = chance.normal(0, 0.004, rows)
        moves[1:] += np.where(signal[:-1] >= WORTH, edge, np.where(signal[:-1] >= 0.5, -3 * edge, 0.0))
        close = 100 * np.exp(np.cumsum(moves))
        start = np.concatenate([[100.0], close[:-1]])
        high, low = np.maximum(start, close) * 1.001, np.minimum(start, close) * 0.999
        found[symbol] = Bars(ends, start, high, low, close, signal * 1e6)
    return found


class PlantedTrader(DirectionalModule):
    """Trades the planted signal live, by the same code as the shipped modules."""

    module_name: ClassVar[ModuleName] = STOCKS
    parameters_model: ClassVar[type[Parameters]] = PlantedParameters

    def request(self, book: BookDoc, parameters: Parameters, now: datetime) -> DataRequest:
        return DataRequest(bars={1440: SYMBOLS}, quotes=SYMBOLS)

    def look(self, context: Context) -> Scene:
        return Scene(
            module=STOCKS,
            book=context.book,
            market=context.market,
            now=context.now,
            universe=UNIVERSE,
            timeframes=(1440,),
            execution=Execution(),
            strategies=(PLANTED,),
            settings=settings_of(context.parameters, (PLANTED,)),
            instrument=lambda symbol, _price: Instrument(symbol=symbol, asset_class=AssetClass.EQUITY),
            bars_per_year=lambda _minutes: 365.0,
            market_tif=TimeInForce.DAY,
        )


class Live:
    """The stage with its module running: a cycle and a sweep after every day's close."""

    def __init__(self, edge: float) -> None:
        self.stage = Stage(rows=TUNED, edge=edge)
        self.series = market_of(edge)
        for symbol, series in self.series.items():
            self.stage.market.put_bars(1440, symbol, series)
        self.now = FIRST
        self.broker = MemoryBroker(now=lambda: self.now, name="venue")
        desk = Desk(PlantedTrader, ModuleConfig(universe=UNIVERSE), self.broker, self.stage.market)
        self.orchestrator = ModularOrchestrator(self.stage.store, {STOCKS: lambda: desk})

    def day(self, number: int) -> None:
        self.now = FIRST + timedelta(days=number, minutes=5)
        prices = {symbol: Decimal(f"{series.close[number]:.2f}") for symbol, series in self.series.items()}
        self.broker.set_prices(prices)
        size, half = Decimal(100_000), Decimal("0.01")
        self.stage.market.put_quotes(
            Quote(symbol=one, ts=self.now, bid=px - half, ask=px + half, bid_size=size, ask_size=size)
            for one, px in prices.items()
        )
        self.orchestrator.cycle(STOCKS, slot=self.now, now=self.now)
        sweep(self.stage.store, self.now)

    @property
    def experiment(self) -> ExperimentDoc | None:
        path = experiment_path(STOCKS)
        found = self.stage.store.get_many([path])
        return decode(ExperimentDoc, dict(found[path].data), where=path) if found else None

    @property
    def book(self) -> BookDoc:
        path = book_path(STOCKS)
        return decode(BookDoc, dict(self.stage.store.get_many([path])[path].data), where=path)

    def versions_traded(self) -> list[int]:
        trades = self.stage.store.query("trades", order_by="closed_at", limit=5000)
        return [one.data["trade"]["parameters_version"] for one in trades]


def test_what_tuning_found_better_proves_itself_step_by_step_and_then_trades() -> None:
    live = Live(edge=0.004)
    for number in range(TUNED - 20, TUNED):
        live.day(number)
    assert set(live.versions_traded()) == {1}
    outcome = live.stage.tune()
    assert (outcome.status, outcome.version) == (Status.SHADOW, 2)
    assert live.stage.active().version == 1
    assert live.stage.document("parameters/stocks/versions/2").provenance["verdict"] == "shadow"

    seen = {}
    for number in range(TUNED, DAYS):
        live.day(number)
        assert live.experiment is not None
        seen.setdefault(live.experiment.stage.value, (number, live.stage.active().version, set(live.versions_traded())))
        if live.experiment.stage == "champion" and number > seen["champion"][0] + 3:
            break
    assert list(seen) == ["shadow", "canary", "champion"], (seen, live.experiment)
    assert [version for _, version, _ in seen.values()] == [1, 1, 2]
    assert seen["canary"][2] == {1}
    assert seen["champion"][2] == {1, 2}
    assert live.book.parameters_version == 2
    assert live.versions_traded()[-1] == 2
    assert [step.stage for step in live.experiment.steps] == ["shadow", "canary", "champion"]
    acts = [one.data["action"] for one in live.stage.store.query("audit", order_by="n")]
    assert acts == ["parameters_shadow", "experiment_canary", "experiment_champion"]
    told = [one.data["kind"] for one in live.stage.store.query("events", limit=5000)]
    assert (told.count("experiment_moved"), told.count("parameters_activated")) == (2, 1)


def test_what_the_gate_refuses_is_not_even_tried() -> None:
    live = Live(edge=0.0)
    for number in range(TUNED - 3, TUNED):
        live.day(number)
    assert live.stage.tune().status in {Status.REJECTED, Status.UNCHANGED}
    live.day(TUNED)
    assert live.experiment is None
    assert live.book.trial is None
    assert live.book.parameters_version == 1
