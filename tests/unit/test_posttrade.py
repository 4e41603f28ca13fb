"""Post-trade risk tightens the brake, tells what became of orders, and keeps the first screen live."""

from datetime import timedelta
from decimal import Decimal

import pytest

from orchestrator.adapters.memory.store import MemoryDataLayer
from orchestrator.domain.base import ModuleName
from orchestrator.domain.codec import encode
from orchestrator.domain.documents import DESK_STATE, DESK_SUMMARY, DeskStateDoc, EventDoc, SummaryDoc
from orchestrator.domain.errors import ConfigurationError, MalformedDataError
from orchestrator.domain.orders import Evidence, plan
from orchestrator.domain.risk import DeskState
from orchestrator.ports import Put
from orchestrator.posttrade import assess, on_order_written, tightened
from orchestrator.status import load
from tests.watched_desk import (
    NOW,
    brake,
    documents,
    filled,
    intent,
    life,
    lose,
    new_desk,
    put_book,
    put_state,
    read,
    stored,
    working,
)


@pytest.fixture
def store() -> MemoryDataLayer:
    desk = new_desk()
    assert isinstance(desk, MemoryDataLayer)
    return desk


@pytest.mark.parametrize(
    ("loss", "state"),
    [
        (0, DeskState.ACTIVE),
        (2_999, DeskState.ACTIVE),
        (3_000, DeskState.REDUCING),
        (14_999, DeskState.REDUCING),
        (15_000, DeskState.HALTED),
        (40_000, DeskState.HALTED),
    ],
)
def test_the_state_follows_from_the_loss(store: MemoryDataLayer, loss: int, state: DeskState) -> None:
    lose(store, loss)
    assert assess(load(store), NOW).state is state


def test_drawdown_reduces_also_when_the_day_is_fine(store: MemoryDataLayer) -> None:
    lose(store, 10_000, now=NOW + timedelta(days=1))
    tomorrow = NOW + timedelta(days=2)
    exposure = load(store).exposure.model_copy(update={"day": tomorrow.date(), "day_start_equity": Decimal(90_000)})
    store.commit([Put("desk/exposure", encode(exposure))])
    finding = assess(load(store), tomorrow)
    assert finding.state is DeskState.REDUCING
    assert "drawdown 10.00% has reached the limit of 10.00%" in finding.reason


@pytest.mark.parametrize(
    ("before", "loss", "after"),
    [
        (DeskState.HALTED, 0, None),
        (DeskState.HALTED, 5_000, DeskState.HALTED),
        (DeskState.REDUCING, 0, None),
        (DeskState.REDUCING, 5_000, DeskState.REDUCING),
        (DeskState.REDUCING, 20_000, DeskState.HALTED),
        (DeskState.ACTIVE, 5_000, DeskState.REDUCING),
        (DeskState.ACTIVE, 20_000, DeskState.HALTED),
    ],
)
def test_the_brake_is_never_loosened(
    store: MemoryDataLayer, before: DeskState, loss: int, after: DeskState | None
) -> None:
    put_state(store, before)
    lose(store, loss)
    found = tightened(load(store), NOW)
    assert (None if found is None else found.state) is after


def test_a_written_order_halts_the_desk_and_says_why(store: MemoryDataLayer) -> None:
    lose(store, 16_000)
    on_order_written(store, stored(working()[-1]), NOW)
    state = read(store, DeskStateDoc, DESK_STATE)
    assert (state.state, state.by) == (DeskState.HALTED, "risk")
    (event,) = documents(store, "events").values()
    assert event["kind"] == "state_changed"
    assert event["severity"] == "critical"
    assert event["text"] == (
        "The desk is HALTED (by risk): drawdown 16.00% has reached the limit of 15.00%. "
        "Nothing is sent until the owner resumes."
    )


def test_a_brake_pulled_while_deciding_stays_pulled(store: MemoryDataLayer) -> None:
    lose(store, 5_000)
    pulled = False

    class Racing(MemoryDataLayer):
        """Somebody halts the desk between the read and the commit."""

        def get_many(self, paths):  # type: ignore[no-untyped-def]
            nonlocal pulled
            found = store.get_many(paths)
            if not pulled:
                pulled = True
                put_state(store, DeskState.HALTED)
            return found

        def commit(self, writes):  # type: ignore[no-untyped-def]
            return store.commit(writes)

    on_order_written(Racing(), stored(working()[-1]), NOW)
    assert brake(store) is DeskState.HALTED
    assert read(store, DeskStateDoc, DESK_STATE).by == "olga"


