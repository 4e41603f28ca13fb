"""What each strategy of the stocks module wants in markets drawn by hand."""

import numpy as np
import pytest

from modules.stocks.parameters import StocksParameters
from modules.stocks.strategies import STRATEGIES, leveraged, mean_reversion, momentum, sector_rotation
from modules.stocks.strategies.leveraged import Leveraged
from modules.stocks.strategies.mean_reversion import MeanReversion
from modules.stocks.strategies.momentum import Momentum
from modules.stocks.strategies.sector_rotation import SectorRotation
from orchestrator.domain.indicators import probability
from orchestrator.domain.market import Signals
from tests.module_views import panel, rising, steady


def newest(signals: Signals) -> list[float]:
    return [float(x) for x in signals.target[-1]]


def why(signals: Signals, column: int = 0) -> str:
    return signals.reasons[signals.reason[-1, column]]


def test_every_strategy_has_its_field_in_the_parameters():
    fields = StocksParameters.model_fields
    assert {strategy.name for strategy in STRATEGIES} <= set(fields)


def test_rotation_enters_the_strongest_and_leaves_the_weakest():
    drifts = {"XLK": 0.003, "XLF": 0.002, "XLE": 0.001, "XLU": 0.0002, "XLV": 0.0001}
    market = panel({name: rising(drift=drift, noise=0.002) for name, drift in drifts.items()})
    said = sector_rotation.evaluate(market, SectorRotation(max_positions=2, hold_ranks=1))
    assert newest(said)[:2] == [1.0, 1.0]
    assert np.isnan(newest(said)[2])
    assert newest(said)[3:] == [0.0, 0.0]
    assert why(said) == "among the strongest sectors"
    assert why(said, 4) == "sector lost its strength"


def test_rotation_holds_nothing_that_falls_even_if_it_is_the_strongest():
    market = panel({"XLK": rising(drift=-0.001), "XLF": rising(drift=-0.003)})
    assert newest(sector_rotation.evaluate(market, SectorRotation())) == [0.0, 0.0]


def test_rotation_needs_somebody_to_compare_with():
    assert np.isnan(newest(sector_rotation.evaluate(panel({"XLK": rising()}), SectorRotation()))).all()


def test_rotation_has_no_opinion_of_a_sector_without_the_newest_bar():
    market = panel({"XLK": rising(), "XLF": rising(drift=0.001), "XLE": rising(drift=0.0005)})
    market.close[-1, 0] = np.nan
    assert np.isnan(newest(sector_rotation.evaluate(market, SectorRotation()))[0])
    assert newest(sector_rotation.evaluate(market, SectorRotation()))[1] == 1.0


@pytest.mark.parametrize(("drift", "wanted"), [(0.002, 1.0), (-0.002, 0.0)])
def test_momentum_is_in_what_rises_and_out_of_what_falls(drift, wanted):
    said = momentum.evaluate(panel({"AAPL": rising(drift=drift)}), Momentum())
    assert newest(said) == [wanted]


def test_momentum_has_no_opinion_of_a_fall_above_the_trend_and_of_a_small_rise():
    falling_above = rising(drift=0.003)
    falling_above[-5:] *= 0.93
    assert np.isnan(newest(momentum.evaluate(panel({"AAPL": falling_above}), Momentum(lookback=5)))).all()
    assert np.isnan(newest(momentum.evaluate(panel({"AAPL": rising()}), Momentum(min_rise=0.2)))).all()


def test_momentum_asks_for_confidence():
    market = panel({"AAPL": steady(drift=0.001, swing=0.01)})
    assert newest(momentum.evaluate(market, Momentum(min_confidence=0.6))) == [1.0]
    assert np.isnan(newest(momentum.evaluate(market, Momentum(min_confidence=0.9)))).all()


def test_reversion_buys_the_sharp_fall_in_a_rising_trend_and_sells_at_the_average():
    closes = rising(drift=0.002)
    closes[-2:] *= (0.98, 0.96)
    said = mean_reversion.evaluate(panel({"SPY": closes}), MeanReversion())
    assert newest(said) == [1.0]
    assert float(said.confidence[-1, 0]) >= 0.6
    back = np.append(closes, closes[-3] * 1.01)
    assert newest(mean_reversion.evaluate(panel({"SPY": back}), MeanReversion())) == [0.0]


def test_reversion_stands_aside_below_the_long_average():
    closes = rising(drift=-0.002)
    closes[-2:] *= (0.98, 0.96)
    assert np.isnan(newest(mean_reversion.evaluate(panel({"SPY": closes}), MeanReversion()))).all()


def test_reversion_wants_a_way_back_that_pays():
    closes = rising(drift=0.002)
    closes[-2:] *= (0.98, 0.96)
    assert np.isnan(newest(mean_reversion.evaluate(panel({"SPY": closes}), MeanReversion(min_gain=0.1)))).all()


def funds(drift: float, *, storm: float = 1.0) -> dict[str, np.ndarray]:
    indices = {name: rising(drift=drift, noise=0.003, seed=seed) for name, seed in (("SPY", 1), ("QQQ", 2))}
    for closes in indices.values():
        swing = np.where(np.arange(20) % 2, 1.0, -1.0) * 0.003 * (storm - 1.0)
        closes[-20:] *= np.exp(swing)
    return {"TQQQ": rising(drift=3 * drift), "SQQQ": rising(drift=-3 * drift), "UNKNOWN": rising(), **indices}


def test_bull_funds_in_a_bull_regime_and_bear_funds_in_a_bear_regime():
    bull = leveraged.evaluate(panel(funds(0.002)), Leveraged())
    assert newest(bull)[:2] == [1.0, 0.0]
    bear = leveraged.evaluate(panel(funds(-0.002)), Leveraged())
    assert newest(bear)[:2] == [0.0, 1.0]
    assert np.isnan(newest(bull)[2:]).all()


def test_a_storm_ends_every_leveraged_position():
    said = leveraged.evaluate(panel(funds(0.002, storm=8.0)), Leveraged())
    assert newest(said)[:2] == [0.0, 0.0]
    assert why(said) == "the regime turned or a storm came"


def test_leverage_needs_confidence_after_the_drag_of_the_reset():
    closes = {name: steady(drift=0.001, swing=0.01) for name in ("TQQQ", "SPY", "QQQ")}
    said = leveraged.evaluate(panel(closes), Leveraged(min_confidence=0.55))
    assert newest(said)[0] == 1.0
    undragged = 0.001 * 20**0.5 / 0.01026
    assert float(said.confidence[-1, 0]) < float(probability(np.array(undragged)))
    assert np.isnan(newest(leveraged.evaluate(panel(closes), Leveraged(min_confidence=0.7)))[0])


@pytest.mark.parametrize("absent", ["SPY", "QQQ"])
def test_without_both_indices_there_is_no_regime(absent):
    closes = {name: series for name, series in funds(0.002).items() if name != absent}
    assert np.isnan(newest(leveraged.evaluate(panel(closes), Leveraged()))).all()


def test_a_row_without_an_index_is_neither_bull_nor_bear():
    market = panel(funds(0.002))
    market.close[-1, market.column("SPY")] = np.nan
    assert np.isnan(newest(leveraged.evaluate(market, Leveraged()))).all()
