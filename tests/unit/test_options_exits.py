"""When structures are left, and the order that leaves them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from modules.options.exits import Situation, due, exit_order, pressing, sessions_left
from modules.options.marks import mark, nearest_expiry
from modules.options.module import OptionsModule
from modules.options.parameters import ExitParameters
from modules.options.regime import Trend
from modules.options.universe import UNIVERSE
from orchestrator.domain.instruments import OptionRight
from orchestrator.domain.market import SessionState
from orchestrator.domain.opportunities import ExitReason
from orchestrator.domain.orders import Purpose, Side
from orchestrator.module import ModuleConfig
from tests.options_market import NOW, OPEN, book_of, chain_of, closes, context_of, holding, market_of, quoted

RULES = ExitParameters()
CHAIN = chain_of(days=(1, 4, 7, 30))
CALL, PUT = OptionRight.CALL, OptionRight.PUT


def at(days: int, right: OptionRight, strike: int) -> str:
    return quoted(CHAIN, days=days, right=right, strike=strike).symbol


def quotes(**prices: tuple[str | None, str | None]):
    """The chain's quotes, some with other bids and asks; keys `C105` of the 30-day expiry."""
    found = {quote.symbol: quote for quote in CHAIN.contracts}
    for name, (bid, ask) in prices.items():
        symbol = at(30, OptionRight(name[0]), int(name[1:]))
        sides = {"bid": None if bid is None else Decimal(bid), "ask": None if ask is None else Decimal(ask)}
        found[symbol] = found[symbol].model_copy(update=sides)
    return found


def seen(position, *, known=None, trend=Trend.UP, spot="100", fresh=True, now=NOW, session=OPEN, rules=RULES):
    worth = mark(position, quotes() if known is None else known)
    return Situation(position, worth, trend, None if spot is None else Decimal(spot), session, rules, now, fresh)


LONG_CALL = holding("long_call", [(at(30, CALL, 100), 2, "2.00")])
CALL_SPREAD = holding("bull_call_spread", [(at(30, CALL, 100), 1, "3.00"), (at(30, CALL, 105), -1, "1.00")])
PUT_SPREAD = holding("bull_put_spread", [(at(30, PUT, 98), -1, "2.00"), (at(30, PUT, 93), 1, "0.80")])


def why(position, **kw):
    found = due(seen(position, **kw))
    return None if found is None else ExitReason(found.split(":")[0])


@pytest.mark.parametrize(
    ("bid", "ask", "expected"),
    [
        ("2.00", "2.10", None),
        ("3.59", "3.70", None),
        ("3.60", "3.70", ExitReason.TARGET),
        ("1.00", "1.04", None),
        ("0.98", "1.02", ExitReason.STOP),
    ],
)
def test_a_bought_call_is_left_at_its_gain_or_loss_of_premium(bid, ask, expected):
    assert why(LONG_CALL, known=quotes(C100=(bid, ask))) is expected


@pytest.mark.parametrize(
    ("near", "far", "expected"),
    [
        (("3.00", "3.05"), ("1.00", "1.05"), None),
        # Width 5, paid 2: 3 at best, 55 % of it is 1.65, so it goes when leaving brings 3.65.
        (("4.70", "4.75"), ("1.00", "1.05"), ExitReason.TARGET),
        (("4.69", "4.75"), ("1.00", "1.05"), None),
        (("1.50", "1.52"), ("0.50", "0.52"), ExitReason.STOP),
    ],
)
def test_a_debit_spread_is_left_at_a_share_of_its_largest_profit_or_of_its_cost(near, far, expected):
    assert why(CALL_SPREAD, known=quotes(C100=near, C105=far)) is expected


@pytest.mark.parametrize(
    ("sold", "bought", "expected"),
    [
        (("1.98", "2.02"), ("0.78", "0.82"), None),
        # 1.20 received: 55 % of it is 0.66, so it goes when buying it back costs 0.54.
        (("0.70", "0.74"), ("0.20", "0.22"), ExitReason.TARGET),
        (("0.70", "0.75"), ("0.20", "0.22"), None),
        # A loss of 1.5 times the credit: worth 3.00 or more.
        (("3.90", "3.92"), ("0.90", "0.92"), ExitReason.STOP),
        (("3.85", "3.87"), ("0.90", "0.92"), None),
    ],
)
def test_a_credit_spread_is_left_at_a_share_or_a_multiple_of_its_credit(sold, bought, expected):
    assert why(PUT_SPREAD, known=quotes(P98=sold, P93=bought)) is expected


