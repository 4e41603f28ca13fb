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
    volumes: Mapping[str, Decimal] = field(default_factory=dict)
    """Mean volume of a bar, units, by symbol; the shortest bars that there are."""
    halted: frozenset[str] = frozenset()
    pegs: Mapping[str, Decimal] = field(default_factory=dict)
    """USD price of a stablecoin, by currency."""
    pegged: Mapping[str, str] = field(default_factory=dict)
    """The stablecoin that stands for USD in a symbol's prices, by symbol."""

    returns: Returns = field(default_factory=Returns)

    def touch(self, symbol: str, side: Side) -> Decimal | None:
        """Return the units shown at the price that an order of `side` meets; None = nothing is shown."""
        quote = self.quotes.get(symbol)
        if quote is None:
            return None
        shown = quote.ask_size if side is Side.BUY else quote.bid_size
        return shown if shown > 0 else None


def tape_of(market: MarketSnapshot) -> Tape:
    """Return what risk reads of a market snapshot."""
    volumes: dict[str, Decimal] = {}
    for minutes in sorted(market.panels, reverse=True):
        volumes |= _mean_volumes(market.panels[minutes])
    return Tape(
        quotes=market.quotes,
        volumes=volumes,
        halted=market.halted,
        pegs=market.pegs,
        pegged=market.pegged,
        returns=daily_returns(market.panels),
    )


def _mean_volumes(panel: Panel) -> dict[str, Decimal]:
    """Return the mean volume of each symbol's newest bars; a symbol without any volume is absent."""
    if not len(panel):
        return {}
    newest = np.where(np.isfinite(panel.close[-VOLUME_BARS:]), panel.volume[-VOLUME_BARS:], np.nan)
    counted = np.isfinite(newest).sum(axis=0)
    means = np.nansum(newest, axis=0) / np.maximum(counted, 1)
    return {
        symbol: Decimal(repr(float(mean)))
        for symbol, mean in zip(panel.symbols, means, strict=True)
        if np.isfinite(mean) and mean > 0
    }
