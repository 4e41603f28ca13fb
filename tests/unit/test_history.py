"""Daily returns on one calendar of business days, and the gains of what is held on them."""

from __future__ import annotations

import doctest
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.domain import history
from orchestrator.domain.exposure import book_exposure, share_moved, with_module
from orchestrator.domain.history import Gains, business_day, daily_returns, date_of, gains, gains_of_unit, together
from orchestrator.domain.market import Panel
from orchestrator.domain.stakes import Stake
from tests.builders import NOW, book, exposure, position

MONDAY = date(2026, 1, 5)


def panel(days: list[date], *columns: list[float], hour: int = 21) -> Panel:
    ends = np.array([int(datetime(d.year, d.month, d.day, hour, tzinfo=UTC).timestamp()) for d in days], np.int64)
    close = np.array(columns, dtype=np.float64).T
    names = tuple("ABCDEF"[: close.shape[1]])
    return Panel(names, ends, close, close, close, close, np.ones_like(close))


def weekdays(count: int) -> list[date]:
    return [date_of(business_day(MONDAY) + number) for number in range(count)]


def stake(symbol: str = "A", **changes: float) -> Stake:
    base = {"own_usd": 1000.0, "worst_usd": 1000.0, "sigma_usd": 10.0}
    return Stake(symbol=symbol, delta_usd=1000.0, **(base | changes))


def test_examples() -> None:
    assert doctest.testmod(history).failed == 0


@given(st.dates(min_value=date(1990, 1, 1), max_value=date(2100, 1, 1)))
def test_business_days_count_up_and_a_weekend_belongs_to_its_monday(day: date) -> None:
    number = business_day(day)
    if day.weekday() < 5:
        assert date_of(number) == day
        assert business_day(day + timedelta(days=1)) == number + 1
    else:
        assert date_of(number) == day + timedelta(days=7 - day.weekday())


def test_returns_are_of_business_days() -> None:
    days = weekdays(121)
    found = daily_returns({1440: panel(days, [100 * 1.01**n for n in range(121)])})
    assert (found.last, found.days) == (business_day(days[-1]), 120)
    assert found.of("A") == pytest.approx(np.full(120, 0.01))
    assert found.of_all(["A", "A"]) == pytest.approx(np.full((2, 120), 0.01))
    assert found.day("A") == pytest.approx((0, 0))


def test_a_day_of_a_symbol_is_its_own_among_many() -> None:
    rows = np.random.default_rng(1).normal(0, 0.01, (300, 121))
    names = tuple(f"S{number}" for number in range(300))
    closes = 100 * np.exp(np.cumsum(rows, axis=1)).T
    ends = panel(weekdays(121), [1.0] * 121).ends
    found = daily_returns({1440: Panel(names, ends, closes, closes, closes, closes, closes)})
    for name in ("S0", "S127", "S128", "S299"):
        moves = found.of(name)
        assert found.day(name) == pytest.approx((-moves.min(), moves.std()))
    assert found.day("ZZZZ") is None


def test_a_weekend_counts_to_monday_and_a_holiday_is_a_day_without_a_move() -> None:
    every = [MONDAY + timedelta(days=n) for n in range(200)]
    coin = daily_returns({1440: panel(every, [1.001**n for n in range(200)])})
    mondays = [row for row in range(coin.days) if date_of(coin.last - coin.days + 1 + row).weekday() == 0]
    assert coin.of("A")[mondays] == pytest.approx(1.001**3 - 1)
    days = weekdays(140)
    del days[50]
    stock = daily_returns({1440: panel(days, [100 * 1.01**n for n in range(139)])})
    assert sorted(np.round(stock.of("A"), 9).tolist())[:1] == [0]
    assert (np.round(stock.of("A"), 9) == 0).sum() == 1


