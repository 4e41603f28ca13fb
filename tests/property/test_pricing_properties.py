"""Laws that prices, Greeks and implied volatility obey for any terms."""

from __future__ import annotations

import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st

from orchestrator.domain.pricing import arbitrage_bounds, greeks, implied_vol, normal_cdf, price, terms

rates = st.floats(-0.02, 0.15)
yields = st.floats(0, 0.1)
vols = st.floats(0.05, 2.0)


@st.composite
def any_terms(draw: st.DrawFn) -> dict[str, float | bool]:
    """Keywords of `terms`: three hours to two years, strikes between half and twice the spot."""
    spot = draw(st.floats(5, 5000))
    return {
        "spot": spot,
        "strike": spot * draw(st.floats(0.5, 2)),
        "years": draw(st.floats(3 / 8760, 2)),
        "is_call": draw(st.booleans()),
        "rate": draw(rates),
        "dividend_yield": draw(yields),
    }


@given(x=st.floats(-50, 50))
def test_the_normal_distribution_is_symmetric(x):
    assert abs(float(normal_cdf(x)) + float(normal_cdf(-x)) - 1) < 1e-15


@given(kw=any_terms(), vol=vols)
def test_put_call_parity(kw, vol):
    call, put = (float(price(terms(**(kw | {"is_call": right})), vol)) for right in (True, False))
    forward = kw["spot"] * np.exp(-kw["dividend_yield"] * kw["years"]) - kw["strike"] * np.exp(
        -kw["rate"] * kw["years"]
    )
    assert abs(call - put - forward) <= 1e-9 * kw["spot"]


@given(kw=any_terms(), vol=vols)
def test_the_price_lies_within_the_arbitrage_bounds(kw, vol):
    of = terms(**kw)
    low, high = arbitrage_bounds(of)
    assert low - 1e-9 * kw["spot"] <= price(of, vol) <= high + 1e-9 * kw["spot"]


@given(kw=any_terms(), vol=vols, more=st.floats(0.01, 1))
def test_the_price_rises_with_volatility(kw, vol, more):
    of = terms(**kw)
    assert price(of, vol + more) >= price(of, vol) - 1e-12 * kw["spot"]


@given(kw=any_terms(), vol=st.floats(0.1, 1.5))
def test_greeks_are_the_slopes_of_the_price(kw, vol):
    # Central differences; steps in proportion to what is moved. Very short options bend too sharply for them.
    assume(kw["years"] > 0.02)
    spot, scale = kw["spot"], kw["spot"] * 1e-6
    found = greeks(terms(**kw), vol)

    def slope(name: str, step: float) -> float:
        up, down = (float(price(terms(**(kw | {name: kw[name] + move})), vol)) for move in (step, -step))
        return (up - down) / (2 * step)

    h = spot * 1e-4
    up, mid, down = (float(price(terms(**(kw | {"spot": spot + move})), vol)) for move in (h, 0.0, -h))
    assert abs(found.delta - (up - down) / (2 * h)) < 1e-4
    assert abs(found.gamma * spot - (up - 2 * mid + down) / h**2 * spot) < 1e-3 * max(1.0, float(found.gamma) * spot)
    assert abs(found.theta * 365 + slope("years", kw["years"] * 1e-4)) < 1e-3 * spot
    assert abs(found.rho * 100 - slope("rate", 1e-6)) < scale * 100
    vega = (float(price(terms(**kw), vol + 1e-5)) - float(price(terms(**kw), vol - 1e-5))) / 2e-5
    assert abs(found.vega * 100 - vega) < scale * 100


@given(kw=any_terms(), vol=vols)
def test_solving_a_price_for_its_volatility_gives_it_back(kw, vol):
    of = terms(**kw)
    premium = price(of, vol)
    low, high = arbitrage_bounds(of)
    assume(min(premium - low, high - premium) > 1e-6 * kw["spot"])
    solved = implied_vol(of, premium)
    sensitivity = float(greeks(of, vol).vega) * 100
    assert abs(solved - vol) <= 1e-9 + 1e-11 * kw["spot"] / sensitivity
    assert abs(price(of, solved) - premium) <= 1e-9 * kw["spot"]


@given(kw=any_terms(), premium=st.floats(allow_nan=True, allow_infinity=True, width=64))
def test_any_premium_gets_a_volatility_that_explains_it_or_none(kw, premium):
    of = terms(**kw)
    solved = implied_vol(of, premium)
    low, high = arbitrage_bounds(of)
    explained = low < premium < high and abs(price(of, solved) - premium) <= 1e-9 * kw["spot"]
    assert np.isnan(solved) or explained
