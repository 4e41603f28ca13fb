"""Prices, Greeks and implied volatility against published tables and recorded quotes."""

from __future__ import annotations

import csv
import gzip
import math
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from orchestrator.domain.pricing import MAX_VOL, arbitrage_bounds, greeks, implied_vol, normal_cdf, price, terms
from tests.options_market import recorded_closes

# Dividend yields of 2026, fractions per year.
YIELDS = {"SPY": 0.011, "QQQ": 0.005, "AAPL": 0.0035, "NVDA": 0.0002}


def table(data_root: Path, name: str) -> list[dict[str, str]]:
    with gzip.open(data_root / "reference" / f"{name}.csv.gz", "rt") as file:
        return list(csv.DictReader(file))


def column(rows: list[dict[str, str]], name: str) -> np.ndarray:
    return np.array([float(row[name]) for row in rows])


def terms_of(rows):
    return terms(
        spot=column(rows, "spot"),
        strike=column(rows, "strike"),
        years=column(rows, "t_years"),
        rate=column(rows, "r"),
        dividend_yield=column(rows, "q"),
        is_call=[row["right"] == "C" for row in rows],
    )


def test_the_normal_distribution_is_that_of_the_standard_library():
    x = np.linspace(-40, 40, 20_001)
    expected = [0.5 * math.erfc(-value / math.sqrt(2)) for value in x]
    np.testing.assert_allclose(normal_cdf(x), expected, rtol=0, atol=1e-15)


def test_european_prices_equal_the_table(data_root):
    # Haug 1998, pages 2 to 8, 24 and 27, as QuantLib tests them.
    rows = table(data_root, "european_haug")
    error = np.abs(price(terms_of(rows), column(rows, "vol")) - column(rows, "value"))
    assert (error <= column(rows, "tol")).all()
    assert len(rows) > 40


def test_greeks_equal_the_table(data_root):
    # Haug 1998, pages 11 to 16; the table's theta and vega are per year and per unit of volatility.
    rows = table(data_root, "european_greeks_haug")
    seen = set()
    for row in rows:
        of, vol = terms_of([row]), float(row["vol"])
        found = greeks(of, vol)
        known = {
            "delta": found.delta[0],
            "gamma": found.gamma[0],
            "vega": found.vega[0] * 100,
            "theta": found.theta[0] * 365,
            "theta per day": found.theta[0],
            "rho": found.rho[0] * 100,
            "elasticity": found.delta[0] * of.spot[0] / price(of, vol)[0],
        }
        if row["greek"] in known:
            assert known[row["greek"]] == pytest.approx(float(row["value"]), abs=6e-5), row["greek"]
            seen.add(row["greek"])
    assert seen >= {"delta", "gamma", "vega", "theta", "theta per day", "rho"}


@pytest.mark.parametrize(("right", "premium"), [("C", "bs_call"), ("P", "bs_put")])
def test_greeks_equal_those_of_vollib(data_root, right, premium):
    # The file holds theta per year, vega and rho per unit, whatever its note says.
    rows = table(data_root, "vollib_black_scholes_greeks")
    of = terms(
        spot=column(rows, "S"),
        strike=column(rows, "K"),
        years=column(rows, "t"),
        rate=column(rows, "R"),
        is_call=right == "C",
    )
    vol = column(rows, "v")
    found = greeks(of, vol)
    np.testing.assert_allclose(price(of, vol), column(rows, premium), atol=1e-6)
    for name, letter, unit in (("delta", "D", 1), ("gamma", "G", 1), ("theta", "T", 365), ("vega", "V", 100)):
        np.testing.assert_allclose(getattr(found, name) * unit, column(rows, right + letter), atol=1e-6)
    np.testing.assert_allclose(found.rho * 100, column(rows, right + "R"), atol=1e-6)


def test_implied_volatility_returns_the_tables_volatility(data_root):
    rows = table(data_root, "european_haug")
    of, vol = terms_of(rows), column(rows, "vol")
    np.testing.assert_allclose(implied_vol(of, price(of, vol)), vol, atol=1e-9)


ONE = {"spot": 100, "strike": 100, "years": 0.5, "rate": 0.03, "is_call": True}


