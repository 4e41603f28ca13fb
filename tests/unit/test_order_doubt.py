"""Orders in doubt: what proves absence, when they are sent again, late and forgotten fills, words nobody can read."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from orchestrator.adapters.memory.broker import MemoryBroker
from orchestrator.adapters.memory.faults import Fault
from orchestrator.domain.codec import decode, encode
from orchestrator.domain.documents import DESK_STATE, DeskStateDoc, OrderDoc, order_path
from orchestrator.domain.errors import OutcomeUnknownError
from orchestrator.domain.exposure import reservation
from orchestrator.domain.orders import Order, OrderState, Purpose
from orchestrator.domain.risk import Denied, DeskState
from orchestrator.domain.venues import IdUniqueness
from orchestrator.lookups import LONGEST_WAIT, waiting_time
from orchestrator.ports import Put, Trouble, TroubleKind, VenueOrder, VenueState
from tests.desk import DyingBroker, TestDesk


@pytest.fixture
def desk() -> TestDesk:
    return TestDesk()


def stored(desk: TestDesk, order_id: str) -> Order:
    path = order_path(order_id)
    return decode(OrderDoc, desk.store.get_many([path])[path].data, where=path).order


def only_order(desk: TestDesk) -> Order:
    (order,) = desk.book.orders.values()
    return order


def events(desk: TestDesk) -> list[str]:
    return sorted({snapshot.data["kind"] for snapshot in desk.store.query("events")})


def with_profile(desk: TestDesk, **changes: object) -> None:
    desk.broker.profile = desk.broker.profile.model_copy(update=changes)


class LaggingVenue:
    """A venue that, while it `lags`, shows nothing new and does not find what it has."""

    def __init__(self, broker: MemoryBroker) -> None:
        self._broker, self.lags = broker, True
        self.name, self.profile, self.submit, self.cancel = broker.name, broker.profile, broker.submit, broker.cancel

    def state(self, cursor: str) -> VenueState:
        told = self._broker.state(cursor)
        return replace(told, open_orders=[], fills=[], positions={}, cursor=cursor) if self.lags else told

    def find(self, order: Order) -> VenueOrder | None:
        return None if self.lags else self._broker.find(order)


def test_look_ups_wait_longer_each_time_up_to_an_hour() -> None:
    minutes = [waiting_time(n) / timedelta(minutes=1) for n in range(9)]
    assert minutes == [1, 1, 2, 4, 8, 16, 32, 60, 60]
    assert waiting_time(10_000) == LONGEST_WAIT


def test_an_order_in_doubt_is_looked_up_with_back_off_and_never_forgotten(desk: TestDesk) -> None:
    desk.module.entries = ["XLK"]
    desk.broker.faults.add("submit", Fault.LOST_BEFORE_ACCEPTANCE)
    desk.cycle()
    desk.module.entries = []
    desk.broker.faults.add("find", *[Fault.UNAVAILABLE] * 100)
    for _ in range(120):
        desk.cycle(minutes=1)
    finds = [order_id for call, order_id in desk.broker.calls if call == "find"]
    assert len(finds) == 7, "after 0, 1, 2, 4, 8, 16, 32 and then every 60 minutes"
    assert only_order(desk).state is OrderState.UNKNOWN
    assert "order_unknown" in events(desk)


def test_a_stop_in_doubt_is_looked_up_every_minute_because_nothing_may_take_its_place(desk: TestDesk) -> None:
    desk.module.entries = ["XLK"]
    desk.cycle()
    desk.module.entries, desk.module.protects = [], True
    desk.broker.faults.add("submit", Fault.LOST_BEFORE_ACCEPTANCE)
    desk.broker.faults.add("find", *[Fault.UNAVAILABLE] * 100)
    for _ in range(60):
        desk.cycle(minutes=1)
    (stop,) = [order for order in desk.book.orders.values() if order.intent.purpose is Purpose.PROTECT]
    assert stop.state is OrderState.UNKNOWN
    assert [order_id for call, order_id in desk.broker.calls if call == "find"] == [stop.id] * 59


def test_not_found_proves_nothing_before_the_venues_lists_have_caught_up(desk: TestDesk) -> None:
    with_profile(desk, visibility_lag=timedelta(minutes=5))
    desk.module.entries = ["XLK"]
    desk.broker.faults.add("submit", Fault.LOST_BEFORE_ACCEPTANCE)
    desk.cycle()
    desk.module.entries = []
    desk.cycle(minutes=1)
    assert only_order(desk).state is OrderState.UNKNOWN
    assert len(desk.submitted()) == 1
    desk.cycle(minutes=5)
    assert len(desk.submitted()) == 2, "absence is proven, and the id is refused for ever: the same one goes again"


@pytest.mark.parametrize("policy", [IdUniqueness.AMONG_OPEN, IdUniqueness.PENDING_ONLY])
def test_where_ids_are_not_unique_for_ever_a_lost_order_is_given_up(desk: TestDesk, policy: IdUniqueness) -> None:
    with_profile(desk, id_uniqueness=policy)
    desk.module.entries = ["XLK"]
    desk.broker.faults.add("submit", Fault.LOST_BEFORE_ACCEPTANCE)
    desk.cycle()
    first = only_order(desk).id
    desk.module.entries = []
    desk.cycle(minutes=1)
    assert only_order(desk).state is OrderState.CANCELLED
    desk.module.entries = ["XLK"]
    desk.cycle(minutes=1)
    assert len(set(desk.submitted())) == 2
    assert desk.submitted().count(first) == 1


def test_what_certainly_never_left_is_sent_again_everywhere(desk: TestDesk) -> None:
    with_profile(desk, id_uniqueness=IdUniqueness.PENDING_ONLY)
    desk.module.entries = ["XLK"]
    desk.broker.faults.add("submit", Fault.UNAVAILABLE)
    desk.cycle()
    desk.module.entries = []
    desk.cycle(minutes=1)
    assert len(set(desk.submitted())) == 1
    assert len(desk.submitted()) == 2


def test_what_never_arrived_and_is_refused_when_sent_again_ends(desk: TestDesk) -> None:
    desk.module.entries = ["XLK"]
    desk.broker.faults.add("submit", Fault.LOST_BEFORE_ACCEPTANCE, *[Fault.REFUSED] * 10)
    desk.cycle()
    desk.module.entries = []
    desk.cycle(minutes=1)
    assert only_order(desk).state is OrderState.UNKNOWN, "the first attempt may have arrived: it is looked up once more"
    desk.cycle(minutes=1)
    assert (only_order(desk).state, len(desk.submitted())) == (OrderState.REJECTED, 2)
    assert "refused" in only_order(desk).history[-1].note


def test_what_arrived_after_all_is_found_behind_the_refusal_of_the_second_attempt(desk: TestDesk) -> None:
    desk.module.entries = ["XLK"]
    desk.broker.faults.add("submit", Fault.LOST_AFTER_ACCEPTANCE, Fault.REFUSED)
    venue = LaggingVenue(desk.broker)
    desk.cycle(broker=venue)
    desk.module.entries = []
    desk.cycle(minutes=1, broker=venue)
    assert only_order(desk).state is OrderState.UNKNOWN
    venue.lags = False
    desk.cycle(minutes=1, broker=venue)
    assert (only_order(desk).state, len(desk.submitted())) == (OrderState.FILLED, 2)
    assert desk.broker.positions["XLK"] == only_order(desk).filled_qty


def test_an_acknowledged_order_that_vanishes_is_in_doubt_and_never_sent_again(desk: TestDesk) -> None:
    desk.broker.fill_fraction = Decimal(0)
    desk.module.entries = ["XLK"]
    desk.cycle()
    desk.broker._orders.clear()
    desk.module.entries = []
    for _ in range(6):
        desk.cycle(minutes=10)
    assert only_order(desk).state is OrderState.UNKNOWN
    assert len(desk.submitted()) == 1
    assert [s.data["severity"] for s in desk.store.query("events") if "nowhere at the venue" in s.data["text"]] == [
        "critical"
    ]


def test_an_order_given_up_that_rests_after_all_counts_again_and_is_cancelled(desk: TestDesk) -> None:
    with_profile(desk, id_uniqueness=IdUniqueness.AMONG_OPEN)
    desk.broker.fill_fraction = Decimal(0)
    desk.module.entries = ["XLK"]
    desk.broker.faults.add("submit", Fault.LOST_AFTER_ACCEPTANCE)
    desk.cycle()
    hidden, desk.broker._orders = desk.broker._orders, []
    desk.module.entries = []
    desk.cycle(minutes=1)
    assert only_order(desk).state is OrderState.CANCELLED
    desk.broker._orders = hidden
    desk.cycle(minutes=1)
    assert only_order(desk).state is OrderState.WORKING
    exposure = desk.store.get_many(["desk/exposure"])["desk/exposure"].data
    assert Decimal(exposure["modules"]["stocks"]["reserved_usd"]) > 0
    desk.cycle(minutes=20)
    assert hidden[0].state is OrderState.CANCELLED


def test_a_fill_of_an_order_that_the_book_has_forgotten_finds_it_in_the_store(desk: TestDesk) -> None:
    desk.broker.fill_fraction = Decimal(0)
    desk.module.entries = ["XLK"]
    desk.cycle()
    order = only_order(desk)
    desk.module.entries = []
    desk.broker.end(order.id, OrderState.CANCELLED)
    desk.cycle(minutes=20)
    desk.cycle(minutes=90)
    assert desk.book.orders == {}
    desk.broker.fill(order.id, Decimal(3))
    desk.cycle()
    (position,) = desk.book.positions.values()
    assert position.units == 3 == desk.broker.positions["XLK"]
    assert stored(desk, order.id).filled_qty == 3
    assert desk.book.drift == {}


def test_what_a_venue_told_as_filled_stays_reserved_until_its_fills_show(desk: TestDesk) -> None:
    desk.broker.fill_fraction = Decimal(0)
    desk.module.entries = ["XLK"]
    desk.cycle()
    order = only_order(desk)
    held = desk.broker._held(order.id)
    held.filled_qty, held.state = order.intent.qty / 2, OrderState.CANCELLED
    desk.module.entries = []
    desk.cycle()
    reserved = desk.store.get_many(["desk/exposure"])["desk/exposure"].data["modules"]["stocks"]["reserved_usd"]
    assert Decimal(reserved) == order.intent.reserved_usd / 2


class Mumbling:
    """A venue with rows in its state that nobody can read."""

    def __init__(self, desk: TestDesk, *troubles: Trouble) -> None:
        self._broker, self._troubles = desk.broker, troubles
        self.name, self.profile = desk.broker.name, desk.broker.profile
        self.submit, self.cancel, self.find = desk.broker.submit, desk.broker.cancel, desk.broker.find

    def state(self, cursor: str) -> VenueState:
        told = self._broker.state(cursor)
        named = {trouble.subject for trouble in self._troubles}
        kept = [order for order in told.open_orders if order.client_order_id not in named]
        return replace(told, open_orders=kept, troubles=self._troubles)


def test_an_unreadable_order_is_in_doubt_with_the_venues_words_and_recovers(desk: TestDesk) -> None:
    desk.broker.fill_fraction = Decimal(0)
    desk.module.entries = ["XLK", "XLF"]
    desk.cycle()
    bad, good = (next(o for o in desk.book.orders.values() if o.intent.symbol == s) for s in ("XLK", "XLF"))
    desk.module.entries = []
    trouble = Trouble(TroubleKind.ORDER, bad.id, "status 'odd' is not known", raw='{"status": "odd"}', symbol="XLK")
    desk.cycle(minutes=1, broker=Mumbling(desk, trouble))
    assert desk.book.orders[bad.id].state is OrderState.UNKNOWN
    assert desk.book.orders[bad.id].raw == '{"status": "odd"}'
    assert desk.book.orders[good.id].state is OrderState.WORKING
    desk.cycle(minutes=1)
    assert desk.book.orders[bad.id].state is OrderState.WORKING


def test_an_unreadable_position_quarantines_its_symbol_for_as_long_as_it_lasts(desk: TestDesk) -> None:
    trouble = Trouble(TroubleKind.POSITION, "XLK", "qty is null", raw="{}", symbol="XLK")
    desk.module.entries = ["XLK", "XLF"]
    report = desk.cycle(broker=Mumbling(desk, trouble))
    denied = {r.opportunity.symbol: r.verdict for r in report.results}
    assert denied["XLK"].code == "SYMBOL_QUARANTINED"
    assert denied["XLF"].qty > 0
    assert "venue_unreadable" in events(desk)
    desk.module.entries = []
    desk.cycle()
    assert desk.book.quarantine == {}


def test_stops_are_sent_in_the_cycle_that_entered_when_it_filled_at_once(desk: TestDesk) -> None:
    desk.module.entries, desk.module.protects = ["XLK"], True
    before = desk.store.usage.round_trips
    report = desk.cycle()
    assert desk.store.usage.round_trips - before == 5
    assert [result.opportunity.purpose for result in report.results] == ["entry", "protect"]
    (position,) = desk.book.positions.values()
    assert desk.book.orders[position.protective_order_id].state is OrderState.WORKING
    trace = desk.store.query("cycles")[0].data["opportunities"]
    assert [row["purpose"] for row in trace] == ["entry", "protect"]
    assert report.summary.orders == 2
    assert report.summary.round_trips == 5


def test_a_position_without_a_stop_is_told_after_two_cycles(desk: TestDesk) -> None:
    desk.module.entries = ["XLK"]
    desk.cycle()
    desk.module.entries = []
    desk.cycle()
    (position,) = desk.book.positions
    assert desk.book.naked == {position: 1}
    assert "naked_position" not in events(desk)
    desk.cycle()
    assert "naked_position" in events(desk)
    desk.module.protects = True
    desk.cycle()
    desk.cycle()
    assert desk.book.naked == {}


def test_a_fill_under_an_id_nobody_knows_yet_waits_for_the_look_up_that_tells_whose_it_is(desk: TestDesk) -> None:
    desk.broker.tells_client_ids = False
    desk.module.entries = ["XLK"]
    with pytest.raises(KeyboardInterrupt):
        desk.cycle(broker=DyingBroker(desk.broker, sends=True))
    desk.module.entries = []
    unlisted = Mumbling(desk, Trouble(TroubleKind.FEE, only_order(desk).id, "left out of the list"))
    desk.cycle(minutes=0.5, broker=unlisted)
    assert [one.fill.symbol for one in desk.book.unmatched] == ["XLK"]
    assert desk.book.positions == {}
    desk.cycle(minutes=1, broker=unlisted)
    (position,) = desk.book.positions.values()
    assert position.units == desk.broker.positions["XLK"]
    assert desk.book.unmatched == ()


def test_an_answer_to_a_submission_that_nobody_can_read_is_kept_for_the_owner(desk: TestDesk) -> None:
    class Babbling(DyingBroker):
        def submit(self, order):
            desk.broker.submit(order)
            raise OutcomeUnknownError("submit: the answer makes no sense", raw='{"id": null}')

    desk.module.entries = ["XLK"]
    desk.cycle(broker=Babbling(desk.broker, sends=True))
    assert (only_order(desk).state, only_order(desk).raw) == (OrderState.UNKNOWN, '{"id": null}')


def test_what_the_venue_tells_as_filled_in_its_answer_stays_reserved(desk: TestDesk) -> None:
    class Telling(DyingBroker):
        def submit(self, order):
            said = desk.broker.submit(order)
            return replace(said, state=OrderState.CANCELLED, filled_qty=order.intent.qty / 2)

    desk.broker.fill_fraction = Decimal(0)
    desk.module.entries = ["XLK"]
    desk.cycle(broker=Telling(desk.broker, sends=True))
    order = only_order(desk)
    assert (order.state, order.told_qty, order.filled_qty) == (OrderState.CANCELLED, order.intent.qty / 2, 0)
    assert reservation(order) == order.intent.reserved_usd / 2


def test_what_an_exit_left_is_protected_again_in_the_same_cycle(desk: TestDesk) -> None:
    desk.module.entries, desk.module.protects = ["XLK"], True
    desk.cycle()
    desk.module.entries, desk.module.exits = [], True
    held = next(iter(desk.book.positions.values())).units

    class Half(DyingBroker):
        """Fills half of what is sold and cancels the rest, as an order that may not rest does."""

        def submit(self, order):
            said = desk.broker.submit(order)
            if order.intent.purpose is Purpose.EXIT:
                desk.broker.fill(order.id, order.intent.qty // 2)
                desk.broker.end(order.id, OrderState.CANCELLED)
            return said

    desk.broker.fill_fraction = Decimal(0)
    before = desk.store.usage.round_trips
    report = desk.cycle(broker=Half(desk.broker, sends=True))
    assert desk.store.usage.round_trips - before == 5
    assert [str(result.opportunity.purpose) for result in report.results] == ["exit", "protect"]
    (position,) = desk.book.positions.values()
    stop = desk.book.orders[position.protective_order_id]
    assert (stop.state, stop.intent.qty) == (OrderState.WORKING, held - held // 2)
    assert position.units == stop.intent.qty


def test_what_a_halted_desk_may_not_leave_is_protected_again(desk: TestDesk) -> None:
    desk.module.entries, desk.module.protects = ["XLK"], True
    desk.cycle()
    desk.module.entries = []
    (position,) = desk.book.positions.values()
    desk.broker.end(position.protective_order_id, OrderState.CANCELLED, "cancelled by the venue")
    halted = DeskStateDoc(state=DeskState.HALTED, by="owner", reason="now", changed_at=desk.now)
    desk.store.commit([Put(DESK_STATE, encode(halted))])
    desk.module.exits = True
    report = desk.cycle()
    assert [(str(r.opportunity.purpose), isinstance(r.verdict, Denied)) for r in report.results] == [
        ("exit", True),
        ("protect", False),
    ]
    (position,) = desk.book.positions.values()
    assert desk.book.orders[position.protective_order_id].state is OrderState.WORKING


def test_an_exit_that_could_not_be_sent_gives_way_to_a_stop_in_the_same_cycle(desk: TestDesk) -> None:
    desk.module.entries, desk.module.protects = ["XLK"], True
    desk.cycle()
    desk.module.entries, desk.module.exits = [], True
    desk.broker.faults.add("submit", Fault.UNAVAILABLE)
    before = desk.store.usage.round_trips
    report = desk.cycle()
    assert desk.store.usage.round_trips - before == 5
    unsent, stop = (desk.book.orders[result.client_order_id] for result in report.results)
    assert (unsent.intent.purpose, unsent.state) == (Purpose.EXIT, OrderState.CANCELLED)
    assert (stop.intent.purpose, stop.state) == (Purpose.PROTECT, OrderState.WORKING)
    assert stop.intent.qty == next(iter(desk.book.positions.values())).units
    desk.cycle()
    desk.cycle()
    assert not desk.book.positions
