"""No strategy of the crypto module looks ahead: on random panels with gaps, and on real ones."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modules.crypto.sessions import SessionConfidence
from modules.crypto.strategies import STRATEGIES
from modules.crypto.strategies.session_momentum import SessionMomentum
from modules.crypto.strategies.session_reversion import SessionReversion
from modules.crypto.universe import UNIVERSE
from tests.market_files import crypto, daily_crypto, until
from tests.property.prefix import assert_no_look_ahead, assert_warmup_suffices, assert_well_formed, panels

PAIRS = UNIVERSE["pairs"]
EASY = SessionConfidence(asia=0.6, europe=0.55, us=0.5)
SHORT = {
    "session_momentum": SessionMomentum(lookback=4, trend=10, calm_bars=20, min_rise=0, confidence=EASY),
    "session_reversion": SessionReversion(z_bars=5, z_entry=0.5, trend=20, calm_bars=20, min_gain=0, confidence=EASY),
}
"""Parameters with short memories, so that panels of sixty bars see every branch."""

each_strategy = pytest.mark.parametrize("strategy", STRATEGIES, ids=lambda strategy: strategy.name)


@each_strategy
@settings(max_examples=40)
@given(data=st.data())
def test_later_bars_change_nothing(strategy, data):
    panel = data.draw(panels(PAIRS[:3]))
    assert_no_look_ahead(strategy.evaluate, panel, SHORT[strategy.name])
    assert_well_formed(strategy.evaluate(panel, SHORT[strategy.name]), panel)


@each_strategy
@pytest.mark.parametrize("frame", ["15m", "1h"])
def test_later_bars_change_nothing_on_real_bars(strategy, frame, data_root):
    panel = until(crypto(data_root, PAIRS, frame), datetime(2026, 3, 31, tzinfo=UTC), bars=600)
    parameters = type(SHORT[strategy.name])()
    assert_no_look_ahead(strategy.evaluate, panel, parameters, rows=range(0, len(panel), 11))
    assert_warmup_suffices(strategy.evaluate, panel, parameters)


@each_strategy
def test_later_bars_change_nothing_on_real_days(strategy, data_root):
    panel = daily_crypto(data_root, PAIRS[:2])
    assert_no_look_ahead(strategy.evaluate, panel, type(SHORT[strategy.name])(), rows=range(0, len(panel), 7))
