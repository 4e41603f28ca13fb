"""The documents of the desk: one model per thing that changes together, and where it lives.

JSON Schema and the dashboard's TypeScript types are generated from these models.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from orchestrator.domain.backtests import BacktestDoc
from orchestrator.domain.base import ZERO, Amount, Document, ModuleName, UtcTime, Value
from orchestrator.domain.chunks import BarChunkDoc
from orchestrator.domain.cycles import CycleDoc, CycleStatus, CycleSummary, OpportunityTrace
from orchestrator.domain.experiments import ExperimentDoc, experiment_path
from orchestrator.domain.foreign import CorporateAction, DriftTold, ForeignHolding, ForeignOrder
from orchestrator.domain.kelly import StrategyRecord
from orchestrator.domain.keys import VenueKeyDoc
from orchestrator.domain.messages import (
    AuditDoc,
    CommandDoc,
    CommandKind,
    CommandResult,
    Delivery,
    EventDoc,
    EventKind,
    NotificationDoc,
    UserDoc,
)
from orchestrator.domain.orders import Order, UnmatchedFill
from orchestrator.domain.parity import ParityDoc
from orchestrator.domain.paths import score_path
from orchestrator.domain.positions import Position, Trade
from orchestrator.domain.reports import DESK_REDUCTION, ReductionDoc, RiskReportDoc, risk_report_path
from orchestrator.domain.risk import DeskState, RiskLimits
from orchestrator.domain.scores import ScoreDoc
from orchestrator.domain.searches import TuningDoc
from orchestrator.domain.shares import ModuleExposure
from orchestrator.domain.sightings import ChainsDoc
from orchestrator.domain.trial import Trial

__all__ = [
    "DESK_REDUCTION",
    "AuditDoc",
    "BacktestDoc",
    "BarChunkDoc",
    "ChainsDoc",
    "CommandDoc",
    "CommandKind",
    "CommandResult",
    "CycleDoc",
    "CycleStatus",
    "CycleSummary",
    "Delivery",
    "Document",
    "EventDoc",
    "EventKind",
    "ExperimentDoc",
    "ModuleExposure",
    "NotificationDoc",
    "OpportunityTrace",
    "ParityDoc",
    "ReductionDoc",
    "RiskReportDoc",
    "ScoreDoc",
    "TuningDoc",
    "UserDoc",
    "VenueKeyDoc",
    "experiment_path",
    "risk_report_path",
    "score_path",
]

DESK_STATE = "desk/state"
DESK_EXPOSURE = "desk/exposure"
DESK_SUMMARY = "desk/summary"
CONFIG_RISK = "config/risk"


def book_path(module: ModuleName) -> str:
    """Return the path of a module's book."""
    return f"books/{module.value}"


def parameters_path(module: ModuleName) -> str:
    """Return the path of the parameters that trade now."""
    return f"parameters/{module.value}"


def parameters_version_path(module: ModuleName, version: int) -> str:
    """Return the path of one version of a module's parameters."""
    return f"parameters/{module.value}/versions/{version}"


def limits_version_path(version: int) -> str:
    """Return the path of one version of the owner's limits."""
    return f"config/risk/versions/{version}"


def order_path(client_order_id: str) -> str:
    """Return the path of an order."""
    return f"orders/{client_order_id}"


def cycle_path(module: ModuleName, slot: str) -> str:
    """Return the path of a cycle's decision trace."""
    return f"cycles/{module.value}_{slot}"


def trade_path(trade_id: str) -> str:
    """Return the path of a closed round trip."""
    return f"trades/{trade_id}"


def event_path(event_id: str) -> str:
    """Return the path of an event."""
    return f"events/{event_id}"


def equity_path(month: date) -> str:
    """Return the path of a month of the equity curve."""
    return f"equity/{month:%Y%m}"


