"""Quotes and candles of crypto pairs: whose data it is, how old it is, and what a snapshot costs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import numpy as np
import pytest

from orchestrator.domain.market import DataRequest
from tests.contract.market_stage import MarketStage, crypto_market
from tests.contract.venue_market import HOUR, OPEN
from venue.scripted import bar


@pytest.fixture
def stage() -> Iterator[MarketStage]:
    with crypto_market() as found:
        yield found


def test_a_stale_book_keeps_its_age(stage: MarketStage) -> None:
    stage.venue.fault("stale_quote", "public/Depth", age_seconds=7200)
    quote = stage.data.snapshot(DataRequest(quotes=("BTC/USD",)), OPEN).quotes["BTC/USD"]
    assert quote.ts == OPEN - 3 * HOUR


def test_what_kraken_cannot_deliver_comes_from_binance_and_says_so(stage: MarketStage) -> None:
    stage.venue.fault("http_5xx", "public/(OHLC|Depth)", times=6)
    snapshot = stage.data.snapshot(DataRequest(quotes=("BTC/USD",), bars={1440: ("BTC/USD",)}), OPEN)
    assert snapshot.quotes["BTC/USD"].two_sided
    assert len(snapshot.panels[1440])
    assert snapshot.source == {"BTC/USD": "binance: USDT stands for USD"}
    assert snapshot.pegged == {"BTC/USD": "USDT"}
    assert snapshot.pegs == {}, "the venue does not trade the stablecoin: nobody tells its worth"
    assert not snapshot.missing


def test_prices_of_the_venue_itself_rest_on_no_stablecoin(stage: MarketStage) -> None:
    assert stage.data.snapshot(DataRequest(quotes=("BTC/USD",)), OPEN).pegged == {}


def test_kept_candles_still_say_whose_they_are(stage: MarketStage) -> None:
    stage.venue.fault("http_5xx", "public/OHLC", times=3)
    request = DataRequest(bars={1440: ("BTC/USD",)})
    stage.data.snapshot(request, OPEN)
    assert stage.data.snapshot(request, OPEN).source == {"BTC/USD": "binance: USDT stands for USD"}


def test_what_neither_has_is_missing_with_both_reasons(stage: MarketStage) -> None:
    snapshot = stage.data.snapshot(DataRequest(quotes=("BTC/USD", "DOGE/USD")), OPEN)
    assert "kraken does not list DOGE/USD" in snapshot.missing["DOGE/USD"]
    assert "binance does not list DOGE/USDT" in snapshot.missing["DOGE/USD"]


def test_a_length_of_candles_nobody_has_is_missing(stage: MarketStage) -> None:
    snapshot = stage.data.snapshot(DataRequest(quotes=("BTC/USD",), bars={7: ("BTC/USD",)}), OPEN)
    assert "no candles of 7 minutes" in snapshot.missing["BTC/USD"]


def test_a_chain_of_crypto_is_missing(stage: MarketStage) -> None:
    assert "BTC/USD" in stage.data.snapshot(DataRequest(chains=("BTC/USD",)), OPEN).missing


def test_the_market_never_closes(stage: MarketStage) -> None:
    session = stage.data.snapshot(DataRequest(), OPEN).session
    assert session.is_open
    assert session.close is None


def halt(stage: MarketStage, symbol: str, *, halted: bool = True) -> None:
    stage.venue.http.post("/venue/halts", json={"symbol": symbol, "halted": halted}).raise_for_status()


def test_a_pair_that_the_venue_halts_is_told_within_five_minutes(stage: MarketStage) -> None:
    request = DataRequest(quotes=("BTC/USD", "ETH/USD"))
    assert stage.data.snapshot(request, OPEN).halted == frozenset()
    halt(stage, "BTC/USD")
    assert stage.data.snapshot(request, OPEN + timedelta(minutes=5)).halted == {"BTC/USD"}
    halt(stage, "BTC/USD", halted=False)
    assert stage.data.snapshot(request, OPEN + timedelta(minutes=10)).halted == frozenset()


def test_a_pair_halted_at_the_start_is_told_without_another_call(stage: MarketStage) -> None:
    halt(stage, "BTC/USD")
    assert stage.data.snapshot(DataRequest(quotes=("BTC/USD",)), OPEN).halted == {"BTC/USD"}


def test_a_pair_that_was_not_asked_for_before_is_asked_for(stage: MarketStage) -> None:
    one, both = DataRequest(quotes=("BTC/USD",)), DataRequest(quotes=("BTC/USD", "ETH/USD"))
    stage.data.snapshot(one, OPEN)
    stage.data.snapshot(one, OPEN + timedelta(minutes=6))
    assert stage.data.snapshot(both, OPEN + timedelta(minutes=7)).halted == frozenset()


def test_pairs_whose_state_cannot_be_had_count_as_halted_until_it_can(stage: MarketStage) -> None:
    request = DataRequest(quotes=("BTC/USD",))
    stage.data.snapshot(request, OPEN)
    stage.venue.fault("http_5xx", "public/AssetPairs", times=3)
    assert stage.data.snapshot(request, OPEN + timedelta(minutes=6)).halted == {"BTC/USD"}
    assert stage.data.snapshot(request, OPEN + timedelta(minutes=7)).halted == frozenset()


def test_a_snapshot_costs_a_call_a_quote_and_candles_are_read_once_a_candle(stage: MarketStage) -> None:
    request = DataRequest(quotes=("BTC/USD", "ETH/USD"), bars={1440: ("BTC/USD", "ETH/USD")})
    stage.data.snapshot(request, OPEN)
    assert stage.calls() == 6  # two lists of markets once, two books, two series
    stage.data.snapshot(request, OPEN + timedelta(minutes=1))
    assert stage.calls() == 8  # two books


def hourly(stage: MarketStage, hours: int) -> None:
    for hour in range(hours, 0, -1):
        start = OPEN.replace(minute=0) - timedelta(hours=hour)
        stage.feed.play("BTC/USD", 60, bar(start, start + HOUR, [str(60_000 + hour)] * 4, str(hour)))


def hours_of(stage: MarketStage, days: int) -> int:
    request = DataRequest(bars={60: ("BTC/USD",)}, lookback_days={60: days})
    return len(stage.data.snapshot(request, OPEN).panels[60])


def test_candles_older_than_the_venue_tells_come_from_the_one_that_stands_in(stage: MarketStage) -> None:
    hourly(stage, 2500)
    request = DataRequest(bars={60: ("BTC/USD",)}, lookback_days={60: 100})
    panel = stage.data.snapshot(request, OPEN).panels[60]
    assert len(panel) == 2400
    assert (np.diff(panel.ends) == 3600).all()
    assert list(panel.close[[0, -1], 0]) == [62_400, 60_001]


def test_a_cycle_asks_nobody_for_candles_that_the_venue_has(stage: MarketStage) -> None:
    hourly(stage, 2500)
    before = stage.calls()
    assert hours_of(stage, 29) == 29 * 24 - 1
    assert stage.calls() - before == 3, "two lists of markets as ever, one series"


def test_older_candles_that_do_not_agree_where_they_meet_are_left_out(stage: MarketStage, monkeypatch) -> None:
    hourly(stage, 1000)
    monkeypatch.setattr("orchestrator.adapters.ccxt.market._APART", -1.0)
    assert hours_of(stage, 40) == 719


def test_without_the_one_that_stands_in_there_are_the_newest_candles_alone(stage: MarketStage) -> None:
    hourly(stage, 1000)
    stage.venue.fault("http_5xx", "klines", times=9)
    assert hours_of(stage, 40) == 719
