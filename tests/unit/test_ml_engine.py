"""The small backtest: what is filled when, at which price, at what cost."""

import numpy as np
import pytest

from ml.backtest.engine import Market, Rules, market_of, simulate
from ml.backtest.score import objective, sharpe
from orchestrator.domain.market import Panel, Signals
from orchestrator.domain.scene import Execution
from orchestrator.domain.stops import ExitRules

DAY = 86_400
WIDE = ExitRules(stop_moves=8, target_r=10, trail_after_r=10, trail_r=5, max_hold_hours=2160)


def panel_of_rows(rows, symbols=("A",)):
    """Rows of (open, high, low, close) of one symbol, or of a list of them for several."""
    values = np.array(rows, np.float64)
    values = values[:, None, :] if values.ndim == 2 else values
    ends = np.arange(1, len(values) + 1, dtype=np.int64) * DAY
    return Panel(symbols, ends, *(values[:, :, k] for k in range(4)), np.ones(values.shape[:2]))


def market(rows, *, move=1.0, weight=0.1, symbols=("A",)):
    panel = panel_of_rows(rows, symbols)
    shape = panel.close.shape
    return Market(panel, np.full(shape, move), 0.0, np.full(shape, weight))


def wants(target, confidence=None):
    target = np.array(target, np.float64)
    target = target[:, None] if target.ndim == 1 else target
    sure = np.full(target.shape, 0.9) if confidence is None else np.array(confidence, np.float64)
    return Signals(target, sure, np.zeros(target.shape, np.int64), ("", "", ""))


def rules(exits=WIDE, *, positions=4, weight=1.0):
    return Rules(exits=exits, max_positions=positions, max_weight=weight)


def run(market, signals, rules, *, cost=0.0):
    return simulate(market, signals, rules, cost=cost)


NO = np.nan


def test_a_signal_is_filled_at_the_next_open_and_a_departure_too():
    rows = [(100, 101, 99, 100), (102, 106, 101, 105), (107, 111, 106, 110), (108, 109, 104, 105)]
    result = run(market(rows), wants([1, NO, 0, NO]), rules())
    assert result.trades == pytest.approx([0.1 * (108 / 102 - 1)])
    assert result.returns == pytest.approx(np.array([0, 105 - 102, 110 - 105, 108 - 110]) * 0.1 / 102)


def test_both_sides_pay():
    rows = [(100, 100, 100, 100)] * 4
    result = run(market(rows), wants([1, NO, 0, NO]), rules(), cost=0.001)
    assert result.trades == pytest.approx([-2 * 0.1 * 0.001])
    assert result.returns == pytest.approx([0, -0.0001, 0, -0.0001])


def test_a_signal_on_the_last_row_is_never_filled():
    result = run(market([(100, 100, 100, 100)] * 3), wants([NO, NO, 1]), rules())
    assert result.count == 0
    assert not result.returns.any()


def test_what_is_held_at_the_end_is_sold_at_the_last_close():
    rows = [(100, 100, 100, 100), (100, 100, 100, 100), (100, 111, 100, 110)]
    assert run(market(rows), wants([1, NO, NO]), rules()).trades == pytest.approx([0.01])


def test_the_stop_counts_before_the_target_in_the_same_bar():
    exits = ExitRules(stop_moves=1, target_r=1, trail_after_r=10, trail_r=5)
    rows = [(100, 100, 100, 100), (100, 105, 95, 103), (103, 103, 103, 103)]
    result = run(market(rows, move=2.0), wants([1, NO, NO]), rules(exits))
    assert result.trades == pytest.approx([-0.1 * 2 / 100])


def test_a_gap_through_the_stop_fills_at_the_open():
    exits = ExitRules(stop_moves=1, target_r=5, trail_after_r=10, trail_r=5)
    rows = [(100, 100, 100, 100), (100, 101, 99, 100), (90, 92, 89, 91)]
    result = run(market(rows, move=2.0), wants([1, NO, NO]), rules(exits))
    assert result.trades == pytest.approx([-0.1 * 10 / 100])


