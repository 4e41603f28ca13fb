"""Value at risk and expected shortfall against closed forms, and the properties that risk limits lean on."""

from __future__ import annotations

import doctest
import itertools
import math
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.domain import var
from orchestrator.domain.var import (
    Sensitivity,
    daily_sigma,
    historical,
    least_history,
    parametric,
    portfolio_sigma,
    shock_losses,
    shrunk_covariance,
)

DAYS = st.lists(st.floats(-1e6, 1e6, allow_nan=False), min_size=40, max_size=120)
TWO_BOOKS = st.integers(40, 90).flatmap(
    lambda n: st.tuples(*[st.lists(st.floats(-1e5, 1e5), min_size=n, max_size=n) for _ in range(2)])
)


def test_the_examples_in_the_docstrings_hold():
    assert doctest.testmod(var).failed == 0


@pytest.mark.parametrize(
    ("level", "z", "shortfall"),
    # Normal quantiles, and density over tail mass, to six digits (Jorion 2007, table 5.2; MFE 2005, example 2.18).
    [(0.95, 1.644854, 2.062713), (0.99, 2.326348, 2.665214)],
)
def test_normal_risk_equals_the_tables(level, z, shortfall):
    tail = parametric(1.0, level)
    assert tail.var == pytest.approx(z, abs=1e-6)
    assert tail.cvar == pytest.approx(shortfall, abs=1e-6)


def test_an_expected_gain_lowers_normal_risk_by_itself():
    tail, moved = parametric(1000, 0.95), parametric(1000, 0.95, mean_usd=100)
    assert moved.var == pytest.approx(tail.var - 100)
    assert moved.cvar == pytest.approx(tail.cvar - 100)


@pytest.mark.parametrize("level", [0.95, 0.99])
def test_history_drawn_from_a_normal_has_normal_risk(level):
    grid = (np.arange(100_000) + 0.5) / 100_000
    pnl = np.array([NormalDist(0, 1000).inv_cdf(p) for p in grid])
    seen, expected = historical(pnl, level), parametric(1000, level)
    assert seen.var == pytest.approx(expected.var, rel=1e-3)
    assert seen.cvar == pytest.approx(expected.cvar, rel=1e-3)


def test_the_quantile_is_an_observed_loss_and_is_not_interpolated():
    pnl = [-float(loss) for loss in range(1, 251)]
    # ceil(250 × 0.95) = 238; the worst 12.5 losses: 239 to 250 whole and half of 238.
    tail = historical(pnl, 0.95)
    assert tail.var == 238
    assert tail.cvar == pytest.approx((sum(range(239, 251)) + 238 / 2) / 12.5)


@pytest.mark.parametrize(("level", "needed"), [(0.95, 20), (0.99, 100), (0.9, 10)])
def test_short_history_gives_nothing_and_just_enough_gives_the_worst(level, needed):
    assert least_history(level) == needed
    pnl = np.linspace(-1, 1, needed)
    assert historical(pnl[:-1], level) is None
    assert historical(pnl, level).cvar == pytest.approx(1.0)


def test_a_caller_may_ask_for_more_history_but_not_for_less():
    assert historical(np.zeros(50), 0.95, least=60) is None
    assert historical(np.zeros(19), 0.95, least=5) is None


def test_days_that_were_not_observed_are_left_out_and_do_not_count():
    pnl = [-1.0, math.nan] * 20
    assert historical(pnl, 0.95).var == 1
    assert historical(pnl[:38], 0.95) is None


@pytest.mark.parametrize("bad", [math.inf, -math.inf])
def test_an_infinite_number_gives_nothing(bad):
    assert historical([bad, *range(30)], 0.95) is None
    assert parametric(abs(bad), 0.95) is None
    assert shrunk_covariance([[bad, 0.0], [0.1, 0.2], [0.2, 0.1]], least=2) is None


def test_a_sigma_that_is_not_a_number_gives_nothing():
    assert parametric(math.nan, 0.95) is None
    assert math.isnan(portfolio_sigma([1.0], [[math.nan]]))


@pytest.mark.parametrize("level", [0, 1, -0.1, 95])
def test_a_level_that_is_no_probability_is_refused(level):
    with pytest.raises(ValueError, match="between 0 and 1"):
        historical(np.zeros(30), level)
    with pytest.raises(ValueError, match="between 0 and 1"):
        parametric(1.0, level)


def test_a_negative_sigma_is_refused():
    with pytest.raises(ValueError, match="must not be negative"):
        parametric(-1.0, 0.95)


def test_a_book_that_only_gains_has_no_risk():
    assert historical(np.arange(1.0, 101.0), 0.99) == var.Tail(var=0.0, cvar=0.0)


@given(DAYS, st.floats(0.5, 0.97))
def test_expected_shortfall_is_never_below_value_at_risk(pnl, level):
    tail = historical(pnl, level)
    assert tail is None or tail.cvar >= tail.var >= 0


@given(DAYS)
def test_a_higher_level_never_shows_less_risk(pnl):
    tails = [historical(pnl, level) for level in (0.5, 0.8, 0.9, 0.95)]
    assert all(later.var >= earlier.var for earlier, later in itertools.pairwise(tails))
    assert all(later.cvar >= earlier.cvar * (1 - 1e-12) for earlier, later in itertools.pairwise(tails))


