"""The stated plan that cuts holdings back under their limits: what, how much, in which order."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.domain.base import ModuleName
from orchestrator.domain.orders import Side
from orchestrator.domain.positions import PositionLeg
from orchestrator.domain.reduction import Cut, Excess, due_units, reduction_plan
from orchestrator.domain.risk import RiskLimits
from tests.builders import position

STOCKS, OPTIONS, CRYPTO = ModuleName.STOCKS, ModuleName.OPTIONS, ModuleName.CRYPTO
LIMITS = RiskLimits()


def held(key: str, qty: str | int, px: str | int = 100, *, module: ModuleName = STOCKS, symbol: str = "XLK", **more):
    leg = PositionLeg(symbol=symbol, qty=Decimal(qty), avg_px=Decimal(px), **more)
    return position(id=key, module=module, symbol=symbol, legs=(leg,))


def spread(key: str, units: int, worst: int, *, symbol: str = "SPY"):
    legs = (
        PositionLeg(symbol=f"{symbol}P1", qty=Decimal(-units), avg_px=Decimal(3), multiplier=Decimal(100)),
        PositionLeg(symbol=f"{symbol}P2", qty=Decimal(units), avg_px=Decimal(2), multiplier=Decimal(100)),
    )
    return position(id=key, module=OPTIONS, symbol=symbol, legs=legs, max_loss_usd=Decimal(worst), side=Side.SELL)


def gross(observed: int, target: int) -> Excess:
    return Excess(key="gross", observed_usd=Decimal(observed), target_usd=Decimal(target))


def kept(cuts) -> dict[str, Decimal]:
    return {cut.position_id: cut.keep for cut in cuts}


def test_under_one_limit_all_are_cut_by_the_same_share_the_largest_first():
    mine = {STOCKS: [held("small", 100), held("large", 300, symbol="XLF")]}
    cuts = reduction_plan(mine, [gross(40_000, 30_000)], LIMITS)
    assert [(cut.position_id, cut.units, cut.keep) for cut in cuts] == [("large", 300, 225), ("small", 100, 75)]
    assert {cut.cause for cut in cuts} == {"gross"}


def test_it_goes_no_further_than_needed():
    mine = {STOCKS: [held("a", 10, 1_000), held("b", 1, 1_000, symbol="XLF")]}
    # 1/11 of each, rounded up, would be two units; the first is enough.
    assert kept(reduction_plan(mine, [gross(11_000, 10_000)], LIMITS)) == {"a": 9}


def test_spreads_are_cut_as_whole_spreads():
    cuts = reduction_plan({OPTIONS: [spread("s", 5, 1_000)]}, [gross(5_000, 4_500)], LIMITS)
    assert kept(cuts) == {"s": 4}


def test_coins_are_cut_in_the_decimals_they_are_held_in():
    mine = {CRYPTO: [held("c", "0.0482", 100_000, module=CRYPTO, symbol="BTC/USD")]}
    (cut,) = reduction_plan(mine, [gross(4_820, 4_000)], LIMITS)
    assert cut.keep == Decimal("0.0400")


def test_a_rest_too_small_to_trade_goes_too():
    mine = {STOCKS: [held("a", 10, 50)]}
    assert kept(reduction_plan(mine, [gross(500, 80)], LIMITS)) == {"a": 0}


def test_a_cut_is_never_too_small_to_trade():
    mine = {STOCKS: [held("a", 1_000, 10)]}
    assert kept(reduction_plan(mine, [gross(10_001, 10_000)], LIMITS)) == {"a": 990}


def test_a_symbol_is_cut_before_its_module_and_the_module_before_the_desk():
    mine = {
        STOCKS: [held("x", 200), held("y", 100, symbol="XLF")],
        CRYPTO: [held("c", 100, module=CRYPTO, symbol="BTC/USD")],
    }
    excesses = [
        gross(40_000, 30_000),
        Excess(key="module", observed_usd=Decimal(30_000), target_usd=Decimal(20_000), module=STOCKS),
        Excess(key="symbol", observed_usd=Decimal(20_000), target_usd=Decimal(10_000), symbols=frozenset({"XLK"})),
    ]
    cuts = reduction_plan(mine, excesses, LIMITS)
    # What the symbol gave up was all that the other two wanted.
    assert [(cut.position_id, cut.keep, cut.cause) for cut in cuts] == [("x", 100, "symbol")]
    assert reduction_plan(mine, reversed(excesses), LIMITS) == cuts


def test_a_sector_is_cut_after_its_symbols_in_every_module():
    mine = {
        STOCKS: [held("x", 200), held("y", 100, symbol="XLF"), held("z", 100, symbol="NVDA")],
        OPTIONS: [spread("s", 100, 100, symbol="NVDA")],
    }
    tech = Excess(
        key="sector",
        observed_usd=Decimal(40_000),
        target_usd=Decimal(20_000),
        symbols=frozenset({"XLK", "NVDA"}),
    )
    symbol = Excess(key="symbol", observed_usd=Decimal(20_000), target_usd=Decimal(10_000), symbols=frozenset({"XLK"}))
    assert kept(reduction_plan(mine, [tech, symbol], LIMITS)) == {"x": 66, "s": 66, "z": 66}


def test_tail_risk_is_cut_in_proportion_to_the_book():
    tail = Excess(key="VaR", observed_usd=Decimal(5_000), target_usd=Decimal(4_000), scales=True)
    cuts = reduction_plan({STOCKS: [held("a", 100), held("b", 50, symbol="XLF")]}, [tail], LIMITS)
    assert kept(cuts) == {"a": 80, "b": 40}


def test_what_is_not_the_desks_counts_but_is_not_cut():
    cuts = reduction_plan({STOCKS: [held("a", 100)]}, [gross(25_000, 20_000)], LIMITS)
    assert kept(cuts) == {"a": 50}
    assert kept(reduction_plan({STOCKS: [held("a", 100)]}, [gross(50_000, 20_000)], LIMITS)) == {"a": 0}


def test_shares_that_cover_a_written_call_stay():
    shares = held("shares", 250, 100, module=OPTIONS, symbol="AAPL")
    call = position(
        id="call",
        module=OPTIONS,
        symbol="AAPL",
        side=Side.SELL,
        legs=(PositionLeg(symbol="AAPL-C", qty=Decimal(-2), avg_px=Decimal(2), multiplier=Decimal(100)),),
    )
    cuts = reduction_plan({OPTIONS: [shares, call]}, [gross(25_400, 0)], LIMITS)
    assert kept(cuts) == {"shares": 200, "call": 0}


def test_switched_off_it_plans_nothing():
    off = LIMITS.model_copy(update={"auto_reduce": False})
    assert reduction_plan({STOCKS: [held("a", 100)]}, [gross(10_000, 1_000)], off) == ()


def test_nothing_outgrown_cuts_nothing():
    assert reduction_plan({STOCKS: [held("a", 100)]}, [gross(10_000, 10_000)], LIMITS) == ()
    assert reduction_plan({}, [gross(10_000, 1_000)], LIMITS) == ()


@pytest.mark.parametrize(("now", "due"), [(100, 60), (70, 30), (40, 0), (10, 0), (101, 0)])
def test_what_is_due_follows_from_what_is_held(now, due):
    cut = Cut(module=STOCKS, position_id="a", symbol="XLK", units=Decimal(100), keep=Decimal(40), cause="gross")
    assert due_units(cut, held("a", now)) == due


def test_a_position_that_is_gone_needs_no_cut():
    cut = Cut(module=STOCKS, position_id="a", symbol="XLK", units=Decimal(100), keep=Decimal(40), cause="gross")
    assert due_units(cut, None) == 0


def test_shares_are_cut_whole_though_part_of_one_is_held():
    mine = {STOCKS: [held("a", Decimal("10.5"), 100)]}
    (cut,) = reduction_plan(mine, [Excess(key="gross", observed_usd=Decimal(1050), target_usd=Decimal(800))], LIMITS)
    assert (cut.units, cut.keep) == (Decimal("10.5"), Decimal("7.5"))


SYMBOLS = ("XLK", "XLF", "SPY")
BOOKS = st.lists(
    st.tuples(st.integers(1, 500), st.integers(1, 900), st.sampled_from(SYMBOLS), st.booleans()), max_size=12
)


def desk_of(rows):
    mine = {STOCKS: [], OPTIONS: []}
    for number, (units, px, symbol, multi) in enumerate(rows):
        one = spread(f"p{number}", units, px, symbol=symbol) if multi else held(f"p{number}", units, px, symbol=symbol)
        mine[OPTIONS if multi else STOCKS].append(one)
    return mine


@given(BOOKS, st.fractions(0, 1), st.booleans())
def test_a_plan_reaches_its_target_and_never_adds(rows, share, scales):
    mine = desk_of(rows)
    everything = {one.id: one for owned in mine.values() for one in owned}
    before = sum((one.gross_exposure for one in everything.values()), Decimal(0))
    target = (before * share.numerator / share.denominator).quantize(Decimal("0.01"))
    excess = Excess(key="gross", observed_usd=before, target_usd=target, scales=scales)
    cuts = reduction_plan(mine, [excess], LIMITS)
    for cut in cuts:
        assert 0 <= cut.keep < cut.units == everything[cut.position_id].units
        assert cut.keep == cut.keep.to_integral_value()
    keep = {key: one.units for key, one in everything.items()} | kept(cuts)
    after = sum((one.gross_exposure / one.units * keep[key] for key, one in everything.items()), Decimal(0))
    assert after <= target + Decimal("0.02")
    assert cuts == reduction_plan(mine, [excess], LIMITS)


@given(BOOKS, st.lists(st.integers(0, 100), min_size=3, max_size=3))
def test_every_limit_is_kept_at_once(rows, percents):
    mine = desk_of(rows)
    everything = [one for owned in mine.values() for one in owned]

    def usd(of) -> Decimal:
        return sum((one.gross_exposure for one in of), Decimal(0))

    of_symbol = [one for one in everything if one.symbol == "SPY"]
    parts = ((everything, {}), (mine[STOCKS], {"module": STOCKS}), (of_symbol, {"symbols": frozenset({"SPY"})}))
    excesses = [
        Excess(key=str(number), observed_usd=usd(part), target_usd=usd(part) * percent / 100, **which)
        for number, ((part, which), percent) in enumerate(zip(parts, percents, strict=True))
    ]
    keep = kept(reduction_plan(mine, excesses, LIMITS))
    for excess, (part, _) in zip(excesses, parts, strict=True):
        left = sum((one.gross_exposure / one.units * keep.get(one.id, one.units) for one in part), Decimal(0))
        assert left <= excess.target_usd + Decimal("0.02")
