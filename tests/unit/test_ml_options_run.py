"""The walk of a backtest of options: a scripted module on a scripted market, its limits, its brake, what rests."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from ml.backtest import options
from ml.backtest.outcome import as_line
from ml.backtest.recorded import Closed, Paid
from orchestrator.cli.backtest.chains import LocalHouse
from orchestrator.domain.base import ModuleName
from orchestrator.domain.documents import BookDoc
from orchestrator.domain.greeks import Greeks
from orchestrator.domain.instruments import AssetClass, Instrument
from orchestrator.domain.market import DataRequest, MarketSnapshot, Quote, SessionState
from orchestrator.domain.opportunities import TradeOpportunity
from orchestrator.domain.orders import Leg, Purpose, Side
from orchestrator.domain.parameters import Parameters
from orchestrator.domain.risk import RiskLimits
from orchestrator.module import Context, ModuleConfig, TradingModule
from venue.feed import MarketQuote

START = datetime(2026, 7, 15, 14, 0, tzinfo=UTC)
STEP = timedelta(minutes=10)
CALL = "SPY260821C00100000"
HUNDRED = Decimal(100)
GREEKS = Greeks(delta_usd=100.0, gamma_usd=1.0, vega_usd=1.0, theta_usd=-1.0)
Script = Callable[[Context], list[TradeOpportunity]]


@dataclass
class Market:
    """One call whose middle moves by script, a cent of half spread; fulfils `Recorded`."""

    prices: list[Decimal]
    moments: list[datetime] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.moments = [START + STEP * row for row in range(len(self.prices))]

    def touch(self, symbol: str, now: datetime) -> MarketQuote:
        middle, cent = self.prices[self.moments.index(now)], Decimal("0.01")
        return MarketQuote(now, middle - cent, middle + cent, Decimal(20), Decimal(20), middle)

    def snapshot(self, request: DataRequest, now: datetime) -> MarketSnapshot:
        seen = self.touch(CALL, now)
        quote = Quote(symbol=CALL, ts=now, bid=seen.bid, ask=seen.ask, bid_size=seen.bid_size, ask_size=seen.ask_size)
        return MarketSnapshot(SessionState(is_open=True), {CALL: quote}, {}, {})

    def events(self, after: datetime, until: datetime) -> list[Closed | Paid]:
        return []


class Scripted(TradingModule):
    """Wants what its script says."""

    module_name = ModuleName.OPTIONS
    parameters_model = Parameters

    def __init__(self, entries: Script, exits: Script) -> None:
        nothing: Any = None
        super().__init__(nothing, nothing, nothing, ModuleConfig(universe={}))
        self.entries, self.exits = entries, exits

    def request(self, book: BookDoc, parameters: Parameters, now: datetime) -> DataRequest:
        return DataRequest()

    def analyze(self, context: Context) -> list[TradeOpportunity]:
        return self.entries(context)

    def monitor(self, context: Context) -> list[TradeOpportunity]:
        return self.exits(context)


def wish(context: Context, *, limit: str, leaves: str = "", **more: object) -> TradeOpportunity:
    side = Side.SELL if leaves else Side.BUY
    quote = context.market.quotes[CALL]
    wanted = TradeOpportunity(
        module=ModuleName.OPTIONS,
        strategy="s",
        purpose=Purpose.EXIT if leaves else Purpose.ENTRY,
        symbol="SPY",
        instrument=Instrument(symbol=CALL, asset_class=AssetClass.OPTION, multiplier=HUNDRED),
        side=side,
        legs=(Leg(symbol=CALL, side=side, multiplier=HUNDRED),),
        decided_at=context.now,
        decision_px=quote.mid or Decimal(0),
        limit_px=Decimal(limit),
        notional_usd=Decimal(500),
        max_loss_usd=Decimal(500),
        annual_vol=1.0,
        greeks=GREEKS,
        spread=Decimal("0.02"),
        confidence=1.0,
        reason="target: done" if leaves else "wanted",
        position_id=leaves or None,
        qty=Decimal(1) if leaves else None,
        quote_ts=context.now,
        two_sided=True,
        max_qty=Decimal(1),
    )
    return wanted.model_copy(update=more)


def nothing(_context: Context) -> list[TradeOpportunity]:
    return []


def at(rows: Mapping[int, str]) -> Script:
    """Entries at some moments, with the limit given."""
    return lambda context: [wish(context, limit=rows[n]) for n in rows if context.now == START + STEP * n]


def leaving(row: int, limit: str) -> Script:
    def script(context: Context) -> list[TradeOpportunity]:
        due = context.now == START + STEP * row
        return [wish(context, limit=limit, leaves=key) for key in context.book.positions if due]

    return script


def ran(prices: list[str], entries: Script, exits: Script = nothing, **limits: object) -> options.Outcome:
    terms = options.Terms(Decimal(100_000), RiskLimits().model_copy(update=limits), LocalHouse())
    return options.run(Scripted(entries, exits), Parameters(), Market([Decimal(price) for price in prices]), terms)


def test_a_round_trip_is_in_the_curve_moment_by_moment() -> None:
    found = ran(["5.00", "6.00", "7.00"], at({0: "5.01"}), leaving(2, "6.99"))
    (ended,) = found.ended
    assert (ended.trade.entry_px, ended.trade.exit_px) == (Decimal("5.01"), Decimal("6.99"))
    assert found.equity.tolist() == pytest.approx([99_998.95, 100_098.95, 100_197.90])
    assert found.gross.tolist() == [500, 500, 0]
    line = as_line(found, 100_000.0)
    assert [(trip.reason, trip.profit, trip.qty) for trip in line.trips] == [("target", pytest.approx(197.90), 1)]


def test_an_order_that_does_not_fill_is_given_up_after_a_quarter_of_an_hour() -> None:
    waits = ran(["5.00", "4.00", "3.00"], at({0: "4.01"}))
    assert waits.held[0].entry_px == Decimal("4.01")
    gone = ran(["5.00", "5.00", "5.00", "4.00"], at({0: "4.01"}))
    assert not gone.held
    assert gone.equity[-1] == 100_000


def test_what_the_rules_refuse_is_counted_and_not_entered() -> None:
    found = ran(["5.00", "5.00"], lambda context: [wish(context, limit="5.01", two_sided=False)])
    assert found.denied == {"QUOTE_ONE_SIDED": 2}
    assert not found.held


def test_a_second_entry_into_what_is_held_is_refused() -> None:
    found = ran(["5.00", "5.00"], at({0: "5.01", 1: "5.01"}))
    assert len(found.held) == 1
    assert found.denied == {"POSITION_DUPLICATE": 1}


def test_nothing_is_opened_any_more_once_the_fall_from_the_peak_has_halted_the_desk() -> None:
    fall = {"drawdown_halted": Decimal("0.001"), "drawdown_reducing": Decimal("0.0009"), "daily_loss": Decimal(1)}
    prices = ["5.00", "3.00", "3.00", "9.00", "9.00"]
    found = ran(prices, at({0: "5.01", 4: "9.01"}), leaving(3, "8.99"), **fall)
    assert len(found.ended) == 1
    assert found.denied == {"DESK_REDUCING": 1}
    free = ran(prices, at({0: "5.01", 4: "9.01"}), leaving(3, "8.99"))
    assert len(free.held) == 1


def test_the_same_walk_again_is_the_same() -> None:
    one, two = (ran(["5.00", "6.00", "7.00"], at({0: "5.01"}), leaving(2, "6.99")) for _ in range(2))
    assert one.equity.tolist() == two.equity.tolist()
    assert one.ended == two.ended
