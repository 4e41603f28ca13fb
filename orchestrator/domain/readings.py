"""The desk's limits and what stands against each, in USD: one list that post-trade risk and the daily report read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal

from orchestrator.domain.base import ZERO, ModuleName, cents
from orchestrator.domain.documents import ExposureDoc
from orchestrator.domain.exposure import total_exposure, used_by
from orchestrator.domain.reports import Measure, Reading
from orchestrator.domain.risk import RiskLimits

HEADROOM = Decimal("1.10")
"""Holdings may grow this far past a limit by price alone before it counts as breached."""


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


def loss_readings(equity: Decimal, starts: Mapping[str, Decimal], limits: RiskLimits) -> list[Reading]:
    """Return the readings of the limits on losses; the drawdown stands twice, for REDUCING and for HALTED.

    Parameters
    ----------
    starts
        Equity that the losses count from: `day`, `week` and `peak`, USD.
    """
    rows = (
        ("loss of the UTC day", "day", limits.daily_loss),
        ("loss of the UTC week", "week", limits.weekly_loss),
        ("drawdown, reducing", "peak", limits.drawdown_reducing),
        ("drawdown, halted", "peak", limits.drawdown_halted),
    )
    return [
        Reading(
            name=name,
            subject="desk",
            measure=Measure.LOSS,
            limit_usd=cents(share * starts[since]),
            observed_usd=cents(max(ZERO, starts[since] - equity)),
        )
        for name, since, share in rows
    ]
