"""`desk backtest options` without a folder: the chains that the desk kept, seen once a session."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime

import numpy as np
import pytest
from typer.testing import CliRunner

from orchestrator.adapters.memory.store import MemoryDataLayer
from orchestrator.bootstrap import Builder
from orchestrator.cli import app
from orchestrator.domain.base import ModuleName, slot_id
from orchestrator.domain.chunks import ChunkQuality
from orchestrator.domain.codec import encode
from orchestrator.domain.market import Bars
from orchestrator.domain.paths import chains_path
from orchestrator.domain.periods import periods_between
from orchestrator.domain.series import COLUMNS
from orchestrator.fetching import BarKey
from orchestrator.ports import Put
from orchestrator.published import Chunk, publish
from orchestrator.settings import Settings
from tests.kept_market import market

SESSIONS = 25
GOOD = ChunkQuality(score=100, usable=True)


@dataclass(frozen=True)
class Stopped:
    at: datetime

    def now(self) -> datetime:
        return self.at


@pytest.fixture
def built() -> Builder:
    return Builder(
        Settings({"GCLOUD_PROJECT": "demo-kept"}),
        store=MemoryDataLayer(),
        clock=Stopped(datetime(2026, 3, 1, tzinfo=UTC)),
    )


def ran(built: Builder, *words: str):
    return CliRunner().invoke(app, ["backtest", "options", "--symbols", "SPY", "--json", *words], obj=built)


def publish_bars(store: MemoryDataLayer, bars: Bars) -> None:
    for period in periods_between(date(2024, 1, 1), date(2026, 2, 28), 1440):
        rows = (bars.ends > period.start.timestamp()) & (bars.ends <= period.end.timestamp())
        part = Bars(*(np.array(getattr(bars, name)[rows]) for name in ("ends", *COLUMNS)))
        publish(
            store, Chunk(BarKey("alpaca", "SPY", 1440), period, part, ChunkQuality(score=100, usable=True), whole=True)
        )


def test_it_says_when_nothing_was_kept(built: Builder) -> None:
    result = ran(built)
    assert result.exit_code == 2
    assert "no chains were kept from 2025-03-01 to 2026-03-01" in result.output
    assert "--data" in result.output


def test_it_runs_on_what_the_desk_kept_and_names_the_bars_that_are_missing(built: Builder) -> None:
    docs, bars = market(SESSIONS, ("SPY",), vol=0.12, rise=0.014, fall=0.005, noise=0.0005)
    built.store.commit([Put(chains_path(ModuleName.OPTIONS, slot_id(doc.at)), encode(doc)) for doc in docs])
    missing = ran(built)
    assert missing.exit_code == 2
    assert "daily bars are missing: SPY: bars/alpaca_SPY_1d" in missing.output
    publish_bars(built.store, bars["SPY"])
    result = ran(built, "--sweep", "exits.spread_target=0.3,0.8")
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert len(told["trades"]) > 2
    assert {point["values"]["exits.spread_target"] for point in told["sweep"]} == {0.3, 0.8}
