"""Candidates just inside, at and just outside every limit: the rows that the table of rules is tested with."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import numpy as np

from orchestrator.domain.base import ModuleName
from orchestrator.domain.documents import ModuleExposure
from orchestrator.domain.greeks import Greeks
from orchestrator.domain.instruments import AssetClass, Instrument
from orchestrator.domain.market import Panel, SessionState
from orchestrator.domain.orders import Leg, OrderState, Purpose, Side
from orchestrator.domain.risk import DenialCode, DeskState, RiskLimits
from orchestrator.domain.rules import Candidate, desk, holdings, prices
from orchestrator.domain.tape import Tape
from tests.builders import NOW, book, exposure, opportunity, order, position

C, D = DenialCode, Decimal
UNIT = D("100.1")
"""Exposure of one unit of the plain opportunity at its worst price."""
CALL, OTHER_CALL = "SPY260918C00600000", "SPY260918C00610000"
ONE = D(1)
FREE = RiskLimits(**dict.fromkeys(("var_95", "var_99", "cvar_95", "cvar_99", "shock_loss"), ONE))
"""Limits that leave the loss of a day alone."""


@dataclass(frozen=True)
class Case:
    """One row: what is looked at, from which side, and whether it is denied. `rule` is a rule or the name of a cap."""

    code: DenialCode
    rule: Any
    side: str
    candidate: Candidate
    denied: bool

    @property
    def name(self) -> str:
        return f"{self.code}-{self.rule if isinstance(self.rule, str) else self.rule.__name__}-{self.side}"


def candidate(**changes: Any) -> Candidate:
    """Return a sound entry of a desk that holds nothing, with changes."""
    base = Candidate(
        opportunity=opportunity(),
        state=DeskState.ACTIVE,
        limits=RiskLimits(),
        book=book(),
        exposure=exposure(),
        session=SessionState(is_open=True),
        now=NOW,
    )
    return replace(base, **changes)


def wish(**changes: Any) -> Candidate:
    """Return a sound entry with changes to the opportunity."""
    return candidate(opportunity=opportunity(**changes))


def leaving(**changes: Any) -> Candidate:
    """Return an exit of 10 units that are held."""
    held = position()
    base = {"purpose": Purpose.EXIT, "side": Side.SELL, "qty": held.units, "position_id": held.id}
    return candidate(opportunity=opportunity(**(base | changes)), book=book(positions={held.id: held}))


def spread(**changes: Any) -> dict[str, Any]:
    """Return the changes that make a bull call spread of an opportunity."""
    base: dict[str, Any] = {
        "module": ModuleName.OPTIONS,
        "symbol": "SPY",
        "instrument": Instrument(symbol="SPY", asset_class=AssetClass.OPTION, multiplier=D(100)),
        "legs": (
            Leg(symbol=CALL, side=Side.BUY, multiplier=D(100)),
            Leg(symbol=OTHER_CALL, side=Side.SELL, multiplier=D(100)),
        ),
        "decision_px": D(4),
        "limit_px": D("4.1"),
        "stop_price": None,
        "notional_usd": D(410),
        "max_loss_usd": D(410),
        "greeks": Greeks(delta_usd=1000.0, gamma_usd=1000.0, vega_usd=10.0, theta_usd=-5.0),
    }
    return base | changes


def short_call(**changes: Any) -> dict[str, Any]:
    """Return the changes that make one call sold by itself of an opportunity."""
    leg = (Leg(symbol=CALL, side=Side.SELL, multiplier=D(100)),)
    base = {"symbol": CALL, "legs": leg, "side": Side.SELL, "limit_px": D("3.9"), "max_loss_usd": None, "max_qty": ONE}
    return spread(**(base | changes))


def coin(**changes: Any) -> dict[str, Any]:
    """Return the changes that make a coin of an opportunity."""
    pair = Instrument(symbol="BTC/USD", asset_class=AssetClass.CRYPTO)
    legs = (Leg(symbol="BTC/USD", side=Side.BUY),)
    return {"module": ModuleName.CRYPTO, "symbol": "BTC/USD", "instrument": pair, "legs": legs} | changes


def traded(symbol: str, volume: float) -> Panel:
    """Return a day on which so much of a symbol was traded at 100."""
    prices = np.full((1, 1), 100.0)
    ends = np.array([int(NOW.timestamp())], dtype=np.int64)
    return Panel((symbol,), ends, prices, prices, prices, prices, np.full((1, 1), volume))


def lost(**changes: Any) -> Candidate:
    return candidate(exposure=exposure(**changes))


def others(module: ModuleName = ModuleName.CRYPTO, **share: Any) -> Candidate:
    """Return the entry beside another module's share of the exposure."""
    return candidate(exposure=exposure(modules={module: ModuleExposure(**share)}))


