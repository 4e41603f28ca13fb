"""The Greeks that risk is told of: at entry from the structure, while held from each cycle's chain."""

from __future__ import annotations

import math

import pytest

from modules.options.parameters import OptionsParameters
from modules.options.playbook import STRATEGIES
from modules.options.regime import Trend, VolRegime
from orchestrator.domain.greeks import Greeks
from orchestrator.domain.instruments import OptionRight, is_occ
from tests.options_market import book_of, chain_of, closes, context_of, holding, market_of, quoted
from tests.unit.test_options_module import MODULE, context

CHAIN = chain_of()
KNOBS = OptionsParameters()


def call(strike: int) -> str:
    return quoted(CHAIN, days=30, right=OptionRight.CALL, strike=strike).symbol


def test_every_option_entry_tells_its_greeks_and_spread():
    found = [wish for trend in Trend for vol in VolRegime for wish in MODULE.analyze(context(trend, vol))]
    options = [wish for wish in found if any(is_occ(leg.symbol) for leg in wish.legs)]
    assert {wish.strategy for wish in options} < set(STRATEGIES)
    for wish in options:
        assert wish.greeks is not None
        assert all(math.isfinite(value) for value in wish.greeks.model_dump().values())
        assert wish.greeks.delta_usd == pytest.approx(wish.features["delta"] * wish.features["spot"] * 100)
    assert all(wish.spread is not None and wish.spread >= 0 for wish in found)


def test_a_bought_call_gains_with_its_market_and_with_volatility_and_loses_with_time():
    (wish,) = MODULE.analyze(context(Trend.UP, VolRegime.CHEAP))
    assert wish.greeks is not None
    assert wish.greeks.delta_usd > 0
    assert wish.greeks.gamma_usd > 0
    assert wish.greeks.vega_usd > 0
    assert wish.greeks.theta_usd < 0


def held_greeks(*legs: tuple[str, int, str]) -> Greeks:
    book = book_of(holding("bull_call_spread", legs))
    found = MODULE.greeks(context_of(market_of([CHAIN], {"SPY": closes()}), book=book))
    return found["p1"]


def test_what_is_held_is_measured_per_unit_and_by_sign():
    long, short = held_greeks((call(100), 2, "3")), held_greeks((call(100), -2, "3"))
    assert long.delta_usd > 0
    assert short.delta_usd == pytest.approx(-long.delta_usd)
    one = held_greeks((call(100), 1, "3"))
    assert one.delta_usd == pytest.approx(long.delta_usd)
    spread = held_greeks((call(100), 1, "3"), (call(105), -1, "1"))
    assert 0 < spread.delta_usd < long.delta_usd
    assert spread.vega_usd == pytest.approx(one.vega_usd - held_greeks((call(105), 1, "1")).vega_usd)


def test_what_cannot_be_measured_keeps_what_was_known():
    shares = holding("covered_call", [("SPY", 100, "100")])
    gone = holding("long_call", [("SPY261218C00100000", 1, "3")], key="p2")
    context = context_of(market_of([CHAIN], {"SPY": closes()}), book=book_of(shares, gone))
    assert MODULE.greeks(context) == {}
