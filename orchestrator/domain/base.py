"""What all domain values share: immutability, exact decimals, UTC times."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, Decimal
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

ZERO = Decimal(0)
CENT = Decimal("0.01")


def _utc(value: datetime) -> datetime:
    if value.tzinfo is None:
        raise ValueError("must carry a time zone")
    return value if value.tzinfo is UTC else value.astimezone(UTC)


Amount = Decimal
"""Money, price or quantity; pydantic refuses a Decimal that is not finite, without being asked to."""

UtcTime = Annotated[datetime, AfterValidator(_utc)]
"""A point in time, kept in UTC; a naive datetime is refused."""


class Value(BaseModel):
    """An immutable value; unknown fields are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Document(BaseModel):
    """Base of all stored documents; unknown fields are kept out, the schema number is always there."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    schema_version: int = Field(default=1, alias="schema")


class ModuleName(StrEnum):
    """The three trading modules."""

    STOCKS = "stocks"
    OPTIONS = "options"
    CRYPTO = "crypto"


def floor_to(value: Decimal, step: Decimal) -> Decimal:
    """Round `value` toward zero to a multiple of `step` (a positive lot or tick size)."""
    return (value / step).to_integral_value(rounding=ROUND_DOWN) * step


def nearest(value: Decimal, step: Decimal) -> Decimal:
    """Round `value` half-even to a multiple of `step` (a positive tick size)."""
    return (value / step).to_integral_value(rounding=ROUND_HALF_EVEN) * step


def cents(value: Decimal) -> Decimal:
    """Round USD to the cent, half-even."""
    return value.quantize(CENT, rounding=ROUND_HALF_EVEN)


def slot_id(slot: datetime) -> str:
    """Return the name of a scheduler slot: UTC, `20260716T133000Z`."""
    return slot.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")


def utc_day(moment: datetime) -> date:
    """Return the UTC calendar day of `moment`."""
    return moment.astimezone(UTC).date()
