"""Recorded chains as the backtest of options asks for them: what is seen when, and what the days must not hold."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from ml.backtest.recorded import Closed, Paid
from orchestrator.cli.backtest.chains import LocalHouse, RecordedChains, daily_bars, events_until, recorded_chains
from orchestrator.domain.errors import ConfigurationError, DomainError
from orchestrator.domain.market import DataRequest
from orchestrator.domain.orders import Side
from tests.venue_feed_folder import week
from venue.feed import CorporateAction
from venue.scripted import ScriptedFeed, bar, stock

FIRST, LAST = date(2026, 7, 13), date(2026, 7, 17)
CLOSE = datetime(2026, 7, 17, 19, 59, 59, tzinfo=UTC)
CALL, PUT = "SPY260724C00600000", "SPY260724P00600000"


def asked(*, least: int = 5, most: int = 10) -> DataRequest:
    return DataRequest(
        bars={1440: ("SPY",)},
        lookback_days={1440: 3},
        quotes=("SPY", CALL),
        chains=("SPY",),
        min_days_to_expiry=least,
        max_days_to_expiry=most,
    )


@pytest.fixture
def recorded(tmp_path: Path) -> RecordedChains:
    week(tmp_path)
    return recorded_chains(tmp_path, FIRST, LAST, ["SPY"])


def test_a_moment_shows_what_the_desk_would_see(recorded: RecordedChains) -> None:
    assert list(recorded.moments) == [CLOSE]
    seen = recorded.snapshot(asked(), CLOSE)
    call, put = seen.chains["SPY"].contracts
    assert (call.symbol, call.bid, call.ask, call.iv) == (CALL, Decimal("8.1"), Decimal("8.3"), 0.15)
    assert (put.symbol, put.bid, put.delta) == (PUT, None, None)
    assert (seen.session.is_open, seen.session.close) == (True, CLOSE + timedelta(seconds=1))
    assert seen.quotes[CALL].mid == Decimal("8.2")
    assert seen.panels[1440].close[:, 0].tolist() == [602, 603, 604]


def test_the_same_question_has_the_same_chain_and_another_has_another(recorded: RecordedChains) -> None:
    chain = recorded.snapshot(asked(), CLOSE).chains["SPY"]
    assert recorded.snapshot(asked(), CLOSE).chains["SPY"] is chain
    wider = recorded.snapshot(asked(most=20), CLOSE).chains["SPY"]
    assert wider is not chain
    assert wider.contracts[0] is chain.contracts[0]
    assert recorded.snapshot(asked(least=8, most=9), CLOSE).chains == {}


def test_the_close_of_each_session_is_told(recorded: RecordedChains) -> None:
    closed = recorded.events(datetime(2026, 7, 13, tzinfo=UTC), CLOSE)
    assert [event.day for event in closed if isinstance(event, Closed)] == [FIRST + timedelta(days=n) for n in range(4)]


def test_days_without_chains_are_refused(tmp_path: Path) -> None:
    week(tmp_path)
    with pytest.raises((ConfigurationError, DomainError), match="SPY"):
        recorded_chains(tmp_path, FIRST, date(2026, 7, 15), ["SPY"])


def feed_with(action: CorporateAction) -> ScriptedFeed:
    feed = ScriptedFeed(datetime(2026, 7, 16, 13, 30, tzinfo=UTC), {"SPY": stock("SPY")})
    feed.events.append((datetime(2026, 7, 17, 13, 30, tzinfo=UTC), action))
    return feed


def test_dividends_are_paid_and_splits_refused() -> None:
    until, day = datetime(2026, 7, 17, 14, 0, tzinfo=UTC), date(2026, 7, 17)
    told = list(events_until(feed_with(CorporateAction("SPY", day, cash=Decimal("1.5"))), until))
    assert Paid(until, "SPY", Decimal("1.5")) in told
    with pytest.raises(ConfigurationError, match="SPY splits on 2026-07-17"):
        list(events_until(feed_with(CorporateAction("SPY", day, ratio=Decimal(2))), until))


def test_bars_before_a_split_are_seen_as_the_desk_sees_them() -> None:
    start = datetime(2026, 7, 15, 13, 30, tzinfo=UTC)
    feed = feed_with(CorporateAction("SPY", date(2026, 7, 17), ratio=Decimal(2)))
    for day, price in ((0, "600"), (2, "300")):
        begin = start + timedelta(days=day)
        feed.play("SPY", 1440, bar(begin, begin + timedelta(hours=6.5), [price] * 4))
    feed.advance(datetime(2026, 7, 18, tzinfo=UTC))
    assert daily_bars(feed, "SPY", start).close.tolist() == [300, 300]


def test_the_house_charges_and_keeps_back_as_the_venue() -> None:
    house = LocalHouse()
    assert house.fee(CALL, Side.SELL, qty=Decimal(2), price=Decimal(8)) == Decimal("0.10")
    assert house.fee("SPY", Side.BUY, qty=Decimal(100), price=Decimal(600)) == 0
    assert house.collateral({PUT: Decimal(-1)}) == 60_000
    assert house.collateral({CALL: Decimal(-1), "SPY": Decimal(100)}) == 0
    assert house.collateral({CALL: Decimal(-1)}) is None
