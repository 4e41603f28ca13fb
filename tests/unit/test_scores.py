"""Scores of strategies and modules: their parts, their trend, and the shares that follow."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from orchestrator.adapters.memory.store import MemoryDataLayer
from orchestrator.bootstrap import Builder
from orchestrator.cli import app
from orchestrator.domain.base import ModuleName
from orchestrator.domain.codec import encode
from orchestrator.domain.documents import (
    CONFIG_RISK,
    BookDoc,
    EventDoc,
    EventKind,
    RiskLimitsDoc,
    ScoreDoc,
    TradeDoc,
    book_path,
    event_path,
    score_path,
    trade_path,
)
from orchestrator.domain.positions import Trade
from orchestrator.domain.risk import RiskLimits
from orchestrator.domain.scores import LEAST, LEAST_SHARE, advised_share, score_of
from orchestrator.ports import Put
from orchestrator.settings import Settings
from orchestrator.sweep import sweep
from tests.watched_desk import NOW, documents, new_desk, read

STOCKS = ModuleName.STOCKS
EQUITY = Decimal(100_000)


def trade(
    number: int, usd: float, *, strategy: str = "momentum", confidence: float = 0.5, slippage: float = 0.0
) -> Trade:
    closed = NOW - timedelta(days=2, minutes=number)
    return Trade(
        id=f"{strategy}-{number}",
        module=STOCKS,
        strategy=strategy,
        symbol="XLK",
        qty=Decimal(10),
        entry_px=Decimal(100),
        exit_px=Decimal(100),
        opened_at=closed - timedelta(hours=1),
        closed_at=closed,
        realized_pnl=Decimal(repr(usd)),
        fees=Decimal(0),
        entry_slippage_bps=slippage,
        exit_reason="target",
        confidence=confidence,
        features={},
        parameters_version=1,
    )


def gaining(count: int = 40, *, sign: int = 1, **more) -> list[Trade]:
    """Two gains of 100 for every loss of 50, or the reverse."""
    return [trade(n, sign * (100.0 if n % 3 else -50.0), **more) for n in range(count)]


def scored(trades: list[Trade], **more):
    return score_of(trades, equity=EQUITY, **{"uptime": 1.0, "before": None, **more})


def test_the_parts_are_those_by_hand() -> None:
    trades = [trade(n, 100.0 if n % 2 else -100.0, confidence=0.8, slippage=5.0) for n in range(20)]
    found = scored(trades, uptime=0.9, before=50.0)
    assert found.parts is not None
    # Half of the outcomes are gains at a confidence of 0.8: (0.2^2 + 0.8^2) / 2.
    assert found.brier == pytest.approx(0.34)
    assert (found.parts.gain, found.parts.calibration) == (pytest.approx(0.5), pytest.approx(1 - 0.68))
    assert found.fall == pytest.approx(0.001)
    assert (found.parts.risk, found.parts.slippage) == (pytest.approx(0.99), pytest.approx(0.75))
    assert found.score == pytest.approx(100 * (0.5 + 0.32 + 0.99 + 0.75 + 0.9) / 5, abs=0.05)
    assert found.trend == pytest.approx(found.score - 50, abs=0.05)
    assert found.advice == "keep"


def test_few_trades_have_no_score_and_no_advice() -> None:
    found = scored(gaining(LEAST - 1))
    assert (found.score, found.advice, found.trades) == (None, "too few trades", LEAST - 1)


def test_what_surely_gains_is_given_more_and_what_surely_loses_less() -> None:
    assert scored(gaining()).advice == "more"
    assert scored(gaining(sign=-1)).advice == "less"


@given(st.sampled_from(["more", "keep", "less"]), st.decimals("0.05", "0.3", places=3))
def test_a_share_stays_within_its_bounds(advice, present) -> None:
    most = Decimal("0.3")
    share = advised_share(advice, present, most)
    assert LEAST_SHARE <= share <= most
    assert (share > present) <= (advice == "more")
    assert (share < present) <= (advice == "less")


def stage(*, auto: bool = False, named: dict[str, str] | None = None) -> MemoryDataLayer:
    store = new_desk()
    assert isinstance(store, MemoryDataLayer)
    limits = RiskLimits.model_validate({"auto_allocate": auto, "strategy_allocation": named or {}})
    trades = [*gaining(strategy="good"), *gaining(sign=-1, strategy="bad")]
    docs = [TradeDoc(trade=t, module=STOCKS, strategy=t.strategy, closed_at=t.closed_at) for t in trades]
    failed = EventDoc(kind=EventKind.CYCLE_FAILED, module=STOCKS, text="x", at=NOW - timedelta(days=1))
    store.commit([Put(CONFIG_RISK, encode(RiskLimitsDoc(limits=limits, updated_at=NOW)))])
    store.commit([Put(trade_path(one.trade.id), encode(one)) for one in docs])
    store.commit([Put(event_path("failed"), encode(failed))])
    return store


def doc(store: MemoryDataLayer) -> ScoreDoc:
    return read(store, ScoreDoc, score_path(STOCKS))


def limits(store: MemoryDataLayer) -> RiskLimits:
    return read(store, RiskLimitsDoc, CONFIG_RISK).limits


def test_the_sweep_scores_once_a_day_and_only_advises() -> None:
    store = stage()
    sweep(store, NOW)
    found = doc(store)
    assert found.day == NOW.date() - timedelta(days=1)
    assert {name: one.advice for name, one in found.strategies.items()} == {"good": "more", "bad": "less"}
    assert found.shares == {"bad": Decimal("0.225")}
    assert found.own.trades == 80
    assert (found.bad_days, found.uptime) == ((found.day,), pytest.approx(29 / 30))
    assert limits(store).strategy_allocation == {}
    writes = store.usage.writes
    sweep(store, NOW)
    assert store.usage.writes == writes
    sweep(store, NOW + timedelta(days=1))
    assert [point.day for point in doc(store).history] == [found.day, NOW.date()]
    assert doc(store).bad_days == found.bad_days


def test_with_auto_allocate_it_lowers_a_share_and_says_so_in_the_audit() -> None:
    store = stage(auto=True)
    for days in range(7):
        sweep(store, NOW + timedelta(days=days))
        assert limits(store).strategy_allocation == {"bad": Decimal("0.225")}
    sweep(store, NOW + timedelta(days=7))
    assert limits(store).strategy_allocation == {"bad": Decimal("0.169")}
    assert doc(store).allocated == {"bad": Decimal("0.169")}
    told = [one["text"] for one in documents(store, "events").values() if one["subject"] == "scoring"]
    assert len(told) == 2
    assert "strategy_allocation" in told[0]
    assert [(one["who"], one["action"]) for one in documents(store, "audit").values()] == [
        ("scoring", "set_limits")
    ] * 2


def test_with_auto_allocate_a_share_that_the_owner_set_is_left_alone() -> None:
    store = stage(auto=True, named={"bad": "0.2"})
    sweep(store, NOW)
    assert limits(store).strategy_allocation == {"bad": Decimal("0.2")}
    assert doc(store).shares == {"bad": Decimal("0.150")}
    assert doc(store).allocated == {}


def test_a_row_that_does_not_fit_is_left_out_and_others_are_set() -> None:
    store = stage(auto=True, named={"a": "0.25", "b": "0.25", "c": "0.25", "d": "0.1"})
    sweep(store, NOW)
    assert "bad" not in limits(store).strategy_allocation
    fits = stage(auto=True, named={"a": "0.25", "b": "0.25", "c": "0.25"})
    sweep(fits, NOW)
    assert limits(fits).strategy_allocation["bad"] == Decimal("0.225")


def test_what_the_owner_changes_meanwhile_stays() -> None:
    store = stage(auto=True)
    owners = limits(store).model_copy(update={"daily_loss": Decimal("0.011")})

    class Busy(MemoryDataLayer):
        def query(self, collection, where=(), *, order_by=None, limit=100):
            if collection == "trades" and limits(store).daily_loss != owners.daily_loss:
                store.commit([Put(CONFIG_RISK, encode(RiskLimitsDoc(limits=owners, updated_at=NOW)))])
            return store.query(collection, where, order_by=order_by, limit=limit)

    busy = Busy()
    busy.get_many, busy.commit = store.get_many, store.commit
    sweep(busy, NOW)
    assert limits(store).daily_loss == Decimal("0.011")
    assert limits(store).strategy_allocation == {"bad": Decimal("0.225")}


def test_an_account_nobody_knows_gives_no_advice() -> None:
    store = stage()
    book = read(store, BookDoc, book_path(STOCKS))
    store.commit([Put(book_path(STOCKS), encode(book.model_copy(update={"account": None})))])
    sweep(store, NOW)
    assert (doc(store).strategies, doc(store).own.score) == ({}, None)


def test_the_command_line_shows_the_scores() -> None:
    store = stage()
    sweep(store, NOW)
    built = Builder(Settings({"GCLOUD_PROJECT": "demo-watched"}), store=store)
    shown = CliRunner().invoke(app, ["scores"], obj=built, env={"COLUMNS": "200"})
    assert shown.exit_code == 0, shown.output
    assert "bad" in shown.stdout
    assert "22.5%" in shown.stdout