class DeskStateDoc(Document):
    """`desk/state`: the brake."""

    state: DeskState = DeskState.ACTIVE
    flatten: bool = False
    """Whether everything held is to be closed; set with HALTED only, and until every book is flat."""
    by: str = "desk"
    reason: str = "initial"
    breach: str = ""
    """The loss limit that was reached: the desk resumes only once the owner has re-armed it."""
    changed_at: UtcTime


class RiskLimitsDoc(Document):
    """`config/risk`: the owner's limits; `…/versions/{n}` keeps every version."""

    limits: RiskLimits = RiskLimits()
    version: int = 0
    updated_by: str = ""
    updated_at: UtcTime


class ExposureDoc(Document):
    """`desk/exposure`: what all modules together hold and have reserved; changed by compare-and-set only."""

    modules: dict[ModuleName, ModuleExposure] = {}
    venue_equity: dict[str, Amount] = {}
    peak_equity: Amount = ZERO
    day: date | None = None
    day_start_equity: Amount = ZERO
    week: date | None = None
    """The Monday of the running week, UTC."""
    week_start_equity: Amount = ZERO
    realized_today: dict[ModuleName, Amount] = {}
    transfers: tuple[str, ...] = ()
    """Ids of the newest deposits and withdrawals that peak and start of the day have followed."""
    updated_at: UtcTime

    @property
    def equity(self) -> Decimal:
        """Desk equity in USD: the sum over venues."""
        return sum(self.venue_equity.values(), ZERO)


class AccountView(Value):
    """A venue account as last seen, USD."""

    venue: str
    cash: Amount
    equity: Amount
    buying_power: Amount
    as_of: UtcTime
    transfers: dict[str, Amount] = {}
    """The newest deposits (> 0) and withdrawals by id, USD: capital that moved, neither profit nor loss."""
    unread: bool = False
    """Whether the venue's newest answer about it made no sense: these are older figures, that pay for nothing."""


class BookDoc(Document):
    """`books/{module}`: all a module's cycle needs to know of itself; the compare-and-set lock of its cycles."""

    module: ModuleName
    last_slot: UtcTime | None = None
    last_cycle: CycleSummary | None = None
    cared_at: UtcTime | None = None
    """When the caretaker last looked after the book; it is no heartbeat of the module."""
    positions: dict[str, Position] = {}
    orders: dict[str, Order] = {}
    """Orders that are not terminal, by client order id."""
    broker_ids: dict[str, str] = {}
    """Venue order id to client order id, of recent orders: late fills find their order."""
    unmatched: tuple[UnmatchedFill, ...] = ()
    """Fills in symbols with an order in doubt, kept until the venue's id of that order is known."""
    cursors: dict[str, str] = {}
    account: AccountView | None = None
    naked: dict[str, int] = {}
    """Cycles in an open market that each unprotected position has begun so, by position id."""
    drift: dict[str, Amount] = {}
    """Venue quantity minus what the desk and others are known to hold, by symbol; only symbols that differ."""
    drift_told: dict[str, DriftTold] = {}
    drift_usd: Amount = ZERO
    """What drift and unexplained cash are worth in all, as far as a price is known, USD."""
    foreign: dict[str, ForeignHolding] = {}
    """What others hold in this module's part of the account, by symbol; never touched unless the owner adopts it."""
    foreign_orders: dict[str, ForeignOrder] = {}
    """Open orders of others, by the venue's id."""
    quarantine: dict[str, str] = {}
    """Symbols that take no new exposure until book and venue agree again, and why."""
    actions: tuple[CorporateAction, ...] = ()
    """Corporate actions of the last days."""
    cash_expected: Amount | None = None
    """The account's cash as fills, fees and activities explain it, USD; None where another module keeps it."""
    cash_drift: Amount = ZERO
    """The account's cash minus what is explained, USD."""
    realized_pnl: Amount = ZERO
    realized_day: date | None = None
    realized_today: Amount = ZERO
    fees: Amount = ZERO
    income: Amount = ZERO
    """Dividends and other cash of the venue, USD."""
    delivered: Amount = ZERO
    """USD moved by the delivery of shares at exercise and assignment; paid is negative."""
    trades: int = 0
    records: dict[str, StrategyRecord] = {}
    """The closed trades of each strategy in numbers: what sizing by Kelly rests on."""
    seen_events: tuple[str, ...] = ()
    """Ids of the newest cash events of the venue that were booked."""
    seen_fills: tuple[str, ...] = ()
    """Short hashes of the newest trade ids of the whole account: each moves cash once."""
    parameters: dict[str, Any] = {}
    """The last good parameters and their version: what trades while the stored ones are unusable."""
    parameters_version: int = 0
    order_hours: dict[str, int] = {}
    """Orders committed in each clock hour (UTC, `2026-07-16T14`) of the last day."""
    limits: dict[str, Any] = {}
    """The last good limits as stored: what holds while `config/risk` is unusable."""
    kept_at: UtcTime | None = None
    """When the chains that the module sees were last kept."""
    memory: dict[str, str] = {}
    """What pure decisions may carry to the next cycle, as strings."""
    trial: Trial | None = None
    """What the experiment that runs has come to so far."""
    updated_at: UtcTime


