"""The tuning job end to end: what is better gets to trade, what is luck does not, and nothing is ever half done."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from ml.job import Status
from ml.selfcheck import SYMBOLS, WORTH, evaluate
from ml.tuning import walkforward
from ml.validation.folds import folds, rows_needed
from orchestrator.adapters.firestore.client import make_client
from orchestrator.adapters.firestore.data_layer import FirebaseDataLayer
from orchestrator.adapters.memory.broker import MemoryBroker
from orchestrator.adapters.memory.store import MemoryDataLayer
from orchestrator.audit import first_fault, head
from orchestrator.cycle import Desk, ModularOrchestrator
from orchestrator.domain.base import ModuleName
from orchestrator.domain.codec import decode, encode
from orchestrator.domain.documents import (
    AuditDoc,
    BookDoc,
    EventDoc,
    EventKind,
    ParametersDoc,
    book_path,
    parameters_path,
)
from orchestrator.domain.errors import StoreUnavailableError
from orchestrator.domain.market import Bars
from orchestrator.domain.searches import Found, TuningDoc
from orchestrator.domain.strategy import Strategy
from orchestrator.module import ModuleConfig
from orchestrator.ports import Put
from tests.tuning_stage import PlantedModule, PlantedParameters, Stage, closed_trades

STOCKS = ModuleName.STOCKS
V2 = "parameters/stocks/versions/2"
NOTES = "tuning/stocks"


def events(stage):
    return [decode(EventDoc, dict(one.data), where=one.path) for one in stage.store.query("events", order_by="at")]


@pytest.fixture(scope="module")
def activated():
    """A stage with a planted edge and closed trades on which the job has run once; tests only look at it."""
    stage = Stage()
    stage.put_trades(closed_trades(80))
    return stage, stage.tune()


def test_a_planted_edge_is_activated_and_the_next_cycle_trades_it(activated):
    stage, outcome = activated
    assert outcome.status is Status.ACTIVATED, outcome
    assert outcome.version == 2
    active = stage.active()
    assert active == stage.document(V2)
    assert active.version == 2
    assert active.values["planted"]["min_confidence"] == pytest.approx(WORTH, abs=0.05)
    PlantedParameters.parse(active.values, where="the new version")

    later = stage.now + timedelta(hours=1)
    desk = Desk(PlantedModule, ModuleConfig(universe={}), MemoryBroker(now=lambda: later, name="venue"), stage.market)
    report = ModularOrchestrator(stage.store, {STOCKS: lambda: desk}).cycle(STOCKS, slot=later, now=later)
    path = book_path(STOCKS)
    book = decode(BookDoc, dict(stage.store.get_many([path])[path].data), where=path)
    assert report.status != "failed"
    assert book.parameters_version == 2
    assert book.parameters == active.values


def test_the_activation_is_told_and_audited(activated):
    stage, _ = activated
    [told] = (one for one in events(stage) if one.kind is not EventKind.CYCLE_FAILED)
    assert told.kind is EventKind.PARAMETERS_ACTIVATED
    assert told.data["version"] == 2
    assert "planted.min_confidence 0.5 → 0.6" in told.text
    entry = head(stage.store)
    assert entry.who == "tuning"
    assert entry.action == "parameters_activated"
    assert entry.detail["version"] == "2"


def test_the_version_says_what_it_rests_on(activated):
    stage, _ = activated
    known = stage.active().provenance
    assert known["verdict"] == "activated"
    assert (known["code"], known["slot"], known["champion"]) == ("test", "20260224T220000Z", 1)
    assert known["trials"] == 240
    assert known["costs"]["used_bps"] >= 2.0
    assert known["evidence"]["closed_trades"] == 80
    assert known["outcome_model"]["model"]["features"] == ["confidence", "edge_feature", "noise"]
    assert known["outcome_model"]["brier"] < known["outcome_model"]["brier_base_rate"]
    record = known["tuned"]["planted"]
    assert record["bars"] == stage.rows
    assert len(record["folds"]) == 6
    assert record["out_of_sample"]["candidate"] > record["out_of_sample"]["champion"]
    for fold in record["folds"]:
        assert fold["train_from"] < fold["train_to"] < fold["test_from"] < fold["test_to"]


@pytest.mark.parametrize("seed", range(4))
def test_noise_is_not_activated(seed):
    stage = Stage(edge=0.0, seed=100 + seed)
    before = stage.active()
    outcome = stage.tune()
    assert outcome.status in {Status.REJECTED, Status.UNCHANGED}
    assert stage.active() == before
    if outcome.version is not None:
        kept = stage.document(V2)
        assert kept.provenance["verdict"] == "rejected"
        assert kept.provenance["reason"] == outcome.reason
        assert [one.kind for one in events(stage)] == [EventKind.PARAMETERS_REJECTED]


def test_the_same_inputs_give_the_same_version(activated):
    again = Stage()
    again.put_trades(closed_trades(80))
    again.tune()
    assert again.document(V2) == activated[0].document(V2)


def test_a_slot_that_activated_is_not_tuned_again(activated):
    stage, _ = activated
    writes = stage.store.usage.writes
    again = stage.tune()
    assert again.status is Status.DONE_BEFORE
    assert again.version == 2
    assert stage.store.usage.writes == writes


def test_a_slot_that_rejected_is_not_tuned_again():
    stage = Stage(edge=0.0)
    assert stage.tune().status is Status.REJECTED
    writes = stage.store.usage.writes
    assert stage.tune().status is Status.DONE_BEFORE
    assert stage.store.usage.writes == writes


def test_the_next_night_writes_the_next_version_and_breaks_no_audit_chain():
    stage = Stage(edge=0.0)
    assert [stage.tune(nights=n).version for n in range(2)] == [2, 3]
    entries = [decode(AuditDoc, dict(one.data), where=one.path) for one in stage.store.query("audit", order_by="n")]
    assert len(entries) == 2
    assert first_fault(entries) is None
    assert stage.active().version == 1


@pytest.mark.emulator
def test_the_job_does_the_same_on_firestore(firestore_project, activated):
    stage = Stage(store=FirebaseDataLayer(make_client(firestore_project, emulator=True)))
    stage.put_trades(closed_trades(80))
    assert stage.tune().status is Status.ACTIVATED
    assert stage.active() == stage.document(V2) == activated[0].active()
    assert head(stage.store).action == "parameters_activated"
    assert stage.tune().status is Status.DONE_BEFORE


class Dying(MemoryDataLayer):
    """A store whose process is cut off at a commit that writes a document, once: before it is applied, or after."""

    applies = False
    path = ""
    left = 0

    def commit(self, writes):
        self.left -= any(write.path == self.path for write in writes)
        if self.left != 0 or not self.path:
            return super().commit(writes)
        self.path = ""
        if self.applies:
            super().commit(writes)
        raise StoreUnavailableError("cut off")


@pytest.mark.parametrize("applies", [False, True])
def test_a_cut_off_leaves_all_or_nothing_and_the_same_slot_finishes(applies):
    store = Dying()
    stage = Stage(store=store)
    store.path, store.left, store.applies = V2, 1, applies
    with pytest.raises(StoreUnavailableError):
        stage.tune()
    assert stage.active().version == (2 if applies else 1)
    assert bool(stage.store.get_many([V2])) == applies
    assert bool(events(stage)) == applies
    assert stage.tune().status is (Status.DONE_BEFORE if applies else Status.ACTIVATED)
    assert stage.active() == stage.document(V2)
    assert len(events(stage)) == 1


@pytest.mark.parametrize("applies", [False, True])
def test_a_night_cut_off_while_it_searches_goes_on_where_it_was(applies, activated, monkeypatch):
    store = Dying()
    stage = Stage(store=store)
    stage.put_trades(closed_trades(80))
    store.path, store.left, store.applies = NOTES, 4, applies
    with pytest.raises(StoreUnavailableError):
        stage.tune()
    assert stage.active().version == 1
    assert not stage.store.get_many([V2])
    assert events(stage) == []
    searched = []
    search = walkforward._search
    monkeypatch.setattr(walkforward, "_search", lambda *a, **k: searched.append(k["seed"]) or search(*a, **k))
    assert stage.tune().status is Status.ACTIVATED
    assert len(searched) == (2 if applies else 3)
    assert stage.document(V2) == activated[0].document(V2)
    assert notes(stage) == notes(activated[0])


def notes(stage):
    return decode(TuningDoc, dict(stage.store.get_many([NOTES])[NOTES].data), where=NOTES)


def test_every_night_makes_the_next_one_harder():
    stage = Stage(edge=0.0)
    stage.tune()
    assert (notes(stage).trials, notes(stage).nights, notes(stage).found) == (240, 1, {})
    assert stage.tune(nights=1).version == 3
    first, second = (stage.document(f"parameters/stocks/versions/{n}").provenance for n in (2, 3))
    assert (first["trials_before"], second["trials_before"]) == (0, 240)
    gates = [known["tuned"]["planted"]["gate"] for known in (first, second)]
    assert [gate["trials_counted"] for gate in gates] == [240, 480]
    assert gates[1]["sharpe_of_luck"] > gates[0]["sharpe_of_luck"]


def test_what_a_night_of_other_code_left_is_counted_and_not_used():
    stage = Stage()
    found = Found(values={"min_confidence": 0.5}, trials=40, luck=0.1, overfitting=0.5)
    left = TuningDoc(
        module=STOCKS, slot="20260224T220000Z", basis="other", found={"planted": (found,)}, updated_at=stage.now
    )
    stage.store.commit([Put(NOTES, encode(left))])
    assert stage.tune().status is Status.ACTIVATED
    assert notes(stage).trials == 280


def test_no_search_sees_the_bars_it_is_judged_on(activated):
    """With the newest test window turned into a crash, the newest search still finds exactly the same values."""
    stage = Stage()
    windows = folds(stage.rows, warmup=21)
    for symbol in SYMBOLS:
        series, first = bars_of(stage, symbol), windows[-1].test.start
        prices = {name: getattr(series, name).copy() for name in ("open", "high", "low", "close")}
        for column in prices.values():
            column[first:] *= np.exp(-0.03 * np.arange(1, stage.rows - first + 1))
        stage.market.put_bars(1440, symbol, Bars(series.ends, **prices, volume=series.volume))
    assert stage.tune().status is Status.REJECTED
    crashed = stage.document(V2).provenance["tuned"]["planted"]["folds"][-1]
    real = activated[0].document(V2).provenance["tuned"]["planted"]["folds"][-1]
    assert crashed["test_from"] == real["test_from"]
    assert crashed["values"] == real["values"]
    assert crashed["candidate_in_sample"] == real["candidate_in_sample"]
    assert crashed["candidate_out_of_sample"] < real["candidate_out_of_sample"]


class Overtaken(MemoryDataLayer):
    """A store in which somebody changes the parameters while the job searches."""

    armed = False

    def query(self, collection, where=(), *, order_by=None, limit=100):
        if self.armed and collection == "trades":
            self.armed = False
            path = parameters_path(STOCKS)
            current = decode(ParametersDoc, dict(self.get_many([path])[path].data), where=path)
            by_owner = current.model_copy(update={"activated_by": "owner", "version": 7})
            self.commit([Put(path, encode(by_owner))])
        return super().query(collection, where, order_by=order_by, limit=limit)


def test_parameters_that_changed_meanwhile_are_left_alone():
    store = Overtaken()
    stage = Stage(store=store)
    store.armed = True
    outcome = stage.tune()
    assert outcome.status is Status.FAILED
    assert "changed while the job ran" in outcome.reason
    assert stage.active().activated_by == "owner"
    assert not stage.store.get_many([V2])


def _raises(panel, parameters):
    raise ZeroDivisionError("a faulty strategy")


def _short(panel, parameters):
    found = evaluate(panel, parameters)
    return replace(found, target=found.target[:-1])


@pytest.mark.parametrize(
    ("faulty", "said"),
    [
        (_raises, "stocks.planted, 1440-minute bars: the strategy raised ZeroDivisionError: a faulty strategy"),
        (_short, "stocks.planted, 1440-minute bars: target has shape"),
    ],
)
def test_a_faulty_strategy_is_one_line_and_nothing_is_written(faulty, said):
    stage = Stage(strategy=Strategy("planted", faulty, trades=("all",)))
    writes = stage.store.usage.writes
    outcome = stage.tune()
    assert outcome.status is Status.FAILED
    assert outcome.reason.startswith(said)
    assert "\n" not in outcome.reason
    assert stage.store.usage.writes == writes


def _damaged(stage, change):
    series = bars_of(stage, "B")
    columns = {name: getattr(series, name).copy() for name in ("open", "high", "low", "close", "volume")}
    change(columns)
    stage.market.put_bars(1440, "B", Bars(series.ends, **columns))


def bars_of(stage, symbol):
    return stage.market._bars[1440, symbol]


def test_a_missing_price_is_one_line_and_nothing_is_written():
    stage = Stage()
    _damaged(stage, lambda columns: columns["low"].__setitem__(7, np.nan))
    outcome = stage.tune()
    assert outcome.status is Status.FAILED
    assert outcome.reason == (
        "stocks.planted, 1440-minute bars: B at 2025-01-08 20:00:00 UTC (row 7): low is not a positive number"
    )
    assert stage.active().version == 1


def test_too_few_bars_are_not_enough_evidence():
    stage = Stage(rows=120)
    outcome = stage.tune()
    need = rows_needed(21)
    assert outcome.status is Status.NOT_ENOUGH
    assert outcome.reason == f"planted: 120 bars of 1440 minutes, at least {need} (21 of them to warm up)"
    assert not stage.store.get_many([V2])


def test_bars_that_it_does_not_trade_on_prove_nothing():
    """Daily bars too few to learn from, but enough to trade on: those of the other timeframe do not stand in."""
    stage = Stage(rows=120)
    for symbol in SYMBOLS:
        stage.market.put_bars(5, symbol, bars_of(stage, symbol))
    two = ("timeframe", "second")
    outcome = stage.tune(timeframes=two)
    assert outcome.status is Status.NOT_ENOUGH
    assert "1440 minutes" in outcome.reason
    assert {minutes for asked in stage.market.requests for minutes in asked.bars} == {1440}


def test_no_bars_at_all_are_not_enough_evidence():
    stage = Stage()
    stage.market.missing = dict.fromkeys(SYMBOLS, "gone")
    outcome = stage.tune()
    assert outcome.status is Status.NOT_ENOUGH
    assert "no 1440-minute bars of what it trades" in outcome.reason


def test_damaged_parameters_are_one_line():
    stage = Stage()
    path = parameters_path(STOCKS)
    broken = stage.active().model_copy(update={"values": {"planted": {"min_confidence": 3}}})
    stage.store.commit([Put(path, encode(broken))])
    outcome = stage.tune()
    assert outcome.status is Status.FAILED
    assert outcome.reason.startswith("parameters/stocks: planted.min_confidence: ")
