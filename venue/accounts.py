"""The books of one account: cash, positions, fills, activities, open orders. Every amount is a Decimal.

Applies what it is told; whether an order may be taken is `venue.acceptance`, at what price it trades `venue.matching`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

from orchestrator.domain.venues import PROFILES, VenueProfile
from venue.feed import AssetKind
from venue.ids import activity_id, uuid_of
from venue.occ import MULTIPLIER, Contract, parse
from venue.orders import ZERO, Fill, Order, Refusal, RefusedError, Side

ALPACA = "alpaca"
KRAKEN = "kraken"


@dataclass(frozen=True, slots=True)
class AccountSpec:
    """An account to open: name, broker whose API it speaks, starting cash in USD, API key that selects it, rules.

    `profile` is the venue whose rules hold for ids, look-ups and fees, under that API; None is the broker's own.
    """

    name: str
    broker: str
    cash: Decimal
    key: str = ""
    profile: VenueProfile | None = None

    @property
    def rules(self) -> VenueProfile:
        """Return the profile whose rules hold."""
        return self.profile if self.profile is not None else PROFILES[self.broker]


def rules_of(broker: str, name: str) -> VenueProfile:
    """Return the profile of that name for an account that speaks a broker's API.

    Raises
    ------
    RefusedError
        There is none, or the API cannot carry it: Alpaca's carries Alpaca's rules only, Kraken's every exchange's.
    """
    exchanges = [one.name for one in PROFILES.values() if one.takes_orders and one.name != ALPACA]
    possible = [ALPACA] if broker == ALPACA else exchanges
    if name not in possible:
        text = f"profile {name!r} for an account of {broker}: one of {', '.join(possible)}"
        raise RefusedError(Refusal.BAD_REQUEST, text)
    return PROFILES[name]


DEFAULT_ACCOUNTS = (
    AccountSpec(ALPACA, ALPACA, Decimal(80_000)),
    AccountSpec(KRAKEN, KRAKEN, Decimal(20_000)),
)


@dataclass(slots=True)
class Position:
    """Holding in one symbol; `qty` is negative for a short one, `avg_price` is per share or coin."""

    symbol: str
    kind: AssetKind
    qty: Decimal = ZERO
    avg_price: Decimal = ZERO
    realized: Decimal = ZERO

    @property
    def multiplier(self) -> int:
        """Return shares per contract, 1 for what is not an option."""
        return MULTIPLIER if self.kind is AssetKind.OPTION else 1

    @property
    def cost(self) -> Decimal:
        """Return what the holding cost in USD, negative for a short one."""
        return self.qty * self.avg_price * self.multiplier

    def trade(self, qty: Decimal, price: Decimal) -> None:
        """Add a signed quantity at a price; what closes realises profit or loss, what opens moves the average."""
        closing = min(abs(qty), abs(self.qty)) if self.qty * qty < 0 else ZERO
        if closing:
            direction = 1 if self.qty > 0 else -1
            self.realized += direction * closing * (price - self.avg_price) * self.multiplier
        opening = abs(qty) - closing
        held = self.qty + qty
        if opening:
            kept = abs(self.qty) - closing
            self.avg_price = (kept * self.avg_price + opening * price) / (kept + opening)
        self.qty = held
        if not held:
            self.avg_price = ZERO


@dataclass(frozen=True, slots=True)
class Activity:
    """An entry of the account's history; `fields` are strings as the trading API shows them."""

    id: str
    type: str
    ts: datetime
    fields: dict[str, str]


@dataclass(slots=True)
class Account:
    """Books of one account."""

    spec: AccountSpec
    opened: datetime
    cash: Decimal = ZERO
    positions: dict[str, Position] = field(default_factory=dict)
    fills: list[Fill] = field(default_factory=list)
    activities: list[Activity] = field(default_factory=list)
    orders: dict[str, Order] = field(default_factory=dict)
    open: dict[str, Order] = field(default_factory=dict)
    client_ids: dict[str, list[Order]] = field(default_factory=dict)
    last_equity: Decimal = ZERO
    last_prices: dict[str, Decimal] = field(default_factory=dict)
    rules: VenueProfile = field(init=False)

    def __post_init__(self) -> None:
        self.cash = self.spec.cash
        self.last_equity = self.spec.cash
        self.rules = self.spec.rules

    @property
    def name(self) -> str:
        """Return the account's name."""
        return self.spec.name

    def position(self, symbol: str, kind: AssetKind) -> Position:
        """Return the position in a symbol, made flat if there is none."""
        if symbol not in self.positions:
            self.positions[symbol] = Position(symbol, kind)
        return self.positions[symbol]

    def qty(self, symbol: str) -> Decimal:
        """Return the signed quantity held."""
        position = self.positions.get(symbol)
        return position.qty if position is not None else ZERO

    def held(self) -> list[Position]:
        """Return the positions that are not flat, by symbol."""
        return [self.positions[s] for s in sorted(self.positions) if self.positions[s].qty]

    def options(self) -> list[tuple[Contract, Decimal]]:
        """Return the option contracts held with their signed quantities."""
        found = [(parse(p.symbol), p.qty) for p in self.positions.values() if p.kind is AssetKind.OPTION and p.qty]
        return [(contract, qty) for contract, qty in found if contract is not None]

    def shares(self) -> dict[str, Decimal]:
        """Return the shares held, by symbol."""
        return {p.symbol: p.qty for p in self.positions.values() if p.kind is AssetKind.STOCK and p.qty}

    def reserved(self) -> Decimal:
        """Return the cash in USD that open orders have set aside."""
        return sum((o.reserve * o.leaves_qty for o in self.open.values() if o.reserve), ZERO)

    def held_for_orders(self, symbol: str) -> Decimal:
        """Return the quantity that open closing orders hold back; a group of exits holds it once."""
        groups: dict[str, Decimal] = {}
        for order in self.open.values():
            if order.live_since is None or order.is_mleg:
                continue
            if order.symbol == symbol and self._closes(order):
                key = min([order.id, *(other.id for other in order.exits())])
                groups[key] = max(groups.get(key, ZERO), order.leaves_qty)
        return sum(groups.values(), ZERO)

    def _closes(self, order: Order) -> bool:
        if order.intent is not None:
            return not order.intent.opens
        return order.side is Side.SELL

    def book(self, fill: Fill) -> None:
        """Enter an execution: cash, position, history."""
        self.cash += fill.cash
        self.position(fill.symbol, fill.kind).trade(fill.side.sign * fill.qty - fill.fee_coins, fill.price)
        self.fills.append(fill)

    def enter(self, kind: str, ts: datetime, day: date, *, cash: Decimal = ZERO, **fields: object) -> Activity:
        """Move cash for something that is not an execution, and write the activity down."""
        self.cash += cash
        values = {name: str(value) for name, value in fields.items()}
        body = {"date": day.isoformat(), "net_amount": f"{cash:f}", "status": "executed", **values}
        return self.note(kind, ts, body)

    def note(self, kind: str, ts: datetime, fields: dict[str, str]) -> Activity:
        """Write an activity down."""
        number = len(self.activities)
        activity = Activity(activity_id(ts, self.name, kind, number), kind, ts, fields)
        self.activities.append(activity)
        return activity

    @property
    def id(self) -> str:
        """Return the account's UUID."""
        return uuid_of("account", self.name)
