"""One line of the doctor: what was looked at, what was found, and what to do."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """What came of one check; `advice` says what to do unless it is `ok`, `needed` that the desk cannot do without."""

    name: str
    ok: bool
    detail: str
    advice: str = ""
    needed: bool = True

    @property
    def missing(self) -> bool:
        """Whether something that is needed is not right."""
        return self.needed and not self.ok
