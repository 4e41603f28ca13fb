"""The cast of the synthetic market: what each symbol costs at the start and how it moves. All of it is made up."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from venue.feed import AssetKind
from venue.replay.universe import CRYPTO, STOCKS

UNDERLYINGS = ("SPY", "QQQ", "AAPL", "NVDA")


@dataclass(frozen=True, slots=True)
class Character:
    """How a symbol moves. `price` in USD at the start; `idio_vol` annual, its own; `volume` units a day.

    With a `parent` the returns are `leverage` times the parent's and nothing else.
    """

    symbol: str
    kind: AssetKind
    price: float
    beta: float
    idio_vol: float
    volume: float
    half_bps: float
    parent: str = ""
    leverage: float = 1.0


def _stock(symbol: str, price: float, *, beta: float, own: float, volume: float) -> Character:
    half = 0.5 if volume > 2e7 else 1.0
    return Character(symbol, AssetKind.STOCK, price, beta, own, volume, half)


def _leveraged(symbol: str, price: float, parent: str, leverage: float) -> Character:
    return Character(symbol, AssetKind.STOCK, price, 0.0, 0.0, 3e7, 1.5, parent, leverage)


def _coin(symbol: str, price: float, *, beta: float, own: float, volume: float) -> Character:
    return Character(symbol, AssetKind.CRYPTO, price, beta, own, volume, 2.5)


_CAST = [
    _stock("SPY", 600.0, beta=1.0, own=0.01, volume=6e7),
    _stock("QQQ", 520.0, beta=1.2, own=0.05, volume=4e7),
    _stock("IWM", 230.0, beta=1.15, own=0.08, volume=3e7),
    _stock("DIA", 430.0, beta=0.85, own=0.04, volume=4e6),
    _stock("XLB", 90.0, beta=0.95, own=0.10, volume=6e6),
    _stock("XLC", 100.0, beta=1.05, own=0.10, volume=5e6),
    _stock("XLE", 90.0, beta=0.8, own=0.18, volume=1.5e7),
    _stock("XLF", 50.0, beta=1.0, own=0.09, volume=4e7),
    _stock("XLI", 135.0, beta=1.0, own=0.08, volume=9e6),
    _stock("XLK", 230.0, beta=1.3, own=0.09, volume=7e6),
    _stock("XLP", 80.0, beta=0.5, own=0.08, volume=1.2e7),
    _stock("XLRE", 42.0, beta=0.8, own=0.11, volume=5e6),
    _stock("XLU", 78.0, beta=0.5, own=0.12, volume=1e7),
    _stock("XLV", 140.0, beta=0.65, own=0.09, volume=9e6),
    _stock("XLY", 220.0, beta=1.2, own=0.10, volume=5e6),
    _stock("AAPL", 230.0, beta=1.15, own=0.18, volume=5e7),
    _stock("MSFT", 430.0, beta=1.05, own=0.16, volume=2e7),
    _stock("NVDA", 140.0, beta=1.7, own=0.32, volume=2e8),
    _stock("AMZN", 210.0, beta=1.25, own=0.22, volume=4e7),
    _leveraged("TQQQ", 80.0, "QQQ", 3.0),
    _leveraged("SQQQ", 32.0, "QQQ", -3.0),
    _leveraged("UPRO", 90.0, "SPY", 3.0),
    _leveraged("SPXL", 160.0, "SPY", 3.0),
    _leveraged("TNA", 45.0, "IWM", 3.0),
    _stock("SOXL", 30.0, beta=4.2, own=0.5, volume=6e7),
    _coin("BTC/USD", 60_000.0, beta=1.0, own=0.12, volume=2e4),
    _coin("ETH/USD", 3_000.0, beta=1.2, own=0.25, volume=2.5e5),
    _coin("SOL/USD", 150.0, beta=1.4, own=0.45, volume=3e6),
    _coin("ADA/USD", 0.6, beta=1.3, own=0.5, volume=4e8),
]
_KNOWN = {character.symbol: character for character in _CAST}

DEFAULT: Mapping[AssetKind, Sequence[str]] = {
    AssetKind.STOCK: STOCKS,
    AssetKind.OPTION: UNDERLYINGS,
    AssetKind.CRYPTO: CRYPTO,
}


def character(symbol: str, kind: AssetKind) -> Character:
    """Return a symbol's character; one that is not in the cast gets one derived from its name."""
    if symbol in _KNOWN:
        return _KNOWN[symbol]
    number = zlib.crc32(symbol.encode())
    price, spread = 20 + number % 280, number // 300 % 100 / 100
    if kind is AssetKind.CRYPTO:
        return _coin(symbol, price / 10, beta=1 + spread / 2, own=0.3 + spread / 3, volume=1e6)
    return _stock(symbol, float(price), beta=0.6 + spread, own=0.1 + spread / 4, volume=5e6)
