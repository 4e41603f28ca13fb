"""What a run that is cut off leaves to the next: the search of each fold, which is nearly all of the work."""

from __future__ import annotations

from typing import Protocol

from orchestrator.domain.searches import Found


class Memory(Protocol):
    """Keeps what searches found, by what was tuned and by fold."""

    def found(self, name: str, fold: int) -> Found | None:
        """Return what was found before, None if it was not."""

    def keep(self, name: str, fold: int, found: Found) -> None:
        """Keep what was found; doing it again changes nothing."""


class Forgets:
    """Keeps nothing: every run begins anew."""

    def found(self, name: str, fold: int) -> Found | None:
        """Return None."""
        return None

    def keep(self, name: str, fold: int, found: Found) -> None:
        """Do nothing."""


FORGETS = Forgets()
