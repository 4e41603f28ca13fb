"""What one cycle knows of each underlying: its chain priced where it matters, its trend and its regime.

Also what the module remembers from cycle to cycle: at-the-money volatility by session, and when it last held what.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cached_property

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


Views = dict[tuple[object, ...], tuple[OptionChain, ChainView]]
"""Priced chains by what they were priced with: whoever asks the same of the same chain again gets the same view."""


_MOST_PRICED = 600_000
"""Contracts of all views that are kept, about 1 kB each with their quotes."""


@dataclass(frozen=True)
class Reading:
    """One underlying as a cycle sees it; the chain is priced when that is first asked for.

    Parameters
    ----------
    iv_history
        At-the-money volatilities of sessions before today, oldest first.
    views
        What was priced before, by this cycle or another on the same recorded chains.
    """

    chain: OptionChain
    panel: Panel
    parameters: OptionsParameters
    iv_history: list[float]
    now: datetime
    views: Views

    @property
    def underlying(self) -> str:
        """Whose chain it is."""
        return self.chain.underlying

    @property
    def spot(self) -> Decimal:
        """Price of the underlying, USD."""
        return self.chain.spot

    @property
    def fresh(self) -> bool:
        """Whether the chain is recent enough to decide on."""
        return is_fresh(self.chain.ts, self.parameters, now=self.now)

    @cached_property
    def quotes(self) -> Mapping[str, OptionQuote]:
        """Every contract of the chain by symbol, priced or not."""
        return {quote.symbol: quote for quote in self.chain.contracts}

    @cached_property
    def view(self) -> ChainView:
        """The part of the chain that entries are decided on, priced."""
        wanted, rate = self.parameters.selection, self.parameters.rate
        key = (id(self.chain), self.now, rate, wanted.min_days, wanted.target_days, wanted.max_days)
        if key not in self.views:
            chain = narrowed(self.chain, self.parameters, now=self.now)
            self.views[key] = self.chain, view_of(chain, self.now, rate=rate)
            _forget(self.views)
        return self.views[key][1]

    @cached_property
    def trend(self) -> Trend | None:
        """The trend at the panel's last row; None when it cannot be told."""
        return trend_of(self.panel, self.underlying, self.parameters.trend, now=self.now)

    @cached_property
    def regime(self) -> Regime | None:
        """Trend and volatility; None when they cannot be told."""
        return regime_of(self.view, self.panel, self.parameters, iv_history=self.iv_history)


def _forget(views: Views) -> None:
    """Forget the views that were made first, until the rest is few enough; the newest one stays."""
    held = sum(len(view.contracts) for _, view in views.values())
    for key in list(views)[:-1]:
        if held <= _MOST_PRICED:
            return
        held -= len(views.pop(key)[1].contracts)


def today(now: datetime) -> date:
    """Return the New York date."""
    return now.astimezone(NEW_YORK).date()


def read(
    market: MarketSnapshot, parameters: OptionsParameters, *, book: BookDoc, now: datetime, views: Views
) -> dict[str, Reading]:
    """Return a reading of every underlying that has a chain."""
    panel = market.panels.get(DAILY, panel_of({}))
    return {
        symbol: Reading(chain, panel, parameters, iv_history(book, symbol, now=now), now, views)
        for symbol, chain in market.chains.items()
    }


def is_fresh(ts: datetime, parameters: OptionsParameters, *, now: datetime) -> bool:
    """Return whether a quote made at `ts` is recent enough to decide on."""
    return now - ts <= timedelta(minutes=parameters.liquidity.max_age_minutes)


def narrowed(
    chain: OptionChain, parameters: OptionsParameters, *, now: datetime, also: Collection[str] = ()
) -> OptionChain:
    """Return the part of a chain that entries are decided on: few expiries, strikes within reach of spot.

    Contracts whose symbol is in `also` stay too.
    """
    wanted = parameters.selection
    days = {expiry: (expiry - today(now)).days for expiry in {quote.expiry for quote in chain.contracts}}
    eligible = sorted(e for e, left in days.items() if wanted.min_days <= left <= wanted.max_days)
    kept = set(sorted(eligible, key=lambda e: abs(days[e] - wanted.target_days))[:_NEAREST])
    kept |= set(sorted(e for e, left in days.items() if left >= _SLOPE_DAYS)[:1])
    contracts = tuple(
        q
        for q in chain.contracts
        if q.symbol in also or (q.expiry in kept and abs(q.strike / chain.spot - 1) <= _REACH)
    )
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
        iv = reference_iv(reading.view, parameters) if reading.fresh else math.nan
        if math.isfinite(iv):
            history = {**_remembered(book, symbol), day: iv}
            newest = sorted(history.items())[-parameters.volatility.history_days :]
            kept[f"iv/{symbol}"] = " ".join(f"{when}:{value:.4f}" for when, value in newest)
    for position in book.positions.values():
        kept[f"held/{underlying_of(position.symbol)}"] = day
    return kept


def _remembered(book: BookDoc, underlying: str) -> dict[str, float]:
    entries = (entry.split(":") for entry in book.memory.get(f"iv/{underlying}", "").split())
    return {day: float(iv) for day, iv in entries}
