"""Which symbols a replay offers: the text form of a universe, and the default one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from orchestrator.domain.errors import ConfigurationError
from venue.feed import AssetKind

Universe = Mapping[AssetKind, Sequence[str]]

STOCKS = (
    *("SPY", "QQQ", "IWM", "DIA", "XLB", "XLC", "XLE", "XLF", "XLI", "XLK", "XLP", "XLRE", "XLU", "XLV", "XLY"),
    *("AAPL", "MSFT", "NVDA", "AMZN", "TQQQ", "UPRO", "SOXL", "SPXL", "SQQQ", "TNA"),
)
CRYPTO = ("BTC/USD", "ETH/USD", "SOL/USD", "ADA/USD")


def parse_universe(words: Iterable[str]) -> dict[AssetKind, tuple[str, ...]]:
    """Read `stocks=XLK,XLF options=SPY,AAPL crypto=BTC,ETH`, split at blanks; a kind not named has no symbols.

    Raises
    ------
    ConfigurationError
        A word has another form.
    """
    universe: dict[AssetKind, tuple[str, ...]] = {}
    for word in " ".join(words).split():
        name, equals, symbols = word.partition("=")
        if not equals or name not in list(AssetKind):
            raise ConfigurationError(f"universe: {word!r} is not of the form stocks=XLK,XLF options=SPY crypto=BTC,ETH")
        kind = AssetKind(name)
        listed = tuple(symbol.upper() for symbol in symbols.split(",") if symbol)
        universe[kind] = tuple(desk_pair(symbol) for symbol in listed) if kind is AssetKind.CRYPTO else listed
    return universe


def desk_pair(symbol: str) -> str:
    """Return the desk's form of a crypto symbol: `BTC` is `BTC/USD`."""
    return symbol if "/" in symbol else f"{symbol}/USD"
