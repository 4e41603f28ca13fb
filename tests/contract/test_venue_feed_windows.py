"""The recorded windows that the desk is replayed on: what is there, what is dropped, splits, half days, dividends."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pytest

from venue.feed import AssetKind, CorporateAction
from venue.replay import ReplayFeed, parse_universe

ALWAYS = (datetime(1990, 1, 1, tzinfo=UTC), datetime(2030, 1, 1, tzinfo=UTC))


def moments(feed: ReplayFeed) -> Counter[AssetKind]:
    return Counter(kind for moment in feed.schedule(feed.now, feed.end) for kind in moment.kinds)


@pytest.fixture(scope="module")
def summer(data_root: Path) -> ReplayFeed:
    """The five weeks with whole option chains, played to their end."""
    feed = ReplayFeed(data_root, date(2026, 7, 16), date(2026, 8, 21))
    feed.schedule(feed.now, feed.end)
    feed.advance(feed.end)
    return feed


def test_summer_has_chains_at_every_close(summer: ReplayFeed) -> None:
    start = datetime(2026, 7, 16, tzinfo=UTC)
    again = summer.schedule(start, summer.end)
    closes = {session.close - timedelta(seconds=1) for session in summer.sessions(date(2026, 7, 16), date(2026, 8, 21))}
    assert len(closes) == 27
    assert closes <= {moment.time for moment in again if AssetKind.OPTION in moment.kinds}
    assert Counter(kind for moment in again for kind in moment.kinds) == {
        AssetKind.STOCK: 1842,
        AssetKind.OPTION: 84,
        AssetKind.CRYPTO: 74,
    }
    assert summer.underlyings() == ("AAPL", "NVDA", "QQQ", "SPY")


def test_summer_has_history_of_every_symbol(summer: ReplayFeed) -> None:
    counts = {symbol: len(summer.bars(symbol, 1440, *ALWAYS)) for symbol in summer.assets()}
    assert min(counts.values()) >= 520
    assert counts["BTC/USD"] > 3000
    assert len(summer.bars("SPY", 60, *ALWAYS)) == 5066
    assert len(summer.bars("SPY", 5, *ALWAYS)) == 4677
    assert summer.bars("XLK", 60, *ALWAYS) == []


def test_summer_pays_its_dividends(summer: ReplayFeed) -> None:
    paid = [action for action in summer.actions("AAPL") if action.ex_date >= date(2026, 1, 1)]
    assert [(action.ex_date.isoformat(), action.cash) for action in paid] == [
        ("2026-02-09", Decimal("0.260")),
        ("2026-05-11", Decimal("0.270")),
        ("2026-08-10", Decimal("0.270")),
    ]


def test_summer_drops_what_the_readme_warns_of(summer: ReplayFeed) -> None:
    dropped = summer.report()
    greeks = dropped["options/chains_greeks_2026/NVDA.csv.gz"]
    assert greeks["dead contract (no Greeks)"] == 4 * 287
    assert greeks["snapshot taken with the market closed (stale quotes)"] > 0
    assert dropped["equity/60min/SPY.csv.gz"] == {"last bar of the file, may be unfinished": 1}


def test_summer_chain_hangs_on_the_official_close(summer: ReplayFeed) -> None:
    chain, close = summer.chain("SPY"), summer.bars("SPY", 1440, *ALWAYS)[-1].close
    assert chain is not None
    assert abs(chain.underlying_price / close - 1) < Decimal("0.00001")
    assert len(chain.contracts) == 3784


def test_parity_spot_agrees_with_the_recorded_price(data_root: Path) -> None:
    feed = ReplayFeed(data_root, date(2026, 7, 16), date(2026, 7, 17), parse_universe(["options=AAPL"]))
    feed.advance(datetime(2026, 7, 16, 18, 18, 26, tzinfo=UTC))
    chain = feed.chain("AAPL")
    assert chain is not None
    assert chain.ts == feed.now
    assert abs(chain.underlying_price / Decimal("330.1899") - 1) < Decimal("0.003")  # fetched 16 minutes later


def test_sector_chains_with_greeks_replay_by_name(data_root: Path) -> None:
    words = parse_universe(["options=XLK"])
    feed = ReplayFeed(data_root, date(2026, 7, 16), date(2026, 8, 21), words)
    assert moments(feed)[AssetKind.OPTION] == 3
    feed.advance(feed.end)
    chain = feed.chain("XLK")
    assert chain is not None
    assert all(contract.delta is not None for contract in chain.contracts.values())
    assert feed.report()["options/chains_greeks_2026/XLK.csv.gz"]["dead contract (no Greeks)"] == 4 * 266


@pytest.fixture(scope="module")
def december(data_root: Path) -> ReplayFeed:
    """Minute bars of December 2019, at the half day's last second."""
    feed = ReplayFeed(data_root, date(2019, 12, 17), date(2019, 12, 24))
    feed.advance(datetime(2019, 12, 24, 17, 59, 59, tzinfo=UTC))
    return feed


