"""How many units an approved opportunity may have: a volatility target, a loss at the stop, and every cap.

Pure arithmetic on Decimals. It never decides whether to trade, and it never answers more than any cap allows;
what it cannot calculate with (no volatility, no price, a stop on the wrong side) gets zero units.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from decimal import Decimal

from orchestrator.domain.base import ZERO, floor_to
from orchestrator.domain.opportunities import TradeOpportunity
from orchestrator.domain.risk import RiskLimits

VOLATILITY_TARGET = "volatility_target"
RISK_PER_TRADE = "risk_per_trade"
STRATEGY_WEIGHT = "strategy_weight"
TOUCH_SIZE = "touch_size"
INVALID_INPUT = "invalid_input"


def size(
    opportunity: TradeOpportunity, *, equity: Decimal, limits: RiskLimits, headroom_usd: Mapping[str, Decimal]
) -> tuple[Decimal, str]:
    """Return how many units to trade and the name of the cap that decided it.

    Parameters
    ----------
    opportunity
        Priced entry; `notional_usd` is the exposure of one unit in USD.
    equity
        Desk equity, USD.
    limits
        The owner's limits; `position_vol`, `risk_per_trade` and `min_order_usd` are used here.
    headroom_usd
        USD of exposure still free under each named cap; negative counts as none.

    Returns
    -------
    tuple of Decimal and str
        Units floored to the instrument's lot size, zero when below `min_qty` or `min_order_usd`; and the name of
        the smallest cap: a key of `headroom_usd`, `volatility_target`, `risk_per_trade`, `strategy_weight`,
        `touch_size`, or `invalid_input` when nothing can be calculated.
    """
    units = wanted_units(opportunity, equity=equity, limits=limits)
    if not units:
        return ZERO, INVALID_INPUT
    units |= {name: free / opportunity.notional_usd for name, free in headroom_usd.items()}
    if opportunity.max_qty is not None:
        units[TOUCH_SIZE] = opportunity.max_qty
    binding = min(units, key=lambda name: units[name])
    return _tradable(opportunity, units[binding], limits.min_order_usd), binding


def wanted_units(opportunity: TradeOpportunity, *, equity: Decimal, limits: RiskLimits) -> dict[str, Decimal]:
    """Return the units that volatility, loss and the strategy want before any cap; empty = cannot be said.

    Notes
    -----
    Volatility target: one position may add `position_vol` of equity in annual volatility, so
    units = equity x position_vol / (annual_vol x notional). Loss at the stop: units = equity x risk_per_trade / loss
    per unit. The smallest is what the desk wants.
    """
    loss = loss_per_unit(opportunity)
    vol = opportunity.annual_vol
    if equity <= 0 or opportunity.notional_usd <= 0 or not (math.isfinite(vol) and vol > 0) or loss is None:
        return {}
    units = {
        VOLATILITY_TARGET: equity * limits.position_vol / (Decimal(repr(vol)) * opportunity.notional_usd),
        RISK_PER_TRADE: equity * limits.risk_per_trade / loss,
    }
    if opportunity.max_notional_usd is not None:
        units[STRATEGY_WEIGHT] = opportunity.max_notional_usd / opportunity.notional_usd
    return units


def loss_per_unit(opportunity: TradeOpportunity) -> Decimal | None:
    """Return the USD that one unit loses at its stop, at most its defined maximum; None = the levels make no sense.

    Without a stop and without a defined maximum the whole notional is at risk.
    """
    losses = [] if opportunity.max_loss_usd is None else [opportunity.max_loss_usd]
    if opportunity.stop_price is not None:
        distance = opportunity.side.sign * (opportunity.decision_px - opportunity.stop_price)
        losses.append(distance * opportunity.legs[0].multiplier)
    loss = min(losses, default=opportunity.notional_usd)
    return loss if loss > 0 else None


def _tradable(opportunity: TradeOpportunity, units: Decimal, min_order_usd: Decimal) -> Decimal:
    """Return `units` on the instrument's grid, zero when too small to send."""
    whole = floor_to(max(units, ZERO), opportunity.instrument.lot_size)
    small = whole < opportunity.instrument.min_qty or whole * opportunity.notional_usd < min_order_usd
    return ZERO if small else whole
