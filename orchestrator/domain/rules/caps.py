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
from orchestrator.domain.stakes import SHOCK_MOVES, SHOCK_VOL_POINTS, Stake, of_unit, shock_table
from orchestrator.domain.standing import NO_GREEKS
from orchestrator.domain.var import parametric

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

_TAILS = (("var_95", "var", 0.95), ("var_99", "var", 0.99), ("cvar_95", "cvar", 0.95), ("cvar_99", "cvar", 0.99))
_SIGMAS = {(name, level): getattr(parametric(1.0, level), name) for name in ("var", "cvar") for level in (0.95, 0.99)}
"""Tail of a normal day of one USD sigma."""


def headroom(c: Candidate) -> dict[str, Decimal]:
    """Return the USD of exposure, at the worst price, still free under each cap; what does not apply is absent.

    Where a plain sum of exposures leaves too little for an order already, the dearer caps are not calculated.
    """
    room = _allocations(c)
    if min(room.values()) < least_usd(c):
        return room
    stake, unit = of_unit(c.opportunity), c.opportunity.worst_notional_usd
    for name, units in (*_at_delta(c, stake), *_greeks(c, stake), *_shocks(c, stake), *_tails(c, stake)):
        if math.isfinite(units):
            room[name] = Decimal(repr(units)) * unit
        elif not units > 0:
            room[name] = ZERO
    return room | _in_the_market(c, unit)


def least_usd(c: Candidate) -> Decimal:
    """Return the USD of exposure below which no order can be sent."""
    return max(c.limits.min_order_usd, c.opportunity.notional_usd * c.opportunity.instrument.min_qty)


def _allocations(c: Candidate) -> dict[str, Decimal]:
    """Return what is free under the limits that count USD of exposure."""
    s, limits, o = c.standing, c.limits, c.opportunity
    equity, symbol = s.equity, underlying_of(o.symbol)
    sector = sector_of(symbol, limits.sectors)
    named = limits.strategy_allocation.get(o.strategy, limits.strategy_concentration)
    room = {
        "module_allocation": equity * limits.module_allocation.get(o.module, ZERO) - s.by_module.get(o.module, ZERO),
        "strategy_allocation": equity * named - s.strategies.get(o.strategy, ZERO),
        "symbol_concentration": equity * limits.symbol_concentration - s.symbols.get(o.symbol, ZERO),
        "sector_concentration": equity * limits.sector_concentration - s.sectors.get(sector, ZERO),
        "venue_exposure": equity * limits.venue_exposure - s.venues.get(s.venue, ZERO),
        "gross_exposure": equity * limits.gross_exposure - s.gross,
        "buying_power": s.buying_power - s.others_in_flight,
    }
    groups = [s.groups.get(name, ZERO) for name in groups_of(symbol, limits.groups)]
    if groups:
        room["group_concentration"] = equity * limits.group_concentration - max(groups)
    return room


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
    delta, equity = stake.greeks.delta_usd, float(c.standing.equity)
    rises, falls = float(c.standing.long_usd), float(c.standing.short_usd)
    yield "net_exposure", _units(rises - falls, delta, equity * float(c.limits.net_exposure))
    yield "leverage", _units(rises + falls, abs(delta), equity * float(c.limits.leverage))


def _greeks(c: Candidate, stake: Stake) -> Iterator[tuple[str, float]]:
    """Yield the units left under the Greeks limits of the underlying."""
    now: Greeks = c.standing.greeks.get(stake.symbol, NO_GREEKS)
    equity = float(c.standing.equity)
    for limit, name, scale in _OPTION_GREEKS if c.opportunity.greeks is not None else _GREEKS[:1]:
        held, unit = getattr(now, name) * scale, getattr(stake.greeks, name) * scale
        yield limit, _units(held, unit, equity * float(getattr(c.limits, limit)))


def _units(held: float, unit: float, limit: float) -> float:
    """Return how many units keep `held + units x unit` within `limit` on the side that it moves to."""
    if unit == 0.0:
        return math.inf
    return (limit - held) / unit if unit > 0 else (limit + held) / -unit


def _shocks(c: Candidate, stake: Stake) -> Iterator[tuple[str, float]]:
    """Yield the units left before the worst of the stated moves costs more than the limit."""
    limit = float(c.standing.equity * c.limits.shock_loss)
    standing = c.standing.shock_usd or (0.0,) * (len(SHOCK_MOVES) * len(SHOCK_VOL_POINTS))
    losses = shock_table([stake]) if stake.curved else _straight(stake)
    units = [(limit - now) / loss for now, loss in zip(standing, losses, strict=True) if loss > 0]
    yield "shock_loss", min(units, default=math.inf)


def _straight(stake: Stake) -> tuple[float, ...]:
    """Return the losses of what follows its market straight: the same at every volatility."""
    falls = (min(-stake.greeks.delta_usd * move, stake.worst_usd) for move in SHOCK_MOVES)
    return tuple(loss for loss in falls for _ in SHOCK_VOL_POINTS)


def _tails(c: Candidate, stake: Stake) -> Iterator[tuple[str, float]]:
    """Yield the units left under the limits on the loss of a day.

    Notes
    -----
    With P the desk's day and X a unit's, VaR(P + qX) <= VaR(P) + q max loss(X) and CVaR likewise, since P + qX is never
    below P less q times the worst of X; the normal figures are subadditive. What has no history adds its sigma.
    """
    worst, sigma = _day_of_unit(c, stake)
    equity = c.standing.equity
    for limit, name, level in _TAILS:
        step = max(worst, sigma * _SIGMAS[name, level])
        room = float(equity * getattr(c.limits, limit)) - c.standing.tails[limit]
        yield limit, room / step if step > 0 else math.inf if room >= 0 else -1.0


def _day_of_unit(c: Candidate, stake: Stake) -> tuple[float, float]:
    """Return the worst day of a unit in its history, and one sigma, USD; without history only sigma."""
    moves = c.tape.returns.of(stake.symbol)
    if moves is None:
        return 0.0, stake.sigma_usd
    if not stake.curved:
        own = stake.own_usd
        return min(own * c.tape.returns.worst_fall[stake.symbol], stake.worst_usd), own * c.tape.returns.sigma[
            stake.symbol
        ]
    gain = gain_of(stake, moves)
    return max(-float(np.min(gain)), 0.0), float(gain.std())
