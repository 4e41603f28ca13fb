"""What the desk writes about its own risk: outgrown limits with the plan against them, and the report of each day."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Literal

from orchestrator.domain.base import ZERO, Amount, Document, ModuleName, UtcTime, Value
from orchestrator.domain.reduction import Breach, Cut
from orchestrator.domain.risk import DeskState

DESK_REDUCTION = "desk/reduction"


def risk_report_path(day: date) -> str:
    """Return the path of the risk report of a UTC day."""
    return f"risk_reports/{day:%Y%m%d}"


class Measure(StrEnum):
    """What kind of thing a limit bounds."""

    EXPOSURE = "exposure"
    LOSS = "loss"
    TAIL = "tail"


class Reading(Value):
    """A limit and what stands against it, USD."""

    name: str
    subject: str
    measure: Measure
    limit_usd: Amount
    observed_usd: Amount

    @property
    def key(self) -> str:
        """Which limit of what; a stable name."""
        return f"{self.name}: {self.subject}"

    @property
    def over(self) -> Decimal:
        """How far the limit is used: 1 is all of it. A limit of nothing is used up by anything."""
        if self.observed_usd <= 0:
            return ZERO
        return self.observed_usd / self.limit_usd if self.limit_usd > 0 else Decimal("Infinity")


class ReductionDoc(Document):
    """`desk/reduction`: limits that holdings have grown past, and the plan that cuts them back."""

    breaches: dict[str, Breach] = {}
    """By what they limit; kept until the holdings are back under the limit itself."""
    number: int = 0
    """Of the newest plan; each is made once and carried out once."""
    cuts: tuple[Cut, ...] = ()
    planned_at: UtcTime | None = None


class PeriodPnl(Value):
    """What was gained in the UTC day and the UTC week, realized and not, after fees. USD."""

    day: Amount = ZERO
    week: Amount = ZERO


class TailRow(Value):
    """What may be lost in a day at one confidence, USD."""

    method: Literal["historical", "parametric"]
    level: float
    var_usd: Amount
    cvar_usd: Amount


class ShockRow(Value):
    """What would be lost if every price and every volatility moved so, USD; a gain is negative."""

    move: float
    """Relative change of prices."""
    vol_points: float
    """Change of volatilities in points of 0.01."""
    loss_usd: Amount


class UnderlyingRow(Value):
    """Sensitivities to one underlying, USD; see `orchestrator.domain.greeks`."""

    underlying: str
    delta_usd: Amount
    gamma_usd: Amount = ZERO
    vega_usd: Amount = ZERO
    theta_usd: Amount = ZERO


QuestionKind = Literal["unknown", "drift", "naked", "quarantine", "foreign"]


class OpenQuestion(Value):
    """Something that does not agree and that somebody may have to look at."""

    kind: QuestionKind
    module: ModuleName
    subject: str
    """Order, symbol or position."""
    text: str


class StateChange(Value):
    """A change of the brake."""

    at: UtcTime
    to: str
    by: str
    text: str


class DayActivity(Value):
    """What was done in the day, counted once it is over."""

    orders: dict[str, int] = {}
    """Orders decided in the day, by their state."""
    fills: int = 0
    denials: dict[str, int] = {}
    """Refused opportunities by code."""
    changes: tuple[StateChange, ...] = ()


class RiskReportDoc(Document):
    """`risk_reports/{yyyymmdd}`: the risk of a UTC day; brought up to date during the day, `final` after it."""

    day: date
    final: bool = False
    state: DeskState
    equity: Amount
    peak_equity: Amount
    drawdown: float = 0.0
    pnl: PeriodPnl = PeriodPnl()
    modules: dict[ModuleName, PeriodPnl] = {}
    limits: tuple[Reading, ...] = ()
    tails: tuple[TailRow, ...] = ()
    """Empty while there is too little history to say."""
    shocks: tuple[ShockRow, ...] = ()
    underlyings: tuple[UnderlyingRow, ...] = ()
    breaches: dict[str, Breach] = {}
    questions: tuple[OpenQuestion, ...] = ()
    activity: DayActivity | None = None
    as_of: UtcTime
    """When the desk was looked at."""
