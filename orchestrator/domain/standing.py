"""Where the desk stands against its limits: everything that rules ask for, summed once for a whole screening.

Sums only; no rule and no limit is applied here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cached_property
from typing import TypeVar

import numpy as np

from orchestrator.domain.base import ZERO, ModuleName
from orchestrator.domain.documents import BookDoc, ExposureDoc, ModuleExposure
from orchestrator.domain.exposure import daily_loss, doubtful, drawdown, total_exposure, used_by, weekly_loss
from orchestrator.domain.greeks import Greeks
from orchestrator.domain.history import Gains, Returns, business_day, gains_of_unit, together
from orchestrator.domain.opportunities import TradeOpportunity
from orchestrator.domain.orders import Purpose
from orchestrator.domain.risk import RiskLimits
from orchestrator.domain.sectors import groups_of, sector_of, underlying_of
from orchestrator.domain.stakes import of_unit, unit_losses
from orchestrator.domain.var import LEVELS, historical, parametric

K = TypeVar("K", bound=str)
Sums = Mapping[str, Decimal]

NO_GREEKS = Greeks(delta_usd=0.0)


@dataclass(frozen=True)
class Standing:
    """Sums over all modules, USD, of what is held and reserved; and what of the own book rules must know."""

    equity: Decimal
    lost_in_day: Decimal
    lost_in_week: Decimal
    fallen: Decimal
    """Fractions lost since the day, the week and the peak began."""
    gross: Decimal
    by_module: Mapping[ModuleName, Decimal]
    symbols: Sums
    sectors: Sums
    groups: Sums
    strategies: Sums
    venues: Sums
    venue: str
    """Of the own account; empty while none was seen."""
    buying_power: Decimal
    others_in_flight: Decimal
    """Reserved by other modules in the own account: the venue may not have taken it off the buying power yet."""
    long_usd: Decimal
    short_usd: Decimal
    greeks: Mapping[str, Greeks]
    shock_usd: tuple[float, ...]
    gains: Gains
    open_positions: int
    """Positions held, and those that unfinished entries may open."""
    held: frozenset[str]
    entering: frozenset[str]
    frozen: Mapping[str, str]
    buying: frozenset[str]
    """Symbols that another module's unfinished orders buy."""
    selling: frozenset[str]

    @cached_property
    def tails(self) -> Mapping[str, float]:
        """Loss of a day that is not exceeded (`var_95`, `var_99`), and its mean beyond (`cvar_95`, `cvar_99`), USD.

        The larger of the historical and the parametric figure; what has no history adds its sigma to both.
        """
        found: dict[str, float] = {}
        unseen_sigma = self.gains.unseen_sigma_usd
        sigma = unseen_sigma + _deviation(self.gains)
        for level in LEVELS:
            unseen, normal = parametric(unseen_sigma, level), parametric(sigma, level)
            seen = historical(self.gains.usd, level)
            for name in ("var", "cvar"):
                figures = [getattr(normal, name)]
                if seen is not None:
                    figures.append(getattr(seen, name) + getattr(unseen, name))
                found[f"{name}_{round(level * 100)}"] = max(figures)
        return found


def _deviation(gains: Gains) -> float:
    return float(gains.usd.std()) if len(gains.usd) else 0.0