def test_a_profit_on_one_side_only_is_none():
    assert why(LONG_CALL, known=quotes(C100=("9.00", None))) is None
    assert why(LONG_CALL, known=quotes(C100=(None, "0.10"))) is None


def test_a_structure_is_left_when_the_trend_turns_down_and_the_market_is_tight():
    assert why(CALL_SPREAD, trend=Trend.DOWN, known=quotes(C100=("3.00", "3.05"), C105=("1.00", "1.05"))) is (
        ExitReason.SIGNAL
    )
    wide = quotes(C100=("2.60", "3.45"), C105=("0.60", "1.45"))
    assert why(CALL_SPREAD, trend=Trend.DOWN, known=wide) is None
    assert why(CALL_SPREAD, trend=None, known=quotes(C100=("3.00", "3.05"), C105=("1.00", "1.05"))) is None


def test_a_structure_worth_nothing_gives_up_everything():
    worthless = quotes(C100=("1.00", "1.04"), C105=("1.00", "1.04"))
    assert mark(CALL_SPREAD, worthless).concession == 1


def test_a_structure_is_left_some_days_before_expiry():
    near = holding("long_call", [(at(4, CALL, 100), 1, "1.40")])
    assert why(near) is ExitReason.TIME
    assert why(near, rules=ExitParameters(exit_days=3)) is None


def test_nothing_is_held_into_the_session_before_expiry():
    last = holding("long_call", [(at(1, CALL, 100), 1, "0.70")])
    assert why(last, rules=ExitParameters(exit_days=1)) is ExitReason.EXPIRY_WINDOW
    two = holding("long_call", [(at(4, CALL, 100), 1, "1.40")])
    assert why(two, rules=ExitParameters(exit_days=1, window_sessions=2)) is None
    assert why(two, rules=ExitParameters(exit_days=1, window_sessions=3)) is ExitReason.EXPIRY_WINDOW


THURSDAY = datetime(2026, 7, 2, 15, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("expiry", "next_open", "expected"),
    [
        (date(2026, 7, 2), datetime(2026, 7, 6, 13, 30, tzinfo=UTC), 0),
        (date(2026, 7, 1), datetime(2026, 7, 6, 13, 30, tzinfo=UTC), 0),
        (date(2026, 7, 6), None, 2),
        # Friday the 3rd is a holiday: Monday's expiry is the next session.
        (date(2026, 7, 6), datetime(2026, 7, 6, 13, 30, tzinfo=UTC), 1),
        (date(2026, 7, 7), datetime(2026, 7, 6, 13, 30, tzinfo=UTC), 3),
    ],
    ids=["expiry day", "past", "weekdays", "holiday between", "two sessions"],
)
def test_sessions_to_expiry_skip_weekends_and_the_next_holiday(expiry, next_open, expected):
    assert sessions_left(expiry, SessionState(is_open=True, next_open=next_open), THURSDAY) == expected


EXPIRY_DAY = date(2026, 7, 16)


@pytest.mark.parametrize("minute", [30, 45, 329, 344, 346, 389])
def test_on_expiry_day_a_position_is_left_at_every_moment(minute):
    last = holding("long_call", [(at(1, CALL, 100), 1, "0.70")])
    now = datetime(2026, 7, 16, 13, 30, tzinfo=UTC) + timedelta(minutes=minute)
    session = SessionState(is_open=True, close=datetime(2026, 7, 16, 20, 0, tzinfo=UTC))
    for fresh in (True, False):
        assert why(last, now=now, session=session, fresh=fresh) is ExitReason.EXPIRY_WINDOW


