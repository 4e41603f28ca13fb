"""What is kept of a chain is what was seen, to the last digit: no sides, one side, no Greeks, odd symbols."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.domain.base import ModuleName
from orchestrator.domain.codec import decode, encode
from orchestrator.domain.documents import ChainsDoc
from orchestrator.domain.errors import MalformedDataError
from orchestrator.domain.instruments import OptionRight
from orchestrator.domain.market import MarketSnapshot, OptionChain, OptionQuote, Quote, SessionState
from orchestrator.domain.sightings import Sighting, kept, seen, sighting_of

AT = datetime(2026, 7, 16, 14, 30, 0, 123456, tzinfo=UTC)
PRICES = st.decimals(min_value=0, max_value=100_000, places=4)
SIDES = st.none() | PRICES
GREEKS = st.none() | st.floats(allow_nan=False, allow_infinity=False, width=64)
TIMES = st.timedeltas(min_value=timedelta(days=-3), max_value=timedelta(seconds=2)).map(lambda gone: AT + gone)
QUOTES = st.builds(
    OptionQuote,
    symbol=st.text(alphabet="ABCW0123456789", min_size=1, max_size=21),
    expiry=st.dates(min_value=date(2026, 7, 16), max_value=date(2029, 1, 1)),
    right=st.sampled_from(OptionRight),
    strike=PRICES,
    ts=TIMES,
    bid=SIDES,
    ask=SIDES,
    bid_size=PRICES,
    ask_size=PRICES,
    iv=GREEKS,
    delta=GREEKS,
    gamma=GREEKS,
    theta=GREEKS,
    vega=GREEKS,
    rho=GREEKS,
    open_interest=st.none() | st.integers(min_value=0, max_value=10**9),
)
CHAINS = st.builds(
    OptionChain,
    underlying=st.sampled_from(["SPY", "BRK.B", "SPX"]),
    ts=TIMES,
    spot=PRICES,
    contracts=st.lists(QUOTES, max_size=6).map(tuple),
)
SESSIONS = st.builds(SessionState, is_open=st.booleans(), close=st.none() | TIMES, next_open=st.none() | TIMES)


@given(
    chains=st.lists(CHAINS, max_size=3, unique_by=lambda chain: chain.underlying),
    session=SESSIONS,
    bid=SIDES,
    halted=st.frozensets(st.text(max_size=5)),
    memory=st.dictionaries(st.text(max_size=8), st.text(max_size=20), max_size=3),
)
def test_what_is_kept_is_what_was_seen(chains, session, bid, halted, memory) -> None:
    quotes = {"SPY": Quote(symbol="SPY", ts=AT, bid=bid, ask=None, bid_size=Decimal("0.5"))}
    by_symbol = {chain.underlying: chain for chain in chains}
    market = MarketSnapshot(session, quotes, {}, by_symbol, halted=halted)
    sighting = sighting_of(market, by_symbol, memory=memory, now=AT)
    stored = decode(ChainsDoc, encode(kept(sighting, ModuleName.OPTIONS)), where="x")
    found = seen(stored, where="x")
    assert found == sighting
    assert repr(found.chains) == repr(sighting.chains)  # digits that say nothing, as in 1.10, stay too


def test_the_same_sighting_is_the_same_document() -> None:
    sighting = Sighting(AT, SessionState(is_open=True))
    assert kept(sighting, ModuleName.OPTIONS) == kept(sighting, ModuleName.OPTIONS)


@pytest.mark.parametrize("packed", ["", "====", "bm90IHppcHBlZA==", "eJyrrgUAAXUA+Q=="])
def test_a_damaged_document_is_named(packed) -> None:
    doc = kept(Sighting(AT, SessionState(is_open=True)), ModuleName.OPTIONS).model_copy(update={"packed": packed})
    with pytest.raises(MalformedDataError, match="chains/options_x"):
        seen(doc, where="chains/options_x")
