"""Verdicts of risk, their codes and the owner's limits. The rules are in `orchestrator.domain.rules`."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from difflib import get_close_matches
from enum import StrEnum
from typing import Annotated, Any, NamedTuple

from pydantic import Field, ValidationError, model_validator

from orchestrator.domain.base import Amount, ModuleName, Value
from orchestrator.domain.errors import ParameterOutOfBoundsError

Fraction = Annotated[Decimal, Field(ge=0, le=1)]
"""A share of something, 0 to 1."""

Multiple = Annotated[Decimal, Field(ge=0, le=10)]
"""A multiple of equity, 0 to 10."""

Usd = Annotated[Amount, Field(ge=0)]
"""US dollars, not negative."""

Seconds = Annotated[int, Field(ge=0, le=86_400)]
Orders = Annotated[int, Field(ge=0, le=10_000)]


class DeskState(StrEnum):
    """ACTIVE trades; REDUCING only lowers exposure; HALTED sends nothing but what the owner orders."""

    ACTIVE = "ACTIVE"
    REDUCING = "REDUCING"
    HALTED = "HALTED"


class DenialCode(StrEnum):
    """Why something was refused: subject, then ABOVE_MAX, BELOW_MIN or the bad condition."""

    DESK_HALTED = "DESK_HALTED"
    DESK_REDUCING = "DESK_REDUCING"
    SESSION_CLOSED = "SESSION_CLOSED"
    SYMBOL_HALTED = "SYMBOL_HALTED"
    SYMBOL_FROZEN = "SYMBOL_FROZEN"
    SYMBOL_BARRED = "SYMBOL_BARRED"
    CONFIDENCE_BELOW_MIN = "CONFIDENCE_BELOW_MIN"
    PROFIT_CHANCE_BELOW_MIN = "PROFIT_CHANCE_BELOW_MIN"
    QUOTE_MISSING = "QUOTE_MISSING"
    QUOTE_ONE_SIDED = "QUOTE_ONE_SIDED"
    QUOTE_AGE_ABOVE_MAX = "QUOTE_AGE_ABOVE_MAX"
    SPREAD_ABOVE_MAX = "SPREAD_ABOVE_MAX"
    PRICE_COLLAR_ABOVE_MAX = "PRICE_COLLAR_ABOVE_MAX"
    PEG_MISSING = "PEG_MISSING"
    PEG_DEVIATION_ABOVE_MAX = "PEG_DEVIATION_ABOVE_MAX"
    ACCOUNT_MISSING = "ACCOUNT_MISSING"
    MODULE_ALLOCATION_ABOVE_MAX = "MODULE_ALLOCATION_ABOVE_MAX"
    STRATEGY_ALLOCATION_ABOVE_MAX = "STRATEGY_ALLOCATION_ABOVE_MAX"
    SYMBOL_CONCENTRATION_ABOVE_MAX = "SYMBOL_CONCENTRATION_ABOVE_MAX"
    SECTOR_CONCENTRATION_ABOVE_MAX = "SECTOR_CONCENTRATION_ABOVE_MAX"
    GROUP_CONCENTRATION_ABOVE_MAX = "GROUP_CONCENTRATION_ABOVE_MAX"
    VENUE_EXPOSURE_ABOVE_MAX = "VENUE_EXPOSURE_ABOVE_MAX"
    GROSS_EXPOSURE_ABOVE_MAX = "GROSS_EXPOSURE_ABOVE_MAX"
    NET_EXPOSURE_ABOVE_MAX = "NET_EXPOSURE_ABOVE_MAX"
    LEVERAGE_ABOVE_MAX = "LEVERAGE_ABOVE_MAX"
    BUYING_POWER_BELOW_MIN = "BUYING_POWER_BELOW_MIN"
    DAILY_LOSS_ABOVE_MAX = "DAILY_LOSS_ABOVE_MAX"
    WEEKLY_LOSS_ABOVE_MAX = "WEEKLY_LOSS_ABOVE_MAX"
    DRAWDOWN_ABOVE_MAX = "DRAWDOWN_ABOVE_MAX"
    VAR_ABOVE_MAX = "VAR_ABOVE_MAX"
    CVAR_ABOVE_MAX = "CVAR_ABOVE_MAX"
    SHOCK_LOSS_ABOVE_MAX = "SHOCK_LOSS_ABOVE_MAX"
    DELTA_ABOVE_MAX = "DELTA_ABOVE_MAX"
    GAMMA_ABOVE_MAX = "GAMMA_ABOVE_MAX"
    VEGA_ABOVE_MAX = "VEGA_ABOVE_MAX"
    THETA_ABOVE_MAX = "THETA_ABOVE_MAX"
    GREEKS_MISSING = "GREEKS_MISSING"
    SETTLEMENT_PHYSICAL = "SETTLEMENT_PHYSICAL"
    RISK_UNDEFINED = "RISK_UNDEFINED"
    OPEN_POSITIONS_ABOVE_MAX = "OPEN_POSITIONS_ABOVE_MAX"
    ORDER_COUNT_ABOVE_MAX = "ORDER_COUNT_ABOVE_MAX"
    ORDER_RATE_ABOVE_MAX = "ORDER_RATE_ABOVE_MAX"
    ORDER_SIZE_BELOW_MIN = "ORDER_SIZE_BELOW_MIN"
    VOLUME_SHARE_ABOVE_MAX = "VOLUME_SHARE_ABOVE_MAX"
    TOUCH_SHARE_ABOVE_MAX = "TOUCH_SHARE_ABOVE_MAX"
    POSITION_DUPLICATE = "POSITION_DUPLICATE"
    POSITION_MISSING = "POSITION_MISSING"
    PROTECTION_BELOW_MIN = "PROTECTION_BELOW_MIN"
    REFUSALS_ABOVE_MAX = "REFUSALS_ABOVE_MAX"
    SYMBOL_QUARANTINED = "SYMBOL_QUARANTINED"
    SHORT_SALE = "SHORT_SALE"
    SELF_CROSS = "SELF_CROSS"
    EXECUTOR_BUSY = "EXECUTOR_BUSY"
    REQUEST_RATE_ABOVE_MAX = "REQUEST_RATE_ABOVE_MAX"
    STOP_INVALID = "STOP_INVALID"
    RULE_FAILED = "RULE_FAILED"


class Approved(NamedTuple):
    """May be sent with this many units; `binding_cap` names what limited the size."""

    qty: Decimal
    binding_cap: str


class Resized(NamedTuple):
    """May be sent with fewer units than wanted."""

    qty: Decimal
    wanted_qty: Decimal
    binding_cap: str


class Denied(NamedTuple):
    """Refused: `observed` against `limit`, both as readable numbers."""

    code: DenialCode
    limit: str
    observed: str


Verdict = Approved | Resized | Denied


class RiskLimits(Value):
    """The owner's limits (`config/risk`). Fractions and multiples are of desk equity unless said otherwise."""

    module_allocation: dict[ModuleName, Fraction] = {
        ModuleName.OPTIONS: Decimal("0.30"),
        ModuleName.CRYPTO: Decimal("0.20"),
        ModuleName.STOCKS: Decimal("0.50"),
    }
    strategy_allocation: dict[str, Fraction] = {}
    """By name of the strategy; one that is not named has `strategy_concentration`."""
    strategy_concentration: Fraction = Decimal("0.30")
    symbol_concentration: Fraction = Decimal("0.15")
    sector_concentration: Fraction = Decimal("0.40")
    group_concentration: Fraction = Decimal("0.50")
    venue_exposure: Fraction = Decimal("0.80")
    gross_exposure: Fraction = Decimal(1)
    net_exposure: Multiple = Decimal("1.5")
    """Of long less short, each at its delta; leveraged funds at their multiple."""
    leverage: Multiple = Decimal(2)
    """Of long plus short, each at its delta; leveraged funds at their multiple."""
    daily_loss: Fraction = Decimal("0.03")
    weekly_loss: Fraction = Decimal("0.06")
    drawdown_reducing: Fraction = Decimal("0.10")
    drawdown_halted: Fraction = Decimal("0.15")
    var_95: Fraction = Decimal("0.05")
    """Loss of one day that 95 days in 100 stay within, historical and parametric."""
    var_99: Fraction = Decimal("0.07")
    cvar_95: Fraction = Decimal("0.06")
    """Mean loss of the days beyond `var_95`."""
    cvar_99: Fraction = Decimal("0.09")
    shock_loss: Fraction = Decimal("0.30")
    """Loss under the worst of the stated moves of price and volatility."""
    greek_delta: Multiple = Decimal("0.50")
    """USD exposure at delta of one underlying, long or short."""
    greek_gamma: Multiple = Decimal("0.05")
    """Change of the USD delta of one underlying when it moves by 1 %."""
    greek_vega: Fraction = Decimal("0.005")
    """USD gained or lost on one underlying for one point of volatility."""
    greek_theta: Fraction = Decimal("0.002")
    """USD gained or lost on one underlying in a day without a move."""
    open_positions: Orders = 20
    orders_per_cycle: int = Field(default=20, ge=0, le=20)
    orders_per_hour: Orders = 60
    """Of one module in a clock hour (UTC); exits count and are never denied for it."""
    orders_per_day: Orders = 200
    quote_age_s: dict[ModuleName, Seconds] = {
        ModuleName.STOCKS: 900,
        ModuleName.OPTIONS: 900,
        ModuleName.CRYPTO: 300,
    }
    spread: dict[ModuleName, Fraction] = {
        ModuleName.STOCKS: Decimal("0.01"),
        ModuleName.OPTIONS: Decimal("0.50"),
        ModuleName.CRYPTO: Decimal("0.02"),
    }
    """Bid to ask of one unit, as a fraction of its decision price."""
    price_collar: dict[ModuleName, Fraction] = {
        ModuleName.STOCKS: Decimal("0.01"),
        ModuleName.OPTIONS: Decimal("0.30"),
        ModuleName.CRYPTO: Decimal("0.02"),
    }
    min_confidence: Fraction = Decimal(0)
    """Of a strategy in its signal; what is less sure is not entered."""
    volume_share: Fraction = Decimal("0.05")
    """Largest order, as a fraction of the mean volume of a bar."""
    unseen_volume_usd: Usd = Decimal(25_000)
    """Largest order in what no volume is known of, USD."""
    touch_multiple: Annotated[Decimal, Field(ge=0, le=1000)] = Decimal(100)
    """Largest order, as a multiple of the size shown at the touch; where none is shown only the volume bounds it."""
    depeg: Fraction | None = Decimal("0.02")
    """Distance of a stablecoin from 1 USD beyond which no crypto is bought; None = the owner does not look."""
    cash_settled_only: bool = False
    """Whether only options on indices that settle in cash may be opened."""
    defined_risk_only: bool = True
    """Whether a short option needs its long one, or the shares, in the same unit or book."""
    allow_short: bool = False
    """Whether shares and coins may be sold that are not held."""
    risk_per_trade: Fraction = Decimal("0.01")
    position_vol: Fraction = Decimal("0.02")
    """Annual volatility one position may add to the desk, as a fraction of equity."""
    min_order_usd: Usd = Decimal(100)
    drift_usd: Usd = Decimal(10)
    """Difference between book and venue that is shown but not told, USD by symbol, and of the cash."""
    drift_share: Fraction = Decimal("0.001")
    """The same as a fraction of what is held; the larger of the two counts."""
    auto_reduce: bool = True
    """Whether the desk cuts what has outgrown a limit, by the plan of `orchestrator.domain.reduction`."""
    auto_allocate: bool = False
    """Whether the desk itself lowers the allocation of a strategy that loses, and gives back what it took."""
    reduce_above: Annotated[Decimal, Field(ge=1, le=10)] = Decimal("1.25")
    """Multiple of a limit beyond which holdings are cut."""
    reduce_to: Fraction = Decimal(1)
    """Share of the limit that they are cut to."""
    barred: dict[str, str] = {}
    """Symbols in which nothing is opened, and why: the owner's own, and those whose bars `desk data check` refused."""
    sectors: dict[str, str] = {}
    """Sector by symbol, beside the desk's own table."""
    groups: dict[str, tuple[str, ...]] = {}
    """Symbols that move together, by name of the group, beside the desk's own."""

    @model_validator(mode="after")
    def _allocations_fit(self) -> RiskLimits:
        for name in ("module_allocation", "strategy_allocation"):
            total = sum(getattr(self, name).values())
            if total > 1:
                raise ValueError(f"{name} adds up to {total}, more than 1")
        return self

    @model_validator(mode="after")
    def _agree(self) -> RiskLimits:
        for lower, higher in _ORDERED:
            given = {lower, higher} <= self.model_fields_set
            if given and getattr(self, lower) > getattr(self, higher):
                raise ValueError(f"{lower} is {getattr(self, lower)}, above {higher}, {getattr(self, higher)}")
        return self


