"""A backtest summed up: the joint curve, round trips as they were, what groups earned, what the market was like."""

from datetime import UTC, datetime

import numpy as np
import pytest

from ml.backtest.account import Account, Costs
from ml.backtest.engine import Market, Plan, Rules, backtest
from ml.backtest.regimes import TREND_DAYS, UNKNOWN, regimes_of, worth_of
from ml.backtest.stage import Run, dividends_of
from ml.backtest.summary import below_peak, curve_of, line_of, summarised
from ml.backtest.thinning import thinned
from ml.backtest.trips import Trip, grouped, session_of, trips_of
from orchestrator.domain.market import Panel, Signals
from orchestrator.domain.stops import ExitRules

DAY = 86_400
WIDE = ExitRules(stop_moves=8, target_r=10, trail_after_r=10, trail_r=5, max_hold_hours=2160)
NO = np.nan


def panel_of_closes(closes, *, first=1, hour=20, symbol="A"):
    """Daily bars that open where the last one closed."""
    close = np.array(closes, np.float64)[:, None]
    opened = np.vstack([close[:1], close[:-1]])
    ends = (np.arange(first, first + len(close), dtype=np.int64) * DAY) + hour * 3600
    volume = np.full(close.shape, 1e9)
    return Panel((symbol,), ends, opened, np.maximum(opened, close), np.minimum(opened, close), close, volume)


def run_of(closes, target, *, module="stocks", capital=1000.0, costs=None, **where):
    panel = panel_of_closes(closes, **where)
    shape = panel.close.shape
    market = Market(panel, np.ones(shape), 0.0, np.full(shape, 0.5))
    signals = Signals(np.array(target, np.float64)[:, None], np.ones(shape), np.zeros(shape, np.int64), ("",))
    plan = Plan("hold", signals, Rules(WIDE, max_positions=1, max_weight=1.0))
    account = Account(capital=capital, compound=True, costs=costs or Costs())
    return Run(module, 1440, market, backtest(market, [plan], account), {})


def trip(**changed):
    base = {
        "module": "stocks",
        "strategy": "s",
        "symbol": "A",
        "side": 1,
        "qty": 1.0,
        "opened": 0,
        "closed": DAY,
        "entry_px": 10.0,
        "exit_px": 11.0,
        "profit": 1.0,
        "costs": 0.1,
        "risk": 2.0,
        "reason": "signal",
        "minutes": 1440,
    }
    return Trip(**{**base, **changed})


def test_a_round_trip_says_what_was_paid_got_and_lost_on_the_way():
    run = run_of([100, 100, 110, 120, 120], [1, NO, 0, NO, NO], costs=Costs(fee=0.001, half_spread=0.002))
    (one,) = trips_of(run)
    assert (one.symbol, one.strategy, one.side, one.reason) == ("A", "hold", 1, "signal")
    assert one.qty == pytest.approx(5.0)
    assert one.entry_px == pytest.approx(100 * 1.002)
    assert one.exit_px == pytest.approx(110 * 0.998)
    fees = 0.001 * 5 * (one.entry_px + one.exit_px)
    assert one.profit == pytest.approx(5 * (one.exit_px - one.entry_px) - fees)
    assert one.costs == pytest.approx(fees + 5 * 0.002 * (100 + 110))
    assert one.opened == 2 * DAY
    assert one.closed == 4 * DAY + 20 * 3600


