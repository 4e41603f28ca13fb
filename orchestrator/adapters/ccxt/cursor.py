"""How far the trades of an account were told: the newest time, and what was told of the stretch before it.

A trade that cannot be read was not told: the cursor waits for it up to `PATIENCE_S`, so that it is asked for again with
every query, and then goes on without it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from orchestrator.domain.errors import MalformedDataError

T = TypeVar("T")

OVERLAP_S = 900.0
PATIENCE_S = 86_400.0
_NONE: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Cursor:
    """Epoch seconds of the newest thing seen, and short hashes of the trade ids behind it."""

    newest: float = 0.0
    seen: frozenset[str] = field(default_factory=frozenset)

    @classmethod
    def parse(cls, text: str) -> Cursor:
        """Read a cursor; the empty one is the beginning.

        Raises
        ------
        MalformedDataError
            The text is no cursor of this adapter.
        """
        if not text:
            return cls()
        try:
            raw = json.loads(text)
            return cls(float(raw["t"]), frozenset(raw["seen"]))
        except (ValueError, KeyError, TypeError) as error:
            raise MalformedDataError(f"{text[:60]!r} is not a cursor over trades") from error

    def text(self) -> str:
        """Write the cursor."""
        if not self.newest:
            return ""
        return json.dumps({"t": self.newest, "seen": sorted(self.seen)}, separators=(",", ":"))

    @property
    def start(self) -> float:
        """From when to ask, 0 for the beginning."""
        return max(0.0, self.newest - OVERLAP_S)

    def news(self, trades: Mapping[str, T]) -> dict[str, T]:
        """Return the trades that were not told before."""
        return {key: raw for key, raw in trades.items() if _short(key) not in self.seen}

    def past(self, trades: Mapping[str, float], closed: Iterable[float], waiting: frozenset[str] = _NONE) -> Cursor:
        """Return the cursor after these, which are all that a query from `start` gave.

        Parameters
        ----------
        trades
            Epoch seconds by trade id.
        closed
            Epoch seconds at which orders ended.
        waiting
            Ids of trades that were not told.
        """
        newest = max([self.newest, *trades.values(), *closed])
        held = [time for key, time in trades.items() if key in waiting and time > newest - PATIENCE_S]
        reached = max(self.newest, min([newest, *held]))
        late = reached - OVERLAP_S
        told = {key: time for key, time in trades.items() if key not in waiting}
        return Cursor(reached, frozenset(_short(key) for key, time in told.items() if time >= late))


def _short(trade_id: str) -> str:
    return hashlib.sha256(trade_id.encode()).hexdigest()[:12]
