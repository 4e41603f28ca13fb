"""The limit on a sum of exposures that leaves least, found without looking at the symbol where that cannot matter."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.domain.base import ModuleName
from orchestrator.domain.documents import ModuleExposure
from orchestrator.domain.risk import RiskLimits
from orchestrator.domain.rules import Candidate, headroom
from orchestrator.domain.rules.caps import tightest_sum
from tests.builders import exposure, opportunity
from tests.unit.risk_cases import candidate

SUMS = [name for name in RiskLimits.model_fields if name.endswith("_concentration")]
NAMES = [
    *("module_allocation", "strategy_allocation", "symbol_concentration", "sector_concentration"),
    *("venue_exposure", "gross_exposure", "buying_power", "group_concentration"),
]
"""In the order that settles ties."""
OWN = ["symbol_concentration", "sector_concentration", "group_concentration"]

usd = st.sampled_from([Decimal(0), Decimal(5_000), Decimal(30_000), Decimal(200_000)])
shares = st.sampled_from([Decimal(0), Decimal("0.05"), Decimal("0.3"), Decimal(1)])


@st.composite
def candidates(draw: st.DrawFn) -> Candidate:
    """Draw a wish for a symbol in two groups, in one, or in none, on a desk that holds some of its like."""
    held = {symbol: draw(usd) for symbol in draw(st.sets(st.sampled_from(["SPY", "MSFT", "AAPL", "ZZZZ"])))}
    share = ModuleExposure(
        held_usd=sum(held.values(), Decimal(0)), symbols=held, strategies={"momentum": draw(usd)}, venue="alpaca"
    )
    limits = RiskLimits().model_copy(update={name: draw(shares) for name in [*SUMS, "gross_exposure"]})
    wish = opportunity(symbol=draw(st.sampled_from(["SPY", "MSFT", "ZZZZ"])))
    desk = exposure(modules={ModuleName.CRYPTO: share})
    return candidate(opportunity=wish, exposure=desk, limits=limits)


@given(candidates())
def test_it_is_the_first_of_those_that_leave_least(c: Candidate) -> None:
    left = headroom(c)
    named = min((name for name in NAMES if name in left), key=left.__getitem__)
    assert tightest_sum(c) == (named, left[named])


@given(candidates())
def test_where_it_is_the_same_for_every_symbol_no_symbol_has_less_left(c: Candidate) -> None:
    shared = c.room.shared(ModuleName.STOCKS, "momentum")
    left = headroom(c)
    own = [left[name] for name in OWN if name in left]
    assert not shared.decides or min(own) > shared.tightest[0]