def test_a_stop_that_trails_keeps_a_gain():
    exits = ExitRules(stop_moves=1, target_r=10, trail_after_r=1, trail_r=1)
    rows = [(100, 100, 100, 100), (100, 110, 100, 110), (110, 110, 100, 101)]
    result = run(market(rows, move=2.0), wants([1, NO, NO]), rules(exits))
    assert result.trades == pytest.approx([0.1 * (108 / 100 - 1)])


def followed(rows, move=2.0, **exits):
    wide = {"stop_moves": 5, "target_r": 10, "trail_after_r": 10, "trail_r": 5}
    return run(market(rows, move=move), wants([1, NO, NO, NO]), rules(ExitRules(**wide | exits)))


def test_a_stop_that_has_broken_even_loses_nothing():
    rows = [(100, 100, 100, 100), (100, 110, 100, 110), (110, 110, 95, 96), (96, 96, 96, 96)]
    assert followed(rows, break_even_r=1).trades == pytest.approx([0.0])
    assert followed(rows).trades == pytest.approx([-0.1 * 4 / 100])


def test_a_chandelier_hangs_from_the_highest_high_and_stays_there():
    rows = [(100, 100, 100, 100), (100, 112, 100, 106), (106, 107, 105, 106), (105, 106, 101, 104)]
    assert followed(rows, chandelier_moves=5).trades == pytest.approx([0.1 * (102 / 100 - 1)])
    assert followed(rows).trades == pytest.approx([0.1 * (104 / 100 - 1)])


def test_a_percentage_stop_does_not_ask_for_moves():
    rows = [(100, 100, 100, 100), (100, 101, 99, 100), (100, 100, 90, 91), (91, 91, 91, 91)]
    assert followed(rows, stop_pct=0.05).trades == pytest.approx([-0.1 * 5 / 100])


def test_a_position_is_left_when_its_time_is_up():
    exits = ExitRules(stop_moves=8, target_r=10, trail_after_r=10, trail_r=5, max_hold_hours=24)
    rows = [(100, 100, 100, 100)] * 3 + [(105, 105, 105, 105)] * 2
    result = run(market(rows), wants([1, NO, NO, NO, NO]), rules(exits))
    assert result.trades == pytest.approx([0.005])


def test_the_surest_get_the_few_places():
    rows = [[(100, 100, 100, 100), (50, 50, 50, 50)]] * 2 + [[(100, 100, 100, 100), (50, 60, 50, 60)]]
    signals = wants([[1, 1], [NO, NO], [NO, NO]], [[0.6, 0.8]] * 3)
    result = run(market(rows, symbols=("A", "B")), signals, rules(positions=1))
    assert result.trades == pytest.approx([0.1 * 0.2])


def test_a_missing_bar_neither_trades_nor_earns():
    rows = [(100, 100, 100, 100), (100, 100, 100, 100), (NO,) * 4, (110, 110, 110, 110)]
    result = run(market(rows), wants([1, 0, NO, NO]), rules())
    assert result.returns == pytest.approx([0, 0, 0, 0.01])


def test_no_position_is_larger_than_its_weight_allows():
    rows = [(100, 100, 100, 100), (100, 100, 100, 100), (110, 110, 110, 110)]
    assert run(market(rows, weight=0.5), wants([1, NO, NO]), rules(weight=0.08)).trades == pytest.approx([0.008])


def test_sizes_and_stops_use_nothing_later_than_the_signal():
    chance = np.random.default_rng(5)
    close = 100 * np.exp(np.cumsum(chance.normal(0, 0.01, 60)))
    rows = np.stack([close, close * 1.01, close * 0.99, close], axis=1)
    whole = market_of(panel_of_rows(rows), Execution(), bars_per_year=252)
    part = market_of(panel_of_rows(rows[:40]), Execution(), bars_per_year=252)
    assert np.array_equal(whole.weight[:40], part.weight, equal_nan=True)
    assert np.array_equal(whole.stop_base[:40], part.stop_base, equal_nan=True)


def test_few_trades_count_for_little():
    rows = [(100, 100, 100, 100), (100, 100, 100, 100), (100, 111, 100, 110), (110, 112, 109, 111)]
    result = run(market(rows), wants([1, NO, NO, NO]), rules())
    whole = sharpe(result.returns, bars_per_year=252)
    assert objective(result, bars_per_year=252) == pytest.approx(whole / 11)
    assert sharpe(np.zeros(5), bars_per_year=252) == 0
