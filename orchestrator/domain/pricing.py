"""European option prices, Greeks and implied volatility under Black, Scholes and Merton, on numpy arrays.

It fails closed: wherever an input is not a number, not positive, or a premium leaves the arbitrage bounds, the answer
is NaN, never a guess. American exercise is out of scope: the desk trades short-dated contracts near the money, where
the early-exercise premium is far inside the bid-ask spread, and it reads implied volatility from the
out-of-the-money side.

References
----------
J. C. Hull, Options, Futures, and Other Derivatives, 9th edition, Pearson 2015: equations (17.1) to (17.5), table 19.6.
G. West, Better approximations to cumulative normal functions, Wilmott Magazine, May 2005, pages 70 to 76.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

MIN_VOL = 1e-3
"""Lowest volatility the solver answers with, fraction per year."""
MAX_VOL = 10.0
"""Highest volatility the solver answers with, fraction per year."""
_ITERATIONS = 60
"""Most steps of the solver; it rarely needs twenty."""
_ROUNDING = 1e-12
"""Relative change of the volatility below which a step is rounding error: the root is found."""
_RESOLUTION = 1e-12
"""Time value below this fraction of the strike is rounding error: no volatility can be read from it."""
_DAYS = 365.0

_NUMERATOR = (
    3.52624965998911e-02,
    0.700383064443688,
    6.37396220353165,
    33.912866078383,
    112.079291497871,
    221.213596169931,
    220.206867912376,
)
_DENOMINATOR = (
    8.83883476483184e-02,
    1.75566716318264,
    16.064177579207,
    86.7807322029461,
    296.564248779674,
    637.333633378831,
    793.826512519948,
    440.413735824752,
)
_SWITCH = 7.07106781186547
_SQRT_2PI = 2.506628274631


@dataclass(frozen=True, slots=True, eq=False)
class Terms:
    """What an option is written on, as arrays of one shape; build it with `terms`."""

    spot: Floats
    strike: Floats
    years: Floats
    rate: Floats
    dividend_yield: Floats
    is_call: Flags

    @property
    def valid(self) -> Flags:
        """Where spot, strike and time are positive and everything is finite."""
        columns = (self.spot, self.strike, self.years, self.rate, self.dividend_yield)
        finite = np.all([np.isfinite(column) for column in columns], axis=0)
        return np.asarray(finite & (self.spot > 0) & (self.strike > 0) & (self.years > 0), dtype=np.bool_)


@dataclass(frozen=True, slots=True, eq=False)
class Greeks:
    """Sensitivities of one share's worth of option, as arrays."""

    delta: Floats
    """Per USD of spot."""
    gamma: Floats
    """Change of delta per USD of spot."""
    theta: Floats
    """Per calendar day, negative for decay."""
    vega: Floats
    """Per vol point (0.01 of volatility)."""
    rho: Floats
    """Per point (0.01) of interest rate."""


def terms(
    *,
    spot: ArrayLike,
    strike: ArrayLike,
    years: ArrayLike,
    is_call: ArrayLike,
    rate: ArrayLike = 0.0,
    dividend_yield: ArrayLike = 0.0,
) -> Terms:
    """Broadcast the terms of options to one shape.

    Parameters
    ----------
    spot, strike
        USD per share, positive.
    years
        Time to expiry in years of 365 days, positive.
    is_call
        True for calls, False for puts.
    rate, dividend_yield
        Continuously compounded, fraction per year.
    """
    numbers = (np.asarray(item, dtype=np.float64) for item in (spot, strike, years, rate, dividend_yield))
    s, k, t, r, q, call = np.broadcast_arrays(*numbers, np.asarray(is_call, dtype=np.bool_))
    return Terms(spot=s, strike=k, years=t, rate=r, dividend_yield=q, is_call=call)


