"""Tunes entry filters on closed trades: what a stricter threshold would have left out is known, nothing else is.

A looser threshold cannot be judged (the trades it would have made were not made), so it is not proposed. Used where
bars alone cannot tell what a trade would have earned, as with option structures.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ml.backtest.score import sharpe
from ml.tuning.search import TRIALS, best_values
from ml.tuning.space import Knob, knob
from ml.tuning.walkforward import Tuned, insufficient
from ml.validation.gate import Evidence, judge
from orchestrator.domain.market import Floats
from orchestrator.domain.parameters import Parameters
from orchestrator.domain.positions import Trade
from orchestrator.domain.tuning import EntryFilter

LEAST_TRADES = 60
"""Closed trades below which thresholds are left alone: twice what the gate asks for out of sample."""
LEAST_KEPT = 0.5
"""Least share of the recorded proposals that the thresholds together must still let through."""
NAME = "entry_filters"
_FOLDS = 3
_SEED = 20260716
_TRADES_A_YEAR = 250.0

Proposal = Mapping[str, float]
"""Features of one recorded entry, `confidence` among them."""


def tune_filters(
    trades: Sequence[Trade], proposals: Sequence[Proposal], filters: Sequence[EntryFilter], champion: Parameters
) -> Tuned:
    """Return what closed trades say of a module's entry thresholds.

    Parameters
    ----------
    trades
        Closed trades of the module, in any order.
    proposals
        Features of the entries that cycles proposed, taken or not.
    """
    usable = [trade for trade in trades if all(f.feature in _features(trade) for f in filters)]
    if len(usable) < LEAST_TRADES:
        known = f", {len(usable)} of them with all features" if len(usable) < len(trades) else ""
        return insufficient(NAME, f"{len(trades)} closed trades{known}, at least {LEAST_TRADES}")
    knobs = tuple(_stricter(knob(champion, f.knob, champion.bounds()[f.knob]), f) for f in filters)
    return _walk(sorted(usable, key=lambda trade: (trade.opened_at, trade.id)), proposals, filters, knobs)


def _stricter(found: Knob, rule: EntryFilter) -> Knob:
    low, high = (found.current, found.high) if rule.keep == "at_least" else (found.low, found.current)
    return Knob(found.name, low, high, found.integer, found.current)


def _features(trade: Trade) -> dict[str, float]:
    return {**trade.features, "confidence": trade.confidence}


def _kept(known: Mapping[str, float], filters: Sequence[EntryFilter], values: Mapping[str, float]) -> bool:
    return all(f.passes(known[f.feature], values[f.knob]) for f in filters if f.feature in known)


def _returns(trades: Sequence[Trade], filters: Sequence[EntryFilter], values: Mapping[str, float]) -> Floats:
    """Return the profit of each trade in USD, 0 where the thresholds would have left it out."""
    return np.array(
        [float(t.realized_pnl) if _kept(_features(t), filters, values) else 0.0 for t in trades], dtype=np.float64
    )


def _walk(
    trades: Sequence[Trade], proposals: Sequence[Proposal], filters: Sequence[EntryFilter], knobs: tuple[Knob, ...]
) -> Tuned:
    current = {one.name: one.current for one in knobs}
    size = len(trades) // (_FOLDS + 1)
    old, new, train_old, train_new, values = [], [], [], [], dict(current)
    for n in range(_FOLDS):
        test = trades[len(trades) - size * (_FOLDS - n) : len(trades) - size * (_FOLDS - n - 1)]
        train = [trade for trade in trades if trade.closed_at < test[0].opened_at]

        def score(tried: Mapping[str, float], seen: Sequence[Trade] = train) -> float:
            if proposals and sum(_kept(p, filters, tried) for p in proposals) < LEAST_KEPT * len(proposals):
                return -1e6
            return sharpe(_returns(seen, filters, tried), bars_per_year=_TRADES_A_YEAR)

        values = best_values(score, knobs, seed=_SEED + n)
        old.append(_returns(test, filters, current))
        new.append(_returns(test, filters, values))
        train_old.append(score(current))
        train_new.append(score(values))
    kept = sum(_kept(_features(trade), filters, values) for trade in trades[-size * _FOLDS :])
    evidence = Evidence(
        champion=[sharpe(one, bars_per_year=_TRADES_A_YEAR) for one in old],
        candidate=[sharpe(one, bars_per_year=_TRADES_A_YEAR) for one in new],
        champion_returns=np.concatenate(old),
        candidate_returns=np.concatenate(new),
        trades=kept,
        per_year=_TRADES_A_YEAR,
    )
    changes = {one.name: values[one.name] for one in knobs if values[one.name] != one.current}
    return _told(
        evidence, changes, current, trained=(train_old, train_new), count=len(trades), proposals=len(proposals)
    )


def _told(
    evidence: Evidence,
    changes: Mapping[str, float],
    current: Mapping[str, float],
    *,
    trained: tuple[list[float], list[float]],
    count: int,
    proposals: int,
) -> Tuned:
    verdict = judge(evidence, step_bounded=True)
    in_sample = float(np.median(trained[0])), float(np.median(trained[1]))
    out = float(np.median(evidence.champion)), float(np.median(evidence.candidate))
    record = {
        "verdict": "better" if verdict.better else "rejected",
        "reason": "; ".join(verdict.reasons) or "better out of sample by the stated rule",
        "trades": count,
        "recorded_proposals": proposals,
        "proposed": dict(changes),
        "trials": TRIALS * _FOLDS,
        "p_value": verdict.p_value,
        "trades_out_of_sample": evidence.trades,
        "in_sample": {"champion": in_sample[0], "candidate": in_sample[1]},
        "out_of_sample": {"champion": out[0], "candidate": out[1]},
        "folds": [
            {"champion_out_of_sample": before, "candidate_out_of_sample": after}
            for before, after in zip(evidence.champion, evidence.candidate, strict=True)
        ],
    }
    return Tuned(
        name=NAME,
        changes=changes,
        current=current,
        verdict=verdict,
        missing="",
        trials=TRIALS * _FOLDS,
        in_sample=in_sample,
        out_of_sample=out,
        folds_won=evidence.won,
        folds=_FOLDS,
        record=record,
    )
