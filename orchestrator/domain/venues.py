"""What each venue promises and demands, as data: ids, look-ups, rates, sizes, grids. No calls, no words of an API.

A profile never makes an order larger, nor its price worse for us. Where a fact comes from stands in `sources`; a number
that no public page states is marked as the desk's own choice.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from enum import StrEnum

from pydantic import Field

from orchestrator.domain.base import ZERO, Amount, Value
from orchestrator.domain.orders import Side


class IdUniqueness(StrEnum):
    """How long a venue keeps a client order id to one order."""

    FOR_EVER = "for_ever"
    """A used id is refused, even after its order ended: sending twice cannot trade twice."""
    AMONG_OPEN = "among_open"
    """Refused while an order of that id is open; free again once it ended. Ended orders are still found by it."""
    PENDING_ONLY = "pending_only"
    """As among open, and an ended order is not found by its id: only by the venue's own, or in trades."""


class LookUp(StrEnum):
    """A place in which an order can be found by its client order id."""

    OPEN = "open"
    CLOSED = "closed"
    TRADES = "trades"


class Protection(StrEnum):
    """The best protective order that rests at the venue itself."""

    NONE = "none"
    STOP = "stop"
    BRACKET = "bracket"


class VenueCall(StrEnum):
    """A call of the broker port."""

    STATE = "state"
    SUBMIT = "submit"
    CANCEL = "cancel"
    FIND = "find"


class Grid(Value):
    """Tick and lot of a market; `min_qty` in units, `min_usd` of traded value."""

    tick: Amount = Field(gt=0)
    lot: Amount = Field(gt=0)
    min_qty: Amount = Field(default=ZERO, ge=0)
    min_usd: Amount = Field(default=ZERO, ge=0)

    def price(self, price: Decimal, side: Side) -> Decimal:
        """Return the nearest price on the grid that is no worse for us: lower for a purchase, higher for a sale."""
        rounding = ROUND_FLOOR if side is Side.BUY else ROUND_CEILING
        return (price / self.tick).to_integral_value(rounding=rounding) * self.tick

    def qty(self, qty: Decimal) -> Decimal:
        """Return the largest whole number of lots in `qty`; never more than was asked for."""
        return (qty / self.lot).to_integral_value(rounding=ROUND_FLOOR) * self.lot

    def too_small(self, qty: Decimal, price: Decimal | None) -> str:
        """Return why `qty` (on the grid) at `price` USD is below the least order, "" if it is not.

        Without a price only the quantity is judged.
        """
        if qty <= 0 or qty < self.min_qty:
            return f"quantity {qty}: the least is {max(self.min_qty, self.lot)}"
        if price is not None and qty * abs(price) < self.min_usd:
            return f"value {qty * abs(price):.2f} USD: the least is {self.min_usd}"
        return ""