def test_half_day_closes_at_one_in_new_york(december: ReplayFeed) -> None:
    (session,) = december.sessions(date(2019, 12, 24), date(2019, 12, 25))
    assert session.close == datetime(2019, 12, 24, 18, 0, tzinfo=UTC)
    last = december.bars("SPY", 1, *ALWAYS)[-1]
    assert (last.end, december.bars("SPY", 1440, *ALWAYS)[-1].end) == (december.now, december.now)
    day = december.schedule(session.open, session.close + timedelta(hours=6))
    assert max(moment.time for moment in day if AssetKind.STOCK in moment.kinds) == december.now


def test_december_counts_the_defects_of_spy(december: ReplayFeed) -> None:
    assert december.report()["equity/minute/yahoo_2019_12/SPY.csv.gz"] == {
        "a price or volume is missing (NaN)": 1,
        "duplicate row": 5071,
        "duplicate time with differing values (greater volume kept)": 3,
        "out of order (sorted, kept)": 17,
        "outside the regular session": 1,
    }


def test_december_joins_leveraged_history_on_the_prices_of_the_time(december: ReplayFeed) -> None:
    days = december.bars("TQQQ", 1440, *ALWAYS)
    assert days[0].start.date() == date(2018, 1, 2)
    moves = [abs(two.close / one.close - 1) for one, two in pairwise(days)]
    assert max(moves) < Decimal("0.25")
    assert abs(days[-1].close - Decimal("85.9")) < 1


def test_december_has_all_classes_it_can(december: ReplayFeed) -> None:
    counted = Counter(
        kind for moment in december.schedule(datetime(2019, 12, 17, tzinfo=UTC), december.end) for kind in moment.kinds
    )
    assert counted == {AssetKind.STOCK: 2166, AssetKind.CRYPTO: 200}
    assert december.underlyings() == ()


def test_spring_of_coins_is_quoted_every_quarter_hour(data_root: Path) -> None:
    feed = ReplayFeed(data_root, date(2026, 3, 1), date(2026, 3, 31), parse_universe(["crypto=BTC,ETH,SOL,ADA"]))
    assert moments(feed) == {AssetKind.CRYPTO: 31 * 96}
    assert len(feed.bars("ADA/USD", 60, *ALWAYS)) > 18_000
    told = feed.advance(datetime(2026, 3, 1, 0, 15, tzinfo=UTC))
    assert [symbol for symbol, _ in told.bars] == ["ADA/USD", "BTC/USD", "ETH/USD", "SOL/USD"]


def test_split_of_apple_is_told_and_prices_stay_raw(data_root: Path) -> None:
    words = parse_universe(["stocks=AAPL options=AAPL"])
    feed = ReplayFeed(data_root, date(2014, 6, 5), date(2014, 6, 10), words)
    before = feed.advance(datetime(2014, 6, 9, 13, 29, tzinfo=UTC))
    assert before.actions == ()
    assert feed.advance(datetime(2014, 6, 9, 13, 30, tzinfo=UTC)).actions == (
        CorporateAction("AAPL", date(2014, 6, 9), ratio=Decimal(7)),
    )
    feed.advance(feed.end)
    closes = [bar.close for bar in feed.bars("AAPL", 1440, datetime(2014, 6, 5, tzinfo=UTC), feed.now)]
    assert closes[:3] == [Decimal("647.35"), Decimal("645.57"), Decimal("93.7")]
    paid = [action for action in feed.actions("AAPL") if action.ex_date == date(2014, 5, 8)]
    assert [action.cash for action in paid] == [Decimal("3.290")]
    assert feed.chain("AAPL") is not None


@pytest.mark.parametrize(
    ("start", "end", "words", "sessions"),
    [
        (date(2017, 1, 3), date(2017, 5, 19), "stocks=VTI,GLD,SPY options=SPX crypto=BTC", 96),
        (date(2015, 1, 2), date(2015, 12, 31), "stocks=AAPL,SPY,QQQ,IWM options=AAPL crypto=BTC", 252),
    ],
)
def test_licensed_overlaps_replay(data_root: Path, start: date, end: date, words: str, sessions: int) -> None:
    feed = ReplayFeed(data_root, start, end, parse_universe([words]))
    counted = moments(feed)
    assert counted[AssetKind.STOCK] == 2 * sessions
    assert counted[AssetKind.OPTION] >= sessions - 2
    assert counted[AssetKind.CRYPTO] > 2000
