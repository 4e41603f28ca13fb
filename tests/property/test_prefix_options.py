"""The trend of the options module does not look ahead: on random panels with gaps, and on real ones."""

from __future__ import annotations

from hypothesis import given, settings

from modules.options.parameters import TrendParameters
from modules.options.regime import trend_signals
from modules.options.universe import UNIVERSE
from tests.market_files import daily_stocks
from tests.property.prefix import assert_no_look_ahead, assert_well_formed, panels

SHORT = TrendParameters(fast_days=3, slow_days=31, momentum_days=5)


@settings(max_examples=40)
@given(panel=panels(("SPY", "QQQ", "AAPL"), rows=80, minutes=1440))
def test_later_bars_change_no_trend(panel):
    assert_no_look_ahead(trend_signals, panel, SHORT)
    assert_well_formed(trend_signals(panel, SHORT), panel)


def test_later_bars_change_no_trend_on_real_days(data_root):
    panel = daily_stocks(data_root, UNIVERSE["underlyings"])
    assert_no_look_ahead(trend_signals, panel, TrendParameters(), rows=range(0, len(panel), 7))
    assert {-1.0, 0.0, 1.0} <= set(trend_signals(panel, TrendParameters()).target[60:].ravel().tolist())