def equity(usd: str) -> dict[str, Any]:
    return {"venue_equity": {"alpaca": D(usd)}}


def _rows(code: DenialCode, rule: Any, inside: Candidate, at: tuple[Candidate, bool], outside: Candidate) -> list[Case]:
    return [
        Case(code, rule, "inside", inside, denied=False),
        Case(code, rule, "at", at[0], denied=at[1]),
        Case(code, rule, "outside", outside, denied=True),
    ]


def rule_cases() -> Iterator[Case]:
    """Yield the rows of every rule."""
    reducing, halted = DeskState.REDUCING, DeskState.HALTED
    exit_ = leaving()
    yield from _rows(
        C.DESK_HALTED,
        desk.state_allows,
        replace(exit_, state=reducing),
        (replace(leaving(purpose=Purpose.PROTECT), state=halted), False),
        replace(exit_, state=halted),
    )
    yield from _rows(
        C.DESK_REDUCING,
        desk.state_allows,
        candidate(),
        (replace(leaving(by_owner=True), state=halted), False),
        candidate(state=reducing),
    )
    closed = SessionState(is_open=False)
    yield from _rows(C.SESSION_CLOSED, desk.session_open, candidate(), (exit_, False), candidate(session=closed))
    yield from _rows(
        C.ORDER_COUNT_ABOVE_MAX,
        desk.order_count,
        candidate(planned_orders=18),
        (candidate(planned_orders=19), False),
        candidate(planned_orders=20),
    )
    yield from _rates()
    yield from _rows(
        C.ACCOUNT_MISSING,
        desk.account_known,
        candidate(),
        (lost(venue_equity={}), True),
        candidate(book=book(account=None)),
    )
    sure = RiskLimits(min_confidence=D("0.8"))
    yield from _rows(
        C.CONFIDENCE_BELOW_MIN,
        desk.confident,
        replace(wish(confidence=0.81), limits=sure),
        (replace(wish(confidence=0.8), limits=sure), False),
        replace(wish(confidence=0.79), limits=sure),
    )
    yield from _rows(
        C.PROFIT_CHANCE_BELOW_MIN,
        desk.likely,
        wish(relative_chance=0.61),
        (wish(relative_chance=0.6), False),
        wish(relative_chance=0.59),
    )
    yield from _losses()
    yield from _rows(
        C.OPEN_POSITIONS_ABOVE_MAX,
        desk.position_count,
        others(open_positions=18),
        (others(open_positions=10, entering=9), False),
        others(open_positions=10, entering=10),
    )
    yield from _holdings()
    yield from _options()
    yield from _prices()


def _rates() -> Iterator[Case]:
    def sent(**hours: int) -> Candidate:
        return candidate(book=book(order_hours={f"2026-07-16T{hour[1:]}": count for hour, count in hours.items()}))

    day = {"h08": 60, "h09": 60, "h10": 50}
    rule = desk.order_rate
    yield from _rows(C.ORDER_RATE_ABOVE_MAX, rule, sent(h14=58), (sent(h14=59), False), sent(h14=60))
    yield from _rows(C.ORDER_RATE_ABOVE_MAX, rule, sent(**day), (sent(**day, h14=29), False), sent(**day, h14=30))
    before = {"2026-07-15T14": 200}
    yield Case(C.ORDER_RATE_ABOVE_MAX, rule, "inside", candidate(book=book(order_hours=before)), denied=False)


def _losses() -> Iterator[Case]:
    yield from _rows(
        C.DAILY_LOSS_ABOVE_MAX,
        desk.loss_of_day,
        lost(**equity("97000.01")),
        (lost(**equity("97000")), True),
        lost(**equity("96999")),
    )
    week = {"day_start_equity": D(0)}
    yield from _rows(
        C.WEEKLY_LOSS_ABOVE_MAX,
        desk.loss_of_week,
        lost(**week, **equity("94000.01")),
        (lost(**week, **equity("94000")), True),
        lost(**week, **equity("93999")),
    )
    peak = {"day_start_equity": D(0), "week_start_equity": D(0)}
    yield from _rows(
        C.DRAWDOWN_ABOVE_MAX,
        desk.drawdown_bound,
        lost(**peak, **equity("90000.01")),
        (lost(**peak, **equity("90000")), True),
        lost(**peak, **equity("89999")),
    )


