"""The backtest's account: fills, costs, limits, stops that follow, ladders, corporate actions, the brake."""

from dataclasses import replace

import numpy as np
import pytest

from ml.backtest import layout
from ml.backtest.account import Account, Costs, Fill, Limits, limits_of
from ml.backtest.engine import Market, Plan, Rules, backtest
from orchestrator.domain.base import ModuleName
from orchestrator.domain.errors import DomainError
from orchestrator.domain.kelly import SizingRules, StrategyRecord, kelly_fraction, shrunk_edge
from orchestrator.domain.market import Panel, Signals
from orchestrator.domain.risk import RiskLimits
from orchestrator.domain.stops import ExitRules, Rung

DAY = 86_400
WIDE = ExitRules(stop_moves=8, target_r=10, trail_after_r=10, trail_r=5, max_hold_hours=2160)
NO = np.nan


def market(rows, *, move=1.0, weight=0.1, symbols=("A",), **more):
    """Rows of (open, high, low, close), or a close alone; of one symbol, or of a list of them for several."""
    rows = [row if isinstance(row, list) else [row] for row in rows]
    values = np.array([[cell if isinstance(cell, tuple) else (cell,) * 4 for cell in row] for row in rows], np.float64)
    ends = np.arange(1, len(values) + 1, dtype=np.int64) * DAY
    panel = Panel(symbols, ends, *(values[:, :, k] for k in range(4)), np.full(values.shape[:2], 1000.0))
    return Market(panel, np.full(values.shape[:2], move), 0.0, np.full(values.shape[:2], weight), **more)


def wants(*target):
    array = np.array([cell if isinstance(cell, list) else [cell] for cell in target], np.float64)
    return Signals(array, np.full(array.shape, 0.9), np.zeros(array.shape, np.int64), ("",))


def run(on, signals, exits=WIDE, *, weight=1.0, positions=4, sizing=None, **account):
    rules = Rules(exits, positions, weight, sizing or SizingRules())
    return backtest(on, [Plan("s", signals, rules)], Account(**account))


def test_on_the_same_close_a_signal_is_filled_at_the_close_that_made_it():
    on = market([(100, 100, 100, 100), (105, 111, 104, 110), (120, 120, 120, 120)])
    result = run(on, wants(1, 0, NO), fill=Fill.SAME_CLOSE)
    assert result.trades == pytest.approx([0.01])
    assert list(result.ledger[0, [layout.T_EXIT, layout.T_REASON]]) == [1, layout.SIGNAL]


def test_spread_and_fees_of_both_sides_are_paid():
    costs = Costs(fee=0.001, half_spread=0.002, least_fee=0.0)
    result = run(market([100.0] * 4), wants(1, NO, 0, NO), costs=costs)
    bought, sold = 100.2 * 1.001, 99.8 * 0.999
    assert result.trades == pytest.approx([0.1 / 100 * (sold - bought)])
    assert result.costs == pytest.approx(-result.trades)


def test_impact_grows_with_the_root_of_the_share_of_volume():
    costs = Costs(impact=0.5)
    small, large = (
        run(market([100.0] * 4, weight=w), wants(1, NO, 0, NO), capital=1e6, costs=costs).trades[0]
        for w in (0.01, 0.04)
    )
    qty = 0.01 * 1e6 / 100
    assert small == pytest.approx(-2 * qty * 0.5 * (qty / 1000) ** 0.5 / 1e6)
    assert large == pytest.approx(8 * small)


def test_a_least_fee_and_a_fee_per_unit_are_of_each_side():
    many = run(market([100.0] * 4), wants(1, NO, 0, NO), capital=10_000, costs=Costs(fee_per_unit=0.5, least_fee=1))
    few = run(market([100.0] * 4), wants(1, NO, 0, NO), capital=1_000, costs=Costs(fee_per_unit=0.5, least_fee=1))
    assert many.trades * 10_000 == pytest.approx([-10])
    assert few.trades * 1_000 == pytest.approx([-2])


def test_sizes_follow_the_equity_where_they_shall():
    on = market([100.0, 100.0, 200.0, 200.0, 200.0, 400.0], weight=1.0)
    result = run(on, wants(1, NO, 0, 1, NO, NO), compound=True, limits=Limits(gross=1.0))
    assert result.equity[-1] == pytest.approx(4)
    assert result.returns == pytest.approx([0, 0, 1, 0, 0, 1])


@pytest.mark.parametrize(
    ("limits", "exposure"),
    [
        (Limits(gross=0.15), 0.15),
        (Limits(symbol=0.05), 0.10),
        (Limits(strategy=0.12), 0.12),
        (Limits(risk_per_trade=0.004), 0.10),
        (Limits(volume_share=0.00005), 0.10),
        (Limits(min_order=11.0), 0.0),
    ],
)
def test_each_limit_holds(limits, exposure):
    on = market([[100.0, 100.0]] * 4, symbols=("A", "B"))
    result = run(on, wants([1, 1], [NO, NO], [NO, NO], [NO, NO]), capital=100, limits=limits)
    assert result.gross[1] == pytest.approx(exposure * 100)


def test_quantities_stand_on_the_grid_of_the_symbol():
    result = run(market([30.0] * 3, lots={"A": 1.0}), wants(1, NO, NO), capital=1_000)
    assert result.position(layout.UNITS) == pytest.approx([3])


def test_a_symbol_is_held_by_one_strategy_at_a_time():
    rules, on = Rules(WIDE, 4, 1.0), market([100.0] * 3)
    plans = [Plan(name, wants(1, NO, NO), rules) for name in ("first", "second")]
    result = backtest(on, plans, Account())
    assert [result.columns[int(c)] for c in result.ledger[:, layout.T_COLUMN]] == [("first", "A")]


