"""One module's cycle on the shipped fakes: what it reads, writes, sends, and survives."""

from __future__ import annotations

from decimal import Decimal

import pytest

from orchestrator.adapters.memory.faults import Fault
from orchestrator.domain.base import ModuleName
from orchestrator.domain.codec import encode
from orchestrator.domain.documents import (
    DESK_STATE,
    CycleStatus,
    DeskStateDoc,
    ParametersDoc,
    cycle_path,
    order_path,
    parameters_path,
)
from orchestrator.domain.errors import ConfigurationError
from orchestrator.domain.orders import OrderState
from orchestrator.domain.risk import DenialCode, Denied, DeskState
from orchestrator.ports import Put
from tests.desk import DyingBroker, ScriptedParameters, TestDesk


@pytest.fixture
def desk() -> TestDesk:
    return TestDesk()


def test_an_idle_cycle_costs_two_round_trips_and_one_write(desk: TestDesk) -> None:
    desk.cycle()
    before = (desk.store.usage.round_trips, desk.store.usage.writes)
    report = desk.cycle()
    assert report.status is CycleStatus.IDLE
    assert (desk.store.usage.round_trips - before[0], desk.store.usage.writes - before[1]) == (2, 1)
    assert (report.summary.round_trips, report.summary.writes) == (2, 1)


def test_a_trading_cycle_costs_three_round_trips_for_any_number_of_orders(desk: TestDesk) -> None:
    desk.module.entries = ["XLK", "XLF", "AAPL"]
    before = desk.store.usage.round_trips
    report = desk.cycle()
    assert report.status is CycleStatus.TRADED
    assert desk.store.usage.round_trips - before == 3
    assert report.summary.round_trips == 3
    assert len(desk.submitted()) == 3


def test_a_fill_becomes_a_position_and_an_exit_a_trade(desk: TestDesk) -> None:
    desk.module.entries = ["XLK"]
    desk.cycle()
    desk.module.entries = []
    desk.cycle()
    (position,) = desk.book.positions.values()
    assert position.symbol == "XLK"
    assert position.units == desk.broker.positions["XLK"] > 0
    desk.module.exits = True
    desk.cycle(prices={"XLK": Decimal(110), "XLF": Decimal(50), "AAPL": Decimal(200)})
    desk.module.exits = False
    desk.cycle()
    assert desk.book.positions == {}
    (trade,) = desk.store.query("trades")
    gained = (desk.broker.account().equity - 100_000).quantize(Decimal("0.01"))
    assert Decimal(trade.data["trade"]["realized_pnl"]).quantize(Decimal("0.01")) == gained > 0
    assert desk.book.drift == {}


def test_the_same_slot_twice_does_nothing(desk: TestDesk) -> None:
    desk.module.entries = ["XLK"]
    desk.cycle()
    report = desk.cycle(minutes=0)
    assert report.status is CycleStatus.DUPLICATE
    assert len(desk.submitted()) == 1


def test_a_run_that_loses_the_commit_sends_nothing(desk: TestDesk) -> None:
    desk.module.entries = ["XLK"]
    raced = []

    class Racing(desk.module):
        def analyze(self, context):
            if not raced:
                raced.append(True)
                desk.module = type(self).__mro__[1]
                desk.orchestrator().cycle(ModuleName.STOCKS, slot=desk.now, now=desk.now)
            return super().analyze(context)

    desk.module = Racing
    report = desk.cycle()
    assert report.status is CycleStatus.DUPLICATE
    assert len(desk.submitted()) == 1


def test_nothing_is_sent_when_the_brake_is_pressed_between_read_and_commit(desk: TestDesk) -> None:
    desk.module.entries = ["XLK"]
    plain = desk.module

    class Braked(plain):
        def analyze(self, context):
            halted = DeskStateDoc(state=DeskState.HALTED, by="owner", reason="now", changed_at=desk.now)
            desk.store.commit([Put(DESK_STATE, encode(halted))])
            return super().analyze(context)

    desk.module = Braked
    report = desk.cycle()
    assert desk.submitted() == []
    (result,) = report.results
    assert isinstance(result.verdict, Denied)
    assert result.verdict.code is DenialCode.DESK_HALTED


