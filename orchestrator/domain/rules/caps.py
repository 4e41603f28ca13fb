"""How much exposure each limit still leaves for an opportunity, USD. Caps only ever make an order smaller.

Each cap is exact for what it counts, or on the safe side of it: a day's loss of the desk with a new holding is at most
its loss without it plus the worst day of the new one.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal

import numpy as np

from orchestrator.domain.base import ZERO
from orchestrator.domain.greeks import Greeks
from orchestrator.domain.history import gain_of
from orchestrator.domain.risk import DenialCode, Denied
from orchestrator.domain.rules.candidate import Candidate
from orchestrator.domain.rules.room import SUM_CODES, used_up
from orchestrator.domain.sectors import groups_of, sector_of
from orchestrator.domain.stakes import Stake, of_unit, straight_losses, unit_losses
from orchestrator.domain.standing import NO_GREEKS
from orchestrator.domain.var import LEVELS, parametric

Units = tuple[str, float]
"""Name of a cap, and the units that it leaves."""

CAP_CODES = {
    **SUM_CODES,
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

_DELTA_ONLY = (("greek_delta", "delta_usd", 1.0),)
_OPTION_GREEKS = (
    *_DELTA_ONLY,
    ("greek_gamma", "gamma_usd", 0.01),
    ("greek_vega", "vega_usd", 1.0),
    ("greek_theta", "theta_usd", 1.0),
)
"""Limit, field, and what the field is multiplied by before it is compared."""

_SIGMAS = {
    f"{name}_{round(level * 100)}": float(getattr(parametric(1.0, level), name))
    for name in ("var", "cvar")
    for level in LEVELS
}
"""Tail of a normal day of one USD sigma."""


def desk_room_left(c: Candidate) -> Denied | None:
    """Deny while what a strategy shares with its module, venue and desk leaves no order, in whatever symbol."""
    return c.room.shared(c.opportunity.module, c.opportunity.strategy).denial


def symbol_room_left(c: Candidate) -> Denied | None:
    """Deny while the limit on a symbol, its sector or its groups leaves no order."""
    return used_up(_own_sums(c), c.limits.min_order_usd)


def headroom(c: Candidate) -> Iterator[Mapping[str, Decimal]]:
    """Yield the USD of exposure, at the worst price, still free under each cap; what does not apply is absent.

    It comes in parts: where one leaves nothing there is no need for the next. Sums come last, since rules have
    looked at them; of the caps that are calculated in units only the one that leaves least is told.
    """
    unit = c.opportunity.worst_notional_usd
    yield _in_the_market(c, unit)
    stake = of_unit(c.opportunity, unit)
    name, units = _least_of([*_at_delta(c, stake), *_greeks(c, stake), *_shocks(c, stake), *_tails(c, stake)])
    if math.isfinite(units):
        yield {name: Decimal(repr(units)) * unit}
    elif not units > 0:
        yield {name: ZERO}
    yield _own_sums(c)
    yield c.room.shared(c.opportunity.module, c.opportunity.strategy).usd


def _least_of(caps: Iterable[Units]) -> Units:
    """Return the first cap that leaves least units; a number that is none leaves nothing."""
    name, least = "", math.inf
    for cap, units in caps:
        if math.isnan(units) or units == -math.inf:
            return cap, -math.inf
        if units < least or not name:
            name, least = cap, units
    return name, least


def too_little(c: Candidate, usd: Decimal) -> bool:
    """Whether no order can be sent for so much exposure, USD."""
    o = c.opportunity
    return usd < c.limits.min_order_usd or usd < o.notional_usd * o.instrument.min_qty


def _own_sums(c: Candidate) -> dict[str, Decimal]:
    """Return what is free under the limits on the symbol, its sector, and the fullest of its groups."""
    s, limits, symbol = c.standing, c.limits, c.opportunity.symbol
    own = {
        "symbol_concentration": c.room.symbol - s.symbols.get(symbol, ZERO),
        "sector_concentration": c.room.sector - s.sectors.get(sector_of(symbol, limits.sectors), ZERO),
    }
    if groups := groups_of(symbol, limits.groups):
        own["group_concentration"] = c.room.group - max([s.groups.get(name, ZERO) for name in groups])
    return own


def _in_the_market(c: Candidate, unit: Decimal) -> dict[str, Decimal]:
    """Return what volume and touch allow; where no volume is known, a stated amount of USD."""
    legs, limits = c.opportunity.legs, c.limits
    symbol = legs[0].symbol
    volume = c.tape.volume(symbol)
    room = {"volume_share": limits.unseen_volume_usd if volume is None else volume * limits.volume_share * unit}
    shown = c.tape.touch(symbol, c.opportunity.side) if len(legs) == 1 else None
    if shown is not None:
        room["touch_multiple"] = shown * limits.touch_multiple * unit
    return room


def _at_delta(c: Candidate, stake: Stake) -> tuple[Units, Units]:
    """Return the units left under the limits on long less short, and on long plus short, at delta."""
    delta, room = stake.delta_usd, c.room
    net = _units(room.long_less_short, delta, room.net)
    return ("net_exposure", net), ("leverage", _units(room.long_plus_short, abs(delta), room.leverage))


def _greeks(c: Candidate, stake: Stake) -> list[Units]:
    """Return the units left under the Greeks limits of the underlying."""
    now: Greeks = c.standing.greeks.get(stake.symbol, NO_GREEKS)
    limits = c.room.greeks
    return [
        (limit, _units(getattr(now, name) * scale, getattr(stake, name) * scale, limits[limit]))
        for limit, name, scale in (_OPTION_GREEKS if c.opportunity.greeks is not None else _DELTA_ONLY)
    ]


def _units(held: float, unit: float, limit: float) -> float:
    """Return how many units keep `held + units x unit` within `limit` on the side that it moves to."""
    if unit == 0.0:
        return math.inf
    return (limit - held) / unit if unit > 0 else (limit + held) / -unit


def _shocks(c: Candidate, stake: Stake) -> list[Units]:
    """Return the units left before the worst of the stated moves costs more than the limit.

    What follows its market straight loses the same at every volatility: of each move of price the worst one counts.
    """
    left, losses = (c.room.shocks, unit_losses(stake)) if stake.curved else (c.room.falls, straight_losses(stake))
    return [("shock_loss", room / loss) for room, loss in zip(left, losses, strict=True) if loss > 0]


def _tails(c: Candidate, stake: Stake) -> list[Units]:
    """Return the units left under the limits on the loss of a day.

    Notes
    -----
    With P the desk's day and X a unit's, VaR(P + qX) <= VaR(P) + q max loss(X) and CVaR likewise, since P + qX is never
    below P less q times the worst of X; the normal figures are subadditive. What has no history adds its sigma.
    """
    worst, sigma = _day_of_unit(c, stake)
    left = c.room.tails
    return [(limit, _steps(left[limit], max(worst, sigma * tail))) for limit, tail in _SIGMAS.items()]


def _steps(room: float, step: float) -> float:
    """Return how many steps a loss may still grow by."""
    if step > 0:
        return room / step
    return math.inf if room >= 0 else -1.0


def _day_of_unit(c: Candidate, stake: Stake) -> tuple[float, float]:
    """Return the worst day of a unit in its history, and one sigma, USD; without history only sigma."""
    returns = c.tape.returns
    if not stake.curved and (day := returns.day(stake.symbol)) is not None:
        return min(stake.own_usd * day.worst_fall, stake.worst_usd), stake.own_usd * day.sigma
    moves = returns.of(stake.symbol)
    if moves is None:
        return 0.0, stake.sigma_usd
    gain = gain_of(stake, moves)
    return max(-float(np.min(gain)), 0.0), float(gain.std())