_ORDERED = (
    ("drawdown_reducing", "drawdown_halted"),
    ("daily_loss", "weekly_loss"),
    ("orders_per_hour", "orders_per_day"),
    ("var_95", "var_99"),
    ("cvar_95", "cvar_99"),
    ("var_95", "cvar_95"),
    ("var_99", "cvar_99"),
    ("net_exposure", "leverage"),
)
"""Limits that contradict each other when the first is above the second, where both are stated."""


def parse_limits(values: Mapping[str, Any], *, where: str) -> RiskLimits:
    """Return the limits that stored or typed values say; those not named keep their defaults.

    Raises
    ------
    ParameterOutOfBoundsError
        One line with every fault: an unknown name, a value out of bounds, allocations above 1, a contradiction.

    Examples
    --------
    >>> parse_limits({"daily_loss": "0.02"}, where="config/risk").daily_loss
    Decimal('0.02')
    """
    try:
        return RiskLimits.model_validate(dict(values))
    except ValidationError as error:
        faults = "; ".join(_fault(fault) for fault in error.errors())
        raise ParameterOutOfBoundsError(f"{where}: {faults}") from error


def _fault(fault: Any) -> str:
    """Return one fault as text; a contradiction has no single place and no single value."""
    said = str(fault["msg"]).removeprefix("Value error, ")
    place = ".".join(str(part) for part in fault["loc"] if part != "[key]")
    match fault["type"]:
        case "extra_forbidden":
            near = get_close_matches(place, RiskLimits.model_fields, n=3) or RiskLimits.model_fields
            said = f"no such limit; there is {', '.join(near)}"
        case "dict_type":
            said = "it is a table: name a row of it"
        case "decimal_type" if isinstance(fault["input"], dict):
            said = "it is one number, not a table"
    return f"{place}: {said} (is {fault['input']!r})" if place else said
