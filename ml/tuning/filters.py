"""Tunes entry filters on closed trades: what a stricter threshold would have left out is known, nothing else is.

A looser threshold cannot be judged (the trades it would have made were not made), so it is not proposed. Used where
bars alone cannot tell what a trade would have earned, as with option structures.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ml.backtest.score import sharpe
from ml.tuning.memory import FORGETS, Memory
from ml.tuning.nearby import kept_nearby
from ml.tuning.search import SPREAD, TRIALS, best_values
from ml.tuning.space import Knob, knob
from ml.tuning.walkforward import Tuned, insufficient
from ml.validation.gate import STRESS, Asked, Evidence, judge
from ml.validation.overfitting import overfitting
from ml.validation.sharpe import luck_variance
from orchestrator.domain.market import Floats
from orchestrator.domain.parameters import Parameters
from orchestrator.domain.positions import Trade
from orchestrator.domain.searches import Found
from orchestrator.domain.tuning import EntryFilter

LEAST_TRADES = 60
"""Closed trades below which thresholds are left alone: twice what the gate asks for out of sample."""
LEAST_KEPT = 0.5
"""Least share of the recorded proposals that the thresholds together must still let through."""
NAME = "entry_filters"
_FOLDS = 3
PLANNED = TRIALS * _FOLDS
"""Sets of values that the thresholds' walk forward tries."""
_ONCE = Asked(1, PLANNED)
_SEED = 20260716
_BLOCKS = 8
"""Parts for the probability of overfitting: there are fewer trades than bars."""
_TRADES_A_YEAR = 250.0

Proposal = Mapping[str, float]
"""Features of one recorded entry, `confidence` among them."""


def tune_filters(
    trades: Sequence[Trade],
    proposals: Sequence[Proposal],
    filters: Sequence[EntryFilter],
    champion: Parameters,
    *,
    asked: Asked = _ONCE,
    memory: Memory = FORGETS,
) -> Tuned:
    """Return what closed trades say of a module's entry thresholds.

    Parameters
    ----------
    trades
        Closed trades of the module, in any order.
    proposals
        Features of the entries that cycles proposed, taken or not.
    asked
        How often luck is given a chance.
    memory
        What a run of this slot that was cut off has found already.
    """
    usable = [trade for trade in trades if all(f.feature in _features(trade) for f in filters)]
    if len(usable) < LEAST_TRADES:
        known = f", {len(usable)} of them with all features" if len(usable) < len(trades) else ""
        return insufficient(NAME, f"{len(trades)} closed trades{known}, at least {LEAST_TRADES}")
    knobs = tuple(_stricter(knob(champion, f.knob, champion.bounds()[f.knob]), f) for f in filters)
    ordered = sorted(usable, key=lambda trade: (trade.opened_at, trade.id))
    return _walk(Past(tuple(ordered), tuple(proposals), tuple(filters)), knobs, asked, memory)


@dataclass(frozen=True, slots=True)
class Past:
    """Closed trades in the order of their entry, recorded proposals, and the thresholds they are held against."""

    trades: tuple[Trade, ...]
    proposals: tuple[Proposal, ...]
    filters: tuple[EntryFilter, ...]

    def returns(self, trades: Sequence[Trade], values: Mapping[str, float], *, stress: float = 1.0) -> Floats:
        """Return the profit of each trade in USD, 0 where the thresholds would have left it out.

        `stress` multiplies its costs: the fees, and the slippage of its entry of a multiplier of 1.
        """
        kept = (_kept(_features(trade), self.filters, values) for trade in trades)
        return np.array(
            [_profit(trade, stress) if inside else 0.0 for trade, inside in zip(trades, kept, strict=True)], np.float64
        )

    def starves(self, values: Mapping[str, float]) -> bool:
        """Return whether the thresholds would let through too few of the recorded proposals."""
        passed = sum(_kept(one, self.filters, values) for one in self.proposals)
        return bool(self.proposals) and passed < LEAST_KEPT * len(self.proposals)


def _profit(trade: Trade, stress: float) -> float:
    slippage = abs(trade.entry_slippage_bps) / 10_000 * float(trade.qty * abs(trade.entry_px))
    return float(trade.realized_pnl) - (stress - 1.0) * (float(trade.fees) + slippage)