def test_halt_cancels_resting_entries_and_keeps_protective_orders(desk: TestDesk) -> None:
    desk.module.entries = ["XLK"]
    desk.module.protects = True
    desk.cycle()
    desk.broker.fill_fraction = Decimal(0)
    desk.module.entries = ["XLF"]
    desk.cycle()
    states = {order.intent.symbol: order.state for order in desk.book.orders.values() if not order.state.terminal}
    assert states == {"XLK": OrderState.WORKING, "XLF": OrderState.WORKING}
    halted = DeskStateDoc(state=DeskState.HALTED, by="owner", reason="now", changed_at=desk.now)
    desk.store.commit([Put(DESK_STATE, encode(halted))])
    desk.module.entries = []
    desk.cycle(minutes=1)
    desk.cycle(minutes=1)
    working = [order.intent.symbol for order in desk.book.orders.values() if not order.state.terminal]
    assert working == ["XLK"]


def test_an_exit_cancels_the_protective_order_first(desk: TestDesk) -> None:
    desk.module.entries = ["XLK"]
    desk.module.protects = True
    desk.cycle()
    desk.module.entries = []
    desk.cycle()
    (position,) = desk.book.positions.values()
    assert position.protective_order_id is not None
    desk.module.exits = True
    desk.cycle()
    calls = [call for call, order_id in desk.broker.calls if call in {"cancel", "submit"}]
    assert calls[-2:] == ["cancel", "submit"]
    desk.module.exits = False
    desk.cycle()
    assert desk.book.positions == {}
    assert desk.broker.positions["XLK"] == 0


@pytest.mark.parametrize("fault", [Fault.LOST_AFTER_ACCEPTANCE, Fault.LOST_BEFORE_ACCEPTANCE, Fault.UNAVAILABLE])
def test_whatever_happens_to_the_answer_one_order_reaches_the_venue(desk: TestDesk, fault: Fault) -> None:
    desk.module.entries = ["XLK"]
    desk.broker.faults.add("submit", fault)
    desk.cycle()
    desk.module.entries = []
    for _ in range(3):
        desk.cycle(minutes=3)
    assert len(desk.book.positions) == 1
    (position,) = desk.book.positions.values()
    assert position.units == desk.broker.positions["XLK"]
    assert len(desk.broker.state("").open_orders) == 1
    assert desk.book.drift == {}


def test_an_unknown_order_freezes_new_exposure_in_its_symbol(desk: TestDesk) -> None:
    desk.module.entries = ["XLK"]
    desk.broker.faults.add("submit", Fault.LOST_AFTER_ACCEPTANCE)
    desk.cycle()
    assert [order.state for order in desk.book.orders.values()] == [OrderState.UNKNOWN]
    desk.broker.faults.add("find", Fault.UNAVAILABLE)
    desk.broker.faults.add("state", Fault.UNAVAILABLE)
    report = desk.cycle(minutes=1)
    assert all(isinstance(result.verdict, Denied) for result in report.results)
    assert len(desk.submitted()) == 1


def test_an_order_that_may_rest_at_the_venue_is_never_sent_again_without_a_look(desk: TestDesk) -> None:
    desk.module.entries = ["XLK"]
    desk.broker.faults.add("submit", Fault.UNAVAILABLE)
    desk.cycle()
    desk.module.entries = []
    desk.broker.faults.add("state", Fault.UNAVAILABLE)
    desk.cycle(minutes=3)
    assert len(desk.submitted()) == 1
    desk.cycle(minutes=3)
    names = [call for call, order_id in desk.broker.calls if order_id]
    assert names == ["submit", "find", "submit"]


def test_a_refused_order_is_rejected_and_releases_its_reservation(desk: TestDesk) -> None:
    desk.module.entries = ["XLK"]
    desk.broker.faults.add("submit", Fault.REFUSED)
    report = desk.cycle()
    (result,) = report.results
    assert result.state is OrderState.REJECTED
    desk.module.entries = []
    desk.cycle()
    exposure = desk.store.get_many(["desk/exposure"])["desk/exposure"].data
    assert exposure["modules"]["stocks"]["reserved_usd"] == "0"
    order = desk.store.get_many([order_path(result.client_order_id)])[order_path(result.client_order_id)].data
    assert order["state"] == "REJECTED"


def test_a_decision_grown_old_is_cancelled(desk: TestDesk) -> None:
    desk.broker.fill_fraction = Decimal(0)
    desk.module.entries = ["XLK"]
    desk.cycle()
    desk.module.entries = []
    desk.cycle(minutes=20)
    desk.cycle()
    assert [order.state for order in desk.book.orders.values()] == [OrderState.CANCELLED]