def test_on_a_half_day_before_expiry_it_is_left_before_the_early_close():
    # The session before expiry ends at 13:00 New York: without fresh quotes it goes 45 minutes before.
    last = holding("long_call", [(at(1, CALL, 100), 1, "0.70")])
    half_day = SessionState(is_open=True, close=NOW.replace(hour=17, minute=0))
    before, after = NOW.replace(hour=16, minute=14), NOW.replace(hour=16, minute=15)
    assert why(last, now=before, session=half_day, fresh=False) is None
    assert why(last, now=after, session=half_day, fresh=False) is ExitReason.EXPIRY_WINDOW
    assert not pressing(EXPIRY_DAY, half_day, before)
    assert pressing(EXPIRY_DAY, half_day, after)
    assert not pressing(EXPIRY_DAY, SessionState(is_open=True), after)


@pytest.mark.parametrize("position", [LONG_CALL, CALL_SPREAD, PUT_SPREAD])
def test_nothing_is_decided_on_stale_quotes_while_there_is_time(position):
    awful = quotes(C100=("0.01", "0.02"), C105=("0.01", "0.02"), P98=("30.00", "30.10"), P93=("1.00", "1.02"))
    assert why(position, known=awful, trend=Trend.DOWN) is not None
    assert why(position, known=awful, trend=Trend.DOWN, fresh=False) is None


def test_a_sold_option_deep_in_the_money_is_left_before_it_is_assigned():
    known = quotes(P98=("8.00", "8.04"), P93=("4.30", "4.34"))
    patient = ExitParameters(credit_stop=5)
    assert why(PUT_SPREAD, known=known, spot="90", rules=patient) is ExitReason.TIME
    assert why(PUT_SPREAD, known=known, spot="91", rules=patient) is None
    assert why(PUT_SPREAD, known=known, spot=None, rules=patient) is None
    calls = holding("bull_call_spread", [(at(30, CALL, 95), 1, "6.00"), (at(30, CALL, 97), -1, "5.20")])
    deep = quotes(C95=("6.00", "6.04"), C97=("5.00", "5.04"))
    assert why(calls, known=deep, spot="102") is ExitReason.TIME
    assert why(calls, known=deep, spot="96") is None


@pytest.mark.parametrize("assigned", [1, 2])
def test_shares_of_an_assigned_call_are_bought_back_before_the_call_that_hedges_them(assigned):
    legs = [(at(30, CALL, 100), 2, "3.00"), (at(30, CALL, 105), assigned - 2, "1.00"), ("SPY", -100 * assigned, "105")]
    broken = holding("bull_call_spread", legs)
    context = context_of(market_of([CHAIN], {"SPY": closes()}), book=book_of(broken))
    (order,) = OptionsModule(None, None, None, ModuleConfig(universe=UNIVERSE)).monitor(context)
    assert [(leg.symbol, leg.side, leg.ratio) for leg in order.legs] == [("SPY", Side.BUY, 1)]
    assert (order.qty, order.purpose) == (100 * assigned, Purpose.EXIT)


def test_once_the_shares_are_back_the_contract_goes():
    broken = holding(
        "bull_call_spread", [(at(30, CALL, 100), 1, "3.00"), (at(30, CALL, 105), 0, "1"), ("SPY", 0, "105")]
    )
    context = context_of(market_of([CHAIN], {"SPY": closes()}), book=book_of(broken))
    (order,) = OptionsModule(None, None, None, ModuleConfig(universe=UNIVERSE)).monitor(context)
    assert [(leg.symbol, leg.side) for leg in order.legs] == [(at(30, CALL, 100), Side.SELL)]


def test_what_is_left_of_a_structure_that_lost_a_leg_goes():
    broken = holding("bull_put_spread", [(at(30, PUT, 98), 0, "2.00"), (at(30, PUT, 93), 3, "0.80")])
    found = seen(broken)
    assert why(broken) is ExitReason.EXPIRY_WINDOW
    order = exit_order(broken, found.worth, why="x", replaces=(), now=NOW)
    assert [(leg.symbol, leg.side) for leg in order.legs] == [(at(30, PUT, 93), Side.SELL)]
    assert order.qty == 3
    assert order.side is Side.SELL


