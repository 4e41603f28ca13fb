"""Binance's public REST through ccxt's own class."""

from __future__ import annotations

from collections.abc import Iterator

import ccxt
import pytest

from tests.contract.venue_market import OPEN, Venue, open_venue


@pytest.fixture(scope="module")
def venue() -> Iterator[Venue]:
    with open_venue() as found:
        yield found


def test_markets_are_the_feeds_pairs_in_usdt(venue: Venue) -> None:
    markets = venue.binance.load_markets()
    assert sorted(markets) == ["BTC/USDT", "ETH/USDT", "SOL/USDT"]
    assert markets["BTC/USDT"]["precision"]["price"] == 0.1


def test_candles_tickers_and_book(venue: Venue) -> None:
    candles = venue.binance.fetch_ohlcv("BTC/USDT", "1d")
    assert len(candles) == 10
    assert candles[-1][1:] == [59000.0, 61000.0, 58000.0, 60000.0, 123.5]
    assert [row[0] for row in venue.binance.fetch_ohlcv("BTC/USDT", "1d", candles[2][0], 2)] == [
        candles[2][0],
        candles[3][0],
    ]
    ticker = venue.binance.fetch_ticker("BTC/USDT")
    assert (ticker["bid"], ticker["ask"], ticker["last"]) == (60000.0, 60010.0, 60005.0)
    assert sorted(venue.binance.fetch_tickers(["BTC/USDT", "ETH/USDT"])) == ["BTC/USDT", "ETH/USDT"]
    assert venue.binance.fetch_bids_asks(["SOL/USDT"])["SOL/USDT"]["ask"] == 160.0
    assert venue.binance.fetch_order_book("ETH/USDT")["bids"] == [[3000.0, 5.0]]
    assert venue.binance.fetch_last_prices(["BTC/USDT"])["BTC/USDT"]["price"] == 60005.0


def test_time_is_the_venues(venue: Venue) -> None:
    assert venue.binance.fetch_time() == int(OPEN.timestamp() * 1000)


def test_unknown_symbol_is_refused_in_binances_words(venue: Venue) -> None:
    venue.binance.load_markets()
    with pytest.raises(ccxt.BadSymbol):
        venue.binance.public_get_ticker_price({"symbol": "NOPE"})
