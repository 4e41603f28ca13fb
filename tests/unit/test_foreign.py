"""Things of others in the account: recognised, counted, told, left alone; drift and cash that nobody explains."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from orchestrator.domain.base import ModuleName
from orchestrator.domain.codec import decode, encode
from orchestrator.domain.documents import (
    DESK_EXPOSURE,
    BookDoc,
    EventDoc,
    EventKind,
    ExposureDoc,
    ModuleExposure,
    book_path,
)
from orchestrator.domain.orders import Leg, OrderState, OrderType, Side, TimeInForce
from orchestrator.foreign import CASH
from orchestrator.ports import CashEvent, Put
from tests.builders import order
from tests.desk import TestDesk


@pytest.fixture
def desk() -> TestDesk:
    return TestDesk()


def by_hand(desk: TestDesk, symbol: str, side: Side = Side.BUY, qty: int = 10, **changes: Any) -> None:
    """Trade or rest an order in the desk's account without the desk."""
    name = f"by-hand-{len(desk.broker.calls)}"
    base = {"symbol": symbol, "legs": (Leg(symbol=symbol, side=side),), "side": side, "qty": Decimal(qty)}
    wanted = {"order_type": OrderType.MARKET, "limit_price": None, "client_order_id": name} | base | changes
    desk.broker.submit(order(OrderState.PLANNED, **wanted))


def told(desk: TestDesk, kind: EventKind) -> list[EventDoc]:
    found = [decode(EventDoc, snapshot.data, where=snapshot.path) for snapshot in desk.store.query("events")]
    return [event for event in found if event.kind is kind]


def exposure(desk: TestDesk) -> ExposureDoc:
    return decode(ExposureDoc, dict(desk.store.get_many([DESK_EXPOSURE])[DESK_EXPOSURE].data), where=DESK_EXPOSURE)


def event(kind: str, amount: int, desk: TestDesk, *, key: str = "e1", symbol: str = "", qty: int = 0) -> CashEvent:
    return CashEvent(key, kind, symbol, Decimal(amount), Decimal(qty), Decimal(0), desk.now)


def test_what_was_in_the_account_before_the_desk_is_foreign_counted_and_told(desk: TestDesk) -> None:
    by_hand(desk, "XLK")
    desk.cycle()
    assert desk.book.foreign["XLK"].value_usd == 1000
    assert desk.book.drift == {}
    assert exposure(desk).modules[ModuleName.STOCKS].foreign_usd == 1000
    (event,) = told(desk, EventKind.FOREIGN_FOUND)
    assert "desk adopt XLK" in event.text


def test_a_trade_by_hand_beside_the_desks_own_leaves_the_desks_part_alone(desk: TestDesk) -> None:
    desk.module.entries = ["XLK"]
    desk.cycle()
    desk.cycle()
    (own,) = desk.book.positions.values()
    by_hand(desk, "XLK", qty=7)
    desk.cycle()
    assert desk.book.foreign["XLK"].qty == 7
    assert desk.book.drift == {}
    by_hand(desk, "XLK", Side.SELL, qty=7)
    desk.module.entries, desk.module.exits = [], True
    desk.cycle()
    desk.cycle()
    assert desk.book.foreign == {}
    assert desk.book.drift == {}
    sold = [told for told in desk.store.query("trades") if told.data["trade"]["id"] == own.id]
    assert len(sold) == 1


def test_a_foreign_holding_takes_room_from_the_symbol_limit(desk: TestDesk) -> None:
    by_hand(desk, "XLK", qty=145)
    desk.module.entries = ["XLK"]
    desk.cycle()
    (bought,) = (one for one in desk.book.orders.values())
    assert bought.intent.qty * 100 <= Decimal("0.15") * 100_000 - 14_500


def test_a_foreign_holding_without_a_price_closes_its_symbol_until_it_has_one(desk: TestDesk) -> None:
    desk.broker.positions["F"] = Decimal(7)
    desk.cycle()
    assert "no price" in desk.book.quarantine["F"]
    assert len(told(desk, EventKind.SYMBOL_QUARANTINED)) == 1
    desk.prices({"F": Decimal(12)})
    desk.cycle()
    assert desk.book.quarantine == {}
    assert len(told(desk, EventKind.SYMBOL_RELEASED)) == 1


def test_foreign_open_orders_are_shown_counted_and_never_cancelled(desk: TestDesk) -> None:
    limit = {"order_type": OrderType.LIMIT, "limit_price": Decimal(90), "time_in_force": TimeInForce.GTC}
    by_hand(desk, "XLK", qty=5, **limit)
    desk.cycle()
    (seen,) = desk.book.foreign_orders.values()
    assert (seen.symbol, seen.side, seen.leaves) == ("XLK", Side.BUY, 5)
    first = seen.seen_at
    assert exposure(desk).modules[ModuleName.STOCKS].foreign_usd == 450
    desk.cycle()
    (seen,) = desk.book.foreign_orders.values()
    assert seen.seen_at == first
    assert [call for call, _ in desk.broker.calls if call == "cancel"] == []
    assert len(told(desk, EventKind.FOREIGN_FOUND)) == 1
    desk.broker.end("by-hand-0", OrderState.CANCELLED)
    desk.cycle()
    assert desk.book.foreign_orders == {}
    assert exposure(desk).modules[ModuleName.STOCKS].foreign_usd == 0


