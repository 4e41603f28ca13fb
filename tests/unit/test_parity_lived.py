"""What the desk did by its own documents: spans of versions, where a comparison begins, what is excused and why."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from ml.parity.compare import Made
from ml.parity.limits import reigns
from ml.parity.lived import lived
from orchestrator.adapters.memory.store import MemoryDataLayer
from orchestrator.domain.base import ModuleName
from orchestrator.domain.codec import encode
from orchestrator.domain.documents import (
    CONFIG_RISK,
    BookDoc,
    CycleDoc,
    CycleStatus,
    EquityDoc,
    EquityPoint,
    EventDoc,
    EventKind,
    OpportunityTrace,
    ParametersDoc,
    RiskLimitsDoc,
    TradeDoc,
    book_path,
    cycle_path,
    equity_path,
    event_path,
    limits_version_path,
    parameters_path,
    parameters_version_path,
    trade_path,
)
from orchestrator.domain.errors import MissingDataError
from orchestrator.domain.foreign import ForeignHolding
from orchestrator.domain.positions import Trade
from orchestrator.domain.risk import RiskLimits
from orchestrator.ports import Put

STOCKS = ModuleName.STOCKS
START = datetime(2026, 7, 1, tzinfo=UTC)
FIRST, LAST = datetime(2026, 7, 10, tzinfo=UTC), datetime(2026, 7, 20, tzinfo=UTC)


def day(number: float) -> datetime:
    return START + timedelta(days=number - 1)


def parameters(version: int = 1, at: datetime = START) -> ParametersDoc:
    return ParametersDoc(module=STOCKS, version=version, values={}, activated_at=at, activated_by="test")


def a_trade(opened: float, closed: float, **more) -> Trade:
    known = {
        "id": f"t{opened}",
        "module": STOCKS,
        "strategy": "momentum",
        "symbol": "XLK",
        "qty": Decimal(10),
        "entry_px": Decimal(100),
        "exit_px": Decimal(101),
        "opened_at": day(opened),
        "closed_at": day(closed),
        "realized_pnl": Decimal(10),
        "fees": Decimal(0),
        "entry_slippage_bps": 0.0,
        "exit_reason": "target",
        "confidence": 0.5,
        "features": {"timeframe_minutes": 1440.0},
        "parameters_version": 1,
    }
    return Trade.model_validate({**known, **more})


def desk(*trades: Trade, book: BookDoc | None = None) -> MemoryDataLayer:
    store = MemoryDataLayer()
    point = EquityPoint(at=day(5), equity=Decimal(100_500), pnl={STOCKS: Decimal(500)})
    docs = {
        book_path(STOCKS): book or BookDoc(module=STOCKS, updated_at=LAST),
        parameters_path(STOCKS): parameters(),
        equity_path(START.date()): EquityDoc(month="202607", points=(point,)),
    }
    for trade in trades:
        docs[trade_path(trade.id)] = TradeDoc(
            trade=trade, module=STOCKS, strategy=trade.strategy, closed_at=trade.closed_at
        )
    store.commit([Put(path, encode(doc)) for path, doc in docs.items()])
    return store


def past(store: MemoryDataLayer, first: datetime = FIRST):
    return lived(store, STOCKS, first=first, last=LAST, now=LAST + timedelta(days=2))


def changed(store: MemoryDataLayer, at: datetime, kind: EventKind, **data) -> None:
    event = EventDoc(kind=kind, module=STOCKS, text="changed", data=data, at=at)
    store.commit([Put(event_path(f"changed-{at:%d}"), encode(event))])


def test_a_module_that_never_ran_has_no_past() -> None:
    assert past(MemoryDataLayer()) is None


def test_the_capital_is_the_equity_of_the_begin_or_what_was_there_before_anything_was_gained() -> None:
    found = past(desk())
    assert found.cash == {FIRST: 100_500.0}
    assert past(desk(), first=day(2)).cash == {day(2): 100_000.0}


def test_without_an_equity_curve_nothing_is_compared() -> None:
    store = MemoryDataLayer()
    docs = {book_path(STOCKS): BookDoc(module=STOCKS, updated_at=LAST), parameters_path(STOCKS): parameters()}
    store.commit([Put(path, encode(doc)) for path, doc in docs.items()])
    with pytest.raises(MissingDataError, match="equity curve"):
        past(store)


def test_it_begins_where_nothing_was_held() -> None:
    found = past(desk(a_trade(6, 9), a_trade(8, 12), a_trade(13, 14)))
    assert found.spans[0].begin == day(6) - timedelta(seconds=1)
    assert [one.excuse for one in found.held] == ["", "", ""]
    assert any("last held nothing" in note for note in found.notes)


def test_what_was_left_after_the_last_day_counts_as_open() -> None:
    [one] = past(desk(a_trade(12, 21.5))).held
    assert (one.made.closed_at, one.made.exit_px) == (None, None)


def test_versions_have_spans_and_what_lived_through_a_change_is_excused() -> None:
    store = desk(a_trade(11, 12), a_trade(13, 16), a_trade(17, 18, parameters_version=2))
    for path in (parameters_path(STOCKS), parameters_version_path(STOCKS, 2)):
        store.commit([Put(path, encode(parameters(2, day(15))))])
    store.commit([Put(parameters_version_path(STOCKS, 1), encode(parameters()))])
    changed(store, day(15), EventKind.PARAMETERS_ACTIVATED, version=2, champion=1)
    found = past(store)
    assert [(one.begin, one.end, one.version.version) for one in found.spans] == [
        (FIRST, day(15), 1),
        (day(15), LAST, 2),
    ]
    assert [bool(one.excuse) for one in found.held] == [False, True, False]
    assert "version 1 gave way" in found.held[1].excuse


def limited(version: int, at: datetime, daily_loss: str, **more) -> RiskLimitsDoc:
    known = {"daily_loss": Decimal(daily_loss), **more}
    return RiskLimitsDoc(limits=RiskLimits.model_validate(known), version=version, updated_at=at)


def put_limits(store: MemoryDataLayer, *versions: RiskLimitsDoc) -> None:
    kept = [Put(limits_version_path(one.version), encode(one)) for one in versions]
    store.commit([*kept, Put(CONFIG_RISK, encode(versions[-1]))])


def test_limits_have_spans_too_and_are_those_of_their_time() -> None:
    store = desk(a_trade(11, 12), a_trade(13, 16), a_trade(17, 18))
    put_limits(store, limited(0, START, "0.03"), limited(1, day(15), "0.02"), limited(2, LAST + timedelta(1), "0.01"))
    found = past(store)
    assert [(one.begin, one.end, str(one.limits.daily_loss)) for one in found.spans] == [
        (FIRST, day(15), "0.03"),
        (day(15), LAST, "0.02"),
    ]
    assert [one.excuse for one in found.held] == ["", "held while the limits changed on 2026-07-15", ""]
    assert any("the limits changed on 2026-07-15 00:00; the backtest begins anew there" in one for one in found.notes)


def test_a_limit_that_the_backtest_does_not_have_cuts_nothing() -> None:
    store = desk(a_trade(13, 16))
    put_limits(store, limited(0, START, "0.03"), limited(1, day(15), "0.03", sector_concentration=Decimal("0.1")))
    found = past(store)
    assert [(one.begin, one.end) for one in found.spans] == [(FIRST, LAST)]
    assert found.held[0].excuse == ""


def test_of_options_every_change_of_limits_counts() -> None:
    store = desk()
    put_limits(store, limited(0, START, "0.03"), limited(1, day(15), "0.03", sector_concentration=Decimal("0.1")))
    stored = store.get_many([CONFIG_RISK])[CONFIG_RISK]
    counts = [len(reigns(store, stored, FIRST, module)) for module in (STOCKS, ModuleName.OPTIONS)]
    assert counts == [1, 2]


def test_limits_that_nobody_kept_are_named_and_the_oldest_known_ones_stand_for_them() -> None:
    store = desk()
    put_limits(store, limited(4, day(15), "0.02"))
    found = past(store)
    assert [str(one.limits.daily_loss) for one in found.spans] == ["0.02"]
    assert "stocks: the limits before 2026-07-15 are not kept; those of that day stand for them" in found.notes


def test_after_a_roll_back_the_version_before_trades_again() -> None:
    store = desk()
    store.commit([Put(parameters_path(STOCKS), encode(parameters(1, day(15))))])
    store.commit([Put(parameters_version_path(STOCKS, 2), encode(parameters(2, day(3))))])
    changed(store, day(15), EventKind.PARAMETERS_ROLLED_BACK, version=2, champion=1)
    assert [one.version.version for one in past(store).spans] == [2, 1]


def test_nothing_is_compared_before_there_were_parameters() -> None:
    store = desk()
    store.commit([Put(parameters_path(STOCKS), encode(parameters(1, day(12))))])
    found = past(store)
    assert found.spans[0].begin == day(12)
    assert any("nothing traded before" in note for note in found.notes)


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"strategy": "adopted"}, "taken over from the account"),
        ({"exit_reason": "owner: flatten"}, "another word than its strategy's: owner: flatten"),
        ({"exit_reason": "reduction: gross"}, "another word than its strategy's"),
        ({"parameters_version": 7}, "decided by version 7, on trial"),
        ({"exit_reason": "protective stop"}, ""),
        ({"exit_reason": "signal: trend"}, ""),
    ],
)
def test_what_no_backtest_can_know_is_excused(more, why) -> None:
    [one] = past(desk(a_trade(12, 14, **more))).held
    assert why in one.excuse
    assert bool(one.excuse) is bool(why)


def traced(store: MemoryDataLayer, at: datetime, **more) -> None:
    known = {
        "strategy": "momentum",
        "symbol": "XLK",
        "purpose": "entry",
        "side": "buy",
        "confidence": 0.5,
        "reason": "up",
        "features": {},
    }
    trace = OpportunityTrace.model_validate({**known, **more})
    doc = CycleDoc(
        module=STOCKS, slot=at, status=CycleStatus.DECIDED, opportunities=(trace,), expire_at=at + timedelta(days=60)
    )
    store.commit([Put(cycle_path(STOCKS, f"{at:%Y%m%dT%H%M%SZ}"), encode(doc))])


def test_a_limit_that_modules_share_excuses_the_size() -> None:
    store = desk(a_trade(12, 14))
    traced(store, day(12), verdict="resized", binding_cap="sector_concentration", client_order_id="t12")
    assert "sized down by sector_concentration" in past(store).held[0].excuse
    traced(store, day(12), verdict="resized", binding_cap="module_allocation", client_order_id="t12")
    assert past(store).held[0].excuse == ""


def test_a_refusal_of_the_desk_alone_is_the_reason_why_only_the_backtest_entered() -> None:
    store = desk()
    traced(store, day(12), verdict="denied", code="DESK_REDUCING")
    made, within = Made("momentum", "XLK", 10.0, day(12.1), 100.0), timedelta(hours=12)
    assert past(store).refused(made, within) == "refused at the desk: DESK_REDUCING"
    assert past(store).refused(Made("momentum", "XLF", 10.0, day(12.1), 100.0), within) == ""
    traced(store, day(12), verdict="denied", code="MODULE_ALLOCATION_ABOVE_MAX")
    assert past(store).refused(made, within) == ""


def test_of_options_the_limits_of_contracts_are_the_modules_own() -> None:
    store = desk()
    traced(store, day(12), verdict="denied", code="VEGA_ABOVE_MAX")
    made, within = Made("momentum", "XLK", 10.0, day(12.1), 100.0), timedelta(hours=12)
    stocks = past(store)
    assert stocks.refused(made, within) == "refused at the desk: VEGA_ABOVE_MAX"
    assert replace(stocks, module=ModuleName.OPTIONS).refused(made, within) == ""


def test_what_is_foreign_is_named() -> None:
    holding = ForeignHolding(qty=Decimal(5), first_seen=START, how="fill")
    book = BookDoc(module=STOCKS, foreign={"GME": holding}, updated_at=LAST)
    assert "stocks: 5 GME in the account are not the desk's and are not compared" in past(desk(book=book)).notes
