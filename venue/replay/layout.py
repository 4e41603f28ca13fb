"""Finding the files of a data folder: which hold which symbol, in what granularity, from when to when.

Knows the folder layout only (see the folder's README); the rows are read by `venue.replay.series` and
`venue.replay.chains`. Files it does not know (perpetuals, order books, recorded feeds, fixtures) are left alone.
"""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path

from orchestrator.domain.errors import ConfigurationError
from venue.dataset import read_header, read_table
from venue.feed import AssetKind

DAILY = 1440
_MINUTES = {"daily": DAILY, "1d": DAILY, "60min": 60, "1h": 60, "15m": 15, "15min": 15, "5min": 5, "5m": 5}
_MINUTES |= {"minute": 1, "1m": 1, "1min": 1}
_NOT_BARS = {"factor_files", "map_files", "dirty_yahoo", "perp", "binance_usdm", "orderbook", "recorded_feed"}
_PAIR = re.compile(r"^([A-Z0-9]{2,6}?)[-_/]?(USDT|USDC|USD)$")
_TIMES = ("ts_utc", "date", "asof_ny", "snapshot_utc", "quotedate")
_CRYPTO_NAMES = {"XBT": "BTC"}


@dataclass(frozen=True, slots=True)
class Source:
    """One symbol in one file of bars or recorded quotes (`role` is `trade` or `quote`)."""

    path: Path
    where: str
    symbol: str
    kind: AssetKind
    minutes: int
    role: str
    column: bool = False
    """Whether the file holds several symbols, told by its column `symbol`."""

    @property
    def dividend_adjusted(self) -> bool:
        """Whether dividends are in the prices already, so that none may be credited."""
        return "adjusted" in self.where.split("/")[-2]


@dataclass(frozen=True, slots=True)
class ChainSource:
    """A file of option chain snapshots of one underlying."""

    path: Path
    where: str
    underlying: str
    whole: bool
    """Whether the folder holds whole chains of many sessions (`chains_2026`), which is what modules trade on."""


class Catalogue:
    """The files of a data folder by symbol.

    Raises
    ------
    ConfigurationError
        The folder does not exist or holds neither `equity`, `options` nor `crypto`.
    """

    def __init__(self, root: Path) -> None:
        if not any((root / name).is_dir() for name in ("equity", "options", "crypto")):
            raise ConfigurationError(f"data folder {root}: expected a folder with equity/, options/ or crypto/ in it")
        self.root = root
        self._spans: dict[Path, tuple[date, date] | None] = {}

    @cached_property
    def bars(self) -> dict[AssetKind, dict[str, list[Source]]]:
        """Sources by kind and desk symbol (`XLK`, `BTC/USD`)."""
        found: dict[AssetKind, dict[str, list[Source]]] = {AssetKind.STOCK: {}, AssetKind.CRYPTO: {}}
        for kind, folder in ((AssetKind.STOCK, "equity"), (AssetKind.CRYPTO, "crypto")):
            for path in self._files(folder):
                for source in self._sources(path, kind):
                    found[kind].setdefault(source.symbol, []).append(source)
        return found

    @cached_property
    def chains(self) -> dict[str, list[ChainSource]]:
        """Chain files by underlying, whole chains first."""
        found: dict[str, list[ChainSource]] = {}
        for path in self._files("options"):
            for source in self._chain_sources(path):
                found.setdefault(source.underlying, []).append(source)
        return {name: sorted(files, key=lambda file: not file.whole) for name, files in sorted(found.items())}

    def span(self, source: Source | ChainSource) -> tuple[date, date] | None:
        """Return first and last day of a file, looked up once; None when it is not known."""
        if source.path not in self._spans:
            self._spans[source.path] = span(source.path)
        return self._spans[source.path]

    def beside(self, source: Source, folder: str) -> Path | None:
        """Return the symbol's file in a folder beside the source (`factor_files`), None if there is none."""
        path = source.path.parent / folder / f"{source.symbol}.csv"
        return path if path.is_file() else None

    def _files(self, folder: str) -> Iterable[Path]:
        paths = sorted((self.root / folder).rglob("*.csv*"))
        return [path for path in paths if not _NOT_BARS & set(path.relative_to(self.root).parts)]

    def _sources(self, path: Path, kind: AssetKind) -> Iterable[Source]:
        parts = path.relative_to(self.root).parts
        minutes = next((_MINUTES[part] for part in parts[1:-1] if part in _MINUTES), None)
        stem = parts[-1].split(".")[0]
        if minutes is None or stem.endswith("_index"):
            return []
        role = "quote" if "_quote" in stem else "trade"
        where = "/".join(parts)
        if kind is AssetKind.STOCK and "symbol" in read_header(path):
            names = sorted(set(read_table(path, ("symbol",)).columns["symbol"]))
            return [Source(path, where, name, kind, minutes, role, column=True) for name in names]
        symbol = stem.split("_")[0] if kind is AssetKind.STOCK else pair_symbol(stem)
        return [Source(path, where, symbol, kind, minutes, role)] if symbol else []

    def _chain_sources(self, path: Path) -> Iterable[ChainSource]:
        header = read_header(path)
        quoted = {"bid", "ask"} <= set(header) or {"bid_close", "ask_close"} <= set(header)
        if not quoted or not {"expiration", "right", "strike"} <= set(header):
            return []
        where = "/".join(path.relative_to(self.root).parts)
        if "underlying" in header:
            names = sorted(set(read_table(path, ("underlying",)).columns["underlying"]))
            return [ChainSource(path, where, name, whole=False) for name in names]
        return [ChainSource(path, where, path.name.split(".")[0].split("_")[0], whole="asof_ny" in header)]


def pair_symbol(stem: str) -> str | None:
    """Return the desk's pair of a file name: `BTC-USD`, `BTC_USDT`, `XBTUSD_60` are all `BTC/USD`.

    Quotes in USDT and USDC stand for USD in a replay.
    """
    words = stem.split("_")
    for text in (words[0], "".join(words[:2])):
        match = _PAIR.match(text)
        if match:
            return f"{_CRYPTO_NAMES.get(match[1], match[1])}/USD"
    return None


def span(path: Path) -> tuple[date, date] | None:
    """Return first and last day of a file without parsing it; None when it does not tell (reading it will say why)."""
    try:
        raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        header, *lines = raw.decode().splitlines() or [""]
    except (OSError, EOFError, UnicodeDecodeError, zlib.error):
        return None
    names = header.split(",")
    column = next((names.index(name) for name in _TIMES if name in names), None)
    if column is None or not lines:
        return None
    try:
        stamps = [line[:10] for line in lines] if column == 0 else [line.split(",")[column] for line in lines]
        return date.fromisoformat(min(stamps)[:10]), date.fromisoformat(max(stamps)[:10])
    except (ValueError, IndexError):
        return None
