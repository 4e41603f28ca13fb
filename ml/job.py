"""The nightly tuning job: for each module reads what happened, looks for better parameters, and lets them prove it.

Responsible for the order of the steps and for one clear line when one of them fails. A module that fails activates
nothing and keeps no other from being tuned. The same slot run twice does its work once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

import numpy as np

from ml.evidence import BarSource, Recorded, cost_of_side, kept_chains, recorded
from ml.notebook import Notebook, opened
from ml.promotion import Audited, Candidate, Champion, champion_of, of_slot, promote
from ml.tuning.arena import Terms, arena
from ml.tuning.filters import PLANNED as FILTER_TRIALS
from ml.tuning.filters import tune_filters
from ml.tuning.outcome import outcome_record
from ml.tuning.space import STEP, with_values
from ml.tuning.structures import TRIALS as CHAIN_TRIALS
from ml.tuning.structures import ChainStage, account_of, ladders, last_of_sessions
from ml.tuning.walkforward import PLANNED, SEED, Tuned, insufficient, walk_forward
from ml.validation.folds import COUNT, EMBARGO, PURGE, TRAIN_TESTS, rows_needed
from ml.validation.gate import RULE, Asked
from ml.validation.panels import check_panel
from orchestrator.domain.base import ModuleName, slot_id
from orchestrator.domain.errors import StoreUnavailableError, TradingError
from orchestrator.domain.market import panel_of
from orchestrator.domain.parameters import Parameters
from orchestrator.domain.scene import DAILY, Execution, listed
from orchestrator.domain.sightings import KEPT
from orchestrator.domain.strategy import Strategy, StrategyParameters, selected
from orchestrator.domain.tuning import Tunable
from orchestrator.module import TradingModule
from orchestrator.ports import MarketData, Store

_BPS = 10_000.0
_UNCHANGED = "nothing that was tried was better in training than what trades now"


class Status(StrEnum):
    """How tuning a module ended."""

    ACTIVATED = "activated"
    SHADOW = "shadow"
    """Better: it decides in the same cycles from now on, and does not trade yet."""
    WAITS = "waits"
    """Better, but another version is tried or the owner has pinned what trades."""
    REJECTED = "rejected"
    UNCHANGED = "unchanged"
    """Nothing that was tried was better in training: there is no candidate."""
    NOT_ENOUGH = "not enough evidence"
    DONE_BEFORE = "done before"
    """This slot has written its version already."""
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one module. `version` is the one written, None when none was."""

    module: ModuleName
    status: Status
    reason: str
    champion: int | None = None
    version: int | None = None
    tuned: tuple[Tuned, ...] = ()
    model: str = ""
    """What is said of the model of trade outcome."""
    left_out: tuple[str, ...] = ()
    """Bars that were not learned from, and why."""


def run(
    store: Store,
    modules: Sequence[Tunable],
    data: Mapping[ModuleName, MarketData],
    now: datetime,
    *,
    code: str,
    audited: Audited,
    decides: Mapping[ModuleName, TradingModule] | None = None,
) -> list[Outcome]:
    """Tune every module and return what became of each.

    Parameters
    ----------
    store
        The desk's store.
    modules
        What may be tuned.
    data
        Prices, by module; the same port that the cycles use.
    now
        The slot of the job.
    code
        Version of the code, for the record.
    audited
        Makes the write that appends to the audit chain.
    decides
        Modules that are tuned on kept chains, to be asked for their decisions only.

    Raises
    ------
    StoreUnavailableError
        The store did not answer; the same slot may be run again and does what is left.
    """
    asked = decides or {}
    return [
        _tuned(Night(store, tunable, data[tunable.module], now, code, audited, asked.get(tunable.module)))
        for tunable in modules
    ]


@dataclass(frozen=True, slots=True)
class Night:
    """One module's run of the job."""

    store: Store
    tunable: Tunable
    data: MarketData
    now: datetime
    code: str
    audited: Audited
    decides: TradingModule | None = None


def _tuned(night: Night) -> Outcome:
    module = night.tunable.module
    try:
        return _run(night)
    except StoreUnavailableError:
        raise
    except TradingError as error:
        return Outcome(module, Status.FAILED, str(error))


