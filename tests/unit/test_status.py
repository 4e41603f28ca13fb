"""The read model: one read, one summary, one text of metrics, whoever asks."""

import re
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from orchestrator.adapters.memory.store import MemoryDataLayer
from orchestrator.domain.base import ModuleName
from orchestrator.domain.codec import encode
from orchestrator.domain.documents import CONFIG_RISK, CycleStatus, CycleSummary, MarketDoc, SummaryDoc
from orchestrator.domain.errors import ConfigurationError
from orchestrator.domain.foreign import DriftTold, ForeignHolding, ForeignOrder, How
from orchestrator.domain.ledger import post_fill
from orchestrator.domain.paths import CONFIG_MARKET
from orchestrator.ports import Put
from orchestrator.status import equity_point, load, metrics, same_facts, summarize
from tests.watched_desk import NOW, filled, new_desk, put_book, working


@pytest.fixture
def store() -> MemoryDataLayer:
    desk = new_desk()
    assert isinstance(desk, MemoryDataLayer)
    return desk


def holding(store: MemoryDataLayer, **more: object) -> None:
    """The stocks' book after buying 10 XLK at 100 with a fee of 1."""
    order = working()[-1]
    put_book(store, ModuleName.STOCKS, equity=80_000, orders={order.id: order})
    book = load(store).books[ModuleName.STOCKS]
    for fill in filled()[-1].fills:
        book = post_fill(book, book.orders[order.id], fill.model_copy(update={"fee": Decimal("0.5")}), NOW).book
    (position,) = book.positions.values()
    marked = position.model_copy(update={"legs": (position.legs[0].model_copy(update={"mark_px": Decimal(103)}),)})
    update = {"positions": {position.id: marked}, **more}
    store.commit([Put("books/stocks", encode(book.model_copy(update=update)))])


def test_the_first_screen_adds_up_what_books_and_venues_differ_by() -> None:
    store = new_desk()
    put_book(store, ModuleName.STOCKS, equity=80_000, drift_usd=Decimal("12.50"))
    put_book(store, ModuleName.CRYPTO, equity=20_000, drift_usd=Decimal(3))
    summary = summarize(load(store), NOW)
    assert summary.drift_usd == Decimal("15.50")
    assert summary.modules[ModuleName.CRYPTO].drift_usd == 3


def test_a_desk_is_one_round_trip(store: MemoryDataLayer) -> None:
    before = store.usage.round_trips
    load(store)
    assert store.usage.round_trips == before + 1


def test_what_a_module_holds_is_shown(store: MemoryDataLayer) -> None:
    holding(store)
    share = summarize(load(store), NOW).modules[ModuleName.STOCKS]
    assert (share.unrealized_pnl, share.fees, share.exposure) == (Decimal(30), Decimal(1), Decimal(1_030))
    assert (share.open_positions, share.allocation_limit) == (1, Decimal(50_000))
    assert share.healthy


def test_the_curve_counts_fees_and_income(store: MemoryDataLayer) -> None:
    holding(store, income=Decimal(4), realized_pnl=Decimal(10))
    assert equity_point(load(store), NOW).pnl[ModuleName.STOCKS] == Decimal(30 + 4 + 10 - 1)


def test_the_account_two_modules_share_counts_once(store: MemoryDataLayer) -> None:
    put_book(store, ModuleName.OPTIONS, equity=81_000, now=NOW + timedelta(minutes=5))
    assert summarize(load(store), NOW + timedelta(minutes=6)).equity == Decimal(101_000)


def test_a_venue_seen_for_the_first_time_is_capital_and_no_profit() -> None:
    store = MemoryDataLayer()
    new_desk(store)
    from orchestrator.domain.documents import DESK_EXPOSURE, ExposureDoc

    store.commit([Put(DESK_EXPOSURE, encode(ExposureDoc(updated_at=NOW)))])
    summary = summarize(load(store), NOW)
    assert (summary.equity, summary.peak_equity, summary.day_pnl) == (Decimal(100_000), Decimal(100_000), Decimal(0))


def test_yesterdays_profit_is_not_todays(store: MemoryDataLayer) -> None:
    given: dict[str, Any] = {"realized_pnl": Decimal(50), "realized_today": Decimal(50), "realized_day": NOW.date()}
    put_book(store, ModuleName.STOCKS, equity=80_000, **given)
    assert summarize(load(store), NOW).modules[ModuleName.STOCKS].realized_today == Decimal(50)
    tomorrow = summarize(load(store), NOW + timedelta(days=1)).modules[ModuleName.STOCKS]
    assert (tomorrow.realized_today, tomorrow.realized_pnl) == (Decimal(0), Decimal(50))


