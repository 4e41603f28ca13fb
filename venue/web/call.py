"""One request and its reply, and how numbers and times are written in them. Knows no endpoint."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

import orjson

from venue.feed import Chain, ContractQuote, MarketQuote
from venue.orders import Order, OrderRequest, Refusal, RefusedError, as_it_was

if TYPE_CHECKING:
    from venue.accounts import Account
    from venue.exchange import Exchange

BarCache = dict[tuple[str, int], dict[datetime, tuple[datetime, bytes]]]


@dataclass(slots=True)
class Cache:
    """JSON that was written before and still holds: of finished bars, and of the latest chain of an underlying."""

    bars: BarCache = field(default_factory=dict)
    chains: dict[str, ChainPage] = field(default_factory=dict)

    def clear(self) -> None:
        """Forget everything."""
        self.bars.clear()
        self.chains.clear()


@dataclass(slots=True)
class ChainPage:
    """A chain in order of its symbols, and the JSON of those of its contracts that were asked for."""

    chain: Chain
    contracts: list[ContractQuote]
    written: dict[str, bytes] = field(default_factory=dict)


LARGEST = Decimal(10) ** 15


@dataclass(frozen=True, slots=True)
class Reply:
    """Status, body and headers of an answer."""

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


def written(value: object) -> bytes:
    """Return a value as JSON; a time in UTC is written as `stamp` writes it, a Decimal becomes its string."""
    return orjson.dumps(value, default=_plain, option=orjson.OPT_UTC_Z)


def reply(value: object, status: int = 200) -> Reply:
    """Return a JSON answer."""
    return Reply(written(value), status)


def _plain(value: object) -> str:
    if isinstance(value, Decimal):
        return text(value)
    raise TypeError(type(value).__name__)


@dataclass(slots=True)
class QuoteFault:
    """How quotes are to be spoilt in one answer."""

    side: str | None = None
    age: timedelta | None = None

    def spoil(self, quote: MarketQuote) -> MarketQuote:
        """Return the quote without a side, or as it would be had it not changed for a while."""
        if self.side == "bid":
            quote = replace(quote, bid=None, bid_size=Decimal(0))
        elif self.side is not None:
            quote = replace(quote, ask=None, ask_size=Decimal(0))
        return quote if self.age is None else replace(quote, ts=quote.ts - self.age)


@dataclass(slots=True)
class Call:
    """A request as a handler sees it."""

    exchange: Exchange
    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    args: Mapping[str, str] = field(default_factory=dict)
    cache: Cache = field(default_factory=Cache)
    quote_fault: QuoteFault | None = None
    skew: timedelta = timedelta(0)
    order_fault: Callable[[Order], None] | None = None
    list_lag: timedelta = timedelta(0)
    """How old the list of open orders, and the newest row of the history, are in this answer."""
    after: Callable[[], None] | None = None
    _params: dict[str, str] | None = None

    @property
    def params(self) -> dict[str, str]:
        """Return the query's values by name, the last of each."""
        if self._params is None:
            self._params = dict(parse_qsl(self.query, keep_blank_values=True))
        return self._params

    @property
    def told_time(self) -> datetime:
        """Return the time the venue tells, which a fault may have put wrong."""
        return self.exchange.now + self.skew

    def json(self) -> dict[str, object]:
        """Return the body as a JSON object.

        Raises
        ------
        RefusedError
            If it is anything else.
        """
        try:
            value = orjson.loads(self.body) if self.body else {}
        except orjson.JSONDecodeError as error:
            raise RefusedError(Refusal.BAD_REQUEST, f"request body format is invalid: {error}") from error
        if not isinstance(value, dict):
            raise RefusedError(Refusal.BAD_REQUEST, "request body format is invalid: not an object")
        return value

    def form(self) -> dict[str, str]:
        """Return the body as form fields, or as JSON where the client says so."""
        if "json" in self.headers.get("content-type", ""):
            return {name: str(value) for name, value in self.json().items()}
        return dict(parse_qsl(self.body.decode(), keep_blank_values=True))

    def quote(self, symbol: str) -> MarketQuote | None:
        """Return the latest quote of a symbol, spoilt if a fault says so."""
        quote = self.exchange.quote(symbol)
        return quote if quote is None or self.quote_fault is None else self.quote_fault.spoil(quote)

    def chain(self, underlying: str) -> ChainPage | None:
        """Return the latest chain of an underlying in order of its symbols."""
        chain = self.exchange.feed.chain(underlying)
        if chain is None:
            return None
        page = self.cache.chains.get(underlying)
        if page is None or page.chain is not chain:
            page = ChainPage(chain, sorted(chain.contracts.values(), key=lambda one: one.symbol))
            self.cache.chains[underlying] = page
        return page

    def as_listed(self, orders: Iterable[Order]) -> list[Order]:
        """Return orders as the list shows them, which a fault may have put into the past."""
        if not self.list_lag:
            return list(orders)
        then = self.exchange.now - self.list_lag
        return [was for order in orders if (was := as_it_was(order, then)) is not None]

    def is_listed(self, ts: datetime) -> bool:
        """Tell whether the history already shows what happened at that time."""
        return ts <= self.exchange.now - self.list_lag

    def accept(self, account: Account, request: OrderRequest) -> Order:
        """Take an order; it meets the market after the answer was written, as at a real venue."""
        order = self.exchange.accept(account, request)
        if self.order_fault is not None:
            self.order_fault(order)
        self.after = lambda: self.exchange.work(order)
        return order

    def account(self, broker: str, key: str) -> Account:
        """Return the broker's account that the API key selects, the first if none is named after it.

        Raises
        ------
        RefusedError
            If the venue has no account at that broker.
        """
        found = [a for a in self.exchange.accounts.values() if a.spec.broker == broker]
        if not found:
            raise RefusedError(Refusal.NOT_ALLOWED, f"the venue has no {broker} account")
        named = [account for account in found if account.spec.key and account.spec.key == key]
        return (named or found)[0]

    def whole(self, name: str, default: int, most: int) -> int:
        """Return a query value as an integer between 1 and `most`.

        Raises
        ------
        RefusedError
            If it is no integer or out of range.
        """
        raw = self.params.get(name)
        if raw is None or raw == "":
            return default
        if not raw.isdigit() or not 1 <= int(raw) <= most:
            raise RefusedError(Refusal.BAD_REQUEST, f"invalid {name}: {raw} (1 to {most})")
        return int(raw)

    def moment(self, name: str) -> datetime | None:
        """Return a query value as a time in UTC, None if it is absent."""
        raw = self.params.get(name)
        return when(raw, name) if raw else None


