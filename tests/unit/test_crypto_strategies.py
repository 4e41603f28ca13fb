"""What each strategy of the crypto module wants, session by session, in markets drawn by hand."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from modules.crypto.parameters import CryptoParameters
from modules.crypto.sessions import SESSIONS, SessionConfidence, sessions_of, thresholds
from modules.crypto.strategies import STRATEGIES, session_momentum, session_reversion
from modules.crypto.strategies.session_momentum import SessionMomentum
from modules.crypto.strategies.session_reversion import SessionReversion
from orchestrator.domain.market import Signals
from tests.module_views import NOW, panel, rising, steady


def newest(signals: Signals) -> float:
    return float(signals.target[-1, 0])


def at(hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 7, 16, hour, minute, tzinfo=UTC)


def test_every_strategy_has_its_field_in_the_parameters():
    assert {strategy.name for strategy in STRATEGIES} <= set(CryptoParameters.model_fields)


@pytest.mark.parametrize(
    ("moment", "session"),
    [
        (at(0), "asia"),
        (at(7, 59), "asia"),
        (at(8), "europe"),
        (at(13, 59), "europe"),
        (at(14), "us"),
        (at(21, 59), "us"),
        (at(22), "asia"),
        (at(23, 59), "asia"),
    ],
)
def test_the_day_has_three_sessions(moment, session):
    assert SESSIONS[sessions_of(np.array([int(moment.timestamp())]))[0]] == session


def test_each_session_has_its_threshold():
    ends = np.array([int(at(hour).timestamp()) for hour in (3, 9, 15)])
    assert thresholds(ends, SessionConfidence(asia=0.9, europe=0.8, us=0.7))[:, 0].tolist() == [0.9, 0.8, 0.7]


def momentum_at(hour: int, closes: np.ndarray, **changes) -> Signals:
    return session_momentum.evaluate(
        panel({"BTC/USD": closes}, minutes=60, newest=at(hour)), SessionMomentum(**changes)
    )


def test_momentum_enters_a_clear_rise_only_where_the_session_believes_it():
    closes = steady(drift=0.002, swing=0.01)
    strict = SessionConfidence(asia=0.99, europe=0.99, us=0.5)
    assert newest(momentum_at(15, closes, confidence=strict)) == 1.0
    assert np.isnan(newest(momentum_at(9, closes, confidence=strict)))
    assert np.isnan(newest(momentum_at(23, closes, confidence=strict)))


def test_momentum_leaves_when_rise_and_trend_are_gone():
    said = momentum_at(15, rising(drift=-0.002))
    assert newest(said) == 0.0
    assert said.reasons[said.reason[-1, 0]] == "rise and trend lost"


@pytest.mark.parametrize("changes", [{"min_stir": 1.0}, {"max_storm": 1.0}, {"min_rise": 0.5}])
def test_momentum_stands_aside_when_asleep_in_a_storm_or_below_its_fees(changes):
    closes = rising(drift=0.002, noise=0.005)
    quiet, wild = closes.copy(), closes.copy()
    quiet[-24:] = quiet[-25] * np.exp(np.arange(1, 25) * 0.002 + np.tile([0.0005, -0.0005], 12))
    wild[-24:] = wild[-25] * np.exp(np.arange(1, 25) * 0.006 + np.tile([0.02, -0.02], 12))
    shown = {"min_stir": quiet, "max_storm": wild, "min_rise": closes}[next(iter(changes))]
    open_minded = {"confidence": SessionConfidence(us=0.5), "min_stir": 0.0, "max_storm": 5.0}
    assert newest(momentum_at(15, shown, **open_minded)) == 1.0
    assert np.isnan(newest(momentum_at(15, shown, **open_minded | changes)))


def dip(depth: float = 0.97) -> np.ndarray:
    closes = rising(drift=0.001, noise=0.003)
    closes[-1] *= depth
    return closes


def reversion_at(hour: int, closes: np.ndarray, **changes) -> Signals:
    return session_reversion.evaluate(
        panel({"BTC/USD": closes}, minutes=60, newest=at(hour)), SessionReversion(**{"max_storm": 5.0} | changes)
    )


def test_reversion_buys_an_overdone_fall_only_where_the_session_believes_it():
    strict = SessionConfidence(asia=0.5, europe=0.5, us=0.99)
    assert newest(reversion_at(9, dip(), confidence=strict)) == 1.0
    assert np.isnan(newest(reversion_at(15, dip(), confidence=strict)))


def test_reversion_sells_at_the_average():
    assert newest(reversion_at(9, rising(drift=0.002))) == 0.0


@pytest.mark.parametrize("changes", [{"max_storm": 0.5}, {"min_gain": 0.2}, {"z_entry": 4.0}])
def test_reversion_stands_aside_in_a_storm_below_its_fees_and_in_a_small_fall(changes):
    assert np.isnan(newest(reversion_at(9, dip(0.98), **changes)))


def test_reversion_stands_aside_below_the_long_average():
    closes = rising(drift=-0.002)
    closes[-1] *= 0.95
    assert np.isnan(newest(reversion_at(9, closes)))


def test_a_daily_bar_closes_in_the_asian_session():
    assert SESSIONS[sessions_of(np.array([int((NOW.replace(hour=0) - timedelta(seconds=1)).timestamp())]))[0]] == "asia"
