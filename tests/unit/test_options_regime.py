"""Trend and volatility regime, and which strategy each calls for."""

from __future__ import annotations

import math
from datetime import timedelta

import numpy as np
import pytest

from modules.options.parameters import OptionsParameters, TrendParameters, VolatilityParameters
from modules.options.playbook import PLAYBOOK, STRATEGIES, confidence, suited
from modules.options.regime import Regime, Trend, VolRegime, rank, regime_of, trend_of, volatility_regime
from orchestrator.domain.chains import view_of
from orchestrator.domain.market import panel_of
from tests.options_market import NOW, RATE, chain_of, closes, daily_bars

KNOBS = OptionsParameters()


def panel(drift: float, vol: float = 0.2, count: int = 120):
    return panel_of({"SPY": daily_bars(closes(drift=drift, vol=vol, count=count))})


def regime(*, drift: float = 0.0, realised: float = 0.2, implied: float = 0.2, history: tuple[float, ...] = ()):
    view = view_of(chain_of(vol=implied), NOW, rate=RATE)
    return regime_of(view, panel(drift, realised), KNOBS, iv_history=history)


@pytest.mark.parametrize(("drift", "trend"), [(1.0, Trend.UP), (0.0, Trend.FLAT), (-1.0, Trend.DOWN)])
def test_the_trend_follows_the_drift(drift, trend):
    assert trend_of(panel(drift), "SPY", KNOBS.trend, now=NOW) is trend


def test_no_trend_is_told_without_enough_bars_of_the_symbol():
    assert trend_of(panel(1.0, count=40), "SPY", KNOBS.trend, now=NOW) is None
    assert trend_of(panel(1.0), "QQQ", KNOBS.trend, now=NOW) is None
    assert trend_of(panel_of({}), "SPY", KNOBS.trend, now=NOW) is None


def test_no_trend_is_told_of_bars_that_are_too_old():
    late = NOW + timedelta(days=KNOBS.trend.max_age_days + 1)
    assert trend_of(panel(1.0), "SPY", KNOBS.trend, now=late) is None


def test_a_symbol_that_lacks_the_newest_bar_has_no_trend():
    both = panel_of({"SPY": daily_bars(closes(drift=1.0)), "QQQ": daily_bars(closes(), last=NOW - timedelta(days=1))})
    assert trend_of(both, "QQQ", KNOBS.trend, now=NOW) is None
    assert trend_of(both, "SPY", KNOBS.trend, now=NOW) is Trend.UP


def test_realised_volatility_is_that_of_the_closes():
    found = regime(realised=0.3)
    assert found is not None
    assert found.realised_vol == pytest.approx(0.3, rel=1e-6)
    assert found.ratio == pytest.approx(found.atm_iv / 0.3)


@pytest.mark.parametrize(
    ("implied", "volatility"), [(0.12, VolRegime.CHEAP), (0.20, VolRegime.NORMAL), (0.32, VolRegime.RICH)]
)
def test_options_are_cheap_or_rich_against_realised_volatility(implied, volatility):
    found = regime(implied=implied)
    assert found is not None
    assert found.volatility is volatility
    assert found.atm_iv == pytest.approx(implied, abs=0.005)


@pytest.mark.parametrize(
    ("ratio", "iv_rank", "volatility"),
    [
        (1.3, 0.8, VolRegime.RICH),
        (1.3, 0.2, VolRegime.NORMAL),
        (1.3, math.nan, VolRegime.RICH),
        (0.7, 0.2, VolRegime.CHEAP),
        (0.7, 0.9, VolRegime.NORMAL),
        (0.7, math.nan, VolRegime.CHEAP),
    ],
)
def test_the_rank_must_agree_where_it_is_known(ratio, iv_rank, volatility):
    assert volatility_regime(ratio=ratio, iv_rank=iv_rank, parameters=VolatilityParameters()) is volatility


def test_the_rank_is_the_share_of_lower_days():
    assert rank(0.2, [0.1, 0.15, 0.2, 0.3]) == 0.5
    assert math.isnan(rank(0.2, []))


