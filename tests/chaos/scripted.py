"""Modules that do what a script says: three of them, with the shapes of orders that the real ones send."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar

from orchestrator.domain.base import ModuleName
from orchestrator.domain.documents import BookDoc
from orchestrator.domain.greeks import Greeks
from orchestrator.domain.instruments import AssetClass, Instrument, is_occ
from orchestrator.domain.market import DataRequest
from orchestrator.domain.opportunities import TradeOpportunity
from orchestrator.domain.orders import Leg, OrderType, Purpose, Side, TimeInForce
from orchestrator.domain.parameters import Parameters
from orchestrator.domain.positions import Position
from orchestrator.module import Context, TradingModule

LOW, HIGH = "SPY260918C00600000", "SPY260918C00610000"
"""The legs of the one spread that the options module trades: bought the lower, sold the upper call."""

SYMBOLS: dict[ModuleName, tuple[str, ...]] = {
    ModuleName.STOCKS: ("XLK", "XLF", "AAPL"),
    ModuleName.OPTIONS: ("SPY",),
    ModuleName.CRYPTO: ("BTC/USD", "ETH/USD"),
}
QUOTED: dict[ModuleName, tuple[str, ...]] = {
    ModuleName.STOCKS: (*SYMBOLS[ModuleName.STOCKS], "MSFT"),
    ModuleName.OPTIONS: ("SPY", LOW, HIGH),
    ModuleName.CRYPTO: (*SYMBOLS[ModuleName.CRYPTO], "SOL/USD"),
}

FOREIGN = {"venue": "MSFT", "crypto": "SOL/USD"}
"""What somebody else brings into each account; no module trades it of itself."""

_CLASSES = {ModuleName.STOCKS: AssetClass.EQUITY, ModuleName.CRYPTO: AssetClass.CRYPTO}
_LOTS = {ModuleName.CRYPTO: Decimal("0.0001")}
_HUNDRED = Decimal(100)
_WIDTH = Decimal(10)


@dataclass
class Script:
    """What one module wants: symbols to enter, symbols to leave, whether it protects what it holds.

    Limits that are `aggressive` are crossed at once; the others rest below the market.
    """

    entries: list[str] = field(default_factory=list)
    exits: set[str] = field(default_factory=set)
    protects: bool = True
    aggressive: bool = True


class Scripted(TradingModule):
    """A module of one script; a subclass names the module and carries the script."""

    parameters_model: ClassVar[type[Parameters]] = Parameters
    script: ClassVar[Script]

    def request(self, book: BookDoc, parameters: Parameters, now: datetime) -> DataRequest:
        return DataRequest(quotes=QUOTED[self.module_name])

    def analyze(self, context: Context) -> list[TradeOpportunity]:
        return [self._entry(symbol, context) for symbol in self.script.entries]

    def monitor(self, context: Context) -> list[TradeOpportunity]:
        found = []
        for position in context.book.positions.values():
            if position.symbol in self.script.exits:
                found.append(self._exit(position, context))
            elif self.script.protects and position.protective_order_id is None and len(position.legs) == 1:
                found.append(self._stop(position, context))
        return found

    def _entry(self, symbol: str, context: Context) -> TradeOpportunity:
        if self.module_name is ModuleName.OPTIONS:
            return self._spread(symbol, context)
        base = self._base(symbol, (Leg(symbol=symbol, side=Side.BUY),), Purpose.ENTRY, context)
        px = base["decision_px"]
        limit = px * (Decimal("1.002") if self.script.aggressive else Decimal("0.995"))
        return TradeOpportunity.model_validate(base | {"limit_px": limit, "stop_price": px * Decimal("0.95")})

    def _spread(self, symbol: str, context: Context) -> TradeOpportunity:
        legs = (_option(LOW, Side.BUY), _option(HIGH, Side.SELL))
        base = self._base(symbol, legs, Purpose.ENTRY, context)
        px = base["decision_px"]
        limit = px + (Decimal("0.10") if self.script.aggressive else Decimal("-0.50"))
        loss = limit * _HUNDRED
        return TradeOpportunity.model_validate(base | {"limit_px": limit, "notional_usd": loss, "max_loss_usd": loss})

    def _exit(self, position: Position, context: Context) -> TradeOpportunity:
        """Return the one order that leaves; an orphan leg leaves by itself."""
        held = [leg for leg in position.legs if leg.qty]
        sides = {leg.symbol: Side.SELL if leg.qty > 0 else Side.BUY for leg in held}
        legs = tuple(Leg(symbol=leg.symbol, side=sides[leg.symbol], multiplier=leg.multiplier) for leg in held)
        base = self._base(position.symbol, legs, Purpose.EXIT, context)
        worse = abs(base["decision_px"]) * Decimal("0.002")
        paid = base["decision_px"] + worse if len(legs) > 1 or legs[0].side is Side.BUY else base["decision_px"] - worse
        resting = (position.protective_order_id,) if position.protective_order_id else ()
        return TradeOpportunity.model_validate(
            base
            | {"side": legs[0].side if len(legs) == 1 else Side.SELL, "limit_px": paid, "qty": position.units}
            | {"position_id": position.id, "replaces": resting}
        )

    def _stop(self, position: Position, context: Context) -> TradeOpportunity:
        side = Side.SELL if position.legs[0].qty > 0 else Side.BUY
        base = self._base(position.symbol, (Leg(symbol=position.symbol, side=side),), Purpose.PROTECT, context)
        return TradeOpportunity.model_validate(
            base
            | {"order_type": OrderType.STOP, "time_in_force": TimeInForce.GTC, "stop_price": position.stop_price}
            | {"side": side, "qty": position.units, "position_id": position.id}
        )

    def _base(self, symbol: str, legs: tuple[Leg, ...], purpose: Purpose, context: Context) -> dict[str, Any]:
        quotes = [context.market.quotes.get(leg.symbol) for leg in legs]
        mids = [quote.mid if quote else None for quote in quotes]
        known = all(mid is not None for mid in mids)
        signs = [leg.side.sign if len(legs) > 1 else 1 for leg in legs]
        px = sum((mid * sign for mid, sign in zip(mids, signs, strict=True)), Decimal(0)) if known else _HUNDRED
        return {
            "module": self.module_name,
            "strategy": "scripted",
            "purpose": purpose,
            "symbol": symbol,
            "instrument": _instrument(symbol, legs, self.module_name),
            "side": legs[0].side,
            "legs": legs,
            "decided_at": context.now,
            "decision_px": px,
            "notional_usd": abs(px),
            "confidence": 0.9,
            "reason": "the script says so",
            "annual_vol": 0.2,
            "quote_ts": context.now if known else None,
            "spread": Decimal("0.02") if known else None,
            "greeks": Greeks(delta_usd=float(abs(px))) if is_occ(legs[0].symbol) else None,
            "two_sided": known,
        }


def _instrument(symbol: str, legs: tuple[Leg, ...], module: ModuleName) -> Instrument:
    if is_occ(legs[0].symbol):
        return Instrument(symbol=legs[0].symbol, asset_class=AssetClass.OPTION, multiplier=_HUNDRED)
    lot = _LOTS.get(module, Decimal(1))
    return Instrument(symbol=symbol, asset_class=_CLASSES[module], lot_size=lot, min_qty=lot)


def _option(symbol: str, side: Side) -> Leg:
    return Leg(symbol=symbol, side=side, multiplier=_HUNDRED)


def scripted(module: ModuleName, script: Script) -> type[Scripted]:
    """Return the module's class for this script."""
    return type(f"Scripted{module.value.title()}", (Scripted,), {"module_name": module, "script": script})
