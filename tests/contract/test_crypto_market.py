"""Quotes and candles of crypto pairs: whose data it is, how old it is, and what a snapshot costs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from orchestrator.domain.market import DataRequest
from tests.contract.market_stage import MarketStage, crypto_market
from tests.contract.venue_market import HOUR, OPEN


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
