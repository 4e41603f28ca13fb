"""Learns from closed trades how likely a profit is, given what was known at the decision.

Regularised logistic regression on standardised features; judged on trades that were opened after all it was trained on
had closed. The result is plain numbers (`orchestrator.domain.outcome`): nothing that trades needs scikit-learn.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss, roc_auc_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from orchestrator.domain.market import Floats
from orchestrator.domain.outcome import OutcomeModel, known_features
from orchestrator.domain.positions import Trade

LEAST_TRADES = 40
LEAST_OF_EACH = 10
"""Profits and losses there must be at least, each."""
REGULARISATION = 0.1
"""scikit-learn's C: small is strong; there are few trades."""
_FOLDS = 4
_ONE_SIDED = 1.645
"""Standard errors beyond which luck goes once in twenty times."""


def outcome_record(trades: Sequence[Trade]) -> dict[str, Any]:
    """Return the model of the trades' outcome for a version's provenance, or why there is none."""
    won = sum(trade.realized_pnl > 0 for trade in trades)
    if len(trades) < LEAST_TRADES or min(won, len(trades) - won) < LEAST_OF_EACH:
        why = (
            f"{len(trades)} closed trades, {won} with a profit; "
            f"at least {LEAST_TRADES}, and {LEAST_OF_EACH} of each outcome"
        )
        return {"model": None, "reason": f"not enough evidence: {why}"}
    ordered = sorted(trades, key=lambda trade: (trade.opened_at, trade.id))
    names, table = features_of(ordered)
    if not names:
        return {"model": None, "reason": "no feature that all trades have and that varies"}
    profit = np.array([trade.realized_pnl > 0 for trade in ordered])
    model = exported(fitted(table, profit), names)
    known = {"trades": len(trades), "profits": won, "base_rate": won / len(trades)}
    return {"model": model.model_dump(mode="json"), **known, **_judged(ordered, table)}


def features_of(trades: Sequence[Trade]) -> tuple[tuple[str, ...], Floats]:
    """Return the names of the features that all trades have and that vary, and their values (trades, features)."""
    rows = [known_features(trade.features, trade.confidence) for trade in trades]
    shared = sorted(set.intersection(*(set(row) for row in rows)))
    table = np.array([[row[name] for name in shared] for row in rows], dtype=np.float64).reshape(len(rows), -1)
    varied = np.ptp(table, axis=0) > 0
    return tuple(name for name, kept in zip(shared, varied, strict=True) if kept), table[:, varied]


def fitted(table: Floats, profit: NDArray[np.bool_]) -> Pipeline:
    """Return the pipeline fitted to all rows."""
    pipeline = make_pipeline(StandardScaler(), LogisticRegression(C=REGULARISATION, max_iter=1000))
    return pipeline.fit(table, profit)


def exported(pipeline: Pipeline, names: Sequence[str]) -> OutcomeModel:
    """Return a fitted pipeline as plain numbers."""
    scaler, regression = pipeline[0], pipeline[1]
    return OutcomeModel(
        features=tuple(names),
        means=tuple(float(value) for value in scaler.mean_),
        scales=tuple(float(value) for value in scaler.scale_),
        weights=tuple(float(value) for value in regression.coef_[0]),
        intercept=float(regression.intercept_[0]),
    )


def _judged(trades: Sequence[Trade], table: Floats) -> dict[str, Any]:
    """Return Brier score and area under the curve on trades opened after the training trades had closed.

    `brier_base_rate` is the score of always saying the training trades' share of profits: what a model must beat.
    `proved`: by more than the luck of these trades (paired differences, one-sided, 5 %). Only then is it used.
    """
    told, base, truth = [], [], []
    profit = np.array([trade.realized_pnl > 0 for trade in trades])
    size = len(trades) // (_FOLDS + 1)
    for n in range(_FOLDS):
        first = len(trades) - size * (_FOLDS - n)
        test = np.arange(first, first + size)
        train = np.array([k for k in range(first) if trades[k].closed_at <= trades[first].opened_at], dtype=np.int64)
        if len(set(profit[train])) < 2:
            continue
        told += list(fitted(table[train], profit[train]).predict_proba(table[test])[:, 1])
        base += [float(profit[train].mean())] * size
        truth += list(profit[test])
    if len(set(truth)) < 2:
        return {"judged_on": 0, "proved": False, "reason": "no test window with both outcomes: the model is not judged"}
    return {
        "judged_on": len(truth),
        "brier": float(brier_score_loss(truth, told)),
        "brier_base_rate": float(brier_score_loss(truth, base)),
        "auc": float(roc_auc_score(truth, told)),
        "proved": _better(np.array(base), np.array(told), np.array(truth, np.float64)),
    }


def _better(base: Floats, told: Floats, truth: Floats) -> bool:
    """Return whether the squared errors are smaller than those of the base rate by more than luck.

    References
    ----------
    F. Diebold and R. Mariano, Comparing predictive accuracy, Journal of Business and Economic Statistics 13, 1995.
    """
    gain = (base - truth) ** 2 - (told - truth) ** 2
    error = float(gain.std(ddof=1)) / len(gain) ** 0.5
    return bool(error > 0 and float(gain.mean()) / error > _ONE_SIDED)
