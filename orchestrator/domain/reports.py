"""What the desk writes about its own risk: outgrown limits with the plan against them."""

from __future__ import annotations

from orchestrator.domain.base import Document, UtcTime
from orchestrator.domain.reduction import Breach, Cut

DESK_REDUCTION = "desk/reduction"


class ReductionDoc(Document):
    """`desk/reduction`: limits that holdings have grown past, and the plan that cuts them back."""

    breaches: dict[str, Breach] = {}
    """By what they limit; kept until the holdings are back under the limit itself."""
    number: int = 0
    """Of the newest plan; each is made once and carried out once."""
    cuts: tuple[Cut, ...] = ()
    planned_at: UtcTime | None = None
