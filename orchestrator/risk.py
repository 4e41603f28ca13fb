"""RiskManager: one verdict for each opportunity, each counted against the next.

It reads the unit's documents and writes nothing. Whatever it cannot judge it denies.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from orchestrator.domain.exposure import with_account, with_module
from orchestrator.domain.opportunities import TradeOpportunity
from orchestrator.domain.risk import Verdict
from orchestrator.domain.rules import Candidate
from orchestrator.domain.screening import Surroundings, screened
from orchestrator.domain.tape import tape_of
from orchestrator.module import Context
from orchestrator.unit import Unit


class RiskManager:
    """Screens the opportunities of one cycle.

    Parameters
    ----------
    unit
        The cycle in progress; its shared documents may be read anew between two screenings.
    """

    def __init__(self, unit: Unit) -> None:
        self._unit = unit

    def screen(self, context: Context, opportunities: Sequence[TradeOpportunity]) -> list[Verdict]:
        """Return one verdict for each opportunity, in order."""
        return screened(self._surroundings(context), opportunities) if opportunities else []

    def _surroundings(self, context: Context) -> Surroundings:
        unit, tape = self._unit, tape_of(context.market)
        exposure = with_account(unit.desk.exposure, unit.book.account, unit.now)
        exposure = with_module(exposure, unit.book, unit.now, tape.returns)
        return partial(
            Candidate,
            tape=tape,
            state=unit.desk.state,
            limits=unit.desk.limits,
            book=unit.book,
            exposure=exposure,
            session=context.market.session,
            now=unit.now,
        )
