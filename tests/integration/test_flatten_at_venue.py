"""Everything three modules hold is closed at the local venue by the caretaker alone, through the real adapters."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from orchestrator.adapters.memory.store import MemoryDataLayer
from orchestrator.bootstrap import Builder, default_parameters
from orchestrator.commands import execute
from orchestrator.domain.base import ModuleName
from orchestrator.domain.codec import decode, encode
from orchestrator.domain.documents import (
    DESK_STATE,
    BookDoc,
    CommandKind,
    DeskStateDoc,
    OrderDoc,
    book_path,
)
from orchestrator.domain.instruments import OptionRight
from orchestrator.domain.market import DataRequest, OptionQuote
from orchestrator.domain.orders import Evidence, Leg, Order, OrderType, Purpose, Side, TimeInForce, apply, plan
from orchestrator.domain.risk import DeskState
from orchestrator.ports import Put, Store
from orchestrator.seed import seed
from orchestrator.settings import Settings
from orchestrator.sweep import Surroundings, sweep
from scripts.market import desk_environment
from tests.builders import intent
from tests.watched_desk import put_command, read
from venue import Exchange, serve
from venue.replay.universe import parse_universe
from venue.synthetic import SyntheticFeed

START = datetime(2026, 7, 16, 14, 0, tzinfo=UTC)
STOCKS, OPTIONS, CRYPTO = ModuleName.STOCKS, ModuleName.OPTIONS, ModuleName.CRYPTO
BUY, SELL = Side.BUY, Side.SELL


@dataclass(frozen=True)
class Stage:
    built: Builder
    exchange: Exchange

    @property
    def store(self) -> Store:
        return self.built.store

    def book(self, module: ModuleName) -> BookDoc:
        return read(self.store, BookDoc, book_path(module))

    def wait(self, minutes: int = 1) -> None:
        self.exchange.advance(self.exchange.now + timedelta(minutes=minutes))

    def care(self) -> None:
        for module in ModuleName:
            self.built.care(module)


@pytest.fixture
def stage() -> Iterator[Stage]:
    """A desk whose modules have entered and died: a stock, a spread, a covered call, a coin."""
    exchange = Exchange(SyntheticFeed(7, START, parse_universe(["stocks=XLK", "options=SPY", "crypto=BTC"])))
    with serve(exchange) as url:
        store = MemoryDataLayer()
        seed(store, default_parameters(), now=START)
        settings = Settings({**desk_environment(url), "GCLOUD_PROJECT": "demo-flat"})
        with closing(Builder(settings, store=store)) as built:
            found = Stage(built, exchange)
            enter(found)
            yield found


def enter(stage: Stage) -> None:
    low, high, sold = calls(stage)
    put(stage, STOCKS, entered("sflatxlkaaaaaaaaa1", STOCKS, "XLK", [Leg(symbol="XLK", side=BUY)], 10))
    coin = [Leg(symbol="BTC/USD", side=BUY)]
    put(stage, CRYPTO, entered("cflatbtcaaaaaaaaa1", CRYPTO, "BTC/USD", coin, Decimal("0.05")))
    spread = [contract(low, BUY), contract(high, SELL)]
    net = (low.ask or Decimal(0)) - (high.bid or Decimal(0)) + 1
    put(
        stage,
        OPTIONS,
        entered("oflatspreadaaaaaa1", OPTIONS, "SPY", spread, 2, limit=net, max_loss_usd=Decimal(500)),
        entered("oflatsharesaaaaaa1", OPTIONS, "SPY", [Leg(symbol="SPY", side=BUY)], 100, strategy="covered_call"),
    )
    stage.wait()
    written = entered(
        "oflatcallaaaaaaaa1", OPTIONS, "SPY", [contract(sold, SELL)], 1, limit=sold.bid, strategy="covered_call"
    )
    put(stage, OPTIONS, written)
    for _ in range(2):
        stage.wait()
        stage.care()


def calls(stage: Stage) -> list[OptionQuote]:
    """A call at the money, one above it, and one further up to be written."""
    request = DataRequest(chains=("SPY",), min_days_to_expiry=20, max_days_to_expiry=45)
    chain = stage.built.desk(OPTIONS).market.snapshot(request, START).chains["SPY"]
    expiry = min(one.expiry for one in chain.contracts)
    above = sorted(
        (
            one
            for one in chain.contracts
            if one.expiry == expiry and one.right is OptionRight.CALL and one.strike > chain.spot
        ),
        key=lambda one: one.strike,
    )
    return [above[0], above[2], above[4]]


def contract(quote: OptionQuote, side: Side) -> Leg:
    return Leg(symbol=quote.symbol, side=side, multiplier=Decimal(100))


def entered(
    name: str,
    module: ModuleName,
    symbol: str,
    legs: list[Leg],
    qty: Decimal | int,
    *,
    limit: Decimal | None = None,
    **more: Any,
) -> Order:
    market = {"order_type": OrderType.MARKET, "time_in_force": TimeInForce.GTC if module is CRYPTO else TimeInForce.DAY}
    asked = {
        "client_order_id": name,
        "position_id": name,
        "module": module,
        "symbol": symbol,
        "legs": tuple(legs),
        "side": legs[0].side if len(legs) == 1 else BUY,
        "qty": Decimal(qty),
        "limit_price": limit,
        "protect_stop": None,
        "decided_at": START,
        "valid_until": START + timedelta(hours=1),
    }
    return plan(intent(**asked, **({} if limit else market), **more), START)


def put(stage: Stage, module: ModuleName, *orders: Order) -> None:
    """Send orders as the module's function did, and leave them in its book as they were acknowledged."""
    broker = stage.built.desk(module).broker
    sent = {}
    for order in orders:
        begun = apply(order, Evidence.SUBMIT_STARTED, START)
        said = broker.submit(begun)
        told = begun.model_copy(update={"broker_order_id": said.broker_order_id})
        sent[order.id] = apply(told, Evidence.ACKNOWLEDGED, START)
    found = stage.book(module)
    known = {**found.broker_ids, **{order.broker_order_id or "": key for key, order in sent.items()}}
    after = found.model_copy(update={"orders": {**found.orders, **sent}, "broker_ids": known})
    stage.store.commit([Put(book_path(module), encode(after))])