def _run(night: Night) -> Outcome:
    module, slot = night.tunable.module, slot_id(night.now)
    champion = champion_of(night.store, module)
    before = of_slot(night.store, champion, slot)
    if before is not None:
        told = f"slot {slot} wrote version {before.version} ({before.provenance.get('verdict')})"
        return Outcome(module, Status.DONE_BEFORE, told, champion.doc.version, before.version)
    basis = f"version {champion.doc.version}, code {night.code}"
    notebook = opened(night.store, module, slot, basis=basis, now=night.now)
    if notebook.doc.finished == slot:
        told = f"slot {slot}: {notebook.doc.said or _UNCHANGED}"
        return Outcome(module, Status.DONE_BEFORE, told, champion.doc.version)
    values = night.tunable.model.parse(champion.doc.values, where=f"parameters/{module}")
    known = recorded(night.store, module, night.now)
    costs = cost_of_side(night.tunable, known)
    source = BarSource(night.tunable, night.data, night.now)
    ground = Ground(values, known, source, notebook, costs["used_bps"] / _BPS, _kept(night, source, values))
    tuned = _search(night.tunable, ground)
    model, left_out = outcome_record(known.trades), source.refusals()
    evidence = known.record() | ({"bars_left_out": list(left_out)} if left_out else {})
    extra = {"costs": costs, "evidence": evidence, "model": model}
    outcome = _decide(night, champion, ground, tuned, extra=extra)
    return replace(outcome, left_out=left_out)


@dataclass(frozen=True, slots=True)
class Ground:
    """What all searches of a night rest on.

    Parameters
    ----------
    cost
        Of one side, as a fraction of the notional.
    chains
        The module on the chains that were kept; None where it is not tuned on chains.
    """

    values: Parameters
    known: Recorded
    source: BarSource
    notebook: Notebook
    cost: float
    chains: ChainStage | None


def _kept(night: Night, source: BarSource, values: Parameters) -> ChainStage | None:
    """Return the module on what was kept of a year, with the owner's limits and the desk's equity."""
    if night.decides is None or not night.tunable.searched:
        return None
    docs = last_of_sessions(kept_chains(night.store, night.tunable.module, night.now - KEPT, night.now))
    panel = source.panel(DAILY) if len(docs) >= rows_needed(0) else panel_of({})
    account = account_of(night.store)
    return ChainStage(night.decides, values, night.tunable.searched, ladders(docs, panel), account, CHAIN_TRIALS)


def _search(tunable: Tunable, ground: Ground) -> tuple[Tuned, ...]:
    values, known, notebook = ground.values, ground.known, ground.notebook
    enabled = [s for s in tunable.strategies if getattr(values, s.name).enabled]
    chains = ground.chains if ground.chains is not None and ground.chains.rows >= rows_needed(0) else None
    planned = [PLANNED] * len(enabled)
    planned += [] if chains is None else [chains.trials * COUNT]
    planned += [FILTER_TRIALS] if tunable.filters else []
    asked = Asked(len(planned), notebook.doc.trials + sum(planned))
    tuned = [_by_bars(tunable, strategy, ground, asked) for strategy in enabled]
    if ground.chains is not None:
        tuned.append(walk_forward(ground.chains, asked=asked, memory=notebook))
    if tunable.filters:
        filters, trades = tunable.filters, known.trades
        tuned.append(tune_filters(trades, known.proposals, filters, values, asked=asked, memory=notebook))
    return tuple(tuned)


