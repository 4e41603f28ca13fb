"""An order: its intent, its fills, and everything that was said of it since.

Every step is `apply(order, evidence, now)`, a pure function that looks the pair (state, evidence) up in the table of
`orchestrator.domain.order_life`; a pair without a row raises.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from orchestrator.domain.base import ZERO, Amount, ModuleName, UtcTime, Value
from orchestrator.domain.errors import InvalidTransitionError
from orchestrator.domain.greeks import Greeks
from orchestrator.domain.order_life import TERMINAL, TRANSITIONS, Evidence, OrderState

__all__ = ["TERMINAL", "TRANSITIONS", "Evidence", "OrderState"]


class Side(StrEnum):
    """Direction of an order or a leg."""

    BUY = "buy"
    SELL = "sell"

    @property
    def sign(self) -> int:
        """+1 for buy, -1 for sell."""
        return 1 if self is Side.BUY else -1

    @property
    def opposite(self) -> Side:
        """The other side."""
        return Side.SELL if self is Side.BUY else Side.BUY


class OrderType(StrEnum):
    """How the venue is to match it."""

    MARKET = "market"
    LIMIT = "limit"
    STOP = "stop"


class TimeInForce(StrEnum):
    """How long it may rest."""

    DAY = "day"
    GTC = "gtc"
    IOC = "ioc"


class Purpose(StrEnum):
    """Why the desk sends it; exits and protective orders never raise exposure."""

    ENTRY = "entry"
    EXIT = "exit"
    PROTECT = "protect"


class Leg(Value):
    """One symbol of an order; `ratio` contracts or shares per unit of the order."""

    symbol: str
    side: Side
    ratio: int = 1
    multiplier: Amount = Decimal(1)
    """Units of underlying per contract: 100 for listed options."""


class Fill(Value):
    """One execution as the venue reports it. `qty` is positive, `fee` a cost in USD (a rebate is negative).

    A fee that the venue takes in the traded coin changes what is held, not the cash: `fee_base_qty` is that part, and
    `fee` its worth at the fill's price. Cash moves by `-side.sign * qty * price` less a fee in USD, which is the same
    as `-side.sign * held_qty * price - fee`.
    """

    trade_id: str
    client_order_id: str
    symbol: str
    side: Side
    qty: Amount
    price: Amount
    fee: Amount = ZERO
    fee_currency: str = "USD"
    fee_paid: Amount | None = None
    """The fee as it was charged, in `fee_currency`; None = the same as `fee`."""
    fee_base_qty: Amount = ZERO
    """Units of the traded coin that the venue kept as its fee; negative is a rebate."""
    ts_event: UtcTime

    @property
    def held_qty(self) -> Decimal:
        """What the holding changes by, positive: less than `qty` bought, more than `qty` sold, by a fee in coins."""
        return self.qty - self.side.sign * self.fee_base_qty


class UnmatchedFill(Value):
    """An execution under an order id of the venue's that the desk has not learnt yet: one of its orders in doubt."""

    fill: Fill
    broker_order_id: str


class Transition(Value):
    """One step of an order with its evidence."""

    state: OrderState
    evidence: Evidence
    at: UtcTime
    note: str = ""


class OrderIntent(Value):
    """What the desk decided to send: complete, and enough to send it again after a crash.

    A single instrument has one leg with ratio 1. `limit_price` is per unit of the order, in USD per share, coin or
    point of option premium; for several legs it is the net price and a negative one is a credit received.
    """

    client_order_id: str
    module: ModuleName
    strategy: str
    purpose: Purpose
    symbol: str
    legs: tuple[Leg, ...]
    side: Side
    qty: Amount
    order_type: OrderType
    limit_price: Amount | None = None
    stop_price: Amount | None = None
    time_in_force: TimeInForce = TimeInForce.DAY
    decided_at: UtcTime
    valid_until: UtcTime
    decision_px: Amount
    position_id: str
    replaces: tuple[str, ...] = ()
    """Client order ids that must be cancelled, and confirmed, before this one is sent."""
    reserved_usd: Amount = ZERO
    protect_stop: Amount | None = None
    take_profit: Amount | None = None
    max_loss_usd: Amount | None = None
    """Largest loss of one unit; None = its whole value."""
    leverage: Amount = Decimal(1)
    """Exposure of one unit as a multiple of its value."""
    greeks: Greeks | None = None
    """Of one unit; None for what is not an option."""
    annual_vol: float = 0.0
    """Of one unit's exposure; 0 = not known."""
    confidence: float = 0.0
    reason: str = ""
    by_owner: bool = False
    """Whether the owner ordered it: it is sent while the desk is HALTED."""
    features: dict[str, float] = {}
    parameters_version: int = 0


