"""What an approved opportunity is sent as. Its id is derived from the decision: the same decision has the same id."""

from __future__ import annotations

from datetime import timedelta

from orchestrator.domain.base import ZERO
from orchestrator.domain.opportunities import TradeOpportunity
from orchestrator.domain.orders import OrderIntent, OrderType, Purpose, TimeInForce, client_order_id
from orchestrator.domain.risk import Approved, Resized

VALIDITY = timedelta(minutes=15)
"""How long a decision may be sent or rest; then it is cancelled and decided anew."""

_FOR_GOOD = timedelta(days=3650)


def intent_of(opportunity: TradeOpportunity, verdict: Approved | Resized, *, desk: str, version: int) -> OrderIntent:
    """Return the intent of an approved opportunity."""
    order_id = _order_id(opportunity, desk)
    entry = opportunity.purpose is Purpose.ENTRY
    rests = opportunity.time_in_force is TimeInForce.GTC
    return OrderIntent(
        client_order_id=order_id,
        module=opportunity.module,
        strategy=opportunity.strategy,
        purpose=opportunity.purpose,
        symbol=opportunity.symbol,
        legs=opportunity.legs,
        side=opportunity.side,
        qty=verdict.qty,
        order_type=opportunity.order_type,
        limit_price=opportunity.limit_px,
        stop_price=opportunity.stop_price if opportunity.order_type is OrderType.STOP else None,
        time_in_force=opportunity.time_in_force,
        decided_at=opportunity.decided_at,
        valid_until=opportunity.decided_at + (_FOR_GOOD if rests else VALIDITY),
        decision_px=opportunity.decision_px,
        position_id=order_id if entry else opportunity.position_id or "",
        replaces=opportunity.replaces,
        reserved_usd=verdict.qty * opportunity.worst_notional_usd if entry else ZERO,
        protect_stop=opportunity.stop_price if entry else None,
        take_profit=opportunity.take_profit if entry else None,
        max_loss_usd=opportunity.max_loss_usd,
        leverage=opportunity.instrument.leverage,
        greeks=opportunity.greeks,
        annual_vol=opportunity.annual_vol,
        confidence=opportunity.confidence,
        reason=opportunity.reason,
        by_owner=opportunity.by_owner,
        features=opportunity.features,
        parameters_version=opportunity.parameters_version or version,
    )


def _order_id(opportunity: TradeOpportunity, desk: str) -> str:
    return client_order_id(
        opportunity.module,
        desk=desk,
        strategy=f"{opportunity.strategy}/{opportunity.purpose}",
        legs=[f"{leg.symbol}:{leg.side}:{leg.ratio}" for leg in opportunity.legs],
        decided_at=opportunity.decided_at,
    )