def _by_bars(tunable: Tunable, strategy: Strategy, ground: Ground, asked: Asked) -> Tuned:
    """Return what bars say of a strategy, on the timeframe that it trades on: the first on which it is warmed up."""
    values, source = ground.values, ground.source
    settings: StrategyParameters = getattr(values, strategy.name)
    execution: Execution = getattr(values, "execution", Execution())
    traded, reads = listed(tunable.universe, strategy.trades), listed(tunable.universe, strategy.reads)
    need, lacking = max(settings.warmup, execution.warmup), []
    for minutes in dict.fromkeys(int(getattr(values, name)) for name in tunable.timeframes):
        panel = selected(source.panel(minutes), (*traded, *reads))
        if not set(panel.symbols) & set(traded):
            lacking.append(source.missing(minutes))
        elif (most := int(np.isfinite(panel.close).sum(axis=0).max())) < need:
            lacking.append(f"{most} bars of {minutes} minutes, {need} to warm up")
        else:
            where = f"{tunable.module}.{strategy.name}, {minutes}-minute bars"
            check_panel(panel, where=where)
            terms = Terms(execution, ground.cost, tunable.bars_per_year(minutes))
            stage = arena(strategy, settings, panel, terms, traded=traded, where=where, minutes=minutes)
            return walk_forward(stage, asked=asked, memory=ground.notebook)
    return insufficient(strategy.name, "; ".join(lacking))


def _decide(
    night: Night, champion: Champion, ground: Ground, tuned: tuple[Tuned, ...], *, extra: dict[str, Any]
) -> Outcome:
    module, number = night.tunable.module, champion.doc.version
    model = str(extra["model"].get("reason", "")) or _model_line(extra["model"])
    judged = [one for one in tuned if one.verdict is not None]
    if not judged:
        lacking = [f"{one.name}: {one.missing}" for one in tuned] or ["nothing is enabled"]
        why = "; ".join(lacking)
        night.store.commit([ground.notebook.saying(f"{Status.NOT_ENOUGH}: {why}")])
        return Outcome(module, Status.NOT_ENOUGH, why, number, tuned=tuned, model=model)
    if not any(one.changes for one in judged):
        night.store.commit([ground.notebook.closing(_UNCHANGED)])
        return Outcome(module, Status.UNCHANGED, _UNCHANGED, number, tuned=tuned, model=model)
    better = [one for one in judged if one.verdict is not None and one.verdict.better]
    chosen = better or judged
    changed = with_values(ground.values, {name: value for one in chosen for name, value in one.changes.items()})
    reason = _reason(better, judged)
    provenance = _provenance(night, champion, tuned, extra) | {
        "trials_before": ground.notebook.doc.trials,
        "verdict": "activated" if better else "rejected",
        "reason": reason,
    }
    candidate = Candidate(changed.model_dump(mode="json"), provenance, better=bool(better), text=reason)
    also = [ground.notebook.closing(reason)]
    stored = promote(night.store, champion, candidate, now=night.now, audited=night.audited, also=also)
    return Outcome(module, Status(stored.fate), reason, number, stored.number, tuned, model)


def _reason(better: list[Tuned], judged: list[Tuned]) -> str:
    if better:
        moves = (f"{name} {one.current[name]:g} → {value:g}" for one in better for name, value in one.changes.items())
        return f"better out of sample, trades from the next cycle on: {', '.join(moves)}"
    whys = (f"{one.name}: {one.verdict.reasons[0]}" for one in judged if one.verdict is not None)
    return f"not better out of sample ({'; '.join(whys)})"


def _model_line(model: Mapping[str, Any]) -> str:
    return f"{model['trades']} trades, Brier {model['brier']:.3f} (base rate {model['brier_base_rate']:.3f})"


def _provenance(night: Night, champion: Champion, tuned: tuple[Tuned, ...], extra: dict[str, Any]) -> dict[str, Any]:
    known = [one.record for one in tuned if one.verdict is not None and "from" in one.record]
    return {
        "slot": slot_id(night.now),
        "code": night.code,
        "seed": SEED,
        "champion": champion.doc.version,
        "data_from": min((one["from"] for one in known), default=""),
        "data_to": max((one["to"] for one in known), default=""),
        "trials": sum(one.trials for one in tuned),
        "rule": {
            **RULE,
            "largest_step": STEP,
            "folds": COUNT,
            "purge_bars": PURGE,
            "embargo_bars": EMBARGO,
            "train_tests": TRAIN_TESTS,
        },
        "costs": extra["costs"],
        "evidence": extra["evidence"],
        "outcome_model": extra["model"],
        "tuned": {one.name: dict(one.record) for one in tuned},
    }
