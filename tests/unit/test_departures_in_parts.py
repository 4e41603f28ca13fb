"""Partial exits, protective orders of the right size and height, and never more for sale than is held."""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modules.stocks.module import StocksModule
from modules.stocks.parameters import StocksParameters
from modules.stocks.strategies.momentum import Momentum
from modules.stocks.universe import UNIVERSE
from orchestrator.domain.base import ModuleName
from orchestrator.domain.market import MarketSnapshot, Quote
from orchestrator.domain.opportunities import TradeOpportunity
from orchestrator.domain.orders import Order, OrderState, OrderType, Purpose, TimeInForce
from orchestrator.domain.positions import Position, PositionLeg
from orchestrator.domain.stops import ExitRules
from tests.desk_drill import module_of
from tests.module_views import NOW, book, context, market, order, panel, position, quote, rising, steady

MODULE = module_of(StocksModule, UNIVERSE)
LADDER = ({"at_r": 1, "part": 0.4}, {"at_r": 2, "part": 0.6})
QUIET = {"trail_after_r": 10, "trail_r": 5, "target_r": 10}
"""Nothing follows the price and the target is far."""


def knobs(**exits: object) -> StocksParameters:
    return StocksParameters(momentum=Momentum(exits=ExitRules(**QUIET | exits)))


def held(units: object = 10, **changes: object) -> Position:
    legs = (PositionLeg(symbol="AAPL", qty=Decimal(str(units)), avg_px=Decimal(100)),)
    return position("AAPL", "momentum", **{"legs": legs, **changes})


def resting(
    of: Position,
    purpose: Purpose = Purpose.PROTECT,
    *,
    qty: object = None,
    stop: str = "90",
    key: str = "stop1",
    state: OrderState = OrderState.WORKING,
    decided_at: datetime = NOW - timedelta(days=1),
) -> Order:
    made = order(of, purpose, key=key, state=state)
    update = {"stop_price": Decimal(stop), "qty": Decimal(str(qty or of.units)), "decided_at": decided_at}
    return made.model_copy(update={"intent": made.intent.model_copy(update=update)})


def seen(price: float, *, bars: bool = False, newest: datetime = NOW) -> MarketSnapshot:
    # Bars of a dead calm market around the price: the strategy has no opinion, one bar moves 0.8 % of the price.
    flat = steady(30, drift=0.0, swing=0.0001) * price / 100
    panels = {1440: panel({"AAPL": flat}, newest=newest)} if bars else {}
    return market(panels, (quote("AAPL", price),))


def left(of: Position, price: float, *orders: Order, by: StocksParameters, **view: object) -> list[TradeOpportunity]:
    return MODULE.monitor(context(book(ModuleName.STOCKS, of, orders=orders), seen(price, **view), by))


def brief(found: list[TradeOpportunity]) -> list[tuple[Purpose, int, tuple[str, ...]]]:
    return [(wish.purpose, int(wish.qty or 0), wish.replaces) for wish in found]


def test_a_rung_sells_its_part_and_the_stop_is_placed_anew_for_the_rest():
    one = held()
    part, stop = left(one, 110.1, resting(one), by=knobs(ladder=LADDER))
    assert brief([part, stop]) == [(Purpose.EXIT, 4, ("stop1",)), (Purpose.PROTECT, 6, ("stop1",))]
    assert (part.order_type, part.time_in_force) == (OrderType.LIMIT, TimeInForce.IOC)
    assert part.reason == "target: 4 of 10 up the ladder"
    assert (stop.order_type, stop.stop_price) == (OrderType.STOP, Decimal("90.00"))


def test_the_last_rung_leaves_with_everything():
    one = held(6, exit_qty=Decimal(4))
    assert brief(left(one, 120.1, resting(one), by=knobs(ladder=LADDER))) == [(Purpose.EXIT, 6, ("stop1",))]


def test_a_rung_that_is_done_is_not_done_again():
    one = held(6, exit_qty=Decimal(4))
    assert left(one, 111, resting(one), by=knobs(ladder=LADDER)) == []


def test_between_the_rungs_an_unprotected_rest_gets_its_stop():
    one = held(6, exit_qty=Decimal(4))
    assert brief(left(one, 109, by=knobs(ladder=LADDER))) == [(Purpose.PROTECT, 6, ())]


