"""Which underlyings the module trades options on, and the grids of what it orders."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal

from orchestrator.domain.instruments import AssetClass, Instrument, is_occ, parse_occ

MULTIPLIER = Decimal(100)
"""Shares per contract, and per lot that a covered call or a protective put is written on."""

UNIVERSE: Mapping[str, tuple[str, ...]] = {"underlyings": ("SPY", "QQQ", "AAPL", "NVDA")}
"""The default universe: list name to symbols."""


def universe_of(symbols: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Return the universe that trades options on these underlyings only."""
    return {"underlyings": tuple(dict.fromkeys(symbol.upper() for symbol in symbols))}


def underlying_of(symbol: str) -> str:
    """Return the underlying of an option contract; of a stock, itself."""
    return parse_occ(symbol).underlying if is_occ(symbol) else symbol


def option_instrument(symbol: str) -> Instrument:
    """Return the grid of an option or structure: whole units, net prices in cents."""
    return Instrument(symbol=symbol, asset_class=AssetClass.OPTION, multiplier=MULTIPLIER)


def lot_instrument(symbol: str) -> Instrument:
    """Return the grid of shares that options are to be written on: whole lots of 100."""
    return Instrument(symbol=symbol, asset_class=AssetClass.EQUITY, lot_size=MULTIPLIER, min_qty=MULTIPLIER)
