"""What an order and a fill are, in the venue's own words.

Plain records: no rule about acceptance, matching or money lives here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from venue.feed import AssetKind

ZERO = Decimal(0)


class Side(StrEnum):
    """Direction of an order or a leg."""

    BUY = "buy"
    SELL = "sell"

    @property
    def sign(self) -> int:
        """Return +1 for a purchase, -1 for a sale."""
        return 1 if self is Side.BUY else -1


class OrderType(StrEnum):
    """How an order names its price; `take_profit` triggers exist on Kraken only."""

    MARKET = "market"
    LIMIT = "limit"
    STOP = "stop"
    STOP_LIMIT = "stop_limit"
    TAKE_PROFIT = "take_profit"
    TAKE_PROFIT_LIMIT = "take_profit_limit"


class TimeInForce(StrEnum):
    """How long an order stays."""

    DAY = "day"
    GTC = "gtc"
    IOC = "ioc"
    FOK = "fok"


class OrderClass(StrEnum):
    """Whether an order is alone or carries others."""

    SIMPLE = "simple"
    BRACKET = "bracket"
    OCO = "oco"
    OTO = "oto"
    MLEG = "mleg"


class Intent(StrEnum):
    """What an order does to the position."""

    BUY_TO_OPEN = "buy_to_open"
    BUY_TO_CLOSE = "buy_to_close"
    SELL_TO_OPEN = "sell_to_open"
    SELL_TO_CLOSE = "sell_to_close"

    @property
    def opens(self) -> bool:
        """Tell whether the intent makes or enlarges a position."""
        return self in {Intent.BUY_TO_OPEN, Intent.SELL_TO_OPEN}


class Status(StrEnum):
    """Where an order is in its life, in Alpaca's words."""

    PENDING_NEW = "pending_new"
    ACCEPTED = "accepted"
    NEW = "new"
    HELD = "held"
    PARTIALLY_FILLED = "partially_filled"
    FILLED = "filled"
    CANCELED = "canceled"
    EXPIRED = "expired"


OPEN_STATUSES = frozenset(
    {Status.PENDING_NEW, Status.ACCEPTED, Status.NEW, Status.HELD, Status.PARTIALLY_FILLED},
)


class Refusal(StrEnum):
    """Why the venue does not do what it was asked; each API has its own words for it."""

    BAD_REQUEST = "bad_request"
    BELOW_MINIMUM = "below_minimum"
    DUPLICATE_ID = "duplicate_id"
    INSUFFICIENT_FUNDS = "insufficient_funds"
    INSUFFICIENT_QTY = "insufficient_qty"
    NOT_ALLOWED = "not_allowed"
    NOT_CANCELABLE = "not_cancelable"
    NOT_FOUND = "not_found"
    POST_ONLY = "post_only"
    UNKNOWN_SYMBOL = "unknown_symbol"


class RefusedError(Exception):
    """The venue refuses a request; `refusal` says why, `details` are fields for the answer."""

    def __init__(self, refusal: Refusal, message: str, **details: str) -> None:
        super().__init__(message)
        self.refusal = refusal
        self.message = message
        self.details = details


@dataclass(frozen=True, slots=True)
class LegRequest:
    """One leg of a multi-leg order, as asked for."""

    symbol: str
    side: Side
    ratio: Decimal
    intent: Intent | None = None


@dataclass(frozen=True, slots=True)
class ExitRequest:
    """A protective or profit-taking order that hangs on another; exactly one price form is set."""

    limit: Decimal | None = None
    stop: Decimal | None = None


@dataclass(frozen=True, slots=True)
class OrderRequest:
    """What a client asks for, already read from its API's form."""

    symbol: str
    side: Side | None
    qty: Decimal
    type: OrderType
    tif: TimeInForce
    client_order_id: str = ""
    order_class: OrderClass = OrderClass.SIMPLE
    limit: Decimal | None = None
    stop: Decimal | None = None
    notional: Decimal | None = None
    intent: Intent | None = None
    legs: Sequence[LegRequest] = ()
    take_profit: ExitRequest | None = None
    stop_loss: ExitRequest | None = None
    post_only: bool = False
    extended_hours: bool = False


