"""Shadow and canary in the cycle: on paper or by their share, at no further round trip, never in the champion's way."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import ClassVar

import pytest

from orchestrator.domain.base import ModuleName
from orchestrator.domain.codec import encode
from orchestrator.domain.documents import CycleStatus, ExperimentDoc, experiment_path
from orchestrator.domain.experiments import bucketed
from orchestrator.domain.opportunities import TradeOpportunity
from orchestrator.domain.trial import Stage, Trial
from orchestrator.module import Context
from orchestrator.ports import Put
from tests.desk import START, ScriptedModule, ScriptedParameters, TestDesk, entry, leave

STOCKS = ModuleName.STOCKS
SYMBOLS = ("XLK", "XLF", "AAPL")
FLAT = {"XLK": Decimal(100), "XLF": Decimal(50), "AAPL": Decimal(200)}
UP = {symbol: price * Decimal("1.02") for symbol, price in FLAT.items()}


class ByThreshold(ScriptedModule):
    """Version 1 (threshold 0.5) enters `first`, version 2 (0.6) `second`; both leave when told."""

    first: ClassVar[list[str]] = []
    second: ClassVar[list[str]] = []
    faulty: ClassVar[bool] = False

    def analyze(self, context: Context) -> list[TradeOpportunity]:
        challenger = context.parameters != ScriptedParameters()
        if challenger and self.faulty:
            raise ZeroDivisionError("a faulty challenger")
        return [entry(symbol, context) for symbol in (self.second if challenger else self.first)]

    def monitor(self, context: Context) -> list[TradeOpportunity]:
        if not self.exits:
            return []
        self.asked.append((context.parameters != ScriptedParameters(), sorted(context.book.positions)))
        return [leave(held, context, ()) for held in context.book.positions.values()]

    asked: ClassVar[list[tuple[bool, list[str]]]] = []


def doc(stage: Stage, *, share: float = 1.0) -> ExperimentDoc:
    known = {"module": STOCKS, "stage": stage, "champion": 1, "challenger": 2, "values": {"threshold": 0.6}}
    return ExperimentDoc.model_validate({**known, "share": share, "cost_bps": 5, "since": START, "updated_at": START})


def desk_in(stage: Stage, **more) -> TestDesk:
    desk = TestDesk()
    desk.module = type("Scripted", (ByThreshold,), {"asked": []})
    desk.cycle()
    desk.store.commit([Put(experiment_path(STOCKS), encode(doc(stage, **more)))])
    return desk


def trial(desk: TestDesk) -> Trial:
    found = desk.book.trial
    assert found is not None
    return found


def cost(desk: TestDesk, **more) -> tuple[int, int]:
    before = desk.store.usage.round_trips, desk.store.usage.writes
    desk.cycle(**more)
    return desk.store.usage.round_trips - before[0], desk.store.usage.writes - before[1]


def test_a_shadow_trades_on_paper_within_the_budget_of_an_idle_cycle() -> None:
    desk = desk_in(Stage.SHADOW)
    desk.module.second = ["XLK", "XLF"]
    assert cost(desk) == (2, 1)
    assert sorted(trial(desk).challenger_paper.positions) == ["scripted:XLF", "scripted:XLK"]
    assert trial(desk).champion_paper.positions == {}
    assert desk.submitted() == []
    assert desk.book.positions == {}
    desk.module.second, desk.module.exits = [], True
    assert cost(desk, prices=UP) == (2, 1)
    arm = trial(desk).challenger_arm
    # 2 % gained of the 5 % at risk, less 5 basis points a side.
    assert arm.outcomes == 2
    assert arm.mean == pytest.approx((0.02 - 2 * 0.0005) / 0.05)
    assert trial(desk).sample == ({"confidence": 0.9},) * 2


def test_what_the_champion_trades_is_the_same_with_a_shadow_beside_it() -> None:
    alone, beside = TestDesk(), desk_in(Stage.SHADOW)
    alone.cycle()
    alone.module.entries, beside.module.first = ["XLK"], ["XLK"]
    beside.module.second = ["XLK", "AAPL"]
    reports = [desk.cycle() for desk in (alone, beside)]
    assert [len(report.results) for report in reports] == [1, 1]
    assert reports[0].results == reports[1].results
    assert trial(beside).champion_paper.positions.keys() == {"scripted:XLK"}
    assert trial(beside).challenger_paper.positions.keys() == {"scripted:XLK", "scripted:AAPL"}


def test_a_stop_that_would_rest_at_the_venue_ends_a_position_on_paper() -> None:
    desk = desk_in(Stage.SHADOW)
    desk.module.second = ["XLK"]
    desk.cycle()
    desk.module.second = []
    desk.cycle(prices={**FLAT, "XLK": Decimal("94.9")})
    assert trial(desk).challenger_paper.positions == {}
    assert trial(desk).challenger_arm.mean == pytest.approx(-(0.051 + 0.001) / 0.05)


def test_a_faulty_challenger_never_keeps_the_champion_from_trading() -> None:
    for stage in (Stage.SHADOW, Stage.CANARY):
        desk = desk_in(stage, share=0.0)
        desk.module.faulty, desk.module.first = True, ["XLK"]
        report = desk.cycle()
        assert report.status is CycleStatus.TRADED
        assert trial(desk).fault == "ZeroDivisionError: a faulty challenger"
        desk.module.first = []
        desk.cycle()
        assert [held.symbol for held in desk.book.positions.values()] == ["XLK"]


def test_a_canary_takes_its_buckets_and_its_orders_name_it() -> None:
    desk = desk_in(Stage.CANARY, share=0.5)
    desk.module.first = desk.module.second = list(SYMBOLS)
    desk.cycle()
    desk.module.first = desk.module.second = []
    desk.cycle()
    said = {held.symbol: held.parameters_version for held in desk.book.positions.values()}
    drawn = {one: 2 if bucketed(doc(Stage.CANARY, share=0.5), "scripted", one, START.date()) else 1 for one in SYMBOLS}
    assert said == drawn
    assert set(drawn.values()) == {1, 2}


def test_in_a_bucket_of_the_challenger_the_champion_opens_nothing() -> None:
    desk = desk_in(Stage.CANARY, share=1.0)
    desk.module.first = ["XLK"]
    assert desk.cycle().results == ()
    desk.module.first, desk.module.second = [], ["XLF"]
    assert [one.opportunity.symbol for one in desk.cycle().results] == ["XLF"]


def test_positions_are_left_by_the_arm_that_opened_them_and_counted_for_it() -> None:
    desk = desk_in(Stage.CANARY, share=1.0)
    desk.module.second = ["XLK"]
    desk.cycle()
    desk.module.second, desk.module.exits = [], True
    desk.cycle(prices=UP)
    desk.module.exits = False
    desk.cycle(prices=UP)
    assert desk.book.positions == {}
    assert trial(desk).challenger_arm.outcomes == 1
    assert trial(desk).challenger_arm.mean > 0.3
    assert trial(desk).champion_arm.outcomes == 0
    [trade] = desk.store.query("trades")
    assert trade.data["trade"]["parameters_version"] == 2


def test_a_trading_cycle_of_a_canary_keeps_the_budget() -> None:
    desk = desk_in(Stage.CANARY, share=0.5)
    desk.module.first = desk.module.second = list(SYMBOLS)
    assert cost(desk)[0] == 3
    desk.module.first = desk.module.second = []
    desk.cycle()
    assert cost(desk)[0] == 2


def test_values_that_the_module_refuses_and_a_damaged_experiment_leave_the_champion_alone() -> None:
    desk = desk_in(Stage.CANARY)
    desk.store.commit([Put(experiment_path(STOCKS), encode(doc(Stage.CANARY).model_copy(update={"values": {"x": 1}})))])
    desk.module.first = ["XLK"]
    assert desk.cycle().status is CycleStatus.TRADED
    assert trial(desk).fault.startswith("ParameterOutOfBoundsError")
    desk.store.commit([Put(experiment_path(STOCKS), {"schema": 1})])
    desk.module.first = ["XLF"]
    assert desk.cycle().status is CycleStatus.TRADED
    assert desk.book.trial is None


def test_a_new_stage_begins_with_no_evidence_of_the_one_before() -> None:
    desk = desk_in(Stage.SHADOW)
    desk.module.second = ["XLK"]
    desk.cycle()
    desk.store.commit([Put(experiment_path(STOCKS), encode(doc(Stage.CANARY, share=0.0)))])
    desk.cycle()
    assert (trial(desk).stage, trial(desk).challenger_paper.positions) == (Stage.CANARY, {})
    ended = doc(Stage.REJECTED).model_copy(update={"updated_at": desk.now + timedelta(minutes=1)})
    desk.store.commit([Put(experiment_path(STOCKS), encode(ended))])
    desk.cycle()
    assert desk.book.trial is None
