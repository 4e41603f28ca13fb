"""What a decision sees: which bars, which price, which universe."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import numpy as np
import pytest

from modules.stocks.module import StocksModule
from modules.stocks.parameters import StocksParameters
from modules.stocks.strategies import STRATEGIES
from modules.stocks.universe import UNIVERSE
from orchestrator.domain.base import ModuleName
from orchestrator.domain.market import MarketSnapshot, Quote
from orchestrator.domain.scene import Execution, Scene, measure, panel_for, reference_price, settings_of
from orchestrator.domain.strategy import Strategy, StrategyParameters, selected, signals
from tests.desk_drill import module_of
from tests.module_views import NOW, book, context, market, panel, rising


def scene(seen: MarketSnapshot) -> Scene:
    module = module_of(StocksModule, UNIVERSE)
    return module.scene(context(book(ModuleName.STOCKS), seen, StocksParameters()))


def test_a_price_is_the_middle_else_one_side_else_the_newest_close_of_any_timeframe():
    daily = panel({"AAPL": np.array([90.0, 91.0])}, newest=NOW - timedelta(hours=18))
    five = panel({"AAPL": np.array([99.0, np.nan]), "MSFT": np.array([1.0, 2.0])}, minutes=5)
    other = panel({"MSFT": np.array([5.0])}, minutes=60)
    panels = {1440: daily, 5: five, 60: other}
    both = Quote(symbol="AAPL", ts=NOW, bid=Decimal(100), ask=Decimal(102))
    ask = Quote(symbol="AAPL", ts=NOW, ask=Decimal(102))
    bid = Quote(symbol="AAPL", ts=NOW, bid=Decimal(100), ask=Decimal(0))
    assert reference_price(scene(market(panels, (both,))), "AAPL") == 101
    assert reference_price(scene(market(panels, (ask,))), "AAPL") == 102
    assert reference_price(scene(market(panels, (bid,))), "AAPL") == 100
    assert reference_price(scene(market(panels)), "AAPL") == 99
    assert reference_price(scene(market({5: five, 1440: daily})), "AAPL") == 99
    assert reference_price(scene(market({60: other})), "AAPL") is None


def test_a_panel_holds_just_the_bars_that_are_needed():
    gappy = rising(100)
    gappy[[95, 97]] = np.nan
    seen = market({1440: panel({"AAPL": rising(100), "MSFT": gappy, "NVDA": rising(3)})})
    minutes, chosen = panel_for(scene(seen), ("AAPL", "MSFT", "NVDA"), bars=10)
    assert (minutes, len(chosen)) == (1440, 12)
    assert chosen.symbols == ("AAPL", "MSFT", "NVDA")
    assert panel_for(scene(seen), ("NVDA",), bars=10) is None
    assert panel_for(scene(seen), ("TSLA",), bars=1) is None


class Listed(StrategyParameters):
    """Parameters that nothing can be looked up by."""

    names: list[str] = []


def test_a_strategy_is_asked_again_only_once_bars_or_parameters_have_changed():
    asked = []

    def evaluate(bars, settings):
        asked.append(settings)
        up = np.ones(bars.close.shape, np.bool_)
        return signals(up, ~up, up.astype(np.float64), ("in", "out"))

    def opinions(bars, settings):
        seen = replace(
            scene(market({1440: bars})),
            strategies=(Strategy("own", evaluate, ("some",)),),
            universe={"some": ("AAPL",)},
            settings={"own": settings},
        )
        return seen.opinions["own"].views["AAPL"].reason

    first, second = panel({"AAPL": rising(100)}), panel({"AAPL": rising(100)})
    cases = [(first, StrategyParameters()), (first, StrategyParameters()), (second, StrategyParameters())]
    cases += [(first, StrategyParameters(weight=0.2)), (first, Listed()), (first, Listed())]
    counts = []
    for bars, settings in cases:
        assert opinions(bars, settings) == "in"
        counts.append(len(asked))
    assert counts == [1, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("closes", [rising(21), np.full(100, 50.0)])
def test_a_symbol_with_too_few_bars_or_without_movement_is_not_measured(closes):
    need = Execution(vol_bars=21)
    assert measure(panel({"AAPL": closes}), "AAPL", need) is None


def test_a_view_of_no_symbol_is_empty():
    assert selected(panel({"AAPL": rising(5)}), ("MSFT",)).close.shape == (0, 0)


def test_leaving_wins_over_entering_and_unknown_confidence_is_none():
    yes = np.array([[True, True, False]])
    said = signals(yes, np.array([[True, False, False]]), np.array([[0.9, np.nan, 2.0]]), ("in", "out"))
    assert said.target[0].tolist()[:2] == [0.0, 1.0]
    assert np.isnan(said.target[0, 2])
    assert said.confidence[0].tolist() == [0.9, 0.0, 1.0]
    assert [said.reasons[r] for r in said.reason[0]] == ["out", "in", "no opinion"]


def test_each_strategy_gets_its_own_parameters():
    knobs = StocksParameters()
    assert settings_of(knobs, STRATEGIES)["momentum"] is knobs.momentum
    assert StrategyParameters().warmup == 1
