"""The rules on sums of exposures deny just where a sum that sizing would look at leaves less than the least order."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.domain.base import ModuleName
from orchestrator.domain.documents import ModuleExposure
from orchestrator.domain.risk import RiskLimits
from orchestrator.domain.rules import Candidate
from orchestrator.domain.rules.caps import desk_room_left, headroom, symbol_room_left
from orchestrator.domain.rules.room import SUM_CODES
from tests.builders import exposure, opportunity
from tests.unit.risk_cases import candidate

LIMITS = [*(name for name in RiskLimits.model_fields if name.endswith("_concentration")), "gross_exposure"]

usd = st.sampled_from([Decimal(0), Decimal(5_000), Decimal(30_000), Decimal(200_000)])
shares = st.sampled_from([Decimal(0), Decimal("0.05"), Decimal("0.3"), Decimal(1)])


@st.composite
def candidates(draw: st.DrawFn) -> Candidate:
    """Draw a wish for a symbol in two groups, in one, or in none, on a desk that holds some of its like."""
    held = {symbol: draw(usd) for symbol in draw(st.sets(st.sampled_from(["SPY", "MSFT", "AAPL", "ZZZZ"])))}
    total = sum(held.values(), Decimal(0))
    share = ModuleExposure(held_usd=total, symbols=held, strategies={"momentum": draw(usd)}, venue="alpaca")
    limits = RiskLimits().model_copy(update={name: draw(shares) for name in LIMITS})
    wish = opportunity(symbol=draw(st.sampled_from(["SPY", "MSFT", "ZZZZ"])))
    return candidate(opportunity=wish, exposure=exposure(modules={ModuleName.CRYPTO: share}), limits=limits)


@given(candidates())
def test_they_deny_what_the_sums_leave_no_order_for_and_name_one_that_does(c: Candidate) -> None:
    left = {name: room for part in headroom(c) for name, room in part.items() if name in SUM_CODES}
    empty = {SUM_CODES[name] for name, room in left.items() if room < c.limits.min_order_usd}
    denials = [denial for denial in (desk_room_left(c), symbol_room_left(c)) if denial is not None]
    assert bool(denials) is bool(empty)
    assert {denial.code for denial in denials} <= empty