class Order(Value):
    """An intent and everything that was said of it since."""

    intent: OrderIntent
    state: OrderState = OrderState.PLANNED
    broker_order_id: str | None = None
    lease_until: UtcTime | None = None
    attempts: int = 0
    filled_qty: Amount = ZERO
    avg_px: Amount | None = None
    fees: Amount = ZERO
    fills: tuple[Fill, ...] = ()
    history: tuple[Transition, ...] = ()
    told_qty: Amount = ZERO
    """The largest filled quantity that the venue told, fills that it has not shown yet included."""
    told_px: Amount | None = None
    """The average price of `told_qty` as the venue told it."""
    told_at: UtcTime | None = None
    """When `told_qty` was first told."""
    lookups: int = 0
    """How often it was looked up in vain since it was last heard of."""
    looked_up_at: UtcTime | None = None
    raw: str = ""
    """The venue's words that could not be read, shortened."""
    updated_at: UtcTime

    @property
    def id(self) -> str:
        """The client order id."""
        return self.intent.client_order_id

    @property
    def submitted_at(self) -> datetime | None:
        """When it was last begun to be sent."""
        steps = (step.at for step in reversed(self.history) if step.evidence is Evidence.SUBMIT_STARTED)
        return next(steps, None)

    @property
    def unknown_since(self) -> datetime | None:
        """Since when nobody knows whether the venue has it; None = it is known."""
        return self.history[-1].at if self.state is OrderState.UNKNOWN and self.history else None

    @property
    def leaves_qty(self) -> Decimal:
        """What may still fill."""
        return ZERO if self.state.terminal else self.intent.qty - self.filled_qty

    @property
    def outstanding_qty(self) -> Decimal:
        """What may still fill; of an order that has ended, what the venue told as filled and has shown no fill of."""
        return max(self.told_qty - self.filled_qty, ZERO) if self.state.terminal else self.leaves_qty


def leaving(orders: Iterable[Order], position_id: str | None) -> Iterator[Order]:
    """Yield the orders that leave a position, exits and stops, ended ones too."""
    return (one for one in orders if one.intent.position_id == position_id and one.intent.purpose is not Purpose.ENTRY)


def outstanding(orders: Iterable[Order], position_id: str | None) -> list[Order]:
    """Return those that may still leave it, or have left it by the venue's word without a fill shown so far."""
    return [order for order in leaving(orders, position_id) if order.outstanding_qty > 0]


def missed_exits(orders: Iterable[Order], position_id: str) -> int:
    """Return how many exits of a position ended with something left: each makes the next one give up more."""
    ended = {OrderState.CANCELLED, OrderState.EXPIRED}
    own = leaving(orders, position_id)
    return sum(order.intent.purpose is Purpose.EXIT and order.state in ended for order in own)


def plan(intent: OrderIntent, now: datetime) -> Order:
    """Return a new order that nobody has been told of."""
    return Order(intent=intent, updated_at=now)


def apply(order: Order, evidence: Evidence, now: datetime, *, note: str = "") -> Order:
    """Return `order` after `evidence`; evidence that changes nothing returns the order itself.

    Raises
    ------
    InvalidTransitionError
        `TRANSITIONS` has no row for the pair.
    """
    target = TRANSITIONS.get((order.state, evidence))
    if target is None:
        raise InvalidTransitionError(order.id, order.state, evidence)
    if target is OrderState.WORKING and order.filled_qty > 0:
        target = OrderState.PARTIALLY_FILLED
    if target is order.state:
        return order
    step = Transition(state=target, evidence=evidence, at=now, note=note)
    return order.model_copy(update={"state": target, "history": (*order.history, step), "updated_at": now})


def filled_units(intent: OrderIntent, fills: Sequence[Fill]) -> Decimal:
    """Return how many units of the order are complete: for several legs, the least filled leg counts."""
    done = {leg.symbol: ZERO for leg in intent.legs}
    for fill in fills:
        done[fill.symbol] = done.get(fill.symbol, ZERO) + fill.qty
    return min(done[leg.symbol] / leg.ratio for leg in intent.legs)


def net_price(intent: OrderIntent, fills: Sequence[Fill]) -> Decimal | None:
    """Return the average price per unit: for several legs, bought minus sold (negative = credit received)."""
    units = filled_units(intent, fills)
    if units <= 0:
        return None
    if len(intent.legs) == 1:
        return sum((fill.qty * fill.price for fill in fills), ZERO) / units
    return sum((fill.side.sign * fill.qty * fill.price for fill in fills), ZERO) / units


def apply_fills(order: Order, fills: Sequence[Fill], now: datetime) -> Order:
    """Return `order` with the fills it did not know yet; a known trade id changes nothing."""
    known = {fill.trade_id for fill in order.fills}
    fresh = [fill for fill in fills if fill.trade_id not in known]
    if not fresh:
        return apply(order, Evidence.DUPLICATE_FILL, now)
    every = (*order.fills, *fresh)
    units = filled_units(order.intent, every)
    evidence = Evidence.FULL_FILL if units >= order.intent.qty else Evidence.PARTIAL_FILL
    update = {
        "fills": every,
        "filled_qty": units,
        "avg_px": net_price(order.intent, every),
        "fees": sum((fill.fee for fill in every), ZERO),
        "updated_at": now,
    }
    return apply(order.model_copy(update=update), evidence, now)


def client_order_id(
    module: ModuleName, *, desk: str, strategy: str, legs: Sequence[str], decided_at: datetime, attempt: int = 0
) -> str:
    """Derive the id of an order from the decision: the same decision has the same id, for ever.

    Returns
    -------
    str
        The module's first letter and 17 letters of base32, 18 in all: the tightest free-text limit (Kraken).
    """
    text = "|".join([desk, module.value, strategy, *legs, decided_at.isoformat(), str(attempt)])
    digest = base64.b32encode(hashlib.sha256(text.encode()).digest()).decode().lower()
    return module.value[0] + digest[:17]


def is_own(module: ModuleName, order_id: str) -> bool:
    """Return whether a client order id has the form of this module's; whether it is one, the store knows."""
    return len(order_id) == 18 and order_id.startswith(module.value[0])
