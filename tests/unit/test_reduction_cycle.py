"""A plan that cuts holdings back is carried out by the module's own cycle, once, as exits like any other."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from orchestrator.domain.base import ModuleName
from orchestrator.domain.codec import decode, encode
from orchestrator.domain.documents import (
    DESK_REDUCTION,
    DESK_STATE,
    DeskStateDoc,
    ReductionDoc,
)
from orchestrator.domain.market import MarketSnapshot, OptionChain, OptionQuote, SessionState
from orchestrator.domain.orders import OrderType, Purpose, Side
from orchestrator.domain.positions import PositionLeg
from orchestrator.domain.reduction import Cut
from orchestrator.domain.risk import DeskState
from orchestrator.module import Context
from orchestrator.ports import Put
from orchestrator.reduction import with_cuts
from orchestrator.sweep import sweep
from tests.builders import NOW, book, position
from tests.desk import ScriptedParameters, TestDesk

PRICES = {"XLK": Decimal(100), "XLF": Decimal(50), "AAPL": Decimal(200)}


@pytest.fixture
def desk() -> TestDesk:
    """A desk that holds XLK."""
    made = TestDesk()
    made.module.entries = ["XLK"]
    made.cycle()
    made.module.entries = []
    made.cycle()
    return made


def held(desk: TestDesk) -> Decimal:
    return sum((one.units for one in desk.book.positions.values()), Decimal(0))


def plan_to_keep(desk: TestDesk, keep: Decimal) -> None:
    (one,) = desk.book.positions.values()
    cut = Cut(module=one.module, position_id=one.id, symbol=one.symbol, units=one.units, keep=keep, cause="gross")
    desk.store.commit([Put(DESK_REDUCTION, encode(ReductionDoc(cuts=(cut,), number=1)))])


def exits(desk: TestDesk) -> list:
    docs = [snapshot.data["order"]["intent"] for snapshot in desk.store.query("orders")]
    return [doc for doc in docs if doc["purpose"] == "exit"]


def test_a_cut_is_sent_once_and_leaves_what_may_stay(desk):
    units = held(desk)
    plan_to_keep(desk, units - 30)
    for _ in range(4):
        desk.cycle()
    assert held(desk) == units - 30
    (order,) = exits(desk)
    assert (order["qty"], order["reason"]) == ("30", "reduction: gross")


def test_what_stays_is_protected_again(desk):
    desk.module.protects = True
    desk.cycle()
    units = held(desk)
    plan_to_keep(desk, units - 30)
    for _ in range(3):
        desk.cycle()
    resting = [order for order in desk.book.orders.values() if not order.state.terminal]
    assert [(order.intent.purpose, order.intent.qty) for order in resting] == [(Purpose.PROTECT, units - 30)]


def test_a_module_that_leaves_the_position_itself_is_not_asked_to_cut_it(desk):
    plan_to_keep(desk, Decimal(1))
    desk.module.exits = True
    desk.cycle()
    assert [order["reason"] for order in exits(desk)] == ["signal"]


def test_nothing_is_cut_in_a_closed_market(desk):
    plan_to_keep(desk, Decimal(1))
    desk.close_session()
    desk.cycle()
    assert exits(desk) == []


def test_a_halted_desk_cuts_nothing_and_a_reducing_one_does(desk):
    plan_to_keep(desk, Decimal(1))
    for state, sent in ((DeskState.HALTED, 0), (DeskState.REDUCING, 1)):
        doc = DeskStateDoc(state=state, by="risk", reason="test", changed_at=desk.now)
        desk.store.commit([Put(DESK_STATE, encode(doc))])
        desk.cycle()
        assert len(exits(desk)) == sent


def test_a_damaged_plan_is_no_plan(desk):
    desk.store.commit([Put(DESK_REDUCTION, {"schema": 1, "cuts": 7})])
    desk.cycle()
    assert exits(desk) == []


def test_a_module_whose_code_raises_is_cut_all_the_same(desk):
    plan_to_keep(desk, Decimal(1))
    desk.module.raises = True
    desk.cycle()
    assert len(exits(desk)) == 1


def test_the_caretaker_cuts_for_a_module_that_is_silent(desk):
    plan_to_keep(desk, Decimal(1))
    desk.now += timedelta(minutes=30)
    desk.prices(PRICES)
    desk.orchestrator().care(ModuleName.STOCKS, now=desk.now)
    assert len(exits(desk)) == 1


def test_a_price_that_runs_away_is_planned_by_the_sweep_and_cut_by_the_cycle(desk):
    grown = PRICES | {"XLK": Decimal(300)}
    desk.cycle(prices=grown)
    sweep(desk.store, desk.now)
    desk.cycle(prices=grown)
    desk.cycle(prices=grown)
    sweep(desk.store, desk.now)
    snapshot = desk.store.get_many([DESK_REDUCTION])[DESK_REDUCTION]
    plan = decode(ReductionDoc, snapshot.data, where=DESK_REDUCTION)
    equity = desk.broker.account().equity
    assert held(desk) * 300 <= equity * Decimal("0.15")
    assert (plan.number, plan.cuts, plan.breaches) == (1, (), {})
    assert len(exits(desk)) == 1


def test_a_spread_is_cut_as_one_order_priced_from_its_chain():
    names = ("SPY260918P00630000", "SPY260918P00620000")
    legs = tuple(
        PositionLeg(symbol=name, qty=Decimal(qty), avg_px=Decimal(4), multiplier=Decimal(100))
        for name, qty in zip(names, (-4, 4), strict=True)
    )
    spread = position(id="s", symbol="SPY", legs=legs, max_loss_usd=Decimal(800), side=Side.SELL)
    contracts = tuple(
        OptionQuote(
            symbol=name, expiry="2026-09-18", right="P", strike=strike, ts=NOW, bid=bid, ask=bid + Decimal("0.1")
        )
        for name, strike, bid in zip(names, (630, 620), (Decimal(4), Decimal(3)), strict=True)
    )
    chain = OptionChain(underlying="SPY", ts=NOW, spot=Decimal(640), contracts=contracts)
    context = Context(
        book=book(positions={"s": spread}),
        market=MarketSnapshot(session=SessionState(is_open=True), chains={"SPY": chain}),
        parameters=ScriptedParameters(),
        now=NOW,
    )
    cut = Cut(module=ModuleName.STOCKS, position_id="s", symbol="SPY", units=Decimal(4), keep=Decimal(3), cause="gross")
    (order,) = with_cuts(ReductionDoc(cuts=(cut,)), context, [])
    assert (order.qty, order.order_type, order.limit_px) == (1, OrderType.LIMIT, Decimal("1.1"))
    assert [(leg.symbol, leg.side, leg.ratio) for leg in order.legs] == [
        (names[0], Side.BUY, 1),
        (names[1], Side.SELL, 1),
    ]
