"""Nothing of the future is ever visible, and how time advances does not change what is seen."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from venue.feed import Advance, Feed
from venue.replay import ReplayFeed, parse_universe
from venue.synthetic import SyntheticFeed
from venue.synthetic.surface import RATE

LONG_AGO = datetime(1990, 1, 1, tzinfo=UTC)
FAR = datetime(2035, 1, 1, tzinfo=UTC)
FRACTIONS = st.lists(st.floats(0, 1), min_size=1, max_size=6).map(sorted)
Make = Callable[[], Feed]
WINDOWS = {
    "summer": (date(2026, 7, 16), date(2026, 8, 21), "stocks=XLK,SPY,QQQ,TQQQ options=AAPL,NVDA crypto=BTC"),
    "december": (date(2019, 12, 17), date(2019, 12, 24), "stocks=XLK,SPY,XLRE crypto=BTC"),
    "spring": (date(2026, 3, 1), date(2026, 3, 31), "stocks=XLK crypto=BTC,ADA"),
    "split": (date(2014, 6, 5), date(2014, 6, 10), "stocks=AAPL options=AAPL"),
}


@cache
def window_feed(root: Path, window: str) -> ReplayFeed:
    start, end, words = WINDOWS[window]
    return ReplayFeed(root, start, end, parse_universe([words]))


def rewound(feed: ReplayFeed) -> ReplayFeed:
    """Return a feed at its start again without reading its files again."""
    feed.now = datetime.combine(feed.end.date(), datetime.min.time(), UTC) - timedelta(days=400)
    return feed


def ends_of(window: str) -> tuple[datetime, datetime]:
    first, last, _ = WINDOWS[window]
    return datetime(first.year, first.month, first.day, tzinfo=UTC), datetime(
        last.year, last.month, last.day, 23, tzinfo=UTC
    )


def visible(feed: Feed) -> dict[str, object]:
    """Return all that a feed shows of its symbols now; the daily and finer bars of the last days only."""
    seen: dict[str, object] = {"actions": [feed.actions(symbol) for symbol in feed.assets()]}
    for symbol in feed.assets():
        seen[symbol] = feed.quote(symbol)
        chain = feed.chain(symbol)
        seen[f"chain {symbol}"] = None if chain is None else (chain.ts, chain.underlying_price, len(chain.contracts))
        for minutes in (1, 15, 60, 1440):
            seen[f"{symbol} {minutes}"] = feed.bars(symbol, minutes, feed.now - timedelta(days=3), FAR)
    return seen


def assert_nothing_later(feed: Feed, told: Advance, since: datetime) -> None:
    for symbol in feed.assets():
        quote, chain = feed.quote(symbol), feed.chain(symbol)
        assert quote is None or quote.ts <= feed.now
        assert chain is None or chain.ts <= feed.now
        for minutes in (1, 5, 15, 60, 1440):
            bars = feed.bars(symbol, minutes, LONG_AGO if minutes == 1440 else feed.now - timedelta(days=5), FAR)
            assert all(bar.start < bar.end <= feed.now for bar in bars)
        assert all(action.ex_date <= feed.now.date() for action in feed.actions(symbol))
    assert all(since < bar.end <= feed.now for _, bar in told.bars)
    assert all(since < session.close <= feed.now for session in told.sessions_closed)
    assert all(action.ex_date <= feed.now.date() for action in told.actions)


@pytest.mark.parametrize("window", sorted(WINDOWS))
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(fractions=FRACTIONS)
def test_recorded_future_is_not_visible(data_root: Path, window: str, fractions: list[float]) -> None:
    feed = rewound(window_feed(data_root, window))
    start, end = ends_of(window)
    feed.advance(start)
    for fraction in fractions:
        since = feed.now
        told = feed.advance(start + fraction * (end - start))
        assert_nothing_later(feed, told, since)


@pytest.mark.parametrize("window", sorted(WINDOWS))
@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(fractions=FRACTIONS)
def test_recorded_market_does_not_depend_on_the_steps(data_root: Path, window: str, fractions: list[float]) -> None:
    feed = window_feed(data_root, window)
    start, end = ends_of(window)
    rewound(feed).advance(start)
    steps = [feed.advance(start + fraction * (end - start)) for fraction in fractions]
    seen, last = visible(feed), feed.now
    rewound(feed).advance(start)
    once = feed.advance(last)
    assert visible(feed) == seen
    assert_same_story(steps, once)


def assert_same_story(steps: list[Advance], once: Advance) -> None:
    assert [pair for step in steps for pair in step.bars] == list(once.bars)
    assert [action for step in steps for action in step.actions] == list(once.actions)
    assert [session for step in steps for session in step.sessions_closed] == list(once.sessions_closed)
    assert {symbol for step in steps for symbol in step.quotes} == set(once.quotes)
    assert {symbol for step in steps for symbol in step.chains} == set(once.chains)


def test_price_of_a_bar_is_not_told_before_its_time(data_root: Path) -> None:
    feed = ReplayFeed(data_root, date(2026, 7, 16), date(2026, 7, 17), parse_universe(["stocks=XLK"]))
    feed.advance(datetime(2026, 7, 16, 19, 59, 58, tzinfo=UTC))
    open_ = feed.quote("XLK")
    feed.advance(datetime(2026, 7, 16, 19, 59, 59, tzinfo=UTC))
    bar = feed.bars("XLK", 1440, datetime(2026, 7, 16, tzinfo=UTC), FAR)[0]
    close = feed.quote("XLK")
    assert open_ is not None
    assert close is not None
    assert (open_.last, close.last) == (bar.open, bar.close)


SEEDS = st.integers(0, 2**31)
STARTS = st.datetimes(datetime(2005, 1, 1), datetime(2029, 1, 1)).map(
    lambda time: time.replace(tzinfo=UTC, microsecond=0)
)


@settings(max_examples=15)
@given(seed=SEEDS, start=STARTS, minutes=st.lists(st.integers(0, 4000), min_size=1, max_size=6))
def test_synthetic_market_does_not_depend_on_the_steps(seed: int, start: datetime, minutes: list[int]) -> None:
    universe = parse_universe(["stocks=XLK,TQQQ options=NVDA crypto=ADA"])
    walked, jumped = SyntheticFeed(seed, start, universe), SyntheticFeed(seed, start, universe)
    begin = walked.now
    steps = []
    for length in minutes:
        before = walked.now
        steps.append(walked.advance(before + timedelta(minutes=length)))
        assert_nothing_later_now(walked)
    once = jumped.advance(begin + timedelta(minutes=sum(minutes)))
    assert visible(walked) == visible(jumped)
    assert_same_story(steps, once)


def assert_nothing_later_now(feed: Feed) -> None:
    for symbol in feed.assets():
        quote, chain = feed.quote(symbol), feed.chain(symbol)
        assert quote is not None
        assert quote.ts <= feed.now
        assert chain is None or chain.ts <= feed.now
        for minutes in (1, 60, 1440):
            assert all(bar.end <= feed.now for bar in feed.bars(symbol, minutes, feed.now - timedelta(days=4), FAR))


@settings(max_examples=15)
@given(seed=SEEDS, start=STARTS, hours=st.integers(0, 200), name=st.sampled_from(["SPY", "NVDA", "ZZZ"]))
def test_synthetic_options_keep_put_call_parity(seed: int, start: datetime, hours: int, name: str) -> None:
    feed = SyntheticFeed(seed, start, parse_universe([f"options={name}"]))
    feed.advance(feed.now + timedelta(hours=hours))
    chain = feed.chain(name)
    assume(chain is not None)
    assert chain is not None
    spot = float(chain.underlying_price)
    for call in (one for one in chain.contracts.values() if one.right == "C"):
        put = chain.contracts[call.symbol[:-9] + "P" + call.symbol[-8:]]
        years = max((call.expiry - chain.ts.date()).days + 1, 1) / 365
        strike = float(call.strike)
        assert call.ask is not None
        assert put.ask is not None
        # American bounds, S - K <= C - P <= S - K exp(-rT), each side taken at its quote
        assert float(call.ask) - float(put.bid or 0) >= spot - strike - 0.02
        assert float(call.bid or 0) - float(put.ask) <= spot - strike * np.exp(-RATE * years) + 0.02
        assert call.bid is None or call.bid < call.ask
        assert put.bid is None or put.bid < put.ask
