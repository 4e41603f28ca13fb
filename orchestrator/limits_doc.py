"""Reads the owner's limits (`config/risk`): the stored ones, the last good ones while those are unusable.

A desk without usable limits does not trade; it never falls back to limits that nobody set.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from orchestrator.domain.codec import decode
from orchestrator.domain.documents import CONFIG_RISK, RiskLimitsDoc
from orchestrator.domain.errors import ConfigurationError, DomainError, MalformedDataError
from orchestrator.domain.risk import RiskLimits, parse_limits
from orchestrator.ports import Json


@dataclass(frozen=True, slots=True)
class LimitsView:
    """Limits to trade under, as stored, and what is wrong with `config/risk` (nothing: an empty text)."""

    limits: RiskLimits
    stored: Json
    fault: str = ""


def usable_limits(stored: Json, last_good: Mapping[str, object]) -> LimitsView:
    """Return the limits of the stored document, the last good ones when it is unusable.

    Parameters
    ----------
    stored
        The document `config/risk`.
    last_good
        Values of the limits that were traded under before; empty = none are known.

    Raises
    ------
    ConfigurationError
        Neither are usable: nothing may trade.
    """
    try:
        values = stored.get("limits", {})
        if not isinstance(values, dict):
            raise MalformedDataError(f"{CONFIG_RISK}: limits is not a map of names to values")
        parse_limits(values, where=CONFIG_RISK)
        return LimitsView(decode(RiskLimitsDoc, stored, where=CONFIG_RISK).limits, values)
    except (DomainError, MalformedDataError) as error:
        return _last_good(last_good, error)


def _last_good(last_good: Mapping[str, object], error: Exception) -> LimitsView:
    if not last_good:
        raise ConfigurationError(f"{error}; there are no earlier good limits: write {CONFIG_RISK}") from error
    try:
        limits = parse_limits(last_good, where="last good limits")
    except DomainError as worse:
        raise ConfigurationError(f"{error}; the earlier ones are unusable too: {worse}") from worse
    return LimitsView(limits, dict(last_good), str(error))