def test_the_stop_takes_all_that_is_left_before_any_rung():
    one = held()
    assert brief(left(one, 89, resting(one), by=knobs(ladder=LADDER))) == [(Purpose.EXIT, 10, ("stop1",))]


def test_while_a_part_is_being_sold_the_rest_is_protected_and_can_still_be_left():
    one = held()
    selling = resting(one, Purpose.EXIT, qty=4, key="exit1", state=OrderState.UNKNOWN)
    rest = resting(one, qty=6)
    by = knobs(ladder=LADDER)
    assert brief(left(one, 110.1, selling, by=by)) == [(Purpose.PROTECT, 6, ())]
    assert left(one, 110.1, selling, rest, by=by) == []
    assert brief(left(one, 89, selling, rest, by=by)) == [(Purpose.EXIT, 6, ("stop1",))]


def test_an_exit_that_has_ended_is_decided_anew():
    one = held()
    missed = resting(one, Purpose.EXIT, key="exit1", state=OrderState.CANCELLED)
    assert brief(left(one, 89, missed, by=knobs())) == [(Purpose.EXIT, 10, ())]
    gone = resting(one, state=OrderState.CANCELLED)
    assert brief(left(one, 100, gone, by=knobs())) == [(Purpose.PROTECT, 10, ())]


def test_what_the_venue_says_is_sold_counts_as_sold_before_it_shows_the_fills():
    one = held()
    ended = resting(one, Purpose.EXIT, key="exit1", state=OrderState.CANCELLED)
    partly, wholly = (ended.model_copy(update={"told_qty": Decimal(told)}) for told in (3, 10))
    assert brief(left(one, 89, partly, by=knobs())) == [(Purpose.EXIT, 7, ())]
    assert brief(left(one, 100, partly, by=knobs())) == [(Purpose.PROTECT, 7, ())]
    assert left(one, 89, wholly, by=knobs()) == []
    stopped = resting(one, state=OrderState.CANCELLED).model_copy(update={"told_qty": Decimal(4)})
    assert brief(left(one, 100, stopped, by=knobs())) == [(Purpose.PROTECT, 6, ())]


def test_an_exit_that_missed_is_tried_again_further_through_but_never_gives_the_position_away():
    one = held()
    missed = [resting(one, Purpose.EXIT, key=f"exit{n}", state=OrderState.CANCELLED) for n in range(20)]
    limits = [left(one, 89, *missed[:n], by=knobs())[0].limit_px for n in (0, 1, 2, 20)]
    bid = quote("AAPL", 89).bid
    assert bid is not None
    wanted = [bid * (1 - Decimal(n) * 30 / 10_000) for n in (1, 2, 3)] + [Decimal(89) * Decimal("0.97")]
    assert limits == pytest.approx(wanted, abs=Decimal("0.0101"))
    assert limits[3] >= Decimal(89) * Decimal("0.97") - Decimal("0.01")


@pytest.mark.parametrize(("covered", "wanted"), [(7, 10), (12, 10)])
def test_a_protective_order_of_another_size_is_replaced(covered, wanted):
    one = held()
    found = left(one, 100, resting(one, qty=covered), by=knobs())
    assert brief(found) == [(Purpose.PROTECT, wanted, ("stop1",))]


@pytest.mark.parametrize(
    "state", [OrderState.PLANNED, OrderState.SUBMITTING, OrderState.UNKNOWN, OrderState.PARTIALLY_FILLED]
)
def test_an_order_in_doubt_or_under_way_is_not_replaced(state):
    one = held()
    assert left(one, 100, resting(one, qty=7, state=state), by=knobs()) == []


def test_orders_that_were_never_sent_and_no_longer_fit_are_replaced():
    one = held(7, exit_qty=Decimal(3))
    part = resting(one, Purpose.EXIT, qty=4, key="exit1", state=OrderState.PLANNED)
    rest = resting(one, qty=6, state=OrderState.PLANNED)
    assert brief(left(one, 100, part, rest, by=knobs())) == [(Purpose.PROTECT, 7, ("exit1", "stop1"))]
    assert brief(left(one, 89, part, rest, by=knobs())) == [(Purpose.EXIT, 7, ("exit1", "stop1"))]


