"""Options of the desk's own past: recorded days in memory, then beside their backtest on the chains that were kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest

from ml.evidence import kept_chains
from ml.job import Outcome
from ml.parity.report import Subject, compared
from ml.tuning.search import best_values
from ml.tuning.structures import ChainStage, account_of, ladders, last_of_sessions
from modules.options.parameters import OptionsParameters
from modules.options.tuning import SEARCHED
from orchestrator.adapters.memory.store import MemoryDataLayer
from orchestrator.cli.parity.recorded import window_of
from orchestrator.cli.replay.driver import drive
from orchestrator.cli.replay.stacks import Moment, memory_stack
from orchestrator.domain.base import ModuleName
from orchestrator.domain.codec import decode, encode
from orchestrator.domain.documents import ChainsDoc, CycleDoc, CycleStatus, ParityDoc, TradeDoc
from orchestrator.ports import Put

OPTIONS = ModuleName.OPTIONS
FIRST, LAST = date(2026, 7, 20), date(2026, 7, 24)


@dataclass(frozen=True)
class Desk:
    """The store of a desk that has traded the recorded days, and what compares and tunes them while its venue runs."""

    store: MemoryDataLayer
    subject: Subject
    now: datetime
    tuned: Outcome

    def parity(self) -> ParityDoc:
        return compared(self.store, [self.subject], first=FIRST, last=LAST, now=self.now)


@pytest.fixture(scope="module")
def replayed(data_root) -> Iterator[Desk]:
    window = window_of(data_root, FIRST, LAST, "options=SPY,NVDA", OPTIONS)
    with memory_stack(window) as stack:
        moments = [Moment(one.time, (OPTIONS,)) for one in stack.moments() if OPTIONS in one.modules]
        stack.moments = lambda: moments
        drive(stack, lambda *_: None)
        now = stack.builder.clock().now() + timedelta(days=1)
        [tuned] = stack.builder.tune([OPTIONS], now=now)
        [subject] = [
            one for one in stack.builder.parity_subjects(now=now, ask_venues=True) if one.tunable.module is OPTIONS
        ]
        yield Desk(stack.store, subject, now, tuned)


@pytest.fixture
def desk(replayed: Desk) -> Desk:
    return replace(replayed, store=replayed.store.forked())


def the_closed_trade(store: MemoryDataLayer) -> tuple[str, TradeDoc]:
    [found] = store.query("trades", [], order_by="closed_at")
    return found.path, decode(TradeDoc, found.data, where=found.path)


def lose(store: MemoryDataLayer, chosen: Callable[[ChainsDoc], bool]) -> int:
    """Lose what was kept of some moments: the documents become another module's."""
    found = [(one.path, decode(ChainsDoc, one.data, where=one.path)) for one in store.query("chains", limit=1000)]
    lost = [(path, doc) for path, doc in found if chosen(doc)]
    store.commit([Put(path, encode(doc.model_copy(update={"module": ModuleName.CRYPTO}))) for path, doc in lost])
    return len(lost)


def test_what_the_desk_did_is_what_its_backtest_does(desk: Desk) -> None:
    doc = desk.parity()
    assert set(doc.counts) == {"matched"}
    assert any(trade.live.closed_at for trade in doc.trades)
    assert doc.gap_bps_max == 0.0
    assert doc.gap_usd == 0
    assert [trade.why for trade in doc.trades] == [""] * len(doc.trades)
    assert doc.notes == ()


def test_moments_at_which_the_desk_did_nothing_need_not_be_kept(desk: Desk) -> None:
    cycles = [decode(CycleDoc, one.data, where=one.path) for one in desk.store.query("cycles", [], order_by="slot")]
    acted = {cycle.slot for cycle in cycles if cycle.status is CycleStatus.TRADED}
    before = desk.parity().trades
    assert lose(desk.store, lambda doc: doc.at not in acted) > 2
    assert desk.parity().trades == before


def test_a_fill_that_was_worse_is_told_in_basis_points_and_usd(desk: Desk) -> None:
    path, doc = the_closed_trade(desk.store)
    worse = doc.trade.entry_px * Decimal("1.02")
    lost = (worse - doc.trade.entry_px) * doc.trade.qty * 100
    changed = doc.trade.model_copy(update={"entry_px": worse, "realized_pnl": doc.trade.realized_pnl - lost})
    desk.store.commit([Put(path, encode(doc.model_copy(update={"trade": changed})))])
    [apart] = [trade for trade in desk.parity().trades if trade.why]
    assert apart.fate == "matched"
    assert apart.entry_gap_bps == pytest.approx(200, abs=0.01)
    assert apart.exit_gap_bps == 0.0
    assert apart.gap_usd == pytest.approx(lost, abs=Decimal("0.01"))


def test_an_entry_whose_chains_were_not_kept_says_so(desk: Desk) -> None:
    _, doc = the_closed_trade(desk.store)
    assert lose(desk.store, lambda one: abs(one.at - doc.trade.opened_at) < timedelta(minutes=15)) == 1
    own = [trade for trade in desk.parity().trades if trade.live and trade.live.opened_at == doc.trade.opened_at]
    assert [(trade.fate, trade.why) for trade in own] == [("not_compared", "no chains were kept when it was entered")]


def test_a_desk_that_kept_none_says_so(desk: Desk) -> None:
    lose(desk.store, lambda _: True)
    doc = desk.parity()
    assert set(doc.counts) == {"not_compared"}
    assert any("no chains were kept from 2026-07-" in note for note in doc.notes)


def test_a_night_after_few_sessions_says_how_many_it_would_need(desk: Desk) -> None:
    assert desk.tuned.reason.startswith("structures: 5 sessions of chains, at least 120")


def test_a_search_runs_on_recorded_sessions(desk: Desk) -> None:
    docs = last_of_sessions(kept_chains(desk.store, OPTIONS, desk.now - timedelta(days=30), desk.now))
    known = desk.subject.source.known(("SPY", "NVDA"), 1440, (FIRST, LAST))
    stage = ChainStage(
        desk.subject.decides, OptionsParameters(), SEARCHED, ladders(docs, known.panel), account_of(desk.store)
    )

    def score(values: Mapping[str, float]) -> float:
        earned = stage.run(values, slice(0, stage.rows), warmup=0)
        assert np.isfinite(earned.returns).all()
        return float(earned.returns.sum())

    found = best_values(score, stage.knobs(), seed=1, trials=6)
    assert stage.rows == 5
    assert set(found) == set(SEARCHED)
    assert score(found) > score({})