class OrderDoc(Document):
    """`orders/{client_order_id}`: an order, complete."""

    order: Order
    module: ModuleName
    symbol: str
    state: str
    terminal: bool
    created_at: UtcTime
    updated_at: UtcTime


class TradeDoc(Document):
    """`trades/{id}`: a closed round trip."""

    trade: Trade
    module: ModuleName
    strategy: str
    closed_at: UtcTime


class ParametersDoc(Document):
    """`parameters/{module}`: what trades now; `…/versions/{n}` holds every version with its provenance."""

    module: ModuleName
    version: int
    values: dict[str, Any]
    activated_at: UtcTime
    activated_by: str
    provenance: dict[str, Any] = {}


class ModuleSummary(Value):
    """One module on the first screen; money in USD."""

    realized_pnl: Amount = ZERO
    unrealized_pnl: Amount = ZERO
    realized_today: Amount = ZERO
    fees: Amount = ZERO
    exposure: Amount = ZERO
    allocation_limit: Amount = ZERO
    open_positions: int = 0
    working_orders: int = 0
    unknown_orders: int = 0
    trades: int = 0
    drift: int = 0
    """Number of symbols on which book and venue differ."""
    drift_usd: Amount = ZERO
    """What they differ by, as far as its worth is known, and unexplained cash."""
    naked: int = 0
    """Positions without protection for longer than is allowed."""
    quarantined: int = 0
    """Symbols that take no new exposure until book and venue agree again."""
    foreign: int = 0
    """Holdings and open orders in its part of the account that are not the desk's; they make nothing unhealthy."""
    last_slot: UtcTime | None = None
    last_status: CycleStatus | None = None
    healthy: bool = True
    note: str = ""


class SummaryDoc(Document):
    """`desk/summary`: what the first screen shows."""

    equity: Amount
    day_pnl: Amount = ZERO
    peak_equity: Amount
    drawdown: float = 0.0
    drift_usd: Amount = ZERO
    """What books and venues differ by, unexplained cash included, as far as its worth is known."""
    state: DeskState
    modules: dict[ModuleName, ModuleSummary] = {}
    market: str = ""
    """Name of the market; a local synthetic one says so."""
    synthetic: bool = False
    updated_at: UtcTime


class MarketDoc(Document):
    """`config/market`: what the desk trades on, where it is not the real market."""

    name: str = ""
    synthetic: bool = False


class EquityPoint(Value):
    """Equity of the desk and P&L (realized + unrealized) of each module, USD."""

    at: UtcTime
    equity: Amount
    pnl: dict[ModuleName, Amount] = {}


class EquityDoc(Document):
    """`equity/{yyyymm}`: a month of the equity curve, oldest first."""

    month: str
    points: tuple[EquityPoint, ...] = ()
