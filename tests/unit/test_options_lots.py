"""Covered calls and protective puts: made and unmade in steps that never leave a call without its shares."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from modules.options.holdings import pairs
from modules.options.lots import missing, wants_contract
from modules.options.module import OptionsModule
from modules.options.parameters import OptionsParameters, SelectionParameters
from modules.options.playbook import PLAYBOOK
from modules.options.regime import Regime, Trend, VolRegime
from orchestrator.domain.instruments import OptionRight, is_occ
from orchestrator.domain.orders import Purpose, Side
from orchestrator.module import ModuleConfig
from tests.options_market import NOW, book_of, chain_of, closes, context_of, holding, market_of, quoted, working

MODULE = OptionsModule(None, None, None, ModuleConfig(universe={"underlyings": ("XLF",)}))  # type: ignore[arg-type]
CALL, PUT = OptionRight.CALL, OptionRight.PUT
COVERED = "covered_call"
PROTECTED = "protective_put"


def chain(**kw):
    return chain_of("XLF", **kw)


def name(right: OptionRight = CALL, strike: int = 105, days: int = 30) -> str:
    return quoted(chain(), days=days, right=right, strike=strike).symbol


def shares(count: int = 200, *, strategy: str = COVERED, stop: str | None = "94"):
    return holding(strategy, [("XLF", count, "100")], underlying="XLF", key="lot", stop_price=stop)


def contract(count: int, symbol: str, *, paid: str = "1.20", key: str = "contract"):
    strategy = COVERED if count < 0 else PROTECTED
    return holding(strategy, [(symbol, count, paid)], underlying=symbol, key=key)


def context(*held, drift=0.0, implied=0.3, orders=(), parameters=None, spot=100.0, half=0.02, now=NOW):
    """A market in which volatility was 0.2 and the trend follows `drift`."""
    market = market_of([chain(vol=implied, spot=spot, half=half)], {"XLF": closes(drift=drift, vol=0.2, last=spot)})
    return context_of(market, book=book_of(*held, orders=orders), parameters=parameters, now=now)


def exits(*held, **kw):
    return {wish.position_id: wish.reason.split(":")[0] for wish in MODULE.monitor(context(*held, **kw))}


def test_in_a_flat_market_with_rich_options_shares_are_bought_first():
    (wish,) = MODULE.analyze(context())
    assert (wish.strategy, wish.symbol, wish.side) == (COVERED, "XLF", Side.BUY)
    assert (wish.instrument.lot_size, wish.instrument.min_qty) == (100, 100)
    assert (wish.decision_px, wish.limit_px, wish.notional_usd) == (
        Decimal("100.00"),
        Decimal("100.01"),
        Decimal("100.01"),
    )
    assert wish.stop_price == Decimal("94.00")
    assert wish.max_loss_usd is None


def test_in_a_flat_market_with_cheap_options_shares_are_bought_for_a_protective_put():
    (wish,) = MODULE.analyze(context(implied=0.12))
    assert (wish.strategy, wish.symbol) == (PROTECTED, "XLF")


def test_a_lot_beyond_the_budget_is_not_bought_and_the_next_strategy_is_tried():
    knobs = OptionsParameters(selection=SelectionParameters(max_lot_usd=5000))
    (wish,) = MODULE.analyze(context(parameters=knobs))
    assert wish.strategy == PLAYBOOK[Trend.FLAT, VolRegime.RICH][1] == "bull_put_spread"
    assert MODULE.analyze(context(parameters=knobs, implied=0.12)) == []


@pytest.mark.parametrize("side", ["bid", "ask"])
def test_no_lot_is_bought_on_a_one_sided_quote(side):
    seen = context(implied=0.12)
    quote = seen.market.quotes["XLF"].model_copy(update={side: None})
    seen.market.quotes["XLF"] = quote  # type: ignore[index]
    assert MODULE.analyze(seen) == []
    del seen.market.quotes["XLF"]  # type: ignore[attr-defined]
    assert MODULE.analyze(seen) == []


def test_then_as_many_calls_are_sold_as_there_are_lots():
    (wish,) = MODULE.analyze(context(shares(250)))
    assert (wish.strategy, wish.side, wish.purpose) == (COVERED, Side.SELL, Purpose.ENTRY)
    assert is_occ(wish.symbol)
    assert wish.symbol == wish.legs[0].symbol
    assert wish.max_qty == 2
    assert wish.limit_px is not None
    assert wish.limit_px < wish.decision_px
    assert wish.notional_usd == pytest.approx(Decimal(str(wish.features["delta"] * -100 * 100)), abs=Decimal("0.01"))


def test_then_a_put_is_bought_for_each_lot_whatever_options_cost():
    for drift in (0.0, 1.0):
        (wish,) = MODULE.analyze(context(shares(100, strategy=PROTECTED), drift=drift))
        assert (wish.strategy, wish.side, wish.max_qty) == (PROTECTED, Side.BUY, 1)


@pytest.mark.parametrize(
    "held",
    [
        (shares(200), contract(-2, name())),
        (shares(99),),
        (contract(-1, name()), shares(100)),
    ],
    ids=["all covered", "less than a lot", "covered, other order"],
)
def test_no_call_is_sold_that_shares_do_not_cover(held):
    assert MODULE.analyze(context(*held)) == []


def test_calls_still_missing_are_sold_up_to_the_lots():
    (wish,) = MODULE.analyze(context(shares(300), contract(-1, name())))
    assert wish.max_qty == 2


def test_the_size_at_the_touch_bounds_the_contracts_too():
    seen = market_of([chain(vol=0.3, size=6)], {"XLF": closes()})
    (wish,) = MODULE.analyze(context_of(seen, book=book_of(shares(1000))))
    assert wish.max_qty == 3


@pytest.mark.parametrize(
    "orders",
    [
        [working(name(), purpose=Purpose.ENTRY, position_id="new", strategy=COVERED)],
        [working("XLF", purpose=Purpose.EXIT, position_id="lot", strategy=COVERED)],
    ],
    ids=["a call is being sold", "the shares are being sold"],
)
def test_nothing_is_sold_while_an_order_works(orders):
    assert MODULE.analyze(context(shares(), orders=orders)) == []


def test_no_call_is_sold_on_shares_that_are_to_be_left_now():
    assert MODULE.analyze(context(shares(), drift=-1.0)) == []
    assert MODULE.analyze(context(shares(stop="101"))) == []


@pytest.mark.parametrize(
    ("trend", "volatility", "wanted"),
    [
        (Trend.FLAT, VolRegime.RICH, True),
        (Trend.UP, VolRegime.NORMAL, True),
        (Trend.UP, VolRegime.CHEAP, False),
        (Trend.DOWN, VolRegime.RICH, False),
    ],
)
def test_a_call_is_sold_only_while_it_pays(trend, volatility, wanted):
    regime = Regime(trend, volatility, strength=0.0, atm_iv=0.2, realised_vol=0.2, iv_rank=0.5)
    assert wants_contract(pairs(book_of(shares()))[0], regime) is wanted
    assert wants_contract(pairs(book_of(shares(strategy=PROTECTED)))[0], regime)


def test_without_a_regime_or_fresh_quotes_nothing_is_added():
    history = {"XLF": closes(count=20)}
    assert MODULE.analyze(context_of(market_of([chain(vol=0.3)], history), book=book_of(shares()))) == []
    old = market_of([chain(vol=0.3, now=NOW - timedelta(hours=1))], {"XLF": closes()})
    assert MODULE.analyze(context_of(old, book=book_of(shares()))) == []
    assert MODULE.analyze(context_of(market_of([], {}), book=book_of(shares()))) == []


def test_where_no_contract_suits_none_is_added():
    assert MODULE.analyze(context(shares(), half=3.0)) == []


def test_a_falling_market_takes_the_call_first_and_then_the_shares():
    lot, sold = shares(100), contract(-1, name())
    assert exits(lot, sold, drift=-1.0) == {"contract": "signal"}
    assert exits(lot, drift=-1.0) == {"lot": "signal"}


def test_the_stop_of_the_shares_takes_the_call_first_too():
    lot, sold = shares(100, stop="101"), contract(-1, name(), paid="1.00")
    found = MODULE.monitor(context(lot, sold, implied=0.2))
    assert [(wish.position_id, wish.side) for wish in found] == [("contract", Side.BUY)]
    assert "before its shares" in found[0].reason
    assert exits(shares(100, stop="101")) == {"lot": "stop"}
    assert exits(shares(100, stop=None)) == {}


def test_a_sold_call_is_bought_back_for_its_gain_and_the_shares_stay():
    assert exits(shares(100), contract(-1, name(), paid="4.00"), implied=0.2) == {"contract": "target"}


def test_a_sold_call_has_no_stop_since_the_shares_bound_its_loss():
    assert exits(shares(100), contract(-1, name(), paid="0.10")) == {}


def test_a_call_near_expiry_is_bought_back():
    assert exits(shares(100), contract(-1, name(days=7), paid="0.30"), now=NOW) == {}
    late = NOW + timedelta(days=5)
    near = chain(vol=0.3, now=late, days=(2, 30))
    seen = market_of([near], {"XLF": closes()}, now=late)
    sold = contract(-1, quoted(near, days=2, right=CALL, strike=102).symbol)
    found = MODULE.monitor(context_of(seen, book=book_of(shares(100), sold), now=late))
    assert [wish.position_id for wish in found] == ["contract"]


@pytest.mark.parametrize("held", [(), (shares(99),), (shares(100),)], ids=["no shares", "odd shares", "one lot"])
def test_calls_beyond_the_lots_are_bought_back_at_once(held):
    found = exits(*held, contract(-2, name()))
    assert found == {"contract": "signal"}


def test_a_put_without_shares_is_sold():
    assert exits(contract(1, name(PUT, 95))) == {"contract": "signal"}


def test_shares_under_a_put_are_held_through_a_fall():
    lot, put = shares(100, strategy=PROTECTED, stop="101"), contract(1, name(PUT, 95))
    assert exits(lot, put, drift=-1.0) == {}
    assert exits(lot, drift=-1.0) == {"lot": "stop"}


def test_shares_under_a_put_leave_with_it():
    late = NOW + timedelta(days=5)
    near = chain(vol=0.2, now=late, days=(2, 30))
    seen = market_of([near], {"XLF": closes()}, now=late)
    put = contract(1, quoted(near, days=2, right=PUT, strike=95).symbol)
    lot = shares(100, strategy=PROTECTED)
    found = MODULE.monitor(context_of(seen, book=book_of(lot, put), now=late))
    assert {wish.position_id: wish.reason.split(":")[0] for wish in found} == {"lot": "time", "contract": "time"}


def test_shares_without_a_quote_are_not_left():
    seen = context(shares(100, stop="101"))
    del seen.market.quotes["XLF"]  # type: ignore[attr-defined]
    assert MODULE.monitor(seen) == []


def test_an_unfilled_contract_is_not_counted():
    empty = holding(COVERED, [(name(), 0, "0")], underlying=name(), key="contract")
    (pair,) = pairs(book_of(shares(200), empty))
    assert (pair.lots, pair.covered, missing(pair, leaving=set())) == (2, 0, 2)
    assert exits(shares(200), empty) == {}
