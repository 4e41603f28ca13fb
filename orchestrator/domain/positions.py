"""What a module holds: positions made of legs, changed by fills only, and the trades they end as."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from orchestrator.domain.base import ZERO, Amount, ModuleName, UtcTime, Value, floor_to
from orchestrator.domain.greeks import Greeks
from orchestrator.domain.orders import Fill, Leg, Order, OrderIntent, Purpose, Side

_ONE = Decimal(1)


class PositionLeg(Value):
    """One symbol of a position. `qty` is signed (short negative), `avg_px` the average entry price."""

    symbol: str
    qty: Amount
    avg_px: Amount
    multiplier: Amount = Decimal(1)
    mark_px: Amount | None = None

    @property
    def market_value(self) -> Decimal:
        """Signed value in USD at the mark, at the entry price while there is no mark."""
        return self.qty * self.multiplier * (self.avg_px if self.mark_px is None else self.mark_px)

    @property
    def cost(self) -> Decimal:
        """Signed USD paid for it."""
        return self.qty * self.multiplier * self.avg_px


class Position(Value):
    """An open position; its id is the client order id of the order that opened it."""

    id: str
    module: ModuleName
    strategy: str
    symbol: str
    side: Side = Side.BUY
    legs: tuple[PositionLeg, ...]
    opened_at: UtcTime
    entry_px: Amount
    decision_px: Amount
    stop_price: Amount | None = None
    take_profit: Amount | None = None
    high_water_px: Amount | None = None
    raised_stop: Amount | None = None
    """Highest stop that was ever in force; it never falls. `stop_price` stays the one set at entry."""
    max_loss_usd: Amount | None = None
    """Largest loss of one unit; None = its whole value."""
    leverage: Amount = Decimal(1)
    greeks: Greeks | None = None
    """Of one unit, as last calculated; None for what is not an option."""
    annual_vol: float = 0.0
    """Of its exposure, expected at entry; 0 = not known."""
    realized_pnl: Amount = ZERO
    fees: Amount = ZERO
    exit_value: Amount = ZERO
    exit_qty: Amount = ZERO
    confidence: float = 0.0
    features: dict[str, float] = {}
    parameters_version: int = 0
    protective_order_id: str | None = None

    @property
    def units(self) -> Decimal:
        """How many units are held: shares, coins or spreads (never negative); of a leg left alone, its own."""
        return min((abs(leg.qty) for leg in self.legs if leg.qty != 0), default=ZERO)

    def units_of(self, legs: Sequence[Leg]) -> Decimal:
        """Return how many units an order of these legs finds held; a leg that is not there finds none."""
        held = {leg.symbol: abs(leg.qty) for leg in self.legs}
        return min((held.get(leg.symbol, ZERO) / leg.ratio for leg in legs), default=ZERO)

    @property
    def entered_units(self) -> Decimal:
        """How many units were ever entered: those held and those left."""
        return self.units + self.exit_qty

    @property
    def flat(self) -> bool:
        """Whether nothing is left."""
        return all(leg.qty == 0 for leg in self.legs)

    @property
    def market_value(self) -> Decimal:
        """Signed value in USD of all legs."""
        if len(self.legs) == 1:
            return self.legs[0].market_value
        return sum((leg.market_value for leg in self.legs), ZERO)

    @property
    def gross_exposure(self) -> Decimal:
        """USD counted against limits: the defined maximum loss where there is one, else value times leverage."""
        if self.max_loss_usd is not None:
            return self.max_loss_usd * self.units
        return abs(self.market_value) * self.leverage

    @property
    def unrealized_pnl(self) -> Decimal:
        """USD gained since entry on what is still held, fees not counted."""
        return self.market_value - sum((leg.cost for leg in self.legs), ZERO)


def whole_units(position: Position, units: Decimal) -> Decimal:
    """Return how many of `units` an order may be for that rests or ends at once: whole shares and contracts.

    Part of a share trades at the market only, in an order of the day; the desk buys none, but takes over what the owner
    has it adopt and what a split leaves. Coins are held in parts, and trade so.

    References
    ----------
    Alpaca, Fractional Trading: "fractional orders must be DAY orders".
    """
    return units if position.module is ModuleName.CRYPTO else floor_to(units, _ONE)


def unit_risk_usd(position: Position) -> Decimal:
    """Return the USD that one unit was to lose at its stop, at most its defined maximum; else its whole value at entry.

    Returns
    -------
    Decimal
        0 or less when the levels make no sense.
    """
    losses = [] if position.max_loss_usd is None else [position.max_loss_usd]
    multiplier = position.legs[0].multiplier
    if position.stop_price is not None:
        losses.append(position.side.sign * (position.decision_px - position.stop_price) * multiplier)
    return min(losses, default=abs(position.entry_px) * multiplier)


class Trade(Value):
    """A closed round trip. Prices are per unit, `realized_pnl` is after fees; slippage > 0 is a cost."""

    id: str
    module: ModuleName
    strategy: str
    symbol: str
    qty: Amount
    entry_px: Amount
    exit_px: Amount
    opened_at: UtcTime
    closed_at: UtcTime
    realized_pnl: Amount
    fees: Amount
    entry_slippage_bps: float
    exit_reason: str
    confidence: float
    features: dict[str, float]
    parameters_version: int


def open_position(intent: OrderIntent, now: datetime) -> Position:
    """Return an empty position for an entry, to be filled by `fill_position`."""
    return Position(
        id=intent.position_id,
        module=intent.module,
        strategy=intent.strategy,
        symbol=intent.symbol,
        side=intent.side,
        legs=tuple(
            PositionLeg(symbol=leg.symbol, qty=ZERO, avg_px=ZERO, multiplier=leg.multiplier) for leg in intent.legs
        ),
        opened_at=now,
        entry_px=intent.decision_px,
        decision_px=intent.decision_px,
        stop_price=intent.protect_stop,
        take_profit=intent.take_profit,
        max_loss_usd=intent.max_loss_usd,
        leverage=intent.leverage,
        greeks=intent.greeks,
        annual_vol=intent.annual_vol,
        confidence=intent.confidence,
        features=intent.features,
        parameters_version=intent.parameters_version,
    )


def _fill_leg(leg: PositionLeg, fill: Fill) -> tuple[PositionLeg, Decimal]:
    """Return the leg after a fill and the USD realized by it (average cost); a fee in coins changes what is held."""
    signed = fill.side.sign * fill.held_qty
    after = leg.qty + signed
    if leg.qty == 0 or (leg.qty > 0) == (signed > 0):
        cost = leg.avg_px * abs(leg.qty) + fill.price * fill.held_qty
        return leg.model_copy(update={"qty": after, "avg_px": cost / abs(after), "mark_px": fill.price}), ZERO
    closed = min(abs(signed), abs(leg.qty))
    direction = 1 if leg.qty > 0 else -1
    realized = direction * closed * (fill.price - leg.avg_px) * leg.multiplier
    avg_px = leg.avg_px if after == 0 or (after > 0) == (leg.qty > 0) else fill.price
    return leg.model_copy(update={"qty": after, "avg_px": avg_px, "mark_px": fill.price}), realized


def fill_position(position: Position, fill: Fill) -> Position:
    """Return the position after one fill of one of its legs; average cost, fees added up."""
    legs, realized = [], ZERO
    for leg in position.legs:
        changed, gained = _fill_leg(leg, fill) if leg.symbol == fill.symbol else (leg, ZERO)
        legs.append(changed)
        realized += gained
    return position.model_copy(
        update={
            "legs": tuple(legs),
            "realized_pnl": position.realized_pnl + realized,
            "fees": position.fees + fill.fee,
        }
    )


def marked(position: Position, marks: Mapping[str, Decimal], *, vague: Collection[str] = ()) -> Position:
    """Return the position with newer marks (USD per unit of underlying); a symbol without one keeps its last.

    A mark of a symbol in `vague` is the best known and still no price that was reached: it moves no high.
    """
    legs = tuple(leg.model_copy(update={"mark_px": marks.get(leg.symbol, leg.mark_px)}) for leg in position.legs)
    high = position.high_water_px
    if len(legs) == 1 and legs[0].mark_px is not None and legs[0].symbol not in vague:
        high = legs[0].mark_px if high is None else max(high, legs[0].mark_px)
    return position.model_copy(update={"legs": legs, "high_water_px": high})


def with_raised_stop(position: Position, stop: Decimal) -> Position:
    """Return the position with its stop risen to `stop`; a lower one changes nothing."""
    known = [level for level in (position.stop_price, position.raised_stop) if level is not None]
    if position.side is Side.SELL or stop <= max(known, default=ZERO):
        return position
    return position.model_copy(update={"raised_stop": stop})


def entry_basis(position: Position, order: Order) -> Position:
    """Return the position with the price it was really entered at, from the entry order's average."""
    if order.intent.purpose is not Purpose.ENTRY or order.avg_px is None:
        return position
    return position.model_copy(update={"entry_px": order.avg_px})


def entry_slippage_bps(position: Position) -> float:
    """Return how much worse than the decision price the entry was, in basis points of the decision price."""
    if position.decision_px == 0:
        return 0.0
    return float(position.side.sign * (position.entry_px - position.decision_px) / abs(position.decision_px) * 10_000)


def closed_trade(position: Position, *, exit_reason: str, now: datetime) -> Trade:
    """Return the round trip of a position that has become flat."""
    exit_px = position.exit_value / position.exit_qty if position.exit_qty else ZERO
    return Trade(
        id=position.id,
        module=position.module,
        strategy=position.strategy,
        symbol=position.symbol,
        qty=position.exit_qty,
        entry_px=position.entry_px,
        exit_px=exit_px,
        opened_at=position.opened_at,
        closed_at=now,
        realized_pnl=position.realized_pnl - position.fees,
        fees=position.fees,
        entry_slippage_bps=entry_slippage_bps(position),
        exit_reason=exit_reason,
        confidence=position.confidence,
        features=position.features,
        parameters_version=position.parameters_version,
    )
