"""A tighter limit never approves more, whichever limit it is and wherever the desk stands."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, get_args, get_origin

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.domain.base import ModuleName
from orchestrator.domain.documents import ModuleExposure
from orchestrator.domain.greeks import Greeks
from orchestrator.domain.market import Quote
from orchestrator.domain.opportunities import TradeOpportunity
from orchestrator.domain.orders import Side
from orchestrator.domain.risk import Denied, RiskLimits
from orchestrator.domain.screening import judge
from orchestrator.domain.tape import Tape
from tests.builders import NOW, exposure, opportunity
from tests.unit.risk_cases import candidate, coin, short_call, spread, traded

TIGHTER_UP = {"min_order_usd", "min_confidence"}
"""Limits from below: the higher is the tighter."""

NOT_PRE_TRADE = {"drawdown_halted", "drift_usd", "drift_share", "reduce_above", "reduce_to", "auto_reduce"}
NUMBERS = [
    name
    for name, field in RiskLimits.model_fields.items()
    if (field.annotation in {int, Decimal} or Decimal in get_args(field.annotation)) and name not in NOT_PRE_TRADE
]
TABLES = [name for name, field in RiskLimits.model_fields.items() if get_origin(field.annotation) is dict]

few_examples = settings(max_examples=25)

LOOSE = RiskLimits().model_copy(
    update={name: Decimal(1) for name, field in RiskLimits.model_fields.items() if field.annotation is Decimal}
    | {"module_allocation": dict.fromkeys(ModuleName, Decimal(1)), "open_positions": 100, "min_confidence": Decimal(0)}
    | {"net_exposure": Decimal(10), "leverage": Decimal(10), "touch_multiple": Decimal(100), "depeg": None}
    | {"spread": dict.fromkeys(ModuleName, Decimal(1)), "unseen_volume_usd": Decimal(60_000)}
)
"""Limits so wide that the one that is looked at decides."""

usd = st.decimals(min_value=0, max_value=60_000, places=0)
fractions = st.decimals(min_value=0, max_value=1, places=3)
signed = st.floats(min_value=-60_000, max_value=60_000)


@st.composite
def wishes(draw: st.DrawFn) -> TradeOpportunity:
    """Draw a share, a coin, a spread or a short share, of any price, size and confidence."""
    shape = draw(st.sampled_from([dict[str, Any](), coin(), spread(), short_call(), {"side": Side.SELL}]))
    values: dict[str, Any] = {
        "stop_price": None,
        "annual_vol": draw(st.floats(min_value=0.05, max_value=2)),
        "confidence": draw(st.floats(min_value=0, max_value=1)),
        "spread": draw(st.decimals(min_value=0, max_value=3, places=2)),
    }
    return opportunity(**(values | shape))


@st.composite
def shares(draw: st.DrawFn) -> ModuleExposure:
    """Draw what another module has at stake."""
    held = draw(usd)
    return ModuleExposure(
        held_usd=held,
        symbols={draw(st.sampled_from(["XLK", "SPY", "MSFT", "BTC/USD"])): held},
        strategies={"momentum": draw(usd)},
        open_positions=draw(st.integers(0, 25)),
        venue=draw(st.sampled_from(["alpaca", "kraken"])),
        long_usd=draw(usd),
        short_usd=draw(usd),
        greeks={"SPY": Greeks(delta_usd=draw(signed), gamma_usd=draw(signed), vega_usd=draw(signed) / 100)},
        shock_usd=tuple(draw(st.lists(st.floats(-9000, 30_000), min_size=18, max_size=18))),
        unseen_sigma_usd=draw(st.floats(min_value=0, max_value=4000)),
    )


def units(wish: TradeOpportunity, share: ModuleExposure, limits: RiskLimits) -> Decimal:
    quotes = {"XLK": Quote(symbol="XLK", ts=NOW, bid=Decimal(99), ask=Decimal(100), ask_size=Decimal(3))}
    tape = Tape(quotes=quotes, panels={1440: traded("XLK", 500)}, pegs={"USDT": Decimal("0.97")})
    desk = exposure(
        modules={ModuleName.CRYPTO: share},
        venue_equity={"alpaca": Decimal(97_500)},
    )
    verdict = judge(candidate(opportunity=wish, exposure=desk, limits=limits, tape=tape))
    return Decimal(0) if isinstance(verdict, Denied) else verdict.qty


def test_every_number_among_the_limits_is_looked_at() -> None:
    others = {
        "cash_settled_only",
        "defined_risk_only",
        "allow_short",
        "sectors",
        "groups",
        "depeg",
        "barred",
        "auto_allocate",
    }
    assert {*NUMBERS, *TABLES, *NOT_PRE_TRADE, *others} == set(RiskLimits.model_fields)


@pytest.mark.parametrize("name", NUMBERS)
@few_examples
@given(data=st.data())
def test_a_tighter_number_never_approves_more(name: str, data: st.DataObject) -> None:
    whole = RiskLimits.model_fields[name].annotation is int
    bound = 20 if name == "orders_per_cycle" else 100 if whole or name in {"min_order_usd", "touch_multiple"} else 1
    values: st.SearchStrategy[Any] = (
        st.integers(0, bound) if whole else st.decimals(min_value=0, max_value=bound, places=3)
    )
    low, high = sorted((data.draw(values), data.draw(values)))
    tight, loose = (high, low) if name in TIGHTER_UP else (low, high)
    wish, share = data.draw(wishes()), data.draw(shares())
    base = LOOSE.model_copy(update={"allow_short": data.draw(st.booleans()), "defined_risk_only": False})
    few, many = (units(wish, share, base.model_copy(update={name: value})) for value in (tight, loose))
    assert few <= many


@pytest.mark.parametrize("name", ["module_allocation", "spread", "price_collar", "quote_age_s", "strategy_allocation"])
@few_examples
@given(data=st.data())
def test_a_tighter_entry_of_a_table_never_approves_more(name: str, data: st.DataObject) -> None:
    wish, share = data.draw(wishes()), data.draw(shares())
    key = wish.strategy if name == "strategy_allocation" else wish.module
    low, high = sorted((data.draw(fractions), data.draw(fractions)))
    few, many = (units(wish, share, LOOSE.model_copy(update={name: {key: value}})) for value in (low, high))
    assert few <= many


@few_examples
@given(wishes(), shares(), st.sampled_from(["cash_settled_only", "defined_risk_only", "allow_short"]))
def test_a_switch_that_forbids_never_approves_more(wish: TradeOpportunity, share: ModuleExposure, name: str) -> None:
    forbids, allows = (True, False) if name != "allow_short" else (False, True)
    few, many = (units(wish, share, LOOSE.model_copy(update={name: value})) for value in (forbids, allows))
    assert few <= many


@few_examples
@given(wishes(), shares())
def test_barring_a_symbol_is_the_tighter_limit(wish: TradeOpportunity, share: ModuleExposure) -> None:
    assert units(wish, share, LOOSE.model_copy(update={"barred": {wish.symbol: "bad bars"}})) == 0


@few_examples
@given(wishes(), shares())
def test_not_looking_at_the_peg_is_the_looser_limit(wish: TradeOpportunity, share: ModuleExposure) -> None:
    looking = LOOSE.model_copy(update={"depeg": Decimal("0.01")})
    assert units(wish, share, looking) <= units(wish, share, LOOSE)