def normal_cdf(x: ArrayLike) -> Floats:
    """Return the cumulative standard normal distribution; absolute error below 1e-14.

    References
    ----------
    West 2005, figure 2 (after Hart 1968).

    Examples
    --------
    >>> float(normal_cdf(0.0))
    0.5
    """
    values = np.asarray(x, dtype=np.float64)
    size = np.minimum(np.abs(values), 37.0)
    density = np.exp(-0.5 * size * size)
    near = density * _polynomial(_NUMERATOR, size) / _polynomial(_DENOMINATOR, size)
    fraction = size + 0.65
    for count in (4.0, 3.0, 2.0, 1.0):
        fraction = size + count / fraction
    tail = np.where(size < _SWITCH, near, density / fraction / _SQRT_2PI)
    return np.where(values > 0, 1.0 - tail, tail)


def price(of: Terms, vol: ArrayLike) -> Floats:
    """Return the price in USD per share; NaN where terms or volatility (fraction per year) are not positive and finite.

    References
    ----------
    Hull 2015, equations (17.4) and (17.5).

    Examples
    --------
    >>> call = terms(spot=60, strike=65, years=0.25, rate=0.08, is_call=True)
    >>> round(float(price(call, 0.30)), 4)
    2.1334
    """
    sigma, usable = _volatility(of, vol)
    with np.errstate(all="ignore"):
        value = _premium(of, *_moments(of, sigma))
    return np.where(usable, value, np.nan)


def greeks(of: Terms, vol: ArrayLike) -> Greeks:
    """Return delta, gamma, theta per day, vega per vol point, rho per point of rate; NaN as in `price`.

    References
    ----------
    Hull 2015, table 19.6; theta divided by 365, vega and rho by 100.
    """
    sigma, usable = _volatility(of, vol)
    with np.errstate(all="ignore"):
        d1, d2 = _moments(of, sigma)
        sign = np.where(of.is_call, 1.0, -1.0)
        spot, strike, root = _spot_now(of), _strike_now(of), np.sqrt(of.years)
        density = _density(d1)
        carry = sign * (of.dividend_yield * spot * normal_cdf(sign * d1) - of.rate * strike * normal_cdf(sign * d2))
        columns = (
            sign * np.exp(-of.dividend_yield * of.years) * normal_cdf(sign * d1),
            spot * density / (of.spot**2 * sigma * root),
            (carry - spot * density * sigma / (2 * root)) / _DAYS,
            _vega(of, sigma) / 100,
            sign * strike * of.years * normal_cdf(sign * d2) / 100,
        )
    return Greeks(*(np.where(usable, column, np.nan) for column in columns))


def arbitrage_bounds(of: Terms) -> tuple[Floats, Floats]:
    """Return the lowest and the highest price in USD per share that admit no arbitrage; NaN on invalid terms.

    References
    ----------
    Hull 2015, equations (17.1) and (17.2); the upper bounds are what is delivered: share for a call, strike for a put.
    """
    with np.errstate(all="ignore"):
        spot, strike = _spot_now(of), _strike_now(of)
        low = np.maximum(np.where(of.is_call, spot - strike, strike - spot), 0.0)
        high = np.where(of.is_call, spot, strike)
    return np.where(of.valid, low, np.nan), np.where(of.valid, high, np.nan)


def implied_vol(of: Terms, premium: ArrayLike) -> Floats:
    """Return the volatility at which `price` equals `premium`, as a fraction per year.

    Parameters
    ----------
    of
        The options.
    premium
        USD per share.

    Returns
    -------
    ndarray
        NaN where the premium lies on or outside the arbitrage bounds, where its time value is only rounding error,
        where the answer would leave [MIN_VOL, MAX_VOL], and on invalid terms.

    Notes
    -----
    The premium of an option in the money is first turned into that of its partner out of the money by put-call parity,
    Hull 2015, equation (17.3): no digits are lost to the intrinsic value. Then Newton steps on the logarithm of
    the price are taken inside a bracket that shrinks around the root; a step that leaves the bracket becomes a
    bisection. It ends with a step that is only rounding error.

    Examples
    --------
    >>> call = terms(spot=60, strike=65, years=0.25, rate=0.08, is_call=True)
    >>> round(float(implied_vol(call, 2.1334)), 4)
    0.3
    """
    paid = np.asarray(premium, dtype=np.float64) + np.zeros(of.spot.shape)
    partner, target = _out_of_the_money(of, paid)
    _, high = arbitrage_bounds(of)
    with np.errstate(all="ignore"):
        enough = (target > _RESOLUTION * of.strike) & (paid < high) & of.valid
        inside = enough & (price(partner, MIN_VOL) <= target) & (target <= price(partner, MAX_VOL))
    return np.where(inside, _solve(partner, np.where(inside, target, np.nan)), np.nan)