def test_the_rank_is_taken_among_remembered_volatilities_once_there_are_enough():
    short = regime(history=(0.5,) * 10)
    enough = regime(history=(0.5,) * KNOBS.volatility.min_history)
    assert short is not None
    assert enough is not None
    assert short.iv_rank > 0
    assert enough.iv_rank == 0


def test_no_regime_without_trend_volatility_or_movement():
    view = view_of(chain_of(), NOW, rate=RATE)
    assert regime_of(view, panel(0, count=40), KNOBS, iv_history=()) is None
    empty = view_of(chain_of(days=()), NOW, rate=RATE)
    assert regime_of(empty, panel(0), KNOBS, iv_history=()) is None


def test_no_regime_where_nothing_moved():
    # The slow mean sees an old step; the days that volatility is taken from are flat.
    still = [90.0] * 80 + [100.0] * 40
    knobs = KNOBS.model_copy(update={"trend": TrendParameters(momentum_days=60)})
    view = view_of(chain_of(), NOW, rate=RATE)
    assert regime_of(view, panel_of({"SPY": daily_bars(still)}), knobs, iv_history=()) is None


def some(trend: Trend, volatility: VolRegime, *, strength: float, ratio: float) -> Regime:
    return Regime(trend, volatility, strength=strength, atm_iv=0.2 * ratio, realised_vol=0.2, iv_rank=0.5)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (some(Trend.UP, VolRegime.RICH, strength=3.0, ratio=2.0), 1.0),
        (some(Trend.UP, VolRegime.CHEAP, strength=0.75, ratio=0.8), 0.75),
        (some(Trend.UP, VolRegime.NORMAL, strength=1.5, ratio=1.0), 1.0),
        (some(Trend.FLAT, VolRegime.RICH, strength=0.0, ratio=1.4), 1.0),
        (some(Trend.FLAT, VolRegime.RICH, strength=-2.0, ratio=1.0), 0.5),
    ],
)
def test_confidence_grows_with_clarity(found, expected):
    assert confidence(found) == pytest.approx(expected)


def test_the_playbook_knows_every_regime_and_every_strategy():
    assert set(PLAYBOOK) == {(trend, volatility) for trend in Trend for volatility in VolRegime}
    assert {name for names in PLAYBOOK.values() for name in names} == set(STRATEGIES)
    assert all(not PLAYBOOK[Trend.DOWN, volatility] for volatility in VolRegime)


def test_strategies_switched_off_or_not_sure_enough_are_not_tried():
    rich = some(Trend.UP, VolRegime.RICH, strength=0.5, ratio=1.2)
    assert suited(rich, KNOBS) == ["bull_put_spread", "bull_call_spread"]
    assert suited(rich, KNOBS.model_copy(update={"enabled": ("bull_call_spread",)})) == ["bull_call_spread"]
    assert suited(rich, KNOBS.model_copy(update={"min_confidence": 0.9})) == []


def test_every_bound_of_the_parameters_can_be_used_with_every_other():
    lows = {name: bound.low for name, bound in OptionsParameters.bounds().items()}
    highs = {name: bound.high for name, bound in OptionsParameters.bounds().items()}
    assert len(lows) > 30
    for values in (lows, highs):
        nested: dict[str, object] = {}
        for name, value in values.items():
            group, _, field = name.rpartition(".")
            whole = int(value) if OptionsParameters.bounds()[name].integer else value
            target = nested.setdefault(group, {}) if group else nested
            assert isinstance(target, dict)
            target[field] = whole
        parsed = OptionsParameters.parse(nested, where="test")
        assert parsed.trend.fast_days < parsed.trend.slow_days
        assert parsed.volatility.cheap_ratio <= parsed.volatility.rich_ratio
        assert parsed.exits.exit_days < parsed.selection.min_days < parsed.selection.max_days
        assert parsed.selection.credit_long_delta < parsed.selection.credit_short_delta
        assert parsed.selection.debit_short_delta < parsed.selection.long_delta


def test_closes_of_this_suite_move_as_they_claim():
    steps = np.diff(np.log(closes(vol=0.25, drift=0.5)))[-20:]
    assert steps.std(ddof=1) * math.sqrt(252) == pytest.approx(0.25)