def test_modules_add_up_day_by_day_and_one_that_rests_keeps_what_it_has():
    stocks = run_of([100, 100, 110, 110], [1, NO, NO, NO])
    coins = run_of([50, 50, 50, 100, 100, 100, 100], [1, NO, NO, NO, NO, NO, NO], module="crypto", first=2, hour=23)
    curve = curve_of([line_of(stocks), line_of(coins)])
    assert list(curve.ends // DAY) == [1, 2, 3, 4, 5, 6, 7, 8]
    assert curve.equity == pytest.approx([1000, 1000, 1050, 1050, 1550, 1550, 1550, 1550])
    assert curve.returns.sum() == pytest.approx(50 / 1000 + 500 / 1050)


def test_a_bar_that_ends_at_midnight_is_of_the_day_before():
    run = run_of([100, 100, 110], [1, NO, NO], module="crypto", first=2, hour=0)
    assert list(curve_of([line_of(run)]).ends // DAY) == [1, 2, 3]
    assert worth_of([run.market.panel], np.array([1, 2, 3])) == pytest.approx([1.0, 1.0, 1.1])


def test_what_groups_earn_adds_up_to_what_all_do():
    trips = [trip(symbol="A", profit=3.0), trip(symbol="B", profit=-1.0), trip(symbol="A", profit=-1.0)]
    groups = grouped(trips, lambda one: one.symbol)
    assert [(one.name, one.trades, one.profit) for one in groups] == [("A", 2, 2.0), ("B", 1, -1.0)]
    assert groups[0].profit_factor == 3.0
    assert groups[0].mean_r == 0.5
    assert np.isnan(grouped([trip()], lambda one: one.symbol)[0].profit_factor)


@pytest.mark.parametrize(
    ("module", "minutes", "opened", "name"),
    [
        ("stocks", 1440, "2026-07-16T00:00", "Thursday"),
        ("stocks", 5, "2026-07-16T13:29", "pre-market"),
        ("stocks", 5, "2026-07-16T13:30", "regular"),
        ("stocks", 5, "2026-07-16T20:00", "after hours"),
        ("stocks", 5, "2026-01-16T13:45", "pre-market"),
        ("crypto", 60, "2026-07-16T23:00", "18-24 UTC"),
        ("crypto", 60, "2026-07-16T05:59", "00-06 UTC"),
    ],
)
def test_a_session_is_named_by_the_clock_of_its_market(module, minutes, opened, name):
    at = int(datetime.fromisoformat(opened).replace(tzinfo=UTC).timestamp())
    assert session_of(trip(module=module, minutes=minutes, opened=at)) == name


def test_a_regime_is_what_was_known_before_the_day():
    rising = np.linspace(100, 200, 150) * (1 + 0.001 * (-1.0) ** np.arange(150))
    regimes = regimes_of(np.arange(150), rising)
    assert regimes.at(0) == UNKNOWN
    assert regimes.at((TREND_DAYS - 1) * DAY) == UNKNOWN
    assert regimes.at(140 * DAY).startswith("rising")
    fallen = rising.copy()
    fallen[140:] = 50
    assert regimes_of(np.arange(150), fallen).at(140 * DAY) == regimes.at(140 * DAY)
    assert regimes_of(np.arange(150), fallen).at(141 * DAY) == "falling, stormy"


def test_what_is_held_for_comparison_is_bought_where_it_is_first_known():
    early, late = panel_of_closes([10, 20, 20, 40], symbol="A"), panel_of_closes([5, 10], first=3, symbol="B")
    worth = worth_of([early, late], np.array([0, 1, 2, 3, 4]))
    assert np.isnan(worth[0])
    assert worth[1:] == pytest.approx([1.0, 1.5, 1.5, 3.0])


def test_rows_far_below_the_peak_are_those_in_which_nothing_is_opened():
    run = run_of([100, 100, 96, 100, 106, 103], [1, NO, NO, NO, NO, NO])
    assert run.result.equity == pytest.approx([1000, 1000, 980, 1000, 1030, 1015])
    assert list(below_peak(run.result, 0.01)) == [False, False, True, False, False, True]
    assert not below_peak(run.result, float("inf")).any()


def test_a_summary_of_a_run_without_a_trade_has_no_ratio():
    run = run_of([100.0] * 30, [NO] * 30)
    days = np.arange(1, 31)
    found = summarised([line_of(run)], np.full(30, np.nan), regimes_of(days, np.full(30, 100.0)), per_year=252)
    assert np.isnan(found.measured["sharpe"].value)
    assert np.isnan(found.measured["hit_rate"].value)
    assert found.plain["trades"] == 0
    assert found.against == {}


def test_exposure_turnover_and_costs_by_hand():
    run = run_of([100, 100, 100, 100], [1, NO, 0, NO], costs=Costs(fee=0.01))
    found = summarised([line_of(run)], np.ones(4), regimes_of(np.arange(1, 5), np.ones(4)), per_year=252)
    assert found.plain["costs"] == pytest.approx(2 * 0.01 * 500)
    assert found.plain["time_in_market"] == 0.5
    assert found.plain["exposure"] == pytest.approx(2 * 500 / 995 / 4)
    mean = (1000 + 995 + 995 + 990) / 4
    assert found.plain["turnover"] == pytest.approx(1000 / mean / (4 / 365.25))


def test_a_dividend_goes_to_the_first_bar_from_its_day_on():
    panel = panel_of_closes([100, 100, 100])
    assert dividends_of(panel, {"A": [(2, 0.5), (9, 1.0)]}).tolist() == [[1, 0, 1.0, 0.5]]


def test_a_thinned_curve_keeps_its_ends_its_high_and_its_low():
    values = np.random.default_rng(1).normal(0, 1, 5000).cumsum()
    rows = thinned(values, 100)
    assert len(rows) <= 100
    assert rows[0] == 0
    assert rows[-1] == 4999
    assert values[rows].max() == values.max()
    assert values[rows].min() == values.min()
    assert list(thinned(values[:50], 100)) == list(range(50))