def test_a_venue_that_is_down_takes_no_new_risk_and_says_so(desk: TestDesk) -> None:
    desk.module.entries = ["XLK"]
    desk.broker.faults.add("state", Fault.UNAVAILABLE)
    report = desk.cycle()
    assert desk.submitted() == []
    assert report.status is CycleStatus.VENUE_DOWN
    assert "venue down" in report.summary.note
    assert [snapshot.data["kind"] for snapshot in desk.store.query("events")] == ["venue_down"]


def test_a_faulty_strategy_does_not_keep_exits_from_being_sent(desk: TestDesk) -> None:
    desk.module.entries = ["XLK"]
    desk.cycle()
    desk.module.entries, desk.module.exits, desk.module.raises = [], True, True
    report = desk.cycle()
    assert [result.client_order_id is not None for result in report.results] == [True]
    assert report.status is CycleStatus.FAILED
    assert "ZeroDivisionError" in report.summary.note


def test_unusable_parameters_leave_the_last_good_ones_in_force(desk: TestDesk) -> None:
    desk.cycle()
    bad = ParametersDoc(
        module=ModuleName.STOCKS, version=2, values={"threshold": 7}, activated_at=desk.now, activated_by="x"
    )
    desk.store.commit([Put(parameters_path(ModuleName.STOCKS), encode(bad))])
    report = desk.cycle()
    assert "threshold: Input should be less than or equal to 1 (is 7)" in report.summary.note
    assert desk.book.parameters_version == 1
    good = bad.model_copy(update={"version": 3, "values": ScriptedParameters(threshold=0.7).model_dump()})
    desk.store.commit([Put(parameters_path(ModuleName.STOCKS), encode(good))])
    desk.cycle()
    assert (desk.book.parameters_version, desk.book.parameters) == (3, {"threshold": 0.7})


def test_without_any_usable_parameters_the_module_does_not_run(desk: TestDesk) -> None:
    bad = ParametersDoc(module=ModuleName.STOCKS, version=2, values={"x": 1}, activated_at=desk.now, activated_by="x")
    desk.store.commit([Put(parameters_path(ModuleName.STOCKS), encode(bad))])
    with pytest.raises(ConfigurationError, match=r"parameters/stocks.*x: Extra inputs"):
        desk.cycle()


def test_a_denied_opportunity_is_traced_with_its_code(desk: TestDesk) -> None:
    desk.module.entries = ["XLK"]
    desk.close_session()
    desk.cycle()
    path = cycle_path(ModuleName.STOCKS, desk.now.strftime("%Y%m%dT%H%M%SZ"))
    (trace,) = desk.store.get_many([path])[path].data["opportunities"]
    assert (trace["symbol"], trace["verdict"], trace["code"]) == ("XLK", "denied", "SESSION_CLOSED")


def test_fills_told_twice_count_once(desk: TestDesk) -> None:
    desk.broker.repeats_fills = True
    desk.module.entries = ["XLK"]
    desk.cycle()
    desk.module.entries = []
    desk.cycle()
    desk.cycle()
    (position,) = desk.book.positions.values()
    assert position.units == desk.broker.positions["XLK"]


def test_a_crash_between_commit_and_submit_is_finished_by_the_next_cycle(desk: TestDesk) -> None:
    desk.module.entries = ["XLK"]
    with pytest.raises(KeyboardInterrupt):
        desk.cycle(broker=DyingBroker(desk.broker, sends=False))
    desk.module.entries = []
    desk.cycle(minutes=0.5)
    assert desk.submitted() == [], "the lease of the dead run still holds"
    desk.cycle(minutes=3)
    desk.cycle(minutes=1)
    assert len(desk.submitted()) == 1
    assert len(desk.book.positions) == 1


def test_a_crash_between_submit_and_record_is_finished_by_the_next_cycle(desk: TestDesk) -> None:
    desk.module.entries = ["XLK"]
    with pytest.raises(KeyboardInterrupt):
        desk.cycle(broker=DyingBroker(desk.broker, sends=True))
    desk.module.entries = []
    desk.cycle(minutes=1)
    assert len(desk.submitted()) == 1
    assert len(desk.book.positions) == 1
    assert desk.book.drift == {}
