"""Candles of the past of any ccxt exchange, behind the `BarHistory` port. Page by page, as far back as it has them."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta

import ccxt
import numpy as np

from orchestrator.adapters.ccxt.client import CcxtClient
from orchestrator.adapters.pace import Pace
from orchestrator.domain.errors import BrokerError, ConfigurationError, MissingDataError
from orchestrator.domain.market import Bars
from orchestrator.domain.series import DAILY, timeframe_of
from orchestrator.domain.venues import PROFILES, VenueProfile

CLOSING_PRINT_S = 1
"""A daily candle counts as complete one second before midnight, as at every venue of this desk."""
_NEWEST_ONLY = frozenset({"kraken"})
"""Exchanges that tell their newest candles whatever start is asked for."""


class CcxtHistory:
    """Candles of the past; fulfils `orchestrator.ports.BarHistory`.

    Parameters
    ----------
    client
        A client of the exchange; needs no key.
    now
        Tells the present time, which bounds what an exchange of few candles has.
    sleep
        How to wait, in seconds.
    """

    def __init__(
        self, client: CcxtClient, *, now: Callable[[], datetime], sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self.venue = client.name
        self._client, self._now = client, now
        self._pace = Pace(client.profile.requests_per_minute, sleep=sleep)

    def bars(self, symbol: str, minutes: int, start: datetime, end: datetime) -> Bars:
        """Return the candles that end in (start, end].

        Raises
        ------
        BrokerError
            The exchange cannot be asked, does not list the pair, or has no candles of this length.
        MissingDataError
            It tells its newest candles only, and these are older.
        """
        name, timeframe = self._client.market(symbol)["symbol"], timeframe_of(minutes)
        known = self._client.exchange.timeframes or {}
        if timeframe not in known:
            raise BrokerError(f"{self.venue} has no candles of {timeframe}; it has {', '.join(known)}")
        self._must_reach(symbol, minutes, start)
        rows: list[list[float]] = []
        step, last = 60_000 * minutes, int(end.timestamp() * 1000)
        at = int(start.timestamp() * 1000) // step * step
        while at < last:
            page = self._page(name, timeframe, at)
            rows += [row for row in page if at <= row[0] < last]
            newest = int(max((row[0] for row in page), default=0))
            if newest < at:
                break
            at = newest + step
        return _bars(rows, minutes, start, end)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _page(self, name: str, timeframe: str, since: int) -> list[list[float]]:
        self._pace.wait()
        limit = self._client.profile.candles
        found: list[list[float]] = self._client.read(
            f"{timeframe} candles of {name}", lambda exchange: exchange.fetch_ohlcv(name, timeframe, since, limit)
        )
        return found

    def _must_reach(self, symbol: str, minutes: int, start: datetime) -> None:
        if self.venue not in _NEWEST_ONLY:
            return
        candles = self._client.profile.candles
        first = self._now() - timedelta(minutes=minutes * candles)
        if start < first:
            raise MissingDataError(
                f"{self.venue} tells its newest {candles} candles only: {timeframe_of(minutes)} bars of {symbol} from "
                f"{first:%Y-%m-%d %H:%M} on, not from {start:%Y-%m-%d}; fetch older ones from another exchange"
            )


def _bars(rows: list[list[float]], minutes: int, start: datetime, end: datetime) -> Bars:
    values = np.array(rows, np.float64).reshape(-1, 6)
    ends = (values[:, 0] / 1000).astype(np.int64) + 60 * minutes - (CLOSING_PRINT_S if minutes == DAILY else 0)
    done = (ends > int(start.timestamp())) & (ends <= int(end.timestamp()))
    return Bars(ends[done], *(values[done, column] for column in range(1, 6)))


def any_exchange(name: str, quote: str, *, sleep: Callable[[float], None] = time.sleep) -> CcxtClient:
    """Return a client without a key of any exchange that ccxt knows, for its public candles.

    Raises
    ------
    ConfigurationError
        ccxt knows no such exchange.
    """
    if name not in ccxt.exchanges:
        raise ConfigurationError(f"{name} is no exchange that ccxt knows; name alpaca, kraken, binance, coinbase ...")
    exchange = getattr(ccxt, name)({"timeout": 10_000, "enableRateLimit": False})
    rate = max(int(60_000 / max(float(exchange.rateLimit or 1000), 1.0)), 1)
    profile = PROFILES.get(name, VenueProfile(name=name, takes_orders=False, requests_per_minute=rate))
    return CcxtClient(exchange, profile.model_copy(update={"quote": quote}), sleep=sleep)
