"""What one cycle knows of each underlying: its chain priced where it matters, its trend and its regime.

Also what the module remembers from cycle to cycle: at-the-money volatility by session, and when it last held what.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from modules.options.parameters import OptionsParameters
from modules.options.regime import Regime, Trend, reference_iv, regime_of, trend_of
from modules.options.universe import underlying_of
from orchestrator.domain.chains import NEW_YORK, ChainView, view_of
from orchestrator.domain.documents import BookDoc
from orchestrator.domain.market import MarketSnapshot, OptionChain, OptionQuote, Panel, panel_of

DAILY = 1440
_NEAREST = 3
"""Expiries around the wanted days that are priced."""
_SLOPE_DAYS = 3
"""Days to expiry from which an expiry serves as the near end of the term structure."""
_REACH = Decimal("0.35")
"""Strikes further from spot, as a fraction, are never traded and not priced."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One underlying as a cycle sees it. `quotes` has every contract of the chain, priced or not."""

    underlying: str
    view: ChainView
    quotes: Mapping[str, OptionQuote]
    trend: Trend | None
    regime: Regime | None
    fresh: bool
    """Whether the chain is recent enough to decide on."""


def today(now: datetime) -> date:
    """Return the New York date."""
    return now.astimezone(NEW_YORK).date()


def read(market: MarketSnapshot, parameters: OptionsParameters, *, book: BookDoc, now: datetime) -> dict[str, Reading]:
    """Return a reading of every underlying that has a chain."""
    panel = market.panels.get(DAILY, panel_of({}))
    return {
        symbol: _reading(chain, panel, parameters, iv_history=iv_history(book, symbol, now=now), now=now)
        for symbol, chain in market.chains.items()
    }


def is_fresh(ts: datetime, parameters: OptionsParameters, *, now: datetime) -> bool:
    """Return whether a quote made at `ts` is recent enough to decide on."""
    return now - ts <= timedelta(minutes=parameters.liquidity.max_age_minutes)


def _reading(
    chain: OptionChain, panel: Panel, parameters: OptionsParameters, *, iv_history: list[float], now: datetime
) -> Reading:
    view = view_of(narrowed(chain, parameters, now=now), now, rate=parameters.rate)
    regime = regime_of(view, panel, parameters, iv_history=iv_history)
    known = trend_of(panel, chain.underlying, parameters.trend, now=now) if regime is None else regime.trend
    return Reading(
        underlying=chain.underlying,
        view=view,
        quotes={quote.symbol: quote for quote in chain.contracts},
        trend=known,
        regime=regime,
        fresh=is_fresh(chain.ts, parameters, now=now),
    )


def narrowed(chain: OptionChain, parameters: OptionsParameters, *, now: datetime) -> OptionChain:
    """Return the part of a chain that entries are decided on: few expiries, strikes within reach of spot."""
    wanted = parameters.selection
    days = {expiry: (expiry - today(now)).days for expiry in {quote.expiry for quote in chain.contracts}}
    eligible = sorted(e for e, left in days.items() if wanted.min_days <= left <= wanted.max_days)
    kept = set(sorted(eligible, key=lambda e: abs(days[e] - wanted.target_days))[:_NEAREST])
    kept |= set(sorted(e for e, left in days.items() if left >= _SLOPE_DAYS)[:1])
    contracts = tuple(q for q in chain.contracts if q.expiry in kept and abs(q.strike / chain.spot - 1) <= _REACH)
    return chain.model_copy(update={"contracts": contracts})


def iv_history(book: BookDoc, underlying: str, *, now: datetime) -> list[float]:
    """Return the remembered at-the-money volatilities of sessions before today, oldest first."""
    return [iv for day, iv in _remembered(book, underlying).items() if day < today(now).isoformat()]


def last_held(book: BookDoc, underlying: str) -> date | None:
    """Return the New York date on which a position in the underlying was last seen."""
    kept = book.memory.get(f"held/{underlying}")
    return None if kept is None else date.fromisoformat(kept)


def memory(
    book: BookDoc, readings: Mapping[str, Reading], parameters: OptionsParameters, *, now: datetime
) -> dict[str, str]:
    """Return the book's memory with this cycle's volatilities and holdings taken in."""
    kept, day = dict(book.memory), today(now).isoformat()
    for symbol, reading in readings.items():
        iv = reference_iv(reading.view, parameters)
        if reading.fresh and math.isfinite(iv):
            history = {**_remembered(book, symbol), day: iv}
            newest = sorted(history.items())[-parameters.volatility.history_days :]
            kept[f"iv/{symbol}"] = " ".join(f"{when}:{value:.4f}" for when, value in newest)
    for position in book.positions.values():
        kept[f"held/{underlying_of(position.symbol)}"] = day
    return kept


def _remembered(book: BookDoc, underlying: str) -> dict[str, float]:
    entries = (entry.split(":") for entry in book.memory.get(f"iv/{underlying}", "").split())
    return {day: float(iv) for day, iv in entries}
