"""One executor per key, and entries that leave room in the rate limit for what must not wait."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.domain.codec import decode, encode
from orchestrator.domain.keys import VenueKeyDoc, entries_allowed, entry_capacity, is_busy, key_path, taken
from orchestrator.domain.orders import OrderState
from orchestrator.domain.risk import DenialCode, Denied
from orchestrator.domain.venues import ALPACA, GATE, KRAKEN, WHITEBIT, VenueCall, VenueProfile
from orchestrator.execution import LEASE
from orchestrator.ports import Put
from tests.builders import NOW
from tests.desk import DyingBroker, TestDesk

PATH = key_path("venue")


@pytest.fixture
def desk() -> TestDesk:
    desk = TestDesk()
    desk.broker.profile = desk.broker.profile.model_copy(update={"exclusive_key": True})
    return desk


def key(desk: TestDesk) -> VenueKeyDoc:
    return decode(VenueKeyDoc, desk.store.get_many([PATH])[PATH].data, where=PATH)


def hold(desk: TestDesk, *, seconds: int) -> None:
    held = VenueKeyDoc(venue="venue", holder="another_run", until=desk.now + timedelta(seconds=seconds), at=desk.now)
    desk.store.commit([Put(PATH, encode(held.model_copy(update={"entry_requests": Decimal(100)})))])


def test_the_key_is_taken_with_the_orders_and_given_back_with_the_answers(desk: TestDesk) -> None:
    seen = []
    submit = desk.broker.submit

    class Looking(DyingBroker):
        def submit(self, order):
            seen.append(key(desk))
            return submit(order)

    looking = Looking(desk.broker, sends=True)
    desk.module.entries = ["XLK"]
    before = desk.store.usage.round_trips
    desk.cycle(broker=looking)
    assert [(one.holder, one.until) for one in seen] == [(f"stocks_{desk.now:%Y%m%dT%H%M%SZ}", desk.now + LEASE)]
    assert (key(desk).holder, key(desk).until) == ("", None)
    assert desk.store.usage.round_trips - before == 3 + 3, "three of the cycle, three looks of this test"


def test_who_finds_the_key_held_sends_and_cancels_nothing_and_says_so(desk: TestDesk) -> None:
    desk.broker.fill_fraction = Decimal(0)
    desk.module.entries = ["XLF"]
    desk.cycle()
    sent = len(desk.broker.calls)
    hold(desk, seconds=3600)
    desk.module.entries = ["XLK"]
    report = desk.cycle(minutes=20)
    assert {call for call, _ in desk.broker.calls[sent:]} <= {"state", "find"}
    (result,) = report.results
    assert isinstance(result.verdict, Denied)
    assert (result.verdict.code, result.verdict.observed) == (DenialCode.EXECUTOR_BUSY, "another_run sends")
    assert key(desk).holder == "another_run"


def test_the_hold_of_a_dead_run_ends_with_its_lease(desk: TestDesk) -> None:
    desk.module.entries = ["XLK"]
    with pytest.raises(KeyboardInterrupt):
        desk.cycle(broker=DyingBroker(desk.broker, sends=False))
    desk.module.entries = ["XLF"]
    busy = desk.cycle(minutes=0.5)
    assert [result.verdict.code for result in busy.results] == [DenialCode.EXECUTOR_BUSY]
    desk.cycle(minutes=1)
    assert {order.intent.symbol for order in desk.book.orders.values() if order.state is OrderState.FILLED} <= {
        "XLK",
        "XLF",
    }
    assert len(desk.submitted()) == 2, "what the dead run began, and the new decision"


def test_a_key_that_was_taken_over_meanwhile_is_not_given_back(desk: TestDesk) -> None:
    submit = desk.broker.submit

    class Overtaken(DyingBroker):
        def submit(self, order):
            hold(desk, seconds=60)
            return submit(order)

    desk.module.entries = ["XLK"]
    report = desk.cycle(broker=Overtaken(desk.broker, sends=True))
    assert report.results[0].state is OrderState.WORKING, "the answer is recorded all the same"
    assert key(desk).holder == "another_run"


def test_entries_beyond_their_share_of_the_rate_are_denied_and_exits_are_not(desk: TestDesk) -> None:
    desk.broker.profile = desk.broker.profile.model_copy(
        update={"requests_per_minute": 4, "reserved_share": Decimal("0.5")}
    )
    desk.module.entries = ["XLK", "XLF", "AAPL"]
    report = desk.cycle()
    codes = [r.verdict.code for r in report.results if isinstance(r.verdict, Denied)]
    assert codes == [DenialCode.REQUEST_RATE_ABOVE_MAX]
    desk.module.entries, desk.module.exits = ["AAPL"], True
    report = desk.cycle(minutes=0.1)
    verdicts = {(r.opportunity.symbol, str(r.opportunity.purpose)): r.verdict for r in report.results}
    assert verdicts[("AAPL", "entry")].code is DenialCode.REQUEST_RATE_ABOVE_MAX
    assert verdicts[("XLK", "exit")].qty > 0
    assert verdicts[("XLF", "exit")].qty > 0
    report = desk.cycle(minutes=1)
    assert [isinstance(r.verdict, Denied) for r in report.results if r.opportunity.symbol == "AAPL"] == [False]


def test_an_idle_cycle_leaves_the_key_alone(desk: TestDesk) -> None:
    desk.cycle()
    desk.cycle()
    assert PATH not in desk.store.get_many([PATH])


@pytest.mark.parametrize("profile", [ALPACA, KRAKEN, WHITEBIT, GATE], ids=lambda profile: profile.name)
def test_every_venue_keeps_room_for_cancels_and_stops(profile: VenueProfile) -> None:
    entries = entries_allowed(None, profile, NOW)
    used = entries * profile.requests_of(VenueCall.SUBMIT)
    assert entries > 0
    assert profile.requests_per_minute - used >= profile.requests_per_minute * profile.reserved_share


@given(steps=st.lists(st.tuples(st.integers(0, 90), st.integers(0, 300)), max_size=20))
def test_no_minute_sees_more_entries_than_twice_the_share(steps: list[tuple[int, int]]) -> None:
    """A bucket that starts full and fills in a minute lets through at most what it holds and what flows in."""
    now, held, sent = NOW, None, []
    for wait, wanted in steps:
        now += timedelta(seconds=wait)
        entries = min(wanted, entries_allowed(held, ALPACA, now))
        held = taken(held, ALPACA, "run", entries=entries, now=now, lease=LEASE)
        sent.append((now, entries))
        recent = sum(count for at, count in sent if now - at < timedelta(minutes=1))
        assert recent <= 2 * entry_capacity(ALPACA)
        assert held.entry_requests >= 0


def test_a_clock_that_steps_back_fills_no_bucket() -> None:
    empty = VenueKeyDoc(venue="alpaca", entry_requests=Decimal(0), at=NOW)
    assert entries_allowed(empty, ALPACA, NOW - timedelta(hours=1)) == 0


def test_a_key_without_an_order_of_requests_is_never_busy() -> None:
    held = VenueKeyDoc(venue="alpaca", holder="x", until=NOW + LEASE, at=NOW)
    assert not is_busy(held, ALPACA, "y", NOW)
    assert is_busy(held, KRAKEN, "y", NOW)
    assert not is_busy(held, KRAKEN, "x", NOW)
    assert not is_busy(held, KRAKEN, "y", NOW + LEASE)
