"""ccxt's exchange classes as this desk uses them: unmodified but for addresses, time-outs, counting and serial calls.

One call at a time for a key: a venue that demands growing nonces refuses what overtakes.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from typing import Any, TypeVar

import ccxt

from orchestrator.adapters.ccxt.errors import translated
from orchestrator.adapters.rows import exact, fields, shortened
from orchestrator.adapters.transport import READ_TIMEOUT_S, CallMeter, read, retry_after_s, use_transport
from orchestrator.domain.errors import (
    BrokerError,
    MalformedDataError,
    OrderRefusedError,
    OutcomeUnknownError,
    RateLimitedError,
)
from orchestrator.domain.venues import BINANCE, KRAKEN, Grid, VenueProfile
from orchestrator.ports import RAW_LIMIT

T = TypeVar("T")
Raw = dict[str, Any]


class CcxtClient:
    """One exchange object, its markets, and the only way to call it.

    Parameters
    ----------
    exchange
        A synchronous ccxt exchange.
    profile
        What the venue demands.
    sleep
        How to wait between attempts, in seconds.
    """

    def __init__(self, exchange: Any, profile: VenueProfile, *, sleep: Callable[[float], None] = time.sleep) -> None:
        self.exchange = exchange
        self.profile = profile
        self.meter = CallMeter()
        self._sleep = sleep
        self._lock = threading.RLock()
        use_transport(exchange.session, self.meter)

    def close(self) -> None:
        """Close the connections."""
        self.exchange.close()

    @property
    def name(self) -> str:
        """The venue's name."""
        return self.profile.name

    def read(self, what: str, call: Callable[[Any], T]) -> T:
        """Make a call that changes nothing, with retries.

        Raises
        ------
        BrokerError
            The last attempt's.
        """

        def once() -> T:
            with self._lock, self._heard(), translated(f"{self.name} {what}"):
                return call(self.exchange)

        return read(once, sleep=self._sleep)

    def send(self, what: str, call: Callable[[Any], T]) -> T:
        """Make a call that may place an order: once.

        Raises
        ------
        BrokerError
            OutcomeUnknownError when the venue may have it.
        """
        self.markets()
        with self._lock, self._heard(), translated(f"{self.name} {what}", sending=True):
            return call(self.exchange)

    @contextmanager
    def _heard(self) -> Iterator[None]:
        """Give an error what the answer behind it said: the wait that was asked for, and the raw text.

        A refusal beside a result is no refusal: nobody knows what the venue did.
        """
        self.exchange.last_http_response, self.exchange.last_response_headers = "", {}
        try:
            yield
        except RateLimitedError as error:
            error.retry_after_s = retry_after_s(self.exchange.last_response_headers, default=error.retry_after_s)
            raise
        except OutcomeUnknownError as error:
            error.raw = error.raw or str(self.exchange.last_http_response)[:RAW_LIMIT]
            raise
        except OrderRefusedError as error:
            told = self.exchange.parse_json(self.exchange.last_http_response)
            if isinstance(told, dict) and told.get("result"):
                text = f"{error}; and yet the answer has a result; look it up before sending again"
                raise OutcomeUnknownError(text, raw=shortened(told)) from error
            raise

    def markets(self) -> dict[str, Raw]:
        """Return the venue's markets by the desk's symbol, read once."""
        if not self.exchange.markets:
            self.read("markets", lambda exchange: exchange.load_markets())
        return dict(self.exchange.markets)

    def market(self, symbol: str) -> Raw:
        """Return the market of a pair of the desk, such as BTC/USD.

        Raises
        ------
        BrokerError
            The venue does not list it.
        """
        base, _, _ = symbol.partition("/")
        found = self.markets().get(f"{base}/{self.profile.quote}")
        if found is None:
            raise BrokerError(f"{self.name} does not list {base}/{self.profile.quote}")
        return found

    def lists(self, code: str) -> bool:
        """Tell whether the venue trades a currency against USD."""
        return f"{code}/{self.profile.quote}" in self.markets()

    def prices_of(self, codes: Sequence[str]) -> dict[str, Decimal]:
        """Return USD per unit of currencies, from their last trades, in one call; one without a price is absent.

        Raises
        ------
        BrokerError
            The venue cannot be asked.
        """
        names = {self.market(f"{code}/")["id"]: code for code in codes if self.lists(code)}
        if not names:
            return {}
        asked = {"pair": ",".join(names)}
        told = self.read("Ticker", lambda exchange: exchange.publicGetTicker(asked)["result"])
        found = {names[key]: _last_price(row) for key, row in fields(told).items() if key in names}
        return {code: price for code, price in found.items() if price is not None}

    def grid(self, symbol: str) -> Grid:
        """Return tick and lot of a pair, exactly."""
        told = self.market(symbol)["info"]
        step = Decimal(1).scaleb(-int(told["pair_decimals"]))
        return Grid(
            tick=Decimal(told.get("tick_size") or step),
            lot=Decimal(1).scaleb(-int(told["lot_decimals"])),
            min_qty=Decimal(told.get("ordermin") or 0),
            min_usd=Decimal(told.get("costmin") or 0),
        )


def _last_price(row: object) -> Decimal | None:
    told = fields(row).get("c") if isinstance(row, dict) else None
    if not isinstance(told, list) or not told:
        return None
    try:
        price = exact(told[0], "c")
    except MalformedDataError:
        return None
    return price if price > 0 else None


def kraken_client(
    api_key: str = "",
    secret: str = "",
    *,
    base_url: str | None = None,
    profile: VenueProfile = KRAKEN,
    sleep: Callable[[float], None] = time.sleep,
) -> CcxtClient:
    """Return a client of Kraken; without a key it reads prices only, without a URL it is the real one.

    `profile` is another one for a venue that speaks as Kraken does under other rules: the local one.
    """
    exchange = ccxt.kraken(_settings(api_key, secret))
    exchange.nonce = exchange.microseconds  # finer than ccxt's milliseconds: two processes in turn still grow
    if base_url is not None:
        exchange.urls["api"] = dict.fromkeys(exchange.urls["api"], base_url.rstrip("/"))
    return CcxtClient(exchange, profile, sleep=sleep)


def binance_client(*, base_url: str | None = None, sleep: Callable[[float], None] = time.sleep) -> CcxtClient:
    """Return a client of Binance that reads prices of spot markets; USDT stands for USD there."""
    settings = {**_settings("", ""), "options": {"fetchMarkets": {"types": ["spot"]}, "fetchCurrencies": False}}
    exchange = ccxt.binance(settings)
    if base_url is not None:
        exchange.urls["api"]["public"] = f"{base_url.rstrip('/')}/api/v3"
    return CcxtClient(exchange, BINANCE, sleep=sleep)


def _settings(api_key: str, secret: str) -> Raw:
    """Return what all have in common. ccxt's own throttle would sleep a second a call; the venues allow bursts."""
    return {"apiKey": api_key, "secret": secret, "timeout": int(READ_TIMEOUT_S * 1000), "enableRateLimit": False}
