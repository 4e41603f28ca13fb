"""What doing a command comes to: documents to write and words for the person, or a refusal with its reason."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from orchestrator.ports import Write


class Refusal(Exception):  # noqa: N818
    """The answer is no; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Effect:
    """What doing it writes, and what the person is told."""

    message: str
    writes: Sequence[Write] = field(default_factory=tuple)
    detail: dict[str, str] = field(default_factory=dict)
    """What the audit keeps beside the message."""