def test_two_orders_that_cover_everything_are_left_alone():
    one = held()
    assert left(one, 100, resting(one, qty=4), resting(one, qty=6, key="stop2"), by=knobs()) == []


def test_a_remainder_below_the_lot_does_not_churn():
    one = held("10.4")
    assert left(one, 100, resting(one, qty=10), by=knobs()) == []


def test_a_risen_stop_is_placed_at_the_venue_when_the_rise_is_worth_it():
    one = held(high_water_px=Decimal(110))
    moving = knobs(break_even_r=1, restop_r=0.5)
    (stop,) = left(one, 105, resting(one), by=moving, bars=True)
    assert (stop.stop_price, stop.replaces, stop.qty) == (Decimal("100.00"), ("stop1",), 10)
    assert left(one, 105, resting(one, stop="95.01"), by=moving, bars=True) == []


def test_by_default_the_order_stays_where_it_was_as_the_floor():
    one = held(high_water_px=Decimal(110))
    assert left(one, 105, resting(one), by=knobs(break_even_r=1), bars=True) == []
    (stop,) = left(one, 105, by=knobs(break_even_r=1), bars=True)
    assert stop.stop_price == Decimal("90.00")


@pytest.mark.parametrize(
    ("sent", "replaced"), [(NOW - timedelta(minutes=1), True), (NOW, False), (NOW + timedelta(minutes=1), False)]
)
def test_a_stop_is_raised_once_a_bar(sent, replaced):
    one = held(high_water_px=Decimal(110))
    found = left(one, 105, resting(one, decided_at=sent), by=knobs(break_even_r=1, restop_r=0.5), bars=True)
    assert bool(found) is replaced


def test_without_bars_no_stop_is_raised():
    one = held(high_water_px=Decimal(110))
    assert left(one, 105, resting(one), by=knobs(break_even_r=1, restop_r=0.5)) == []


def test_a_new_size_does_not_lower_the_stop():
    one = held()
    (stop,) = left(one, 105, resting(one, qty=7, stop="98"), by=knobs(), bars=True)
    assert stop.stop_price == Decimal("98.00")


def test_a_chandelier_hangs_from_the_bars_since_the_entry():
    opened = NOW - timedelta(days=5)
    by = knobs(chandelier_moves=2)
    one = held(opened_at=opened)
    scene = context(book(ModuleName.STOCKS, one), seen(105, bars=True), by)
    (raised,) = MODULE.raised_stops(scene).values()
    # The bars' high is 0.4 % above 105, one bar moves 0.8 % of it.
    assert raised == pytest.approx(Decimal(105) * (Decimal("1.004") - 2 * Decimal("0.008")), abs=Decimal("0.05"))
    fresh = held(opened_at=NOW)
    (later,) = MODULE.raised_stops(replace(scene, book=book(ModuleName.STOCKS, fresh))).values()
    assert later < raised
    assert brief(left(one, 105, by=by, bars=True)) == [(Purpose.PROTECT, 10, ())]
    known = one.model_copy(update={"raised_stop": Decimal(106)})
    assert [wish.reason for wish in left(known, 105, by=by, bars=True)] == ["stop"]


def test_nothing_is_raised_in_a_closed_market_or_without_a_gain():
    one = held()
    quiet = context(book(ModuleName.STOCKS, one), seen(100, bars=True), knobs())
    assert MODULE.raised_stops(quiet) == {}
    shut = replace(seen(130), session=market({}).session.model_copy(update={"is_open": False}))
    assert MODULE.raised_stops(context(book(ModuleName.STOCKS, one), shut, knobs(break_even_r=1))) == {}


@pytest.mark.parametrize(("ask", "raised"), [("115.5", True), ("115.8", False), (None, False)])
def test_a_stub_quote_raises_no_stop(ask, raised):
    wide = Quote(symbol="AAPL", ts=NOW, bid=Decimal(110), ask=None if ask is None else Decimal(ask))
    scene = context(book(ModuleName.STOCKS, held()), market({}, (wide,)), knobs(break_even_r=1))
    assert bool(MODULE.raised_stops(scene)) is raised
    following = replace(scene, parameters=knobs(break_even_r=1, restop_r=0.1))
    (stop,) = MODULE.monitor(following)
    assert stop.stop_price == (100 if raised else 90)


