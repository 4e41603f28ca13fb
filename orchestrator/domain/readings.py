"""The desk's limits and what stands against each, in USD: one list that post-trade risk and the daily report read."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from enum import StrEnum

from orchestrator.domain.base import ZERO, Amount, ModuleName, Value, cents
from orchestrator.domain.documents import ExposureDoc
from orchestrator.domain.exposure import total_exposure, used_by
from orchestrator.domain.risk import RiskLimits

HEADROOM = Decimal("1.10")
"""Holdings may grow this far past a limit by price alone before it counts as breached."""


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


def exposure_readings(exposure: ExposureDoc, limits: RiskLimits) -> list[Reading]:
    """Return the readings of the limits on what is held and reserved; none while equity is unknown."""
    equity = exposure.equity
    if equity <= 0:
        return []
    return [
        Reading(
            name=name,
            subject=subject,
            measure=Measure.EXPOSURE,
            limit_usd=cents(share * equity),
            observed_usd=cents(observed),
        )
        for name, subject, share, observed in _shares(exposure, limits)
    ]


def _shares(exposure: ExposureDoc, limits: RiskLimits) -> Iterator[tuple[str, str, Decimal, Decimal]]:
    yield "gross exposure", "desk", limits.gross_exposure, total_exposure(exposure)
    for module in ModuleName:
        yield "module allocation", module.value, limits.module_allocation.get(module, ZERO), used_by(exposure, module)
    for symbol, usd in sorted(by_symbol(exposure).items()):
        yield "symbol concentration", symbol, limits.symbol_concentration, usd


def by_symbol(exposure: ExposureDoc) -> dict[str, Decimal]:
    """Return what all modules hold and have reserved by symbol, USD."""
    found: dict[str, Decimal] = {}
    for share in exposure.modules.values():
        for symbol, usd in share.symbols.items():
            found[symbol] = found.get(symbol, ZERO) + usd
    return found


def loss_readings(exposure: ExposureDoc, limits: RiskLimits) -> list[Reading]:
    """Return the readings of the limits on losses; `drawdown` stands twice, for REDUCING and for HALTED."""
    rows = (
        ("loss of the UTC day", exposure.day_start_equity, limits.daily_loss),
        ("loss of the UTC week", exposure.week_start_equity, limits.weekly_loss),
        ("drawdown, reducing", exposure.peak_equity, limits.drawdown_reducing),
        ("drawdown, halted", exposure.peak_equity, limits.drawdown_halted),
    )
    return [
        Reading(
            name=name,
            subject="desk",
            measure=Measure.LOSS,
            limit_usd=cents(share * start),
            observed_usd=cents(max(ZERO, start - exposure.equity)),
        )
        for name, start, share in rows
        if start > 0
    ]
