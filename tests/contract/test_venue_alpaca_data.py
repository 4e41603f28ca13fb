"""The market data APIs through alpaca-py's own data clients."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from alpaca.common.enums import Sort
from alpaca.common.exceptions import APIError
from alpaca.data.requests import (
    OptionChainRequest,
    OptionLatestQuoteRequest,
    OptionLatestTradeRequest,
    OptionSnapshotRequest,
    StockBarsRequest,
    StockLatestBarRequest,
    StockLatestQuoteRequest,
    StockLatestTradeRequest,
    StockSnapshotRequest,
)
from alpaca.data.timeframe import TimeFrame, TimeFrameUnit

from tests.contract.venue_market import CALL_640, EXPIRY, OPEN, PUT_630, Venue, open_venue


@pytest.fixture(scope="module")
def venue() -> Iterator[Venue]:
    with open_venue() as found:
        yield found


def test_daily_bars_carry_midnight_new_york_and_page_over_symbols(venue: Venue) -> None:
    request = StockBarsRequest(
        symbol_or_symbols=["SPY", "XLK"], timeframe=TimeFrame.Day, start=datetime(2026, 7, 1, tzinfo=UTC)
    )
    bars = venue.stocks.get_stock_bars(request)
    assert {symbol: len(found) for symbol, found in bars.data.items()} == {"SPY": 8, "XLK": 8}
    first = bars["SPY"][0]
    assert first.timestamp == datetime(2026, 7, 6, 4, tzinfo=UTC)
    assert (first.open, first.high, first.low, first.close, first.volume) == (630.0, 641.0, 629.0, 640.0, 100000.0)
    raw = {"symbols": "SPY,XLK", "timeframe": "1Day", "start": "2026-07-01", "limit": 5}
    seen = []
    while True:
        page = venue.stocks.get("/stocks/bars", raw)
        seen += [(symbol, bar["t"]) for symbol, found in page["bars"].items() for bar in found]
        if page["next_page_token"] is None:
            break
        raw["page_token"] = page["next_page_token"]
    assert len(seen) == len(set(seen)) == 16


def test_bars_are_cut_by_time_limit_and_direction(venue: Venue) -> None:
    request = StockBarsRequest(
        symbol_or_symbols="SPY",
        timeframe=TimeFrame(1, TimeFrameUnit.Day),
        start=datetime(2026, 7, 7, tzinfo=UTC),
        end=datetime(2026, 7, 9, 4, tzinfo=UTC),
        sort=Sort.DESC,
        limit=2,
    )
    days = [bar.timestamp.day for bar in venue.stocks.get_stock_bars(request)["SPY"]]
    assert days == [9, 8]


def test_a_bar_that_is_not_finished_is_not_shown(venue: Venue) -> None:
    request = StockBarsRequest(symbol_or_symbols="SPY", timeframe=TimeFrame.Day, start=OPEN - timedelta(hours=36))
    assert [bar.timestamp.day for bar in venue.stocks.get_stock_bars(request)["SPY"]] == [15]


def test_latest_quote_trade_bar_and_snapshot_of_stocks(venue: Venue) -> None:
    quotes = venue.stocks.get_stock_latest_quote(StockLatestQuoteRequest(symbol_or_symbols=["SPY", "XLK", "NOPE"]))
    assert {s: (q.bid_price, q.ask_price, q.bid_size) for s, q in quotes.items()} == {
        "SPY": (639.9, 640.1, 1000.0),
        "XLK": (99.99, 100.01, 50.0),
    }
    assert quotes["SPY"].timestamp == OPEN
    trades = venue.stocks.get_stock_latest_trade(StockLatestTradeRequest(symbol_or_symbols="SPY"))
    assert trades["SPY"].price == 640.0
    bars = venue.stocks.get_stock_latest_bar(StockLatestBarRequest(symbol_or_symbols="SPY"))
    assert bars["SPY"].close == 631.0
    snapshot = venue.stocks.get_stock_snapshot(StockSnapshotRequest(symbol_or_symbols="SPY"))["SPY"]
    assert (snapshot.latest_quote.ask_price, snapshot.minute_bar, snapshot.daily_bar.close) == (640.1, None, 631.0)
    assert snapshot.previous_daily_bar.close == 632.0


def test_chain_is_filtered_and_paged_with_iv_and_greeks(venue: Venue) -> None:
    chain = venue.options.get_option_chain(OptionChainRequest(underlying_symbol="SPY"))
    assert len(chain) == 5
    call = chain[CALL_640]
    assert (call.latest_quote.bid_price, call.latest_quote.ask_price, call.implied_volatility) == (3.0, 3.1, 0.15)
    assert (call.greeks.delta, call.greeks.theta) == (0.5, -0.2)
    puts = venue.options.get_option_chain(
        OptionChainRequest(
            underlying_symbol="SPY",
            type="put",
            strike_price_gte=600,
            expiration_date_gte=EXPIRY,
            expiration_date_lte=EXPIRY,
        )
    )
    assert len(puts) == 2
    seen: list[str] = []
    params: dict[str, object] = {"limit": 2}
    while True:
        page = venue.options.get("/options/snapshots/SPY", params)
        seen += page["snapshots"]
        if page["next_page_token"] is None:
            break
        params["page_token"] = page["next_page_token"]
    assert seen == sorted(chain)


def test_one_sided_contract_shows_zero_for_the_missing_side(venue: Venue) -> None:
    chain = venue.options.get_option_chain(OptionChainRequest(underlying_symbol="SPY", strike_price_lte=500))
    quote = next(iter(chain.values())).latest_quote
    assert (quote.bid_price, quote.bid_size, quote.ask_price) == (0.0, 0.0, 0.01)


def test_contracts_by_name(venue: Venue) -> None:
    snapshots = venue.options.get_option_snapshot(OptionSnapshotRequest(symbol_or_symbols=[CALL_640, PUT_630]))
    assert sorted(snapshots) == sorted([CALL_640, PUT_630])
    quotes = venue.options.get_option_latest_quote(OptionLatestQuoteRequest(symbol_or_symbols=PUT_630))
    assert (quotes[PUT_630].bid_price, quotes[PUT_630].ask_price) == (2.0, 2.1)
    trades = venue.options.get_option_latest_trade(OptionLatestTradeRequest(symbol_or_symbols=PUT_630))
    assert trades[PUT_630].price == 2.1
    assert venue.options.get_option_exchange_codes() == {"V": "firedesk venue"}


def test_unknown_underlying_has_an_empty_chain(venue: Venue) -> None:
    assert venue.options.get_option_chain(OptionChainRequest(underlying_symbol="NOPE")) == {}


def test_nonsense_is_refused_in_one_line(venue: Venue) -> None:
    for path in (
        "/stocks/bars?symbols=SPY&timeframe=1Moon",
        "/stocks/bars?timeframe=1Day",
        "/stocks/bars?symbols=A&start=x",
    ):
        with pytest.raises(APIError) as refused:
            venue.stocks.get(path)
        assert refused.value.status_code == 422