def test_a_symbol_in_quarantine_raises_no_stop():
    closed = book(ModuleName.STOCKS, held()).model_copy(update={"quarantine": {"AAPL": "a split"}})
    scene = context(closed, seen(110), knobs(break_even_r=1, restop_r=0.1))
    assert MODULE.raised_stops(scene) == {}
    assert [wish.stop_price for wish in MODULE.monitor(scene)] == [90]


@pytest.mark.parametrize(
    ("price", "drift", "waits"),
    [
        (50, 10, True),
        (50, 0, False),
        (50, 3, False),
        (14.3, 60, True),
        (85, 10, False),
        (1000, -9, True),
        (200, -9, False),
    ],
)
def test_levels_in_old_units_of_a_split_are_not_judged(price, drift, waits):
    one = held(take_profit=Decimal(150))
    apart = book(ModuleName.STOCKS, one).model_copy(update={"drift": {"AAPL": Decimal(drift)}})
    found = MODULE.monitor(context(apart, seen(price), knobs()))
    assert (found == []) is waits


def test_a_symbol_whose_bars_have_too_little_history_has_no_chandelier():
    short = {1440: panel({"AAPL": rising(3)})}
    scene = context(book(ModuleName.STOCKS, held()), market(short, (quote("AAPL", 100.0),)), knobs(chandelier_moves=1))
    assert MODULE.raised_stops(scene) == {}


def test_a_stop_rests_for_whole_shares_only():
    one = held("10.5")
    (stop,) = left(one, 101.0, by=knobs())
    assert (stop.purpose, stop.qty) == (Purpose.PROTECT, 10)
    assert left(one, 101.0, resting(one, qty=10), by=knobs()) == []


def test_whole_shares_leave_first_and_the_part_at_the_market_of_the_day():
    (whole,) = left(held("10.5"), 89.0, by=knobs())
    assert (whole.qty, whole.order_type, whole.time_in_force) == (10, OrderType.LIMIT, TimeInForce.IOC)
    (part,) = left(held("0.5", exit_qty=Decimal(10)), 101.0, by=knobs())
    assert (part.qty, part.order_type, part.time_in_force) == (Decimal("0.5"), OrderType.MARKET, TimeInForce.DAY)
    assert part.reason == "signal: part of a share is left"


def test_a_part_that_was_never_more_stays_until_its_stop():
    assert left(held("0.5"), 101.0, by=knobs()) == []
    (part,) = left(held("0.5"), 89.0, by=knobs())
    assert (part.reason, part.order_type) == ("stop", OrderType.MARKET)


states = st.sampled_from(list(OrderState))
others = st.lists(
    st.tuples(st.sampled_from([Purpose.EXIT, Purpose.PROTECT]), st.integers(1, 12), st.integers(85, 104), states),
    max_size=3,
)


@given(
    units=st.integers(1, 12),
    sold=st.integers(0, 12),
    price=st.integers(80, 140),
    orders=others,
    ladder=st.sampled_from([(), LADDER, LADDER[:1]]),
    restop=st.sampled_from([0, 0.2]),
)
def test_what_leaves_a_position_never_adds_up_to_more_than_is_held(units, sold, price, orders, ladder, restop):
    one = held(units, exit_qty=Decimal(sold), high_water_px=Decimal(price))
    book_orders = [
        resting(one, purpose, qty=qty, stop=str(stop), key=f"o{n}", state=state)
        for n, (purpose, qty, stop, state) in enumerate(orders)
    ]
    by = knobs(ladder=ladder, restop_r=restop, break_even_r=0.5)
    found = left(one, float(price), *book_orders, by=by, bars=True)
    named = {key for wish in found for key in wish.replaces}
    working = {o.id: o for o in book_orders if not o.state.terminal}
    assert named <= set(working)
    beside = sum(o.leaves_qty for o in working.values() if o.id not in named)
    assert not found or sum(wish.qty or 0 for wish in found) + beside <= units
    assert all((wish.qty or 0) > 0 for wish in found)
    for wish in found:
        if wish.purpose is Purpose.PROTECT:
            assert wish.stop_price is not None
            assert wish.stop_price < wish.decision_px
            rested = [working[key] for key in wish.replaces if working[key].state is OrderState.WORKING]
            assert all(wish.stop_price >= (order.intent.stop_price or 0) for order in rested)
