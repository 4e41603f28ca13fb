"""Reading a chain: what is known of each contract, and which contracts must never be traded."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from orchestrator.domain.chains import expiry_moment, nearest_delta, touch, view_of
from orchestrator.domain.instruments import OptionRight, occ_symbol
from orchestrator.domain.market import OptionChain
from tests.options_market import NOW, RATE, chain_of, option_quote, recorded_chains, with_quotes

EXPIRY = date(2026, 8, 14)
"""30 days after NOW."""
CALL, PUT = OptionRight.CALL, OptionRight.PUT


def symbol(strike: int, right: OptionRight = CALL, underlying: str = "SPY") -> str:
    return occ_symbol(underlying, EXPIRY, right, Decimal(strike))


def contract(view, name):
    return next(c for c in view.contracts if c.quote.symbol == name)


def changed(strike: int, right: OptionRight = CALL, **fields):
    """The contract in a chain in which only it was changed."""
    chain = with_quotes(chain_of(), {symbol(strike, right): fields})
    return contract(view_of(chain, NOW, rate=RATE), symbol(strike, right))


def test_volatility_and_greeks_are_calculated_where_the_feed_gives_none():
    view = view_of(chain_of(vol=0.2), NOW, rate=RATE)
    found = contract(view, symbol(100))
    assert found.usable
    assert found.iv == pytest.approx(0.2, abs=0.002)
    assert 0.5 < found.delta < 0.6
    assert found.gamma > 0 > found.theta
    assert found.vega > 0
    assert found.rho > 0


def test_volatility_and_greeks_of_the_feed_are_taken():
    told = {"iv": 0.21, "delta": 0.47, "gamma": 0.05, "theta": -0.03, "vega": 0.11, "rho": 0.04}
    found = changed(100, **told)
    assert {name: getattr(found, name) for name in told} == told


@pytest.mark.parametrize(
    "fields",
    [
        {"bid": None},
        {"ask": None},
        {"bid": Decimal(0)},
        {"bid": Decimal(9), "ask": Decimal(3)},
        {"bid": Decimal(200), "ask": Decimal(201)},
        {"iv": 0.9},
        {"delta": -0.5},
        {"delta": 1.5},
    ],
    ids=["no bid", "no ask", "zero bid", "crossed", "above spot", "stale iv", "wrong sign", "beyond one"],
)
def test_a_contract_that_cannot_be_trusted_is_never_usable(fields):
    found = changed(100, **fields)
    assert not found.usable
    assert not found.liquid(max_spread=9, min_open_interest=0)


@pytest.mark.parametrize("iv", [0.0, 0.0001, 7.0, math.nan])
def test_a_volatility_that_stands_for_none_is_calculated_instead(iv):
    assert changed(100, iv=iv).iv == pytest.approx(0.2, abs=0.002)


def test_a_contract_without_greeks_is_dead_where_the_others_have_them():
    chain = chain_of(days=(30,))
    others = {q.symbol: {"delta": 0.5 if q.right is CALL else -0.5} for q in chain.contracts if q.symbol != symbol(103)}
    view = view_of(with_quotes(chain, others), NOW, rate=RATE)
    assert contract(view, symbol(102)).usable
    assert not contract(view, symbol(103)).usable


def test_stale_quotes_of_contracts_from_before_a_split_are_not_usable():
    # As recorded in chains_greeks_2026: NVDA at 215, strikes of the price before the split, quotes of 2024.
    expiry = date(2026, 12, 18)
    dead = [
        option_quote("NVDA", expiry, CALL, Decimal(470), mid=820.75, half=8.05),
        option_quote("NVDA", expiry, PUT, Decimal(800), mid=150.0, half=2.0),
    ]
    chain = OptionChain(underlying="NVDA", ts=NOW, spot=Decimal(215), contracts=tuple(dead))
    assert [c.usable for c in view_of(chain, NOW, rate=RATE).contracts] == [False, False]


def test_an_empty_chain_has_an_empty_view():
    view = view_of(OptionChain(underlying="SPY", ts=NOW, spot=Decimal(100), contracts=()), NOW, rate=RATE)
    assert view.contracts == ()
    assert view.expiries() == []
    assert math.isnan(view.atm_iv(EXPIRY))
    assert math.isnan(view.skew(EXPIRY))


def test_the_forward_comes_from_put_call_parity_not_from_a_late_spot():
    right = chain_of(spot=100.0)
    late = right.model_copy(update={"spot": Decimal("100.90")})
    for chain in (right, late):
        view = view_of(chain, NOW, rate=RATE)
        assert view.forwards[EXPIRY] == pytest.approx(100 * math.exp(RATE * 30 / 365), abs=0.02)
        assert contract(view, symbol(100)).iv == pytest.approx(0.2, abs=0.002)


def test_the_forward_is_the_carried_spot_where_no_pair_is_quoted():
    lone = option_quote("SPY", EXPIRY, CALL, Decimal(100), mid=2.5)
    chain = OptionChain(underlying="SPY", ts=NOW, spot=Decimal(100), contracts=(lone,))
    view = view_of(chain, NOW, rate=RATE)
    assert view.forwards[EXPIRY] == pytest.approx(100 * math.exp(RATE * 30 / 365), abs=0.02)
    assert view.contracts[0].usable


def test_an_expired_contract_is_not_usable():
    later = expiry_moment(EXPIRY) + timedelta(minutes=1)
    assert not any(c.usable for c in view_of(chain_of(days=(30,)), later, rate=RATE).contracts)


def test_expiry_is_four_in_the_afternoon_in_new_york_in_summer_and_winter():
    assert expiry_moment(date(2026, 8, 14)) == datetime(2026, 8, 14, 20, tzinfo=UTC)
    assert expiry_moment(date(2026, 12, 18)) == datetime(2026, 12, 18, 21, tzinfo=UTC)


def test_days_to_expiry_are_counted_from_the_new_york_date():
    late = datetime(2026, 7, 16, 2, 0, tzinfo=UTC)  # still the 15th in New York
    assert view_of(chain_of(days=(30,)), late, rate=RATE).days_to_expiry(EXPIRY) == 30


def test_at_the_money_volatility_skew_and_slope_describe_the_surface():
    view = view_of(chain_of(vol=0.2, skew=0.5), NOW, rate=RATE)
    assert view.atm_iv(EXPIRY) == pytest.approx(0.2, abs=0.003)
    assert view.skew(EXPIRY) > 0.02
    assert view.term_slope(view.expiries()[1], EXPIRY) == pytest.approx(0, abs=0.005)


def test_contracts_of_an_expiry_come_by_strike():
    strikes = [c.quote.strike for c in view_of(chain_of(), NOW, rate=RATE).of(EXPIRY, PUT)]
    assert strikes == sorted(strikes)
    assert len(strikes) > 10


def test_the_nearest_delta_is_found():
    calls = view_of(chain_of(), NOW, rate=RATE).of(EXPIRY, CALL)
    found = nearest_delta(calls, 0.30)
    assert found is not None
    assert abs(found.delta - 0.30) == min(abs(c.delta - 0.30) for c in calls)
    assert nearest_delta([], 0.30) is None


@pytest.mark.parametrize(
    ("fields", "limits", "liquid"),
    [
        ({}, {"max_spread": 0.05, "min_open_interest": 100}, True),
        ({}, {"max_spread": 0.001, "min_open_interest": 100}, False),
        ({"open_interest": 99}, {"max_spread": 0.05, "min_open_interest": 100}, False),
        ({"open_interest": 100}, {"max_spread": 0.05, "min_open_interest": 100}, True),
    ],
)
def test_liquidity_is_spread_and_open_interest_where_known(fields, limits, liquid):
    assert changed(100, **fields).liquid(**limits) is liquid


def test_a_one_sided_market_has_an_infinite_spread():
    assert changed(100, bid=None).spread_fraction == math.inf


def test_the_touch_is_the_far_side_and_none_without_a_quote():
    quote = option_quote("SPY", EXPIRY, CALL, Decimal(100), mid=2.0, half=0.1)
    assert touch(quote, buying=True) == Decimal("2.10")
    assert touch(quote, buying=False) == Decimal("1.90")
    assert touch(quote.model_copy(update={"bid": None}), buying=False) is None
    assert touch(quote.model_copy(update={"ask": Decimal(0)}), buying=True) is None


@pytest.mark.parametrize("name", ["SPY", "NVDA"])
def test_recorded_chains_are_mostly_usable_near_the_money(data_root, name):
    recorded = next(recorded_chains(data_root, name))
    view = view_of(recorded.chain, recorded.now, rate=RATE)
    near = [
        c
        for c in view.contracts
        if abs(c.quote.strike / recorded.chain.spot - 1) < Decimal("0.03") and view.days_to_expiry(c.quote.expiry) > 1
    ]
    assert sum(c.usable for c in near) > 0.95 * len(near)
    assert all(c.quote.mid is not None for c in view.contracts if c.usable)
