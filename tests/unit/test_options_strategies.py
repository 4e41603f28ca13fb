"""What each strategy picks, how it is priced, and what is never picked."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from modules.options.entries import structure_entry
from modules.options.parameters import OptionsParameters, SelectionParameters
from modules.options.playbook import STRATEGIES
from modules.options.reading import read
from modules.options.regime import Regime, Trend, VolRegime
from modules.options.selection import fits
from modules.options.structures import Pick, payoff_range_of, ticket
from orchestrator.domain.chains import view_of
from orchestrator.domain.instruments import OptionRight
from orchestrator.domain.orders import Side
from tests.options_market import NOW, RATE, book_of, chain_of, market_of, with_quotes

KNOBS = OptionsParameters()
CALL, PUT = OptionRight.CALL, OptionRight.PUT
REGIME = Regime(Trend.UP, VolRegime.NORMAL, strength=1.0, atm_iv=0.2, realised_vol=0.2, iv_rank=0.5)


def knobs(**selection: float) -> OptionsParameters:
    return KNOBS.model_copy(update={"selection": SelectionParameters.model_validate(selection)})


def picks(name: str, parameters: OptionsParameters = KNOBS, **chain: object):
    return STRATEGIES[name](view_of(chain_of(**chain), NOW, rate=RATE), REGIME, parameters)  # type: ignore[index,arg-type]


def shape(found) -> list[tuple[Side, OptionRight]]:
    return [(pick.side, pick.contract.quote.right) for pick in found]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("long_call", [(Side.BUY, CALL)]),
        ("bull_call_spread", [(Side.BUY, CALL), (Side.SELL, CALL)]),
        ("bull_put_spread", [(Side.SELL, PUT), (Side.BUY, PUT)]),
        ("protective_put", [(Side.BUY, PUT)]),
        ("covered_call", [(Side.SELL, CALL)]),
    ],
)
def test_each_strategy_picks_its_legs_at_the_expiry_nearest_to_the_target(name, expected):
    found = picks(name)
    assert shape(found) == expected
    assert {pick.contract.quote.expiry for pick in found} == {NOW.date() + timedelta(days=30)}
    assert all(pick.contract.usable for pick in found)


def test_deltas_are_those_asked_for():
    bought, sold = picks("bull_call_spread", knobs(long_delta=0.6, debit_short_delta=0.2))
    assert bought.contract.delta == pytest.approx(0.6, abs=0.05)
    assert sold.contract.delta == pytest.approx(0.2, abs=0.05)
    assert bought.contract.quote.strike < sold.contract.quote.strike
    sold, bought = picks("bull_put_spread", knobs(credit_short_delta=0.4, credit_long_delta=0.1))
    assert sold.contract.delta == pytest.approx(-0.4, abs=0.05)
    assert bought.contract.delta == pytest.approx(-0.1, abs=0.05)
    assert bought.contract.quote.strike < sold.contract.quote.strike


def test_a_call_is_bought_alone_only_with_time_and_a_spread_with_less():
    assert picks("long_call", days=(16,)) == ()
    assert picks("long_call", knobs(long_min_days=16), days=(16,))
    assert picks("bull_call_spread", days=(16,))


def test_a_covered_call_is_sold_above_the_spot():
    (sold,) = picks("covered_call", knobs(covered_delta=0.5))
    assert sold.contract.quote.strike > 100


def test_a_legs_strikes_are_never_the_wrong_way_round():
    # Wanted deltas so close that the tolerance reaches over the bought strike.
    bought, sold = picks("bull_call_spread", knobs(long_delta=0.42, debit_short_delta=0.40, min_reward=0.05))
    assert bought.contract.quote.strike < sold.contract.quote.strike
    sold, bought = picks("bull_put_spread", knobs(credit_short_delta=0.22, credit_long_delta=0.20, min_reward=0.05))
    assert bought.contract.quote.strike < sold.contract.quote.strike


@pytest.mark.parametrize("name", sorted(STRATEGIES))
@pytest.mark.parametrize(
    "chain",
    [{"days": (3, 7)}, {"days": (200,)}, {"half": 3.0}, {"open_interest": 1}, {"step": 60.0}],
    ids=["too near", "too far", "too wide", "nobody holds it", "no such delta"],
)
def test_nothing_is_picked_where_nothing_suits(name, chain):
    assert picks(name, **chain) == ()


@pytest.mark.parametrize("name", ["long_call", "bull_call_spread", "bull_put_spread"])
def test_a_structure_that_could_lose_more_than_the_budget_is_not_picked(name):
    budget = Decimal(250)
    found = picks(name, knobs(max_unit_loss_usd=250))
    if found:
        priced = ticket(found, participation=0.5)
        assert priced is not None
        assert priced.max_loss is not None
        assert priced.max_loss * 100 <= budget
    assert picks(name, knobs(max_unit_loss_usd=50)) == ()


def test_one_untrusted_contract_is_passed_over():
    first = picks("long_call")[0].contract.quote
    chain = with_quotes(chain_of(), {first.symbol: {"bid": None}})
    second = STRATEGIES["long_call"](view_of(chain, NOW, rate=RATE), REGIME, KNOBS)[0].contract.quote
    assert second.symbol != first.symbol


def test_a_debit_spread_is_priced_by_its_touch_and_loses_at_most_that():
    priced = ticket(picks("bull_call_spread"), participation=0.5)
    assert priced is not None
    bought, sold = (pick.contract.quote for pick in priced.picks)
    assert priced.limit == bought.ask - sold.bid
    assert priced.mid == bought.mid - sold.mid
    assert priced.side is Side.BUY
    assert priced.max_loss == priced.limit
    assert priced.max_profit == sold.strike - bought.strike - priced.limit
    assert priced.concession == (priced.limit - priced.mid) / priced.mid


def test_a_credit_spread_has_a_negative_price_and_loses_at_most_its_width_less_the_credit():
    priced = ticket(picks("bull_put_spread"), participation=0.5)
    assert priced is not None
    sold, bought = (pick.contract.quote for pick in priced.picks)
    assert priced.limit == bought.ask - sold.bid < 0
    assert priced.max_loss == sold.strike - bought.strike + priced.limit
    assert priced.max_profit == -priced.limit
    assert priced.greek("delta") > 0
    assert priced.greek("theta") > 0


def test_a_single_leg_has_a_positive_price_whichever_way_it_goes():
    sold = ticket(picks("covered_call"), participation=0.5)
    bought = ticket(picks("long_call"), participation=0.5)
    assert sold is not None
    assert bought is not None
    assert (sold.side, bought.side) == (Side.SELL, Side.BUY)
    assert sold.limit == sold.picks[0].contract.quote.bid < sold.mid
    assert bought.limit == bought.picks[0].contract.quote.ask > bought.mid
    assert (sold.max_loss, sold.max_profit) == (None, sold.limit)
    assert (bought.max_loss, bought.max_profit) == (bought.limit, None)


def test_units_at_the_touch_follow_size_and_participation():
    sized = ticket(picks("bull_call_spread", size=9), participation=0.5)
    unsized = ticket(picks("bull_call_spread"), participation=0.5)
    assert sized is not None
    assert unsized is not None
    assert sized.max_units == 4
    assert unsized.max_units is None


def test_what_has_no_price_has_no_ticket():
    found = picks("bull_call_spread")
    gone = found[1].contract.quote.model_copy(update={"bid": None})
    lame = (found[0], Pick(type(found[1].contract)(gone, *[0.1] * 7), Side.SELL))
    assert ticket(lame, participation=0.5) is None
    assert ticket((), participation=0.5) is None


def test_a_structure_worth_nothing_does_not_fit():
    (pick,) = picks("long_call")
    priced = ticket((pick, Pick(pick.contract, Side.SELL)), participation=0.5)
    assert priced is not None
    assert priced.mid == 0
    assert priced.concession == 1
    assert not fits(priced, KNOBS)


def test_a_spread_that_seems_free_does_not_fit():
    # Stale quotes: the further call is bid above the offer of the nearer one.
    bought, sold = picks("bull_call_spread")
    odd = sold.contract.quote.model_copy(update={"bid": Decimal("9.00"), "ask": Decimal("9.10")})
    priced = ticket((bought, Pick(type(sold.contract)(odd, *[0.2] * 7), Side.SELL)), participation=0.5)
    assert priced is not None
    assert priced.max_loss is not None
    assert priced.max_loss < 0
    assert not fits(priced, KNOBS)


@pytest.mark.parametrize(
    ("holdings", "expected"),
    [
        ([(1, CALL, 100)], (0, None)),
        ([(-1, CALL, 100)], (None, 0)),
        ([(1, PUT, 100)], (0, 100)),
        ([(-1, PUT, 100)], (-100, 0)),
        ([(1, CALL, 100), (-1, CALL, 110)], (0, 10)),
        ([(-1, PUT, 100), (1, PUT, 90)], (-10, 0)),
        ([(1, CALL, 100), (-2, CALL, 110)], (None, 10)),
        ([(-1, CALL, 110), (1, CALL, 120), (-1, PUT, 90), (1, PUT, 80)], (-10, 0)),
    ],
    ids=["call", "short call", "put", "short put", "call spread", "put spread", "ratio", "condor"],
)
def test_payoffs_are_bounded_as_they_should_be(holdings, expected):
    exact = [(Decimal(qty), right, Decimal(strike)) for qty, right, strike in holdings]
    assert payoff_range_of(exact) == expected


def test_what_has_no_bound_is_never_an_entry_of_its_own():
    chain = chain_of()
    view = view_of(chain, NOW, rate=RATE)
    market = market_of([chain], {"SPY": [100 + 0.1 * day + day % 2 for day in range(120)]})
    reading = read(market, KNOBS, book=book_of(), now=NOW, views={})["SPY"]
    assert reading.regime is not None
    naked = STRATEGIES["covered_call"](view, REGIME, KNOBS)
    assert structure_entry(reading, "covered_call", naked, parameters=KNOBS, now=NOW) is None
    assert structure_entry(reading, "covered_call", (), parameters=KNOBS, now=NOW) is None