def when(raw: str, name: str = "time") -> datetime:
    """Return the UTC time an RFC 3339 text or a date means.

    Raises
    ------
    RefusedError
        If it means none.
    """
    try:
        # An unescaped "+" of an offset arrives as a space.
        found = datetime.fromisoformat(raw.replace(" ", "+") if "T" in raw else raw)
    except ValueError as error:
        raise RefusedError(Refusal.BAD_REQUEST, f"invalid {name}: {raw}") from error
    if not 1900 < found.year < 2200:
        raise RefusedError(Refusal.BAD_REQUEST, f"invalid {name}: {raw}")
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def from_epoch(raw: str, name: str, *, per_second: int = 1) -> datetime:
    """Return the UTC time of a count of seconds (or, with `per_second` 1000, of milliseconds) since 1970.

    Raises
    ------
    RefusedError
        If it is no number or out of range.
    """
    seconds = number(raw, name) / per_second
    if not 0 <= seconds < 7_000_000_000:
        raise RefusedError(Refusal.BAD_REQUEST, f"invalid {name}: {raw}")
    return datetime.fromtimestamp(float(seconds), UTC)


def stamp(ts: datetime) -> str:
    """Return a time as Alpaca writes it."""
    return ts.isoformat().replace("+00:00", "Z")


def maybe(ts: datetime | None) -> str | None:
    """Return a time as Alpaca writes it, or None."""
    return None if ts is None else stamp(ts)


def text(value: Decimal) -> str:
    """Return a Decimal as plain digits without idle zeros.

    Examples
    --------
    >>> text(Decimal("100.50"))
    '100.5'
    """
    plain = f"{value:f}"
    if "." not in plain:
        return plain
    return plain.rstrip("0").rstrip(".") or "0"


def cents(value: Decimal) -> str:
    """Return an amount in USD rounded to the cent."""
    return f"{value:.2f}"


def number(value: object, name: str) -> Decimal:
    """Return a JSON number or text as a Decimal.

    Raises
    ------
    RefusedError
        If it is neither, or beyond any price or quantity.
    """
    try:
        found = Decimal(str(value))
    except InvalidOperation as error:
        raise RefusedError(Refusal.BAD_REQUEST, f"invalid {name}: {value}") from error
    if not found.is_finite() or abs(found) >= LARGEST:
        raise RefusedError(Refusal.BAD_REQUEST, f"invalid {name}: {value}")
    return Decimal(text(found))


def optional(value: object, name: str) -> Decimal | None:
    """Return a Decimal, or None if there is no value."""
    return None if value is None or value == "" else number(value, name)