@pytest.mark.parametrize(
    ("given", "healthy"),
    [
        ({}, True),
        ({"drift": {"XLK": Decimal(1)}}, True),
        ({"drift_told": {"XLK": DriftTold(day=NOW.date(), gap=Decimal(1))}}, False),
        ({"quarantine": {"XLK": "split"}}, False),
        ({"naked": {"p1": 1, "p2": 0}}, True),
        ({"naked": {"p1": 2}}, False),
        ({"foreign_orders": {"b1": ForeignOrder(seen_at=NOW)}}, True),
        ({"last_cycle": CycleSummary(slot=NOW, status=CycleStatus.FAILED, note="broken")}, False),
        ({"last_cycle": CycleSummary(slot=NOW, status=CycleStatus.VENUE_DOWN)}, False),
        ({"last_cycle": CycleSummary(slot=NOW, status=CycleStatus.TRADED)}, True),
    ],
)
def test_health_is_agreement_and_a_good_last_cycle(
    store: MemoryDataLayer, given: dict[str, Any], healthy: bool
) -> None:
    put_book(store, ModuleName.STOCKS, equity=80_000, **given)
    assert summarize(load(store), NOW).modules[ModuleName.STOCKS].healthy is healthy


def test_what_is_in_doubt_is_counted(store: MemoryDataLayer) -> None:
    put_book(
        store,
        ModuleName.STOCKS,
        equity=80_000,
        naked={"p1": 2, "p2": 1},
        quarantine={"XLK": "split"},
        foreign={"TSLA": ForeignHolding(qty=Decimal(1), first_seen=NOW, how=How.FILL)},
        foreign_orders={"b1": ForeignOrder(seen_at=NOW)},
    )
    share = summarize(load(store), NOW).modules[ModuleName.STOCKS]
    assert (share.naked, share.quarantined, share.foreign) == (1, 1, 2)


def test_a_synthetic_market_says_so(store: MemoryDataLayer) -> None:
    store.commit([Put(CONFIG_MARKET, encode(MarketDoc(name="seed 7", synthetic=True)))])
    summary = summarize(load(store), NOW)
    assert (summary.market, summary.synthetic) == ("seed 7", True)


def test_a_module_that_never_ran_is_left_out() -> None:
    store = MemoryDataLayer()
    from orchestrator.seed import seed

    seed(store, {}, now=NOW)
    assert summarize(load(store), NOW).modules == {}


def test_shared_documents_must_be_there_and_sound(store: MemoryDataLayer) -> None:
    with pytest.raises(ConfigurationError, match="desk/state is missing"):
        load(MemoryDataLayer())
    store.commit([Put(CONFIG_RISK, {"schema": 1, "limits": {"daily_loss": "7"}, "updated_at": NOW})])
    with pytest.raises(ConfigurationError, match=r"config/risk: daily_loss: .* no earlier good limits"):
        load(store)


def test_only_the_time_is_no_new_fact(store: MemoryDataLayer) -> None:
    first, second = summarize(load(store), NOW), summarize(load(store), NOW + timedelta(minutes=1))
    assert first != second
    assert same_facts(first, second)
    assert not same_facts(None, first)
    assert not same_facts(first, first.model_copy(update={"equity": Decimal(1)}))


_LINE = re.compile(r'^[a-z_]+(\{(module|state)="\w+"\})? -?\d+(\.\d+)?$')


def test_metrics_are_prometheus_text(store: MemoryDataLayer) -> None:
    holding(store)
    text = metrics(summarize(load(store), NOW))
    assert text.endswith("\n")
    lines = text.splitlines()
    samples = [line for line in lines if not line.startswith("#")]
    assert all(_LINE.match(line) for line in samples), [line for line in samples if not _LINE.match(line)]
    named = {line.split("{")[0].split(" ")[0] for line in samples}
    assert {line.split(" ")[2] for line in lines if line.startswith("# TYPE")} == named
    assert "firedesk_equity 100000.00" in lines
    assert 'firedesk_state{state="ACTIVE"} 1' in lines
    assert 'firedesk_state{state="HALTED"} 0' in lines
    assert 'firedesk_module_unrealized_pnl{module="stocks"} 30.00' in lines
    assert f'firedesk_module_last_slot{{module="crypto"}} {NOW.timestamp():.0f}' in lines


def test_an_empty_summary_has_metrics_too() -> None:
    from orchestrator.domain.risk import DeskState

    empty = SummaryDoc(equity=Decimal(0), peak_equity=Decimal(0), state=DeskState.HALTED, updated_at=NOW)
    assert "firedesk_equity 0\n" in metrics(empty)
