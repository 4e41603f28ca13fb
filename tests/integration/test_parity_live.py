"""The desk's own past beside its backtest: recorded days in memory, then compared from what the store says of them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest
from typer.testing import CliRunner

from ml.parity import night
from ml.parity.engine import COSTS
from orchestrator.adapters.memory.store import MemoryDataLayer
from orchestrator.bootstrap import Builder
from orchestrator.cli import app
from orchestrator.cli.parity.recorded import window_of
from orchestrator.cli.replay.driver import drive
from orchestrator.cli.replay.stacks import Window, memory_stack
from orchestrator.domain.base import ModuleName
from orchestrator.domain.chunks import ChunkQuality
from orchestrator.domain.codec import decode, encode
from orchestrator.domain.documents import EventDoc, EventKind, ParityDoc, TradeDoc
from orchestrator.domain.market import Bars
from orchestrator.domain.paths import bar_chunk_path, parity_path
from orchestrator.domain.periods import periods_between
from orchestrator.domain.series import COLUMNS
from orchestrator.fetching import BarKey
from orchestrator.ports import Put
from orchestrator.published import Chunk, publish
from orchestrator.settings import Settings
from venue.fees import FeeSchedule
from venue.replay.feed import ReplayFeed
from venue.replay.quotes import SpreadModel
from venue.replay.universe import parse_universe

FIRST, LAST = date(2026, 7, 20), date(2026, 7, 24)
SYMBOLS = "stocks=XLF,XLK,AMZN,DIA"
GOOD = ChunkQuality(score=100, usable=True)


class StoppedClock:
    """The time at which the replay ended."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at


def bars_of(feed: ReplayFeed, symbol: str) -> Bars:
    told = feed.bars(symbol, 1440, datetime(2024, 1, 1, tzinfo=UTC), feed.end)
    ends = np.array([int(bar.end.timestamp()) for bar in told], np.int64)
    return Bars(ends, *(np.array([float(getattr(bar, name)) for bar in told]) for name in COLUMNS))


def publish_bars(store: MemoryDataLayer, window: Window) -> None:
    feed = ReplayFeed(window.data, window.first, window.last, parse_universe([window.universe]))
    feed.advance(feed.end)
    for symbol in feed.assets():
        bars = bars_of(feed, symbol)
        for period in periods_between(date(2024, 1, 1), LAST, 1440):
            rows = (bars.ends > period.start.timestamp()) & (bars.ends <= period.end.timestamp())
            part = Bars(*(getattr(bars, name)[rows] for name in ("ends", *COLUMNS)))
            publish(store, Chunk(BarKey("alpaca", symbol, 1440), period, part, GOOD, whole=False))


@dataclass(frozen=True)
class Replayed:
    """The store of a desk that has traded the recorded days, and the comparison of its first night.

    That night asked the venue for bars: the store had none. Then they were published.
    """

    store: MemoryDataLayer
    first_night: ParityDoc


@pytest.fixture(scope="module")
def replayed(data_root) -> Replayed:
    window = window_of(data_root, FIRST, LAST, SYMBOLS, ModuleName.STOCKS)
    with memory_stack(window) as stack:
        drive(stack, lambda *_: None)
        now = stack.builder.clock().now() + timedelta(days=1)
        doc = night.write(stack.store.forked(), stack.builder.parity_subjects(now=now, ask_venues=True), now)
        publish_bars(stack.store, window)
        return Replayed(stack.store, doc)


@pytest.fixture
def built(replayed: Replayed) -> Builder:
    environment = {"GCLOUD_PROJECT": "demo-parity", "FIREDESK_UNIVERSE": SYMBOLS}
    return Builder(
        Settings(environment),
        store=replayed.store.forked(),
        clock=StoppedClock(datetime(2026, 7, 25, 22, 30, tzinfo=UTC)),
    )


def parity(built: Builder, *more: str) -> tuple[int, ParityDoc]:
    words = ["parity", "--from", str(FIRST), "--to", str(LAST), "--module", "stocks", "--json", *more]
    result = CliRunner().invoke(app, words, obj=built)
    assert result.exit_code in {0, 1}, result.output
    told = json.loads(result.stdout)
    return result.exit_code, ParityDoc.model_validate(told)


def a_trade(built: Builder) -> tuple[str, TradeDoc]:
    [*_, snapshot] = built.store.query("trades", [], order_by="closed_at")
    return snapshot.path, decode(TradeDoc, snapshot.data, where=snapshot.path)


