"""A desk for tests: one scripted module on the shipped fakes, through the real orchestrator."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import ClassVar

from pydantic import Field

from orchestrator.adapters.memory.broker import MemoryBroker
from orchestrator.adapters.memory.market import MemoryMarketData
from orchestrator.adapters.memory.store import MemoryDataLayer
from orchestrator.cycle import CycleReport, Desk, ModularOrchestrator
from orchestrator.domain.base import ModuleName
from orchestrator.domain.codec import decode
from orchestrator.domain.documents import BookDoc, book_path
from orchestrator.domain.instruments import AssetClass, Instrument
from orchestrator.domain.market import DataRequest, Quote, SessionState
from orchestrator.domain.opportunities import TradeOpportunity
from orchestrator.domain.orders import Leg, Order, OrderType, Purpose, Side, TimeInForce
from orchestrator.domain.parameters import Parameters
from orchestrator.domain.positions import Position
from orchestrator.module import Context, ModuleConfig, TradingModule
from orchestrator.ports import Broker, Store, VenueOrder
from orchestrator.seed import seed

START = datetime(2026, 7, 16, 14, 0, tzinfo=UTC)


class ScriptedParameters(Parameters):
    """One bounded number."""

    threshold: float = Field(default=0.5, ge=0, le=1)


class ScriptedModule(TradingModule):
    """Buys what the test says, protects what it holds, leaves when told."""

    module_name: ClassVar[ModuleName] = ModuleName.STOCKS
    parameters_model: ClassVar[type[Parameters]] = ScriptedParameters
    entries: ClassVar[list[str]] = []
    exits: ClassVar[bool] = False
    protects: ClassVar[bool] = False
    raises: ClassVar[bool] = False

    def request(self, book: BookDoc, parameters: Parameters, now: datetime) -> DataRequest:
        return DataRequest(quotes=("XLK", "XLF", "AAPL"))

    def analyze(self, context: Context) -> list[TradeOpportunity]:
        if self.raises:
            raise ZeroDivisionError("a faulty strategy")
        return [entry(symbol, context) for symbol in self.entries]

    def monitor(self, context: Context) -> list[TradeOpportunity]:
        found = []
        for position in context.book.positions.values():
            if self.exits:
                resting = (position.protective_order_id,) if position.protective_order_id else ()
                found.append(leave(position, context, resting))
            elif self.protects and position.protective_order_id is None:
                found.append(protect(position.id, position.symbol, position.units, context))
        return found


def _base(symbol: str, context: Context, purpose: Purpose) -> dict[str, object]:
    quote = context.market.quotes.get(symbol)
    mid = quote.mid if quote else None
    side = Side.BUY if purpose is Purpose.ENTRY else Side.SELL
    return {
        "module": ModuleName.STOCKS,
        "strategy": "scripted",
        "purpose": purpose,
        "symbol": symbol,
        "instrument": Instrument(symbol=symbol, asset_class=AssetClass.EQUITY),
        "side": side,
        "legs": (Leg(symbol=symbol, side=side),),
        "decided_at": context.now,
        "decision_px": mid or Decimal(100),
        "notional_usd": mid or Decimal(100),
        "confidence": 0.9,
        "reason": "the test says so",
        "quote_ts": quote.ts if quote else None,
        "spread": quote.spread if quote else None,
        "two_sided": bool(quote and quote.two_sided),
    }


def entry(symbol: str, context: Context) -> TradeOpportunity:
    base = _base(symbol, context, Purpose.ENTRY)
    px = Decimal(str(base["decision_px"]))
    return TradeOpportunity.model_validate(
        base | {"limit_px": px * Decimal("1.002"), "stop_price": px * Decimal("0.95"), "annual_vol": 0.2}
    )


def leave(position: Position, context: Context, replaces: tuple[str, ...]) -> TradeOpportunity:
    base = _base(position.symbol, context, Purpose.EXIT)
    px = Decimal(str(base["decision_px"]))
    return TradeOpportunity.model_validate(
        base
        | {
            "limit_px": px * Decimal("0.998"),
            "qty": position.units,
            "position_id": position.id,
            "reason": "signal",
            "replaces": replaces,
        }
    )


def protect(position_id: str, symbol: str, qty: Decimal, context: Context) -> TradeOpportunity:
    base = _base(symbol, context, Purpose.PROTECT)
    px = Decimal(str(base["decision_px"]))
    return TradeOpportunity.model_validate(
        base
        | {
            "order_type": OrderType.STOP,
            "time_in_force": TimeInForce.GTC,
            "stop_price": px * Decimal("0.95"),
            "qty": qty,
            "position_id": position_id,
            "reason": "stop",
        }
    )


@dataclass
class TestDesk:
    """One desk, its venue and its clock."""

    __test__ = False

    store: Store = field(default_factory=MemoryDataLayer)
    now: datetime = START
    module: type[ScriptedModule] = ScriptedModule
    broker: MemoryBroker = field(init=False)
    market: MemoryMarketData = field(default_factory=MemoryMarketData)

    def __post_init__(self) -> None:
        self.module = type("Scripted", (ScriptedModule,), {})
        self.broker = MemoryBroker(now=lambda: self.now, name="venue")
        seed(self.store, {ModuleName.STOCKS: ScriptedParameters()}, now=self.now)
        self.prices({"XLK": Decimal(100), "XLF": Decimal(50), "AAPL": Decimal(200)})

    def prices(self, prices: dict[str, Decimal]) -> None:
        self.broker.set_prices(prices)
        self.market.put_quotes(
            Quote(
                symbol=symbol,
                ts=self.now,
                bid=px - Decimal("0.01"),
                ask=px + Decimal("0.01"),
                bid_size=Decimal(1000),
                ask_size=Decimal(1000),
            )
            for symbol, px in prices.items()
        )

    def orchestrator(self, broker: Broker | None = None) -> ModularOrchestrator:
        """A new process: nothing but the store survives."""
        desk = Desk(self.module, ModuleConfig(universe={}), broker or self.broker, self.market)
        return ModularOrchestrator(self.store, {ModuleName.STOCKS: lambda: desk})

    def cycle(
        self, minutes: float = 5, prices: dict[str, Decimal] | None = None, broker: Broker | None = None
    ) -> CycleReport:
        """Let time pass, then run the next slot."""
        self.now += timedelta(minutes=minutes)
        self.prices(prices or {"XLK": Decimal(100), "XLF": Decimal(50), "AAPL": Decimal(200)})
        return self.orchestrator(broker).cycle(ModuleName.STOCKS, slot=self.now, now=self.now)

    @property
    def book(self) -> BookDoc:
        path = book_path(ModuleName.STOCKS)
        return decode(BookDoc, dict(self.store.get_many([path])[path].data), where=path)

    def close_session(self) -> None:
        self.market.session = SessionState(is_open=False)

    def submitted(self) -> list[str]:
        return [order_id for call, order_id in self.broker.calls if call == "submit"]


class DyingBroker:
    """The venue of a process that is killed while it submits: before the order leaves, or before the answer is read."""

    def __init__(self, broker: MemoryBroker, *, sends: bool) -> None:
        self._broker, self._sends, self.name, self.profile = broker, sends, broker.name, broker.profile
        self.state, self.cancel, self.find = broker.state, broker.cancel, broker.find

    def submit(self, order: Order) -> VenueOrder:
        if self._sends:
            self._broker.submit(order)
        raise KeyboardInterrupt
