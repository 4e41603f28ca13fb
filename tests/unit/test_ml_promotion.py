"""What becomes of a candidate: it trades, is tried, waits or is rejected; each with its version, event and audit."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from ml.promotion import Candidate, Fate, champion_of, promote
from orchestrator.adapters.memory.store import MemoryDataLayer
from orchestrator.audit import appended
from orchestrator.domain.base import ModuleName
from orchestrator.domain.codec import encode
from orchestrator.domain.documents import (
    BookDoc,
    ExperimentDoc,
    ParametersDoc,
    book_path,
    experiment_path,
    parameters_path,
    parameters_version_path,
)
from orchestrator.domain.trial import Stage
from orchestrator.ports import Put
from tests.watched_desk import NOW, documents, new_desk, read

STOCKS = ModuleName.STOCKS


def desk(*, ran: bool, **tried: Any) -> MemoryDataLayer:
    """Return a desk whose stocks trade version 1; with `tried`, an experiment on version 2 is there."""
    store = new_desk()
    assert isinstance(store, MemoryDataLayer)
    first = ParametersDoc(module=STOCKS, version=1, values={"x": 1}, activated_at=NOW, activated_by="seed")
    book = BookDoc(module=STOCKS, last_slot=NOW if ran else None, updated_at=NOW)
    store.commit([Put(parameters_path(STOCKS), encode(first)), Put(parameters_version_path(STOCKS, 1), encode(first))])
    store.commit([Put(book_path(STOCKS), encode(book))])
    if tried:
        known = {"module": STOCKS, "champion": 1, "challenger": 2, "since": NOW, "updated_at": NOW}
        store.commit([Put(experiment_path(STOCKS), encode(ExperimentDoc.model_validate({**known, **tried})))])
    return store


@pytest.mark.parametrize(
    ("better", "ran", "tried", "fate", "event", "trades"),
    [
        (False, True, {}, Fate.REJECTED, "parameters_rejected", 1),
        (True, False, {}, Fate.ACTIVATED, "parameters_activated", 2),
        (True, True, {}, Fate.SHADOW, "experiment_moved", 1),
        (True, True, {"stage": Stage.CANARY}, Fate.WAITS, "experiment_moved", 1),
        (True, True, {"stage": Stage.KEPT, "pinned": True}, Fate.WAITS, "experiment_moved", 1),
        (True, True, {"stage": Stage.REJECTED}, Fate.SHADOW, "experiment_moved", 1),
    ],
)
def test_a_candidate_trades_is_tried_waits_or_is_rejected(
    better: bool, ran: bool, tried: dict[str, Any], fate: Fate, event: str, trades: int
) -> None:
    store = desk(ran=ran, **tried)
    candidate = Candidate({"x": 2}, {"seed": 1}, better=better, text="why")
    stored = promote(store, champion_of(store, STOCKS), candidate, now=NOW + timedelta(days=1), audited=appended)
    assert (stored.number, stored.fate) == (2, fate)
    assert read(store, ParametersDoc, parameters_path(STOCKS)).version == trades
    assert read(store, ParametersDoc, parameters_version_path(STOCKS, 2)).provenance["verdict"] == fate.value
    assert [one["kind"] for one in documents(store, "events").values()] == [event]
    assert [one["action"] for one in documents(store, "audit").values()] == [f"parameters_{fate}"]
    stage = read(store, ExperimentDoc, experiment_path(STOCKS)).stage if tried or fate is Fate.SHADOW else None
    assert stage is (Stage.SHADOW if fate is Fate.SHADOW else tried.get("stage"))
