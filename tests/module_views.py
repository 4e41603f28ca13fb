"""Small markets and books for tests that look at one decision of a module."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import numpy as np

from orchestrator.domain.base import ModuleName
from orchestrator.domain.documents import BookDoc
from orchestrator.domain.market import MarketSnapshot, Panel, Quote, SessionState
from orchestrator.domain.orders import Leg, Order, OrderIntent, OrderState, OrderType, Purpose, Side
from orchestrator.domain.parameters import Parameters
from orchestrator.domain.positions import Position, PositionLeg
from orchestrator.module import Context

NOW = datetime(2026, 7, 16, 14, 0, tzinfo=UTC)
"""A Thursday, half an hour into New York's session, at the end of an hour."""

CLOSE = datetime(2026, 7, 16, 20, 0, tzinfo=UTC)
OPEN_SESSION = SessionState(is_open=True, close=CLOSE)
CLOSED_SESSION = SessionState(is_open=False, next_open=datetime(2026, 7, 17, 13, 30, tzinfo=UTC))


def rising(bars: int = 160, *, drift: float = 0.002, noise: float = 0.004, seed: int = 1) -> np.ndarray:
    """Closes that rise by `drift` a bar with some noise."""
    steps = np.random.default_rng(seed).normal(0, noise, bars)
    return 100.0 * np.exp(np.cumsum(steps - steps.mean() + drift))


def steady(bars: int = 160, *, drift: float, swing: float) -> np.ndarray:
    """Closes that rise by `drift` a bar and swing by `swing` up and down in turn."""
    return 100.0 * np.exp(np.cumsum(np.full(bars, drift) + np.resize([swing, -swing], bars)))


def panel(closes: dict[str, np.ndarray], *, minutes: int = 1440, newest: datetime = NOW) -> Panel:
    """Bars that end at `newest`, each a little wider than its close; shorter series end there too."""
    rows = max((len(series) for series in closes.values()), default=0)
    ends = int(newest.timestamp()) - np.arange(rows - 1, -1, -1, dtype=np.int64) * 60 * minutes
    columns = [np.append(np.full(rows - len(series), np.nan), series) for series in closes.values()]
    close = np.column_stack(columns) if columns else np.empty((0, 0))
    return Panel(tuple(closes), ends, close, close * 1.004, close * 0.996, close, np.ones_like(close))


def quote(symbol: str, price: float, *, now: datetime = NOW, bid: bool = True, ask: bool = True) -> Quote:
    low, high = (Decimal(repr(round(price * (1 + sign * 0.0002), 4))) for sign in (-1, 1))
    return Quote(symbol=symbol, ts=now, bid=low if bid else None, ask=high if ask else None)


def market(
    panels: dict[int, Panel], quotes: tuple[Quote, ...] = (), session: SessionState = OPEN_SESSION
) -> MarketSnapshot:
    return MarketSnapshot(session=session, quotes={q.symbol: q for q in quotes}, panels=panels)


def book(
    module: ModuleName, *positions: Position, orders: tuple[Order, ...] = (), memory: dict[str, str] | None = None
):
    held = {position.id: position for position in positions}
    working = {order.id: order for order in orders}
    return BookDoc(module=module, positions=held, orders=working, memory=memory or {}, updated_at=NOW)


def context(book_doc: BookDoc, seen: MarketSnapshot, parameters: Parameters, now: datetime = NOW) -> Context:
    return Context(book_doc, seen, parameters, now)


def position(symbol: str, strategy: str, module: ModuleName = ModuleName.STOCKS, **changes) -> Position:
    px = changes.get("entry_px", Decimal(100))
    values = {
        "id": f"p-{symbol}",
        "module": module,
        "strategy": strategy,
        "symbol": symbol,
        "legs": (PositionLeg(symbol=symbol, qty=Decimal(10), avg_px=px),),
        "opened_at": datetime(2026, 7, 15, 14, tzinfo=UTC),
        "entry_px": px,
        "decision_px": px,
        "stop_price": px * Decimal("0.9"),
        "take_profit": px * Decimal("1.5"),
        "features": {"timeframe_minutes": 1440.0},
    }
    return Position(**values | changes)


def order(held: Position, purpose: Purpose, *, key: str = "o1", state: OrderState = OrderState.WORKING) -> Order:
    side = Side.BUY if purpose is Purpose.ENTRY else Side.SELL
    intent = OrderIntent(
        client_order_id=key,
        module=held.module,
        strategy=held.strategy,
        purpose=purpose,
        symbol=held.symbol,
        legs=(Leg(symbol=held.symbol, side=side),),
        side=side,
        qty=held.units,
        order_type=OrderType.STOP if purpose is Purpose.PROTECT else OrderType.LIMIT,
        decided_at=NOW,
        valid_until=NOW,
        decision_px=held.entry_px,
        position_id=held.id,
    )
    return Order(intent=intent, state=state, updated_at=NOW)
