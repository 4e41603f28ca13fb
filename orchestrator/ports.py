"""What the desk needs from the outside, as Protocols of at most five methods.

Adapters translate every vendor error into `orchestrator.domain.errors`; nothing above them names a vendor.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Protocol

from orchestrator.domain.base import ZERO
from orchestrator.domain.documents import AccountView
from orchestrator.domain.market import Bars, DataRequest, MarketSnapshot
from orchestrator.domain.orders import Fill, Order, OrderState, Side
from orchestrator.domain.venues import VenueProfile

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A stored document: plain values (str, int, float, bool, None, datetime, list, dict) and its version token."""

    path: str
    data: Json
    version: str


@dataclass(frozen=True, slots=True)
class Create:
    """Create a document that must not exist (else AlreadyExistsError)."""

    path: str
    data: Json


@dataclass(frozen=True, slots=True)
class Put:
    """Write a whole document, whatever is there."""

    path: str
    data: Json


@dataclass(frozen=True, slots=True)
class Replace:
    """Write a whole document that must still have `version` (else ConcurrencyConflictError)."""

    path: str
    data: Json
    version: str


@dataclass(frozen=True, slots=True)
class Verify:
    """Change nothing, but fail the commit (ConcurrencyConflictError) if the document is no longer at `version`."""

    path: str
    version: str


Write = Create | Put | Replace | Verify


@dataclass(slots=True)
class Usage:
    """Counted operations of a store: round trips, documents read, documents written."""

    round_trips: int = 0
    reads: int = 0
    writes: int = 0


@dataclass(frozen=True, slots=True)
class Where:
    """One condition of a query: `op` is one of ==, <, <=, >, >=, in."""

    field: str
    op: str
    value: Any


class Store(Protocol):
    """Documents by path, with compare-and-set."""

    usage: Usage

    def get_many(self, paths: Sequence[str]) -> Mapping[str, Snapshot]:
        """Return the documents that exist, in one round trip."""

    def commit(self, writes: Sequence[Write]) -> Mapping[str, str]:
        """Apply all writes or none, in one round trip; return the new version of each path.

        Raises
        ------
        AlreadyExistsError, ConcurrencyConflictError
            A precondition failed; nothing was written.
        StoreUnavailableError
            No answer: it may have been applied, and may be sent again (every write is safe to do twice).
        """

    def query(
        self, collection: str, where: Sequence[Where] = (), *, order_by: str | None = None, limit: int = 100
    ) -> Sequence[Snapshot]:
        """Return documents of a collection; `order_by` a field, with a leading `-` for descending."""


@dataclass(frozen=True, slots=True)
class VenueOrder:
    """An order as the venue tells it. What follows `note` is None where the venue does not say, or for several legs."""

    client_order_id: str | None
    broker_order_id: str
    state: OrderState
    filled_qty: Decimal = ZERO
    note: str = ""
    symbol: str | None = None
    side: Side | None = None
    qty: Decimal | None = None
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    raw: str = ""
    """The venue's own words, at most `RAW_LIMIT` characters; kept only where they matter."""
    avg_price: Decimal | None = None
    """Average price of `filled_qty`."""


@dataclass(frozen=True, slots=True)
class CashEvent:
    """Money or shares that moved without an order: dividend, fee, split, assignment, exercise, expiry.

    `kind` is the venue's activity type (DIV, FEE, SPLIT, NC, OPASN, OPEXC, OPEXP); `qty` signed change of the holding.
    A change of symbol (NC) is two: what goes under the old symbol and what comes under the new one.
    """

    id: str
    kind: str
    symbol: str
    amount: Decimal
    qty: Decimal
    price: Decimal
    ts_event: datetime
    new_rate: Decimal | None = None
    """Of a split, if the venue says so: new units for `old_rate` old ones."""
    old_rate: Decimal | None = None


RAW_LIMIT = 2000
"""Characters of a raw answer that are kept for the owner."""


