"""Prices of crypto pairs through ccxt, behind the `MarketData` port: Kraken's, or Binance's where Kraken has none.

The touch is read from the order book, because its levels carry the time at which they were made; Kraken's ticker has
no time, and a quote dated "now" would never look stale. Candles are kept until the next one can exist.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Generic, TypeVar

import numpy as np

from orchestrator.adapters.ccxt.client import CcxtClient, Raw
from orchestrator.adapters.ccxt.errors import translated
from orchestrator.adapters.ccxt.history import CLOSING_PRINT_S, CcxtHistory
from orchestrator.adapters.ccxt.orders import instant
from orchestrator.adapters.ccxt.states import PairStates
from orchestrator.adapters.rows import Row, exact, fields, maybe_number, number
from orchestrator.adapters.series import AHEAD, believable
from orchestrator.domain.base import ZERO
from orchestrator.domain.errors import BrokerError
from orchestrator.domain.market import Bars, DataRequest, MarketSnapshot, Quote, SessionState, panel_of, still_missing
from orchestrator.domain.sectors import STABLECOINS

DAILY = 1440
_APART = 0.01
"""Most that the closes of two venues may differ by, as a fraction, where the candles of one go on with the other's."""
_LOOKBACK_DAYS = {DAILY: 400}
_SHORT_LOOKBACK_DAYS = 10
_TIMEFRAMES = {1: "1m", 5: "5m", 15: "15m", 30: "30m", 60: "1h", 240: "4h", DAILY: "1d"}

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Found(Generic[T]):
    """Something, and whose it is if not the primary venue's."""

    value: T
    source: str = ""


@dataclass(frozen=True, slots=True)
class _Wanted:
    """Candles of one length: from when, as known at `now`."""

    minutes: int
    since: datetime
    now: datetime


@dataclass(frozen=True, slots=True)
class _Kept:
    """Candles as they were read, and what for."""

    wanted: _Wanted
    found: _Found[Bars]

    def answers(self, wanted: _Wanted) -> bool:
        """Tell whether reading again could bring nothing new."""
        if self.wanted.now > wanted.now or self.wanted.since > wanted.since:
            return False
        return int(self.found.value.ends[-1]) + 60 * wanted.minutes > wanted.now.timestamp()


@dataclass(slots=True)
class _Gathered:
    """What one snapshot got from whom, and what it lacks."""

    missing: dict[str, str] = field(default_factory=dict)
    source: dict[str, str] = field(default_factory=dict)
    errors: list[BrokerError] = field(default_factory=list)
    got: int = 0

    def note(self, symbol: str, found: _Found[T]) -> T:
        """Count something that was had, and say whose it is."""
        self.got += 1
        if found.source:
            self.source[symbol] = found.source
        return found.value


class CcxtMarketData:
    """Candles and quotes of crypto pairs; fulfils `orchestrator.ports.MarketData`.

    Parameters
    ----------
    primary
        The venue the desk trades at.
    fallback
        Whose data stands in; there USDT stands for USD, which the snapshot's `source` says.
    """

    def __init__(self, primary: CcxtClient, fallback: CcxtClient | None = None) -> None:
        self._clients = [primary] if fallback is None else [primary, fallback]
        self._candles: dict[tuple[int, str], _Kept] = {}
        self._states = PairStates(primary)
        self.meter = primary.meter

    def snapshot(self, request: DataRequest, now: datetime) -> MarketSnapshot:
        """Return what was asked for, as known at `now`: one call a quote and a candle series; chains do not exist.

        Raises
        ------
        BrokerError
            Nothing can be had.
        """
        gathered = _Gathered(missing=dict.fromkeys(request.chains, "crypto has no option chains here"))
        quotes = self._quotes(gathered, request.quotes, now)
        panels = {
            minutes: panel_of(self._series(gathered, symbols, _wanted(minutes, request, now)))
            for minutes, symbols in request.bars.items()
        }
        if gathered.errors and not gathered.got:
            raise gathered.errors[0]
        missing = still_missing(gathered.missing, request, quotes=quotes, panels=panels)
        stands_in = self._clients[-1].profile.quote
        pegged = dict.fromkeys(gathered.source, stands_in) if stands_in in STABLECOINS else {}
        return MarketSnapshot(
            SessionState(is_open=True),
            quotes,
            panels,
            missing=missing,
            source=gathered.source,
            halted=self._states.halted(request.quotes, now),
            pegs=self._pegs(pegged),
            pegged=pegged,
        )

    def _pegs(self, pegged: Mapping[str, str]) -> dict[str, Decimal]:
        """Return what each stablecoin behind the prices is worth at the venue the desk trades at; unknown is absent."""
        found: dict[str, Decimal] = {}
        for currency in set(pegged.values()):
            try:
                with translated(f"price of {currency}"):
                    quote = _quote(self._clients[0], f"{currency}/USD")
            except BrokerError:
                continue
            if quote is not None and quote.mid is not None:
                found[currency] = quote.mid
        return found

    def _quotes(self, gathered: _Gathered, symbols: Sequence[str], now: datetime) -> dict[str, Quote]:
        quotes: dict[str, Quote] = {}
        for symbol in symbols:
            found = self._first(gathered, symbol, "quote", partial(_quote, symbol=symbol))
            if found is not None and found.value.ts > now + AHEAD:
                gathered.missing[symbol] = "the quote is of a time that has not come yet"
            elif found is not None:
                quotes[symbol] = gathered.note(symbol, found)
        return quotes

    def _series(self, gathered: _Gathered, symbols: Sequence[str], wanted: _Wanted) -> dict[str, Bars]:
        series: dict[str, Bars] = {}
        for symbol in symbols:
            kept = self._candles.get((wanted.minutes, symbol))
            if kept is not None and kept.answers(wanted):
                series[symbol] = gathered.note(symbol, kept.found)
                continue
            call = partial(_candles, symbol=symbol, wanted=wanted)
            found = self._first(gathered, symbol, f"{wanted.minutes}-minute candles", call)
            if found is not None:
                found = replace(found, value=self._lengthened(found.value, symbol, wanted))
                self._candles[wanted.minutes, symbol] = _Kept(wanted, found)
                series[symbol] = gathered.note(symbol, found)
        return series

    def _lengthened(self, bars: Bars, symbol: str, wanted: _Wanted) -> Bars:
        """Return candles that reach back as far as asked for, the older ones from the venue that stands in.

        They are left out where it has none, or where the two do not agree on the candle at which they meet.
        """
        newest = timedelta(minutes=wanted.minutes * self._clients[0].profile.candles)
        if wanted.since >= wanted.now - newest or len(self._clients) < 2:
            return bars
        past, first = CcxtHistory(self._clients[1], now=lambda: wanted.now), int(bars.ends[0])
        try:
            with translated(f"{past.venue} older candles of {symbol}"):
                older = past.bars(symbol, wanted.minutes, wanted.since, datetime.fromtimestamp(first, UTC))
                believable(np.column_stack([older.open, older.high, older.low, older.close, older.volume]))
        except BrokerError:
            return bars
        meet = len(older) > 0 and int(older.ends[-1]) == first
        agree = meet and abs(float(older.close[-1] / bars.close[0]) - 1) <= _APART
        return older.followed_by(bars) if agree else bars

    def _first(
        self, gathered: _Gathered, symbol: str, kind: str, call: Callable[[CcxtClient], T | None]
    ) -> _Found[T] | None:
        """Return what the first venue gives that has it; note why there is none."""
        reasons = []
        for client in self._clients:
            try:
                with translated(f"{client.name} {kind} of {symbol}"):
                    value = call(client)
            except BrokerError as error:
                gathered.errors.append(error)
                reasons.append(str(error))
                continue
            if value is not None:
                stands_in = client is not self._clients[0]
                return _Found(value, f"{client.name}: {client.profile.quote} stands for USD" if stands_in else "")
            reasons.append(f"{client.name} has none")
        gathered.missing[symbol] = f"no {kind}: {'; '.join(reasons)}"
        return None


