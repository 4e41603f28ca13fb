"""What a rule looks at: one opportunity and everything around it; and how a rule says no."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cached_property

from orchestrator.domain.base import ModuleName
from orchestrator.domain.documents import BookDoc, ExposureDoc
from orchestrator.domain.market import SessionState
from orchestrator.domain.opportunities import TradeOpportunity
from orchestrator.domain.risk import DenialCode, Denied, DeskState, RiskLimits
from orchestrator.domain.rules.room import Room, room_of
from orchestrator.domain.standing import Standing, standing_of, with_units
from orchestrator.domain.tape import Tape

_CLOCKS_APART = timedelta(minutes=1)


@dataclass(frozen=True)
class Candidate:
    """An opportunity and everything that a rule may look at.

    What is summed over the whole desk (`standing`) is summed once and kept for all opportunities of a cycle, until
    one of them is approved.
    """

    opportunity: TradeOpportunity
    state: DeskState
    limits: RiskLimits
    book: BookDoc
    exposure: ExposureDoc
    session: SessionState
    now: datetime
    tape: Tape = field(default_factory=Tape)
    planned_orders: int = 0
    planned_entries: frozenset[str] = frozenset()
    """Symbols that entries of this cycle were already approved for."""
    planned_exits: Mapping[str, Decimal] = field(default_factory=dict)
    """Units that orders approved in this cycle leave, by position id."""

    @cached_property
    def standing(self) -> Standing:
        """What the desk holds and has reserved, summed in every way that a limit asks for."""
        return standing_of(self.book, self.exposure, self.limits)

    @cached_property
    def room(self) -> Room:
        """What the limits leave of the desk, whatever is wanted."""
        return room_of(self.standing, self.limits)

    @cached_property
    def least_confidence(self) -> float:
        """What a strategy must be sure of at least, as it says it."""
        return float(self.limits.min_confidence)

    @cached_property
    def oldest_quotes(self) -> Mapping[ModuleName, datetime]:
        """When a quote must have been made at the earliest, by module."""
        return {module: self.now - timedelta(seconds=age) for module, age in self.limits.quote_age_s.items()}

    @cached_property
    def newest_quote(self) -> datetime:
        """When a quote may have been made at the latest: clocks differ."""
        return self.now + _CLOCKS_APART

    @cached_property
    def orders_so_far(self) -> tuple[int, int]:
        """Orders of the module in this clock hour and on this day, before this cycle."""
        hour = order_hour(self.now)
        today = hour.partition("T")[0]
        return self.book.order_hours.get(hour, 0), sum(
            count for key, count in self.book.order_hours.items() if key.startswith(today)
        )

    def facing(self, opportunity: TradeOpportunity) -> Candidate:
        """Return the same surroundings around another opportunity; what was summed stays summed."""
        other, around = object.__new__(Candidate), self.__dict__.copy()
        around["opportunity"] = opportunity
        object.__setattr__(other, "__dict__", around)
        return other

    def after(self, units: Decimal) -> Candidate:
        """Return the surroundings once `units` of this entry are approved: they count against what follows."""
        other = self.facing(self.opportunity)
        other.__dict__.pop("room", None)
        other.__dict__.update(
            planned_orders=self.planned_orders + 1,
            planned_entries=self.planned_entries | {self.opportunity.symbol},
            standing=with_units(self.standing, self.opportunity, units, limits=self.limits, returns=self.tape.returns),
        )
        return other


Rule = Callable[[Candidate], Denied | None]
"""Says nothing, or denies."""


def order_hour(now: datetime) -> str:
    """Return the clock hour that an order of `now` counts in, UTC: `2026-07-16T14`."""
    return now.astimezone(UTC).strftime("%Y-%m-%dT%H")


def denied(code: DenialCode, limit: object, observed: object) -> Denied:
    """Return a refusal with its limit and what was observed, as readable text."""
    return Denied(code=code, limit=str(limit), observed=str(observed))
