"""Verdicts of risk and their codes. The rules are in `orchestrator.domain.rules`."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import Annotated

from pydantic import Field, model_validator

from orchestrator.domain.base import Amount, ModuleName, Value

Fraction = Annotated[Decimal, Field(ge=0, le=1)]
"""A share of something, 0 to 1."""


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
    CONFIDENCE_BELOW_MIN = "CONFIDENCE_BELOW_MIN"
    QUOTE_MISSING = "QUOTE_MISSING"
    QUOTE_ONE_SIDED = "QUOTE_ONE_SIDED"
    QUOTE_AGE_ABOVE_MAX = "QUOTE_AGE_ABOVE_MAX"
    SPREAD_ABOVE_MAX = "SPREAD_ABOVE_MAX"
    PRICE_COLLAR_ABOVE_MAX = "PRICE_COLLAR_ABOVE_MAX"
    ACCOUNT_MISSING = "ACCOUNT_MISSING"
    MODULE_ALLOCATION_ABOVE_MAX = "MODULE_ALLOCATION_ABOVE_MAX"
    SYMBOL_CONCENTRATION_ABOVE_MAX = "SYMBOL_CONCENTRATION_ABOVE_MAX"
    GROSS_EXPOSURE_ABOVE_MAX = "GROSS_EXPOSURE_ABOVE_MAX"
    DAILY_LOSS_ABOVE_MAX = "DAILY_LOSS_ABOVE_MAX"
    BUYING_POWER_BELOW_MIN = "BUYING_POWER_BELOW_MIN"
    OPEN_POSITIONS_ABOVE_MAX = "OPEN_POSITIONS_ABOVE_MAX"
    ORDER_COUNT_ABOVE_MAX = "ORDER_COUNT_ABOVE_MAX"
    ORDER_SIZE_BELOW_MIN = "ORDER_SIZE_BELOW_MIN"
    POSITION_DUPLICATE = "POSITION_DUPLICATE"
    POSITION_MISSING = "POSITION_MISSING"
    PROTECTION_BELOW_MIN = "PROTECTION_BELOW_MIN"
    SYMBOL_FROZEN = "SYMBOL_FROZEN"
    SYMBOL_QUARANTINED = "SYMBOL_QUARANTINED"
    STOP_INVALID = "STOP_INVALID"
    RULE_FAILED = "RULE_FAILED"


class Approved(Value):
    """May be sent with this many units; `binding_cap` names what limited the size."""

    qty: Amount
    binding_cap: str


class Resized(Value):
    """May be sent with fewer units than wanted."""

    qty: Amount
    wanted_qty: Amount
    binding_cap: str


class Denied(Value):
    """Refused: `observed` against `limit`, both as readable numbers."""

    code: DenialCode
    limit: str
    observed: str


Verdict = Approved | Resized | Denied


class RiskLimits(Value):
    """The owner's limits (`config/risk`). Fractions are of desk equity unless said otherwise."""

    module_allocation: dict[ModuleName, Fraction] = {
        ModuleName.OPTIONS: Decimal("0.30"),
        ModuleName.CRYPTO: Decimal("0.20"),
        ModuleName.STOCKS: Decimal("0.50"),
    }
    symbol_concentration: Fraction = Decimal("0.15")
    gross_exposure: Fraction = Decimal(1)
    daily_loss: Fraction = Decimal("0.03")
    weekly_loss: Fraction = Decimal("0.06")
    drawdown_reducing: Fraction = Decimal("0.10")
    drawdown_halted: Fraction = Decimal("0.15")
    open_positions: int = Field(default=20, ge=0)
    orders_per_cycle: int = Field(default=20, ge=0, le=20)
    quote_age_s: dict[ModuleName, int] = {
        ModuleName.STOCKS: 900,
        ModuleName.OPTIONS: 900,
        ModuleName.CRYPTO: 300,
    }
    price_collar: dict[ModuleName, Fraction] = {
        ModuleName.STOCKS: Decimal("0.01"),
        ModuleName.OPTIONS: Decimal("0.30"),
        ModuleName.CRYPTO: Decimal("0.02"),
    }
    risk_per_trade: Fraction = Decimal("0.01")
    position_vol: Fraction = Decimal("0.02")
    """Annual volatility one position may add to the desk, as a fraction of equity."""
    min_order_usd: Amount = Decimal(100)
    drift_usd: Annotated[Decimal, Field(ge=0)] = Decimal(10)
    """Difference between book and venue that is shown but not told, USD by symbol, and of the cash."""
    drift_share: Fraction = Decimal("0.001")
    """The same as a fraction of what is held; the larger of the two counts."""

    @model_validator(mode="after")
    def _allocations_fit(self) -> RiskLimits:
        total = sum(self.module_allocation.values())
        if total > 1:
            raise ValueError(f"module_allocation adds up to {total}, more than 1")
        return self
