"""Which stocks and funds the module trades, by list, and the grid they trade on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal

from modules.stocks.strategies.leveraged import INDICES, MULTIPLES
from orchestrator.domain.instruments import AssetClass, Instrument

UNIVERSE: Mapping[str, tuple[str, ...]] = {
    "sectors": ("XLB", "XLC", "XLE", "XLF", "XLI", "XLK", "XLP", "XLRE", "XLU", "XLV", "XLY"),
    "large_caps": ("AAPL", "MSFT", "NVDA", "AMZN", "SPY", "QQQ", "IWM", "DIA"),
    "leveraged": ("TQQQ", "UPRO", "SOXL", "SPXL", "TNA", "SQQQ"),
    "regime": INDICES,
}
"""The default universe: list name to symbols."""


def universe_of(symbols: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Sort symbols into the module's lists; one that no list knows is treated as a large company.

    Returns
    -------
    dict of str to tuple of str
        Lists as in `UNIVERSE`, holding the given symbols only.
    """
    wanted = tuple(dict.fromkeys(symbol.upper() for symbol in symbols))
    known = {symbol for listed in UNIVERSE.values() for symbol in listed}
    lists = {name: tuple(s for s in wanted if s in listed) for name, listed in UNIVERSE.items()}
    return lists | {"large_caps": lists["large_caps"] + tuple(s for s in wanted if s not in known)}


def instrument(symbol: str, price: Decimal) -> Instrument:
    """Return the grid of a stock: whole shares (a protective stop cannot hold a fraction), cents.

    Notes
    -----
    Below one dollar prices move in hundredths of a cent (SEC rule 612 of Regulation NMS).
    """
    multiple, _ = MULTIPLES.get(symbol, (1, ""))
    tick = Decimal("0.01") if price >= 1 else Decimal("0.0001")
    return Instrument(symbol=symbol, asset_class=AssetClass.EQUITY, tick_size=tick, leverage=Decimal(abs(multiple)))