@given(TWO_BOOKS, st.sampled_from([0.9, 0.95, 0.97]))
def test_expected_shortfall_of_two_books_is_never_above_the_sum(books, level):
    one, two = (np.array(book) for book in books)
    tails = [historical(pnl, level) for pnl in (one, two, one + two)]
    assert all(tail is not None for tail in tails)
    assert tails[2].cvar <= tails[0].cvar + tails[1].cvar + 1e-6


@given(DAYS, st.floats(0, 10))
def test_risk_grows_in_proportion_to_the_book(pnl, size):
    one, more = historical(pnl, 0.95), historical(np.array(pnl) * size, 0.95)
    assert more.var == pytest.approx(one.var * size, abs=1e-6)
    assert more.cvar == pytest.approx(one.cvar * size, rel=1e-9, abs=1e-6)


@given(st.integers(0, 10_000), st.integers(2, 8), st.integers(20, 60))
def test_the_shrunk_covariance_is_a_covariance(seed, assets, periods):
    returns = np.random.default_rng(seed).normal(0, 0.01, (periods, assets)) * np.arange(1, assets + 1)
    matrix = shrunk_covariance(returns)
    np.testing.assert_allclose(matrix, matrix.T)
    np.testing.assert_allclose(np.diag(matrix), returns.var(axis=0))
    scale = np.sqrt(np.outer(np.diag(matrix), np.diag(matrix)))
    assert (np.abs(matrix / scale) <= 1 + 1e-12).all()
    assert np.linalg.eigvalsh(matrix).min() > -1e-12


def test_long_history_shrinks_less_than_short():
    rng = np.random.default_rng(7)
    factor = rng.normal(size=(5000, 1)) * np.array([1.0, 0.2, -0.7])
    returns = 0.01 * (factor + rng.normal(size=(5000, 3)))

    def moved(rows):
        sample = np.cov(rows, rowvar=False, bias=True)
        return np.abs(shrunk_covariance(rows) - sample).max() / np.abs(sample).max()

    assert moved(returns) < 0.01 < moved(returns[:25])


def test_the_shrinkage_is_that_of_the_paper_written_out():
    # Ledoit, Wolf 2004, appendix B, with sums over each pair in place of matrices.
    rng = np.random.default_rng(3)
    y = (rng.normal(size=(40, 1)) * [1, 0.5, -0.4] + rng.normal(size=(40, 3))) * [0.01, 0.03, 0.02]
    y -= y.mean(axis=0)
    periods, n = y.shape
    s = y.T @ y / periods
    pairs = [(i, j) for i in range(n) for j in range(n) if i != j]
    r = np.mean([s[i, j] / math.sqrt(s[i, i] * s[j, j]) for i, j in pairs])
    f = np.array([[s[i, i] if i == j else r * math.sqrt(s[i, i] * s[j, j]) for j in range(n)] for i in range(n)])
    pi = np.array([[np.mean((y[:, i] * y[:, j] - s[i, j]) ** 2) for j in range(n)] for i in range(n)])

    def theta(k, i, j):
        return np.mean((y[:, k] ** 2 - s[k, k]) * (y[:, i] * y[:, j] - s[i, j]))

    rho = sum(pi[i, i] for i in range(n)) + sum(
        r / 2 * (math.sqrt(s[j, j] / s[i, i]) * theta(i, i, j) + math.sqrt(s[i, i] / s[j, j]) * theta(j, i, j))
        for i, j in pairs
    )
    weight = min(max((pi.sum() - rho) / ((f - s) ** 2).sum() / periods, 0), 1)
    assert 0 < weight < 1
    np.testing.assert_allclose(shrunk_covariance(y), weight * f + (1 - weight) * s, rtol=1e-9)


def test_an_asset_that_never_moves_has_no_covariance():
    returns = np.random.default_rng(1).normal(0, 0.01, (60, 3))
    returns[:, 1] = 0
    matrix = shrunk_covariance(returns)
    assert np.isfinite(matrix).all()
    assert (matrix[1] == 0).all()


def test_periods_with_a_gap_are_left_out_of_the_covariance():
    returns = np.random.default_rng(1).normal(0, 0.01, (30, 2))
    holed = np.vstack([returns, [[math.nan, 5.0]]])
    np.testing.assert_allclose(shrunk_covariance(holed), shrunk_covariance(returns))
    assert shrunk_covariance(holed[-12:]) is None


def test_diversified_risk_lies_between_none_and_the_sum():
    assert portfolio_sigma([100, 100], [[0.0004, 0.0004], [0.0004, 0.0004]]) == pytest.approx(4)
    assert portfolio_sigma([100, -100], [[0.0004, 0.0004], [0.0004, 0.0004]]) == pytest.approx(0)


def test_a_day_of_annual_volatility_is_its_252nd_part_in_variance():
    assert daily_sigma(-1000, 0.16) ** 2 * 252 == pytest.approx(160**2)


def test_a_bounded_structure_never_loses_more_than_its_bound_and_nets_with_the_rest():
    spread = Sensitivity(delta_usd=20_000, gamma_usd=-100_000, vega_usd=-50, worst_usd=1_500)
    shares = Sensitivity(delta_usd=-10_000)
    table = shock_losses([spread, shares], [-0.2, 0.0, 0.2], [0, 10])
    assert table.shape == (3, 2)
    assert table[0].tolist() == [1_500 - 2_000, 1_500 - 2_000]
    assert table[1].tolist() == [0, 500]
    assert table[2].tolist() == pytest.approx([-4_000 + 2_000 + 2_000, -4_000 + 2_000 + 500 + 2_000])


def test_nothing_held_loses_nothing():
    assert (shock_losses([], [-0.1, 0.1], [0]) == 0).all()
