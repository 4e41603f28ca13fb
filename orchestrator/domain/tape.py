"""What the market says that risk asks for: volume, size at the touch, halts, pegs. Read once for a whole screening.

It guesses nothing: what a feed does not tell is absent here, and the rules say what absence means.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

import numpy as np

from orchestrator.domain.history import Returns, daily_returns
from orchestrator.domain.market import MarketSnapshot, Panel, Quote
from orchestrator.domain.orders import Side

VOLUME_BARS = 20
"""Bars over which the mean volume is taken."""


@dataclass(frozen=True, slots=True)
class Tape:
    """The market of one cycle, as risk looks at it."""

    quotes: Mapping[str, Quote] = field(default_factory=dict)
    panels: Mapping[int, Panel] = field(default_factory=dict)
    halted: frozenset[str] = frozenset()
    pegs: Mapping[str, Decimal] = field(default_factory=dict)
    """USD price of a stablecoin, by currency."""
    pegged: Mapping[str, str] = field(default_factory=dict)
    """The stablecoin that stands for USD in a symbol's prices, by symbol."""

    returns: Returns = field(default_factory=Returns)

    def volume(self, symbol: str) -> Decimal | None:
        """Return the mean volume of a bar, units, of the shortest bars that there are; None = nobody tells it."""
        for minutes in sorted(self.panels):
            if symbol in self.panels[minutes].symbols and (mean := _mean_volume(self.panels[minutes], symbol)) > 0:
                return Decimal(repr(mean))
        return None

    def touch(self, symbol: str, side: Side) -> Decimal | None:
        """Return the units shown at the price that an order of `side` meets; None = nothing is shown."""
        quote = self.quotes.get(symbol)
        if quote is None:
            return None
        shown = quote.ask_size if side is Side.BUY else quote.bid_size
        return shown if shown > 0 else None


def tape_of(market: MarketSnapshot) -> Tape:
    """Return what risk reads of a market snapshot."""
    return Tape(
        quotes=market.quotes,
        panels=market.panels,
        halted=market.halted,
        pegs=market.pegs,
        pegged=market.pegged,
        returns=daily_returns(market.panels),
    )


def _mean_volume(panel: Panel, symbol: str) -> float:
    """Return the mean volume of a symbol's newest bars, 0 where it has none."""
    column = panel.column(symbol)
    bars = panel.volume[-VOLUME_BARS:, column][np.isfinite(panel.close[-VOLUME_BARS:, column])]
    known = bars[np.isfinite(bars)]
    return float(known.mean()) if len(known) else 0.0
