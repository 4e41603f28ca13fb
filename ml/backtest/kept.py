"""The chains that the desk kept, as a backtest of options reads them.

A sighting is unpacked when it is looked at; the newest ones stay, as many as fit into a bounded number of contracts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal

import numpy as np

from ml.backtest.layout import Ints
from ml.backtest.recorded import Closed, Event
from orchestrator.domain.base import ZERO
from orchestrator.domain.chains import NEW_YORK
from orchestrator.domain.documents import ChainsDoc
from orchestrator.domain.market import DataRequest, MarketSnapshot, OptionChain, OptionQuote, Panel, Quote
from orchestrator.domain.paths import chains_path
from orchestrator.domain.scene import DAILY
from orchestrator.domain.sightings import Sighting, seen

MOST_CONTRACTS = 600_000
"""Contracts of unpacked chains that are held at once, about 0.7 kB each, and 0.4 kB more where they are priced."""
_MICROSECONDS = 1_000_000
_BACK = 30
"""Sightings looked back through for a contract that a later one does not show."""


@dataclass(frozen=True, slots=True)
class Seen:
    """Bid and ask of a stock or contract as the desk saw them; fulfils `ml.backtest.recorded.Touch`."""

    ts: datetime
    bid: Decimal | None
    ask: Decimal | None
    bid_size: Decimal
    ask_size: Decimal

    @property
    def last(self) -> Decimal:
        """The middle: what was traded last is not kept. Of one side alone, that side."""
        if self.bid is None or self.ask is None:
            return self.bid or self.ask or ZERO
        return (self.bid + self.ask) / 2


@dataclass(eq=False)
class KeptChains:
    """Fulfils `ml.backtest.recorded.Recorded`.

    Parameters
    ----------
    docs
        As stored, in order of their moments; at least one.
    panel
        Daily bars of the underlyings.
    thinned
        What is shown of a chain at a moment; None = all that was kept.
    """

    docs: Sequence[ChainsDoc]
    panel: Panel
    thinned: Callable[[OptionChain, datetime], OptionChain] | None = None
    moments: Sequence[datetime] = ()
    _times: Ints = field(default_factory=lambda: np.zeros(0, np.int64))
    _places: dict[datetime, int] = field(default_factory=dict)
    _open: dict[int, Sighting] = field(default_factory=dict)
    _chains: dict[tuple[int, str, date, date], OptionChain] = field(default_factory=dict)
    _touches: dict[tuple[str, datetime], Seen | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.moments = [doc.at for doc in self.docs]
        self._times = np.array([int(at.timestamp() * _MICROSECONDS) for at in self.moments], np.int64)
        self._places = {at: place for place, at in enumerate(self.moments)}

    def snapshot(self, request: DataRequest, now: datetime) -> MarketSnapshot:
        """Return what was asked for, as the desk saw it at a moment."""
        place = self._places[now]
        found = self._sighting(place)
        asked = {symbol: quote for symbol in request.quotes if (quote := self._quote(symbol, now)) is not None}
        today = now.astimezone(NEW_YORK).date()
        first, last = (today + timedelta(days=n) for n in (request.min_days_to_expiry, request.max_days_to_expiry))
        chains = {one: self._chain(place, one, first, last) for one in request.chains if one in found.chains}
        return MarketSnapshot(
            session=found.session,
            quotes=asked,
            panels={DAILY: self._bars(now, request.lookback_days[DAILY])},
            chains={symbol: chain for symbol, chain in chains.items() if chain.contracts},
            halted=found.halted,
        )

    def touch(self, symbol: str, now: datetime) -> Seen | None:
        """Return the newest quote of a stock or contract."""
        key = (symbol, now)
        if key not in self._touches:
            last = int(np.searchsorted(self._times, int(now.timestamp() * _MICROSECONDS), "right"))
            back = range(last - 1, max(last - 1 - _BACK, -1), -1)
            quotes = (quoted(self._sighting(place), symbol) for place in back)
            found = next((one for one in quotes if one is not None), None)
            self._touches[key] = None if found is None else _seen(found)
        return self._touches[key]

    def events(self, after: datetime, until: datetime) -> list[Event]:
        """Return the sessions that ended in (after, until], in order; dividends are not known."""
        closes = dict.fromkeys(doc.close for doc in self.docs if doc.close is not None and after < doc.close <= until)
        return [Closed(close, close.astimezone(NEW_YORK).date()) for close in closes]

    def between(self, rows: slice) -> Part:
        """Return some of the moments, in a row; nothing is read or priced twice for it."""
        return Part(self, self.moments[rows])

    def memory(self, row: int) -> Mapping[str, str]:
        """Return what the module remembered at a moment."""
        return self._sighting(row).memory

    def _quote(self, symbol: str, now: datetime) -> Quote | None:
        found = self._sighting(self._places[now]).quotes.get(symbol)
        if found is not None:
            return found
        one = self.touch(symbol, now)
        if one is None:
            return None
        return Quote(symbol=symbol, ts=one.ts, bid=one.bid, ask=one.ask, bid_size=one.bid_size, ask_size=one.ask_size)

    def _chain(self, place: int, underlying: str, first: date, last: date) -> OptionChain:
        """Return a chain's contracts that expire from `first` to `last`; the same value for the same question."""
        key = (place, underlying, first, last)
        if key not in self._chains:
            whole = self._sighting(place).chains[underlying]
            inside = tuple(one for one in whole.contracts if first <= one.expiry <= last)
            self._chains[key] = whole.model_copy(update={"contracts": inside})
        return self._chains[key]

    def _bars(self, now: datetime, lookback: int) -> Panel:
        since = int((now - timedelta(days=lookback)).timestamp())
        low, high = np.searchsorted(self.panel.ends, (since, int(now.timestamp())), side="right")
        return self.panel[int(low) : int(high)]

    def _sighting(self, place: int) -> Sighting:
        if place not in self._open:
            doc = self.docs[place]
            found = seen(doc, where=chains_path(doc.module, f"{doc.at:%Y%m%dT%H%M%SZ}"))
            if self.thinned is not None:
                shown = {name: self.thinned(chain, doc.at) for name, chain in found.chains.items()}
                found = replace(found, chains=shown)
            self._open[place] = found
            self._forget()
        return self._open[place]

    def _forget(self) -> None:
        """Close the sightings that were opened first, until the rest is few enough; the newest one stays."""
        held = sum(_contracts(one) for one in self._open.values())
        for place in list(self._open)[:-1]:
            if held <= MOST_CONTRACTS:
                return
            held -= _contracts(self._open.pop(place))
            self._chains = {key: chain for key, chain in self._chains.items() if key[0] != place}


