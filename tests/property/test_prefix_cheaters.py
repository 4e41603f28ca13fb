"""The prefix property catches what it is there for: four ways of looking ahead, planted on purpose."""

import numpy as np
import pytest

from orchestrator.domain.indicators import momentum
from orchestrator.domain.market import Panel, Signals
from orchestrator.domain.strategy import StrategyParameters, signals
from tests.property.prefix import assert_no_look_ahead

WHY = ("up", "down")


def _panel() -> Panel:
    close = 100 * np.exp(np.cumsum(np.random.default_rng(3).normal(0, 0.01, (80, 2)), axis=0))
    close[40, 1] = np.nan
    ends = np.arange(1, 81, dtype=np.int64) * 86_400
    return Panel(("A", "B"), ends, close, close, close, close, np.ones_like(close))


def _by_change(change: np.ndarray) -> Signals:
    return signals(change > 0, change < 0, np.abs(np.nan_to_num(change)), WHY)


def honest(panel: Panel, _: StrategyParameters) -> Signals:
    return _by_change(momentum(panel.close, 5))


def reads_tomorrow(panel: Panel, _: StrategyParameters) -> Signals:
    return _by_change(np.append(np.diff(panel.close, axis=0), np.full((1, 2), np.nan), axis=0))


def scales_by_the_whole_history(panel: Panel, _: StrategyParameters) -> Signals:
    change = momentum(panel.close, 5)
    return _by_change(change / max(float(np.nanmax(np.abs(change), initial=1e-9)), 1e-9))


def fills_gaps_from_behind(panel: Panel, _: StrategyParameters) -> Signals:
    close = panel.close.copy()
    for row in range(len(close) - 2, -1, -1):
        close[row] = np.where(np.isnan(close[row]), close[row + 1], close[row])
    return _by_change(momentum(close, 5))


def centres_its_average(panel: Panel, _: StrategyParameters) -> Signals:
    after = np.append(panel.close[1:], np.full((1, 2), np.nan), axis=0)
    return _by_change(panel.close - np.nanmean([panel.close, after], axis=0))


def test_an_honest_strategy_passes():
    assert_no_look_ahead(honest, _panel(), StrategyParameters())


@pytest.mark.parametrize(
    "cheater", [reads_tomorrow, scales_by_the_whole_history, fills_gaps_from_behind, centres_its_average]
)
def test_a_cheater_is_caught(cheater):
    with pytest.raises(AssertionError, match="at row"):
        assert_no_look_ahead(cheater, _panel(), StrategyParameters())
