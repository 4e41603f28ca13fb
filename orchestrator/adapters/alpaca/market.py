"""Prices of stocks and options from Alpaca's data API, behind the `MarketData` port.

One call each for session, quotes and every time frame, one for each option chain. Daily bars are kept until the next
one can exist. It tells what it was told: a stale or one-sided quote is for risk to refuse.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from datetime import time as wall_time
from decimal import Decimal
from functools import lru_cache, partial
from typing import Any, Self, TypeVar

from alpaca.data.enums import Adjustment, DataFeed, OptionsFeed
from alpaca.data.historical.option import OptionHistoricalDataClient
from alpaca.data.historical.stock import StockHistoricalDataClient
from alpaca.data.requests import (
    OptionChainRequest,
    OptionLatestQuoteRequest,
    StockBarsRequest,
    StockLatestQuoteRequest,
)
from alpaca.data.timeframe import TimeFrame, TimeFrameUnit

from orchestrator.adapters.alpaca.bars import DAILY, NEW_YORK, bars_of, closes_of, newest_daily_end
from orchestrator.adapters.alpaca.chains import chain_of, quote_of
from orchestrator.adapters.alpaca.client import AlpacaKeys, moment, tame, trading_client
from orchestrator.adapters.alpaca.errors import translated
from orchestrator.adapters.rows import fields, readable
from orchestrator.adapters.series import AHEAD
from orchestrator.adapters.transport import CallMeter, read
from orchestrator.domain.errors import BrokerError
from orchestrator.domain.instruments import is_occ
from orchestrator.domain.market import (
    Bars,
    DataRequest,
    MarketSnapshot,
    OptionChain,
    Panel,
    Quote,
    SessionState,
    panel_of,
    still_missing,
)

LOOKBACK_DAYS = {DAILY: 400}
_SHORT_LOOKBACK_DAYS = 10
_HOUR = 60

_LATE_BARS = 3
"""Bars before the last look that are read again: the newest ones may still have been corrected."""

T = TypeVar("T")


@dataclass(slots=True)
class _Gathered:
    """What one snapshot has got so far, and what went wrong."""

    missing: dict[str, str] = field(default_factory=dict)
    errors: list[BrokerError] = field(default_factory=list)
    got: int = 0

    def take(self, call: Callable[[], Mapping[str, T]], symbols: Iterable[str], kind: str) -> dict[str, T]:
        """Return what the call gives of `symbols`; what it lacks is noted as missing."""
        try:
            found = call()
            reason = f"Alpaca has no {kind} that can be read"
        except BrokerError as error:
            self.errors.append(error)
            found, reason = {}, f"no {kind}: {error}"
        kept = {symbol: found[symbol] for symbol in symbols if symbol in found}
        self.missing.update({symbol: reason for symbol in symbols if symbol not in found})
        self.got += len(kept)
        return kept


@dataclass(frozen=True, slots=True)
class _Read:
    """Bars by symbol, and the symbols of which some cannot be read."""

    bars: Mapping[str, Bars]
    spoilt: frozenset[str]


@dataclass(frozen=True, slots=True)
class _DailyBars:
    """Daily bars as they were read, good for the same question on the same New York day."""

    question: tuple[tuple[str, ...], int, date]
    read_at: datetime
    newest_end: int
    bars: Mapping[str, Bars]

    def answers(self, question: tuple[tuple[str, ...], int, date], now: datetime, newest_end: int) -> bool:
        """Tell whether reading again could bring nothing new."""
        return self.question == question and self.read_at <= now and self.newest_end >= newest_end


@dataclass(frozen=True, slots=True)
class _IntradayBars:
    """Bars within the day as they were read; on the same New York day only newer ones are asked for."""

    question: tuple[tuple[str, ...], int, date]
    read_at: datetime
    bars: Mapping[str, Bars]

    def extended(self, newer: Mapping[str, Bars], question: tuple[tuple[str, ...], int, date], now: datetime) -> Self:
        """Return these bars with the newer ones in place of and behind their own."""
        joined = {symbol: self.bars[symbol].followed_by(bars) for symbol, bars in newer.items() if symbol in self.bars}
        return type(self)(question, now, {**self.bars, **newer, **joined})


class AlpacaMarketData:
    """Bars, quotes, chains and session; fulfils `orchestrator.ports.MarketData`.

    Parameters
    ----------
    keys
        Key, secret and addresses.
    stock_feed, option_feed
        Alpaca's names of the feeds the key may read (`iex` or `sip`, `indicative` or `opra`).
    strike_window
        Strikes further from spot than this fraction of it are left out of a chain.
    sleep
        How to wait between attempts, in seconds.
    """

    def __init__(
        self,
        keys: AlpacaKeys,
        *,
        stock_feed: str = "iex",
        option_feed: str = "indicative",
        strike_window: Decimal = Decimal("0.20"),
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.meter = CallMeter()
        self._trading = trading_client(keys, self.meter)
        self._stocks = StockHistoricalDataClient(
            api_key=keys.api_key, secret_key=keys.secret_key, raw_data=True, url_override=keys.data_url
        )
        self._options = OptionHistoricalDataClient(
            api_key=keys.api_key, secret_key=keys.secret_key, raw_data=True, url_override=keys.data_url
        )
        for client in (self._stocks, self._options):
            tame(client, self.meter)
        self._feed, self._option_feed = DataFeed(stock_feed), OptionsFeed(option_feed)
        self._strike_window = strike_window
        self._sleep = sleep
        self._closes: dict[str, int] = {}
        self._closes_of: tuple[date, date] | None = None
        self._daily: _DailyBars | None = None
        self._intraday: dict[int, _IntradayBars] = {}

    def snapshot(self, request: DataRequest, now: datetime) -> MarketSnapshot:
        """Return what was asked for, as known at `now`.

        Raises
        ------
        BrokerError
            Neither session nor anything else can be had.
        """
        session = self._session()
        gathered = _Gathered()
        quotes = self._quotes(request, gathered, now)
        panels = {
            minutes: _panel_of(
                tuple(gathered.take(self._bars_call(minutes, request, now), symbols, f"{minutes}-minute bars").items())
            )
            for minutes, symbols in request.bars.items()
        }
        gathered.missing = still_missing(gathered.missing, request, quotes=quotes, panels=panels)
        chains: dict[str, OptionChain] = {}
        for underlying in request.chains:
            call = partial(self._chain, underlying, quotes.get(underlying), request, now)
            chains |= gathered.take(call, (underlying,), "option chain")
        if gathered.errors and not gathered.got:
            raise gathered.errors[0]
        wanted = {symbol: quotes[symbol] for symbol in request.quotes if symbol in quotes}
        return MarketSnapshot(session, wanted, panels, chains, gathered.missing)

    def close(self) -> None:
        """Close the connections."""
        for client in (self._trading, self._stocks, self._options):
            client._session.close()

    def _read(self, what: str, call: Callable[[], T]) -> T:
        def once() -> T:
            with translated(f"Alpaca {what}"):
                return call()

        return read(once, sleep=self._sleep)

    def _session(self) -> SessionState:
        def call() -> SessionState:
            clock: Any = self._trading.get_clock()
            return SessionState(
                is_open=clock["is_open"], close=moment(clock["next_close"]), next_open=moment(clock["next_open"])
            )

        return self._read("clock", call)

    def _quotes(self, request: DataRequest, gathered: _Gathered, now: datetime) -> dict[str, Quote]:
        contracts = [symbol for symbol in request.quotes if is_occ(symbol)]
        stocks = list(dict.fromkeys([s for s in request.quotes if not is_occ(s)] + list(request.chains)))
        quotes: dict[str, Quote] = {}
        if stocks:
            quotes |= gathered.take(lambda: self._stock_quotes(stocks), stocks, "quote")
        if contracts:
            quotes |= gathered.take(lambda: self._option_quotes(contracts), contracts, "quote")
        early = [symbol for symbol, quote in quotes.items() if quote.ts > now + AHEAD]
        gathered.missing.update(dict.fromkeys(early, "Alpaca's quote is of a time that has not come yet"))
        return {symbol: quote for symbol, quote in quotes.items() if symbol not in early}

    def _stock_quotes(self, symbols: Sequence[str]) -> dict[str, Quote]:
        asked = StockLatestQuoteRequest(symbol_or_symbols=list(symbols), feed=self._feed)
        return self._read("quotes", lambda: readable(_told(self._stocks.get_stock_latest_quote(asked)), quote_of))

    def _option_quotes(self, symbols: Sequence[str]) -> dict[str, Quote]:
        asked = OptionLatestQuoteRequest(symbol_or_symbols=list(symbols), feed=self._option_feed)
        found = self._read("option quotes", lambda: _told(self._options.get_option_latest_quote(asked)))
        return readable(found, quote_of)

    def _bars_call(self, minutes: int, request: DataRequest, now: datetime) -> Callable[[], Mapping[str, Bars]]:
        symbols = request.bars[minutes]
        lookback = request.lookback_days.get(minutes, LOOKBACK_DAYS.get(minutes, _SHORT_LOOKBACK_DAYS))
        if minutes == DAILY:
            return lambda: self._daily_bars(symbols, lookback, now)
        return lambda: self._intraday_bars(minutes, symbols, lookback, now)

    def _intraday_bars(
        self, minutes: int, symbols: tuple[str, ...], lookback: int, now: datetime
    ) -> Mapping[str, Bars]:
        """Return bars since midnight in New York `lookback` days ago, the same whether or not some were kept."""
        midnight = datetime.combine(now.astimezone(NEW_YORK).date(), wall_time.min, NEW_YORK)
        question = (symbols, lookback, midnight.date())
        kept = self._intraday.get(minutes)
        if kept is None or kept.question != question or kept.read_at > now:
            read = self._bars(minutes, symbols, midnight - timedelta(days=lookback), now)
            kept = _IntradayBars(question, now, read.bars)
        else:
            since = kept.read_at - _LATE_BARS * timedelta(minutes=minutes)
            read = self._bars(minutes, symbols, since, now)
            kept = kept.extended(read.bars, question, now)
        if read.spoilt:
            self._intraday.pop(minutes, None)  # read it all again: what is missing now would stay a hole
        else:
            self._intraday[minutes] = kept
        return {symbol: bars for symbol, bars in kept.bars.items() if symbol not in read.spoilt}

    def _daily_bars(self, symbols: tuple[str, ...], lookback: int, now: datetime) -> Mapping[str, Bars]:
        question = (symbols, lookback, now.astimezone(NEW_YORK).date())
        self._learn_closes(now - timedelta(days=lookback), now)
        newest = newest_daily_end(self._closes, now)
        if self._daily is None or not self._daily.answers(question, now, newest):
            read = self._bars(DAILY, symbols, now - timedelta(days=lookback), now)
            end = min((int(series.ends[-1]) for series in read.bars.values()), default=0)
            self._daily = _DailyBars(question, now, 0 if read.spoilt else end, read.bars)
        return self._daily.bars

    def _bars(self, minutes: int, symbols: tuple[str, ...], start: datetime, now: datetime) -> _Read:
        self._learn_closes(start, now)
        asked = StockBarsRequest(
            symbol_or_symbols=list(symbols),
            timeframe=timeframe_of(minutes),
            start=start,
            adjustment=Adjustment.SPLIT,
            feed=self._feed,
        )

        def call() -> _Read:
            rows = _told(self._stocks.get_stock_bars(asked))
            found = readable(rows, lambda _, raw: bars_of(raw, minutes, self._closes, now))
            return _Read({symbol: bars for symbol, bars in found.items() if len(bars)}, frozenset(rows) - set(found))

        return self._read(f"{minutes}-minute bars", call)

    def _learn_closes(self, start: datetime, now: datetime) -> None:
        first, last = start.astimezone(NEW_YORK).date(), now.astimezone(NEW_YORK).date()
        if self._closes_of is not None and self._closes_of[0] <= first and self._closes_of[1] == last:
            return
        query = {"start": first.isoformat(), "end": last.isoformat()}
        self._closes = self._read("calendar", lambda: closes_of(self._trading.get("/calendar", query)))
        self._closes_of = (first, last)

    def _chain(
        self, underlying: str, quote: Quote | None, request: DataRequest, now: datetime
    ) -> dict[str, OptionChain]:
        spot = None if quote is None else quote.mid
        if spot is None:
            return {}
        today = now.astimezone(NEW_YORK).date()
        asked = OptionChainRequest(
            underlying_symbol=underlying,
            feed=self._option_feed,
            expiration_date_gte=today + timedelta(days=request.min_days_to_expiry),
            expiration_date_lte=today + timedelta(days=request.max_days_to_expiry),
            strike_price_gte=float(spot * (1 - self._strike_window)),
            strike_price_lte=float(spot * (1 + self._strike_window)),
        )

        def call() -> dict[str, OptionChain]:
            chain = chain_of(underlying, spot, _told(self._options.get_option_chain(asked)), now)
            return {} if chain is None else {underlying: chain}

        return self._read(f"chain of {underlying}", call)


@lru_cache(maxsize=4)
def _panel_of(bars: tuple[tuple[str, Bars], ...]) -> Panel:
    """Return the panel of these bars, the same one for the same bars: what was worked out on it can be kept."""
    return panel_of(dict(bars))


def _told(raw: Any) -> dict[str, Any]:
    """Return an answer by symbol."""
    return dict(fields(raw))


def timeframe_of(minutes: int) -> TimeFrame:
    """Return a length of bar as Alpaca names it."""
    if minutes == DAILY:
        return TimeFrame(1, TimeFrameUnit.Day)
    if minutes % _HOUR == 0:
        return TimeFrame(minutes // _HOUR, TimeFrameUnit.Hour)
    return TimeFrame(minutes, TimeFrameUnit.Minute)
