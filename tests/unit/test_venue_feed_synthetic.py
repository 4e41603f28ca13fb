"""The synthetic market: says what it is, has its sessions and regimes, and quotes that make sense."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

import numpy as np
import pytest

from orchestrator.domain.errors import MissingDataError
from venue.feed import AssetKind, Moment
from venue.sessions import day_number, xnys
from venue.synthetic import SyntheticFeed
from venue.synthetic.regimes import LEAD_DAYS, Regimes
from venue.synthetic.surface import listed_expiries, listed_strikes

START = datetime(2026, 7, 16, 14, 0, tzinfo=UTC)
SMALL = {AssetKind.STOCK: ("XLK",), AssetKind.OPTION: ("SPY",), AssetKind.CRYPTO: ("BTC/USD",)}


def market(seed: int = 7, start: datetime = START) -> SyntheticFeed:
    return SyntheticFeed(seed, start, SMALL)


def test_it_says_that_it_is_synthetic() -> None:
    feed = market()
    assert feed.synthetic is True
    assert feed.name == "synthetic market, seed 7"
    assert sorted(feed.assets()) == ["BTC/USD", "SPY", "XLK"]
    assert feed.underlyings() == ("SPY",)
    assert feed.actions("XLK") == []


@pytest.mark.parametrize(
    ("start", "begins"),
    [
        (datetime(2026, 7, 16, 14, 0, tzinfo=UTC), datetime(2026, 7, 16, 14, 0, tzinfo=UTC)),
        (datetime(2026, 7, 16, 22, 0, tzinfo=UTC), datetime(2026, 7, 17, 13, 35, tzinfo=UTC)),
        (datetime(2026, 7, 3, 15, 0, tzinfo=UTC), datetime(2026, 7, 6, 13, 35, tzinfo=UTC)),
    ],
)
def test_it_begins_in_an_open_session(start: datetime, begins: datetime) -> None:
    assert market(start=start).now == begins


def test_history_reaches_back_without_holes() -> None:
    feed = market()
    days = feed.bars("XLK", 1440, datetime(2020, 1, 1, tzinfo=UTC), feed.now)
    assert [bar.start.date() for bar in days] == [
        one.day for one in feed.sessions(days[0].start.date(), date(2026, 7, 15))
    ]
    assert (feed.now - days[0].start).days == 399
    hours = feed.bars("BTC/USD", 60, feed.now - timedelta(days=3), feed.now)
    assert len(hours) == 72
    assert all(one.end == two.start for one, two in pairwise(hours))


def test_coarse_bars_are_made_of_the_minutes() -> None:
    feed = market()
    feed.advance(datetime(2026, 7, 16, 20, 0, tzinfo=UTC))
    span = (datetime(2026, 7, 16, tzinfo=UTC), datetime(2026, 7, 17, tzinfo=UTC))
    minutes, (day,) = feed.bars("XLK", 1, *span), feed.bars("XLK", 1440, *span)
    assert len(minutes) == 390
    assert (day.open, day.close) == (minutes[0].open, minutes[-1].close)
    assert (day.high, day.low) == (max(bar.high for bar in minutes), min(bar.low for bar in minutes))
    assert day.volume == sum(bar.volume for bar in minutes)


def test_bars_of_a_length_that_does_not_divide_the_day_are_refused_with_none() -> None:
    feed = market()
    assert feed.bars("XLK", 7, feed.now - timedelta(days=2), feed.now) == []
    assert feed.bars("NONE", 5, feed.now - timedelta(days=2), feed.now) == []


def test_each_minute_is_a_moment_and_stocks_only_in_the_session() -> None:
    feed = market()
    moments = feed.schedule(datetime(2026, 7, 16, tzinfo=UTC), datetime(2026, 7, 16, 23, 59, 59, tzinfo=UTC))
    counts = {kind: sum(kind in moment.kinds for moment in moments) for kind in AssetKind}
    assert counts == {AssetKind.STOCK: 391, AssetKind.OPTION: 79, AssetKind.CRYPTO: 1440}
    assert moments == sorted(moments, key=lambda moment: moment.time)
    assert feed.schedule(datetime(2026, 7, 18, 0, 0, tzinfo=UTC), datetime(2026, 7, 18, 0, 1, tzinfo=UTC)) == [
        Moment(datetime(2026, 7, 18, 0, minute, tzinfo=UTC), frozenset({AssetKind.CRYPTO})) for minute in (0, 1)
    ]


def test_advance_tells_each_minute_once() -> None:
    feed = market()
    told = feed.advance(START + timedelta(minutes=3))
    assert [symbol for symbol, _ in told.bars] == ["BTC/USD", "SPY", "XLK"] * 3
    assert (set(told.quotes), told.chains) == ({"BTC/USD", "SPY", "XLK"}, ())
    assert feed.advance(START + timedelta(minutes=5)).chains == ("SPY",)
    night = feed.advance(datetime(2026, 7, 16, 23, 0, tzinfo=UTC))
    assert [session.day for session in night.sessions_closed] == [date(2026, 7, 16)]
    assert feed.advance(feed.now + timedelta(minutes=2)).quotes == ("BTC/USD",)
    with pytest.raises(MissingDataError, match="it cannot go back to"):
        feed.advance(START)


def test_quotes_are_not_crossed_and_sized_by_volume() -> None:
    feed = SyntheticFeed(1, START)
    for symbol in feed.assets():
        quote = feed.quote(symbol)
        assert quote is not None
        assert quote.bid is not None
        assert quote.ask is not None
        assert quote.bid < quote.last < quote.ask
        assert quote.bid_size > 0
        assert quote.ts == feed.now


def test_closed_market_shows_the_closing_quote() -> None:
    feed = market()
    feed.advance(datetime(2026, 7, 17, 2, 0, tzinfo=UTC))
    stock, coin, option = feed.quote("XLK"), feed.quote("BTC/USD"), feed.chain("SPY")
    assert stock is not None
    assert coin is not None
    assert option is not None
    assert stock.ts == option.ts == datetime(2026, 7, 16, 19, 59, 59, tzinfo=UTC)
    assert coin.ts == feed.now


def test_leveraged_fund_moves_three_times_its_index() -> None:
    feed = SyntheticFeed(3, START)
    moves = {}
    for symbol in ("QQQ", "TQQQ", "SQQQ"):
        closes = [float(bar.close) for bar in feed.bars(symbol, 1440, START - timedelta(days=90), START)]
        moves[symbol] = np.diff(np.log(closes))
    assert moves["TQQQ"] == pytest.approx(3 * moves["QQQ"], abs=1e-3)
    assert moves["SQQQ"] == pytest.approx(-3 * moves["QQQ"], abs=2e-3)


def test_chain_has_skew_terms_and_greeks() -> None:
    feed = market()
    chain = feed.chain("SPY")
    assert chain is not None
    assert feed.chain("XLK") is None
    assert feed.chain("SPY") is chain
    spot = chain.underlying_price
    puts = [one for one in chain.contracts.values() if one.right == "P" and one.expiry == date(2026, 8, 21)]
    low, high = min(puts, key=lambda one: one.strike), max(puts, key=lambda one: one.strike)
    assert low.iv is not None
    assert high.iv is not None
    assert low.iv > high.iv
    assert all(one.delta is not None and -1 <= one.delta <= 0 for one in puts)
    assert low.strike < spot * Decimal("0.8") < spot * Decimal("1.2") < high.strike
    assert len({one.expiry for one in chain.contracts.values()}) >= 8


def test_contract_off_the_list_is_still_quoted_until_it_expires() -> None:
    feed = market()
    assert feed.quote("SPY260821C00612000") is not None  # 612 is between the listed strikes
    assert feed.quote("SPY260716C00600000") is not None
    assert feed.quote("SPY260715C00600000") is None
    assert feed.quote("XLK260821C00200000") is None
    assert feed.quote("SPY26") is None


def test_any_symbol_may_be_asked_for() -> None:
    feed = SyntheticFeed(7, START, {AssetKind.STOCK: ("ZZZ",), AssetKind.CRYPTO: ("DOGE/USD",)})
    assert feed.quote("ZZZ") is not None
    assert feed.quote("DOGE/USD") is not None


def test_market_starts_in_a_bull_and_knows_all_weathers() -> None:
    regimes = Regimes(7, 20_000)
    names = [regimes.at(day).name for day in range(19_000, 21_500)]
    assert set(names) == {"bull", "bear", "chop"}
    around = names[1000 - LEAD_DAYS : 1000 + LEAD_DAYS]
    assert set(around) == {"bull"}
    again = Regimes(7, 20_000)
    assert [again.at(day).name for day in range(21_499, 18_999, -1)] == names[::-1]


def test_expiries_are_fridays_or_the_session_before() -> None:
    expiries = listed_expiries(date(2026, 3, 30), xnys())
    assert expiries[0] == date(2026, 4, 2)  # 2026-04-03 is Good Friday
    assert all(xnys().on(np.array([day_number(day)]))[0] >= 0 for day in expiries)
    assert listed_expiries(date(2026, 7, 17), xnys())[0] == date(2026, 7, 17)


@pytest.mark.parametrize(("opening", "step"), [(20.0, 0.5), (80.0, 1.0), (200.0, 2.5), (600.0, 5.0), (4000.0, 25.0)])
def test_strikes_get_wider_with_the_price(opening: float, step: float) -> None:
    strikes = listed_strikes(opening)
    assert set(np.diff(strikes)) == {step}
    assert strikes[0] < opening < strikes[-1]