class VenueProfile(Value):
    """One venue's rules. Durations and shares that no page states are the desk's own, on the safe side."""

    name: str
    takes_orders: bool = True
    client_id_max_length: int = Field(default=18, ge=18)
    client_id_pattern: str = r"[\x21-\x7e]+"
    """A regular expression that the whole id matches."""
    client_id_prefix: str = ""
    """What the venue wants in front of every custom id; part of `client_id_max_length`."""
    id_uniqueness: IdUniqueness = IdUniqueness.FOR_EVER
    look_up: frozenset[LookUp] = frozenset({LookUp.OPEN, LookUp.CLOSED})
    """Where an order is found by its client order id; a trade also tells the venue's own order id everywhere."""
    duplicate_words: tuple[str, ...] = ()
    """What a refusal says when the id is in use, in lower case; one of them is enough."""
    visibility_lag: timedelta = timedelta(0)
    """How long an accepted order may be missing from lists and look-ups: not found before that proves nothing."""
    exclusive_key: bool = False
    """Whether requests of one key must come in order (nonces): one executor per key."""
    requests_per_minute: int = Field(default=60, ge=0)
    """What the venue sustains for one key, in units of `requests`."""
    reserved_share: Amount = Field(default=Decimal("0.3"), ge=0, lt=1)
    """Share of that which only cancels and protective orders may use."""
    requests: Mapping[VenueCall, int] = {
        VenueCall.STATE: 5,
        VenueCall.SUBMIT: 1,
        VenueCall.CANCEL: 2,
        VenueCall.FIND: 1,
    }
    """What one call of the broker port costs at most, first page only, in the venue's own counting."""
    grid: Grid | None = None
    """Tick and lot where one rule holds for all markets; None = the venue tells them per market."""
    fine_tick_usd: Amount | None = None
    """Tick of stocks below one dollar, where it is finer."""
    fractional_day_only: bool = False
    """Whether part of a share is traded, but by an order of the day only."""
    min_legs: int = 1
    max_legs: int = 1
    """Several legs as one order: `max_legs` of 1 = never."""
    fee_in_coin: bool = False
    """Whether a purchase pays its fee in the coin that it buys, so that less is received than was traded."""
    protection: Protection = Protection.NONE
    page: int = Field(default=100, ge=1)
    """Rows in one page of orders or trades."""
    candles: int = Field(default=1000, ge=1)
    quote: str = "USD"
    """What pairs are priced in."""
    sources: Mapping[str, str] = {}
    """Where each fact comes from, by field name."""

    def accepts_id(self, client_order_id: str) -> bool:
        """Tell whether the venue takes this client order id as it is (the prefix counts towards its length)."""
        return self.takes_id(self.client_id_prefix + client_order_id)

    def takes_id(self, sent: str) -> bool:
        """Tell whether the venue takes an id in the form in which it is sent, prefix and all."""
        return len(sent) <= self.client_id_max_length and re.fullmatch(self.client_id_pattern, sent) is not None

    def is_duplicate(self, words: str) -> bool:
        """Tell whether a refusal says that the client order id is in use."""
        lower = words.lower()
        return any(word in lower for word in self.duplicate_words)

    def requests_of(self, call: VenueCall) -> int:
        """Return what a call costs of `requests_per_minute`."""
        return self.requests.get(call, 1)

    def grid_at(self, price: Decimal, *, option: bool = False) -> Grid:
        """Return tick and lot at a price, for a venue with one rule for all its markets.

        Raises
        ------
        ValueError
            The venue tells tick and lot per market.
        """
        if self.grid is None:
            raise ValueError(f"{self.name} tells tick and lot per market: read its list of markets")
        if self.fine_tick_usd is None or option or abs(price) >= 1:
            return self.grid
        return self.grid.model_copy(update={"tick": self.fine_tick_usd})


_CHOICE = "the desk's own choice: no public page states it"

ALPACA = VenueProfile(
    name="alpaca",
    client_id_max_length=128,
    id_uniqueness=IdUniqueness.FOR_EVER,
    look_up=frozenset({LookUp.OPEN, LookUp.CLOSED}),
    duplicate_words=("client_order_id must be unique",),
    visibility_lag=timedelta(seconds=2),
    requests_per_minute=200,
    requests={VenueCall.STATE: 5, VenueCall.SUBMIT: 1, VenueCall.CANCEL: 6, VenueCall.FIND: 1},
    grid=Grid(tick=Decimal("0.01"), lot=Decimal(1), min_qty=Decimal(1)),
    fine_tick_usd=Decimal("0.0001"),
    fractional_day_only=True,
    min_legs=2,
    max_legs=4,
    protection=Protection.BRACKET,
    page=100,
    sources={
        "client_id_max_length": "Alpaca OpenAPI, trading-api, client_order_id <= 128 characters",
        "id_uniqueness": "alpaca-py issue 260: refused even after a cancel",
        "duplicate_words": "alpaca-py issue 260",
        "look_up": "Alpaca OpenAPI, GET /v2/orders:by_client_order_id",
        "visibility_lag": _CHOICE,
        "requests_per_minute": "docs.alpaca.markets: 200 requests a minute and account",
        "reserved_share": _CHOICE,
        "grid": "docs.alpaca.markets, orders: sub-penny increments; whole shares are the desk's own choice",
        "fractional_day_only": "docs.alpaca.markets, fractional shares: `fractional orders must be DAY orders`",
        "max_legs": "alpaca-py, trading/requests.py: order_class mleg, 2 to 4 legs",
        "protection": "docs.alpaca.markets, orders: bracket, OCO, OTO",
        "page": "Alpaca OpenAPI, activities: page_size <= 100",
    },
)