def test_a_sold_position_gains_when_the_price_falls_and_pays_for_what_it_borrows():
    on = market([100.0, 100.0, 90.0, 90.0])
    result = run(on, wants(-1, NO, 0, NO), short=True, costs=Costs(borrow=0.365))
    years = 2 * DAY / layout.YEAR_S
    assert result.trades == pytest.approx([0.01 - 0.001 * years * 0.365 * (100 + 90) / 2], rel=1e-3)
    assert run(on, wants(-1, NO, 0, NO)).count == 0


def test_a_stop_at_break_even_and_a_chandelier_hold_the_gain():
    even = ExitRules(stop_moves=2, target_r=10, trail_after_r=10, trail_r=5, break_even_r=1)
    rows = [100.0, 100.0, (100, 103, 100, 102), (102, 102, 95, 96)]
    assert run(market(rows), wants(1, NO, NO, NO), even).trades == pytest.approx([0])
    chandelier = replace_rules(even, chandelier_moves=1.5)
    assert run(market(rows), wants(1, NO, NO, NO), chandelier).trades == pytest.approx([0.1 * (101.5 / 100 - 1)])


def replace_rules(rules, **values):
    return ExitRules(**{**rules.model_dump(), **values})


def test_a_ladder_sells_in_parts_and_the_rest_follows():
    exits = replace_rules(WIDE, stop_moves=2, ladder=(Rung(at_r=1, part=0.5), Rung(at_r=2, part=0.25)))
    rows = [100.0, 100.0, (100, 103, 99, 101), (101, 105, 101, 104), 104.0]
    result = run(market(rows, lots={"A": 1.0}), wants(1, NO, NO, 0, NO), exits, capital=4_000)
    assert result.position(layout.UNITS) == pytest.approx([4])
    assert result.trades * 4_000 == pytest.approx([2 * 2 + 1 * 4 + 1 * 4])
    assert list(result.gross[1:4]) == pytest.approx([400, 2 * 101, 104])


def test_a_ladder_of_the_whole_ends_the_position():
    exits = replace_rules(WIDE, stop_moves=2, ladder=(Rung(at_r=1, part=0.5), Rung(at_r=1.5, part=0.5)))
    result = run(market([100.0, 100.0, (100, 104, 99, 101), 101.0]), wants(1, NO, NO, NO), exits)
    assert result.trades == pytest.approx([0.1 * 0.025])
    assert result.ledger[0, layout.T_REASON] == layout.REACHED


def test_splits_and_dividends_of_raw_prices_neither_make_nor_lose_money():
    actions = np.array([[2, 0, 4.0, 0.0], [3, 0, 1.0, 0.5]])
    on = market([100.0, 100.0, 25.0, 24.5, 24.5], actions=actions)
    result = run(on, wants(1, NO, NO, NO, NO))
    assert result.trades == pytest.approx([0])
    assert result.returns == pytest.approx([0] * 5)
    assert on[1:].actions[:, 0] == pytest.approx([1, 2])


def test_a_lost_day_opens_nothing_more_and_a_deep_fall_ends_trading():
    rows = [[100.0, 50.0]] * 2 + [[80.0, 50.0], [80.0, 50.0], [80.0, 50.0]]
    both = wants([1, NO], [NO, NO], [NO, 1], [NO, 1], [NO, NO])
    on = market(rows, symbols=("A", "B"), weight=0.5, move=5.0)
    assert run(on, both).count == 2
    halted = run(on, both, limits=Limits(drawdown_halted=0.09))
    assert halted.ledger[:, layout.T_REASON] == pytest.approx([layout.BRAKE])
    assert run(on, both, limits=Limits(drawdown_reducing=0.09)).count == 1


def test_nothing_is_opened_or_kept_where_the_session_says_so():
    flags = np.array([0, layout.NO_ENTRY, 0, layout.LEAVE, 0])
    on = market([100.0, 100.0, 100.0, 110.0, 120.0], flags=flags)
    result = run(on, wants(1, 1, NO, NO, NO))
    assert list(result.ledger[0, [layout.T_EXIT, layout.T_REASON]]) == [4, layout.SESSION]
    assert result.position(layout.ROW) == pytest.approx([2])


def test_kelly_is_asked_as_the_desk_asks_it():
    rules = SizingRules(method="kelly", kelly_min_trades=0)
    edge = shrunk_edge(StrategyRecord(), rules)
    share = rules.kelly_multiple * kelly_fraction(edge.win_rate, edge.payoff) / max(edge.loss_r, 1.0)
    result = run(market([100.0] * 3, weight=9.0), wants(1, NO, NO), ExitRules(stop_pct=0.1), sizing=rules)
    assert result.gross[1] == pytest.approx(share / 0.1)


def test_the_owners_limits_become_those_of_a_backtest():
    limits = limits_of(RiskLimits(), ModuleName.STOCKS)
    assert (limits.gross, limits.symbol, limits.daily_loss) == (0.5, 0.15, 0.03)


@pytest.mark.parametrize("name", ["stop_base", "weight", "target"])
def test_what_does_not_fit_is_refused_in_one_line(name):
    on, signals = market([100.0] * 3), wants(1, NO, NO)
    wrong = np.ones((2, 1))
    if name == "target":
        signals = replace(signals, target=wrong)
    else:
        on = replace(on, **{name: wrong})
    with pytest.raises(DomainError, match=rf"{name} has shape \(2, 1\), the panel \(3, 1\)"):
        run(on, signals)
