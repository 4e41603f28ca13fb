"""The grid of prices and quantities of stocks and pairs in a replay.

Stocks trade in cents and whole shares. Pairs have the grid of Kraken's USD pairs as published; a pair that is not
listed gets five significant digits and 1e-8 coins.
"""

from __future__ import annotations

from decimal import Decimal

import numpy as np

from venue.dataset import Floats
from venue.feed import Asset, AssetKind

_PAIRS = {
    "BTC/USD": ("Bitcoin", "0.1", "0.00005"),
    "ETH/USD": ("Ether", "0.01", "0.002"),
    "SOL/USD": ("Solana", "0.01", "0.02"),
    "ADA/USD": ("Cardano", "0.000001", "4"),
}
_COIN_LOT = Decimal("1e-8")


def asset_of(symbol: str, kind: AssetKind, prices: Floats) -> Asset:
    """Return the asset; `prices` tell the size of an unlisted pair's price."""
    if kind is AssetKind.STOCK:
        return Asset(symbol, kind, symbol, Decimal("0.01"), Decimal(1), Decimal(1))
    if symbol in _PAIRS:
        name, tick, least = _PAIRS[symbol]
        return Asset(symbol, kind, name, Decimal(tick), _COIN_LOT, Decimal(least))
    digits = int(np.floor(np.log10(np.median(prices)))) if len(prices) else 0
    return Asset(symbol, kind, symbol.split("/", maxsplit=1)[0], Decimal(1).scaleb(digits - 4), _COIN_LOT, _COIN_LOT)
