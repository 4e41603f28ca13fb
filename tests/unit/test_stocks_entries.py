"""How signals become priced entries: which, at what price, with which stop, and which not."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import numpy as np
import pytest

from modules.stocks.module import StocksModule
from modules.stocks.parameters import StocksParameters
from modules.stocks.strategies.momentum import Momentum
from modules.stocks.universe import UNIVERSE
from orchestrator.domain.base import ZERO, ModuleName
from orchestrator.domain.documents import AccountView
from orchestrator.domain.market import Panel, Quote
from orchestrator.domain.opportunities import TradeOpportunity
from orchestrator.domain.orders import OrderState, OrderType, Purpose, Side, TimeInForce
from orchestrator.domain.scene import Execution
from tests.desk_drill import module_of
from tests.module_views import CLOSE, CLOSED_SESSION, NOW, book, context, market, order, panel, position, quote, rising

STOCKS = ModuleName.STOCKS
MODULE = module_of(StocksModule, UNIVERSE)
KNOBS = StocksParameters()
PAIR = {"AAPL": rising(seed=1), "MSFT": rising(drift=0.001, seed=2)}
QUOTES = tuple(quote(name, float(series[-1])) for name, series in PAIR.items())


def entered(
    panels: dict[int, Panel] | None = None, quotes: tuple[Quote, ...] = QUOTES, *, knobs=KNOBS, held=None, **changes
) -> list[TradeOpportunity]:
    seen = market({1440: panel(PAIR)} if panels is None else panels, quotes)
    return MODULE.analyze(context(held or book(STOCKS), seen, knobs, changes.get("now", NOW)))


def test_an_entry_is_fully_priced():
    first = next(wish for wish in entered() if wish.symbol == "AAPL")
    price = QUOTES[0].mid
    assert (first.purpose, first.side, first.order_type) == (Purpose.ENTRY, Side.BUY, OrderType.LIMIT)
    assert first.time_in_force is TimeInForce.IOC
    assert first.decision_px == price
    assert QUOTES[0].ask < first.limit_px <= price * Decimal("1.01")
    assert first.limit_px % first.instrument.tick_size == 0
    assert first.stop_price < price < first.take_profit
    assert first.notional_usd == price
    assert (first.quote_ts, first.two_sided) == (NOW, True)
    assert first.annual_vol > 0
    assert 0 <= first.confidence <= 1
    assert first.strategy in {"momentum", "mean_reversion"}
    assert first.reason == "rising above its trend"
    assert first.features["timeframe_minutes"] == 1440
    assert all(np.isfinite(value) for value in first.features.values())


def test_the_most_confident_comes_first_and_a_symbol_comes_once():
    found = entered()
    assert [wish.confidence for wish in found] == sorted((wish.confidence for wish in found), reverse=True)
    assert len({wish.symbol for wish in found}) == len(found) == 2


def test_a_closed_market_gets_nothing():
    seen = market({1440: panel(PAIR)}, QUOTES, CLOSED_SESSION)
    assert MODULE.analyze(context(book(STOCKS), seen, KNOBS)) == []


def test_what_is_held_or_being_ordered_is_not_entered_again():
    held = position("AAPL", "momentum")
    assert [wish.symbol for wish in entered(held=book(STOCKS, held))] == ["MSFT"]
    assert [wish.symbol for wish in entered(held=book(STOCKS, orders=(order(held, Purpose.ENTRY),)))] == ["MSFT"]


@pytest.mark.parametrize(
    ("purpose", "state", "filled", "count"),
    [
        (Purpose.ENTRY, OrderState.WORKING, 0, 0),
        (Purpose.ENTRY, OrderState.CANCELLED, 0, 0),
        (Purpose.ENTRY, OrderState.REJECTED, 0, 0),
        (Purpose.ENTRY, OrderState.FILLED, 5, 1),
        (Purpose.ENTRY, OrderState.CANCELLED, 2, 1),
        (Purpose.EXIT, OrderState.FILLED, 5, 1),
        (Purpose.EXIT, OrderState.CANCELLED, 0, 1),
        (Purpose.EXIT, OrderState.UNKNOWN, 0, 0),
    ],
)
def test_a_symbol_waits_for_orders_that_may_trade_and_after_entries_that_traded_nothing(purpose, state, filled, count):
    was = order(position("AAPL", "momentum"), purpose).model_copy(
        update={"state": state, "filled_qty": Decimal(filled)}
    )
    found = entered(held=book(STOCKS, orders=(was,)))
    assert sum(wish.symbol == "AAPL" for wish in found) == count


@pytest.mark.parametrize(("seen", "count"), [(NOW, 0), (NOW + timedelta(minutes=5), 0), (NOW - timedelta(hours=1), 1)])
def test_what_was_held_is_entered_again_only_after_another_bar(seen, count):
    found = entered(held=book(STOCKS, memory={"held AAPL": seen.isoformat()}))
    assert sum(wish.symbol == "AAPL" for wish in found) == count


def test_the_module_remembers_what_it_holds():
    ctx = context(
        book(STOCKS, position("AAPL", "momentum"), memory={"held XLK": "2026-07-01T00:00:00+00:00"}), market({}), KNOBS
    )
    assert MODULE.remember(ctx) == {"held AAPL": NOW.isoformat(), "held XLK": "2026-07-01T00:00:00+00:00"}


def test_the_module_remembers_what_it_proposed_in_an_open_market():
    seen = market({1440: panel(PAIR)}, QUOTES)
    assert MODULE.remember(context(book(STOCKS), seen, KNOBS)) == dict.fromkeys(
        ("proposed AAPL", "proposed MSFT"), NOW.isoformat()
    )
    assert MODULE.remember(context(book(STOCKS), replace(seen, session=CLOSED_SESSION), KNOBS)) == {}


@pytest.mark.parametrize(("minutes_ago", "count"), [(5, 0), (29, 0), (30, 1), (1440, 1)])
def test_what_was_refused_is_proposed_again_after_a_while(minutes_ago, count):
    asked = NOW - timedelta(minutes=minutes_ago)
    old = {1440: panel(PAIR, newest=NOW - timedelta(days=1, minutes=1))}
    assert (
        sum(w.symbol == "AAPL" for w in entered(old, held=book(STOCKS, memory={"proposed AAPL": asked.isoformat()})))
        == count
    )


def test_a_new_bar_may_be_proposed_at_once():
    asked = NOW - timedelta(minutes=1)
    assert len(entered(held=book(STOCKS, memory={"proposed AAPL": asked.isoformat()}))) == 2


def test_a_strategy_wants_no_more_than_its_weight():
    assert {wish.max_notional_usd for wish in entered()} == {None}
    account = AccountView(venue="alpaca", cash=ZERO, equity=Decimal(80_000), buying_power=ZERO, as_of=NOW)
    rich = book(STOCKS).model_copy(update={"account": account})
    assert {w.max_notional_usd for w in entered(held=rich) if w.strategy == "momentum"} == {Decimal(5_600)}


def test_a_strategy_keeps_to_its_number_of_positions():
    one = KNOBS.model_copy(update={"momentum": Momentum(max_positions=1)})
    assert len(entered(knobs=one)) == 1
    assert entered(knobs=one, held=book(STOCKS, position("NVDA", "momentum"))) == []


def test_a_disabled_strategy_enters_nothing():
    assert entered(knobs=KNOBS.model_copy(update={"momentum": Momentum(enabled=False)})) == []


def test_a_price_that_has_left_its_signal_is_not_chased():
    high = tuple(quote(name, float(series[-1]) * 1.05) for name, series in PAIR.items())
    low = tuple(quote(name, float(series[-1]) * 0.95) for name, series in PAIR.items())
    assert entered(quotes=high) == []
    assert entered(quotes=low) == []


def test_without_a_quote_the_wish_stays_visible_at_the_last_close():
    wish = entered(quotes=())[0]
    assert (wish.quote_ts, wish.two_sided) == (None, False)
    assert float(wish.decision_px) == pytest.approx(float(PAIR[wish.symbol][-1]))


@pytest.mark.parametrize("side", ["bid", "ask"])
def test_a_one_sided_quote_stays_visible_as_such(side):
    one = tuple(quote(name, float(series[-1]), **{side: False}) for name, series in PAIR.items())
    wish = entered(quotes=one)[0]
    assert (wish.quote_ts, wish.two_sided) == (NOW, False)
    assert "spread_bps" not in wish.features


def test_stops_are_a_multiple_of_the_move_and_never_closer_than_the_least():
    wish = entered()[0]
    risk = float(wish.decision_px - wish.stop_price)
    move = wish.features["move_pct"] * float(PAIR[wish.symbol][-1])
    assert risk == pytest.approx(KNOBS.momentum.exits.stop_moves * move, abs=0.01)
    assert float(wish.take_profit - wish.decision_px) == pytest.approx(KNOBS.momentum.exits.target_r * risk, abs=0.02)
    wide = KNOBS.model_copy(update={"execution": Execution(min_stop_pct=0.1)})
    far = entered(knobs=wide)[0]
    assert float(far.decision_px - far.stop_price) == pytest.approx(0.1 * float(far.decision_px), abs=0.01)


def test_a_quiet_month_does_not_make_a_huge_position():
    floor = KNOBS.model_copy(update={"execution": Execution(min_annual_vol=1.0)})
    assert {wish.annual_vol for wish in entered(knobs=floor)} == {1.0}


def test_leveraged_funds_count_at_their_multiple():
    closes = {"SPY": rising(seed=1), "QQQ": rising(seed=2), "TQQQ": rising(drift=0.006, noise=0.03)}
    quotes = tuple(quote(name, float(series[-1])) for name, series in closes.items())
    wish = next(w for w in entered({1440: panel(closes)}, quotes) if w.strategy == "leveraged")
    assert wish.symbol == "TQQQ"
    assert wish.notional_usd == 3 * wish.decision_px
    assert wish.instrument.leverage == 3
    assert wish.annual_vol == pytest.approx(wish.features["vol_bar"] * 252**0.5 / 3)


def test_a_symbol_with_too_few_bars_or_that_never_moved_is_skipped():
    still = {"AAPL": rising(), "MSFT": np.full(160, 50.0), "NVDA": rising(bars=15)}
    assert [wish.symbol for wish in entered({1440: panel(still)}, ())] == ["AAPL"]


def test_a_price_below_its_own_tick_cannot_carry_a_stop():
    pennies = {"AAPL": rising() * 1e-5, "MSFT": rising(seed=2)}
    assert [wish.symbol for wish in entered({1440: panel(pennies)}, ())] == ["MSFT"]


def test_daily_bars_are_preferred_and_five_minutes_stand_in():
    daily, five = panel(PAIR), panel(PAIR, minutes=5)
    assert entered({1440: daily, 5: five})[0].features["timeframe_minutes"] == 1440
    assert entered({5: five})[0].features["timeframe_minutes"] == 5
    few = {name: series[-20:] for name, series in PAIR.items()}
    assert entered({1440: panel(few), 5: five})[0].features["timeframe_minutes"] == 5


def test_old_bars_are_no_bars():
    assert entered({1440: panel(PAIR, newest=NOW - timedelta(days=6))}) == []
    assert entered({1440: panel({})}) == []


@pytest.mark.parametrize(
    ("seconds_left", "minutes", "some"), [(1801, 5, True), (1800, 5, False), (60, 5, False), (1, 1440, True)]
)
def test_short_bars_open_nothing_shortly_before_the_close(seconds_left, minutes, some):
    now = CLOSE - timedelta(seconds=seconds_left)
    quotes = tuple(quote(name, float(series[-1]), now=now) for name, series in PAIR.items())
    assert bool(entered({minutes: panel(PAIR, minutes=minutes, newest=now)}, quotes, now=now)) is some


def test_the_same_view_gives_the_same_wishes():
    assert entered() == entered()
