"""Reads an option chain: time to expiry, implied forward, volatility and Greeks of every contract, and its shape.

What the feed gives is taken, the rest is calculated. A contract that cannot be trusted (one-sided or crossed market, no
volatility in its premium, feed and premium in disagreement, no Greeks where the rest of the chain has them) stays in
the view with NaN and is never `usable`. Which contract to trade is not decided here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from functools import cached_property
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from orchestrator.domain.base import ZERO
from orchestrator.domain.instruments import OptionRight
from orchestrator.domain.market import OptionChain, OptionQuote
from orchestrator.domain.pricing import Floats, Terms, greeks, implied_vol, terms

NEW_YORK = ZoneInfo("America/New_York")
_EXPIRY_TIME = time(16)
_YEAR_S = 365 * 86400
_NEAR_THE_MONEY = 0.05
_PARITY_PAIRS = 5
_IV_RANGE = (0.01, 5.0)
_DISAGREEMENT = 0.5
"""Feed and premium may differ in volatility by this fraction; beyond it one of them is stale."""
_GREEK_NAMES = ("delta", "gamma", "theta", "vega", "rho")


@dataclass(frozen=True)
class PricedContract:
    """One contract with what it is worth knowing; NaN where it is not known.

    `years` to expiry, `iv` a fraction per year, `theta` per day, `vega` per vol point, `rho` per point of rate.
    """

    quote: OptionQuote
    years: float
    iv: float
    delta: float
    gamma: float
    theta: float
    vega: float
    rho: float

    @cached_property
    def usable(self) -> bool:
        """Whether it may be traded: both sides quoted, volatility and Greeks known."""
        return self.quote.mid is not None and math.isfinite(self.iv) and math.isfinite(self.delta)

    @cached_property
    def spread_fraction(self) -> float:
        """Bid-ask spread over mid; infinite for a one-sided market."""
        mid, bid, ask = self.quote.mid, self.quote.bid, self.quote.ask
        return math.inf if mid is None or bid is None or ask is None else float((ask - bid) / mid)

    def liquid(self, *, max_spread: float, min_open_interest: int) -> bool:
        """Whether it is usable, tight enough (spread over mid) and, where the feed tells, held widely enough."""
        interest = self.quote.open_interest
        held = interest is None or interest >= min_open_interest
        return self.usable and self.spread_fraction <= max_spread and held


@dataclass(frozen=True)
class ChainView:
    """A chain at one moment, priced; `forwards` is what put-call parity says of each expiry."""

    underlying: str
    spot: Decimal
    now: datetime
    contracts: tuple[PricedContract, ...]
    forwards: dict[date, float]

    def days_to_expiry(self, expiry: date) -> int:
        """Return the calendar days from the New York date of `now` to `expiry`."""
        return (expiry - self.now.astimezone(NEW_YORK).date()).days

    def expiries(self) -> list[date]:
        """Return the expiries that have usable contracts, nearest first."""
        return sorted({expiry for expiry, _ in self._ladders})

    def of(self, expiry: date, right: OptionRight) -> list[PricedContract]:
        """Return the usable contracts of one expiry and right by ascending strike."""
        return list(self._ladders.get((expiry, right), ()))

    @cached_property
    def _ladders(self) -> dict[tuple[date, OptionRight], list[PricedContract]]:
        ladders: dict[tuple[date, OptionRight], list[PricedContract]] = {}
        for contract in sorted(self.contracts, key=lambda c: c.quote.strike):
            if contract.usable:
                ladders.setdefault((contract.quote.expiry, contract.quote.right), []).append(contract)
        return ladders

    def atm_iv(self, expiry: date) -> float:
        """Return the volatility at the forward, between the nearest out-of-the-money put and call; NaN if unknown."""
        if expiry not in self._atm_ivs:
            self._atm_ivs[expiry] = self._atm_iv(expiry)
        return self._atm_ivs[expiry]

    @cached_property
    def _atm_ivs(self) -> dict[date, float]:
        """What was asked for so far."""
        return {}

    def _atm_iv(self, expiry: date) -> float:
        forward = self.forwards.get(expiry, math.nan)
        puts = [c for c in self.of(expiry, OptionRight.PUT) if float(c.quote.strike) <= forward]
        calls = [c for c in self.of(expiry, OptionRight.CALL) if float(c.quote.strike) > forward]
        if not puts or not calls:
            return math.nan
        strikes = [float(puts[-1].quote.strike), float(calls[0].quote.strike)]
        return float(np.interp(forward, strikes, [puts[-1].iv, calls[0].iv]))

    def skew(self, expiry: date) -> float:
        """Return the volatility of the 25-delta put minus that of the 25-delta call, a fraction; NaN if unknown."""
        put = nearest_delta(self.of(expiry, OptionRight.PUT), -0.25)
        call = nearest_delta(self.of(expiry, OptionRight.CALL), 0.25)
        return math.nan if put is None or call is None else put.iv - call.iv

    def term_slope(self, near: date, far: date) -> float:
        """Return the at-the-money volatility of `far` minus that of `near`; NaN if unknown."""
        return self.atm_iv(far) - self.atm_iv(near)


def nearest_delta(contracts: Sequence[PricedContract], delta: float) -> PricedContract | None:
    """Return the contract whose delta is closest to `delta` (puts negative), the lower strike of two equals."""
    return min(contracts, key=lambda c: (abs(c.delta - delta), c.quote.strike), default=None)


def expiry_moment(expiry: date) -> datetime:
    """Return when a contract stops trading: 16:00 New York of its expiry."""
    return datetime.combine(expiry, _EXPIRY_TIME, NEW_YORK)


def view_of(chain: OptionChain, now: datetime, *, rate: float) -> ChainView:
    """Price every contract of a chain.

    Parameters
    ----------
    rate
        Continuously compounded interest, fraction per year.

    Notes
    -----
    Contracts are priced off the forward that put-call parity implies for their expiry, so neither a dividend forecast
    nor the exact time of `chain.spot` enters.
    """
    quotes = chain.contracts
    years = {expiry: _years(expiry, now) for expiry in {q.expiry for q in quotes}}
    near = _near_the_money(chain)
    forwards = {e: _forward(chain.spot, near.get(e, {}), years=years[e], rate=rate) for e in years}
    span = np.array([years[q.expiry] for q in quotes], dtype=np.float64)
    of = terms(
        spot=np.array([forwards[q.expiry] for q in quotes], dtype=np.float64) * np.exp(-rate * span),
        strike=np.array([float(q.strike) for q in quotes], dtype=np.float64),
        years=span,
        is_call=np.array([q.right is OptionRight.CALL for q in quotes], dtype=np.bool_),
        rate=rate,
    )
    columns = np.column_stack(_volatility_and_greeks(quotes, of))
    contracts = tuple(
        PricedContract(q, t, *row) for q, t, row in zip(quotes, span.tolist(), columns.tolist(), strict=True)
    )
    return ChainView(chain.underlying, chain.spot, now, contracts, forwards)


def _years(expiry: date, now: datetime) -> float:
    return (expiry_moment(expiry) - now).total_seconds() / _YEAR_S


Mids = dict[Decimal, dict[OptionRight, Decimal]]
"""The middle of call and put, by strike."""


def _near_the_money(chain: OptionChain) -> dict[date, Mids]:
    """Return what is quoted around spot, by expiry."""
    reach, found = Decimal(repr(_NEAR_THE_MONEY)), dict[date, Mids]()
    for quote in chain.contracts:
        if abs(quote.strike / chain.spot - 1) <= reach and (mid := quote.mid) is not None:
            found.setdefault(quote.expiry, {}).setdefault(quote.strike, {})[quote.right] = mid
    return found


def _forward(spot: Decimal, mids: Mids, *, years: float, rate: float) -> float:
    """Return the median forward of the pairs nearest to the money; spot carried at `rate` where there are none.

    References
    ----------
    Hull 2015, equation (17.3), solved for the forward: F = K + (c - p) exp(rT).
    """
    pairs = [(k, m[OptionRight.CALL] - m[OptionRight.PUT]) for k, m in mids.items() if len(m) == 2]
    pairs.sort(key=lambda pair: (abs(pair[1]), pair[0]))
    growth = math.exp(rate * max(years, 0.0))
    if not pairs:
        return float(spot) * growth
    return float(np.median([float(k) + float(gap) * growth for k, gap in pairs[:_PARITY_PAIRS]]))


def _volatility_and_greeks(quotes: Sequence[OptionQuote], of: Terms) -> list[Floats]:
    """Return volatility and the five Greeks: the feed's where it has them, NaN for whom cannot be trusted."""
    own = implied_vol(of, _column([None if q.mid is None else float(q.mid) for q in quotes]))
    told = _column([q.iv for q in quotes])
    told = np.where((told >= _IV_RANGE[0]) & (told <= _IV_RANGE[1]), told, np.nan)
    iv = np.where(np.isnan(told), own, told)
    trusted = (np.abs(own - iv) <= _DISAGREEMENT * iv) & ~_dead(quotes)
    calculated = greeks(of, iv)
    columns = [iv]
    for name in _GREEK_NAMES:
        given = _column([getattr(q, name) for q in quotes])
        columns.append(np.where(np.isnan(given), getattr(calculated, name), given))
    trusted &= np.where(of.is_call, (columns[1] > 0) & (columns[1] < 1), (columns[1] < 0) & (columns[1] > -1))
    return [np.where(trusted, column, np.nan) for column in columns]