def standing_of(book: BookDoc, exposure: ExposureDoc, limits: RiskLimits) -> Standing:
    """Return where a desk stands, `exposure` holding the newest share of `book`."""
    shares = exposure.modules
    every = tuple(shares.values())
    others = [share for module, share in shares.items() if module is not book.module]
    doubts = [*(share.frozen for share in every), doubtful(book)]
    venue = "" if book.account is None else book.account.venue
    symbols = _added(share.symbols for share in every)
    return Standing(
        equity=exposure.equity,
        lost_in_day=daily_loss(exposure),
        lost_in_week=weekly_loss(exposure),
        fallen=drawdown(exposure),
        gross=total_exposure(exposure),
        by_module={module: used_by(exposure, module) for module in shares},
        symbols=symbols,
        sectors=_summed([(sector_of(symbol, limits.sectors), usd) for symbol, usd in symbols.items()]),
        groups=_summed([(name, usd) for symbol, usd in symbols.items() for name in groups_of(symbol, limits.groups)]),
        strategies=_added(share.strategies for share in every),
        venues=_added({share.venue: share.held_usd + share.reserved_usd + share.foreign_usd} for share in every),
        venue=venue,
        buying_power=ZERO if book.account is None else book.account.buying_power,
        others_in_flight=sum((share.reserved_usd for share in others if share.venue in {venue, ""}), ZERO),
        long_usd=sum((share.long_usd for share in every), ZERO),
        short_usd=sum((share.short_usd for share in every), ZERO),
        greeks=_added_greeks(share.greeks for share in every),
        shock_usd=_added_losses(share.shock_usd for share in every),
        gains=together(gains_of(share) for share in every),
        open_positions=sum(share.open_positions + share.entering for share in every),
        held=frozenset(position.symbol for position in book.positions.values()),
        entering=_entering(book),
        frozen={underlying_of(symbol): why for part in doubts for symbol, why in part.items()},
        buying=frozenset(symbol for share in others for symbol in share.buying),
        selling=frozenset(symbol for share in others for symbol in share.selling),
    )


def with_units(
    standing: Standing, opportunity: TradeOpportunity, units: Decimal, *, limits: RiskLimits, returns: Returns
) -> Standing:
    """Return where the desk stands once `units` of an entry are reserved."""
    usd, size, stake = units * opportunity.worst_notional_usd, float(units), of_unit(opportunity)
    symbol = underlying_of(opportunity.symbol)
    groups = groups_of(symbol, limits.groups)
    delta = Decimal(repr(stake.delta_usd)) * units
    known = standing.greeks.get(stake.symbol, NO_GREEKS)
    day = gains_of_unit(stake, returns).times(size)
    shocks = tuple([loss * size for loss in unit_losses(stake)])
    return replace(
        standing,
        gross=standing.gross + usd,
        by_module=_with(standing.by_module, opportunity.module, usd),
        symbols=_with(standing.symbols, opportunity.symbol, usd),
        sectors=_with(standing.sectors, sector_of(symbol, limits.sectors), usd),
        groups={**standing.groups, **{name: standing.groups.get(name, ZERO) + usd for name in groups}},
        strategies=_with(standing.strategies, opportunity.strategy, usd),
        venues=_with(standing.venues, standing.venue, usd),
        buying_power=standing.buying_power - usd,
        long_usd=standing.long_usd + max(delta, ZERO),
        short_usd=standing.short_usd + max(-delta, ZERO),
        greeks={**standing.greeks, stake.symbol: Greeks(**stake.greeks).times(size).plus(known)},
        shock_usd=_added_losses([standing.shock_usd, shocks]),
        gains=together([standing.gains, day]),
    )


def gains_of(share: ModuleExposure) -> Gains:
    """Return the gains that a module's share carries."""
    last = 0 if share.gains_day is None else business_day(share.gains_day)
    return Gains(last, np.asarray(share.gains_usd, dtype=np.float64), share.unseen_sigma_usd)


def _entering(book: BookDoc) -> frozenset[str]:
    orders = book.orders.values()
    return frozenset(o.intent.symbol for o in orders if o.intent.purpose is Purpose.ENTRY and not o.state.terminal)


def _with(sums: Mapping[K, Decimal], key: K, usd: Decimal) -> dict[K, Decimal]:
    return {**sums, key: sums.get(key, ZERO) + usd}


def _added(parts: Iterable[Mapping[K, Decimal]]) -> dict[K, Decimal]:
    return _summed(pair for part in parts for pair in part.items())


def _summed(pairs: Iterable[tuple[K, Decimal]]) -> dict[K, Decimal]:
    total: dict[K, Decimal] = {}
    for key, usd in pairs:
        total[key] = total.get(key, ZERO) + usd
    return total


def _added_greeks(parts: Iterable[Mapping[str, Greeks]]) -> dict[str, Greeks]:
    total: dict[str, Greeks] = {}
    for part in parts:
        for key, greeks in part.items():
            total[key] = greeks.plus(total[key]) if key in total else greeks
    return total


def _added_losses(parts: Iterable[tuple[float, ...]]) -> tuple[float, ...]:
    rows = [part for part in parts if part]
    return tuple(sum(column) for column in zip(*rows, strict=True)) if rows else ()
