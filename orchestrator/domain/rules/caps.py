"""How much exposure each limit still leaves for an opportunity, USD. Caps only ever make an order smaller.

Each cap is exact for what it counts, or on the safe side of it: a day's loss of the desk with a new holding is at most
its loss without it plus the worst day of the new one.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from decimal import Decimal

import numpy as np

from orchestrator.domain.base import ZERO
from orchestrator.domain.greeks import Greeks
from orchestrator.domain.history import gain_of
from orchestrator.domain.risk import DenialCode
from orchestrator.domain.rules.candidate import Candidate
from orchestrator.domain.sectors import groups_of, sector_of, underlying_of
from orchestrator.domain.stakes import SHOCK_MOVES, Stake, of_unit, shock_table
from orchestrator.domain.standing import NO_GREEKS
from orchestrator.domain.var import LEVELS, parametric

CAP_CODES = {
    "module_allocation": DenialCode.MODULE_ALLOCATION_ABOVE_MAX,
    "strategy_allocation": DenialCode.STRATEGY_ALLOCATION_ABOVE_MAX,
    "symbol_concentration": DenialCode.SYMBOL_CONCENTRATION_ABOVE_MAX,
    "sector_concentration": DenialCode.SECTOR_CONCENTRATION_ABOVE_MAX,
    "group_concentration": DenialCode.GROUP_CONCENTRATION_ABOVE_MAX,
    "venue_exposure": DenialCode.VENUE_EXPOSURE_ABOVE_MAX,
    "gross_exposure": DenialCode.GROSS_EXPOSURE_ABOVE_MAX,
    "buying_power": DenialCode.BUYING_POWER_BELOW_MIN,
    "net_exposure": DenialCode.NET_EXPOSURE_ABOVE_MAX,
    "leverage": DenialCode.LEVERAGE_ABOVE_MAX,
    "greek_delta": DenialCode.DELTA_ABOVE_MAX,
    "greek_gamma": DenialCode.GAMMA_ABOVE_MAX,
    "greek_vega": DenialCode.VEGA_ABOVE_MAX,
    "greek_theta": DenialCode.THETA_ABOVE_MAX,
    "shock_loss": DenialCode.SHOCK_LOSS_ABOVE_MAX,
    "var_95": DenialCode.VAR_ABOVE_MAX,
    "var_99": DenialCode.VAR_ABOVE_MAX,
    "cvar_95": DenialCode.CVAR_ABOVE_MAX,
    "cvar_99": DenialCode.CVAR_ABOVE_MAX,
    "volume_share": DenialCode.VOLUME_SHARE_ABOVE_MAX,
    "touch_multiple": DenialCode.TOUCH_SHARE_ABOVE_MAX,
}
"""The code with which each cap denies when it leaves room for nothing."""

_GREEKS = (("greek_delta", "delta_usd", 1.0), ("greek_gamma", "gamma_usd", 0.01))
_OPTION_GREEKS = (*_GREEKS, ("greek_vega", "vega_usd", 1.0), ("greek_theta", "theta_usd", 1.0))
"""Limit, field, and what the field is multiplied by before it is compared."""

_SIGMAS = {
    f"{name}_{round(level * 100)}": float(getattr(parametric(1.0, level), name))
    for name in ("var", "cvar")
    for level in LEVELS
}
"""Tail of a normal day of one USD sigma."""


def headroom(c: Candidate, least: Decimal) -> dict[str, Decimal]:
    """Return the USD of exposure, at the worst price, still free under each cap; what does not apply is absent.

    Of the caps that are calculated in units only the one that leaves least is told; and where a plain sum of exposures
    leaves less than `least` already, they are not calculated.
    """
    room = _allocations(c)
    if min(room.values()) < least:
        return room
    unit = c.opportunity.worst_notional_usd
    stake = of_unit(c.opportunity, unit)
    name, units = min((*_at_delta(c, stake), *_greeks(c, stake), _shocks(c, stake), *_tails(c, stake)), key=_left)
    if math.isfinite(units):
        room[name] = Decimal(repr(units)) * unit
    elif not units > 0:
        room[name] = ZERO
    room |= _in_the_market(c, unit)
    return room


def _left(cap: tuple[str, float]) -> float:
    """Return the units a cap leaves; a number that is none leaves nothing."""
    return cap[1] if cap[1] == cap[1] else -math.inf


def least_usd(c: Candidate) -> Decimal:
    """Return the USD of exposure below which no order can be sent."""
    return max(c.limits.min_order_usd, c.opportunity.notional_usd * c.opportunity.instrument.min_qty)


def _allocations(c: Candidate) -> dict[str, Decimal]:
    """Return what is free under the limits that count USD of exposure."""
    s, limits, o, room = c.standing, c.limits, c.opportunity, c.room
    symbol = underlying_of(o.symbol)
    left = room.plain(o.module, o.strategy)
    left["symbol_concentration"] -= s.symbols.get(o.symbol, ZERO)
    left["sector_concentration"] -= s.sectors.get(sector_of(symbol, limits.sectors), ZERO)
    if groups := groups_of(symbol, limits.groups):
        left["group_concentration"] = room.group - max([s.groups.get(name, ZERO) for name in groups])
    return left


def _in_the_market(c: Candidate, unit: Decimal) -> dict[str, Decimal]:
    """Return what volume and touch allow; where no volume is known, a stated amount of USD."""
    o = c.opportunity
    volume = c.tape.volume(o.legs[0].symbol)
    room = {"volume_share": c.limits.unseen_volume_usd}
    if volume is not None:
        room["volume_share"] = volume * c.limits.volume_share * unit
    shown = c.tape.touch(o.legs[0].symbol, o.side) if len(o.legs) == 1 else None
    if shown is not None:
        room["touch_multiple"] = shown * c.limits.touch_multiple * unit
    return room


def _at_delta(c: Candidate, stake: Stake) -> Iterator[tuple[str, float]]:
    """Yield the units left under the limits on long less short, and on long plus short, at delta."""
    delta, room = stake.delta_usd, c.room
    yield "net_exposure", _units(room.long_less_short, delta, room.net)
    yield "leverage", _units(room.long_plus_short, abs(delta), room.leverage)


def _greeks(c: Candidate, stake: Stake) -> Iterator[tuple[str, float]]:
    """Yield the units left under the Greeks limits of the underlying."""
    now: Greeks = c.standing.greeks.get(stake.symbol, NO_GREEKS)
    for limit, name, scale in _OPTION_GREEKS if c.opportunity.greeks is not None else _GREEKS[:1]:
        held, unit = getattr(now, name) * scale, getattr(stake, name) * scale
        yield limit, _units(held, unit, c.room.greeks[limit])


def _units(held: float, unit: float, limit: float) -> float:
    """Return how many units keep `held + units x unit` within `limit` on the side that it moves to."""
    if unit == 0.0:
        return math.inf
    return (limit - held) / unit if unit > 0 else (limit + held) / -unit


def _shocks(c: Candidate, stake: Stake) -> tuple[str, float]:
    """Return the units left before the worst of the stated moves costs more than the limit.

    What follows its market straight loses the same at every volatility: of each move of price the worst one counts.
    """
    if stake.curved:
        left, losses = c.room.shocks, shock_table([stake])
    else:
        delta, worst = stake.delta_usd, stake.worst_usd
        left, losses = c.room.falls, tuple([min(-delta * move, worst) for move in SHOCK_MOVES])
    return "shock_loss", min(
        [room / loss for room, loss in zip(left, losses, strict=True) if loss > 0], default=math.inf
    )


def _tails(c: Candidate, stake: Stake) -> Iterator[tuple[str, float]]:
    """Yield the units left under the limits on the loss of a day.

    Notes
    -----
    With P the desk's day and X a unit's, VaR(P + qX) <= VaR(P) + q max loss(X) and CVaR likewise, since P + qX is never
    below P less q times the worst of X; the normal figures are subadditive. What has no history adds its sigma.
    """
    worst, sigma = _day_of_unit(c, stake)
    for limit, tail in _SIGMAS.items():
        step, room = max(worst, sigma * tail), c.room.tails[limit]
        yield limit, room / step if step > 0 else math.inf if room >= 0 else -1.0


def _day_of_unit(c: Candidate, stake: Stake) -> tuple[float, float]:
    """Return the worst day of a unit in its history, and one sigma, USD; without history only sigma."""
    returns = c.tape.returns
    if not stake.curved and stake.symbol in returns.symbols:
        worst = stake.own_usd * returns.worst_fall[stake.symbol]
        return min(worst, stake.worst_usd), stake.own_usd * returns.sigma[stake.symbol]
    moves = returns.of(stake.symbol)
    if moves is None:
        return 0.0, stake.sigma_usd
    gain = gain_of(stake, moves)
    return max(-float(np.min(gain)), 0.0), float(gain.std())