class TroubleKind(StrEnum):
    """What kind of row could not be read."""

    ORDER = "order"
    """`subject` is the client order id, or the venue's own where that is all there is."""
    POSITION = "position"
    """`subject` is the symbol, which is absent from `positions`: absent, not zero."""
    FILL = "fill"
    """`subject` is the trade id."""
    ACTIVITY = "activity"
    """`subject` is the activity's id."""
    FEE = "fee"
    """`subject` is the trade id; the fill itself is told, once, with a fee of 0, and what was charged in `fee_paid`."""
    PRICE = "price"
    """`subject` is the symbol, whose position is told but is absent from `prices`."""
    ACCOUNT = "account"
    """`subject` is the venue, whose `account` is None: orders, fills and positions stand."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """A row of the venue's answer that makes no sense. The rows beside it stand; nothing was guessed from this one.

    It is told again with every state for as long as the venue tells the row, and the cursor waits for it for a day:
    a row that becomes readable is told as if nothing had been. Reconcile makes an order in trouble UNKNOWN, takes no
    new exposure in `symbol` (of any trouble that has one), and shows `raw` to the owner, once per subject.
    """

    kind: TroubleKind
    subject: str
    reason: str
    raw: str = ""
    """The row as it came, at most `RAW_LIMIT` characters."""
    symbol: str = ""
    """The desk's symbol where the row names one."""


@dataclass(frozen=True, slots=True)
class VenueState:
    """Everything a venue says of the account since the cursor."""

    account: AccountView | None
    """None when it cannot be read, which is in `troubles`."""
    positions: Mapping[str, Decimal]
    """Signed quantity by symbol."""
    open_orders: Sequence[VenueOrder]
    fills: Sequence[Fill]
    """Executions since the cursor; `client_order_id` may be empty where the venue only tells its own order id."""
    fill_orders: Mapping[str, str] = field(default_factory=dict)
    """Trade id to venue order id."""
    cash_events: Sequence[CashEvent] = ()
    cursor: str = ""
    prices: Mapping[str, Decimal] = field(default_factory=dict)
    """USD per share, coin or point of option premium of what is held, as the venue tells it."""
    least: Mapping[str, Decimal] = field(default_factory=dict)
    """Smallest order of a coin, in coins: less than that cannot leave. Such rests are not in `positions`."""
    troubles: Sequence[Trouble] = ()


class Broker(Protocol):
    """One account at one venue."""

    name: str
    profile: VenueProfile
    """The venue's rules: ids, look-ups, rates, grids."""

    def state(self, cursor: str) -> VenueState:
        """Return account, positions, open orders, and fills and cash events since `cursor` ("" = from the start).

        Raises
        ------
        BrokerError
            Nothing is known; the cycle takes no new risk.
        """

    def submit(self, order: Order) -> VenueOrder:
        """Send an order once, under its client order id.

        Raises
        ------
        BrokerUnavailableError
            Certainly not sent.
        OrderRefusedError
            The venue said no.
        OutcomeUnknownError
            It may have been accepted.
        """

    def cancel(self, order: Order) -> VenueOrder:
        """Ask for a cancel and return the order as it then stands (it may have filled)."""

    def find(self, order: Order) -> VenueOrder | None:
        """Look an order up by client order id in open orders, closed orders and trades; None = not at the venue."""


class MarketData(Protocol):
    """Prices of one venue (or of several that stand in for each other)."""

    def snapshot(self, request: DataRequest, now: datetime) -> MarketSnapshot:
        """Return what was asked for, as known at `now`, in as few calls as the venue allows.

        A symbol that cannot be had is absent and named in `missing`; BrokerError only when nothing can be had.
        """


class BarHistory(Protocol):
    """Bars of the past of one venue."""

    venue: str

    def bars(self, symbol: str, minutes: int, start: datetime, end: datetime) -> Bars:
        """Return the bars of a symbol that end in (start, end], oldest first; none where the venue has none.

        Raises
        ------
        BrokerError
            The venue cannot be asked, or does not list the symbol.
        MissingDataError
            The venue tells the newest bars only, and these are older.
        """


class Notifier(Protocol):
    """One channel to a person."""

    name: str

    def send(self, title: str, body: str, *, severity: str) -> None:
        """Deliver, or raise BrokerUnavailableError (try again) or ConfigurationError (never will)."""


class Push(Protocol):
    """Messages to the devices of a person."""

    def send_to(self, devices: Sequence[str], title: str, body: str, *, severity: str) -> Sequence[str]:
        """Deliver to at least one device and return those that are gone for good (all of them: nobody was reached).

        Raises
        ------
        BrokerUnavailableError
            No device was reached and one may be, later.
        ConfigurationError
            The project or its credentials are not accepted.
        """


class Clock(Protocol):
    """The time of the shell; the core gets it as an argument."""

    def now(self) -> datetime:
        """Return the current UTC time."""


class Secrets(Protocol):
    """Secret values by name."""

    def get(self, name: str) -> str:
        """Return a secret, or raise ConfigurationError naming it."""