def test_a_fill_is_told_with_what_was_bought(store: MemoryDataLayer) -> None:
    on_order_written(store, stored(filled()[-1]), NOW)
    (event,) = documents(store, "events").values()
    assert (event["kind"], event["text"]) == ("order_filled", "Bought 10 XLK at 100 (momentum, entry).")


@pytest.mark.parametrize(
    ("steps", "kinds"),
    [
        ((), []),
        ((Evidence.SUBMIT_STARTED, Evidence.ACKNOWLEDGED), []),
        ((Evidence.SUBMIT_STARTED, Evidence.REFUSED), ["order_rejected"]),
        ((Evidence.SUBMIT_STARTED, Evidence.ANSWER_LOST), ["order_unknown"]),
        ((Evidence.SUBMIT_STARTED, Evidence.ANSWER_LOST, Evidence.ACKNOWLEDGED), ["order_unknown"]),
        ((Evidence.SUBMIT_STARTED, Evidence.ACKNOWLEDGED, Evidence.CANCEL_CONFIRMED), []),
        ((Evidence.SUBMIT_STARTED, Evidence.ACKNOWLEDGED, 4, Evidence.CANCEL_CONFIRMED), ["order_filled"]),
        ((Evidence.SUBMIT_STARTED, 4, Evidence.EXPIRY_CONFIRMED), ["order_filled"]),
        (
            (Evidence.SUBMIT_STARTED, Evidence.ACKNOWLEDGED, Evidence.CANCEL_CONFIRMED, 10),
            ["order_filled"],
        ),
        (
            (
                Evidence.SUBMIT_STARTED,
                Evidence.ANSWER_LOST,
                Evidence.NOT_FOUND,
                Evidence.SUBMIT_STARTED,
                Evidence.ANSWER_LOST,
                10,
            ),
            ["order_filled", "order_unknown", "order_unknown"],
        ),
    ],
)
def test_what_is_told_follows_from_the_history(
    store: MemoryDataLayer, steps: tuple[Evidence | int, ...], kinds: list[str]
) -> None:
    order = life(plan(intent(), NOW), *steps)[-1]
    on_order_written(store, stored(order), NOW)
    assert sorted(event["kind"] for event in documents(store, "events").values()) == kinds


def test_part_of_an_order_is_told_as_part(store: MemoryDataLayer) -> None:
    steps = (Evidence.SUBMIT_STARTED, Evidence.ACKNOWLEDGED, 4, Evidence.CANCEL_CONFIRMED)
    on_order_written(store, stored(life(plan(intent(), NOW), *steps)[-1]), NOW)
    (event,) = documents(store, "events").values()
    assert event["text"] == "Bought 4 XLK at 100, of 10 wanted; the rest was cancelled (momentum, entry)."


def test_the_same_order_twice_writes_nothing_more(store: MemoryDataLayer) -> None:
    document = stored(filled()[-1])
    assert on_order_written(store, document, NOW) > 0
    assert on_order_written(store, document, NOW + timedelta(seconds=30)) == 0


def test_the_first_screen_follows_the_books(store: MemoryDataLayer) -> None:
    on_order_written(store, stored(working()[-1]), NOW)
    assert read(store, SummaryDoc, DESK_SUMMARY).modules[ModuleName.STOCKS].working_orders == 0
    order = working()[-1]
    put_book(store, ModuleName.STOCKS, equity=80_000, orders={order.id: order})
    on_order_written(store, stored(order), NOW)
    summary = read(store, SummaryDoc, DESK_SUMMARY)
    share = summary.modules[ModuleName.STOCKS]
    assert (summary.equity, share.working_orders, share.exposure) == (Decimal(100_000), 1, Decimal(1_000))


def test_a_desk_that_is_not_set_up_says_so() -> None:
    with pytest.raises(ConfigurationError, match="desk/state is missing: set the desk up"):
        on_order_written(MemoryDataLayer(), stored(working()[-1]), NOW)


def test_a_damaged_order_document_is_named() -> None:
    with pytest.raises(MalformedDataError, match="the written order is not a valid OrderDoc"):
        on_order_written(new_desk(), {"order": 1}, NOW)


def test_an_event_is_a_valid_document(store: MemoryDataLayer) -> None:
    on_order_written(store, stored(filled()[-1]), NOW)
    for path in documents(store, "events"):
        assert read(store, EventDoc, path).module is ModuleName.STOCKS
