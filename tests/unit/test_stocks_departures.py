"""How what is held is looked after: protective orders, exits and their prices."""

from datetime import timedelta
from decimal import Decimal

import pytest

from modules.stocks.module import StocksModule
from modules.stocks.parameters import StocksParameters
from modules.stocks.universe import UNIVERSE
from orchestrator.domain.base import ModuleName
from orchestrator.domain.market import Panel, Quote
from orchestrator.domain.opportunities import TradeOpportunity
from orchestrator.domain.orders import OrderState, OrderType, Purpose, Side, TimeInForce
from orchestrator.domain.positions import PositionLeg
from tests.desk_drill import module_of
from tests.module_views import CLOSE, CLOSED_SESSION, NOW, book, context, market, order, panel, position, quote, rising

STOCKS = ModuleName.STOCKS
MODULE = module_of(StocksModule, UNIVERSE)
KNOBS = StocksParameters()
HELD = position("AAPL", "momentum")


def left(
    held=HELD, *, quotes: tuple[Quote, ...] = (quote("AAPL", 100.0),), panels: dict[int, Panel] | None = None, **changes
) -> list[TradeOpportunity]:
    seen = market(panels or {}, quotes)
    return MODULE.monitor(
        context(book(STOCKS, held, orders=changes.get("orders", ())), seen, KNOBS, changes.get("now", NOW))
    )


def test_a_position_without_a_protective_order_gets_one():
    (stop,) = left()
    assert (stop.purpose, stop.order_type, stop.time_in_force) == (Purpose.PROTECT, OrderType.STOP, TimeInForce.GTC)
    assert (stop.side, stop.legs[0].side) == (Side.SELL, Side.SELL)
    assert (stop.stop_price, stop.limit_px, stop.qty) == (Decimal("90.00"), None, HELD.units)
    assert (stop.position_id, stop.replaces) == (HELD.id, ())


def test_a_position_that_was_taken_over_without_a_stop_gets_the_fall_back():
    (stop,) = left(position("AAPL", "momentum", stop_price=None))
    assert stop.stop_price == Decimal("92.00")


@pytest.mark.parametrize("state", [OrderState.WORKING, OrderState.UNKNOWN, OrderState.PLANNED])
def test_a_protective_order_is_not_doubled(state):
    assert left(orders=(order(HELD, Purpose.PROTECT, state=state),)) == []


def test_a_protective_order_of_another_position_protects_nothing_here():
    other = order(position("MSFT", "momentum"), Purpose.PROTECT)
    assert [wish.purpose for wish in left(orders=(other,))] == [Purpose.PROTECT]


def test_an_exit_takes_the_protective_order_away_first():
    (exit_,) = left(quotes=(quote("AAPL", 89.0),), orders=(order(HELD, Purpose.PROTECT, key="stop1"),))
    assert (exit_.purpose, exit_.reason, exit_.replaces) == (Purpose.EXIT, "stop", ("stop1",))
    assert (exit_.order_type, exit_.time_in_force) == (OrderType.LIMIT, TimeInForce.IOC)
    assert Decimal("88.5") < exit_.limit_px < quote("AAPL", 89.0).bid
    assert (exit_.qty, exit_.position_id, exit_.side) == (HELD.units, HELD.id, Side.SELL)


def test_a_working_exit_is_not_doubled():
    assert left(quotes=(quote("AAPL", 89.0),), orders=(order(HELD, Purpose.EXIT),)) == []


def test_a_position_without_units_needs_nothing():
    empty = position("AAPL", "momentum", legs=(PositionLeg(symbol="AAPL", qty=Decimal(0), avg_px=Decimal(0)),))
    assert left(empty) == []


@pytest.mark.parametrize(
    ("price", "hours", "reason"), [(89.0, 24, "stop"), (151.0, 24, "target"), (100.0, 1440, "time")]
)
def test_levels_and_time_lead_out(price, hours, reason):
    (exit_,) = left(
        position("AAPL", "momentum", opened_at=NOW - timedelta(hours=hours)), quotes=(quote("AAPL", price),)
    )
    assert exit_.reason == reason