def _dead(quotes: Sequence[OptionQuote]) -> NDArray[np.bool_]:
    """Mark contracts without Greeks in a chain whose feed gives them to most: they are no longer listed."""
    missing = np.array([q.delta is None for q in quotes], dtype=np.bool_)
    return missing if missing.size and missing.mean() < 0.5 else np.zeros_like(missing)


def _column(values: Sequence[float | None]) -> Floats:
    return np.array([math.nan if value is None else value for value in values], dtype=np.float64)


_STEPS = tuple(Decimal(one) for one in ("0.5", "1", "5", "10", "50", "100"))
_STEP = Decimal("0.005")
"""Least distance between the strikes of a ladder, as a fraction of spot."""


def ladder(chain: OptionChain, now: datetime, *, most_days: int) -> OptionChain:
    """Return a thin part of a chain that shows tomorrow what it shows today: round strikes, the last expiry of a week.

    Whoever buys from it sees what he holds until its end; what is nearest to some number of days is another expiry
    every day. Strikes lie at least half a hundredth of spot apart, and `most_days` is calendar days to expiry.
    """
    today = now.astimezone(NEW_YORK).date()
    weeks: dict[tuple[int, int], date] = {}
    for expiry in sorted({one.expiry for one in chain.contracts}):
        year, week, _ = expiry.isocalendar()
        weeks[year, week] = expiry
    last = {expiry for expiry in weeks.values() if (expiry - today).days <= most_days}
    step = next((one for one in _STEPS if one >= chain.spot * _STEP), _STEPS[-1])
    inside = tuple(one for one in chain.contracts if one.expiry in last and one.strike % step == 0)
    return chain.model_copy(update={"contracts": inside})


def touch(quote: OptionQuote, *, buying: bool) -> Decimal | None:
    """Return the price at which the contract can be bought or sold now, None without a quote on that side."""
    price = quote.ask if buying else quote.bid
    return price if price is not None and price > ZERO else None