@pytest.mark.parametrize(
    "broken",
    [
        {"spot": math.nan},
        {"spot": 0},
        {"strike": -1},
        {"years": 0},
        {"years": -0.1},
        {"rate": math.inf},
        {"dividend_yield": math.nan},
    ],
)
def test_invalid_terms_have_no_price_no_greeks_and_no_volatility(broken):
    of = terms(**(ONE | broken))
    low, high = arbitrage_bounds(of)
    found = greeks(of, 0.2)
    values = [price(of, 0.2), implied_vol(of, 5.0), low, high]
    values += [found.delta, found.gamma, found.theta, found.vega, found.rho]
    assert all(np.isnan(value) for value in values)


@pytest.mark.parametrize("vol", [0, -0.2, math.nan, math.inf])
def test_an_impossible_volatility_has_no_price(vol):
    assert np.isnan(price(terms(**ONE), vol))
    assert np.isnan(greeks(terms(**ONE), vol).delta)


@pytest.mark.parametrize("premium", [-1, 0, math.nan, 100.0, 150.0])
def test_a_premium_outside_the_arbitrage_bounds_has_no_volatility(premium):
    assert np.isnan(implied_vol(terms(**ONE), premium))


def test_a_premium_of_nothing_but_intrinsic_value_has_no_volatility():
    of = terms(**(ONE | {"strike": 50}))
    low, _ = arbitrage_bounds(of)
    assert np.isnan(implied_vol(of, low))
    assert np.isnan(implied_vol(of, low - 0.01))


def test_a_volatility_beyond_the_solvers_range_is_not_answered():
    of = terms(**ONE)
    assert np.isnan(implied_vol(of, price(of, MAX_VOL + 1)))
    assert np.isnan(implied_vol(terms(**(ONE | {"years": 30, "rate": 0})), 1e-3))


def test_options_of_one_call_are_priced_alike_together_and_alone():
    of = terms(spot=100, strike=[90, 100, 110], years=0.25, rate=0.02, is_call=[True, False, True])
    together = implied_vol(of, [12.0, 4.0, 1.5])
    alone = [
        float(implied_vol(terms(spot=100, strike=k, years=0.25, rate=0.02, is_call=c), p))
        for k, c, p in ((90, True, 12.0), (100, False, 4.0), (110, True, 1.5))
    ]
    assert together.tolist() == alone


def test_solved_volatility_agrees_with_the_recorded_one(data_root):
    # Tolerances as data/README states them, in volatility points and to its digits: out of the money, 7 to 250 days,
    # bid above 0.20, |ln K/S| below 0.12, 3.7 % interest, each one's dividend yield, official close.
    errors = {symbol: misses(data_root, symbol) for symbol in YIELDS}
    for symbol, error in (errors | {"all": np.concatenate(list(errors.values()))}).items():
        low, tenth, median, ninetieth, high = np.quantile(error, [0.01, 0.1, 0.5, 0.9, 0.99])
        assert len(error) > 2500, symbol
        assert abs(median) <= 0.07, symbol
        assert round(max(-tenth, ninetieth), 1) <= 0.6, symbol
        assert round(max(-low, high), 1) <= 2.5, symbol


def misses(data_root, symbol):
    official, rows = recorded_closes(data_root, symbol), closing_rows(data_root, symbol)
    today = [date.fromisoformat(row["asof_ny"][:10]) for row in rows]
    spot, strike = np.array([official[day] for day in today]), column(rows, "strike")
    days = np.array([(date.fromisoformat(row["expiration"]) - day).days for row, day in zip(rows, today, strict=True)])
    call, mid = np.array([row["right"] == "C" for row in rows]), (column(rows, "bid") + column(rows, "ask")) / 2
    wanted = (days >= 7) & (days <= 250) & (np.abs(np.log(strike / spot)) < 0.12) & (call == (strike > spot))
    of = terms(spot=spot, strike=strike, years=days / 365, is_call=call, rate=0.037, dividend_yield=YIELDS[symbol])
    return 100 * (implied_vol(of, mid) - column(rows, "iv"))[wanted]


def closing_rows(data_root, symbol):
    path = next((data_root / "options" / "chains_2026").glob(f"{symbol}_*.csv.gz"))
    with gzip.open(path, "rt") as file:
        at_close = (row for row in csv.DictReader(file) if row["asof_ny"][11:16] >= "15:59")
        return [row for row in at_close if float(row["bid"]) > 0.20 and float(row["iv"]) > 0]
