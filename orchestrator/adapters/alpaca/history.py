"""Bars of the past from Alpaca's data API, behind the `BarHistory` port: split-adjusted, as the desk trades on."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, TypeVar

import numpy as np
from alpaca.data.enums import Adjustment, DataFeed
from alpaca.data.historical.stock import StockHistoricalDataClient
from alpaca.data.requests import StockBarsRequest

from orchestrator.adapters.alpaca.bars import NEW_YORK, bars_of, closes_of
from orchestrator.adapters.alpaca.client import AlpacaKeys, tame, trading_client
from orchestrator.adapters.alpaca.errors import translated
from orchestrator.adapters.alpaca.market import timeframe_of
from orchestrator.adapters.pace import Pace
from orchestrator.adapters.transport import CallMeter, read
from orchestrator.domain.market import Bars
from orchestrator.domain.venues import ALPACA

T = TypeVar("T")


class AlpacaHistory:
    """Bars of the past; fulfils `orchestrator.ports.BarHistory`.

    Parameters
    ----------
    keys
        Key, secret and addresses.
    feed
        Alpaca's name of the feed the key may read (`iex` or `sip`).
    sleep
        How to wait, in seconds.
    """

    venue = ALPACA.name

    def __init__(self, keys: AlpacaKeys, *, feed: str = "iex", sleep: Callable[[float], None] = time.sleep) -> None:
        self.meter = CallMeter()
        self._trading = trading_client(keys, self.meter)
        self._stocks = StockHistoricalDataClient(
            api_key=keys.api_key, secret_key=keys.secret_key, raw_data=True, url_override=keys.data_url
        )
        tame(self._stocks, self.meter)
        self._feed = DataFeed(feed)
        self._sleep = sleep
        self._pace = Pace(ALPACA.requests_per_minute, sleep=sleep)

    def bars(self, symbol: str, minutes: int, start: datetime, end: datetime) -> Bars:
        """Return the bars that end in (start, end].

        Raises
        ------
        BrokerError
            Alpaca cannot be asked.
        """
        closes = self._read("calendar", lambda: closes_of(self._trading.get("/calendar", _days(start, end))))
        asked = StockBarsRequest(
            symbol_or_symbols=symbol,
            timeframe=timeframe_of(minutes),
            start=start - timedelta(minutes=minutes),
            end=end,
            adjustment=Adjustment.SPLIT,
            feed=self._feed,
        )

        def call() -> Bars:
            rows: Any = self._stocks.get_stock_bars(asked)
            return bars_of(rows.get(symbol, []), minutes, closes, end)

        found = self._read(f"{minutes}-minute bars of {symbol}", call)
        later = found.ends > int(start.timestamp())
        columns = (found.open, found.high, found.low, found.close, found.volume)
        return Bars(found.ends[later], *(np.asarray(column[later]) for column in columns))

    def close(self) -> None:
        """Close the connections."""
        for client in (self._trading, self._stocks):
            client._session.close()

    def _read(self, what: str, call: Callable[[], T]) -> T:
        def once() -> T:
            self._pace.wait()
            with translated(f"Alpaca {what}"):
                return call()

        return read(once, sleep=self._sleep)


def _days(start: datetime, end: datetime) -> dict[str, str]:
    first, last = (
        (at.astimezone(NEW_YORK).date() + more).isoformat()
        for at, more in ((start, -timedelta(1)), (end, timedelta(1)))
    )
    return {"start": first, "end": last}