KRAKEN = VenueProfile(
    name="kraken",
    client_id_max_length=18,
    id_uniqueness=IdUniqueness.AMONG_OPEN,
    look_up=frozenset({LookUp.OPEN, LookUp.CLOSED}),
    duplicate_words=("duplicate", "cl_ord_id"),
    visibility_lag=timedelta(seconds=10),
    exclusive_key=True,
    requests_per_minute=20,
    requests={VenueCall.STATE: 7, VenueCall.SUBMIT: 0, VenueCall.CANCEL: 4, VenueCall.FIND: 4},
    protection=Protection.STOP,
    page=50,
    candles=720,
    sources={
        "client_id_max_length": "docs.kraken.com/api/docs/guides/clordid: UUID, or free text of up to 18 characters",
        "id_uniqueness": "docs.kraken.com/api/docs/guides/clordid: among open orders",
        "look_up": "docs.kraken.com, OpenOrders and ClosedOrders take cl_ord_id",
        "duplicate_words": "a guess: no public page shows the refusal",
        "visibility_lag": _CHOICE,
        "exclusive_key": "docs.kraken.com: the nonce must grow; python3-krakenex issue 21",
        "requests_per_minute": "docs.kraken.com/api/docs/guides/spot-rest-ratelimits: starter, 0.33 a second",
        "requests": "docs.kraken.com/api/docs/guides/spot-rest-ratelimits: history, ledger 2; AddOrder, CancelOrder 0",
        "reserved_share": _CHOICE,
        "grid": "per market: AssetPairs, tick_size, lot_decimals, ordermin, costmin",
        "protection": "docs.kraken.com, AddOrder: ordertype stop-loss",
        "page": "docs.kraken.com, ClosedOrders and TradesHistory: 50 a page",
    },
)

WHITEBIT = VenueProfile(
    name="whitebit",
    client_id_max_length=32,
    client_id_pattern=r"[A-Za-z0-9._-]+",
    id_uniqueness=IdUniqueness.AMONG_OPEN,
    look_up=frozenset({LookUp.OPEN, LookUp.CLOSED, LookUp.TRADES}),
    duplicate_words=("duplicate", "clientorderid"),
    visibility_lag=timedelta(seconds=10),
    exclusive_key=True,
    requests_per_minute=6000,
    requests={VenueCall.STATE: 6, VenueCall.SUBMIT: 1, VenueCall.CANCEL: 4, VenueCall.FIND: 3},
    protection=Protection.STOP,
    page=100,
    sources={
        "client_id_max_length": "docs.whitebit.com/guides/client-order-id: recommended length 32",
        "client_id_pattern": "docs.whitebit.com/guides/client-order-id: letters, digits, dash, dot, underscore",
        "id_uniqueness": "docs.whitebit.com/guides/client-order-id: among open orders of one market",
        "look_up": "docs.whitebit.com: active orders, order history and executed history carry clientOrderId",
        "duplicate_words": "a guess: no public page shows the refusal",
        "visibility_lag": _CHOICE,
        "exclusive_key": "docs.whitebit.com/private/http-auth: the nonce must grow, unless nonceWindow is set",
        "requests_per_minute": "docs.whitebit.com/api-reference/rate-limits: 1000 in 10 s for balances; others vary",
        "reserved_share": _CHOICE,
        "grid": "per market: /api/v4/public/markets, stockPrec, moneyPrec, minAmount, minTotal",
        "protection": "docs.whitebit.com: stop-limit and stop-market orders",
        "page": "docs.whitebit.com, order history: limit <= 100",
    },
)

