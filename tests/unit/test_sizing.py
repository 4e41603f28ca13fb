"""Sizing: the smallest of volatility target, loss at the stop and every cap, on the instrument's grid."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.domain.base import ModuleName
from orchestrator.domain.instruments import AssetClass, Instrument
from orchestrator.domain.opportunities import TradeOpportunity
from orchestrator.domain.orders import Leg, Purpose, Side
from orchestrator.domain.risk import RiskLimits
from orchestrator.domain.sizing import (
    INVALID_INPUT,
    RISK_PER_TRADE,
    STRATEGY_WEIGHT,
    TOUCH_SIZE,
    VOLATILITY_TARGET,
    size,
)

EQUITY = Decimal(100_000)
ROOM = {"module_allocation": Decimal(50_000)}


def wish(**changes) -> TradeOpportunity:
    px = changes.get("decision_px", Decimal(100))
    multiplier = changes.pop("multiplier", Decimal(1))
    values = {
        "module": ModuleName.STOCKS,
        "strategy": "momentum",
        "purpose": Purpose.ENTRY,
        "symbol": "XLK",
        "instrument": Instrument(symbol="XLK", asset_class=AssetClass.EQUITY),
        "side": Side.BUY,
        "legs": (Leg(symbol="XLK", side=Side.BUY, multiplier=multiplier),),
        "decided_at": datetime(2026, 7, 16, tzinfo=UTC),
        "decision_px": px,
        "limit_px": px,
        "notional_usd": px,
        "annual_vol": 0.2,
        "stop_price": None,
        "confidence": 0.7,
        "reason": "test",
    }
    return TradeOpportunity(**values | changes)


def sized(opportunity: TradeOpportunity, room=ROOM, **limits) -> tuple[Decimal, str]:
    return size(opportunity, equity=EQUITY, limits=RiskLimits(**limits), headroom_usd=room)


def test_volatility_target_decides_when_the_stop_is_near():
    # 2 % of 100,000 a year over 20 % of 100 USD = 100 units; the stop, 5 USD away, would allow 200.
    assert sized(wish(stop_price=Decimal(95))) == (Decimal(100), VOLATILITY_TARGET)


def test_loss_at_the_stop_decides_when_the_stop_is_far():
    assert sized(wish(stop_price=Decimal(80))) == (Decimal(50), RISK_PER_TRADE)


def test_without_a_stop_the_whole_notional_is_at_risk():
    assert sized(wish()) == (Decimal(10), RISK_PER_TRADE)


def test_a_sold_unit_loses_when_the_price_rises():
    assert sized(wish(side=Side.SELL, stop_price=Decimal(120))) == (Decimal(50), RISK_PER_TRADE)


def test_defined_loss_counts_when_it_is_less_than_the_way_to_the_stop():
    spread = wish(
        decision_px=Decimal("2.50"), stop_price=Decimal("1.00"), multiplier=Decimal(100), notional_usd=Decimal(250)
    )
    assert sized(spread) == (Decimal(6), RISK_PER_TRADE)
    assert sized(spread.model_copy(update={"max_loss_usd": Decimal(100)})) == (Decimal(10), RISK_PER_TRADE)


def test_each_cap_binds_by_its_name():
    near = wish(stop_price=Decimal(99))
    assert sized(near, {"buying_power": Decimal(4_050), "gross_exposure": Decimal(9_000)}) == (
        Decimal(40),
        "buying_power",
    )
    assert sized(near.model_copy(update={"max_qty": Decimal(7)})) == (Decimal(7), TOUCH_SIZE)


def test_a_strategy_may_want_less_than_the_limits_allow():
    assert sized(wish(stop_price=Decimal(99), max_notional_usd=Decimal(2_550))) == (Decimal(25), STRATEGY_WEIGHT)


def test_leveraged_notional_counts_at_its_multiple():
    fund = wish(stop_price=Decimal(99), notional_usd=Decimal(300), annual_vol=0.1)
    assert sized(fund, {"symbol_concentration": Decimal(15_000)}) == (Decimal(50), "symbol_concentration")


@pytest.mark.parametrize("room", [Decimal(-1), Decimal(0), Decimal(99)])
def test_no_room_is_no_order(room):
    assert sized(wish(stop_price=Decimal(95)), {"gross_exposure": room}) == (Decimal(0), "gross_exposure")


def test_an_order_below_the_least_is_no_order():
    assert sized(wish(stop_price=Decimal(80)), min_order_usd=Decimal(5_001))[0] == 0
    coarse = Instrument(symbol="XLK", asset_class=AssetClass.EQUITY, min_qty=Decimal(51))
    assert sized(wish(stop_price=Decimal(80), instrument=coarse))[0] == 0


def test_units_are_floored_to_the_lot():
    coin = Instrument(
        symbol="BTC/USD", asset_class=AssetClass.CRYPTO, lot_size=Decimal("0.001"), min_qty=Decimal("0.001")
    )
    qty, _ = sized(wish(instrument=coin, decision_px=Decimal(70_000), stop_price=Decimal(69_000), annual_vol=0.5))
    assert qty == Decimal("0.057")


@pytest.mark.parametrize(
    "changes",
    [
        {"annual_vol": 0.0},
        {"annual_vol": -0.1},
        {"annual_vol": float("nan")},
        {"annual_vol": float("inf")},
        {"notional_usd": Decimal(0)},
        {"stop_price": Decimal(100)},
        {"stop_price": Decimal(101)},
        {"max_loss_usd": Decimal(0)},
    ],
)
def test_what_cannot_be_calculated_gets_nothing(changes):
    assert sized(wish(**changes)) == (Decimal(0), INVALID_INPUT)


def test_no_equity_is_no_order():
    assert size(wish(), equity=Decimal(0), limits=RiskLimits(), headroom_usd=ROOM) == (Decimal(0), INVALID_INPUT)


usd = st.decimals(0, 200_000, places=2)


@given(tight=usd, loose=usd, vol=st.floats(0.01, 2), distance=st.decimals("0.01", 99, places=2))
def test_a_tighter_cap_never_gives_more(tight, loose, vol, distance):
    tight, loose = sorted((tight, loose))
    entry = wish(annual_vol=vol, stop_price=Decimal(100) - distance)
    less, more = (sized(entry, {"cap": room})[0] for room in (tight, loose))
    assert less <= more
    assert less * entry.notional_usd <= tight


@given(tight=st.integers(0, 100), loose=st.integers(0, 100), vol=st.floats(0.01, 2))
def test_tighter_limits_never_give_more(tight, loose, vol):
    tight, loose = sorted((Decimal(tight) / 1000, Decimal(loose) / 1000))
    entry = wish(annual_vol=vol, stop_price=Decimal(97))
    for name in ("position_vol", "risk_per_trade"):
        assert sized(entry, **{name: tight})[0] <= sized(entry, **{name: loose})[0]
