"""Trading on paper: what a shadow's decisions would have come to. Entries and exits are had at the middle, at a cost.

Both arms of a shadow are treated alike, so that the comparison is fair; what it leaves out (refusals by risk, what the
market would have given) it leaves out of both. A round trip is counted in R: its gain over what was at risk.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

from orchestrator.domain.base import ZERO
from orchestrator.domain.opportunities import TradeOpportunity
from orchestrator.domain.orders import Side
from orchestrator.domain.positions import Position, PositionLeg, marked, unit_risk_usd

UNITS = Decimal(100)
"""Units of every position on paper; what is counted does not depend on it."""
MOST_HELD = 20
_BPS = Decimal(10_000)


def entered(wish: TradeOpportunity, marks: Mapping[str, Decimal], version: int, now: datetime) -> Position | None:
    """Return the position that an entry would open; None where a leg has no price."""
    prices = {**marks, wish.legs[0].symbol: wish.decision_px} if len(wish.legs) == 1 else marks
    if not wish.two_sided or any(leg.symbol not in prices for leg in wish.legs):
        return None
    legs = tuple(
        PositionLeg(
            symbol=leg.symbol,
            qty=leg.side.sign * leg.ratio * UNITS,
            avg_px=prices[leg.symbol],
            multiplier=leg.multiplier,
        )
        for leg in wish.legs
    )
    return Position(
        id=f"{wish.strategy}:{wish.symbol}",
        module=wish.module,
        strategy=wish.strategy,
        symbol=wish.symbol,
        side=wish.side,
        legs=legs,
        opened_at=now,
        entry_px=wish.decision_px,
        decision_px=wish.decision_px,
        stop_price=wish.stop_price,
        take_profit=wish.take_profit,
        max_loss_usd=wish.max_loss_usd,
        leverage=wish.instrument.leverage,
        greeks=wish.greeks,
        annual_vol=wish.annual_vol,
        confidence=wish.confidence,
        features={**wish.features, "confidence": wish.confidence},
        parameters_version=version,
    )


def left(position: Position, qty: Decimal, price: Decimal | None = None) -> Position:
    """Return the position after `qty` units are left at its marks, or at `price` where it has one leg."""
    if price is not None and len(position.legs) == 1:
        position = marked(position, {position.legs[0].symbol: price})
    held = position.units
    share = min(qty / held, Decimal(1)) if held > 0 else Decimal(1)
    gained = position.unrealized_pnl * share
    legs = tuple(leg.model_copy(update={"qty": ZERO if share == 1 else leg.qty * (1 - share)}) for leg in position.legs)
    update = {
        "legs": legs,
        "realized_pnl": position.realized_pnl + gained,
        "exit_qty": position.exit_qty + held * share,
    }
    return position.model_copy(update=update)


def stopped(position: Position) -> bool:
    """Return whether the mark of a bought single leg has reached the stop that would rest at the venue."""
    mark = position.legs[0].mark_px
    if len(position.legs) != 1 or position.side is Side.SELL or mark is None:
        return False
    levels = [level for level in (position.stop_price, position.raised_stop) if level is not None]
    return bool(levels) and mark <= max(levels)


def outcome_r(position: Position, cost_bps: float) -> float | None:
    """Return what a position that was left gained, in R after costs of both sides; None where nothing was at risk."""
    at_risk = unit_risk_usd(position) * position.exit_qty
    if at_risk <= 0:
        return None
    notional = sum((abs(leg.avg_px) * leg.multiplier for leg in position.legs), ZERO) * position.exit_qty
    cost = 2 * notional * Decimal(repr(cost_bps)) / _BPS
    return float((position.realized_pnl - cost) / at_risk)
