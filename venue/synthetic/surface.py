"""Option chains of the synthetic market: a surface with skew and term structure, priced by Black and Scholes.

Prices are European ones, never below intrinsic value, with a bid-ask spread around them; they are model prices and the
feed says so. Expiries are the next Fridays and monthly third Fridays, strikes lie around the session's opening price.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

import numpy as np

from orchestrator.domain.pricing import greeks, price, terms
from venue.dataset import Floats, Ints
from venue.feed import ContractQuote
from venue.replay.tape import decimal
from venue.sessions import DAY_S, EPOCH, Sessions, day_number

RATE = 0.04
YEAR_S = 365 * DAY_S
WEEKS, MONTHS = 6, 4
STRIKES_AROUND = 0.22
"""Strikes reach this fraction above and below the price."""
LONG_WEIGHT_YEARS = 0.3
"""Maturity at which half of today's volatility has returned to its long-run level, roughly."""
LONG_VOL_FACTOR = 1.15
LEAST_S = 1800
SIZE = 25


@dataclass(frozen=True, slots=True)
class Market:
    """What the surface hangs on: the underlying's price, today's and its long-run annual volatility."""

    underlying: str
    time: int
    spot: float
    vol: float
    long_vol: float


def listed_expiries(today: date, sessions: Sessions) -> list[date]:
    """Return the expiries listed on a day: Fridays of the coming weeks and third Fridays of the coming months."""
    friday = today + timedelta(days=(4 - today.weekday()) % 7)
    fridays = [friday + timedelta(weeks=week) for week in range(WEEKS)]
    months = [(today.year + (today.month - 1 + n) // 12, (today.month - 1 + n) % 12 + 1) for n in range(1, MONTHS + 2)]
    thirds = [_third_friday(year, month) for year, month in months]
    return sorted({_session_on_or_before(day, sessions) for day in [*fridays, *thirds] if day >= today})


def _third_friday(year: int, month: int) -> date:
    first = date(year, month, 1)
    return first + timedelta(days=(4 - first.weekday()) % 7 + 14)


def _session_on_or_before(day: date, sessions: Sessions) -> date:
    index = int(np.searchsorted(sessions.days, day_number(day), side="right")) - 1
    return EPOCH + timedelta(days=int(sessions.days[index]))


def listed_strikes(opening: float) -> Floats:
    """Return the strikes around a session's opening price."""
    steps = ((25, 0.5), (100, 1.0), (250, 2.5), (1000, 5.0))
    step = next((size for limit, size in steps if opening < limit), 25.0)
    low, high = opening * (1 - STRIKES_AROUND), opening * (1 + STRIKES_AROUND)
    return np.arange(np.ceil(low / step), np.floor(high / step) + 1) * step


def volatility(market: Market, strike: Floats, years: Floats) -> Floats:
    """Return implied volatility: today's level fading to the long-run one, puts dearer than calls."""
    weight = (1 - np.exp(-years / LONG_WEIGHT_YEARS)) / (years / LONG_WEIGHT_YEARS)
    level = market.long_vol + (market.vol - market.long_vol) * weight
    width = np.log(strike / market.spot) / (level * np.sqrt(np.maximum(years, 0.02)))
    skew = 1 - 0.09 * width + 0.018 * width**2
    return np.asarray(level * np.clip(skew, 0.75, 1.8))


def quotes(market: Market, contracts: list[tuple[str, date, str, float]], closes: Ints) -> list[ContractQuote]:
    """Price contracts (symbol, expiry, right, strike); `closes` are the epoch seconds at which they expire."""
    strike = np.array([one[3] for one in contracts])
    years = np.maximum(closes - market.time, LEAST_S) / YEAR_S
    of = terms(spot=market.spot, strike=strike, years=years, rate=RATE, is_call=[one[2] == "C" for one in contracts])
    vol = volatility(market, strike, years)
    intrinsic = np.maximum(np.where(of.is_call, market.spot - strike, strike - market.spot), 0.0)
    mid = np.maximum(price(of, vol), intrinsic)
    half = 0.01 + 0.006 * mid + 0.0002 * market.spot * np.sqrt(years)
    bid, ask = np.floor((mid - half) * 100) / 100, np.ceil((mid + half) * 100) / 100
    depth = np.exp(-((np.log(strike / market.spot) / (vol * np.sqrt(years))) ** 2) / 2)
    columns = np.stack([bid, ask, np.round(mid, 2), depth, vol, *_sensitivities(greeks(of, vol))])
    return [_quote(contract, columns[:, index]) for index, contract in enumerate(contracts)]


def _sensitivities(of: object) -> list[Floats]:
    return [getattr(of, name) for name in ("delta", "gamma", "theta", "vega", "rho")]


def _quote(contract: tuple[str, date, str, float], values: Floats) -> ContractQuote:
    symbol, expiry, right, strike = contract
    bid, ask, last, depth, *rest = (float(value) for value in values)
    size = Decimal(5 + round(SIZE * depth))
    return ContractQuote(
        symbol,
        expiry,
        right,
        decimal(strike),
        decimal(round(bid, 2)) if bid > 0 else None,
        decimal(round(ask, 2)),
        size if bid > 0 else Decimal(0),
        size,
        decimal(round(last, 2)),
        round(2_000 * depth),
        100 + round(8_000 * depth),
        *rest,
    )
