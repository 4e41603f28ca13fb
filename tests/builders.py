"""Small makers of domain values for tests; everything has a sensible default."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from orchestrator.domain.base import ModuleName
from orchestrator.domain.documents import AccountView, BookDoc, ExposureDoc
from orchestrator.domain.instruments import AssetClass, Instrument
from orchestrator.domain.opportunities import TradeOpportunity
from orchestrator.domain.orders import (
    Fill,
    Leg,
    Order,
    OrderIntent,
    OrderState,
    OrderType,
    Purpose,
    Side,
    plan,
)
from orchestrator.domain.positions import Position, PositionLeg

NOW = datetime(2026, 7, 16, 14, 0, tzinfo=UTC)


def intent(**changes: Any) -> OrderIntent:
    """Return an entry of 10 XLK at a limit of 100."""
    base: dict[str, Any] = {
        "client_order_id": "sabcdefghijklmnop2",
        "module": ModuleName.STOCKS,
        "strategy": "momentum",
        "purpose": Purpose.ENTRY,
        "symbol": "XLK",
        "legs": (Leg(symbol="XLK", side=Side.BUY),),
        "side": Side.BUY,
        "qty": Decimal(10),
        "order_type": OrderType.LIMIT,
        "limit_price": Decimal(100),
        "decided_at": NOW,
        "valid_until": NOW + timedelta(minutes=15),
        "decision_px": Decimal(100),
        "position_id": "sabcdefghijklmnop2",
        "reserved_usd": Decimal(1000),
        "protect_stop": Decimal(95),
    }
    return OrderIntent.model_validate(base | changes)


def order(state: OrderState = OrderState.PLANNED, /, **changes: Any) -> Order:
    """Return an order in a state, with `changes` to its intent."""
    return plan(intent(**changes), NOW).model_copy(update={"state": state})


def fill(trade_id: str = "t1", /, **changes: Any) -> Fill:
    """Return a buy of 10 XLK at 100."""
    base: dict[str, Any] = {
        "trade_id": trade_id,
        "client_order_id": "sabcdefghijklmnop2",
        "symbol": "XLK",
        "side": Side.BUY,
        "qty": Decimal(10),
        "price": Decimal(100),
        "ts_event": NOW,
    }
    return Fill.model_validate(base | changes)


def position(**changes: Any) -> Position:
    """Return 10 XLK held at 100."""
    base: dict[str, Any] = {
        "id": "sabcdefghijklmnop2",
        "module": ModuleName.STOCKS,
        "strategy": "momentum",
        "symbol": "XLK",
        "legs": (PositionLeg(symbol="XLK", qty=Decimal(10), avg_px=Decimal(100)),),
        "opened_at": NOW,
        "entry_px": Decimal(100),
        "decision_px": Decimal(100),
    }
    return Position.model_validate(base | changes)


def account(**changes: Any) -> AccountView:
    """Return an account of 100,000 USD."""
    base: dict[str, Any] = {
        "venue": "alpaca",
        "cash": Decimal(100_000),
        "equity": Decimal(100_000),
        "buying_power": Decimal(100_000),
        "as_of": NOW,
    }
    return AccountView.model_validate(base | changes)


def book(**changes: Any) -> BookDoc:
    """Return the book of the stocks module with an account and nothing held."""
    base: dict[str, Any] = {"module": ModuleName.STOCKS, "account": account(), "updated_at": NOW}
    return BookDoc.model_validate(base | changes)


def exposure(**changes: Any) -> ExposureDoc:
    """Return the exposure of a desk of 100,000 USD that holds nothing."""
    base: dict[str, Any] = {
        "venue_equity": {"alpaca": Decimal(100_000)},
        "peak_equity": Decimal(100_000),
        "day": NOW.date(),
        "day_start_equity": Decimal(100_000),
        "week": NOW.date() - timedelta(days=NOW.weekday()),
        "week_start_equity": Decimal(100_000),
        "updated_at": NOW,
    }
    return ExposureDoc.model_validate(base | changes)


def opportunity(**changes: Any) -> TradeOpportunity:
    """Return an entry into XLK at 100 with a stop at 95 that every rule lets through."""
    base: dict[str, Any] = {
        "module": ModuleName.STOCKS,
        "strategy": "momentum",
        "purpose": Purpose.ENTRY,
        "symbol": "XLK",
        "instrument": Instrument(symbol="XLK", asset_class=AssetClass.EQUITY),
        "side": Side.BUY,
        "legs": (Leg(symbol="XLK", side=Side.BUY),),
        "decided_at": NOW,
        "decision_px": Decimal(100),
        "limit_px": Decimal("100.1"),
        "notional_usd": Decimal(100),
        "annual_vol": 0.2,
        "stop_price": Decimal(95),
        "confidence": 0.8,
        "reason": "it rose",
        "quote_ts": NOW,
        "spread": Decimal("0.02"),
        "two_sided": True,
    }
    return TradeOpportunity.model_validate(base | changes)