def change(built: Builder, **more) -> TradeDoc:
    path, doc = a_trade(built)
    changed = doc.model_copy(update={"trade": doc.trade.model_copy(update=more)})
    built.store.commit([Put(path, encode(changed))])
    return doc


def test_what_the_desk_did_is_what_its_backtest_does(built) -> None:
    code, doc = parity(built)
    assert code == 0
    assert {trade.fate for trade in doc.trades} == {"matched"}
    assert len(doc.trades) >= 4
    assert any(trade.exit_gap_bps is not None for trade in doc.trades)
    assert doc.gap_bps_max == 0.0
    assert doc.gap_usd == 0


def test_a_night_asks_the_venue_for_bars_that_are_not_stored(replayed: Replayed) -> None:
    doc = replayed.first_night
    assert doc.counts["matched"] >= 4
    assert set(doc.counts) == {"matched"}
    assert doc.gap_bps_max == 0.0


def test_a_fill_that_was_worse_is_told_in_basis_points_and_usd(built) -> None:
    _, before = a_trade(built)
    worse = before.trade.entry_px * Decimal("1.01")
    lost = (worse - before.trade.entry_px) * before.trade.qty
    change(built, entry_px=worse, realized_pnl=before.trade.realized_pnl - lost)
    code, doc = parity(built)
    assert code == 1
    [apart] = [trade for trade in doc.trades if trade.why]
    assert (apart.fate, apart.symbol) == ("matched", before.trade.symbol)
    assert apart.entry_gap_bps == pytest.approx(100, abs=0.01)
    assert apart.exit_gap_bps == 0.0
    assert apart.gap_usd == pytest.approx(lost, abs=Decimal("0.01"))


def test_a_gap_below_what_is_asked_for_is_no_failure(built) -> None:
    _, before = a_trade(built)
    change(built, entry_px=before.trade.entry_px * Decimal("1.001"))
    assert parity(built)[0] == 0
    assert parity(built, "--tolerance-bps", "5")[0] == 1


def test_bars_that_are_missing_are_named(built) -> None:
    _, doc = a_trade(built)
    chunk = bar_chunk_path(f"alpaca_{doc.trade.symbol}_1d", "2026")
    damaged = dict(built.store.get_many([chunk])[chunk].data)
    damaged["quality"] = {**damaged["quality"], "usable": False}
    built.store.commit([Put(chunk, damaged)])
    _, told = parity(built)
    own = [trade for trade in told.trades if trade.symbol == doc.trade.symbol]
    assert {trade.fate for trade in own} == {"not_compared"}
    assert all(chunk in trade.why for trade in own)
    assert any(chunk in note for note in told.notes)


def test_what_the_owner_closed_is_listed_and_not_compared(built) -> None:
    doc = change(built, exit_reason="owner: flatten")
    _, told = parity(built)
    [own] = [trade for trade in told.trades if "another word" in trade.why]
    assert (own.symbol, own.fate) == (doc.trade.symbol, "not_compared")
    assert own.backtest is not None


def test_a_night_is_kept_once_and_tells_once(built) -> None:
    change(built, entry_px=a_trade(built)[1].trade.entry_px * Decimal("1.01"))
    now = built.clock().now()
    stored = [tell(built, now) for _ in range(2)]
    assert stored[0] == stored[1]
    tell(built, now + timedelta(days=1))
    events = [decode(EventDoc, one.data, where=one.path) for one in built.store.query("events", [], order_by="at")]
    gaps = [event for event in events if event.kind is EventKind.PARITY_GAP]
    assert len(gaps) == 1
    assert "bps" in gaps[0].text


def tell(built: Builder, now: datetime) -> dict:
    doc = night.write(built.store, built.parity_subjects(now=now, ask_venues=False), now)
    path = parity_path(doc.last)
    return dict(built.store.get_many([path])[path].data)


def test_the_costs_are_those_of_the_local_venue() -> None:
    fees, spread = FeeSchedule(), SpreadModel()
    stocks, crypto = COSTS[ModuleName.STOCKS], COSTS[ModuleName.CRYPTO]
    told = (stocks.half_spread, stocks.sale_fee, stocks.sale_fee_per_unit, crypto.half_spread, crypto.fee)
    bps = Decimal(10_000)
    schedule = (spread.stock_half_bps / bps, fees.sec_per_usd, fees.taf_per_share)
    schedule += (spread.crypto_half_bps / bps, fees.kraken_taker_bps / bps)
    assert told == pytest.approx([float(one) for one in schedule])
