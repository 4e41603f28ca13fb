"""What still reaches the venue while the desk is REDUCING or HALTED."""

from decimal import Decimal

import pytest

from orchestrator.domain.market import SessionState
from orchestrator.domain.orders import OrderState, Purpose, Side
from orchestrator.domain.risk import DenialCode, DeskState, RiskLimits
from orchestrator.domain.rules import Candidate
from orchestrator.domain.rules.desk import order_count, state_allows
from orchestrator.planning import may_resume
from tests.builders import NOW, book, exposure, opportunity, order, position

ENTRY, EXIT, PROTECT = Purpose.ENTRY, Purpose.EXIT, Purpose.PROTECT
ACTIVE, REDUCING, HALTED = DeskState.ACTIVE, DeskState.REDUCING, DeskState.HALTED

PASSES = [
    (ACTIVE, ENTRY, False, True),
    (ACTIVE, EXIT, False, True),
    (ACTIVE, PROTECT, False, True),
    (REDUCING, ENTRY, False, False),
    (REDUCING, ENTRY, True, False),
    (REDUCING, EXIT, False, True),
    (REDUCING, PROTECT, False, True),
    (HALTED, ENTRY, False, False),
    (HALTED, ENTRY, True, False),
    (HALTED, EXIT, False, False),
    (HALTED, EXIT, True, True),
    (HALTED, PROTECT, False, True),
]


@pytest.mark.parametrize(("state", "purpose", "by_owner", "passes"), PASSES)
def test_the_state_lets_through(state: DeskState, purpose: Purpose, by_owner: bool, passes: bool) -> None:
    asked = opportunity(purpose=purpose, by_owner=by_owner)
    candidate = Candidate(
        opportunity=asked,
        state=state,
        limits=RiskLimits(),
        book=book(),
        exposure=exposure(),
        session=SessionState(is_open=True),
        now=NOW,
    )
    denied = state_allows(candidate)
    assert (denied is None) is passes
    if denied is not None:
        assert denied.code in {DenialCode.DESK_HALTED, DenialCode.DESK_REDUCING}


@pytest.mark.parametrize(
    ("purpose", "allowed", "planned", "passes"),
    [(ENTRY, 0, 0, False), (ENTRY, 1, 1, False), (EXIT, 0, 0, True), (PROTECT, 0, 19, True), (EXIT, 0, 20, False)],
)
def test_a_limit_of_orders_keeps_nobody_in(purpose: Purpose, allowed: int, planned: int, passes: bool) -> None:
    candidate = Candidate(
        opportunity=opportunity(purpose=purpose),
        state=ACTIVE,
        limits=RiskLimits(orders_per_cycle=allowed),
        book=book(),
        exposure=exposure(),
        session=SessionState(is_open=True),
        now=NOW,
        planned_orders=planned,
    )
    assert (order_count(candidate) is None) is passes


@pytest.mark.parametrize(("state", "purpose", "by_owner", "passes"), PASSES)
def test_an_order_that_never_arrived_is_sent_again_only_if_the_state_lets_it(
    state: DeskState, purpose: Purpose, by_owner: bool, passes: bool
) -> None:
    held = position()
    side = Side.BUY if purpose is ENTRY else Side.SELL
    planned = order(OrderState.PLANNED, purpose=purpose, by_owner=by_owner, position_id=held.id, side=side)
    known = book(positions={held.id: held} if purpose is not ENTRY else {})
    assert planned.intent.qty == Decimal(10)
    assert may_resume(planned, known, state=state, now=NOW) is passes
