"""The compiled backtest agrees with the plain one on any market, and never makes money out of nothing."""

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.backtest.account import Account, Costs, Fill, Limits
from ml.backtest.engine import Plan, Rules, backtest, market_of, simulate
from orchestrator.domain.market import Signals
from orchestrator.domain.scene import Execution
from orchestrator.domain.stops import ExitRules, Rung
from tests.plain_backtest import plain
from tests.property.prefix import panels

EXECUTION = Execution(atr_bars=3, vol_bars=5)


@st.composite
def wishes(draw, panel):
    chance = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shape = panel.close.shape
    target = chance.choice([np.nan, 0.0, 1.0, -1.0], shape, p=[0.4, 0.2, 0.3, 0.1])
    return Signals(target, chance.uniform(0, 1, shape).round(1), np.zeros(shape, np.int64), ("",))


@st.composite
def rules(draw):
    exits = ExitRules(
        stop_moves=draw(st.sampled_from([0.5, 1.0, 3.0])),
        target_r=draw(st.sampled_from([0.5, 2.0, 10.0])),
        trail_after_r=draw(st.sampled_from([0.5, 1.0, 10.0])),
        trail_r=draw(st.sampled_from([0.5, 2.0])),
        stop_pct=draw(st.sampled_from([0, 0, 0.02])),
        break_even_r=draw(st.sampled_from([0, 0.5])),
        chandelier_moves=draw(st.sampled_from([0, 1.5])),
        max_hold_hours=draw(st.sampled_from([1, 5, 2160])),
    )
    return Rules(exits=exits, max_positions=draw(st.integers(0, 3)), max_weight=draw(st.sampled_from([0.05, 0.5])))


def untied(panel, seed):
    """The panel with each bar moved a little: a price equal to a stop to the last bit may fall on either side of it."""
    moved = 1 + 1e-5 * np.random.default_rng(seed).uniform(-1, 1, panel.close.shape)
    prices = {name: getattr(panel, name) * moved for name in ("open", "high", "low", "close")}
    return replace(panel, **prices)


@settings(max_examples=60)
@given(data=st.data())
def test_the_compiled_backtest_does_what_the_plain_one_does(data):
    panel = untied(data.draw(panels(("A", "B", "C"))), data.draw(st.integers(0, 99)))
    market = market_of(panel, EXECUTION, bars_per_year=8760)
    long_only = data.draw(wishes(panel))
    long_only.target[long_only.target < 0] = np.nan
    how, cost = data.draw(rules()), data.draw(st.sampled_from([0.0, 0.002]))
    result = simulate(market, long_only, how, cost=cost)
    returns, trades = plain(market, long_only, how, cost=cost)
    np.testing.assert_allclose(result.returns, returns, atol=1e-12)
    np.testing.assert_allclose(np.sort(result.trades), np.sort(trades), atol=1e-12)


@settings(max_examples=60)
@given(data=st.data())
def test_what_trades_gained_is_what_the_account_gained(data):
    panel = data.draw(panels(("A", "B")))
    exits = ExitRules(break_even_r=0.5, chandelier_moves=2, ladder=(Rung(at_r=0.5, part=0.5), Rung(at_r=1, part=0.25)))
    plans = [Plan(name, data.draw(wishes(panel)), Rules(exits, 2, 0.4)) for name in ("one", "two")]
    account = Account(
        capital=10_000,
        compound=data.draw(st.booleans()),
        fill=data.draw(st.sampled_from([Fill.NEXT_OPEN, Fill.SAME_CLOSE])),
        short=True,
        costs=Costs(fee=0.001, fee_per_unit=0.01, least_fee=0.5, half_spread=0.001, impact=0.2, borrow=0.1),
        limits=Limits(strategy=0.5, symbol=0.3, gross=0.8, volume_share=0.1, daily_loss=0.02, drawdown_halted=0.3),
    )
    result = backtest(market_of(panel, EXECUTION, bars_per_year=8760), plans, account)
    assert abs(result.equity[-1] - 10_000 - result.trades.sum() * 10_000) < 1e-6
    assert (result.gross <= 0.8 * result.equity.max() * 1.5).all()
    assert (result.costs >= 0).all()
