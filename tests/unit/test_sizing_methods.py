"""Sizing methods: each only makes smaller, whatever a strategy's closed trades say; Kelly against its closed form."""

import math
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.domain.kelly import SizingRules, StrategyRecord, kelly_fraction, shrunk_edge
from orchestrator.domain.opportunities import TradeOpportunity
from orchestrator.domain.risk import Approved, DenialCode, Denied, RiskLimits
from orchestrator.domain.screening import judge
from orchestrator.domain.sizing import (
    FIXED_FRACTION,
    KELLY_FRACTION,
    NO_EDGE,
    NO_RECORD,
    RISK_PER_TRADE,
    VOLATILITY_TARGET,
    size,
)
from tests.builders import book, opportunity
from tests.unit.test_rules import candidate

EQUITY = Decimal(100_000)
ROOM = {"module_allocation": Decimal(50_000)}
GOOD = StrategyRecord(trades=100, wins=60, sum_win_r=90.0, sum_loss_r=40.0)
"""Wins 60 % of its trades: 1.5 R on average; loses 1 R otherwise."""


def kelly(**changes: object) -> SizingRules:
    return SizingRules(**{"method": "kelly"} | changes)


def wish(sizing: SizingRules, **changes: object) -> TradeOpportunity:
    return opportunity(**{"limit_px": Decimal(100), "sizing": sizing, **changes})


def sized(one: TradeOpportunity, record: StrategyRecord = NO_RECORD, room=ROOM, equity=EQUITY, **limits: object):
    return size(one, equity=equity, limits=RiskLimits(**limits), headroom_usd=room, record=record)


def test_by_default_the_volatility_target_is_the_method():
    assert sized(wish(SizingRules())) == sized(opportunity())
    assert sized(wish(SizingRules()))[1] == VOLATILITY_TARGET


def test_a_fixed_fraction_is_lost_at_the_stop():
    # 0.3 % of 100,000 is 300 USD, 5 USD a unit.
    assert sized(wish(SizingRules(method="fixed_fraction", fixed_fraction=0.003))) == (Decimal(60), FIXED_FRACTION)


def test_no_method_asks_for_more_than_the_owners_limits():
    bold = SizingRules(method="fixed_fraction", fixed_fraction=0.05)
    assert sized(wish(bold)) == (Decimal(100), VOLATILITY_TARGET)
    assert sized(wish(bold, annual_vol=0.02)) == (Decimal(200), RISK_PER_TRADE)
    sure = StrategyRecord(trades=500, wins=490, sum_win_r=2000.0, sum_loss_r=10.0)
    assert sized(wish(kelly(kelly_multiple=0.5)), sure) == (Decimal(100), VOLATILITY_TARGET)


def test_kelly_loses_its_part_of_the_fraction_at_the_stop():
    # The prior is worth 1 trade: nearly p = 0.6, b = 1.5, so f* = 0.6 - 0.4 / 1.5 = 0.3333.
    rules = kelly(kelly_multiple=0.05, prior_trades=1)
    edge = shrunk_edge(GOOD, rules)
    share = 0.05 * (edge.win_rate - (1 - edge.win_rate) / edge.payoff)
    assert share == pytest.approx(0.05 / 3, rel=0.02)
    units, cap = sized(wish(rules), GOOD, position_vol=Decimal("0.5"), risk_per_trade=Decimal("0.5"))
    assert (units, cap) == (math.floor(100_000 * share / 5), KELLY_FRACTION)


@pytest.mark.parametrize(
    "record",
    [
        StrategyRecord(trades=100, wins=30, sum_win_r=30.0, sum_loss_r=70.0),
        StrategyRecord(trades=100, wins=50, sum_win_r=40.0, sum_loss_r=60.0),
        StrategyRecord(trades=100, wins=0, sum_loss_r=100.0),
    ],
)
def test_without_an_edge_nothing_is_bought(record):
    assert sized(wish(kelly()), record) == (Decimal(0), NO_EDGE)


def test_the_missing_edge_is_named_in_the_denial():
    losing = book(records={"momentum": StrategyRecord(trades=100, wins=10, sum_win_r=5.0, sum_loss_r=90.0)})
    verdict = judge(candidate(opportunity=wish(kelly()), book=losing))
    assert isinstance(verdict, Denied)
    assert (verdict.code, verdict.observed) == (DenialCode.ORDER_SIZE_BELOW_MIN, "no_edge leaves 0.00")


def test_the_record_of_another_strategy_does_not_count():
    other = book(records={"leveraged": StrategyRecord(trades=100, wins=10, sum_win_r=5.0, sum_loss_r=90.0)})
    assert isinstance(judge(candidate(opportunity=wish(kelly()), book=other)), Approved)


@pytest.mark.parametrize(("trades", "measured"), [(0, False), (19, False), (20, True)])
def test_too_few_trades_fall_back_to_the_prior(trades, measured):
    record = StrategyRecord(trades=trades, wins=trades, sum_win_r=3.0 * trades)
    edge = shrunk_edge(record, kelly())
    prior = shrunk_edge(NO_RECORD, kelly())
    assert (prior.win_rate, prior.payoff) == (0.5, pytest.approx(1.1))
    assert (edge != prior) is measured


