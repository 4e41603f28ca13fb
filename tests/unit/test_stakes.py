"""What holdings put at stake: leveraged and inverse funds, options at delta, what others must know of a book."""

from __future__ import annotations

import doctest
import math
from decimal import Decimal

import pytest

from orchestrator.domain import sectors
from orchestrator.domain.base import ModuleName
from orchestrator.domain.exposure import book_exposure
from orchestrator.domain.foreign import ForeignHolding, How
from orchestrator.domain.greeks import Greeks
from orchestrator.domain.instruments import AssetClass, Instrument
from orchestrator.domain.market import MarketSnapshot, Quote, SessionState
from orchestrator.domain.orders import Leg, OrderState, Purpose, Side
from orchestrator.domain.risk import RiskLimits
from orchestrator.domain.sectors import groups_of, sector_of, stablecoin_of
from orchestrator.domain.stakes import SHOCK_MOVES, SHOCK_VOL_POINTS, of_entry, of_position, of_unit, shock_table
from orchestrator.domain.standing import standing_of
from orchestrator.domain.tape import tape_of
from tests.builders import NOW, book, exposure, opportunity, order, position
from tests.unit.risk_cases import CALL, spread, traded

PUT = "SPY260918P00600000"


def fund(symbol: str, leverage: int) -> dict[str, object]:
    instrument = Instrument(symbol=symbol, asset_class=AssetClass.EQUITY, leverage=Decimal(leverage))
    legs = (Leg(symbol=symbol, side=Side.BUY),)
    return {"symbol": symbol, "instrument": instrument, "legs": legs, "notional_usd": Decimal(100 * leverage)}


def test_examples() -> None:
    assert doctest.testmod(sectors).failed == 0


def test_a_leveraged_fund_counts_at_its_multiple_and_moves_by_its_own_price() -> None:
    unit = of_unit(opportunity(**fund("TQQQ", 3), limit_px=Decimal(100)))
    assert (unit.delta_usd, unit.own_usd, unit.worst_usd) == (300, 100, 300)


def test_an_inverse_fund_gains_when_its_market_falls() -> None:
    unit = of_unit(opportunity(**fund("SQQQ", 3), limit_px=Decimal(100)))
    assert (unit.delta_usd, unit.own_usd) == (-300, 100)


def test_what_is_sold_short_has_no_worst() -> None:
    unit = of_unit(opportunity(side=Side.SELL, limit_px=Decimal(100)))
    assert (unit.delta_usd, unit.own_usd, unit.worst_usd) == (-100, -100, math.inf)


def test_a_structure_counts_at_delta_and_loses_its_bounded_loss() -> None:
    unit = of_unit(opportunity(**spread()))
    assert (unit.symbol, unit.delta_usd, unit.own_usd, unit.worst_usd) == ("SPY", 1000, 1000, 410)
    assert unit.curved


def test_a_put_without_greeks_counts_against_its_market() -> None:
    held = position(symbol=PUT, legs=({"symbol": PUT, "qty": 1, "avg_px": 5, "multiplier": 100},))
    assert of_position(held).delta_usd == -500
    call = position(symbol=CALL, legs=({"symbol": CALL, "qty": 1, "avg_px": 5, "multiplier": 100},))
    assert of_position(call).delta_usd == 500


def test_an_entry_counts_for_what_its_fills_do_not_prove() -> None:
    part = order(OrderState.PARTIALLY_FILLED).model_copy(update={"filled_qty": Decimal(4)})
    found = of_entry(part)
    assert found is not None
    assert found.delta_usd == 600
    assert of_entry(order(OrderState.WORKING, purpose=Purpose.EXIT)) is None
    assert of_entry(order(OrderState.CANCELLED)) is None


@pytest.mark.parametrize("move", range(len(SHOCK_MOVES)))
def test_shocks_cost_what_the_moves_cost(move: int) -> None:
    table = shock_table([of_unit(opportunity(limit_px=Decimal(100)))])
    row = table[move * len(SHOCK_VOL_POINTS) : (move + 1) * len(SHOCK_VOL_POINTS)]
    assert row == pytest.approx([-100 * SHOCK_MOVES[move]] * len(SHOCK_VOL_POINTS))


def test_a_share_says_what_others_must_know() -> None:
    held = position()
    spreads = order(
        OrderState.UNKNOWN,
        client_order_id="oa",
        position_id="oa",
        symbol="SPY",
        legs=spread()["legs"],
        greeks=spread()["greeks"],
        qty=Decimal(2),
        reserved_usd=Decimal(820),
        max_loss_usd=Decimal(410),
        strategy="bull_call_spread",
    )
    stop = order(OrderState.WORKING, client_order_id="sb", purpose=Purpose.PROTECT, side=Side.SELL)
    outside = ForeignHolding(qty=Decimal(5), price=Decimal(100), value_usd=Decimal(500), first_seen=NOW, how=How.FILL)
    mine = book(
        positions={held.id: held},
        orders={one.id: one for one in (spreads, stop)},
        foreign={"GLD": outside},
        quarantine={"XLF": "split"},
    )
    share = book_exposure(mine)
    assert (share.venue, share.open_positions, share.entering) == ("alpaca", 1, 1)
    assert share.strategies == {"momentum": 1000, "bull_call_spread": 820}
    assert share.long_usd == 1000 + 2000 + 500
    assert share.short_usd == 0
    assert share.greeks["SPY"] == Greeks(delta_usd=2000, gamma_usd=2000, vega_usd=20, theta_usd=-10)
    assert share.frozen == {"XLF": "split", "SPY": "oa is UNKNOWN"}
    assert (share.buying, share.selling) == ((CALL,), ("SPY260918C00610000", "XLK"))
    assert len(share.shock_usd) == len(SHOCK_MOVES) * len(SHOCK_VOL_POINTS)
    desk = exposure(modules={ModuleName.OPTIONS: share})
    standing = standing_of(book(), desk, RiskLimits())
    assert standing.others_in_flight == 820
    assert standing.open_positions == 2
    assert standing.frozen.keys() == {"XLF", "SPY"}
    assert standing.sectors == {"technology": 1000, "broad_us": 820, "commodities": 500}


def test_sectors_and_groups_may_be_added_to() -> None:
    assert sector_of(CALL, {}) == "broad_us"
    assert sector_of("NEWCO", {}) == "unknown"
    assert groups_of("TQQQ", {"mine": ("TQQQ", "XLE")}) == ("us_tech", "mine")
    assert groups_of("XLE", {"oil": ("XLE",)}) == ("oil",)
    assert (stablecoin_of("BTC/USDT"), stablecoin_of("BTC/USD"), stablecoin_of("AAPL")) == ("USDT", None, None)


def test_the_tape_tells_volume_of_the_shortest_bars_and_the_size_at_the_touch() -> None:
    quote = Quote(symbol="XLK", ts=NOW, bid=Decimal(99), ask=Decimal(100), ask_size=Decimal(7))
    panels = {1440: traded("XLK", 1000.0), 5: traded("XLK", 20.0), 60: traded("XLF", 0.0)}
    tape = tape_of(MarketSnapshot(SessionState(is_open=True), quotes={"XLK": quote}, panels=panels))
    assert tape.volume("XLK") == 20
    assert tape.volume("XLF") is None
    assert tape.volume("GLD") is None
    assert tape.touch("XLK", Side.BUY) == 7
    assert tape.touch("XLK", Side.SELL) is None
    assert tape.touch("GLD", Side.BUY) is None
