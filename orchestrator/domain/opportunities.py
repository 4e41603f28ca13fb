"""What a module wants: opportunities to enter, decisions to leave; both still without a size."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum

from orchestrator.domain.base import ZERO, Amount, ModuleName, UtcTime, Value
from orchestrator.domain.greeks import Greeks
from orchestrator.domain.instruments import Instrument
from orchestrator.domain.kelly import SizingRules
from orchestrator.domain.orders import Leg, OrderType, Purpose, Side, TimeInForce

_ONE = Decimal(1)


class ExitReason(StrEnum):
    """Why a position is left."""

    STOP = "stop"
    TARGET = "target"
    SIGNAL = "signal"
    TIME = "time"
    EXPIRY_WINDOW = "expiry_window"
    OWNER = "owner"
    REDUCTION = "reduction"


class TradeOpportunity(Value):
    """One thing a module would like to do at `decided_at`, priced but not sized.

    Parameters
    ----------
    symbol
        What positions and limits are kept by: the stock, the pair, the underlying of an option structure.
    legs
        One leg for a single instrument; for a structure the legs of one unit. `side` BUY means "open the unit as
        the legs say"; an exit carries the reversed legs.
    decision_px
        USD per unit at the moment of decision (mid); net for several legs, negative = credit.
    limit_px
        Worst price accepted, per unit, same sign convention. None = market order.
    stop_price, take_profit
        Protective levels, in the price of `symbol` (single leg) or the net price of the structure.
    max_loss_usd
        Largest loss of one unit including multiplier (defined-risk structures), None = the full notional.
    notional_usd
        Exposure of one unit in USD, counted against limits; positive.
    annual_vol
        Expected volatility of one unit's notional, fraction per year; used for sizing. Positive.
    """

    module: ModuleName
    strategy: str
    purpose: Purpose
    symbol: str
    instrument: Instrument
    side: Side
    legs: tuple[Leg, ...]
    decided_at: UtcTime
    decision_px: Amount
    limit_px: Amount | None = None
    order_type: OrderType = OrderType.LIMIT
    time_in_force: TimeInForce = TimeInForce.DAY
    notional_usd: Amount
    max_loss_usd: Amount | None = None
    annual_vol: float = 0.2
    greeks: Greeks | None = None
    """Of one unit, USD; an option without them is denied."""
    stop_price: Amount | None = None
    take_profit: Amount | None = None
    confidence: float
    reason: str
    features: dict[str, float] = {}
    position_id: str | None = None
    qty: Amount | None = None
    """Units to leave; only exits and protective orders carry it."""
    replaces: tuple[str, ...] = ()
    """Client order ids of the position's resting orders; they are cancelled, confirmed, before this one is sent."""
    quote_ts: UtcTime | None = None
    """Age of the oldest quote it was priced with; None is treated as stale."""
    spread: Amount | None = None
    """Ask less bid of one unit, USD in the price's own unit; None = not known, and denied."""
    two_sided: bool = False
    """Whether every leg had a usable bid and ask."""
    max_qty: Amount | None = None
    """Units available at the touch by the stated participation; None = no statement."""
    by_owner: bool = False
    """Whether the owner ordered it: it passes while the desk is HALTED."""
    relative_chance: float | None = None
    """Probability of a profit over that of all trades, by a model that has proved itself; None = none was asked."""
    max_notional_usd: Amount | None = None
    """Largest exposure the strategy wants in it, USD; None = whatever the limits allow."""
    sizing: SizingRules = SizingRules()
    """How the strategy wants it sized, before any limit."""
    parameters_version: int = 0
    """Of the challenger where it decided; 0 = what the cycle trades with."""

    @property
    def worst_notional_usd(self) -> Decimal:
        """Exposure of one unit at the worst price it may be bought at: what is reserved.

        A defined maximum loss is stated at that price already; so is what is sold.
        """
        if self.max_loss_usd is not None or self.limit_px is None or self.side is Side.SELL or self.decision_px <= ZERO:
            return self.notional_usd
        return self.notional_usd * max(self.limit_px / self.decision_px, _ONE)
