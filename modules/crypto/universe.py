"""Which pairs the module trades and the grid they trade on (Kraken spot, quoted in USD)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal

from orchestrator.domain.instruments import AssetClass, Instrument

UNIVERSE: Mapping[str, tuple[str, ...]] = {"pairs": ("BTC/USD", "ETH/USD", "SOL/USD", "ADA/USD")}
"""The default universe: list name to symbols."""

_GRIDS = {
    "BTC/USD": ("0.1", "0.00001", "0.0001"),
    "ETH/USD": ("0.01", "0.0001", "0.002"),
    "SOL/USD": ("0.01", "0.001", "0.06"),
    "ADA/USD": ("0.000001", "0.1", "10"),
}
"""Tick, lot and least quantity, none finer and none smaller than the venue's own."""


def universe_of(symbols: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Return the module's list holding the given symbols; `BTC` is read as `BTC/USD`."""
    pairs = (symbol.upper() if "/" in symbol else f"{symbol.upper()}/USD" for symbol in symbols)
    return {"pairs": tuple(dict.fromkeys(pairs))}


def instrument(symbol: str, price: Decimal) -> Instrument:
    """Return the grid of a pair; of an unlisted one, five digits of price and lots of less than a dollar."""
    tick, lot, least = _GRIDS.get(symbol) or _generic_grid(price)
    return Instrument(
        symbol=symbol,
        asset_class=AssetClass.CRYPTO,
        tick_size=Decimal(tick),
        lot_size=Decimal(lot),
        min_qty=Decimal(least),
    )


def _generic_grid(price: Decimal) -> tuple[str, str, str]:
    exponent = price.adjusted()
    tick, lot = Decimal(1).scaleb(min(exponent - 4, 0)), Decimal(1).scaleb(min(-exponent - 1, 0))
    return f"{tick:f}", f"{lot:f}", f"{lot * 100:f}"
