"""A market of a few written lines, for tests and examples: the shipped fake of `venue.feed.Feed`.

Prices are what the script says, nothing is derived; it calls itself synthetic.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

from venue.feed import (
    Advance,
    Asset,
    AssetKind,
    Chain,
    ContractQuote,
    CorporateAction,
    MarketBar,
    MarketQuote,
    Moment,
    Session,
)
from venue.hours import NEW_YORK

D = Decimal
OPEN, CLOSE = time(9, 30), time(16, 0)


def stock(symbol: str, lot: str = "1") -> Asset:
    """Return a stock with a cent tick."""
    return Asset(symbol, AssetKind.STOCK, symbol, D("0.01"), D(lot), D(lot))


def pair(symbol: str, tick: str, lot: str, least: str) -> Asset:
    """Return a crypto pair."""
    return Asset(symbol, AssetKind.CRYPTO, symbol, D(tick), D(lot), D(least))


def quote(
    ts: datetime, bid: str | None, ask: str | None, *, size: str = "1000", last: str | None = None
) -> MarketQuote:
    """Return a quote of that size on both sides; the last trade is the middle unless given."""
    sides = [D(p) for p in (bid, ask) if p is not None]
    middle = D(last) if last is not None else sum(sides, D(0)) / len(sides)
    return MarketQuote(
        ts, D(bid) if bid is not None else None, D(ask) if ask is not None else None, D(size), D(size), middle
    )


def bar(start: datetime, end: datetime, ohlc: Sequence[str], volume: str = "100000") -> MarketBar:
    """Return a bar from open, high, low, close."""
    o, h, low, c = (D(p) for p in ohlc)
    return MarketBar(start, end, o, h, low, c, D(volume))


@dataclass
class ScriptedFeed:
    """Plays back `quotes`, `bars`, `chains` and `events` that were put in, in time order."""

    now: datetime
    listed: dict[str, Asset] = field(default_factory=dict)
    quotes: dict[str, list[MarketQuote]] = field(default_factory=dict)
    played: dict[tuple[str, int], list[MarketBar]] = field(default_factory=dict)
    chains: dict[str, list[Chain]] = field(default_factory=dict)
    events: list[tuple[datetime, CorporateAction]] = field(default_factory=list)
    holidays: frozenset[date] = frozenset()
    name: str = "scripted (synthetic)"
    synthetic: bool = True

    def say(self, symbol: str, *quotes: MarketQuote) -> ScriptedFeed:
        """Add quotes of a stock or pair."""
        self.quotes.setdefault(symbol, []).extend(quotes)
        return self

    def play(self, symbol: str, minutes: int, *bars: MarketBar) -> ScriptedFeed:
        """Add bars."""
        self.played.setdefault((symbol, minutes), []).extend(bars)
        return self

    def schedule(self, start: datetime, end: datetime) -> list[Moment]:
        """Return when quotes, bars and chains become known."""
        times: dict[datetime, set[AssetKind]] = {}
        for symbol, quotes in self.quotes.items():
            for one in quotes:
                times.setdefault(one.ts, set()).add(self.listed[symbol].kind)
        for (symbol, _), bars in self.played.items():
            for one_bar in bars:
                times.setdefault(one_bar.end, set()).add(self.listed[symbol].kind)
        for chains in self.chains.values():
            for chain in chains:
                times.setdefault(chain.ts, set()).add(AssetKind.OPTION)
        return [Moment(t, frozenset(kinds)) for t, kinds in sorted(times.items()) if start <= t <= end]

    def advance(self, to: datetime) -> Advance:
        """Move the clock and tell what happened."""
        since, self.now = self.now, to
        bars = [(s, b) for (s, _), found in self.played.items() for b in found if since < b.end <= to]
        return Advance(
            bars=sorted(bars, key=lambda pair: pair[1].end),
            quotes=[s for s, found in self.quotes.items() if any(since < q.ts <= to for q in found)],
            actions=[action for ts, action in self.events if since < ts <= to],
            chains=[s for s, found in self.chains.items() if any(since < c.ts <= to for c in found)],
            sessions_closed=[s for s in self.sessions(since.date(), to.date()) if since < s.close <= to],
        )

    def assets(self) -> dict[str, Asset]:
        """Return what is listed."""
        return self.listed

    def sessions(self, start: date, end: date) -> list[Session]:
        """Return every weekday that is no holiday, 09:30 to 16:00 New York."""
        days = (start + timedelta(days=n) for n in range((end - start).days + 1))
        return [
            Session(day, _new_york(day, OPEN), _new_york(day, CLOSE))
            for day in days
            if day.weekday() < 5 and day not in self.holidays
        ]

    def quote(self, symbol: str) -> MarketQuote | None:
        """Return the latest quote, of a contract from its chain."""
        known = [q for q in self.quotes.get(symbol, []) if q.ts <= self.now]
        if known:
            return max(known, key=lambda q: q.ts)
        for underlying in self.chains:
            chain = self.chain(underlying)
            found = chain.contracts.get(symbol) if chain is not None else None
            if chain is not None and found is not None:
                return MarketQuote(chain.ts, found.bid, found.ask, found.bid_size, found.ask_size, found.last)
        return None

    def bars(self, symbol: str, minutes: int, start: datetime, end: datetime) -> list[MarketBar]:
        """Return the finished bars."""
        return [b for b in self.played.get((symbol, minutes), []) if b.end <= self.now and start <= b.start < end]

    def chain(self, underlying: str) -> Chain | None:
        """Return the latest chain."""
        known = [c for c in self.chains.get(underlying, []) if c.ts <= self.now]
        return max(known, key=lambda c: c.ts) if known else None

    def actions(self, symbol: str) -> list[CorporateAction]:
        """Return what went ex by now."""
        return [action for ts, action in self.events if ts <= self.now and action.symbol == symbol]


def chain(ts: datetime, underlying: str, price: str, contracts: Sequence[ContractQuote]) -> Chain:
    """Return a chain snapshot."""
    return Chain(underlying, ts, D(price), {c.symbol: c for c in contracts})


def _new_york(day: date, at: time) -> datetime:
    return datetime.combine(day, at, NEW_YORK).astimezone(UTC)
