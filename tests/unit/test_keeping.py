"""When a cycle keeps the chains it decided on, and what that costs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from orchestrator.adapters.memory.market import MemoryMarketData
from orchestrator.domain import sightings
from orchestrator.domain.codec import decode
from orchestrator.domain.documents import ChainsDoc, CycleStatus, EventDoc, EventKind, book_path
from orchestrator.domain.market import DataRequest, MarketSnapshot, OptionChain, SessionState
from orchestrator.domain.parameters import Parameters
from orchestrator.domain.sightings import Sighting, seen
from orchestrator.module import Context
from orchestrator.ports import Replace
from tests.desk import ScriptedModule, TestDesk
from tests.options_market import chain_of

CLOSE = datetime(2026, 7, 16, 20, 0, tzinfo=UTC)


class Market(MemoryMarketData):
    """Prices with a chain beside them."""

    def snapshot(self, request: DataRequest, now: datetime) -> MarketSnapshot:
        found = super().snapshot(request, now)
        chain = chain_of("SPY", days=(30,), step=5.0, now=now)
        return MarketSnapshot(found.session, found.quotes, found.panels, {"SPY": chain})


class Watching(ScriptedModule):
    """Keeps every chain it sees."""

    def chains_to_keep(self, context: Context, *, last: bool) -> Mapping[str, OptionChain]:
        return context.market.chains


@pytest.fixture
def desk() -> TestDesk:
    found = TestDesk(market=Market())
    found.module = type("Watched", (Watching,), {})
    found.market.session = SessionState(is_open=True, close=CLOSE)
    return found


def kept(desk: TestDesk) -> dict[datetime, Sighting]:
    found = desk.store.query("chains", order_by="at")
    docs = [decode(ChainsDoc, dict(one.data), where=one.path) for one in found]
    return {doc.at: seen(doc, where="test") for doc in docs}


def test_chains_are_kept_at_first_and_then_once_an_hour_with_one_write_more(desk) -> None:
    told = [desk.cycle().summary for _ in range(14)]
    first, again = kept(desk)
    assert again - first == timedelta(hours=1)
    assert [n for n, one in enumerate(told) if one.kept] == [0, 12]
    assert {one.writes - one.kept for one in told[1:]} == {1}


def test_a_cycle_that_only_keeps_is_idle_and_makes_two_round_trips(desk) -> None:
    desk.cycle()
    report = desk.cycle(minutes=60)
    assert report.status is CycleStatus.IDLE
    assert (report.summary.round_trips, report.summary.writes, report.summary.kept) == (2, 2, 1)


def test_what_is_kept_is_what_was_seen(desk) -> None:
    desk.cycle()
    [found] = kept(desk).values()
    assert found.chains == {"SPY": chain_of("SPY", days=(30,), step=5.0, now=desk.now)}
    assert found.quotes == desk.market.snapshot(DataRequest(quotes=("XLK", "XLF", "AAPL")), desk.now).quotes
    assert found.session == desk.market.session


def test_a_cycle_that_trades_keeps_between_the_hours_and_so_do_those_until_it_has_filled(desk) -> None:
    desk.cycle()
    desk.module.entries = ["XLK"]
    traded = desk.cycle()
    assert traded.status is CycleStatus.TRADED
    assert traded.summary.kept == 1
    assert traded.summary.round_trips <= 5
    desk.module.entries = []
    desk.cycle()
    desk.cycle()
    times = [(at - min(kept(desk))) // timedelta(minutes=1) for at in kept(desk)]
    assert times in ([0, 5], [0, 5, 10])


def test_the_last_cycle_of_a_session_is_kept(desk) -> None:
    desk.cycle()
    desk.now = CLOSE - timedelta(minutes=15)
    kept_writes = [desk.cycle(minutes=5).summary.kept for _ in range(2)]
    assert kept_writes == [1, 1]  # the hour is over; then the last one before the close
    assert max(kept(desk)) == CLOSE - timedelta(minutes=5)


def test_nothing_is_kept_of_a_closed_market(desk) -> None:
    desk.market.session = SessionState(is_open=False)
    assert desk.cycle().summary.kept == 0
    assert kept(desk) == {}


def test_the_same_slot_again_keeps_the_same(desk) -> None:
    desk.cycle()
    before = kept(desk)
    desk.orchestrator().cycle(desk.book.module, slot=desk.now, now=desk.now)
    assert kept(desk) == before


def test_a_chain_that_is_too_large_is_left_out_and_the_cycle_goes_on(desk, monkeypatch) -> None:
    monkeypatch.setattr(sightings, "MOST_CHARACTERS", 100)
    desk.module.entries = ["XLK"]
    report = desk.cycle()
    assert report.status is CycleStatus.TRADED
    assert kept(desk) == {}
    assert "too many for one document" in desk.book.last_cycle.note


def _names_none(self: ScriptedModule, context: Context, *, last: bool) -> Mapping[str, OptionChain]:
    raise ZeroDivisionError("a faulty module")


def _names_rubbish(self: ScriptedModule, context: Context, *, last: bool) -> Mapping[str, Any]:
    return {"SPY": "no chain"}


def _never_due(self: ScriptedModule, parameters: Parameters) -> timedelta:
    raise KeyError("keep_minutes")


FAULTS = [("chains_to_keep", _names_none), ("chains_to_keep", _names_rubbish), ("keeps_every", _never_due)]


def told(desk: TestDesk) -> list[EventDoc]:
    found = [decode(EventDoc, dict(one.data), where=one.path) for one in desk.store.query("events", order_by="at")]
    return [event for event in found if event.kind is EventKind.CHAINS_DROPPED]


@pytest.mark.parametrize(("name", "faulty"), FAULTS[:2])
def test_a_module_whose_chains_cannot_be_kept_trades_all_the_same_and_it_is_told(desk, name, faulty) -> None:
    setattr(desk.module, name, faulty)
    desk.module.entries = ["XLK"]
    report = desk.cycle()
    assert report.status is CycleStatus.TRADED
    assert len(desk.submitted()) == 1
    assert kept(desk) == {}
    assert [event.severity for event in told(desk)] == ["warning"]
    assert "chains are not kept" in desk.book.last_cycle.note


def test_a_module_that_cannot_say_when_it_keeps_is_told_of_while_it_idles_and_kept_when_it_trades(desk) -> None:
    desk.cycle()
    setattr(desk.module, *FAULTS[2])
    report = desk.cycle()
    assert report.status is CycleStatus.DECIDED
    assert [event.text for event in told(desk)] == ["stocks: chains are not kept: KeyError: 'keep_minutes'"]
    desk.module.entries = ["XLK"]
    assert desk.cycle().summary.kept == 1


def test_what_is_not_kept_is_told_once_a_day_and_kind_of_error(desk) -> None:
    setattr(desk.module, *FAULTS[0])
    for _ in range(3):
        desk.cycle()
    setattr(desk.module, *FAULTS[1])
    desk.cycle()
    assert len(told(desk)) == 2


def test_no_chain_that_cannot_be_kept_hides_that_the_commit_was_lost(desk) -> None:
    setattr(desk.module, *FAULTS[1])
    desk.module.entries = ["XLK"]
    plain, at = desk.module, book_path(desk.book.module)

    class Overtaken(plain):
        def chains_to_keep(self, context: Context, *, last: bool) -> Mapping[str, Any]:
            book = desk.store.get_many([at])[at]
            desk.store.commit([Replace(at, {**book.data, "last_slot": desk.now}, book.version)])
            return super().chains_to_keep(context, last=last)

    desk.module = Overtaken
    report = desk.cycle()
    assert report.status is CycleStatus.DUPLICATE
    assert desk.submitted() == []
    assert told(desk) == []
