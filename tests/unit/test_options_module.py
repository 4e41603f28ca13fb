"""What the options module asks for, enters, leaves and remembers."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from modules.options.module import OptionsModule
from modules.options.parameters import ExitParameters, LiquidityParameters, OptionsParameters, SelectionParameters
from modules.options.playbook import PLAYBOOK, STRATEGIES
from modules.options.reading import iv_history, last_held
from modules.options.regime import Trend, VolRegime
from modules.options.universe import UNIVERSE, underlying_of, universe_of
from orchestrator.domain.instruments import OptionRight
from orchestrator.domain.market import SessionState
from orchestrator.domain.orders import OrderState, Purpose, Side
from orchestrator.module import ModuleConfig
from tests.options_market import (
    NOW,
    book_of,
    chain_of,
    closes,
    context_of,
    holding,
    market_of,
    quoted,
    with_session,
    working,
)

MODULE = OptionsModule(None, None, None, ModuleConfig(universe=UNIVERSE))  # type: ignore[arg-type]
KNOBS = OptionsParameters()
DRIFTS = {Trend.UP: 1.0, Trend.FLAT: 0.0, Trend.DOWN: -1.0}
IMPLIED = {VolRegime.CHEAP: 0.12, VolRegime.NORMAL: 0.20, VolRegime.RICH: 0.32}
CHAIN = chain_of()
CALL = OptionRight.CALL


def context(trend=Trend.UP, volatility=VolRegime.NORMAL, *, book=None, parameters=None, underlying="SPY", **chain):
    market = market_of(
        [chain_of(underlying, vol=IMPLIED[volatility], **chain)], {underlying: closes(drift=DRIFTS[trend])}
    )
    return context_of(market, book=book, parameters=parameters)


def call(days: int = 30, strike: int = 100) -> str:
    return quoted(CHAIN, days=days, right=CALL, strike=strike).symbol


@pytest.mark.parametrize("volatility", VolRegime)
@pytest.mark.parametrize("trend", Trend)
def test_the_first_strategy_of_the_regime_is_entered(trend, volatility):
    found = MODULE.analyze(context(trend, volatility))
    assert [wish.strategy for wish in found] == list(PLAYBOOK[trend, volatility][:1])


def test_every_strategy_is_entered_in_some_regime():
    found = {w.strategy for trend in Trend for vol in VolRegime for w in MODULE.analyze(context(trend, vol))}
    assert found == set(STRATEGIES)


def test_a_spread_is_one_order_of_bounded_loss():
    (wish,) = MODULE.analyze(context(Trend.UP, VolRegime.RICH))
    assert wish.strategy == "bull_put_spread"
    assert [(leg.side, leg.ratio, leg.multiplier) for leg in wish.legs] == [(Side.SELL, 1, 100), (Side.BUY, 1, 100)]
    assert (wish.symbol, wish.side, wish.purpose) == ("SPY", Side.BUY, Purpose.ENTRY)
    assert wish.limit_px is not None
    assert wish.decision_px < wish.limit_px < 0
    strikes = sorted(Decimal(leg.symbol[-8:]) / 1000 for leg in wish.legs)
    assert wish.max_loss_usd == wish.notional_usd == (strikes[1] - strikes[0] + wish.limit_px) * 100
    assert wish.max_loss_usd <= Decimal(900)
    assert (wish.quote_ts, wish.two_sided, wish.qty, wish.stop_price) == (NOW, True, None, None)
    assert 0.05 <= wish.annual_vol <= 1
    assert {"iv", "iv_rank", "skew", "delta", "days_to_expiry", "trend", "max_loss", "max_profit"} <= set(wish.features)
    assert "rich volatility" in wish.reason


def test_a_bought_call_risks_its_premium():
    (wish,) = MODULE.analyze(context(Trend.UP, VolRegime.CHEAP))
    assert wish.strategy == "long_call"
    assert wish.limit_px is not None
    assert wish.max_loss_usd == wish.limit_px * 100
    assert "max_profit" not in wish.features


def test_the_limit_is_marketable_and_within_the_concession():
    for trend, volatility in PLAYBOOK:
        for wish in MODULE.analyze(context(trend, volatility)):
            assert wish.limit_px is not None
            assert abs(wish.limit_px - wish.decision_px) <= abs(wish.decision_px) * Decimal("0.15")
            assert wish.limit_px == wish.limit_px.quantize(Decimal("0.01"))


def test_the_next_strategy_is_tried_where_the_first_finds_nothing():
    # A call alone costs more than the budget, the spread does not.
    knobs = OptionsParameters(selection=SelectionParameters(max_unit_loss_usd=75))
    (wish,) = MODULE.analyze(context(Trend.UP, VolRegime.CHEAP, parameters=knobs))
    assert wish.strategy == "bull_call_spread"


def test_the_most_confident_comes_first():
    chains = [chain_of("SPY", vol=0.19), chain_of("QQQ", vol=0.12)]
    market = market_of(chains, {"SPY": closes(drift=0.8), "QQQ": closes(drift=0.8)})
    found = MODULE.analyze(context_of(market))
    assert len(found) == 2
    assert [wish.confidence for wish in found] == sorted((wish.confidence for wish in found), reverse=True)


def test_nothing_is_entered_below_the_confidence_asked_for():
    assert MODULE.analyze(context(parameters=OptionsParameters(min_confidence=0.95), trend=Trend.FLAT)) == []


def test_nothing_is_entered_outside_the_universe():
    assert MODULE.analyze(context(underlying="TSLA")) == []


def test_nothing_is_entered_on_a_stale_chain():
    late = NOW + timedelta(minutes=KNOBS.liquidity.max_age_minutes, seconds=1)
    seen = context()
    assert MODULE.analyze(context_of(seen.market, now=late)) == []
    patient = OptionsParameters(liquidity=LiquidityParameters(max_age_minutes=16))
    assert MODULE.analyze(context_of(seen.market, now=late, parameters=patient))


def test_nothing_happens_in_a_closed_market():
    book = book_of(holding("long_call", [(call(), 1, "9.00")]))
    shut = with_session(context().market, SessionState(is_open=False))
    assert MODULE.analyze(context_of(shut)) == []
    assert MODULE.monitor(context_of(shut, book=book)) == []


@pytest.mark.parametrize(
    "book",
    [
        book_of(holding("long_call", [(call(), 1, "3.00")])),
        book_of(orders=[working("SPY", purpose=Purpose.ENTRY)]),
        book_of(memory={"held/SPY": "2026-07-15"}),
    ],
    ids=["held", "being entered", "left today"],
)
def test_an_underlying_is_not_entered_twice(book):
    assert MODULE.analyze(context(book=book)) == []


def test_an_underlying_is_entered_again_after_a_day_or_at_once_if_allowed():
    assert MODULE.analyze(context(book=book_of(memory={"held/SPY": "2026-07-14"})))
    hasty = OptionsParameters(exits=ExitParameters(reentry_days=0))
    assert MODULE.analyze(context(book=book_of(memory={"held/SPY": "2026-07-15"}), parameters=hasty))


def test_a_finished_order_does_not_keep_an_underlying_occupied():
    done = working("SPY", purpose=Purpose.ENTRY).model_copy(update={"state": OrderState.CANCELLED})
    assert MODULE.analyze(context(book=book_of(orders=[done])))


def test_dead_contracts_are_never_chosen():
    # The best contracts by delta lose a side, their trust or their Greeks: something else is chosen.
    (first,) = MODULE.analyze(context(Trend.UP, VolRegime.CHEAP))
    best = first.legs[0].symbol
    for change in ({"bid": None}, {"ask": Decimal(99), "bid": Decimal(98)}, {"iv": 2.5}):
        market = context(Trend.UP, VolRegime.CHEAP).market
        chain = market.chains["SPY"]
        spoiled = tuple(q.model_copy(update=change) if q.symbol == best else q for q in chain.contracts)
        changed = {"SPY": chain.model_copy(update={"contracts": spoiled})}
        market.chains.update(changed)  # type: ignore[attr-defined]
        (second,) = MODULE.analyze(context_of(market))
        assert best not in {leg.symbol for leg in second.legs}


def test_a_position_that_is_due_is_left_once():
    position = holding("long_call", [(call(), 1, "9.00")])
    (wish,) = MODULE.monitor(context(book=book_of(position)))
    assert (wish.purpose, wish.position_id, wish.replaces) == (Purpose.EXIT, "p1", ())
    leaving = [working("SPY", purpose=Purpose.EXIT)]
    assert MODULE.monitor(context(book=book_of(position, orders=leaving))) == []


def test_what_still_enters_a_position_is_cancelled_before_it_is_left():
    position = holding("long_call", [(call(), 1, "9.00")])
    entering = working("SPY", purpose=Purpose.ENTRY)
    (wish,) = MODULE.monitor(context(book=book_of(position, orders=[entering])))
    assert wish.replaces == (entering.id,)


def test_a_position_without_a_fill_is_not_left():
    assert MODULE.monitor(context(book=book_of(holding("long_call", [(call(), 0, "0")])))) == []


def test_a_held_contract_outside_the_chain_is_priced_by_its_own_quote():
    position = holding("long_call", [(call(strike=100), 1, "9.00")])
    market = context().market
    whole = market.chains["SPY"]
    gone = whole.model_copy(update={"contracts": tuple(q for q in whole.contracts if q.symbol != call())})
    market.chains["SPY"] = gone  # type: ignore[index]
    assert MODULE.monitor(context_of(market, book=book_of(position))) == []
    own = market.quotes["SPY"].model_copy(update={"symbol": call(), "bid": Decimal("2.00"), "ask": Decimal("2.10")})
    market.quotes[call()] = own  # type: ignore[index]
    (wish,) = MODULE.monitor(context_of(market, book=book_of(position)))
    assert wish.limit_px == Decimal("2.00")


def test_it_asks_for_its_universe_and_what_is_held():
    held = holding("long_call", [("TSLA260717C00100000", 1, "1.00")], underlying="TSLA")
    request = MODULE.request(book_of(held), KNOBS, NOW)
    assert request.chains == ("SPY", "QQQ", "AAPL", "NVDA", "TSLA")
    assert request.bars == {1440: request.chains}
    assert request.quotes == (*request.chains, "TSLA260717C00100000")
    assert (request.min_days_to_expiry, request.max_days_to_expiry) == (2, 60)
    assert request.lookback_days[1440] >= 252 * 365 / 252
    far = holding("long_call", [("SPY261218C00100000", 1, "1.00")])
    assert MODULE.request(book_of(far), KNOBS, NOW).max_days_to_expiry == 156
    assert MODULE.request(book_of(), KNOBS, NOW).min_days_to_expiry == KNOBS.exits.exit_days


def test_it_remembers_volatility_by_session_and_what_was_held():
    book = book_of(
        holding("long_call", [(call(), 1, "3.00")]),
        memory={"iv/SPY": "2026-07-13:0.1800 2026-07-14:0.1900", "held/QQQ": "2026-07-10", "other": "kept"},
    )
    seen = context(book=book)
    memory = MODULE.remember(seen)
    days = memory["iv/SPY"].split()
    assert [day.split(":")[0] for day in days] == ["2026-07-13", "2026-07-14", "2026-07-15"]
    assert float(days[-1].split(":")[1]) == pytest.approx(0.2, abs=0.01)
    assert (memory["held/SPY"], memory["held/QQQ"], memory["other"]) == ("2026-07-15", "2026-07-10", "kept")
    next_day = book_of(memory=memory)
    assert iv_history(next_day, "SPY", now=NOW) == [0.18, 0.19]
    assert len(iv_history(next_day, "SPY", now=NOW + timedelta(days=1))) == 3
    assert last_held(next_day, "SPY") == date(2026, 7, 15)
    assert last_held(next_day, "AAPL") is None


def test_it_remembers_no_volatility_of_a_stale_or_empty_chain():
    late = context_of(context().market, now=NOW + timedelta(hours=1))
    assert MODULE.remember(late) == {}
    assert MODULE.remember(context(days=())) == {}


def test_what_it_remembers_of_volatility_is_bounded():
    first = datetime(2024, 1, 1, tzinfo=UTC)
    days = [(first + timedelta(days=count)).date().isoformat() for count in range(600)]
    book = book_of(memory={"iv/SPY": " ".join(f"{day}:0.2000" for day in days)})
    kept = MODULE.remember(context(book=book))["iv/SPY"].split()
    assert len(kept) == KNOBS.volatility.history_days
    assert kept[-1].startswith("2026-07-15")


def test_a_universe_is_named_by_its_underlyings():
    assert universe_of(["spy", "AAPL", "SPY"]) == {"underlyings": ("SPY", "AAPL")}
    assert underlying_of("AAPL260821C00230000") == "AAPL"
    assert underlying_of("AAPL") == "AAPL"
