"""Chains, option quotes, sessions and intraday bars of Alpaca, and what a snapshot costs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from orchestrator.domain.instruments import OptionRight
from orchestrator.domain.market import DataRequest
from tests.contract.market_stage import MarketStage, alpaca_market
from tests.contract.venue_market import CALL_640, CLOSE, EXPIRY, HOUR, OPEN
from venue.scripted import bar

D = Decimal


@pytest.fixture
def stage() -> Iterator[MarketStage]:
    with alpaca_market() as found:
        yield found


def test_a_chain_has_spot_terms_and_greeks(stage: MarketStage) -> None:
    chain = stage.data.snapshot(DataRequest(chains=("SPY",)), OPEN).chains["SPY"]
    assert (chain.spot, chain.ts) == (D(640), OPEN)
    call = next(one for one in chain.contracts if one.symbol == CALL_640)
    assert (call.expiry, call.right, call.strike) == (EXPIRY, OptionRight.CALL, D(640))
    assert (call.bid, call.ask, call.bid_size) == (D("3"), D("3.1"), D(50))
    assert (call.iv, call.delta, call.vega) == (0.15, 0.5, 0.3)


def test_strikes_far_from_spot_are_left_out(stage: MarketStage) -> None:
    chain = stage.data.snapshot(DataRequest(chains=("SPY",)), OPEN).chains["SPY"]
    assert min(one.strike for one in chain.contracts) == 625


def test_contracts_outside_the_window_of_expiries_are_left_out(stage: MarketStage) -> None:
    snapshot = stage.data.snapshot(DataRequest(chains=("SPY",), min_days_to_expiry=7), OPEN)
    assert not snapshot.chains
    assert snapshot.missing == {"SPY": "Alpaca has no option chain that can be read"}


def test_a_contract_without_iv_says_none(stage: MarketStage) -> None:
    chain = stage.feed.chains["SPY"][0]
    bare = chain.contracts[CALL_640].__class__(
        **{
            name: getattr(chain.contracts[CALL_640], name)
            for name in ("symbol", "expiry", "right", "strike", "ask", "ask_size", "last", "volume", "open_interest")
        },
        bid=None,
        bid_size=D(0),
    )
    chain.contracts[CALL_640] = bare
    told = stage.data.snapshot(DataRequest(chains=("SPY",)), OPEN).chains["SPY"]
    call = next(one for one in told.contracts if one.symbol == CALL_640)
    assert (call.bid, call.iv, call.delta) == (None, None, None)


def test_a_contract_is_quoted_by_its_symbol(stage: MarketStage) -> None:
    snapshot = stage.data.snapshot(DataRequest(quotes=(CALL_640, "SPY")), OPEN)
    assert snapshot.quotes[CALL_640].mid == D("3.05")
    assert set(snapshot.quotes) == {CALL_640, "SPY"}


def test_the_session_has_its_close_and_the_next_open(stage: MarketStage) -> None:
    session = stage.data.snapshot(DataRequest(), OPEN).session
    assert (session.is_open, session.close) == (True, CLOSE)
    assert session.next_open == OPEN + timedelta(days=1)
    stage.advance(CLOSE + HOUR)
    assert not stage.data.snapshot(DataRequest(), CLOSE + HOUR).session.is_open


def test_the_daily_bar_is_there_one_second_before_the_close(stage: MarketStage) -> None:
    end = CLOSE - timedelta(seconds=1)
    stage.feed.play("SPY", 1440, bar(OPEN, end, ["1", "2", "1", "2"]))
    stage.advance(end)
    panel = stage.data.snapshot(DataRequest(bars={1440: ("SPY",)}), end).panels[1440]
    assert panel.last_end == end
    assert panel.close[-1, 0] == 2


def test_intraday_bars_end_after_their_length_and_the_last_with_the_session(stage: MarketStage) -> None:
    feed = stage.feed
    last = CLOSE - timedelta(minutes=5)
    feed.play("SPY", 5, bar(OPEN, OPEN + timedelta(minutes=5), ["1", "2", "1", "2"]))
    feed.play("SPY", 5, bar(last, CLOSE - timedelta(seconds=1), ["1", "2", "1", "2"]))
    end = CLOSE - timedelta(seconds=1)
    stage.advance(end)
    panel = stage.data.snapshot(DataRequest(bars={5: ("SPY",)}), end).panels[5]
    assert [datetime.fromtimestamp(int(t), UTC) for t in panel.ends] == [OPEN + timedelta(minutes=5), end]


def test_a_stale_quote_keeps_its_age(stage: MarketStage) -> None:
    stage.venue.fault("stale_quote", "quotes/latest", age_seconds=3600)
    quote = stage.data.snapshot(DataRequest(quotes=("SPY",)), OPEN).quotes["SPY"]
    assert quote.ts == OPEN - HOUR


def test_quotes_that_cannot_be_had_leave_the_bars(stage: MarketStage) -> None:
    stage.venue.fault("http_5xx", "quotes/latest", times=3)
    snapshot = stage.data.snapshot(DataRequest(quotes=("SPY",), bars={1440: ("SPY",)}), OPEN)
    assert not snapshot.quotes
    assert len(snapshot.panels[1440])
    assert "503" in snapshot.missing["SPY"]


def test_one_chain_that_cannot_be_had_leaves_the_rest(stage: MarketStage) -> None:
    stage.venue.fault("http_5xx", "options/snapshots/SPY", times=3)
    snapshot = stage.data.snapshot(DataRequest(quotes=("SPY",), chains=("SPY",)), OPEN)
    assert set(snapshot.quotes) == {"SPY"}
    assert set(snapshot.missing) == {"SPY"}


def test_a_snapshot_costs_one_call_a_question_and_daily_bars_are_read_once_a_day(stage: MarketStage) -> None:
    request = DataRequest(quotes=("SPY", "XLK"), bars={1440: ("SPY", "XLK")}, chains=("SPY",))
    stage.data.snapshot(request, OPEN)
    assert stage.calls() == 5  # clock, quotes, calendar, bars, chain
    stage.data.snapshot(request, OPEN)
    assert stage.calls() == 8  # clock, quotes, chain
    assert stage.now().date() == date(2026, 7, 16)