def test_the_window_is_bounded_and_too_short_a_history_is_none() -> None:
    long = daily_returns({1440: panel(weekdays(400), [1.0 + n / 100 for n in range(400)])})
    assert long.days == history.WINDOW
    assert daily_returns({1440: panel(weekdays(99), [1.0] * 99)}).symbols == {}
    assert daily_returns({}).of("A") is None
    intraday = panel([MONDAY] * 200, [1.0] * 200)
    assert daily_returns({5: intraday}).symbols == {}


def test_a_symbol_that_lacks_part_of_the_window_is_left_out() -> None:
    whole, late = [1.0] * 120, [float("nan")] * 5 + [1.0] * 115
    gap, zero = [1.0] * 60 + [float("nan")] + [1.0] * 59, [1.0] * 119 + [0.0]
    found = daily_returns({1440: panel(weekdays(120), whole, late, gap, zero)})
    assert set(found.symbols) == {"A", "C"}


def test_gains_add_up_and_no_holding_loses_more_than_its_worst() -> None:
    closes = [100.0] * 119 + [50.0]
    found = daily_returns({1440: panel(weekdays(120), closes)})
    assert gains([stake(), stake()], found).usd[-1] == -1000
    assert gains([stake(worst_usd=200.0)], found).usd[-1] == -200
    curved = Stake("A", 1000.0, 1000.0, 1000.0, 1.0, gamma_usd=2000.0)
    assert gains([curved], found).usd[-1] == -500 + 250
    unseen = gains([stake("Z"), stake("Y", sigma_usd=5.0)], found)
    assert (unseen.unseen_sigma_usd, unseen.usd.sum()) == (15, 0)


@pytest.mark.parametrize("one", [stake(), stake("Z"), stake(worst_usd=200.0), stake(gamma_usd=2000.0)])
def test_gains_of_a_unit_are_those_of_a_book_that_holds_it(one: Stake) -> None:
    found = daily_returns({1440: panel(weekdays(120), [100.0] * 119 + [50.0])})
    alone, among = gains_of_unit(one, found), gains([one], found)
    assert (alone.last, alone.unseen_sigma_usd) == (among.last, among.unseen_sigma_usd)
    assert alone.usd.tolist() == among.usd.tolist()


def test_books_line_up_by_day_however_far_each_reaches() -> None:
    long = Gains(1000, np.arange(250.0))
    short = Gains(999, np.arange(120.0))
    both = together([long, short, Gains(unseen_sigma_usd=7.0)])
    assert (both.last, len(both.usd), both.unseen_sigma_usd) == (999, 120, 7)
    assert both.usd[-1] == 248 + 119
    assert both.usd[0] == (248 - 119) + 0


def test_books_that_share_too_few_days_count_by_their_sigma() -> None:
    apart = together([Gains(1000, np.array([1.0, -1.0] * 75)), Gains(900, np.array([2.0, -2.0] * 75))])
    assert (len(apart.usd), apart.unseen_sigma_usd) == (0, 3)


def test_a_share_tells_its_gains_and_keeps_them_while_only_marks_change() -> None:
    held = position(symbol="A", legs=({"symbol": "A", "qty": 10, "avg_px": 100, "mark_px": 100},))
    mine = book(positions={held.id: held})
    returns = daily_returns({1440: panel(weekdays(120), [100.0] * 119 + [90.0])})
    told = with_module(exposure(), mine, NOW, returns)
    share = told.modules[mine.module]
    assert (share.gains_usd[-1], share.unseen_sigma_usd) == (-100, 0)
    later = with_module(told, mine, NOW + timedelta(minutes=5)).modules[mine.module]
    assert later.gains_usd == share.gains_usd
    grown = held.model_copy(update={"legs": (held.legs[0].model_copy(update={"qty": Decimal(20)}),)})
    anew = with_module(told, book(positions={held.id: grown}), NOW).modules[mine.module]
    assert anew.gains_usd == ()
    assert anew.unseen_sigma_usd > 0
    assert share_moved(share, anew)
    assert not share_moved(share, book_exposure(mine))