def test_gaps_through_the_stop_make_positions_smaller():
    rules = kelly(kelly_multiple=0.05, prior_trades=1)
    gaps = StrategyRecord(trades=100, wins=60, sum_win_r=180.0, sum_loss_r=80.0)
    loose = {"position_vol": Decimal("0.5"), "risk_per_trade": Decimal("0.5")}
    usual, gapping = (float(sized(wish(rules), record, **loose)[0]) for record in (GOOD, gaps))
    assert gapping == pytest.approx(usual / 2, rel=0.03)
    short = StrategyRecord(trades=100, wins=60, sum_win_r=45.0, sum_loss_r=20.0)
    assert float(sized(wish(rules), short, **loose)[0]) == pytest.approx(usual, rel=0.04)


@pytest.mark.parametrize(
    ("p", "b", "f"),
    [
        (0.5, 1.0, 0.0),
        (0.6, 1.0, 0.2),
        (0.5, 2.0, 0.25),
        (0.4, 1.5, 0.0),
        (0.3, 1.0, 0.0),
        (1.0, 1.0, 1.0),
        (0.0, 9.0, 0.0),
    ],
)
def test_kelly_is_the_closed_form(p, b, f):
    assert kelly_fraction(p, b) == pytest.approx(f)


@given(p=st.floats(0.05, 0.95), b=st.floats(0.2, 5))
def test_no_other_fraction_makes_capital_grow_faster(p, b):
    def growth(f: float) -> float:
        return p * math.log1p(b * f) + (1 - p) * math.log1p(-f)

    best = kelly_fraction(p, b)
    assert 0 <= best < 1
    for other in (best * 0.9, min(best * 1.1, 0.999), min(best + 0.01, 0.999), 0.0):
        assert growth(best) >= growth(other) - 1e-9


outcomes = st.lists(st.floats(-3, 5), max_size=60)


@given(outcomes=outcomes, weight=st.floats(1, 500), rate=st.floats(0.05, 0.95))
def test_the_estimate_lies_between_prior_and_what_was_measured(outcomes, weight, rate):
    record = NO_RECORD
    for r in outcomes:
        record = record.with_trade(r)
    assert record.trades == len(outcomes)
    rules = kelly(prior_trades=weight, prior_win_rate=rate, kelly_min_trades=0)
    edge = shrunk_edge(record, rules)
    measured = record.wins / record.trades if record.trades else rate
    assert min(rate, measured) - 1e-9 <= edge.win_rate <= max(rate, measured) + 1e-9
    assert edge.win_r >= 0
    assert edge.loss_r > 0


@given(outcomes=outcomes, more=st.floats(0.01, 5))
def test_another_gain_never_lowers_the_win_rate_and_another_loss_never_raises_it(outcomes, more):
    record = NO_RECORD
    for r in outcomes:
        record = record.with_trade(r)
    rules = kelly(kelly_min_trades=0)
    now = shrunk_edge(record, rules).win_rate
    assert shrunk_edge(record.with_trade(more), rules).win_rate >= now
    assert shrunk_edge(record.with_trade(-more), rules).win_rate <= now


methods = st.builds(
    SizingRules,
    method=st.sampled_from(["volatility_target", "fixed_fraction", "kelly"]),
    fixed_fraction=st.floats(0.0005, 0.05),
    kelly_multiple=st.floats(0.05, 0.5),
    prior_win_rate=st.floats(0.05, 0.95),
    prior_payoff=st.floats(0.1, 10),
)
records = st.builds(
    StrategyRecord,
    trades=st.integers(60, 100),
    wins=st.integers(0, 60),
    sum_win_r=st.floats(0, 200),
    sum_loss_r=st.floats(0, 200),
)
usd = st.decimals(0, 200_000, places=2)


@given(
    rules=methods, record=records, vol=st.floats(0.01, 2), stop=st.decimals("1", "99", places=2), room=usd, equity=usd
)
def test_no_size_is_above_any_cap(rules, record, vol, stop, room, equity):
    limits = RiskLimits()
    one = wish(rules, annual_vol=vol, stop_price=stop, max_qty=Decimal(500), max_notional_usd=Decimal(8_000))
    units, _ = sized(one, record, {"one": room, "other": Decimal(20_000)}, equity)
    value = units * one.notional_usd
    assert 0 <= units <= 500
    assert value <= min(room, Decimal(20_000), Decimal(8_000))
    assert units * (100 - stop) <= equity * limits.risk_per_trade
    assert value * Decimal(repr(vol)) <= equity * limits.position_vol * Decimal("1.0000001")
    plain, _ = sized(wish(SizingRules(), annual_vol=vol, stop_price=stop), NO_RECORD, {"one": room}, equity)
    assert units <= plain


@given(rules=methods, record=records, less=usd, more=usd, stop=st.decimals("1", "99", places=2))
def test_size_grows_with_equity_and_with_room_only(rules, record, less, more, stop):
    less, more = sorted((less, more))
    one = wish(rules, stop_price=stop)
    assert sized(one, record, equity=less)[0] <= sized(one, record, equity=more)[0]
    assert sized(one, record, {"cap": less})[0] <= sized(one, record, {"cap": more})[0]


@given(record=records, small=st.floats(0.05, 0.5), large=st.floats(0.05, 0.5))
def test_a_smaller_part_of_kelly_is_a_smaller_position(record, small, large):
    small, large = sorted((small, large))
    less, more = (sized(wish(kelly(kelly_multiple=part)), record)[0] for part in (small, large))
    assert less <= more
