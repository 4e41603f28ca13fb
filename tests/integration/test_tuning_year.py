"""One year of bars is enough for every module's search; what is really too short is refused, and luck still is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from ml import job, selfcheck
from ml.tuning.space import knobs_of
from ml.tuning.walkforward import walk_forward
from ml.validation.folds import MIN_TEST, PURGE, folds, rows_needed
from ml.validation.gate import Asked
from ml.validation.overfitting import overfitting
from modules.options.module import OptionsModule
from modules.options.parameters import OptionsParameters
from modules.options.tuning import tunable as options
from modules.stocks.parameters import StocksParameters
from modules.stocks.tuning import tunable as stocks
from modules.stocks.universe import universe_of
from orchestrator.adapters.memory.market import MemoryMarketData
from orchestrator.adapters.memory.store import MemoryDataLayer
from orchestrator.audit import appended
from orchestrator.domain.base import ModuleName
from orchestrator.domain.codec import decode
from orchestrator.domain.market import Bars
from orchestrator.domain.paths import tuning_path
from orchestrator.domain.searches import TuningDoc
from orchestrator.module import deciding
from orchestrator.seed import seed
from tests.tuning_stage import Stage

SESSIONS = 250
"""The least a calendar year has."""
UNIVERSE = universe_of(("XLK", "XLF", "SPY", "AAPL", "MSFT", "TQQQ", "SQQQ"))
LAST = datetime(2026, 7, 15, 20, tzinfo=UTC)


def a_year(symbol: str, rows: int) -> Bars:
    chance = np.random.default_rng(sum(map(ord, symbol)))
    ends = np.array([int((LAST - timedelta(days=n)).timestamp()) for n in range(rows)][::-1], np.int64)
    close = 100 * np.exp(np.cumsum(chance.normal(0, 0.01, rows)))
    start = np.concatenate([[100.0], close[:-1]])
    high, low = np.maximum(start, close) * 1.002, np.minimum(start, close) * 0.998
    return Bars(ends, start, high, low, close, np.full(rows, 1e6))


def night(tunable, parameters, rows: int) -> tuple[job.Outcome, TuningDoc]:
    store, market = MemoryDataLayer(), MemoryMarketData()
    for symbol in {one for listed in tunable.universe.values() for one in listed}:
        market.put_bars(1440, symbol, a_year(symbol, rows))
    seed(store, {tunable.module: parameters}, now=LAST - timedelta(days=1))
    now = LAST + timedelta(hours=2)
    data, decides = {tunable.module: market}, {ModuleName.OPTIONS: deciding(OptionsModule, tunable.universe)}
    [outcome] = job.run(store, [tunable], data, now, code="test", audited=appended, decides=decides)
    path = tuning_path(tunable.module)
    return outcome, decode(TuningDoc, dict(store.get_many([path])[path].data), where=path)


def test_every_strategy_of_stocks_is_judged_on_one_year_of_daily_bars():
    outcome, doc = night(stocks(UNIVERSE), StocksParameters(), SESSIONS)
    assert [one.missing for one in outcome.tuned] == [""] * 4
    assert all(one.verdict is not None for one in outcome.tuned)
    assert outcome.status in {job.Status.REJECTED, job.Status.UNCHANGED}
    assert doc.said == outcome.reason


def test_with_one_year_no_candidate_looks_further_back_than_what_trades():
    """There is no history to warm a slower one up on; with two years there is."""
    strategy = next(one for one in stocks({}).strategies if one.name == "mean_reversion")
    trend = StocksParameters().mean_reversion.trend
    assert max(one.high for one in knobs_of(StocksParameters().mean_reversion) if one.name == "trend") > trend
    for rows, most in ((SESSIONS, trend), (500, trend + 58)):
        outcome, _ = night(stocks(UNIVERSE), _only(strategy.name), rows)
        [told] = outcome.tuned
        assert told.record["knobs"]["trend"]["high"] == most


def _only(name: str) -> StocksParameters:
    off = {one.name: {"enabled": one.name == name} for one in stocks({}).strategies}
    return StocksParameters.parse(off, where="test")


def test_too_few_bars_say_how_many_there_are_and_how_many_are_needed():
    outcome, doc = night(stocks(UNIVERSE), _only("mean_reversion"), 219)
    assert outcome.status is job.Status.NOT_ENOUGH
    assert outcome.reason == "mean_reversion: 219 bars of 1440 minutes, at least 220 (100 of them to warm up)"
    assert doc.said == f"not enough evidence: {outcome.reason}"


def test_options_say_in_their_document_why_they_are_not_tuned():
    outcome, doc = night(options({"underlyings": ("SPY",)}), OptionsParameters(), SESSIONS)
    assert outcome.status is job.Status.NOT_ENOUGH
    chains = "structures: 0 sessions of chains, at least 120"
    assert doc.said == f"not enough evidence: {chains}; entry_filters: 0 closed trades, at least 60"
    assert (doc.slot, doc.trials, doc.finished) == ("20260715T220000Z", 0, "")


def test_a_slot_that_had_too_little_may_try_again():
    stage = Stage(rows=100)
    assert stage.tune().status is job.Status.NOT_ENOUGH
    assert stage.tune().status is job.Status.NOT_ENOUGH


@pytest.mark.parametrize("market", range(1000, 1004))
def test_luck_does_not_pass_on_the_shortest_history(market, monkeypatch):
    monkeypatch.setattr(selfcheck, "ROWS", rows_needed(21))
    assert not selfcheck.activated(market, edge=0.0)


def test_a_strong_edge_can_pass_on_the_shortest_history(monkeypatch):
    monkeypatch.setattr(selfcheck, "ROWS", rows_needed(21))
    found = walk_forward(selfcheck.stage(1001, edge=0.004), asked=Asked(1, 240))
    assert found.verdict is not None
    assert found.verdict.better, found.verdict.reasons


def test_the_shortest_windows_are_the_shortest_that_can_be_checked_for_overfitting():
    [*_, newest] = folds(rows_needed(0), warmup=0)
    train = newest.train.stop - newest.train.start
    assert train == 4 * MIN_TEST - 2 * PURGE
    tries = np.random.default_rng(3).normal(0, 1, (8, train)) + np.linspace(0, 3, 8)[:, None]
    assert overfitting(tries) < 0.1
    assert overfitting(tries[:, : 4 * (MIN_TEST - 1) - 2 * PURGE]) == 1.0
