"""The night searches options on the chains that were kept: what is better by far trades, what is too little says so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from ml import job
from ml.validation.folds import rows_needed
from modules.options.module import OptionsModule
from modules.options.parameters import ExitParameters, OptionsParameters, TrendParameters
from modules.options.tuning import tunable
from orchestrator.adapters.memory.market import MemoryMarketData
from orchestrator.adapters.memory.store import MemoryDataLayer
from orchestrator.audit import appended
from orchestrator.domain.base import ModuleName, slot_id
from orchestrator.domain.codec import decode, encode
from orchestrator.domain.documents import ChainsDoc, ParametersDoc, parameters_path, parameters_version_path
from orchestrator.domain.market import Bars
from orchestrator.domain.paths import chains_path, tuning_path
from orchestrator.domain.searches import TuningDoc
from orchestrator.module import deciding
from orchestrator.ports import Put
from orchestrator.seed import seed
from tests.kept_market import market

OPTIONS = ModuleName.OPTIONS
SYMBOLS = ("SPY", "QQQ")
KNOBS = "trend.momentum_vols", "exits.spread_target"
LATE = OptionsParameters(trend=TrendParameters(momentum_vols=1.8), exits=ExitParameters(debit_stop=0.3))
"""It waits for a rise that is nearly over when it comes."""


def night(docs: Sequence[ChainsDoc], bars: dict[str, Bars]) -> tuple[MemoryDataLayer, job.Outcome]:
    store, prices = MemoryDataLayer(), MemoryMarketData()
    for symbol, series in bars.items():
        prices.put_bars(1440, symbol, series)
    seed(store, {OPTIONS: LATE}, now=docs[0].at)
    store.commit([Put(chains_path(OPTIONS, slot_id(doc.at)), encode(doc)) for doc in docs])
    universe = {"underlyings": SYMBOLS}
    wanted = replace(tunable(universe), searched=KNOBS, filters=())
    [outcome] = job.run(
        store,
        [wanted],
        {OPTIONS: prices},
        docs[-1].at + timedelta(hours=3),
        code="test",
        audited=appended,
        decides={OPTIONS: deciding(OptionsModule, universe)},
    )
    return store, outcome


def test_what_is_better_by_far_on_kept_chains_trades(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job, "CHAIN_TRIALS", 6)
    store, outcome = night(*market(rows_needed(0), SYMBOLS, vol=0.12, rise=0.014, fall=0.005, noise=0.0005))
    assert outcome.status is job.Status.ACTIVATED, outcome.reason
    active = decode(ParametersDoc, dict(store.get_many([path := parameters_path(OPTIONS)])[path].data), where=path)
    now = OptionsParameters.parse(active.values, where=path)
    assert now.trend.momentum_vols < LATE.trend.momentum_vols
    assert now.model_copy(update={"trend": LATE.trend, "exits": LATE.exits}) == LATE
    record = active.provenance["tuned"]["structures"]
    assert record["sessions"] == 120
    assert record["symbols"] == list(SYMBOLS)
    assert record["trades_out_of_sample"] >= 30
    assert active.provenance["trials"] == 6 * 6
    assert [one.missing for one in outcome.tuned] == [""]
    path = parameters_version_path(OPTIONS, active.version)
    assert path in store.get_many([path])


def test_too_few_sessions_say_how_many_there_are_and_how_many_are_needed() -> None:
    store, outcome = night(*market(3, SYMBOLS))
    assert outcome.status is job.Status.NOT_ENOUGH
    path = tuning_path(OPTIONS)
    said = decode(TuningDoc, dict(store.get_many([path])[path].data), where=path).said
    assert said.startswith("not enough evidence: structures: 3 sessions of chains, at least 120")