@dataclass(frozen=True, slots=True)
class Fill:
    """One execution. `qty` is positive; cash moves by `-sign(side) * qty * price * multiplier - fee`.

    A fee in coins moves no cash: the holding grows by `qty - fee_coins`, and `fee` is 0.
    """

    trade_id: str
    order_id: str
    root_order_id: str
    client_order_id: str
    account: str
    symbol: str
    kind: AssetKind
    side: Side
    qty: Decimal
    price: Decimal
    multiplier: int
    fee: Decimal
    ts: datetime
    maker: bool
    legs: tuple[str, ...] = ()
    fee_coins: Decimal = ZERO

    @property
    def cash(self) -> Decimal:
        """Return what the fill does to the account's cash, fee included."""
        return -self.side.sign * self.qty * self.price * self.multiplier - self.fee


@dataclass(slots=True, eq=False)
class Order:
    """An order the venue accepted. Legs of a multi-leg order and exits of a bracket are orders too."""

    id: str
    account: str
    client_order_id: str
    symbol: str
    kind: AssetKind
    side: Side | None
    qty: Decimal
    type: OrderType
    tif: TimeInForce
    created: datetime
    updated: datetime
    order_class: OrderClass = OrderClass.SIMPLE
    status: Status = Status.PENDING_NEW
    limit: Decimal | None = None
    stop: Decimal | None = None
    notional: Decimal | None = None
    intent: Intent | None = None
    ratio: Decimal = Decimal(1)
    legs: list[Order] = field(default_factory=list)
    parent: Order | None = None
    expires: datetime | None = None
    live_since: datetime | None = None
    finished: datetime | None = None
    filled_qty: Decimal = ZERO
    filled_cost: Decimal = ZERO
    fees: Decimal = ZERO
    fills: list[Fill] = field(default_factory=list)
    triggered: bool = False
    reserve: Decimal = ZERO
    reason: str = ""
    post_only: bool = False
    extended_hours: bool = False
    first_fill_cap: Decimal | None = None
    hold_moments: int = 0

    @property
    def leaves_qty(self) -> Decimal:
        """Return the quantity that is not filled."""
        return self.qty - self.filled_qty

    @property
    def avg_price(self) -> Decimal | None:
        """Return the average fill price, None before the first fill."""
        return self.filled_cost / self.filled_qty if self.filled_qty else None

    @property
    def is_open(self) -> bool:
        """Tell whether the order can still fill."""
        return self.status in OPEN_STATUSES

    @property
    def is_mleg(self) -> bool:
        """Tell whether the order is the head of a multi-leg order."""
        return self.order_class is OrderClass.MLEG and self.parent is None

    @property
    def is_leg(self) -> bool:
        """Tell whether the order is one leg of a multi-leg order, which never works alone."""
        return self.order_class is OrderClass.MLEG and self.parent is not None

    @property
    def root(self) -> Order:
        """Return the order the client sent."""
        return self.parent if self.parent is not None else self

    def exits(self) -> list[Order]:
        """Return the other orders of the one-cancels-other group this order is in."""
        if self.order_class is OrderClass.OCO:
            return self.legs if self.parent is None else [self.parent]
        if self.parent is not None and self.parent.order_class is OrderClass.BRACKET:
            return [leg for leg in self.parent.legs if leg is not self]
        return []


def as_it_was(order: Order, ts: datetime) -> Order | None:
    """Return an order, with what hangs on it, as a list of that time would show it; None before it was taken."""
    if order.created > ts:
        return None
    fills = [fill for fill in order.fills if fill.ts <= ts]
    was = replace(
        order,
        fills=fills,
        filled_qty=sum((fill.qty for fill in fills), ZERO),
        filled_cost=sum((fill.qty * fill.price for fill in fills), ZERO),
        legs=[leg for one in order.legs if (leg := as_it_was(one, ts)) is not None],
    )
    if order.finished is not None and order.finished > ts:
        was.finished, was.reason = None, ""
        was.status = Status.PARTIALLY_FILLED if fills else Status.NEW
    return was
