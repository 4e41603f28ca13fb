"""`SyntheticFeed`: a market made from a seed, for the local suite without any data. It calls itself synthetic.

The same seed and start give the same market whatever is asked of it and in whatever steps time advances. No splits
or dividends happen in it.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

import numpy as np

from orchestrator.domain.errors import MalformedDataError, MissingDataError
from orchestrator.domain.instruments import OptionRight, occ_symbol, parse_occ
from venue.dataset import Ints
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
from venue.replay.assets import asset_of
from venue.replay.series import aggregate
from venue.replay.tape import BarList, decimal
from venue.replay.universe import Universe
from venue.sessions import DAY_S, EPOCH, day_number, utc, xnys
from venue.synthetic.path import MINUTE, Paths
from venue.synthetic.surface import LONG_VOL_FACTOR, Market, listed_expiries, listed_strikes, quotes
from venue.synthetic.symbols import DEFAULT, character

COARSE = 60
CHAIN_S = 300
"""A chain is quoted anew every five minutes of the session."""
PARTICIPATION = Decimal("0.1")
"""Share of the last minute's volume that is shown at the touch."""
BPS = Decimal(10_000)


class SyntheticFeed:
    """A `venue.feed.Feed` of a made-up market.

    Parameters
    ----------
    seed
        Not negative; the market follows from it and `start`.
    start
        When the clock begins. A time outside a US session is moved to five minutes after the next open.
    universe
        Symbols by kind; any symbol will do. Underlyings of options are stocks too.
    history_days
        Calendar days of bars before `start`.
    """

    synthetic = True

    def __init__(
        self, seed: int, start: datetime, universe: Universe | None = None, *, history_days: int = 400
    ) -> None:
        self._sessions = xnys()
        self.now = self._open_time(start)
        self.name = f"synthetic market, seed {seed}"
        chosen = DEFAULT if universe is None else universe
        self._options = tuple(chosen.get(AssetKind.OPTION, ()))
        stocks = dict.fromkeys([*chosen.get(AssetKind.STOCK, ()), *self._options], AssetKind.STOCK)
        self._kinds = stocks | dict.fromkeys(chosen.get(AssetKind.CRYPTO, ()), AssetKind.CRYPTO)
        self._paths = Paths(seed, self._seconds() // DAY_S, self._sessions)
        self._since = self._seconds() - history_days * DAY_S
        self._lists: dict[tuple[str, int, int], BarList] = {}
        self._chains: dict[str, Chain] = {}
        self._assets = {
            symbol: asset_of(symbol, kind, np.array([character(symbol, kind).price]))
            for symbol, kind in self._kinds.items()
        }

    def schedule(self, start: datetime, end: datetime) -> list[Moment]:
        """Return every minute of [start, end] with coins, and of it the session's minutes with stocks and chains."""
        low, high = int(start.timestamp()), int(end.timestamp())
        kinds: dict[int, set[AssetKind]] = {}
        for kind, times in self._times(low, high):
            for time in times.tolist():
                kinds.setdefault(time, set()).add(kind)
        return [Moment(utc(time), frozenset(kinds[time])) for time in sorted(kinds)]

    def advance(self, to: datetime) -> Advance:
        """Move the clock to `to` and tell what happened on the way, in time order.

        Raises
        ------
        MissingDataError
            `to` is before `now`.
        """
        if to < self.now:
            raise MissingDataError(f"market clock is at {self.now}: it cannot go back to {to}")
        after, until = self._seconds(), int(to.timestamp())
        self.now = to
        new = {kind for kind, times in self._times(after + 1, until) if len(times)}
        return Advance(
            bars=self._bars_between(after, until),
            quotes=tuple(symbol for symbol, kind in self._kinds.items() if kind in new),
            sessions_closed=self._sessions.closed_between(after, until),
            chains=self._options if AssetKind.OPTION in new else (),
        )

    def assets(self) -> dict[str, Asset]:
        """Return stocks and crypto pairs by symbol."""
        return dict(self._assets)

    def sessions(self, start: date, end: date) -> list[Session]:
        """Return the US equity sessions of [start, end]."""
        return self._sessions.between(start, end)

    def quote(self, symbol: str) -> MarketQuote | None:
        """Return the latest quote of a stock, pair or OCC contract symbol known at `now`."""
        if symbol in self._kinds:
            return self._quote(symbol)
        return self._contract_quote(symbol)

    def bars(self, symbol: str, minutes: int, start: datetime, end: datetime) -> list[MarketBar]:
        """Return the bars of that many minutes (a divisor of 1440) that ended by `now` and start in [start, end)."""
        if symbol not in self._kinds or minutes <= 0 or 1440 % minutes:
            return []
        low, high = max(int(start.timestamp()), self._since), min(int(end.timestamp()), self._seconds() + 1)
        kind = self._kinds[symbol]
        found: list[MarketBar] = []
        for number in range(self._paths.number(kind, low), self._paths.number(kind, high) + 1):
            found += self._list(symbol, minutes, number).known(self._seconds(), low, high)
        return found

    def chain(self, underlying: str) -> Chain | None:
        """Return the latest chain snapshot known at `now`."""
        time = self._snapshot_time() if underlying in self._options else None
        if time is None:
            return None
        made = self._chains.get(underlying)
        if made is None or made.ts != utc(time):
            made = self._chains[underlying] = self._make_chain(underlying, time)
        return made

    def actions(self, symbol: str) -> list[CorporateAction]:
        """Return the splits and dividends of a stock: there are none here."""
        return []

    def underlyings(self) -> tuple[str, ...]:
        """Return the underlyings that have chains."""
        return self._options

    def _seconds(self) -> int:
        return int(self.now.timestamp())

    def _open_time(self, start: datetime) -> datetime:
        time = int(start.timestamp())
        if self._sessions.at(np.array([time]))[0] >= 0:
            return start.astimezone(UTC)
        following = int(np.searchsorted(self._sessions.opens, time))
        return utc(int(self._sessions.opens[following]) + CHAIN_S)

    def _times(self, low: int, high: int) -> Iterable[tuple[AssetKind, Ints]]:
        """Return the times in [low, high] at which each kind has something new."""
        first, last = self._sessions.last_closed(low) + 1, int(np.searchsorted(self._sessions.opens, high, "right"))
        minutes = [np.append(np.arange(*span, MINUTE), span[1]) for span in map(self._span, range(first, last))]
        chains = [np.append(np.arange(*span, CHAIN_S), span[1]) for span in map(self._span, range(first, last))]
        coins = np.arange(-(-low // MINUTE) * MINUTE, high + 1, MINUTE)
        for kind, times in ((AssetKind.STOCK, minutes), (AssetKind.OPTION, chains), (AssetKind.CRYPTO, [coins])):
            wanted = self._options if kind is AssetKind.OPTION else kind in self._kinds.values()
            if wanted and times:
                every = np.concatenate(times)
                yield kind, every[(every >= low) & (every <= high)]

    def _span(self, index: int) -> tuple[int, int]:
        """Return the first and last second at which a session shows a quote."""
        return int(self._sessions.opens[index]), int(self._sessions.closes[index]) - 1

    def _list(self, symbol: str, minutes: int, number: int) -> BarList:
        """Return the bars of a block; only coarse ones are remembered, a long-lived market must not grow."""
        key = (symbol, minutes, number)
        if key in self._lists:
            return self._lists[key]
        kind = self._kinds[symbol]
        series = self._paths.block(symbol, kind, number)
        if minutes > 1:
            series = aggregate(series, minutes, self._sessions, equity=kind is AssetKind.STOCK)
        bars = BarList(series, keep=minutes >= COARSE)
        if minutes >= COARSE:
            self._lists[key] = bars
        return bars

    def _bars_between(self, after: int, until: int) -> tuple[tuple[str, MarketBar], ...]:
        found: list[tuple[str, MarketBar]] = []
        for symbol, kind in self._kinds.items():
            for number in range(self._paths.number(kind, after - MINUTE), self._paths.number(kind, until) + 1):
                bars = self._list(symbol, 1, number)
                low, high = np.searchsorted(bars.series.end, (after, until), side="right")
                found += [(symbol, bar) for bar in bars.slice(int(low), int(high))]
        return tuple(sorted(found, key=lambda pair: (pair[1].end, pair[0])))

    def _print(self, symbol: str, time: int) -> tuple[int, float, float]:
        """Return time and price of the latest trade, and the volume of the minute before it."""
        kind = self._kinds[symbol]
        number = self._paths.number(kind, time)
        series = self._paths.block(symbol, kind, number)
        row = int(np.searchsorted(series.start, time, side="right")) - 1
        if time >= series.end[row]:
            return int(series.end[row]), float(series.close[row]), float(series.volume[row])
        before = series.volume[row - 1] if row else self._paths.block(symbol, kind, number - 1).volume[-1]
        return int(series.start[row]), float(series.open[row]), float(before)

    def _quote(self, symbol: str) -> MarketQuote:
        asset, who = self._assets[symbol], character(symbol, self._kinds[symbol])
        time, price, volume = self._print(symbol, self._seconds())
        last = decimal(round(price, 10))
        half = last * Decimal(repr(who.half_bps)) / BPS
        bid = ((last - half) / asset.tick_size).to_integral_value(rounding=ROUND_FLOOR) * asset.tick_size
        ask = ((last + half) / asset.tick_size).to_integral_value(rounding=ROUND_CEILING) * asset.tick_size
        lots = (Decimal(volume) * PARTICIPATION / asset.lot_size).to_integral_value(rounding=ROUND_FLOOR)
        size = lots * asset.lot_size
        return MarketQuote(utc(time), bid if bid > 0 else None, ask, size, size, last)

    def _snapshot_time(self) -> int | None:
        """Return when the chains were last quoted: every five minutes of a session, and one second before its end."""
        time = self._seconds()
        index = int(np.searchsorted(self._sessions.opens, time, side="right")) - 1
        first, last = self._span(index)
        return last if time >= last else first + (time - first) // CHAIN_S * CHAIN_S

    def _market(self, underlying: str, time: int) -> Market:
        day = time // DAY_S
        who = character(underlying, AssetKind.STOCK)
        spans = self._paths.regimes.drift_and_vol(np.arange(day - 365, day + 1))[1]
        now, usual = (float(np.hypot(who.beta * vol, who.idio_vol)) for vol in (spans[-1], spans.mean()))
        price = self._print(underlying, time)[1]
        return Market(underlying, time, price, now * LONG_VOL_FACTOR, usual * LONG_VOL_FACTOR)

    def _closes(self, expiries: list[date]) -> Ints:
        rows = np.searchsorted(self._sessions.days, [day_number(day) for day in expiries])
        return self._sessions.closes[np.minimum(rows, len(self._sessions.days) - 1)]

    def _make_chain(self, underlying: str, time: int) -> Chain:
        market = self._market(underlying, time)
        index = int(np.searchsorted(self._sessions.opens, time, side="right")) - 1
        opening = self._print(underlying, int(self._sessions.opens[index]))[1]
        today = EPOCH + timedelta(days=int(self._sessions.days[index]))
        contracts = [
            (occ_symbol(underlying, expiry, right, decimal(strike)), expiry, right.value, strike)
            for expiry in listed_expiries(today, self._sessions)
            for strike in listed_strikes(opening).tolist()
            for right in OptionRight
        ]
        made = quotes(market, contracts, self._closes([one[1] for one in contracts]))
        return Chain(underlying, utc(time), decimal(round(market.spot, 4)), {one.symbol: one for one in made})

    def _contract_quote(self, symbol: str) -> MarketQuote | None:
        found = self._contract(symbol)
        time = self._snapshot_time()
        if found is None or time is None:
            return None
        return MarketQuote(utc(time), found.bid, found.ask, found.bid_size, found.ask_size, found.last)

    def _contract(self, symbol: str) -> ContractQuote | None:
        """Price one contract, listed today or not (held ones may have left the list); None once it expired."""
        try:
            terms = parse_occ(symbol)
        except (MalformedDataError, ValueError):
            return None
        time = self._snapshot_time()
        if terms.underlying not in self._options or time is None or day_number(terms.expiry) < time // DAY_S:
            return None
        contract = (symbol, terms.expiry, terms.right.value, float(terms.strike))
        return quotes(self._market(terms.underlying, time), [contract], self._closes([terms.expiry]))[0]