def _holdings() -> Iterator[Case]:
    doubtful, elsewhere = order(OrderState.UNKNOWN, purpose=Purpose.EXIT), order(OrderState.UNKNOWN, symbol="XLF")
    yield from _rows(
        C.SYMBOL_FROZEN,
        holdings.not_frozen,
        candidate(book=book(orders={elsewhere.id: elsewhere})),
        (others(frozen={"XLK": "in doubt there"}), True),
        candidate(book=book(orders={doubtful.id: doubtful})),
    )
    yield from _rows(
        C.SYMBOL_BARRED,
        holdings.not_barred,
        candidate(),
        (candidate(limits=RiskLimits(barred={"XLF": "bad bars"})), False),
        candidate(limits=RiskLimits(barred={"XLK": "bad bars"})),
    )
    yield from _rows(
        C.SYMBOL_QUARANTINED,
        holdings.not_quarantined,
        candidate(),
        (candidate(book=book(quarantine={"XLF": "split"})), False),
        candidate(book=book(quarantine={"XLK": "split"})),
    )
    held, working, done = position(), order(OrderState.WORKING), order(OrderState.CANCELLED)
    yield from _rows(
        C.POSITION_DUPLICATE,
        holdings.no_duplicate,
        candidate(book=book(orders={done.id: done})),
        (candidate(book=book(orders={working.id: working})), True),
        candidate(book=book(positions={held.id: held})),
    )
    yield from _rows(
        C.SELF_CROSS,
        holdings.no_self_cross,
        others(buying=("XLK",), selling=("XLF",)),
        (others(ModuleName.STOCKS, selling=("XLK",)), False),
        others(selling=("XLK",)),
    )
    yield from _rows(
        C.SHORT_SALE,
        holdings.no_short_sale,
        candidate(),
        (replace(wish(side=Side.SELL, stop_price=D(105), limit_px=D(100)), limits=RiskLimits(allow_short=True)), False),
        wish(side=Side.SELL, stop_price=D(105), limit_px=D(100)),
    )
    yield from _rows(
        C.POSITION_MISSING,
        holdings.position_held,
        leaving(qty=D(9)),
        (leaving(qty=D(10)), False),
        leaving(qty=D("10.0001")),
    )
    yield from _protection()
    yield from _refusals()


def _protection() -> Iterator[Case]:
    resting = order(OrderState.WORKING, purpose=Purpose.PROTECT, client_order_id="sprotect")

    def replacing(qty: int) -> Candidate:
        found = leaving(purpose=Purpose.PROTECT, qty=D(qty), replaces=(resting.id,))
        return replace(found, book=found.book.model_copy(update={"orders": {resting.id: resting}}))

    sold = replace(replacing(9), planned_exits={position().id: ONE})
    yield from _rows(C.PROTECTION_BELOW_MIN, holdings.protection_kept, replacing(10), (sold, False), replacing(9))


def _refusals() -> Iterator[Case]:
    def refused(times: int, minutes_ago: int) -> Candidate:
        found, at = leaving(), NOW - timedelta(minutes=minutes_ago)
        tries = [
            order(OrderState.REJECTED, purpose=Purpose.EXIT, position_id=position().id, client_order_id=f"stry{n}")
            for n in range(times)
        ]
        orders = {one.id: one.model_copy(update={"updated_at": at}) for one in tries}
        return replace(found, book=found.book.model_copy(update={"orders": orders}))

    yield from _rows(
        C.REFUSALS_ABOVE_MAX, holdings.not_refused_again, refused(4, 1), (refused(5, 10), False), refused(5, 9)
    )


