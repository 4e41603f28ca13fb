"""Stocks on bars of five minutes: recorded sessions through the desk, then beside their backtest."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from ml.parity.report import compared
from orchestrator.cli.parity.recorded import window_of
from orchestrator.cli.replay.driver import drive
from orchestrator.cli.replay.stacks import Window, memory_stack
from orchestrator.domain.base import ModuleName
from orchestrator.domain.codec import decode, encode
from orchestrator.domain.documents import (
    MarketDoc,
    ParametersDoc,
    ParityDoc,
    parameters_path,
    parameters_version_path,
)
from orchestrator.domain.paths import CONFIG_MARKET
from orchestrator.ports import Put, Store

STOCKS = ModuleName.STOCKS
FIRST, LAST = date(2026, 7, 20), date(2026, 7, 22)
EAGER = {"min_rise": 0.0, "min_confidence": 0.5, "lookback": 5}
"""Momentum that finds something in five minutes; as shipped it asks for a rise of a hundredth."""


def trade_on(store: Store, minutes: int) -> None:
    path = parameters_path(STOCKS)
    doc = decode(ParametersDoc, dict(store.get_many([path])[path].data), where=path)
    momentum = {**doc.values["momentum"], **EAGER}
    values = {**doc.values, "timeframe": minutes, "fallback_timeframe": minutes, "momentum": momentum}
    changed = encode(doc.model_copy(update={"values": values}))
    store.commit([Put(one, changed) for one in (path, parameters_version_path(STOCKS, 1))])


@pytest.fixture(scope="module")
def lived(data_root) -> dict[str, ParityDoc]:
    """The comparison as on the local market, and as at a real venue, which fills at the next open."""
    window: Window = window_of(data_root, FIRST, LAST, "stocks=SPY", STOCKS)
    with memory_stack(window) as stack:
        trade_on(stack.store, 5)
        drive(stack, lambda *_: None)
        now = stack.builder.clock().now() + timedelta(days=1)
        [subject] = [
            one for one in stack.builder.parity_subjects(now=now, ask_venues=True) if one.tunable.module is STOCKS
        ]
        found = {"local": compared(stack.store, [subject], first=FIRST, last=LAST, now=now)}
        stack.store.commit([Put(CONFIG_MARKET, encode(MarketDoc()))])
        found["real"] = compared(stack.store, [subject], first=FIRST, last=LAST, now=now)
        return found


@pytest.mark.parametrize(("market", "bps"), [("local", 3.0), ("real", 2.0)])
def test_positions_on_five_minutes_are_compared_and_agree(lived, market, bps) -> None:
    doc = lived[market]
    assert set(doc.counts) == {"matched"}
    assert doc.counts["matched"] >= 6
    assert doc.gap_bps_max < bps


def test_both_leave_before_the_close(lived) -> None:
    leaving = datetime(2026, 7, 21, 19, 50, tzinfo=UTC)
    [one] = [one for one in lived["local"].trades if one.live.closed_at == leaving]
    assert one.backtest.closed_at == leaving
    zone = ZoneInfo("America/New_York")
    for trade in lived["local"].trades:
        for side in (trade.live, trade.backtest):
            if side.closed_at is not None:
                assert side.opened_at.astimezone(zone).date() == side.closed_at.astimezone(zone).date()
