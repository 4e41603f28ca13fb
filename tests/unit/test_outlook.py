"""The model of trade outcome in the cycle: it only ever makes less of an entry, and says so when it keeps one out."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from ml.tuning.outcome import exported, features_of, fitted, outcome_record
from orchestrator.domain.base import ModuleName, slot_id
from orchestrator.domain.codec import decode, encode
from orchestrator.domain.documents import CycleDoc, CycleStatus, ParametersDoc, cycle_path, parameters_path
from orchestrator.domain.orders import Purpose
from orchestrator.domain.outcome import STATED, known_features
from orchestrator.domain.outlook import LOWEST, judged, trusted
from orchestrator.domain.risk import DenialCode, Denied
from orchestrator.ports import Put
from tests.builders import opportunity
from tests.desk import TestDesk
from tests.tuning_stage import closed_trades


def record(slope: float = 1.0, *, base: float = 0.5, proved: bool = True) -> dict[str, object]:
    """Return a record of a model that looks at the confidence alone: log odds = slope x (confidence - 0.5)."""
    model = {"features": ["confidence"], "means": [0.5], "scales": [1.0], "weights": [slope], "intercept": 0.0}
    return {"outcome_model": {"model": model, "base_rate": base, "proved": proved}}


def test_only_a_model_that_has_proved_itself_is_trusted():
    assert trusted({}) is None
    assert trusted({"outcome_model": {"model": None, "reason": "not enough evidence"}}) is None
    assert trusted(record(proved=False)) is None
    assert trusted(record()) is not None
    with pytest.raises(ValidationError):
        trusted({"outcome_model": {"proved": True, "model": {"features": ["a"]}}})


@given(slope=st.floats(-50, 50), base=st.floats(0.05, 0.95), sure=st.floats(0, 1))
def test_it_never_makes_more_of_an_entry_and_never_less_than_half(slope, base, sure):
    [found] = judged(trusted(record(slope, base=base)), [opportunity(confidence=sure)])
    assert LOWEST * sure <= found.confidence <= sure
    assert known_features(found.features, found.confidence)["confidence"] == sure


def test_what_is_not_an_entry_or_lacks_a_feature_stays_as_it_is():
    trust = trusted(record(-9.0))
    exit_ = opportunity(purpose=Purpose.EXIT, position_id="p", qty=1)
    assert judged(trust, [exit_]) == [exit_]
    other = record()
    other["outcome_model"]["model"]["features"] = ["unheard_of"]
    assert judged(trusted(other), [opportunity()]) == [opportunity()]
    assert judged(None, [opportunity()]) == [opportunity()]


def test_training_and_live_see_the_same_and_say_the_same():
    trades = closed_trades(120)
    names, table = features_of(trades)
    pipeline = fitted(table, np.array([trade.realized_pnl > 0 for trade in trades]))
    model = exported(pipeline, names)
    live = [opportunity(features=trade.features, confidence=trade.confidence) for trade in trades]
    told = [model.probability(known_features(one.features, one.confidence)) for one in live]
    assert told == pytest.approx(pipeline.predict_proba(table)[:, 1], abs=1e-9)


def test_a_lowered_confidence_is_learned_from_as_it_was_stated():
    trades = closed_trades(60)
    lowered = [
        one.model_copy(update={"confidence": one.confidence / 2, "features": {**one.features, STATED: one.confidence}})
        for one in trades
    ]
    assert outcome_record(lowered) == outcome_record(trades)


def test_skill_proves_itself_and_its_absence_does_not():
    assert outcome_record(closed_trades(200))["proved"] is True
    assert outcome_record(closed_trades(200, skill=0.0))["proved"] is False


def desk_with(known: dict[str, object]) -> TestDesk:
    desk = TestDesk()
    path = parameters_path(ModuleName.STOCKS)
    doc = decode(ParametersDoc, dict(desk.store.get_many([path])[path].data), where=path)
    desk.store.commit([Put(path, encode(doc.model_copy(update={"provenance": known})))])
    desk.module.entries = ["XLK"]
    return desk


def test_the_cycle_keeps_out_what_is_unlikely_to_earn_and_says_why():
    desk = desk_with(record(-9.0))
    report = desk.cycle()
    verdict = report.results[0].verdict
    assert isinstance(verdict, Denied)
    assert verdict.code is DenialCode.PROFIT_CHANCE_BELOW_MIN
    assert desk.submitted() == []
    path = cycle_path(ModuleName.STOCKS, slot_id(report.slot))
    trace = decode(CycleDoc, dict(desk.store.get_many([path])[path].data), where=path).opportunities[0]
    assert (trace.code, trace.limit) == ("PROFIT_CHANCE_BELOW_MIN", "0.6")


def test_the_cycle_lowers_the_confidence_of_what_is_less_likely():
    desk = desk_with(record(0.5, base=0.68))
    desk.cycle()
    (order,) = desk.book.orders.values()
    assert 0.45 < order.intent.confidence < 0.9
    assert order.intent.features[STATED] == 0.9


def test_a_model_that_proved_nothing_changes_nothing():
    desk = desk_with(record(-9.0, proved=False))
    desk.cycle()
    (order,) = desk.book.orders.values()
    assert order.intent.confidence == 0.9
    assert STATED not in order.intent.features


def test_a_damaged_model_keeps_entries_out():
    known = record()
    known["outcome_model"]["base_rate"] = None
    desk = desk_with(known)
    assert desk.cycle().status is CycleStatus.FAILED
    assert desk.submitted() == []