def test_the_exit_of_a_spread_is_one_order_with_all_legs_reversed_at_their_touch():
    known = quotes(C100=("3.00", "3.10"), C105=("1.00", "1.10"))
    found = seen(CALL_SPREAD, known=known)
    order = exit_order(CALL_SPREAD, found.worth, why="target: x", replaces=("o1",), now=NOW)
    assert order.purpose is Purpose.EXIT
    assert [(leg.side, leg.ratio, leg.multiplier) for leg in order.legs] == [(Side.SELL, 1, 100), (Side.BUY, 1, 100)]
    assert order.decision_px == Decimal("-2.00")
    assert order.limit_px == Decimal("-1.90")
    assert (order.position_id, order.qty, order.symbol, order.replaces) == ("p1", 1, "SPY", ("o1",))
    assert order.quote_ts == NOW
    assert order.two_sided
    assert order.instrument.multiplier == 100


def test_the_exit_of_a_credit_spread_costs_a_debit():
    order = exit_order(
        PUT_SPREAD,
        seen(PUT_SPREAD, known=quotes(P98=("0.70", "0.74"), P93=("0.20", "0.22"))).worth,
        why="x",
        replaces=(),
        now=NOW,
    )
    assert order.limit_px == Decimal("0.54")
    assert order.decision_px == Decimal("0.51")


def test_the_exit_of_one_leg_has_a_positive_price_and_its_own_side():
    order = exit_order(LONG_CALL, seen(LONG_CALL).worth, why="x", replaces=(), now=NOW)
    quote = quoted(CHAIN, days=30, right=CALL, strike=100)
    assert (order.side, order.limit_px, order.qty) == (Side.SELL, quote.bid, 2)
    sold = holding("covered_call", [(at(30, CALL, 105), -1, "1.00")])
    order = exit_order(sold, seen(sold).worth, why="x", replaces=(), now=NOW)
    assert (order.side, order.limit_px) == (Side.BUY, quoted(CHAIN, days=30, right=CALL, strike=105).ask)


def test_a_leg_without_a_quote_is_valued_at_its_mark_and_the_order_says_so():
    priced = CALL_SPREAD.model_copy(
        update={"legs": (CALL_SPREAD.legs[0].model_copy(update={"mark_px": Decimal("2.50")}), CALL_SPREAD.legs[1])}
    )
    worth = mark(priced, {})
    assert (worth.mid, worth.touch) == (Decimal("1.50"), Decimal("1.50"))
    assert worth.quote_ts is None
    assert not worth.two_sided


def test_what_nobody_bids_for_brings_nothing_and_what_nobody_offers_is_bought_at_its_mark():
    worth = mark(PUT_SPREAD, quotes(P98=(None, None), P93=(None, "0.02")))
    assert worth.touch == Decimal("-2.00")
    worthless = holding("long_call", [(at(30, CALL, 100), 1, "2.00")])
    order = exit_order(worthless, mark(worthless, quotes(C100=(None, "0.01"))), why="x", replaces=(), now=NOW)
    assert order.limit_px == Decimal("0.01")


def test_uneven_legs_keep_their_ratio():
    uneven = holding("bull_call_spread", [(at(30, CALL, 100), 2, "3.00"), (at(30, CALL, 105), -4, "1.00")])
    order = exit_order(uneven, mark(uneven, quotes()), why="x", replaces=(), now=NOW)
    assert [leg.ratio for leg in order.legs] == [1, 2]
    assert order.qty == 2


def test_the_nearest_expiry_is_that_of_the_open_legs():
    calendar = holding("x", [(at(4, CALL, 100), 0, "1.00"), (at(30, CALL, 100), 1, "2.00")])
    assert nearest_expiry(calendar) == NOW.date() + timedelta(days=30)
    assert nearest_expiry(holding("x", [("SPY", 100, "100")])) is None


def test_an_entry_that_cost_nothing_is_neither_stop_nor_target():
    free = holding("bull_call_spread", [(at(30, CALL, 100), 1, "1.00"), (at(30, CALL, 105), -1, "1.00")])
    even = quotes(C100=("1.00", "1.02"), C105=("1.00", "1.02"))
    assert why(free, known=even) is None
