"""What follows from how likely a trade is to earn: less confidence and less size, below a bound no entry. Never more.

A model is used only where it is in what trades and was better than the base rate on trades it had not seen.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from orchestrator.domain.base import Value
from orchestrator.domain.opportunities import TradeOpportunity
from orchestrator.domain.orders import Purpose
from orchestrator.domain.outcome import STATED, OutcomeModel, known_features

LOWEST = 0.5
"""Least share of its confidence and size that an opportunity keeps."""


class Trusted(Value):
    """A model that has proved itself, and the share of all trades that end with a profit."""

    model: OutcomeModel
    base_rate: float


def trusted(provenance: Mapping[str, Any]) -> Trusted | None:
    """Return the model of a version's provenance, None where there is none that has proved itself.

    Raises
    ------
    ValidationError
        The stored model is damaged.
    """
    record = provenance.get("outcome_model") or {}
    if record.get("proved") is not True:
        return None
    return Trusted.model_validate({name: record.get(name) for name in ("model", "base_rate")})


def judged(trust: Trusted | None, wanted: Iterable[TradeOpportunity]) -> list[TradeOpportunity]:
    """Return the opportunities, entries with the model's opinion; one that lacks a feature of the model stays as it is.

    Notes
    -----
    Confidence and largest exposure are multiplied by probability / base rate, within `LOWEST` and 1.
    """
    return [one if trust is None else _judged(trust, one) for one in wanted]


def _judged(trust: Trusted, one: TradeOpportunity) -> TradeOpportunity:
    known = known_features(one.features, one.confidence)
    if one.purpose is not Purpose.ENTRY or one.by_owner or not known.keys() >= set(trust.model.features):
        return one
    relative = trust.model.probability(known) / trust.base_rate
    share = min(max(relative, LOWEST), 1.0)
    most = one.max_notional_usd
    update = {
        "confidence": one.confidence * share,
        "max_notional_usd": None if most is None else most * Decimal(repr(round(share, 6))),
        "features": {**one.features, STATED: one.confidence},
        "relative_chance": relative,
    }
    return one.model_copy(update=update)
