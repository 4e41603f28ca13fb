"""A desk in the middle of its day, written with the models and the codec the desk uses. Every figure is invented."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from pydantic import BaseModel

from orchestrator.domain.base import ModuleName, cents
from orchestrator.domain.documents import (
    AccountView,
    BookDoc,
    CycleDoc,
    CycleStatus,
    CycleSummary,
    DeskStateDoc,
    EquityDoc,
    EquityPoint,
    EventDoc,
    EventKind,
    ExposureDoc,
    ModuleSummary,
    NotificationDoc,
    OpportunityTrace,
    OrderDoc,
    SummaryDoc,
    TradeDoc,
    UserDoc,
)
from orchestrator.domain.orders import Fill, Leg, Order, OrderIntent, OrderState, OrderType, Purpose, Side
from orchestrator.domain.positions import Position, PositionLeg, Trade
from orchestrator.domain.risk import DenialCode, DeskState

NOW = datetime(2026, 8, 20, 18, 25, tzinfo=UTC)
STOCKS, OPTIONS, CRYPTO = ModuleName.STOCKS, ModuleName.OPTIONS, ModuleName.CRYPTO


def minutes(count: float) -> datetime:
    """Return the moment that many minutes before NOW."""
    return NOW - timedelta(minutes=count)


def dec(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def intent(module: ModuleName, symbol: str, **given: Any) -> OrderIntent:
    """Return an entry of 10 at 100 in one leg, with whatever is given instead."""
    key = f"{module.value[0]}{symbol.lower().replace('/', '')}{given.pop('n', 1)}"
    values: dict[str, Any] = {
        "client_order_id": key,
        "module": module,
        "strategy": "sector_rotation",
        "purpose": Purpose.ENTRY,
        "symbol": symbol,
        "legs": (Leg(symbol=symbol, side=given.get("side", Side.BUY)),),
        "side": Side.BUY,
        "qty": Decimal(10),
        "order_type": OrderType.LIMIT,
        "limit_price": Decimal(100),
        "decided_at": NOW,
        "valid_until": NOW + timedelta(hours=2),
        "decision_px": Decimal(100),
        "position_id": key,
        **given,
    }
    return OrderIntent(**values)


def filled(what: OrderIntent, price: str, at: datetime, fee: str = "0") -> OrderDoc:
    """Return an order that filled in one execution."""
    fill = Fill(
        trade_id=f"f-{what.client_order_id}",
        client_order_id=what.client_order_id,
        symbol=what.legs[0].symbol,
        side=what.side,
        qty=what.qty,
        price=Decimal(price),
        fee=Decimal(fee),
        ts_event=at,
    )
    order = Order(
        intent=what,
        state=OrderState.FILLED,
        broker_order_id=f"v-{what.client_order_id}",
        filled_qty=what.qty,
        avg_px=Decimal(price),
        fees=Decimal(fee),
        fills=(fill,),
        updated_at=at,
    )
    return order_doc(order)


def order_doc(order: Order) -> OrderDoc:
    return OrderDoc(
        order=order,
        module=order.intent.module,
        symbol=order.intent.symbol,
        state=order.state.value,
        terminal=order.state.terminal,
        created_at=order.intent.decided_at,
        updated_at=order.updated_at,
    )


def leg(symbol: str, qty: str, avg: str, mark: str | None, multiplier: str = "1") -> PositionLeg:
    return PositionLeg(
        symbol=symbol, qty=Decimal(qty), avg_px=Decimal(avg), mark_px=dec(mark), multiplier=Decimal(multiplier)
    )


def position(module: ModuleName, strategy: str, symbol: str, legs: tuple[PositionLeg, ...], **given: Any) -> Position:
    entry = given.pop("entry", legs[0].avg_px)
    levels = {name: dec(given.pop(name, None)) for name in ("stop_price", "take_profit", "max_loss_usd")}
    return Position(
        id=f"{module.value[0]}{symbol.lower().replace('/', '')}-p",
        module=module,
        strategy=strategy,
        symbol=symbol,
        legs=legs,
        opened_at=minutes(given.pop("opened", 300)),
        entry_px=entry,
        decision_px=entry,
        **levels,
        **given,
    )


def _stocks() -> dict[str, Position]:
    rows = (
        position(STOCKS, "sector_rotation", "XLK", (leg("XLK", "48", "251.34", "258.12"),), stop_price="243.80",
                 take_profit="266.40", opened=4_400),
        position(STOCKS, "momentum", "NVDA", (leg("NVDA", "52", "178.90", "183.41"),), stop_price="170.85",
                 take_profit="196.80", opened=1_520),
        position(STOCKS, "sector_rotation", "XLF", (leg("XLF", "140", "54.82", "54.31"),), stop_price="53.17",
                 take_profit="58.11", opened=4_400),
        position(STOCKS, "mean_reversion", "JNJ", (leg("JNJ", "31", "163.05", "164.77"),), stop_price="159.79",
                 take_profit="167.95", opened=205),
        position(STOCKS, "leveraged", "TQQQ", (leg("TQQQ", "60", "91.28", "89.95"),), stop_price="87.63",
                 take_profit="98.60", opened=95),
    )  # fmt: skip
    return {row.id: row for row in rows}


def _options() -> dict[str, Position]:
    rows = (
        position(OPTIONS, "bull_put_spread", "SPY",
                 (leg("SPY260918P00630000", "-4", "6.42", "4.18", "100"),
                  leg("SPY260918P00620000", "4", "4.55", "2.91", "100")),
                 entry=Decimal("-1.87"), stop_price="-3.74", take_profit="-0.55", max_loss_usd="3252", opened=5_900),
        position(OPTIONS, "bull_call_spread", "AAPL",
                 (leg("AAPL260918C00230000", "6", "7.90", "9.35", "100"),
                  leg("AAPL260918C00240000", "-6", "3.60", "4.20", "100")),
                 entry=Decimal("4.30"), stop_price="2.15", take_profit="7.50", max_loss_usd="2580", opened=2_950),
    )  # fmt: skip
    return {row.id: row for row in rows}


def _crypto() -> dict[str, Position]:
    rows = (
        position(CRYPTO, "session_momentum", "BTC/USD", (leg("BTC/USD", "0.0482", "113240.5", "114905.2"),),
                 stop_price="110410", take_profit="119200", opened=410),
        position(CRYPTO, "mean_reversion", "SOL/USD", (leg("SOL/USD", "18.35", "181.42", "179.06"),),
                 stop_price="174.90", take_profit="190.10", opened=52),
    )  # fmt: skip
    return {row.id: row for row in rows}


def _working() -> dict[ModuleName, dict[str, Order]]:
    protect = intent(STOCKS, "NVDA", n=7, purpose=Purpose.PROTECT, side=Side.SELL, qty=Decimal(52),
                     order_type=OrderType.STOP, limit_price=None, stop_price=Decimal("170.85"), strategy="momentum",
                     decided_at=minutes(1_518))  # fmt: skip
    entry = intent(STOCKS, "XLE", qty=Decimal(110), limit_price=Decimal("88.46"), decided_at=minutes(5))
    lost = intent(CRYPTO, "ETH/USD", qty=Decimal("0.85"), limit_price=Decimal("4312.40"), strategy="session_momentum",
                  decided_at=minutes(3))  # fmt: skip
    return {
        STOCKS: {
            protect.client_order_id: Order(intent=protect, state=OrderState.WORKING, updated_at=minutes(1_518)),
            entry.client_order_id: Order(
                intent=entry, state=OrderState.PARTIALLY_FILLED, filled_qty=Decimal(40), updated_at=minutes(1)
            ),
        },
        OPTIONS: {},
        CRYPTO: {lost.client_order_id: Order(intent=lost, state=OrderState.UNKNOWN, updated_at=minutes(2))},
    }


def books() -> dict[str, BookDoc]:
    """Return the three books by path."""
    positions = {STOCKS: _stocks(), OPTIONS: _options(), CRYPTO: _crypto()}
    working = _working()
    slots = {STOCKS: minutes(0), OPTIONS: minutes(5), CRYPTO: minutes(0)}
    versions = {STOCKS: 4, OPTIONS: 2, CRYPTO: 7}
    return {
        f"books/{name.value}": BookDoc(
            module=name,
            last_slot=slots[name],
            last_cycle=CycleSummary(slot=slots[name], status=CycleStatus.DECIDED, opportunities=4, denied=2, orders=1),
            positions=positions[name],
            orders=working[name],
            account=_account(name),
            parameters_version=versions[name],
            trades=9,
            updated_at=slots[name],
        )
        for name in ModuleName
    }


def _account(module: ModuleName) -> AccountView:
    kraken = module is CRYPTO
    venue, cash, equity = ("kraken", "10992.66", "19852.66") if kraken else ("alpaca", "38774.90", "82219.01")
    return AccountView(
        venue=venue, cash=Decimal(cash), equity=Decimal(equity), buying_power=Decimal(cash), as_of=minutes(0)
    )


def summary(**given: Any) -> SummaryDoc:
    """Return the first screen."""
    modules = {
        STOCKS: _module("612.40", "486.61", "211.35", "37612", "50000", open_positions=5, working_orders=2, trades=14),
        OPTIONS: _module("348.00", "772.00", "0", "5832", "30000", open_positions=2, trades=3,
                         last_status=CycleStatus.IDLE, fees=Decimal("18.20")),
        CRYPTO: _module("-184.27", "36.93", "-62.80", "8824", "20000", open_positions=2, unknown_orders=1, trades=22,
                        last_status=CycleStatus.DECIDED, fees=Decimal("96.14")),
    }  # fmt: skip
    values: dict[str, Any] = {
        "equity": Decimal("102071.67"),
        "day_pnl": Decimal("418.22"),
        "peak_equity": Decimal("102364.05"),
        "drawdown": 0.00286,
        "state": DeskState.ACTIVE,
        "modules": modules,
        "market": "Sample data",
        "synthetic": True,
        "updated_at": NOW,
        **given,
    }
    return SummaryDoc(**values)


def _exposure() -> ExposureDoc:
    return ExposureDoc(
        venue_equity={"alpaca": Decimal("82219.01"), "kraken": Decimal("19852.66")},
        peak_equity=Decimal("102364.05"),
        day=NOW.date(),
        day_start_equity=Decimal("101653.45"),
        updated_at=NOW,
    )


def _module(realized: str, unrealized: str, today: str, *money: str, **given: Any) -> ModuleSummary:
    exposure, limit = money
    return ModuleSummary(
        realized_pnl=Decimal(realized),
        unrealized_pnl=Decimal(unrealized),
        realized_today=Decimal(today),
        exposure=Decimal(exposure),
        allocation_limit=Decimal(limit),
        last_slot=NOW,
        **{"last_status": CycleStatus.TRADED, **given},
    )


def _walk(seed: float, steps: int, size: float) -> list[float]:
    """Return a walk that begins and ends at zero, the same at every run."""
    steps_taken = [math.sin(seed + 12.9898 * step) * 43758.5453 % 1 - 0.5 for step in range(1, steps + 1)]
    walk = [0.0, *itertools.accumulate(steps_taken)]
    return [size * (value - walk[-1] * step / steps) for step, value in enumerate(walk)]


def equity() -> EquityDoc:
    """Return a month of the curve, a point every two hours, ending where the summary stands."""
    steps = 20 * 12
    ends = {STOCKS: 1099.01, OPTIONS: 1120.00, CRYPTO: -147.34}
    walks = {name: _walk(seed, steps, 95) for name, seed in ((STOCKS, 0.7), (OPTIONS, 2.3), (CRYPTO, 4.1))}
    points = []
    for step in range(steps + 1):
        pnl = {name: ends[name] * step / steps + walks[name][step] for name in ModuleName}
        points.append(
            EquityPoint(
                at=minutes((steps - step) * 120),
                equity=cents(Decimal(100_000 + sum(pnl.values()))),
                pnl={name: cents(Decimal(value)) for name, value in pnl.items()},
            )
        )
    return EquityDoc(month="202608", points=tuple(points))


def _trace(strategy: str, symbol: str, verdict: str, confidence: float, **given: Any) -> OpportunityTrace:
    values = {"purpose": "entry", "side": "buy", "reason": "", "features": {}, **given}
    return OpportunityTrace(strategy=strategy, symbol=symbol, verdict=verdict, confidence=confidence, **values)


def _cycle(module: ModuleName, ago: float, *traces: OpportunityTrace, **given: Any) -> tuple[str, CycleDoc]:
    slot = minutes(ago)
    status = CycleStatus.TRADED if any(one.verdict != "denied" for one in traces) else CycleStatus.DECIDED
    values = {"status": status, "expire_at": slot + timedelta(days=30), **given}
    doc = CycleDoc(module=module, slot=slot, opportunities=traces, **values)
    return f"cycles/{module.value}_{slot:%Y%m%dT%H%M%SZ}", doc


def cycles() -> dict[str, CycleDoc]:
    """Return the traces of the last cycles by path."""
    concentration = {"code": DenialCode.SYMBOL_CONCENTRATION_ABOVE_MAX, "observed": "15,310", "limit": "15,308"}
    return dict(
        [
            _cycle(
                STOCKS, 0,
                _trace("sector_rotation", "XLE", "resized", 0.71, qty=Decimal(110), binding_cap="symbol_concentration",
                       reason="3rd of 11 sectors over 126 days, above its 50-day mean"),
                _trace("mean_reversion", "KO", "denied", 0.41, code=DenialCode.CONFIDENCE_BELOW_MIN, observed="0.41",
                       limit="0.55", reason="2.1 deviations below its 20-day mean"),
                _trace("momentum", "NVDA", "denied", 0.83, reason="12-month return in the top decile", **concentration),
            ),
            _cycle(
                CRYPTO, 3,
                _trace("session_momentum", "ETH/USD", "approved", 0.66, qty=Decimal("0.85"),
                       binding_cap="volatility_target", reason="US session, 1.4 % above its opening range"),
                _trace("session_momentum", "ADA/USD", "denied", 0.58, code=DenialCode.SPREAD_ABOVE_MAX,
                       observed="0.42 %", limit="0.25 %", reason="US session, breaks its range"),
            ),
            _cycle(
                OPTIONS, 5,
                _trace("bull_call_spread", "AAPL", "denied", 0.62, code=DenialCode.POSITION_DUPLICATE, observed="1",
                       limit="0", reason="Up-trend, implied volatility in the 22nd percentile"),
                _trace("bull_put_spread", "SPY", "denied", 0.57, code=DenialCode.QUOTE_AGE_ABOVE_MAX,
                       observed="1,120 s", limit="900 s", reason="Range, implied volatility in the 71st percentile"),
            ),
            _cycle(
                CRYPTO, 52,
                _trace("mean_reversion", "SOL/USD", "approved", 0.69, qty=Decimal("18.35"), binding_cap="risk",
                       reason="2.4 deviations below its 4-hour mean"),
            ),
            _cycle(
                STOCKS, 95,
                _trace("leveraged", "TQQQ", "approved", 0.88, qty=Decimal(60), binding_cap="risk_per_trade",
                       reason="Calm up-trend, confidence above the bar for 3x funds"),
                _trace("mean_reversion", "JNJ", "approved", 0.52, purpose="exit", side="sell", qty=Decimal(12),
                       reason="Target reached"),
            ),
        ]
    )  # fmt: skip


def orders() -> dict[str, OrderDoc]:
    """Return orders that filled by path."""
    docs = (
        filled(intent(STOCKS, "XLE", n=2, qty=Decimal(40), limit_price=Decimal("88.46")), "88.45", minutes(1)),
        filled(intent(CRYPTO, "SOL/USD", qty=Decimal("18.35")), "181.42", minutes(51), "8.66"),
        filled(intent(STOCKS, "TQQQ", qty=Decimal(60)), "91.28", minutes(94)),
        filled(
            intent(STOCKS, "JNJ", n=3, qty=Decimal(12), side=Side.SELL, purpose=Purpose.EXIT), "166.92", minutes(94)
        ),
        filled(intent(CRYPTO, "BTC/USD", qty=Decimal("0.0482")), "113240.50", minutes(409), "14.19"),
        filled(
            intent(CRYPTO, "ETH/USD", n=4, qty=Decimal("1.1"), side=Side.SELL, purpose=Purpose.EXIT),
            "4268.10", minutes(466), "12.21",
        ),
        filled(intent(STOCKS, "NVDA", qty=Decimal(52)), "178.90", minutes(1_520)),
    )  # fmt: skip
    return {f"orders/{doc.order.id}": doc for doc in docs}


def trades() -> dict[str, TradeDoc]:
    """Return closed round trips by path."""
    rows = (
        ("t1", STOCKS, "mean_reversion", "JNJ", ("12", "163.05", "166.92"), "46.44", "target", (1_630, 94), 0.6),
        ("t2", CRYPTO, "session_momentum", "ETH/USD", ("1.1", "4321.70", "4268.10"), "-83.31", "stop", (730, 466), 4.1),
        ("t3", STOCKS, "momentum", "META", ("9", "741.20", "759.48"), "164.52", "signal", (9_900, 1_525), 1.2),
        ("t4", OPTIONS, "long_call", "SPY", ("2", "11.20", "12.95"), "347.40", "expiry_window", (12_300, 2_930), -2.4),
    )  # fmt: skip
    return {f"trades/{row[0]}": _trade(row) for row in rows}


def _trade(row: Any) -> TradeDoc:
    key, module, strategy, symbol, (qty, entry, exit_px), pnl, reason, (opened, closed), slippage = row
    trade = Trade(
        id=key, module=module, strategy=strategy, symbol=symbol, qty=Decimal(qty), entry_px=Decimal(entry),
        exit_px=Decimal(exit_px), opened_at=minutes(opened), closed_at=minutes(closed), realized_pnl=Decimal(pnl),
        fees=Decimal("1.20"), entry_slippage_bps=slippage, exit_reason=reason, confidence=0.6, features={},
        parameters_version=1,
    )  # fmt: skip
    return TradeDoc(trade=trade, module=module, strategy=strategy, closed_at=trade.closed_at)


def events() -> dict[str, BaseModel]:
    """Return events and the notification that still waits for an answer, by path."""
    unknown = EventDoc(
        kind=EventKind.ORDER_UNKNOWN, module=CRYPTO, subject="cethusd1", severity="critical",
        text="The answer to ETH/USD buy 0.85 was lost; the symbol is frozen until the venue is asked", at=minutes(2),
    )  # fmt: skip
    told = NotificationDoc(
        event_id="e1", kind=unknown.kind, severity="critical", title="ETH/USD: order unknown",
        body="The venue may have it. The desk looks it up before anything else in ETH/USD.", created_at=minutes(2),
    )  # fmt: skip
    filled_event = EventDoc(kind=EventKind.ORDER_FILLED, module=STOCKS, text="XLE buy 40 at 88.45", at=minutes(1))
    tuned = EventDoc(
        kind=EventKind.PARAMETERS_ACTIVATED, module=CRYPTO, text="Parameters v7 trade from the next cycle on",
        at=minutes(760),
    )  # fmt: skip
    return {"events/e1": unknown, "events/e2": filled_event, "events/e3": tuned, "notifications/e1": told}


def documents() -> Iterator[tuple[str, BaseModel]]:
    """Yield every document of the sample with its path."""
    yield "desk/summary", summary()
    yield "desk/exposure", _exposure()
    for role in ("owner", "operator", "viewer"):
        yield f"users/demo-{role}", UserDoc(email=f"{role}@demo.firedesk", role=role)
    yield "desk/state", DeskStateDoc(state=DeskState.ACTIVE, changed_at=minutes(9_000))
    yield "equity/202608", equity()
    for part in (books(), cycles(), orders(), trades(), events()):
        yield from part.items()
