"""The desk's limits and what stands against each, in USD: one list that post-trade risk and the daily report read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from decimal import Decimal

from orchestrator.domain.base import ZERO, ModuleName, cents
from orchestrator.domain.documents import BookDoc, ExposureDoc
from orchestrator.domain.reports import Measure, Reading, ShockRow, TailRow, UnderlyingRow
from orchestrator.domain.risk import RiskLimits
from orchestrator.domain.stakes import SHOCK_MOVES, SHOCK_VOL_POINTS
from orchestrator.domain.standing import Standing, standing_of
from orchestrator.domain.var import LEVELS, Tail, historical, parametric

HEADROOM = Decimal("1.10")
"""Holdings may grow this far past a limit by price alone before it counts as breached."""

DESK = "desk"
"""The subject of a limit on the whole desk."""

MOST_UNDERLYINGS = 30

_GREEKS = (
    ("delta", "greek_delta", "delta_usd", 1.0),
    ("gamma", "greek_gamma", "gamma_usd", 0.01),
    ("vega", "greek_vega", "vega_usd", 1.0),
    ("theta", "greek_theta", "theta_usd", 1.0),
)
"""Name, limit, field, and what the field is multiplied by before it is compared."""


def desk_standing(exposure: ExposureDoc, limits: RiskLimits) -> Standing:
    """Return the sums over all modules; what is one book's own in them is nobody's."""
    nobody = BookDoc(module=ModuleName.STOCKS, updated_at=exposure.updated_at)
    return standing_of(nobody, exposure, limits)


def exposure_readings(standing: Standing, limits: RiskLimits) -> list[Reading]:
    """Return the readings of the limits on what is held and reserved; none while equity is unknown."""
    if standing.equity <= 0:
        return []
    return [
        Reading(
            name=name,
            subject=subject,
            measure=Measure.EXPOSURE,
            limit_usd=cents(share * standing.equity),
            observed_usd=cents(observed),
        )
        for part in (_of_desk, _of_parts, _of_underlyings)
        for name, subject, share, observed in part(standing, limits)
    ]


def _of_desk(s: Standing, limits: RiskLimits) -> Iterator[tuple[str, str, Decimal, Decimal]]:
    yield "gross exposure", DESK, limits.gross_exposure, s.gross
    yield "net exposure", DESK, limits.net_exposure, abs(s.long_usd - s.short_usd)
    yield "leverage", DESK, limits.leverage, s.long_usd + s.short_usd


def _of_parts(s: Standing, limits: RiskLimits) -> Iterator[tuple[str, str, Decimal, Decimal]]:
    for module in ModuleName:
        used = s.by_module.get(module, ZERO)
        yield "module allocation", module.value, limits.module_allocation.get(module, ZERO), used
    for strategy, usd in sorted(s.strategies.items()):
        share = limits.strategy_allocation.get(strategy, limits.strategy_concentration)
        yield "strategy allocation", strategy, share, usd
    parts = (
        ("symbol concentration", s.symbols, limits.symbol_concentration),
        ("sector concentration", s.sectors, limits.sector_concentration),
        ("group concentration", s.groups, limits.group_concentration),
        ("venue exposure", s.venues, limits.venue_exposure),
    )
    for name, sums, share in parts:
        for subject, usd in sorted(sums.items()):
            if usd > 0:
                yield name, subject or "unknown", share, usd


def _of_underlyings(s: Standing, limits: RiskLimits) -> Iterator[tuple[str, str, Decimal, Decimal]]:
    for underlying, greeks in sorted(s.greeks.items()):
        for name, limit, field, scale in _GREEKS:
            size = abs(getattr(greeks, field)) * scale
            if name == "delta" or size > 0:
                yield name, underlying, getattr(limits, limit), Decimal(repr(size))


def tail_readings(standing: Standing, limits: RiskLimits, *, seen_only: bool = False) -> list[Reading]:
    """Return the readings of the limits on what a day, or a shock, may cost; none while equity is unknown.

    Parameters
    ----------
    seen_only
        Count only what has a history. The brake is tightened by nothing else: what has none keeps entries out, by an
        estimate that errs on the large side and is replaced as soon as its history is there.
    """
    if standing.equity <= 0:
        return []
    seen = replace(standing, gains=replace(standing.gains, unseen_sigma_usd=0.0)) if seen_only else standing
    rows = [(words, getattr(limits, name), seen.tails[name]) for name, words in _TAILS]
    rows.append(("worst shock", limits.shock_loss, max((0.0, *standing.shock_usd))))
    return [
        Reading(
            name=name,
            subject=DESK,
            measure=Measure.TAIL,
            limit_usd=cents(share * standing.equity),
            observed_usd=_usd(observed),
        )
        for name, share, observed in rows
    ]


_TAILS = (("var_95", "VaR 95 %"), ("var_99", "VaR 99 %"), ("cvar_95", "CVaR 95 %"), ("cvar_99", "CVaR 99 %"))


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
            subject=DESK,
            measure=Measure.LOSS,
            limit_usd=cents(share * starts[since]),
            observed_usd=cents(max(ZERO, starts[since] - equity)),
        )
        for name, since, share in rows
    ]


def tail_rows(standing: Standing) -> Iterator[TailRow]:
    """Yield what a day may cost by both methods; historical ones only where there is enough history.

    What has no history adds its volatility to both.
    """
    gains = standing.gains
    deviation = float(gains.usd.std()) if len(gains.usd) else 0.0
    for level in LEVELS:
        seen, unseen = historical(gains.usd, level), parametric(gains.unseen_sigma_usd, level)
        if seen is not None and unseen is not None:
            yield _row("historical", level, Tail(seen.var + unseen.var, seen.cvar + unseen.cvar))
        if (normal := parametric(gains.unseen_sigma_usd + deviation, level)) is not None and normal.var > 0:
            yield _row("parametric", level, normal)


def _row(method: str, level: float, tail: Tail) -> TailRow:
    figures = {"var_usd": _usd(tail.var), "cvar_usd": _usd(tail.cvar)}
    return TailRow.model_validate({"method": method, "level": level, **figures})


def shock_rows(standing: Standing) -> Iterator[ShockRow]:
    """Yield what each stated move of prices and volatilities would cost; nothing while nothing is held."""
    moves = [(move, points) for move in SHOCK_MOVES for points in SHOCK_VOL_POINTS]
    for (move, points), loss in zip(moves, standing.shock_usd, strict=False):
        yield ShockRow(move=move, vol_points=points, loss_usd=_usd(loss))


def underlying_rows(standing: Standing) -> Iterator[UnderlyingRow]:
    """Yield the sensitivities by underlying, the largest delta first."""
    ranked = sorted(standing.greeks.items(), key=lambda item: (-abs(item[1].delta_usd), item[0]))
    for underlying, greeks in ranked[:MOST_UNDERLYINGS]:
        yield UnderlyingRow(
            underlying=underlying,
            delta_usd=_usd(greeks.delta_usd),
            gamma_usd=_usd(greeks.gamma_usd),
            vega_usd=_usd(greeks.vega_usd),
            theta_usd=_usd(greeks.theta_usd),
        )


def _usd(value: float) -> Decimal:
    return cents(Decimal(repr(float(value))))
