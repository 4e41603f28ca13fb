"""No strategy of the stocks module looks ahead: on random panels with gaps, and on real ones."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modules.stocks.strategies import STRATEGIES
from modules.stocks.strategies.leveraged import Leveraged
from modules.stocks.strategies.mean_reversion import MeanReversion
from modules.stocks.strategies.momentum import Momentum
from modules.stocks.strategies.sector_rotation import SectorRotation
from modules.stocks.universe import UNIVERSE
from tests.market_files import daily_stocks, minute_stocks, until
from tests.property.prefix import assert_no_look_ahead, assert_warmup_suffices, assert_well_formed, panels

SYMBOLS = ("SPY", "QQQ", "TQQQ", "SQQQ", "XLK")
SHORT = {
    "sector_rotation": SectorRotation(lookback=5, max_positions=1, hold_ranks=1, min_rise=0, min_confidence=0.5),
    "momentum": Momentum(lookback=5, trend=10, min_rise=0, min_confidence=0.5),
    "mean_reversion": MeanReversion(trend=20, z_bars=5, z_entry=0, rsi_entry=45, min_gain=0, min_confidence=0.5),
    "leveraged": Leveraged(lookback=5, trend=10, calm_bars=20, min_confidence=0.55),
}
"""Parameters with short memories, so that panels of sixty bars see every branch."""

each_strategy = pytest.mark.parametrize("strategy", STRATEGIES, ids=lambda strategy: strategy.name)


@each_strategy
@settings(max_examples=40)
@given(data=st.data())
def test_later_bars_change_nothing(strategy, data):
    panel = data.draw(panels(SYMBOLS))
    assert_no_look_ahead(strategy.evaluate, panel, SHORT[strategy.name])
    assert_well_formed(strategy.evaluate(panel, SHORT[strategy.name]), panel)


@each_strategy
def test_later_bars_change_nothing_on_real_days(strategy, data_root):
    panel = daily_stocks(data_root, [*UNIVERSE["sectors"], *UNIVERSE["large_caps"]])
    parameters = type(SHORT[strategy.name])()
    assert_no_look_ahead(strategy.evaluate, panel, parameters, rows=range(0, len(panel), 7))
    assert_warmup_suffices(strategy.evaluate, panel, parameters)


@each_strategy
def test_later_bars_change_nothing_on_real_minutes_with_gaps(strategy, data_root):
    symbols = [symbol for listed in UNIVERSE.values() for symbol in listed]
    panel = until(minute_stocks(data_root, dict.fromkeys(symbols), 5), datetime(2019, 12, 25, tzinfo=UTC))
    assert_no_look_ahead(strategy.evaluate, panel, SHORT[strategy.name], rows=range(0, len(panel), 13))