def _wanted(minutes: int, request: DataRequest, now: datetime) -> _Wanted:
    days = request.lookback_days.get(minutes, _LOOKBACK_DAYS.get(minutes, _SHORT_LOOKBACK_DAYS))
    return _Wanted(minutes, now - timedelta(days=days), now)


def _quote(client: CcxtClient, symbol: str) -> Quote | None:
    name = client.market(symbol)["id"]
    if client.profile.name == "kraken":
        asked = {"pair": name, "count": 1}
        return _touch(symbol, client.read("Depth", lambda exchange: exchange.publicGetDepth(asked)["result"][name]))
    ticker = fields(client.read("ticker", lambda exchange: exchange.publicGetTicker24hr({"symbol": name})))
    return Quote(
        symbol=symbol,
        ts=instant(number(ticker, "closeTime") / 1000),
        bid=number(ticker, "bidPrice", least=ZERO) or None,
        ask=number(ticker, "askPrice", least=ZERO) or None,
        bid_size=number(ticker, "bidQty", least=ZERO),
        ask_size=number(ticker, "askQty", least=ZERO),
    )


def _touch(symbol: str, book: Raw) -> Quote | None:
    """Return best bid and ask of Kraken's book, as old as their last change; None if both sides are empty."""
    bid, ask = (_level(book, side) for side in ("bids", "asks"))
    times = [instant(number(level, "time", above=ZERO)) for level in (bid, ask) if level]
    if not times:
        return None
    return Quote(
        symbol=symbol,
        ts=max(times),
        bid=maybe_number(bid, "price", above=ZERO),
        ask=maybe_number(ask, "price", above=ZERO),
        bid_size=maybe_number(bid, "size", least=ZERO) or ZERO,
        ask_size=maybe_number(ask, "size", least=ZERO) or ZERO,
    )


def _level(book: Raw, side: str) -> Row:
    """Return the best level of a side with names for its fields, empty if the side is."""
    best = next(iter(book[side]), None)
    if best is None:
        return {}
    price, size, time = best
    return {"price": exact(price, side), "size": exact(size, side), "time": exact(time, side)}


def _candles(client: CcxtClient, symbol: str, wanted: _Wanted) -> Bars | None:
    """Return the newest candles that were complete: at most as many as the venue tells at once, 720 or 1000."""
    minutes, candles = wanted.minutes, client.profile.candles
    timeframe = _TIMEFRAMES.get(minutes)
    if timeframe is None:
        raise BrokerError(f"{client.name} has no candles of {minutes} minutes; it has {sorted(_TIMEFRAMES)}")
    name = client.market(symbol)["symbol"]
    start = max(wanted.since, wanted.now - timedelta(minutes=minutes * candles))
    rows = client.read(
        f"{minutes}-minute candles",
        lambda exchange: exchange.fetch_ohlcv(name, timeframe, int(start.timestamp() * 1000), candles),
    )
    values = np.array(rows, np.float64).reshape(-1, 6)
    believable(values[:, 1:])
    ends = (values[:, 0] / 1000).astype(np.int64) + 60 * minutes - (CLOSING_PRINT_S if minutes == DAILY else 0)
    done = ends <= int(wanted.now.timestamp())
    if not done.any():
        return None
    return Bars(ends[done], *(values[done, column] for column in range(1, 6)))