def test_an_idle_cycle_beside_foreign_things_still_costs_one_write(desk: TestDesk) -> None:
    by_hand(desk, "XLK")
    desk.cycle()
    desk.cycle()
    before = (desk.store.usage.round_trips, desk.store.usage.writes)
    desk.cycle()
    assert (desk.store.usage.round_trips - before[0], desk.store.usage.writes - before[1]) == (2, 1)


def test_orders_of_the_other_module_of_the_account_are_not_foreign(desk: TestDesk) -> None:
    desk.cycle()
    limit = {"order_type": OrderType.LIMIT, "limit_price": Decimal(90), "time_in_force": TimeInForce.GTC}
    by_hand(desk, "XLK", client_order_id="oabcdefghijklmnop2", **limit)
    desk.cycle()
    assert desk.book.foreign_orders == {}


def test_shares_that_the_other_module_holds_are_its_own(desk: TestDesk) -> None:
    desk.cycle()
    share = ModuleExposure(open_positions=1, quantities={"XLK": Decimal(10)}, symbols={"XLK": Decimal(1000)})
    held = exposure(desk)
    held = held.model_copy(update={"modules": {**held.modules, ModuleName.OPTIONS: share}})
    desk.store.commit([Put(DESK_EXPOSURE, encode(held))])
    by_hand(desk, "XLK", client_order_id="oabcdefghijklmnop2")
    desk.cycle()
    assert (desk.book.foreign, desk.book.drift) == ({}, {})


def lose(desk: TestDesk, qty: int) -> None:
    """Let shares vanish from the account without a word."""
    desk.broker.positions["XLK"] -= qty


def held_desk(desk: TestDesk) -> TestDesk:
    desk.module.entries = ["XLK"]
    desk.cycle()
    desk.module.entries = []
    desk.cycle()
    return desk


def test_drift_is_told_when_it_has_lasted_once_a_day_when_it_grows_and_when_it_is_gone(desk: TestDesk) -> None:
    lose(held_desk(desk), 3)
    desk.cycle()
    assert (desk.book.drift, told(desk, EventKind.DRIFT_FOUND)) == ({"XLK": -3}, [])
    desk.cycle()
    desk.cycle()
    assert len(told(desk, EventKind.DRIFT_FOUND)) == 1
    assert desk.book.drift_usd == 300
    assert "XLK" in desk.book.quarantine
    lose(desk, 3)
    desk.cycle()
    desk.cycle()
    assert len(told(desk, EventKind.DRIFT_FOUND)) == 2
    desk.now += timedelta(days=1)
    desk.cycle()
    assert len(told(desk, EventKind.DRIFT_FOUND)) == 3
    lose(desk, -6)
    desk.cycle()
    assert len(told(desk, EventKind.DRIFT_CLEARED)) == 1
    assert (desk.book.drift, desk.book.drift_told, desk.book.quarantine) == ({}, {}, {})


def test_a_small_residue_is_shown_and_quiet(desk: TestDesk) -> None:
    held_desk(desk).broker.positions["XLK"] -= Decimal("0.05")
    desk.cycle()
    desk.cycle()
    assert desk.book.drift == {"XLK": Decimal("-0.05")}
    assert told(desk, EventKind.DRIFT_FOUND) == []


def test_cash_that_nobody_explains_is_a_number_and_told(desk: TestDesk) -> None:
    held_desk(desk)
    assert desk.book.cash_drift == 0
    desk.broker.cash -= 250
    desk.cycle()
    desk.cycle()
    assert desk.book.cash_drift == -250
    (event,) = told(desk, EventKind.DRIFT_FOUND)
    assert event.subject == CASH


def test_fees_dividends_and_trades_of_others_explain_cash(desk: TestDesk) -> None:
    desk.broker.fee_rate = Decimal("0.001")
    held_desk(desk)
    by_hand(desk, "AAPL", qty=3)
    desk.broker.tell(event("DIV", 12, desk, key="d1", symbol="XLK"))
    desk.broker.tell(event("FEE", -2, desk, key="f1"))
    desk.cycle()
    desk.cycle()
    assert desk.book.cash_drift == 0
    assert desk.book.cash_expected == desk.broker.cash


def test_fills_that_are_told_again_move_expected_cash_once(desk: TestDesk) -> None:
    desk.broker.repeats_fills = True
    held_desk(desk)
    by_hand(desk, "AAPL", qty=3)
    desk.cycle()
    desk.cycle()
    assert desk.book.cash_drift == 0
    assert desk.book.foreign["AAPL"].qty == 3


def test_a_withdrawal_is_neither_drift_nor_drawdown(desk: TestDesk) -> None:
    held_desk(desk)
    desk.broker.tell(event("CSW", -40_000, desk))
    desk.cycle()
    assert desk.book.cash_drift == 0
    account = desk.book.account
    assert account is not None
    assert account.transfers == {"e1": -40_000}
    assert desk.book.income == 0


def test_a_store_of_before_still_decodes() -> None:
    at = book_path(ModuleName.STOCKS)
    desk = TestDesk()
    stored = dict(desk.store.get_many([at])[at].data)
    new = {"foreign", "foreign_orders", "quarantine", "actions", "cash_expected", "cash_drift", "seen_fills"}
    old = {key: value for key, value in stored.items() if key not in new | {"drift_told", "drift_usd"}}
    assert decode(BookDoc, old, where=at).foreign == {}
    desk.store.commit([Put(at, old)])
    desk.cycle()
    assert desk.book.cash_drift == 0
