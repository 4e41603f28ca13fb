"""How far the trades of an account were told: the newest time, and what was told of the stretch before it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from orchestrator.adapters.ccxt.client import Raw
from orchestrator.domain.errors import MalformedDataError

OVERLAP_S = 900.0


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

    def news(self, trades: Mapping[str, Raw]) -> dict[str, Raw]:
        """Return the trades that were not told before."""
        return {key: raw for key, raw in trades.items() if _short(key) not in self.seen}

    def past(self, trades: Mapping[str, Raw], closed: Iterable[Raw]) -> Cursor:
        """Return the cursor after these, which are all that a query from `start` gave."""
        times = [float(str(raw["time"])) for raw in trades.values()]
        times += [float(str(raw["closetm"])) for raw in closed if raw.get("closetm")]
        newest = max([self.newest, *times])
        late = newest - OVERLAP_S
        return Cursor(newest, frozenset(_short(key) for key, raw in trades.items() if float(str(raw["time"])) >= late))


def _short(trade_id: str) -> str:
    return hashlib.sha256(trade_id.encode()).hexdigest()[:12]