def _stricter(found: Knob, rule: EntryFilter) -> Knob:
    low, high = (found.current, found.high) if rule.keep == "at_least" else (found.low, found.current)
    return Knob(found.name, low, high, found.integer, found.current)


def _features(trade: Trade) -> dict[str, float]:
    return {**trade.features, "confidence": trade.confidence}


def _kept(known: Mapping[str, float], filters: Sequence[EntryFilter], values: Mapping[str, float]) -> bool:
    return all(f.passes(known[f.feature], values[f.knob]) for f in filters if f.feature in known)


def _walk(past: Past, knobs: tuple[Knob, ...], asked: Asked, memory: Memory) -> Tuned:
    trades, current = past.trades, {one.name: one.current for one in knobs}
    size = len(trades) // (_FOLDS + 1)
    old, new, dear, trained = [], [], [], []
    for n in range(_FOLDS):
        test = trades[len(trades) - size * (_FOLDS - n) : len(trades) - size * (_FOLDS - n - 1)]
        train = [trade for trade in trades if trade.closed_at < test[0].opened_at]
        found = memory.found(NAME, n) or _search(past, train, knobs, size=size, seed=_SEED + n)
        memory.keep(NAME, n, found)
        old.append(past.returns(test, current))
        new.append(past.returns(test, found.values))
        dear.append([past.returns(test, values, stress=STRESS) for values in (current, found.values)])
        trained.append([_sharpe(past.returns(train, values)) for values in (current, found.values)])
    judged = trades[-size * _FOLDS :]
    evidence = Evidence(
        champion=[_sharpe(one) for one in old],
        candidate=[_sharpe(one) for one in new],
        champion_returns=np.concatenate(old),
        candidate_returns=np.concatenate(new),
        trades=sum(_kept(_features(trade), past.filters, found.values) for trade in judged),
        per_year=_TRADES_A_YEAR,
        asked=asked,
        luck=found.luck,
        overfitting=found.overfitting,
        kept=kept_nearby(lambda tried: _sharpe(past.returns(judged, {**current, **tried})), found.values, knobs),
        champion_stressed=np.concatenate([one[0] for one in dear]),
        candidate_stressed=np.concatenate([one[1] for one in dear]),
    )
    changes = {one.name: found.values[one.name] for one in knobs if found.values[one.name] != one.current}
    medians = np.median(trained, axis=0)
    return _told(past, evidence, changes, current, in_sample=(float(medians[0]), float(medians[1])))


def _sharpe(returns: Floats) -> float:
    return sharpe(returns, bars_per_year=_TRADES_A_YEAR)


def _search(past: Past, train: Sequence[Trade], knobs: tuple[Knob, ...], *, size: int, seed: int) -> Found:
    tries: list[Floats] = []

    def score(tried: Mapping[str, float]) -> float:
        tries.append(past.returns(train, tried))
        return -1e6 if past.starves(tried) else _sharpe(tries[-1])

    return Found(
        values=best_values(score, knobs, seed=seed),
        trials=len(tries),
        luck=luck_variance(np.array(tries), count=size * _FOLDS),
        overfitting=overfitting(np.array(tries[:SPREAD]), blocks=_BLOCKS),
    )


def _told(
    past: Past,
    evidence: Evidence,
    changes: Mapping[str, float],
    current: Mapping[str, float],
    *,
    in_sample: tuple[float, float],
) -> Tuned:
    verdict = judge(evidence, step_bounded=True)
    out = float(np.median(evidence.champion)), float(np.median(evidence.candidate))
    record = {
        "verdict": "better" if verdict.better else "rejected",
        "reason": "; ".join(verdict.reasons) or "better out of sample by the stated rule",
        "trades": len(past.trades),
        "recorded_proposals": len(past.proposals),
        "proposed": dict(changes),
        "trials": PLANNED,
        "p_value": verdict.p_value,
        "gate": dict(verdict.figures),
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
        trials=PLANNED,
        in_sample=in_sample,
        out_of_sample=out,
        folds_won=evidence.won,
        folds=_FOLDS,
        record=record,
    )