@pytest.mark.parametrize("quotes", [(), (quote("AAPL", 80.0, bid=False),), (quote("AAPL", 80.0, ask=False),)])
def test_without_a_usable_quote_the_exit_is_a_market_order(quotes):
    closes = rising()
    fallen = {"AAPL": closes * (80.0 / closes[-1])}
    (exit_,) = left(quotes=quotes, panels={1440: panel(fallen)})
    assert (exit_.reason, exit_.order_type, exit_.limit_px) == ("stop", OrderType.MARKET, None)
    assert exit_.time_in_force is TimeInForce.DAY


def test_with_no_data_at_all_the_last_mark_is_judged():
    leg = PositionLeg(symbol="AAPL", qty=Decimal(10), avg_px=Decimal(100), mark_px=Decimal(85))
    assert [wish.reason for wish in left(position("AAPL", "momentum", legs=(leg,)), quotes=())] == ["stop"]
    assert [wish.purpose for wish in left(quotes=())] == [Purpose.PROTECT]


def test_a_stub_quote_does_not_give_the_position_away():
    stub = Quote(symbol="AAPL", ts=NOW, bid=Decimal(1), ask=Decimal(170))
    (exit_,) = left(quotes=(stub,))
    assert exit_.limit_px == Decimal("82.93")


def test_a_lost_signal_leads_out_once_a_bar_has_closed_since_the_entry():
    falling = {"AAPL": rising(drift=-0.002)}
    seen = {1440: panel(falling)}
    price = (quote("AAPL", float(falling["AAPL"][-1])),)
    cheap = Decimal(repr(float(falling["AAPL"][-1])))
    old = position("AAPL", "momentum", entry_px=cheap)
    (exit_,) = left(old, quotes=price, panels=seen)
    assert exit_.reason == "signal: rise and trend lost"
    fresh = position("AAPL", "momentum", entry_px=cheap, opened_at=NOW)
    assert [wish.purpose for wish in left(fresh, quotes=price, panels=seen)] == [Purpose.PROTECT]


def test_no_opinion_is_no_exit():
    closes = rising()
    price, cost = (quote("AAPL", float(closes[-1])),), Decimal(repr(float(closes[-1])))
    held = position("AAPL", "mean_reversion", entry_px=cost)
    other = {1440: panel({"MSFT": closes, "SPY": closes})}
    assert [wish.purpose for wish in left(held, quotes=price, panels=other)] == [Purpose.PROTECT]
    wanted = position("AAPL", "momentum", entry_px=cost)
    assert [wish.purpose for wish in left(wanted, quotes=price, panels={1440: panel({"AAPL": closes})})] == [
        Purpose.PROTECT
    ]


def test_a_position_of_a_strategy_that_is_gone_is_still_looked_after():
    assert [wish.reason for wish in left(position("AAPL", "forgotten"), quotes=(quote("AAPL", 89.0),))] == ["stop"]


@pytest.mark.parametrize(
    ("minutes_left", "timeframe", "leaves"), [(11, 5.0, False), (10, 5.0, True), (1, 1440.0, False)]
)
def test_positions_on_short_bars_are_left_before_the_close(minutes_left, timeframe, leaves):
    held = position("AAPL", "momentum", features={"timeframe_minutes": timeframe})
    now = CLOSE - timedelta(minutes=minutes_left)
    found = left(held, quotes=(quote("AAPL", 100.0, now=now),), now=now)
    assert [wish.reason for wish in found if wish.purpose is Purpose.EXIT] == ["time: the session ends"] * leaves


def test_exits_come_before_protective_orders():
    failing, sound = position("MSFT", "momentum"), HELD
    seen = market({}, (quote("AAPL", 100.0), quote("MSFT", 80.0)))
    found = MODULE.monitor(context(book(STOCKS, sound, failing), seen, KNOBS))
    assert [(wish.symbol, wish.purpose) for wish in found] == [("MSFT", Purpose.EXIT), ("AAPL", Purpose.PROTECT)]


def test_a_closed_market_gets_nothing():
    assert MODULE.monitor(context(book(STOCKS, HELD), market({}, (), CLOSED_SESSION), KNOBS)) == []
