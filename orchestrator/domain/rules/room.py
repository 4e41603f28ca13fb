"""What the limits leave of a desk as it stands, whatever is wanted: worked out once, for all opportunities of a cycle.

Only what no opportunity enters into is here; `orchestrator.domain.rules.caps` puts the two together.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from operator import itemgetter
from typing import NamedTuple

from orchestrator.domain.base import ZERO, ModuleName
from orchestrator.domain.risk import DenialCode, Denied, RiskLimits
from orchestrator.domain.stakes import SHOCK_MOVES, SHOCK_VOL_POINTS
from orchestrator.domain.standing import Standing

TAILS = ("var_95", "var_99", "cvar_95", "cvar_99")
GREEKS = ("greek_delta", "greek_gamma", "greek_vega", "greek_theta")
_MOVES, _POINTS = len(SHOCK_MOVES), len(SHOCK_VOL_POINTS)
_USD = itemgetter(1)

SUM_CODES = {
    "module_allocation": DenialCode.MODULE_ALLOCATION_ABOVE_MAX,
    "strategy_allocation": DenialCode.STRATEGY_ALLOCATION_ABOVE_MAX,
    "symbol_concentration": DenialCode.SYMBOL_CONCENTRATION_ABOVE_MAX,
    "sector_concentration": DenialCode.SECTOR_CONCENTRATION_ABOVE_MAX,
    "group_concentration": DenialCode.GROUP_CONCENTRATION_ABOVE_MAX,
    "venue_exposure": DenialCode.VENUE_EXPOSURE_ABOVE_MAX,
    "gross_exposure": DenialCode.GROSS_EXPOSURE_ABOVE_MAX,
    "buying_power": DenialCode.BUYING_POWER_BELOW_MIN,
}
"""The code with which each limit on a sum of exposures denies when it leaves room for nothing."""


class Shared(NamedTuple):
    """What the limits on exposure that no symbol has of its own leave for a strategy, USD."""

    usd: Mapping[str, Decimal]
    denial: Denied | None
    """What is said of every entry while the tightest of them leaves less than the least order."""


@dataclass(frozen=True, slots=True)
class Room:
    """Limits in USD, and what is left under those that no symbol, module or strategy has of its own."""

    symbol: Decimal
    """Limit of a symbol, of a sector and of a group."""
    sector: Decimal
    group: Decimal
    net: float
    """Limit of long less short, and of long plus short, and what they are, at delta."""
    leverage: float
    long_less_short: float
    long_plus_short: float
    greeks: Mapping[str, float]
    """Limit of each sensitivity of an underlying."""
    tails: Mapping[str, float]
    """What a day may still cost more, by limit."""
    shocks: tuple[float, ...]
    """What each stated move of price and volatility may still cost more; row by row, volatility fastest."""
    falls: tuple[float, ...]
    """The same by move of price, at the worst volatility."""
    standing: Standing
    limits: RiskLimits
    _shared: dict[tuple[ModuleName, str], Shared] = field(default_factory=dict)

    def shared(self, module: ModuleName, strategy: str) -> Shared:
        """Return what is left for a strategy of a module, whatever the symbol; worked out once for each strategy."""
        key = module, strategy
        found = self._shared.get(key)
        if found is None:
            found = self._shared[key] = self._left(module, strategy)
        return found

    def _left(self, module: ModuleName, strategy: str) -> Shared:
        s, limits = self.standing, self.limits
        named = limits.strategy_allocation.get(strategy, limits.strategy_concentration)
        allocated = limits.module_allocation.get(module, ZERO)
        usd = {
            "module_allocation": s.equity * allocated - s.by_module.get(module, ZERO),
            "strategy_allocation": s.equity * named - s.strategies.get(strategy, ZERO),
            "venue_exposure": s.equity * limits.venue_exposure - s.venues.get(s.venue, ZERO),
            "gross_exposure": s.equity * limits.gross_exposure - s.gross,
            "buying_power": s.buying_power - s.others_in_flight,
        }
        return Shared(usd, used_up(usd, limits.min_order_usd))


def tightest(left: Mapping[str, Decimal]) -> tuple[str, Decimal]:
    """Return the first limit that leaves least, and what it leaves, USD."""
    return min(left.items(), key=_USD)


def used_up(left: Mapping[str, Decimal], least: Decimal) -> Denied | None:
    """Return what is said of an entry while the tightest of some limits leaves less than the least order, USD."""
    name, usd = tightest(left)
    return None if usd >= least else Denied(SUM_CODES[name], f"{least!s} USD", f"{name} leaves {usd:.2f}")


def room_of(standing: Standing, limits: RiskLimits) -> Room:
    """Return what the limits leave of a standing."""
    equity, usd = standing.equity, float(standing.equity)
    rises, falls = float(standing.long_usd), float(standing.short_usd)
    most = float(equity * limits.shock_loss)
    shocks = tuple(most - loss for loss in standing.shock_usd or (0.0,) * (_MOVES * _POINTS))
    symbol, sector, group = (
        equity * share
        for share in (limits.symbol_concentration, limits.sector_concentration, limits.group_concentration)
    )
    return Room(
        symbol=symbol,
        sector=sector,
        group=group,
        net=usd * float(limits.net_exposure),
        leverage=usd * float(limits.leverage),
        long_less_short=rises - falls,
        long_plus_short=rises + falls,
        greeks={name: usd * float(getattr(limits, name)) for name in GREEKS},
        tails={name: float(equity * getattr(limits, name)) - standing.tails[name] for name in TAILS},
        shocks=shocks,
        falls=tuple(min(shocks[row * _POINTS : (row + 1) * _POINTS]) for row in range(_MOVES)),
        standing=standing,
        limits=limits,
    )