def at_venues(stage: Stage) -> dict[str, Decimal]:
    return {
        symbol: qty
        for module in (STOCKS, CRYPTO)
        for symbol, qty in stage.built.desk(module).broker.state("").positions.items()
        if qty
    }


def exit_orders(stage: Stage) -> list[Order]:
    docs = [decode(OrderDoc, one.data, where=one.path).order for one in stage.store.query("orders", limit=200)]
    return sorted((o for o in docs if o.intent.purpose is Purpose.EXIT), key=lambda order: order.intent.decided_at)


def test_the_caretaker_closes_what_three_dead_modules_hold(stage: Stage) -> None:
    held = {module: {p.symbol for p in stage.book(module).positions.values()} for module in ModuleName}
    assert held == {STOCKS: {"XLK"}, OPTIONS: {"SPY"}, CRYPTO: {"BTC/USD"}}
    assert len(stage.book(OPTIONS).positions) == 3
    assert len(at_venues(stage)) == 6
    resting = {o.intent.symbol for m in ModuleName for o in stage.book(m).orders.values() if not o.state.terminal}
    assert resting == {"XLK", "BTC/USD"}, "stops for what is single, none for shares under a call"

    command = put_command(
        stage.store,
        CommandKind.FLATTEN,
        by="console",
        args={"confirm": "flatten"},
        created_at=datetime.now(UTC),
    )
    for _ in range(2):
        assert stage.built.answer(command).status == "done", "also when it is delivered twice"
    for _ in range(8):
        stage.wait(2)
        sweep(stage.store, stage.exchange.now, Surroundings(carer=stage.built))

    assert {module: stage.book(module).positions for module in ModuleName} == {module: {} for module in ModuleName}
    assert at_venues(stage) == {}
    state = read(stage.store, DeskStateDoc, DESK_STATE)
    assert (state.state, state.flatten) == (DeskState.HALTED, False)
    stage.care()
    assert {module: stage.book(module).drift for module in ModuleName} == {module: {} for module in ModuleName}
    assert all(order.intent.by_owner for order in exit_orders(stage))


def test_the_call_is_bought_back_before_its_shares_are_sold(stage: Stage) -> None:
    now = datetime.now(UTC)
    args = {"confirm": "flatten"}
    execute(stage.store, put_command(stage.store, CommandKind.FLATTEN, by="console", args=args, created_at=now), now)
    stage.built.care(OPTIONS)
    first = exit_orders(stage)
    assert sorted(len(order.intent.legs) for order in first) == [1, 2]
    assert {leg.symbol for order in first for leg in order.intent.legs} & {"SPY"} == set()
    for _ in range(4):
        stage.wait(2)
        stage.care()
    assert [o.intent.qty for o in exit_orders(stage) if o.intent.legs[0].symbol == "SPY"] == [100]
    assert at_venues(stage) == {}
