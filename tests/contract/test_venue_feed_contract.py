"""What every feed promises, on recorded data, on the synthetic market and on a folder of a few lines."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from orchestrator.domain.errors import DataError
from tests.venue_feed_folder import week
from venue.feed import AssetKind, Feed
from venue.replay import ReplayFeed, parse_universe
from venue.synthetic import SyntheticFeed

MakeFeed = Callable[[], Feed]
HORIZON = timedelta(days=2)


@pytest.fixture(params=["folder", "recorded", "synthetic"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> MakeFeed:
    """A function that makes the same feed again and again."""
    if request.param == "synthetic":
        return lambda: SyntheticFeed(5, datetime(2026, 7, 16, 19, 0, tzinfo=UTC))
    if request.param == "folder":
        root = week(tmp_path)
        return lambda: ReplayFeed(root, date(2026, 7, 16), date(2026, 7, 17))
    data = request.getfixturevalue("data_root")
    words = ["stocks=XLK,SPY options=NVDA crypto=BTC"]
    return lambda: ReplayFeed(data, date(2026, 7, 16), date(2026, 7, 20), parse_universe(words))


def test_schedule_is_in_order_within_its_bounds_and_names_kinds(make: MakeFeed) -> None:
    feed = make()
    moments = feed.schedule(feed.now, feed.now + HORIZON)
    times = [moment.time for moment in moments]
    assert times == sorted(set(times))
    assert all(feed.now <= time <= feed.now + HORIZON for time in times)
    assert {kind for moment in moments for kind in moment.kinds} == set(AssetKind)


def test_something_is_new_at_every_moment_and_at_no_other_time(make: MakeFeed) -> None:
    feed = make()
    for moment in feed.schedule(feed.now + timedelta(seconds=1), feed.now + HORIZON):
        before = feed.advance(moment.time - timedelta(seconds=1))
        assert (before.quotes, before.chains, before.bars) == ((), (), ())
        told = feed.advance(moment.time)
        assert bool(told.chains) == (AssetKind.OPTION in moment.kinds)
        assert {feed.assets()[symbol].kind for symbol in told.quotes} == moment.kinds - {AssetKind.OPTION}


def test_time_moves_forward_only(make: MakeFeed) -> None:
    feed = make()
    feed.advance(feed.now + timedelta(hours=1))
    with pytest.raises(DataError, match="cannot go back"):
        feed.advance(feed.now - timedelta(minutes=1))


def test_assets_have_a_grid_and_quotes_lie_on_it(make: MakeFeed) -> None:
    feed = make()
    feed.advance(feed.now + HORIZON)
    for symbol, asset in feed.assets().items():
        assert asset.symbol == symbol
        assert min(asset.tick_size, asset.lot_size, asset.min_qty) > 0
        assert ("/" in symbol) == (asset.kind is AssetKind.CRYPTO)
        quote = feed.quote(symbol)
        assert quote is not None
        assert quote.bid is not None
        assert quote.ask is not None
        assert 0 < quote.bid <= quote.ask
        assert quote.bid % asset.tick_size == quote.ask % asset.tick_size == 0
        assert quote.bid_size % asset.lot_size == quote.ask_size % asset.lot_size == 0


def test_chain_and_contract_quotes_agree(make: MakeFeed) -> None:
    feed = make()
    feed.advance(feed.now + HORIZON)
    names = [symbol for symbol in feed.assets() if feed.chain(symbol) is not None]
    assert names
    for name in names:
        chain = feed.chain(name)
        assert chain is not None
        assert chain.underlying_price > 0
        for symbol, contract in list(chain.contracts.items())[:: max(1, len(chain.contracts) // 25)]:
            quote = feed.quote(symbol)
            assert quote is not None
            assert (quote.ts, quote.bid, quote.ask) == (chain.ts, contract.bid, contract.ask)
            assert contract.expiry >= chain.ts.date()


def test_no_option_quote_is_crossed_or_sized_without_a_price(make: MakeFeed) -> None:
    feed = make()
    feed.advance(feed.now + HORIZON)
    for name in feed.assets():
        chain = feed.chain(name)
        for contract in chain.contracts.values() if chain else ():
            assert contract.bid is None or contract.bid > 0
            assert contract.ask is None or contract.ask > 0
            assert contract.bid is None or contract.ask is None or contract.bid <= contract.ask
            assert (contract.bid_size > 0) == (contract.bid is not None)
            assert (contract.ask_size > 0) == (contract.ask is not None)


def test_bars_told_on_the_way_do_not_overlap_and_are_the_bars_served(make: MakeFeed) -> None:
    feed = make()
    told = feed.advance(feed.now + HORIZON).bars
    assert told
    ends: dict[str, datetime] = {}
    for symbol, bar in told:
        assert bar.start >= ends.get(symbol, bar.start)
        assert bar.low <= min(bar.open, bar.close)
        assert max(bar.open, bar.close) <= bar.high
        ends[symbol] = bar.end
    assert list(told) == sorted(told, key=lambda pair: (pair[1].end, pair[0]))


def test_unknown_symbols_have_nothing(make: MakeFeed) -> None:
    feed = make()
    assert feed.quote("NOPE") is None
    assert feed.chain("NOPE") is None
    assert feed.actions("NOPE") == []
    assert feed.bars("NOPE", 5, feed.now - HORIZON, feed.now) == []


def test_sessions_are_those_of_new_york(make: MakeFeed) -> None:
    days = make().sessions(date(2026, 11, 25), date(2026, 11, 28))
    assert [(one.day.day, (one.close - one.open).total_seconds() / 3600) for one in days] == [(25, 6.5), (27, 3.5)]


def test_prices_are_decimals(make: MakeFeed) -> None:
    feed = make()
    told = feed.advance(feed.now + HORIZON)
    assert all(isinstance(value, Decimal) for _, bar in told.bars for value in (bar.open, bar.close, bar.volume))
