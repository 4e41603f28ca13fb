"""The caretaker looks after a module's book without the module: on the module's lock, beside its slots."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from orchestrator.adapters.memory.faults import Fault
from orchestrator.cycle import CycleReport
from orchestrator.domain.base import ModuleName
from orchestrator.domain.codec import encode
from orchestrator.domain.documents import DESK_STATE, CycleStatus, DeskStateDoc
from orchestrator.domain.market import DataRequest, MarketSnapshot
from orchestrator.domain.orders import Order, OrderState, OrderType, Purpose
from orchestrator.domain.risk import DeskState
from orchestrator.ports import Put
from tests.desk import DyingBroker, TestDesk

PRICES = {"XLK": Decimal(100), "XLF": Decimal(50), "AAPL": Decimal(200)}


@pytest.fixture
def desk() -> TestDesk:
    return TestDesk()


def care(desk: TestDesk, minutes: float = 1, prices: dict[str, Decimal] | None = None) -> CycleReport:
    """Let time pass, then run the caretaker."""
    desk.now += timedelta(minutes=minutes)
    desk.prices(PRICES | (prices or {}))
    return desk.orchestrator().care(ModuleName.STOCKS, now=desk.now)


def brake(desk: TestDesk, state: DeskState, *, flatten: bool = False) -> None:
    doc = DeskStateDoc(state=state, flatten=flatten, by="owner", reason="test", changed_at=desk.now)
    desk.store.commit([Put(DESK_STATE, encode(doc))])


def open_orders(desk: TestDesk, purpose: Purpose) -> list[Order]:
    return [o for o in desk.book.orders.values() if not o.state.terminal and o.intent.purpose is purpose]


def bought(desk: TestDesk, *symbols: str) -> None:
    """Hold these, known to the book and without protection; from then on the module is dead."""
    desk.module.entries = list(symbols)
    desk.cycle()
    desk.module.entries = []
    desk.cycle()
    assert {position.symbol for position in desk.book.positions.values()} == set(symbols)
    dead(desk)


def dead(desk: TestDesk) -> None:
    """Let every decision of the module raise."""

    def raises(*_: object) -> None:
        raise AssertionError("the module was asked")

    for name in ("request", "analyze", "monitor", "remember"):
        setattr(desk.module, name, raises)


def test_a_naked_position_gets_its_stop(desk: TestDesk) -> None:
    bought(desk, "XLK")
    care(desk)
    (stop,) = open_orders(desk, Purpose.PROTECT)
    (position,) = desk.book.positions.values()
    assert (stop.state, stop.intent.order_type, stop.intent.stop_price) == (OrderState.WORKING, OrderType.STOP, 95)
    assert (stop.intent.qty, position.protective_order_id) == (position.units, stop.id)
    care(desk)
    assert len(desk.submitted()) == 2, "once is enough"


def test_a_stop_that_the_price_has_passed_goes_just_under_the_market(desk: TestDesk) -> None:
    bought(desk, "XLK")
    care(desk, prices={"XLK": Decimal(80)})
    (stop,) = open_orders(desk, Purpose.PROTECT)
    assert stop.intent.stop_price == Decimal("79.91")


def test_a_caretakers_run_is_no_slot_and_no_heartbeat(desk: TestDesk) -> None:
    bought(desk, "XLK")
    before = desk.book
    report = care(desk)
    after = desk.book
    assert report.summary.orders == 1
    assert (after.last_slot, after.last_cycle) == (before.last_slot, before.last_cycle)
    assert after.cared_at == desk.now
    assert [path for path in cycles(desk) if path.endswith("_care")]


def cycles(desk: TestDesk) -> list[str]:
    return [snapshot.path for snapshot in desk.store.query("cycles")]


def test_a_slot_that_is_older_than_the_caretakers_run_still_runs(desk: TestDesk) -> None:
    desk.cycle()
    slot = desk.now + timedelta(minutes=5)
    care(desk, minutes=6)
    desk.module.entries = ["XLK"]
    report = desk.orchestrator().cycle(ModuleName.STOCKS, slot=slot, now=desk.now)
    assert report.status is CycleStatus.TRADED


def test_a_halt_cancels_resting_entries_without_the_module(desk: TestDesk) -> None:
    desk.broker.fill_fraction = Decimal(0)
    desk.module.entries = ["XLK"]
    desk.cycle()
    dead(desk)
    brake(desk, DeskState.HALTED)
    care(desk)
    assert open_orders(desk, Purpose.ENTRY) == []
    assert len(desk.submitted()) == 1


def test_an_active_desk_keeps_its_entries(desk: TestDesk) -> None:
    desk.broker.fill_fraction = Decimal(0)
    desk.module.entries = ["XLK"]
    desk.cycle()
    care(desk)
    assert len(open_orders(desk, Purpose.ENTRY)) == 1


def test_what_a_hung_function_is_sending_is_left_until_its_lease_ends(desk: TestDesk) -> None:
    desk.module.entries, desk.broker.fill_fraction = ["XLK"], Decimal(0)
    with pytest.raises(KeyboardInterrupt):
        desk.cycle(broker=DyingBroker(desk.broker, sends=True))
    brake(desk, DeskState.HALTED)
    care(desk, minutes=0.5)
    care(desk, minutes=3)
    care(desk)
    assert len(desk.submitted()) == 1
    assert open_orders(desk, Purpose.ENTRY) == []


def test_an_entry_that_never_left_is_given_up_after_a_halt(desk: TestDesk) -> None:
    desk.module.entries = ["XLK"]
    with pytest.raises(KeyboardInterrupt):
        desk.cycle(broker=DyingBroker(desk.broker, sends=False))
    brake(desk, DeskState.HALTED)
    care(desk, minutes=0.5)
    (order,) = desk.book.orders.values()
    assert order.state is OrderState.SUBMITTING, "the lease still holds"
    care(desk, minutes=3)
    care(desk)
    (order,) = desk.book.orders.values()
    assert (order.state, desk.submitted()) == (OrderState.CANCELLED, [])


def test_flatten_takes_the_stop_away_and_sells(desk: TestDesk) -> None:
    bought(desk, "XLK", "AAPL")
    care(desk)
    assert len(open_orders(desk, Purpose.PROTECT)) == 2
    brake(desk, DeskState.HALTED, flatten=True)
    care(desk)
    care(desk)
    assert desk.book.positions == {}
    assert desk.broker.positions == {"XLK": 0, "AAPL": 0}
    assert [order for order in desk.book.orders.values() if not order.state.terminal] == []
    reasons = {snapshot.data["trade"]["exit_reason"] for snapshot in desk.store.query("trades")}
    assert reasons == {"owner: flatten"}


def test_the_modules_own_cycle_flattens_too_and_asks_the_module_nothing(desk: TestDesk) -> None:
    bought(desk, "XLK")
    brake(desk, DeskState.HALTED, flatten=True)
    report = desk.cycle()
    assert report.status is CycleStatus.TRADED
    desk.cycle()
    assert (desk.book.positions, desk.book.last_slot) == ({}, desk.now)


def test_flatten_asked_for_twice_sells_once(desk: TestDesk) -> None:
    bought(desk, "XLK")
    desk.broker.fill_fraction = Decimal(0)
    brake(desk, DeskState.HALTED, flatten=True)
    care(desk)
    again = desk.orchestrator().care(ModuleName.STOCKS, now=desk.now)
    care(desk, minutes=0.1)
    desk.broker.fill_fraction = Decimal(1)
    for _ in range(3):
        care(desk)
    assert again.summary.orders == 0
    assert desk.broker.positions["XLK"] == 0
    assert desk.book.positions == {}


def test_an_exit_that_fills_in_part_goes_on_in_the_next_run(desk: TestDesk) -> None:
    bought(desk, "XLK")
    (held,) = desk.book.positions.values()
    desk.broker.fill_fraction = Decimal("0.5")
    brake(desk, DeskState.HALTED, flatten=True)
    care(desk)
    care(desk)
    (left,) = desk.book.positions.values()
    assert 0 < left.units < held.units
    desk.broker.fill_fraction = Decimal(1)
    for _ in range(3):
        care(desk)
    assert (desk.book.positions, desk.broker.positions["XLK"]) == ({}, 0)


def test_a_closed_market_keeps_positions_and_stops_until_it_opens(desk: TestDesk) -> None:
    bought(desk, "XLK")
    care(desk)
    opened = desk.market.session
    desk.close_session()
    brake(desk, DeskState.HALTED, flatten=True)
    for _ in range(3):
        care(desk)
    assert len(open_orders(desk, Purpose.PROTECT)) == len(desk.book.positions) == 1
    desk.market.session = opened
    care(desk)
    care(desk)
    assert desk.book.positions == {}


def test_without_a_quote_it_sells_at_the_market(desk: TestDesk) -> None:
    bought(desk, "XLK")
    brake(desk, DeskState.HALTED, flatten=True)
    desk.market.missing["XLK"] = "halted"
    care(desk)
    care(desk)
    assert desk.book.positions == {}


def test_a_venue_that_is_down_is_told_and_tried_again(desk: TestDesk) -> None:
    bought(desk, "XLK")
    brake(desk, DeskState.HALTED, flatten=True)
    desk.broker.faults.add("state", Fault.UNAVAILABLE)
    assert care(desk).status is CycleStatus.VENUE_DOWN
    assert "venue_down" in {snapshot.data["kind"] for snapshot in desk.store.query("events")}
    care(desk)
    care(desk)
    assert desk.book.positions == {}


@pytest.mark.parametrize("fault", [Fault.LOST_AFTER_ACCEPTANCE, Fault.LOST_BEFORE_ACCEPTANCE, Fault.UNAVAILABLE])
def test_an_exit_whose_answer_is_lost_sells_no_more_than_is_held(desk: TestDesk, fault: Fault) -> None:
    bought(desk, "XLK")
    care(desk)
    brake(desk, DeskState.HALTED, flatten=True)
    desk.broker.faults.add("submit", fault)
    for _ in range(12):
        care(desk, minutes=4)
    assert (desk.book.positions, desk.broker.positions["XLK"], desk.book.drift) == ({}, 0, {})


def test_a_stop_that_cannot_be_cancelled_keeps_its_position(desk: TestDesk) -> None:
    bought(desk, "XLK")
    care(desk)
    brake(desk, DeskState.HALTED, flatten=True)
    desk.broker.faults.add("cancel", Fault.UNAVAILABLE)
    care(desk)
    assert desk.broker.positions["XLK"] > 0
    for _ in range(3):
        care(desk)
    assert (desk.book.positions, desk.broker.positions["XLK"]) == ({}, 0)


def test_a_cycle_that_loses_to_the_caretaker_decides_anew(desk: TestDesk) -> None:
    desk.module.entries = ["XLK"]
    raced = []
    plain = desk.module

    class Racing(plain):
        def analyze(self, context):
            if not raced:
                raced.append(True)
                desk.orchestrator().care(ModuleName.STOCKS, now=desk.now)
            return super().analyze(context)

    desk.module = Racing
    report = desk.cycle()
    assert (report.status, len(desk.submitted())) == (CycleStatus.TRADED, 1)
    assert desk.book.last_slot == desk.now


def test_the_caretaker_needs_no_parameters(desk: TestDesk) -> None:
    bought(desk, "XLK")
    desk.store.commit([Put("parameters/stocks", {"schema": 1, "damaged": True})])
    assert care(desk).summary.orders == 1


def test_a_key_that_a_hung_function_holds_is_waited_for(desk: TestDesk) -> None:
    """One executor per key: what it cannot do now it does once the hold has ended."""
    desk.broker.profile = desk.broker.profile.model_copy(update={"exclusive_key": True})
    desk.broker.fill_fraction = Decimal(0)
    desk.module.entries = ["XLK"]
    desk.cycle()
    desk.module.entries = ["XLF"]
    with pytest.raises(KeyboardInterrupt):
        desk.cycle(broker=DyingBroker(desk.broker, sends=False))
    brake(desk, DeskState.HALTED)
    care(desk, minutes=0.5)
    assert len(open_orders(desk, Purpose.ENTRY)) == 2
    care(desk, minutes=2)
    care(desk)
    assert open_orders(desk, Purpose.ENTRY) == []
    assert len(desk.submitted()) == 1


def while_deciding(desk: TestDesk, happens: Callable[[], None]) -> None:
    """Let something happen once, between what the next run reads and what it commits."""
    look = desk.market.snapshot

    class Interrupted:
        def snapshot(self, request: DataRequest, now: datetime) -> MarketSnapshot:
            desk.market = plain
            happens()
            return look(request, now)

    plain = desk.market
    desk.market = Interrupted()  # type: ignore[assignment]


def test_a_flatten_that_is_taken_back_in_time_sells_nothing(desk: TestDesk) -> None:
    bought(desk, "XLK")
    care(desk)
    brake(desk, DeskState.HALTED, flatten=True)
    desk.now += timedelta(minutes=1)
    while_deciding(desk, lambda: brake(desk, DeskState.ACTIVE))
    report = desk.orchestrator().care(ModuleName.STOCKS, now=desk.now)
    assert report.summary.orders == 0
    assert len(open_orders(desk, Purpose.PROTECT)) == len(desk.book.positions) == 1


def test_a_flatten_that_comes_while_a_stop_is_decided_closes_at_once(desk: TestDesk) -> None:
    bought(desk, "XLK")
    desk.now += timedelta(minutes=1)
    while_deciding(desk, lambda: brake(desk, DeskState.HALTED, flatten=True))
    desk.orchestrator().care(ModuleName.STOCKS, now=desk.now)
    care(desk)
    assert (desk.book.positions, open_orders(desk, Purpose.PROTECT)) == ({}, [])
