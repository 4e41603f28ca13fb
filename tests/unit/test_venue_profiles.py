"""The venues' rules as data: every fact has a source, every id of the desk fits, no rounding turns against us."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from orchestrator.domain.base import ModuleName
from orchestrator.domain.orders import Side, client_order_id
from orchestrator.domain.venues import (
    ALPACA,
    GATE,
    KRAKEN,
    MEMORY,
    OKX,
    PROFILES,
    Grid,
    IdUniqueness,
    LookUp,
    VenueCall,
    VenueProfile,
)
from tests.builders import NOW

D = Decimal
TRADING = [profile for profile in PROFILES.values() if profile.takes_orders]
prices = st.decimals(min_value="0.0001", max_value="100000", places=6)
quantities = st.decimals(min_value="0.0000001", max_value="100000", places=9)
steps = st.sampled_from([D("0.01"), D("0.1"), D("0.00001"), D("0.25"), D(1), D(5)])


@pytest.mark.parametrize("profile", TRADING, ids=lambda profile: profile.name)
def test_every_fact_that_money_depends_on_has_a_source(profile: VenueProfile) -> None:
    told = profile.model_fields_set - {"name", "sources", "client_id_prefix", "min_legs", "fine_tick_usd", "candles"}
    assert told - {"requests"} <= set(profile.sources)
    assert set(profile.sources) <= set(VenueProfile.model_fields)
    assert all(profile.sources.values())


@pytest.mark.parametrize("profile", TRADING, ids=lambda profile: profile.name)
@pytest.mark.parametrize("module", ModuleName)
def test_the_desks_own_ids_fit_every_venue(profile: VenueProfile, module: ModuleName) -> None:
    assert profile.accepts_id(client_order_id(module, desk="desk", strategy="s", legs=["XLK"], decided_at=NOW))


@pytest.mark.parametrize("profile", TRADING, ids=lambda profile: profile.name)
def test_an_id_that_is_too_long_is_not_accepted(profile: VenueProfile) -> None:
    longest = profile.client_id_max_length - len(profile.client_id_prefix)
    assert profile.accepts_id("a" * longest)
    assert not profile.accepts_id("a" * (longest + 1))
    assert not profile.accepts_id("with space")


def test_the_three_policies_are_all_there_and_the_weakest_says_where_it_looks() -> None:
    assert {profile.id_uniqueness for profile in TRADING} == set(IdUniqueness)
    assert LookUp.CLOSED not in GATE.look_up
    assert not OKX.accepts_id("has-dash")


def test_a_state_and_a_look_up_fit_into_a_minute_beside_what_is_reserved() -> None:
    for profile in TRADING:
        free = profile.requests_per_minute * (1 - profile.reserved_share)
        assert profile.requests_of(VenueCall.STATE) + profile.requests_of(VenueCall.FIND) <= free


def test_a_refusal_of_a_used_id_is_told_from_others() -> None:
    assert ALPACA.is_duplicate("client_order_id must be unique")
    assert not ALPACA.is_duplicate("insufficient buying power")
    assert KRAKEN.is_duplicate("EOrder:Duplicate client order id")


@given(prices, steps)
def test_no_price_is_rounded_against_us(price: Decimal, tick: Decimal) -> None:
    grid = Grid(tick=tick, lot=D(1))
    assert 0 <= price - grid.price(price, Side.BUY) < tick
    assert 0 <= grid.price(price, Side.SELL) - price < tick


@given(quantities, steps)
def test_no_quantity_is_rounded_up(qty: Decimal, lot: Decimal) -> None:
    grid = Grid(tick=D(1), lot=lot)
    assert 0 <= qty - grid.qty(qty) < lot
    assert grid.qty(qty) % lot == 0


@pytest.mark.parametrize(
    ("qty", "price", "small"),
    [
        ("0.01", "1000", False),
        ("0.00999", None, True),
        ("0.01", "999.99", True),
        ("0", None, True),
        ("0.01", None, False),
    ],
)
def test_the_least_order_is_judged_by_quantity_and_value(qty: str, price: str | None, small: bool) -> None:
    grid = Grid(tick=D("0.01"), lot=D("0.00001"), min_qty=D("0.01"), min_usd=D(10))
    assert bool(grid.too_small(D(qty), D(price) if price is not None else None)) is small


def test_a_stock_below_a_dollar_has_the_finer_tick_and_an_option_has_not() -> None:
    assert ALPACA.grid_at(D("0.5")).tick == D("0.0001")
    assert ALPACA.grid_at(D("0.5"), option=True).tick == D("0.01")
    assert ALPACA.grid_at(D(1)).tick == D("0.01")


def test_a_venue_that_tells_its_grid_per_market_has_none_to_give() -> None:
    with pytest.raises(ValueError, match="kraken tells tick and lot per market"):
        KRAKEN.grid_at(D(1))


def test_a_grid_without_a_tick_is_refused() -> None:
    with pytest.raises(ValidationError):
        Grid(tick=D(0), lot=D(1))


def test_the_fake_keeps_ids_for_ever_and_shows_everything_at_once() -> None:
    assert MEMORY.id_uniqueness is IdUniqueness.FOR_EVER
    assert not MEMORY.visibility_lag
