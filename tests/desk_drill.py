"""A drill of one module without venue or store: its opportunities are sized and filled at once at the quoted price.

It keeps what the module said and the round trips that came of it; it is no matching engine.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal

from orchestrator.domain.base import ModuleName
from orchestrator.domain.documents import AccountView, BookDoc
from orchestrator.domain.market import MarketSnapshot, Quote, SessionState
from orchestrator.domain.opportunities import TradeOpportunity
from orchestrator.domain.orders import Fill, OrderIntent, Purpose, Side, client_order_id
from orchestrator.domain.positions import (
    Position,
    Trade,
    closed_trade,
    fill_position,
    marked,
    open_position,
)
from orchestrator.domain.risk import RiskLimits
from orchestrator.domain.sizing import size
from orchestrator.module import Context, ModuleConfig, TradingModule

EQUITY = Decimal(100_000)


def quote(symbol: str, price: float, now: datetime, half_spread: float = 0.0002) -> Quote:
    step = Decimal("0.0001")
    bid, ask = (Decimal(repr(price * (1 + sign * half_spread))).quantize(step) for sign in (-1, 1))
    return Quote(symbol=symbol, ts=now, bid=bid, ask=max(ask, bid), bid_size=Decimal(1000), ask_size=Decimal(1000))


def module_of(kind: type[TradingModule], universe: dict[str, tuple[str, ...]]) -> TradingModule:
    """A module for its pure decisions; nothing else of it is used."""
    return kind(None, None, None, ModuleConfig(universe=universe))  # type: ignore[arg-type]


@dataclass
class Drill:
    module: TradingModule
    parameters: object = None
    book: BookDoc = None  # type: ignore[assignment]
    said: list[TradeOpportunity] = field(default_factory=list)
    trades: list[Trade] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.parameters = self.parameters or self.module.parameters_model()
        start = datetime(2019, 1, 1, tzinfo=UTC)
        account = AccountView(venue="drill", cash=EQUITY, equity=EQUITY, buying_power=EQUITY, as_of=start)
        self.book = BookDoc(module=self.module.module_name, account=account, updated_at=start)

    def step(self, now: datetime, prices: dict[str, float], panels: dict, session: SessionState) -> None:
        quotes = {symbol: quote(symbol, price, now) for symbol, price in prices.items()}
        marks = {symbol: q.mid for symbol, q in quotes.items()}
        self._put({key: marked(p, marks) for key, p in self.book.positions.items()})
        market = MarketSnapshot(session=session, quotes=quotes, panels=panels)
        context = Context(self.book, market, self.parameters, now)
        memory = self.module.remember(context)
        for opportunity in (*self.module.monitor(context), *self.module.analyze(context)):
            self.said.append(opportunity)
            self._do(opportunity, now)
        self.book = self.book.model_copy(update={"memory": dict(memory)})

    def _do(self, wish: TradeOpportunity, now: datetime) -> None:
        if wish.purpose is Purpose.PROTECT:
            held = self.book.positions[wish.position_id]
            return self._put({**self.book.positions, held.id: held.model_copy(update={"stop_price": wish.stop_price})})
        if wish.purpose is Purpose.EXIT:
            return self._leave(wish, now)
        room = min(EQUITY * Decimal("0.15"), self._room())
        qty, _ = size(wish, equity=EQUITY, limits=RiskLimits(), headroom_usd={"drill": room})
        if qty and wish.two_sided:
            position = fill_position(open_position(_intent(wish, qty), now), _fill(wish, qty, now))
            self._put({**self.book.positions, position.id: position})
        return None

    def _room(self) -> Decimal:
        held = sum((p.gross_exposure for p in self.book.positions.values()), Decimal(0))
        share = RiskLimits().module_allocation[ModuleName(self.module.module_name)]
        return EQUITY * share - held

    def _leave(self, wish: TradeOpportunity, now: datetime) -> None:
        held = self.book.positions[wish.position_id]
        fill = _fill(wish, wish.qty, now)
        flat = fill_position(held, fill)
        flat = flat.model_copy(update={"exit_value": fill.qty * fill.price, "exit_qty": fill.qty})
        self.trades.append(closed_trade(flat, exit_reason=wish.reason, now=now))
        self._put({key: p for key, p in self.book.positions.items() if key != held.id})

    def _put(self, positions: dict[str, Position]) -> None:
        self.book = self.book.model_copy(update={"positions": positions})


def _intent(wish: TradeOpportunity, qty: Decimal) -> OrderIntent:
    legs = [leg.symbol for leg in wish.legs]
    key = client_order_id(wish.module, desk="d", strategy=wish.strategy, legs=legs, decided_at=wish.decided_at)
    return OrderIntent(
        client_order_id=key,
        module=wish.module,
        strategy=wish.strategy,
        purpose=wish.purpose,
        symbol=wish.symbol,
        legs=wish.legs,
        side=wish.side,
        qty=qty,
        order_type=wish.order_type,
        limit_price=wish.limit_px,
        decided_at=wish.decided_at,
        valid_until=wish.decided_at,
        decision_px=wish.decision_px,
        position_id=key,
        protect_stop=wish.stop_price,
        take_profit=wish.take_profit,
        confidence=wish.confidence,
        features=wish.features,
    )


def _fill(wish: TradeOpportunity, qty: Decimal, now: datetime) -> Fill:
    """Filled at the decision price, a twentieth of a percent worse."""
    worse = 1 + Decimal("0.0005") * (1 if wish.side is Side.BUY else -1)
    return Fill(
        trade_id=f"{wish.symbol}{now.isoformat()}{wish.side}",
        client_order_id="",
        symbol=wish.symbol,
        side=wish.side,
        qty=qty,
        price=wish.decision_px * worse,
        fee=Decimal(0),
        ts_event=now,
    )