GATE = VenueProfile(
    name="gate",
    client_id_max_length=30,
    client_id_pattern=r"t-[0-9A-Za-z._-]+",
    client_id_prefix="t-",
    id_uniqueness=IdUniqueness.PENDING_ONLY,
    look_up=frozenset({LookUp.OPEN, LookUp.TRADES}),
    duplicate_words=("duplicate",),
    visibility_lag=timedelta(seconds=10),
    requests_per_minute=1200,
    requests={VenueCall.STATE: 6, VenueCall.SUBMIT: 1, VenueCall.CANCEL: 7, VenueCall.FIND: 3},
    fee_in_coin=True,
    protection=Protection.STOP,
    page=100,
    sources={
        "client_id_max_length": "gate.com API v4, spot order, text: `t-` and up to 28 bytes",
        "client_id_pattern": "gate.com API v4, spot order, text: digits, letters, _ - .",
        "id_uniqueness": "gate.com API v4, get order: a custom id is usable only while the order is pending",
        "look_up": "gate.com API v4: my_trades carry text; finished orders by order id",
        "duplicate_words": "a guess: no public page shows the refusal",
        "visibility_lag": _CHOICE,
        "requests_per_minute": "gate.com API v4, rate limits: 200 in 10 s and user, private",
        "reserved_share": _CHOICE,
        "grid": "per market: /spot/currency_pairs, precision, amount_precision, min_base_amount, min_quote_amount",
        "fee_in_coin": "gate.com API v4, my_trades: the fee of a purchase has the coin as fee_currency",
        "protection": "gate.com API v4: price-triggered orders",
        "page": "gate.com API v4, my_trades: limit, 100 by default",
    },
)

OKX = VenueProfile(
    name="okx",
    client_id_max_length=32,
    client_id_pattern=r"[A-Za-z0-9]+",
    id_uniqueness=IdUniqueness.AMONG_OPEN,
    look_up=frozenset({LookUp.OPEN, LookUp.CLOSED, LookUp.TRADES}),
    duplicate_words=("duplicate", "51016", "clordid"),
    visibility_lag=timedelta(seconds=10),
    requests_per_minute=300,
    requests={VenueCall.STATE: 6, VenueCall.SUBMIT: 1, VenueCall.CANCEL: 4, VenueCall.FIND: 3},
    fee_in_coin=True,
    protection=Protection.BRACKET,
    page=100,
    sources={
        "client_id_max_length": "okx.com/docs-v5, place order, clOrdId: 1 to 32 characters",
        "client_id_pattern": "okx.com/docs-v5, place order, clOrdId: letters and digits",
        "id_uniqueness": "okx.com/docs-v5 says unique; what a duplicate does is not verified, so the weaker rule",
        "look_up": "okx.com/docs-v5: order details, order history and fills carry clOrdId",
        "duplicate_words": "a guess for the text; 51016 is the code of okx.com/docs-v5",
        "visibility_lag": _CHOICE,
        "requests_per_minute": "okx.com/docs-v5: 10 in 2 s for balances, the tightest of the calls used",
        "reserved_share": _CHOICE,
        "grid": "per market: /public/instruments, tickSz, lotSz, minSz",
        "fee_in_coin": "okx.com/docs-v5, fills: the fee of a purchase has the coin as feeCcy",
        "protection": "okx.com/docs-v5: attached take-profit and stop-loss orders",
        "page": "okx.com/docs-v5, order history: limit <= 100",
    },
)

BINANCE = VenueProfile(
    name="binance",
    takes_orders=False,
    client_id_max_length=36,
    requests_per_minute=0,
    page=500,
    candles=1000,
    quote="USDT",
    sources={"takes_orders": "ccxt issue 15872: answers 451 from US regions, so data only"},
)

MEMORY = VenueProfile(
    name="memory",
    duplicate_words=("client_order_id must be unique",),
    look_up=frozenset(LookUp),
    protection=Protection.STOP,
    requests_per_minute=10_000,
)
"""The shipped fake: ids for ever, everything visible at once."""

PROFILES = {profile.name: profile for profile in (ALPACA, KRAKEN, WHITEBIT, GATE, OKX, BINANCE)}
