"""How many units an approved opportunity may have: a volatility target, a loss at the stop, its method, and every cap.

Pure arithmetic on Decimals. It never decides whether to trade, and it never answers more than any cap allows;
what it cannot calculate with (no volatility, no price, a stop on the wrong side) gets zero units.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from decimal import Decimal

from orchestrator.domain.base import ZERO, floor_to
from orchestrator.domain.kelly import SizingRules, StrategyRecord, kelly_fraction, shrunk_edge
from orchestrator.domain.opportunities import TradeOpportunity
from orchestrator.domain.risk import RiskLimits

NO_RECORD = StrategyRecord()
VOLATILITY_TARGET = "volatility_target"
RISK_PER_TRADE = "risk_per_trade"
FIXED_FRACTION = "fixed_fraction"
KELLY_FRACTION = "kelly_fraction"
NO_EDGE = "no_edge"
STRATEGY_WEIGHT = "strategy_weight"
TOUCH_SIZE = "touch_size"
INVALID_INPUT = "invalid_input"


def size(
    opportunity: TradeOpportunity,
    *,
    equity: Decimal,
    limits: RiskLimits,
    headroom_usd: Mapping[str, Decimal],
    record: StrategyRecord = NO_RECORD,
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
    record
        The strategy's closed trades, for those that are sized by them.

    Returns
    -------
    tuple of Decimal and str
        Units floored to the instrument's lot size, zero when below `min_qty` or `min_order_usd`; and the name of
        the smallest cap: a key of `headroom_usd`, `volatility_target`, `risk_per_trade`, `fixed_fraction`,
        `kelly_fraction`, `no_edge`, `strategy_weight`, `touch_size`, or `invalid_input` when nothing can be calculated.
    """
    units = wanted_units(opportunity, equity=equity, limits=limits, record=record)
    if not units:
        return ZERO, INVALID_INPUT
    reserved = opportunity.worst_notional_usd
    units |= {name: free / reserved for name, free in headroom_usd.items()}
    if opportunity.max_qty is not None:
        units[TOUCH_SIZE] = opportunity.max_qty
    binding = min(units, key=lambda name: units[name])
    return _tradable(opportunity, units[binding], limits.min_order_usd), binding


def wanted_units(
    opportunity: TradeOpportunity, *, equity: Decimal, limits: RiskLimits, record: StrategyRecord = NO_RECORD
) -> dict[str, Decimal]:
    """Return the units that volatility, loss and the strategy want before any cap; empty = cannot be said.

    Notes
    -----
    Volatility target: one position may add `position_vol` of equity in annual volatility, so
    units = equity x position_vol / (annual_vol x notional). Loss at the stop: units = equity x risk_per_trade / loss
    per unit. The smallest is what the desk wants, and the opportunity's own method may only make it smaller.
    """
    loss = loss_per_unit(opportunity)
    vol = opportunity.annual_vol
    if equity <= 0 or opportunity.notional_usd <= 0 or not (math.isfinite(vol) and vol > 0) or loss is None:
        return {}
    units = {
        VOLATILITY_TARGET: equity * limits.position_vol / (Decimal(repr(vol)) * opportunity.notional_usd),
        RISK_PER_TRADE: equity * limits.risk_per_trade / loss,
    }
    units |= _by_method(opportunity.sizing, record, at_risk=equity / loss)
    if opportunity.max_notional_usd is not None:
        units[STRATEGY_WEIGHT] = opportunity.max_notional_usd / opportunity.notional_usd
    return units


def _by_method(rules: SizingRules, record: StrategyRecord, *, at_risk: Decimal) -> dict[str, Decimal]:
    """Return the cap of a sizing method; `at_risk` are the units that would lose the whole equity at their stop.

    Notes
    -----
    Kelly's fraction is what an average loss may cost. Losses larger than 1 R, gaps through the stop, make fewer units;
    smaller ones do not make more.
    """
    if rules.method == "fixed_fraction":
        return {FIXED_FRACTION: at_risk * Decimal(repr(rules.fixed_fraction))}
    if rules.method == "kelly":
        edge = shrunk_edge(record, rules)
        share = rules.kelly_multiple * kelly_fraction(edge.win_rate, edge.payoff) / max(edge.loss_r, 1.0)
        return {KELLY_FRACTION: at_risk * Decimal(repr(share))} if share > 0 else {NO_EDGE: ZERO}
    return {}


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