def _solve(of: Terms, target: Floats) -> Floats:
    """Return the root of price - target in [MIN_VOL, MAX_VOL] by safeguarded Newton steps.

    Each option stops at its own root: its answer does not depend on which others are solved with it.
    """
    low, high = np.full(target.shape, MIN_VOL), np.full(target.shape, MAX_VOL)
    sigma, done = np.full(target.shape, 0.3), np.isnan(target)
    with np.errstate(all="ignore"):
        for _ in range(_ITERATIONS):
            d1, d2 = _moments(of, sigma)
            value, slope = _premium(of, d1, d2), _slope(of, d1)
            low, high = np.where(value < target, sigma, low), np.where(value < target, high, sigma)
            step = sigma - np.log(value / target) * value / slope
            found = np.abs(step - sigma) <= _ROUNDING * sigma
            moved = np.where(found | ((step > low) & (step < high)), step, (low + high) / 2)
            sigma, done = np.where(done, sigma, moved), done | found
            if done.all():
                break
    return sigma


def _vega(of: Terms, sigma: Floats) -> Floats:
    """Return the change of the price per unit (1.0) of volatility."""
    return _slope(of, _moments(of, sigma)[0])


def _slope(of: Terms, d1: Floats) -> Floats:
    return _spot_now(of) * _density(d1) * np.sqrt(of.years)


def _premium(of: Terms, d1: Floats, d2: Floats) -> Floats:
    sign = np.where(of.is_call, 1.0, -1.0)
    value = sign * (_spot_now(of) * normal_cdf(sign * d1) - _strike_now(of) * normal_cdf(sign * d2))
    return np.asarray(np.maximum(value, 0.0), dtype=np.float64)


def _out_of_the_money(of: Terms, premium: Floats) -> tuple[Terms, Floats]:
    """Return each option's partner out of the money (itself if it is) and that one's premium, by put-call parity."""
    with np.errstate(all="ignore"):
        intrinsic = np.where(of.is_call, 1.0, -1.0) * (_spot_now(of) - _strike_now(of))
    inside = intrinsic > 0
    partner = Terms(of.spot, of.strike, of.years, of.rate, of.dividend_yield, np.asarray(of.is_call ^ inside))
    return partner, np.where(inside, premium - intrinsic, premium)


def _volatility(of: Terms, vol: ArrayLike) -> tuple[Floats, Flags]:
    sigma = np.asarray(vol, dtype=np.float64) + np.zeros(of.spot.shape)
    return sigma, np.asarray(of.valid & np.isfinite(sigma) & (sigma > 0), dtype=np.bool_)


def _moments(of: Terms, sigma: Floats) -> tuple[Floats, Floats]:
    """Return d1 and d2."""
    width = sigma * np.sqrt(of.years)
    drift = (of.rate - of.dividend_yield) * of.years
    d1 = (np.log(of.spot / of.strike) + drift) / width + width / 2
    return d1, d1 - width


def _spot_now(of: Terms) -> Floats:
    """Return the value today of a share delivered at expiry."""
    return np.asarray(of.spot * np.exp(-of.dividend_yield * of.years))


def _strike_now(of: Terms) -> Floats:
    """Return the value today of the strike paid at expiry."""
    return np.asarray(of.strike * np.exp(-of.rate * of.years))


def _density(x: Floats) -> Floats:
    return np.asarray(np.exp(-0.5 * x * x) / _SQRT_2PI)


def _polynomial(coefficients: tuple[float, ...], x: Floats) -> Floats:
    """Return the polynomial by Horner's rule, highest power first."""
    total = np.zeros_like(x)
    for coefficient in coefficients:
        total = total * x + coefficient
    return total
