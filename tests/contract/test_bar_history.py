"""Bars of the past through the unmodified clients against the local venue: whole, in order, page by page."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from orchestrator.adapters.alpaca.client import AlpacaKeys
from orchestrator.adapters.alpaca.history import AlpacaHistory
from orchestrator.adapters.ccxt.client import binance_client, kraken_client
from orchestrator.adapters.ccxt.history import CcxtHistory, any_exchange
from orchestrator.adapters.pace import Pace
from orchestrator.domain.errors import (
    BrokerError,
    BrokerUnavailableError,
    ConfigurationError,
    MissingDataError,
    RateLimitedError,
)
from orchestrator.ports import BarHistory
from tests.contract.broker_stage import closed_port
from tests.contract.venue_market import OPEN, Venue, market, open_venue
from venue.scripted import bar

MIDNIGHT = OPEN.replace(hour=0, minute=0)
HOURS = 2500


@pytest.fixture(scope="module")
def venue() -> Iterator[Venue]:
    feed = market()
    for hour in range(HOURS, 0, -1):
        start = MIDNIGHT - timedelta(hours=hour)
        price = str(60_000 + hour)
        feed.play("BTC/USD", 60, bar(start, start + timedelta(hours=1), [price] * 4, str(hour)))
    with open_venue(feed) as found:
        yield found


def alpaca(url: str) -> AlpacaHistory:
    return AlpacaHistory(AlpacaKeys("key", "secret", base_url=url, data_url=url), sleep=lambda _: None)


def coins(url: str, name: str = "binance") -> CcxtHistory:
    make = {"binance": binance_client, "kraken": kraken_client}[name]
    return CcxtHistory(make(base_url=url, sleep=lambda _: None), now=lambda: OPEN, sleep=lambda _: None)


def closed(history: BarHistory) -> BarHistory:
    history.close()  # type: ignore[attr-defined]
    return history


def test_daily_bars_of_a_stock_end_just_before_the_close(venue: Venue) -> None:
    history = alpaca(venue.url)
    bars = history.bars("SPY", 1440, MIDNIGHT - timedelta(days=14), MIDNIGHT)
    closed(history)
    assert len(bars) >= 7
    assert (np.diff(bars.ends) > 0).all()
    assert datetime.fromtimestamp(int(bars.ends[-1]), UTC) == datetime(2026, 7, 15, 19, 59, 59, tzinfo=UTC)


def test_bars_that_end_at_the_start_are_left_out_and_those_at_the_end_are_not(venue: Venue) -> None:
    history = coins(venue.url)
    start = MIDNIGHT - timedelta(hours=5)
    bars = history.bars("BTC/USD", 60, start, MIDNIGHT)
    closed(history)
    assert list(bars.ends - int(start.timestamp())) == [3600 * n for n in range(1, 6)]
    assert list(bars.volume) == [5, 4, 3, 2, 1]


def test_more_candles_than_a_page_holds_come_page_by_page(venue: Venue) -> None:
    history = coins(venue.url)
    bars = history.bars("BTC/USD", 60, MIDNIGHT - timedelta(hours=HOURS), MIDNIGHT)
    closed(history)
    assert len(bars) == HOURS
    assert (np.diff(bars.ends) == 3600).all()


def test_two_halves_are_the_whole(venue: Venue) -> None:
    history = coins(venue.url)
    first, middle = MIDNIGHT - timedelta(hours=100), MIDNIGHT - timedelta(hours=37)
    halves = [history.bars("BTC/USD", 60, a, b).ends for a, b in ((first, middle), (middle, MIDNIGHT))]
    whole = history.bars("BTC/USD", 60, first, MIDNIGHT)
    closed(history)
    assert np.array_equal(np.concatenate(halves), whole.ends)


def test_no_bars_where_the_venue_has_none(venue: Venue) -> None:
    for history, symbol in ((alpaca(venue.url), "SPY"), (coins(venue.url), "BTC/USD")):
        long_ago = datetime(2020, 1, 1, tzinfo=UTC)
        assert len(history.bars(symbol, 1440, long_ago, long_ago + timedelta(days=31))) == 0
        closed(history)


def test_an_exchange_that_tells_its_newest_candles_only_says_so_and_never_gives_part(venue: Venue) -> None:
    history = coins(venue.url, "kraken")
    with pytest.raises(MissingDataError, match="kraken tells its newest 720 candles only"):
        history.bars("BTC/USD", 60, OPEN - timedelta(hours=721), OPEN)
    bars = history.bars("BTC/USD", 60, OPEN - timedelta(hours=700), OPEN)
    closed(history)
    assert len(bars) == 700 - 13


def test_what_is_not_listed_and_lengths_that_are_not_offered_are_named(venue: Venue) -> None:
    history = coins(venue.url)
    with pytest.raises(BrokerError, match="does not list NOPE"):
        history.bars("NOPE/USD", 60, MIDNIGHT, OPEN)
    with pytest.raises(BrokerError, match="no candles of 7m"):
        history.bars("BTC/USD", 7, MIDNIGHT, OPEN)
    closed(history)


def test_a_venue_out_of_reach_is_an_error_of_the_desk() -> None:
    url = f"http://127.0.0.1:{closed_port()}"
    for history, symbol in ((alpaca(url), "SPY"), (coins(url), "BTC/USD")):
        with pytest.raises(BrokerUnavailableError):
            history.bars(symbol, 1440, MIDNIGHT, OPEN)
        closed(history)


def test_a_long_wait_that_a_venue_asks_for_is_told_not_slept(venue: Venue) -> None:
    history = alpaca(venue.url)
    venue.fault("http_429", "/v2/stocks/bars", retry_after=30)
    with pytest.raises(RateLimitedError) as told:
        history.bars("SPY", 1440, MIDNIGHT - timedelta(days=3), MIDNIGHT)
    closed(history)
    assert told.value.retry_after_s == 30


def test_any_exchange_that_ccxt_knows_can_be_asked_and_others_are_named() -> None:
    client = any_exchange("coinbase", "USD")
    assert (client.name, client.profile.quote) == ("coinbase", "USD")
    client.close()
    with pytest.raises(ConfigurationError, match="moonbase is no exchange"):
        any_exchange("moonbase", "USD")


def test_requests_are_kept_apart_by_half_of_the_rate() -> None:
    waits: list[float] = []
    now = [100.0]

    def sleep(seconds: float) -> None:
        waits.append(round(seconds, 6))
        now[0] += seconds

    pace = Pace(60, sleep=sleep, monotonic=lambda: now[0])
    for _ in range(3):
        pace.wait()
    now[0] += 100
    pace.wait()
    assert waits == [2.0, 2.0]
