"""A module on its bars: strategies in one account, what is shared between runs, and what cannot run."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import Field

from ml.backtest import layout
from ml.backtest.account import Account, Costs
from ml.backtest.engine import Plan, Rules, backtest, market_of
from ml.backtest.stage import Stage, dividends_of, window_of
from ml.validation.honesty import made_up
from orchestrator.domain.base import ModuleName
from orchestrator.domain.errors import DomainError
from orchestrator.domain.parameters import Parameters
from orchestrator.domain.scene import Execution
from orchestrator.domain.strategy import Strategy, StrategyParameters, selected, signals
from orchestrator.domain.tuning import Tunable

WHY = ("in", "out")
ASKED: list[int] = []


class Knobs(StrategyParameters):
    bars: int = Field(default=3, ge=1, le=50)

    @property
    def warmup(self) -> int:
        return self.bars + 1


class Off(Knobs):
    enabled: bool = False


class Shop(Parameters):
    execution: Execution = Execution()
    rising: Knobs = Knobs()
    falling: Knobs = Knobs()
    idle: Off = Off()


def rising(panel, parameters):
    ASKED.append(parameters.bars)
    past = np.full(panel.close.shape, np.nan)
    past[parameters.bars :] = panel.close[: -parameters.bars]
    return signals(panel.close > past, panel.close < past, np.full(past.shape, 0.9), WHY)


def falling(panel, parameters):
    other = Knobs(bars=parameters.bars)
    found = rising(panel, other)
    enter, leave = found.target == 0, found.target == 1
    return signals(enter, leave, found.confidence, WHY)


def shop(*more, universe=None):
    strategies = (
        Strategy("rising", rising, trades=("first",), reads=("watched",)),
        Strategy("falling", falling, trades=("second",)),
        Strategy("idle", rising, trades=("first",)),
        *more,
    )
    lists = {"first": ("A", "B"), "second": ("B", "C"), "watched": ("W",)} if universe is None else universe
    return Tunable(ModuleName.STOCKS, Shop, lists, lambda _minutes: 252.0, 2.0, strategies)


def stage(symbols=("A", "B", "C", "W"), *, rows=slice(40, 160), seed=5, **more):
    panel = made_up(symbols, rows=160, minutes=1440, seed=seed)
    given = {"account": Account(capital=10_000.0, compound=True, costs=Costs(fee=0.001))}
    return Stage(**{"tunable": shop(), "panel": panel, "minutes": 1440, "rows": rows, **given, **more})


def test_a_module_is_the_engine_with_all_its_enabled_strategies():
    one = stage()
    run = one.run(Shop())
    market = market_of(selected(one.panel, "ABC"), Execution(), bars_per_year=252.0)[one.rows]
    plans = []
    for name, evaluate, trades, looks in (("rising", rising, "AB", "ABW"), ("falling", falling, "BC", "BC")):
        told = evaluate(selected(one.panel, looks), Knobs())
        target, confidence = np.full((160, 3), np.nan), np.zeros((160, 3))
        for symbol in trades:
            target[:, "ABC".index(symbol)] = told.target[:, looks.index(symbol)]
            confidence[:, "ABC".index(symbol)] = told.confidence[:, looks.index(symbol)]
        rules = Rules(Knobs().exits, Knobs().max_positions, Knobs().weight)
        rest = np.zeros((160, 3), np.int64)
        plans.append(Plan(name, type(told)(target[40:], confidence[40:], rest[40:], WHY), rules))
    by_hand = backtest(market, plans, one.account)
    assert run.result.count == by_hand.count > 10
    assert run.result.ledger == pytest.approx(by_hand.ledger)
    assert run.result.equity == pytest.approx(by_hand.equity)
    assert {run.result.columns[int(row[0])][0] for row in run.result.ledger} == {"rising", "falling"}


def test_a_strategy_that_is_left_as_it_is_is_asked_once():
    one = stage(names=("rising",))
    ASKED.clear()
    for bars in (3, 5, 3, 5):
        one.run(Shop(rising=Knobs(bars=bars)))
    assert ASKED == [3, 5]


def test_what_comes_after_the_window_changes_nothing():
    whole, cut = stage(rows=slice(40, 100)), stage(rows=slice(40, 100))
    short = Stage(tunable=cut.tunable, panel=cut.panel[:100], minutes=1440, rows=slice(40, 100), account=cut.account)
    assert whole.run(Shop()).result.equity == pytest.approx(short.run(Shop()).result.equity)


def test_one_that_is_named_runs_although_it_is_switched_off():
    run = stage(names=("idle",)).run(Shop())
    assert {name for name, _ in run.result.columns} == {"idle"}


def test_one_without_bars_or_history_is_left_out_with_the_reason():
    run = stage(symbols=("A", "B", "W")).run(Shop(falling=Knobs(bars=50)))
    assert set(run.left_out) == set()
    run = stage(symbols=("A", "W"), rows=slice(0, 60)).run(Shop())
    assert run.left_out == {"falling": "no bars of what it trades (B, C)"}
    with pytest.raises(DomainError, match="rising: 30 bars of 1440 minutes, more than 51 are needed"):
        stage(symbols=("A",), rows=slice(0, 30), names=("rising",)).run(Shop(rising=Knobs(bars=50)))


def test_one_that_raises_or_does_not_fit_is_told_in_one_line():
    def raises(_panel, _parameters):
        raise ValueError("no idea")

    def misfits(panel, parameters):
        found = rising(panel, parameters)
        return type(found)(found.target[1:], found.confidence, found.reason, WHY)

    for evaluate, said in ((raises, "ValueError: no idea"), (misfits, r"target has shape \(159, 3\)")):
        broken = Tunable(
            ModuleName.STOCKS,
            Shop,
            {"first": ("A", "B", "C")},
            lambda _minutes: 252.0,
            2.0,
            (Strategy("rising", evaluate, trades=("first",)),),
        )
        with pytest.raises(DomainError, match=said):
            stage(tunable=broken, names=("rising",)).run(Shop())


def test_a_dividend_is_paid_to_who_holds():
    one = stage(names=("rising",))
    before = one.run(Shop()).result
    trip = next(row for row in before.ledger if before.columns[int(row[0])][1] == "A" and row[layout.T_EXIT] > 2)
    entered, left, qty = (int(held(trip, layout.ROW)), int(trip[layout.T_EXIT]), held(trip, layout.UNITS))
    day = int((one.panel.ends[40 + left] - 1) // 86_400)
    assert entered < left
    paid = stage(names=("rising",), actions=dividends_of(one.panel, {"A": [(day, 2.0)], "W": [(day, 50.0)]}))
    after = paid.run(Shop()).result
    assert after.equity[left - 1] == pytest.approx(before.equity[left - 1])
    assert after.equity[left] - before.equity[left] == pytest.approx(2.0 * qty)


def held(trip, place):
    return trip[layout.T_POSITION + place - layout.SIDE]


def test_a_window_needs_two_bars():
    panel = made_up(("A",), rows=10, minutes=1440, seed=1)
    assert window_of(panel, None) == slice(0, 10)
    assert window_of(panel, int(panel.ends[3])) == slice(3, 10)
    with pytest.raises(DomainError, match="1 bars between"):
        window_of(panel, int(panel.ends[9]))