@dataclass(slots=True)
class Part:
    """Some moments of kept chains; fulfils `ml.backtest.recorded.Recorded`."""

    whole: KeptChains
    moments: Sequence[datetime]

    def snapshot(self, request: DataRequest, now: datetime) -> MarketSnapshot:
        """Return what was asked for, as the desk saw it at a moment."""
        return self.whole.snapshot(request, now)

    def touch(self, symbol: str, now: datetime) -> Seen | None:
        """Return the newest quote of a stock or contract."""
        return self.whole.touch(symbol, now)

    def events(self, after: datetime, until: datetime) -> list[Event]:
        """Return the sessions that ended in (after, until], in order."""
        return self.whole.events(after, until)


def _contracts(sighting: Sighting) -> int:
    return sum(len(chain.contracts) for chain in sighting.chains.values())


def quoted(sighting: Sighting, symbol: str) -> Quote | OptionQuote | None:
    """Return a stock's or contract's quote of a sighting: its own, else that of a chain."""
    if symbol in sighting.quotes:
        return sighting.quotes[symbol]
    contracts = (one for chain in sighting.chains.values() for one in chain.contracts)
    return next((one for one in contracts if one.symbol == symbol), None)


def _seen(quote: Quote | OptionQuote) -> Seen:
    return Seen(quote.ts, quote.bid or None, quote.ask or None, quote.bid_size, quote.ask_size)
