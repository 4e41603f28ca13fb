"""Whatever one field of a price says: that symbol is missing, and the others are as they were."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from typing import Any

import numpy as np
import pytest

from orchestrator.adapters.alpaca.client import AlpacaKeys
from orchestrator.adapters.alpaca.market import AlpacaMarketData
from orchestrator.adapters.ccxt.client import kraken_client
from orchestrator.adapters.ccxt.market import CcxtMarketData
from orchestrator.adapters.transport import answered_in_process
from orchestrator.cli.replay.inprocess import URL
from orchestrator.domain.market import DataRequest, MarketSnapshot
from tests.contract.venue_market import market
from tests.spoilt import NONSENSE, SpoiltVenue
from venue.exchange import Exchange
from venue.web.app import VenueApp

STOCKS = DataRequest(bars={1440: ("SPY", "XLK")}, quotes=("SPY", "XLK"), chains=("SPY",))
COINS = DataRequest(bars={1440: ("BTC/USD",)}, quotes=("BTC/USD", "ETH/USD"))


@pytest.fixture
def venue() -> Iterator[SpoiltVenue]:
    found = SpoiltVenue(VenueApp(Exchange(market(), feed_factory=market)))
    with answered_in_process(URL, found):
        yield found


def _spoil(told: Any, path: tuple[Any, ...], value: object) -> Any:
    """Return the answer with the value at a path; a path may go through lists and objects."""
    spoilt = copy.deepcopy(told)
    inner = spoilt
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    return spoilt


def _sound(snapshot: MarketSnapshot) -> None:
    """Everything that is told is a number that a market can have."""
    for quote in snapshot.quotes.values():
        assert all(side is None or 0 < side < 10**7 for side in (quote.bid, quote.ask))
        assert quote.bid_size >= 0 and quote.ask_size >= 0  # noqa: PT018
    for panel in snapshot.panels.values():
        assert not (panel.close <= 0).any()
        assert not np.isinf(panel.close).any()
    for chain in snapshot.chains.values():
        for one in chain.contracts:
            assert all(side is None or 0 < side < 10**7 for side in (one.bid, one.ask))


@pytest.mark.parametrize(
    ("name", "paths"),
    [
        ("latest", [("quotes", "XLK", field) for field in ("t", "bp", "ap", "bs", "as")]),
        ("latest", [("quotes", "XLK")]),
        ("bars", [("bars", "XLK", 0, field) for field in "tohlcv"]),
        ("bars", [("bars", "XLK", 0), ("bars", "XLK")]),
    ],
)
def test_a_spoilt_stock_is_missing_and_the_others_are_not(
    venue: SpoiltVenue, name: str, paths: list[tuple[Any, ...]]
) -> None:
    now = venue.exchange.now
    keys = AlpacaKeys("key", "secret", base_url=URL, data_url=URL)
    whole = AlpacaMarketData(keys, sleep=lambda _: None).snapshot(STOCKS, now)
    missing = 0
    for path in paths:
        for value in NONSENSE:
            venue.spoils = {name: partial(_spoil, path=path, value=value)}
            data = AlpacaMarketData(keys, sleep=lambda _: None)
            snapshot = data.snapshot(STOCKS, now)
            data.close()
            _sound(snapshot)
            assert snapshot.quotes["SPY"] == whole.quotes["SPY"], (path, value)
            assert 1440 in snapshot.panels
            missing += "XLK" in snapshot.missing
    assert missing


def test_a_spoilt_contract_is_left_out_of_its_chain(venue: SpoiltVenue) -> None:
    keys = AlpacaKeys("key", "secret", base_url=URL, data_url=URL)
    data = AlpacaMarketData(keys, sleep=lambda _: None)
    whole = data.snapshot(STOCKS, venue.exchange.now).chains["SPY"]
    symbol, left_out = whole.contracts[0].symbol, 0
    for field in ("t", "bp", "ap", "bs", "as"):
        for value in NONSENSE:
            path = ("snapshots", symbol, "latestQuote", field)
            venue.spoils = {"snapshots/SPY": partial(_spoil, path=path, value=value)}
            snapshot = data.snapshot(STOCKS, venue.exchange.now)
            _sound(snapshot)
            assert "SPY" in snapshot.chains, (field, value, snapshot.missing)
            told = {one.symbol: one for one in snapshot.chains["SPY"].contracts}
            assert all(told[one.symbol] == one for one in whole.contracts[1:])
            left_out += symbol not in told
    data.close()
    assert left_out


@pytest.mark.parametrize(
    ("name", "paths"),
    [
        ("Depth", [("result", "XXBTZUSD", "bids", 0, n) for n in range(3)]),
        ("Depth", [("result", "XXBTZUSD", "bids", 0), ("result", "XXBTZUSD")]),
        ("OHLC", [("result", "XXBTZUSD", 0, n) for n in (1, 2, 3, 4, 6)]),
    ],
)
def test_a_spoilt_coin_is_missing_and_the_others_are_not(
    venue: SpoiltVenue, name: str, paths: list[tuple[Any, ...]]
) -> None:
    client = kraken_client(base_url=URL, sleep=lambda _: None)
    whole = CcxtMarketData(client).snapshot(COINS, venue.exchange.now)
    missing = 0
    for path in paths:
        for value in NONSENSE:
            venue.spoils = {name: partial(_spoil_if, path=path, value=value)}
            snapshot = CcxtMarketData(client).snapshot(COINS, venue.exchange.now)
            _sound(snapshot)
            assert snapshot.quotes["ETH/USD"] == whole.quotes["ETH/USD"], (path, value)
            missing += "BTC/USD" in snapshot.missing
    client.close()
    assert missing


def _spoil_if(told: Any, path: tuple[Any, ...], value: object) -> Any:
    """Spoil an answer that has the path, as those about other symbols have not."""
    return _spoil(told, path, value) if path[1] in told.get("result", {}) else told


def test_a_quote_from_tomorrow_never_looks_fresh(venue: SpoiltVenue) -> None:
    later = (venue.exchange.now + timedelta(minutes=6)).isoformat()
    venue.spoils = {"latest": partial(_spoil, path=("quotes", "XLK", "t"), value=later)}
    data = AlpacaMarketData(AlpacaKeys("key", "secret", base_url=URL, data_url=URL), sleep=lambda _: None)
    snapshot = data.snapshot(STOCKS, venue.exchange.now)
    data.close()
    assert list(snapshot.quotes) == ["SPY"]
    assert "not come yet" in snapshot.missing["XLK"]


def test_bars_that_were_spoilt_are_read_again_from_the_start(venue: SpoiltVenue) -> None:
    data = AlpacaMarketData(AlpacaKeys("key", "secret", base_url=URL, data_url=URL), sleep=lambda _: None)
    venue.spoils = {"bars": partial(_spoil, path=("bars", "XLK", 0, "o"), value=None)}
    assert "XLK" in data.snapshot(STOCKS, venue.exchange.now).missing
    venue.spoils = {}
    snapshot = data.snapshot(STOCKS, venue.exchange.now)
    data.close()
    assert "XLK" not in snapshot.missing
    assert list(snapshot.panels[1440].symbols) == ["SPY", "XLK"]
