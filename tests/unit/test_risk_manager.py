"""RiskManager: verdicts in order, each counted against the next."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.adapters.memory.store import MemoryDataLayer
from orchestrator.domain.base import ModuleName
from orchestrator.domain.errors import ConfigurationError
from orchestrator.domain.market import MarketSnapshot, SessionState
from orchestrator.domain.opportunities import TradeOpportunity
from orchestrator.domain.risk import Approved, Denied, DeskState, Resized, RiskLimits, Verdict
from orchestrator.module import Context
from orchestrator.risk import RiskManager
from orchestrator.unit import DeskView, Unit
from tests.builders import NOW, book, exposure, opportunity
from tests.desk import ScriptedParameters


def screen(opportunities: list[TradeOpportunity], limits: RiskLimits | None = None) -> list[Verdict]:
    desk = DeskView(
        state=DeskState.ACTIVE,
        state_version="1",
        exposure=exposure(),
        exposure_version="1",
        limits=limits or RiskLimits(),
    )
    unit = Unit(
        store=MemoryDataLayer(),
        module=ModuleName.STOCKS,
        venue="alpaca",
        slot=NOW,
        now=NOW,
        book=book(),
        book_version="1",
        desk=desk,
        parameters={},
    )
    market = MarketSnapshot(session=SessionState(is_open=True))
    context = Context(book=unit.book, market=market, parameters=ScriptedParameters(), now=NOW)
    return RiskManager(unit).screen(context, opportunities)


def notional(verdicts: list[Verdict]) -> Decimal:
    return sum((Decimal(0) if isinstance(v, Denied) else v.qty * 100 for v in verdicts), Decimal(0))


def test_nothing_wanted_is_nothing_said() -> None:
    assert screen([]) == []


def test_the_volatility_target_sizes_a_plain_entry() -> None:
    (verdict,) = screen([opportunity()])
    assert verdict == Approved(qty=Decimal(100), binding_cap="volatility_target")


def test_what_is_approved_counts_against_what_follows() -> None:
    wanted = [opportunity(symbol=f"S{n}", annual_vol=0.1, stop_price=Decimal(98)) for n in range(6)]
    verdicts = screen(wanted)
    assert notional(verdicts) <= Decimal(50_000), "the allocation of the module"
    assert isinstance(verdicts[0], Resized)
    assert verdicts[0].binding_cap == "symbol_concentration"
    assert isinstance(verdicts[-1], Denied)


def test_the_same_symbol_twice_is_entered_once() -> None:
    first, second = screen([opportunity(), opportunity(strategy="other")])
    assert isinstance(first, Approved)
    assert isinstance(second, Denied)


def test_limits_that_make_no_sense_are_refused() -> None:
    with pytest.raises(ValueError, match=r"module_allocation adds up to 1\.2"):
        RiskLimits(module_allocation={ModuleName.STOCKS: Decimal("0.6"), ModuleName.CRYPTO: Decimal("0.6")})
    with pytest.raises(ValueError, match="symbol_concentration"):
        RiskLimits(symbol_concentration=Decimal("-0.1"))
    with pytest.raises(ValueError, match="unknown"):
        RiskLimits.model_validate({"unknown": 1})


fractions = st.decimals(min_value="0", max_value="0.5", places=3)


@given(fractions, fractions, fractions, fractions, st.integers(0, 12))
def test_a_tighter_limit_never_approves_more(
    concentration: Decimal, allocation: Decimal, position_vol: Decimal, risk: Decimal, positions: int
) -> None:
    wanted = [opportunity(symbol=f"S{n}") for n in range(4)]
    tight = RiskLimits(
        symbol_concentration=concentration,
        module_allocation={ModuleName.STOCKS: allocation},
        position_vol=position_vol,
        risk_per_trade=risk,
        open_positions=positions,
    )
    loose = RiskLimits(
        symbol_concentration=Decimal(1),
        module_allocation={ModuleName.STOCKS: Decimal(1)},
        position_vol=Decimal(1),
        risk_per_trade=Decimal(1),
        open_positions=100,
    )
    assert notional(screen(wanted, tight)) <= notional(screen(wanted, loose))
    assert notional(screen(wanted, tight)) <= allocation * 100_000


def test_a_damaged_shared_document_stops_the_cycle() -> None:
    from orchestrator.domain.documents import CONFIG_RISK
    from orchestrator.ports import Put
    from tests.desk import TestDesk

    desk = TestDesk()
    desk.store.commit([Put(CONFIG_RISK, {"schema": 1, "limits": {"daily_loss": "2"}, "updated_at": NOW})])
    with pytest.raises(ConfigurationError, match=r"config/risk.*daily_loss"):
        desk.cycle()
    assert desk.submitted() == []