def _options() -> Iterator[Case]:
    cash, plain = RiskLimits(cash_settled_only=True), RiskLimits(defined_risk_only=False)
    index = spread(symbol="XSP", legs=(Leg(symbol="XSP260918C00060000", side=Side.BUY, multiplier=D(100)),))
    yield from _rows(
        C.SETTLEMENT_PHYSICAL,
        holdings.cash_settled,
        replace(wish(**index), limits=cash),
        (wish(**spread()), False),
        replace(wish(**spread()), limits=cash),
    )
    lot = position(symbol="SPY", legs=({"symbol": "SPY", "qty": D(100), "avg_px": D(600)},))
    covered = book(module=ModuleName.OPTIONS, positions={lot.id: lot})
    yield from _rows(
        C.RISK_UNDEFINED,
        holdings.defined_risk,
        replace(wish(**short_call()), limits=plain),
        (replace(wish(**short_call()), book=covered), False),
        replace(wish(**short_call(max_qty=D(2))), book=covered),
    )
    lacking = Greeks(delta_usd=1.0, theta_usd=float("nan"))
    yield from _rows(
        C.GREEKS_MISSING,
        holdings.greeks_known,
        wish(**spread()),
        (wish(**spread(greeks=lacking)), True),
        wish(**spread(greeks=None)),
    )


def _prices() -> Iterator[Case]:
    yield from _rows(
        C.SYMBOL_HALTED,
        prices.not_halted,
        candidate(tape=Tape(halted=frozenset({"XLF"}))),
        (replace(wish(**spread()), tape=Tape(halted=frozenset({"SPY"}))), True),
        candidate(tape=Tape(halted=frozenset({"XLK"}))),
    )
    yield from _rows(
        C.QUOTE_MISSING, prices.quote_present, candidate(), (wish(quote_ts=NOW), False), wish(quote_ts=None)
    )
    yield from _rows(
        C.QUOTE_ONE_SIDED, prices.quote_present, candidate(), (wish(two_sided=True), False), wish(two_sided=False)
    )

    def aged(seconds: int) -> Candidate:
        return wish(quote_ts=NOW - timedelta(seconds=seconds))

    yield from _rows(C.QUOTE_AGE_ABOVE_MAX, prices.quote_fresh, aged(899), (aged(900), False), aged(901))
    yield from _rows(C.QUOTE_AGE_ABOVE_MAX, prices.quote_fresh, aged(-59), (aged(-60), False), aged(-61))

    def wide(usd: str) -> Candidate:
        return wish(spread=D(usd))

    yield from _rows(C.SPREAD_ABOVE_MAX, prices.spread_bound, wide("0.99"), (wide("1"), False), wide("1.01"))
    yield Case(C.SPREAD_ABOVE_MAX, prices.spread_bound, "outside", wish(spread=None), denied=True)

    def limit(usd: str) -> Candidate:
        return wish(limit_px=D(usd))

    yield from _rows(
        C.PRICE_COLLAR_ABOVE_MAX, prices.price_collar, limit("100.99"), (limit("101"), False), limit("101.01")
    )
    yield from _rows(
        C.PRICE_COLLAR_ABOVE_MAX, prices.price_collar, limit("99.01"), (limit("99"), False), limit("98.99")
    )
    yield Case(C.PRICE_COLLAR_ABOVE_MAX, prices.price_collar, "outside", wish(limit_px=None), denied=True)

    def stop(usd: str) -> Candidate:
        return wish(stop_price=D(usd))

    yield from _rows(C.STOP_INVALID, prices.stop_sensible, stop("99.99"), (stop("100"), True), stop("101"))
    yield from _pegs()


def _pegs() -> Iterator[Case]:
    def pegged(price: str | None, **limits: Any) -> Candidate:
        pegs = {} if price is None else {"USDT": D(price)}
        tape = Tape(pegs=pegs, pegged={"BTC/USD": "USDT"})
        return replace(wish(**coin()), tape=tape, limits=RiskLimits(**limits))

    rule = prices.peg_kept
    yield from _rows(C.PEG_DEVIATION_ABOVE_MAX, rule, pegged("0.981"), (pegged("0.98"), False), pegged("0.979"))
    yield from _rows(C.PEG_DEVIATION_ABOVE_MAX, rule, pegged("1.019"), (pegged("1.02"), False), pegged("1.021"))
    yield from _rows(C.PEG_MISSING, rule, wish(**coin()), (pegged(None, depeg=None), False), pegged(None))
    tether = wish(**coin(symbol="BTC/USDT"))
    yield Case(C.PEG_MISSING, rule, "outside", tether, denied=True)
