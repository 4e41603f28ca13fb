"""Kept chains of a made-up market for tests of the search: a price that swings, and options that the model prices."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

import numpy as np

from orchestrator.domain.base import ModuleName
from orchestrator.domain.chains import NEW_YORK, expiry_moment
from orchestrator.domain.documents import ChainsDoc
from orchestrator.domain.instruments import OptionRight
from orchestrator.domain.market import Bars, OptionChain, OptionQuote, Quote, SessionState
from orchestrator.domain.pricing import price, terms
from orchestrator.domain.sightings import Sighting, kept
from tests.options_market import RATE, cents, option_quote

FIRST = date(2026, 1, 5)
_BEFORE = 100
"""Sessions with bars before the first with chains."""
_YEAR_S = 365 * 86_400


def sessions(count: int) -> list[datetime]:
    """When each session was seen: five minutes before it closed; weekdays, the first with chains at `_BEFORE`."""
    days = (FIRST + timedelta(days=n) for n in range(-2 * _BEFORE, 3 * count + 10))
    week = [day for day in days if day.weekday() < 5]
    start = week.index(FIRST)
    return [
        datetime.combine(day, time(15, 55), NEW_YORK).astimezone(UTC) for day in week[start - _BEFORE : start + count]
    ]


def swinging(count: int, *, seed: int, rise: float = 0.012, fall: float = 0.010, noise: float = 0.002) -> list[float]:
    """Closes that rise for three sessions and fall for three, a little less; each seed at another time."""
    chance = np.random.default_rng(seed)
    steps = [(rise if (n + seed) // 3 % 2 == 0 else -fall) for n in range(_BEFORE + count)]
    path = np.cumsum(np.array(steps) + chance.normal(0, noise, _BEFORE + count))
    return [float(one) for one in 100 * np.exp(path - path[_BEFORE])]


def market(
    count: int, symbols: Sequence[str], *, vol: float = 0.2, **path: float
) -> tuple[list[ChainsDoc], dict[str, Bars]]:
    """Return one document for each of the last `count` sessions, and the daily bars that lead to it."""
    times = sessions(count)
    closes = {symbol: swinging(count, seed=place, **path) for place, symbol in enumerate(symbols)}
    ends = np.array([int(at.timestamp()) + 300 for at in times], np.int64)
    ones = np.ones(len(times))
    bars = {symbol: Bars(ends, *(np.array(values),) * 4, ones * 1e6) for symbol, values in closes.items()}
    docs = []
    for place in range(_BEFORE, len(times)):
        at = times[place]
        chains = {symbol: chain(symbol, values[place], at, vol) for symbol, values in closes.items()}
        quotes = {
            one: Quote(symbol=one, ts=at, bid=found.spot - Decimal("0.01"), ask=found.spot + Decimal("0.01"))
            for one, found in chains.items()
        }
        session = SessionState(is_open=True, close=at + timedelta(minutes=5), next_open=at + timedelta(hours=17))
        docs.append(kept(Sighting(at, session, quotes, chains), ModuleName.OPTIONS))
    return docs, bars


def chain(symbol: str, spot: float, at: datetime, vol: float) -> OptionChain:
    """Fridays from four to 44 days away, strikes 2 % apart."""
    today = at.astimezone(NEW_YORK).date()
    expiries = [day for n in range(4, 45) if (day := today + timedelta(days=n)).weekday() == 4]
    low = int(spot * 0.88)
    strikes = np.arange(low - low % 2, spot * 1.12, 2.0)
    quotes: list[OptionQuote] = []
    for expiry in expiries:
        years = (expiry_moment(expiry) - at).total_seconds() / _YEAR_S
        for right in OptionRight:
            of = terms(spot=spot, strike=strikes, years=years, rate=RATE, is_call=right is OptionRight.CALL)
            middles = np.nan_to_num(price(of, vol))
            quotes += [
                option_quote(symbol, expiry, right, Decimal(int(strike)), mid=float(mid), now=at, size=50, half=0.005)
                for strike, mid in zip(strikes, middles, strict=True)
            ]
    return OptionChain(underlying=symbol, ts=at, spot=cents(spot), contracts=tuple(quotes))
