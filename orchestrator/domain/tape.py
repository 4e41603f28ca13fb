"""What the market says that risk asks for: volume, size at the touch, halts, pegs. Read once for a whole screening.

It guesses nothing: what a feed does not tell is absent here, and the rules say what absence means.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property

import numpy as np

from orchestrator.domain.base import ZERO
from orchestrator.domain.history import Returns, daily_returns
from orchestrator.domain.market import MarketSnapshot, Panel, Quote
from orchestrator.domain.orders import Side

VOLUME_BARS = 20
"""Bars over which the mean volume is taken."""


@dataclass(frozen=True)
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
        for means in self._mean_volumes:
            if symbol in means:
                return Decimal(repr(means[symbol]))
        return None

    @cached_property
    def _mean_volumes(self) -> tuple[Mapping[str, float], ...]:
        """Mean volume by symbol where it is known and not zero, of the shortest bars first."""
        return tuple(_mean_volumes(self.panels[minutes]) for minutes in sorted(self.panels))

    def touch(self, symbol: str, side: Side) -> Decimal | None:
        """Return the units shown at the price that an order of `side` meets; None = nothing is shown."""
        quote = self.quotes.get(symbol)
        if quote is None:
            return None
        shown = quote.ask_size if side is Side.BUY else quote.bid_size
        return shown if shown > ZERO else None


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


def _mean_volumes(panel: Panel) -> dict[str, float]:
    """Return the mean volume of each symbol's newest bars; those without one are absent."""
    closes, volumes = panel.close[-VOLUME_BARS:], panel.volume[-VOLUME_BARS:]
    known = np.isfinite(closes) & np.isfinite(volumes)
    means = np.where(known, volumes, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    return {symbol: mean for symbol, mean in zip(panel.symbols, means.tolist(), strict=True) if mean > 0}
