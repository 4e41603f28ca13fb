"""Kept chains as a backtest reads them: the same for the same question, and what a later moment does not show."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from ml.backtest import kept
from ml.backtest.kept import KeptChains
from ml.backtest.recorded import Closed
from orchestrator.domain.base import ModuleName
from orchestrator.domain.instruments import OptionRight
from orchestrator.domain.market import DataRequest, OptionChain, Quote, SessionState, panel_of
from orchestrator.domain.sightings import Sighting
from orchestrator.domain.sightings import kept as packed
from tests.options_market import chain_of, daily_bars, quoted

FIRST = datetime(2026, 7, 15, 14, 30, tzinfo=UTC)
CLOSES = datetime(2026, 7, 15, 20, 0, tzinfo=UTC), datetime(2026, 7, 16, 20, 0, tzinfo=UTC)
ASKED = DataRequest(bars={1440: ("SPY",)}, lookback_days={1440: 10}, chains=("SPY",), min_days_to_expiry=8)


def doc(at: datetime, chain: OptionChain, close: datetime, **quotes: Quote):
    session = SessionState(is_open=True, close=close)
    return packed(Sighting(at, session, quotes, {"SPY": chain}), ModuleName.OPTIONS)


def chain(at: datetime) -> OptionChain:
    return chain_of("SPY", days=(7, 30), step=5.0, now=at, size=10)


@pytest.fixture
def market() -> KeptChains:
    times = [FIRST, FIRST + timedelta(hours=1), FIRST + timedelta(days=1)]
    docs = [doc(at, chain(at), CLOSES[at.date() > FIRST.date()]) for at in times]
    narrow = chain(times[1])
    narrow = narrow.model_copy(update={"contracts": narrow.contracts[4:]})
    docs[1] = doc(times[1], narrow, CLOSES[0])
    return KeptChains(docs, panel_of({"SPY": daily_bars(range(80, 101), last=times[-1])}))


def test_a_module_sees_what_the_desk_saw(market) -> None:
    found = market.snapshot(ASKED, FIRST)
    [seen] = found.chains.values()
    assert seen.contracts == tuple(one for one in chain(FIRST).contracts if one.expiry >= date(2026, 7, 23))
    assert found.session == SessionState(is_open=True, close=CLOSES[0])
    assert len(found.panels[1440]) == 10
    assert market.snapshot(ASKED, FIRST).chains["SPY"] is seen


def test_bars_that_had_not_ended_are_not_shown(market) -> None:
    for at in market.moments:
        assert market.snapshot(ASKED, at).panels[1440].last_end <= at


def test_what_a_moment_does_not_show_is_quoted_as_it_was_last(market) -> None:
    first, later = market.moments[:2]
    gone = chain(first).contracts[0]
    assert market.touch(gone.symbol, later).ts == first
    assert market.touch(gone.symbol, later).ask == gone.ask
    asked = market.snapshot(ASKED.model_copy(update={"quotes": (gone.symbol,)}), later)
    assert asked.quotes[gone.symbol].ts == first
    assert market.touch("SPY260918C00100000", later) is None


def test_a_quote_of_its_own_counts_before_that_of_a_chain() -> None:
    one = quoted(chain(FIRST), days=30, right=OptionRight.CALL, strike=100)
    own = Quote(symbol=one.symbol, ts=FIRST, bid=Decimal("1.10"), ask=Decimal("1.30"))
    market = KeptChains([doc(FIRST, chain(FIRST), CLOSES[0], **{one.symbol: own})], panel_of({}))
    assert (market.touch(one.symbol, FIRST).bid, market.touch(one.symbol, FIRST).last) == (own.bid, own.mid)


def test_every_session_ends_once(market) -> None:
    found = market.events(FIRST, FIRST + timedelta(days=2))
    assert found == [Closed(close, close.date()) for close in CLOSES]
    assert market.events(CLOSES[0], CLOSES[1] - timedelta(seconds=1)) == []


def test_few_sightings_are_open_at_once_and_answers_stay_the_same(market, monkeypatch) -> None:
    before = [market.snapshot(ASKED, at).chains for at in market.moments]
    monkeypatch.setattr(kept, "MOST_CONTRACTS", 1)
    small = KeptChains(market.docs, market.panel)
    for _ in range(2):
        assert [small.snapshot(ASKED, at).chains for at in small.moments] == before
    assert len(small._open) == 1
