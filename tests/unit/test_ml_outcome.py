"""The model of trade outcome: the numpy scorer says what scikit-learn says, and too few trades teach nothing."""

import numpy as np
import pytest

from ml.tuning.outcome import LEAST_TRADES, exported, features_of, fitted, outcome_record
from orchestrator.domain.errors import MissingDataError
from orchestrator.domain.outcome import OutcomeModel
from tests.tuning_stage import closed_trades


def test_the_scorer_without_scikit_learn_says_the_same():
    trades = closed_trades(120)
    names, table = features_of(trades)
    pipeline = fitted(table, np.array([trade.realized_pnl > 0 for trade in trades]))
    model = exported(pipeline, names)
    told = [model.probability({**trade.features, "confidence": trade.confidence}) for trade in trades]
    assert told == pytest.approx(pipeline.predict_proba(table)[:, 1], abs=1e-12)
    again = OutcomeModel.model_validate(outcome_record(trades)["model"])
    assert again == model


def test_what_never_varies_and_what_some_lack_is_no_feature():
    trades = closed_trades(50)
    lacking = trades[0].model_copy(update={"features": {k: v for k, v in trades[0].features.items() if k != "noise"}})
    names, table = features_of([lacking, *trades[1:]])
    assert names == ("confidence", "edge_feature")
    assert table.shape == (50, 2)


def test_skill_is_found_and_its_absence_is_not_hidden():
    skilled, blind = outcome_record(closed_trades(200)), outcome_record(closed_trades(200, skill=0.0))
    assert skilled["brier"] < skilled["brier_base_rate"]
    assert skilled["auc"] > 0.7
    assert abs(blind["auc"] - 0.5) < 0.15
    assert blind["brier"] > blind["brier_base_rate"] - 0.01
    assert skilled["judged_on"] == 160


def test_too_few_trades_are_said_so():
    few = outcome_record(closed_trades(LEAST_TRADES - 1))
    assert few["model"] is None
    assert few["reason"].startswith("not enough evidence: 39 closed trades")
    one_sided = [trade.model_copy(update={"realized_pnl": abs(trade.realized_pnl) + 1}) for trade in closed_trades(60)]
    assert "60 with a profit" in outcome_record(one_sided)["reason"]


def test_a_missing_feature_is_refused_by_name():
    model = OutcomeModel(features=("a", "b"), means=(0, 0), scales=(1, 1), weights=(1, 1), intercept=0)
    with pytest.raises(MissingDataError, match="no b among the features"):
        model.probability({"a": 1.0})
