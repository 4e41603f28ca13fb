"""Choosing what a replay offers: which symbols, from which files, and saying clearly when something is not there."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np

from orchestrator.domain.errors import ConfigurationError
from venue.dataset import Report
from venue.feed import AssetKind
from venue.replay.chains import ChainTape, Snapshot, Spot, read_snapshots
from venue.replay.layout import Catalogue, ChainSource, Source
from venue.replay.tape import LEAD_DAYS, Spans, Tape, Window
from venue.replay.universe import CRYPTO, STOCKS, Universe
from venue.sessions import day_number, xnys

FRESH_S = 60
"""A print of the underlying this many seconds old still is its price in a snapshot."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """Stocks and pairs, and underlyings with chains."""

    symbols: tuple[str, ...]
    underlyings: tuple[str, ...]


class Selection:
    """The part of a data folder that a replay of [start, end] uses."""

    def __init__(self, root: Path, start: datetime, end: datetime, report: Report) -> None:
        if end < start:
            raise ConfigurationError(f"replay from {start:%Y-%m-%d} to {end:%Y-%m-%d}: the end is before the start")
        self.catalogue = Catalogue(root)
        self.start, self.end = start.date(), end.date()
        self._window = Window(day_number(self.start), day_number(self.end))
        self._sessions, self._report = xnys(), report
        self._tapes: dict[str, Tape] = {}

    def choose(self, universe: Universe | None) -> Chosen:
        """Return the symbols of a universe, each checked to have data in the period."""
        if universe is None:
            universe = self._default()
        pairs = list(universe.get(AssetKind.CRYPTO, ()))
        stocks = list(universe.get(AssetKind.STOCK, ()))
        underlyings = tuple(universe.get(AssetKind.OPTION, ()))
        for kind, symbols in ((AssetKind.STOCK, stocks), (AssetKind.CRYPTO, pairs)):
            for symbol in symbols:
                self._require(symbol, self._sources(symbol, kind), kind)
        for underlying in underlyings:
            self._require(underlying, self.catalogue.chains.get(underlying, []), AssetKind.OPTION)
        deliverable = [name for name in underlyings if self._covered(self._sources(name, AssetKind.STOCK))]
        return Chosen(tuple(dict.fromkeys([*stocks, *deliverable, *pairs])), underlyings)

    def tape(self, symbol: str) -> Tape:
        """Return a symbol's tape, read once."""
        if symbol not in self._tapes:
            kind = AssetKind.CRYPTO if "/" in symbol else AssetKind.STOCK
            spans = Spans(self.start - timedelta(days=LEAD_DAYS), self.end, self.catalogue.span, self._report)
            tape = Tape(self._sources(symbol, kind), self._window, self._sessions, spans)
            if not tape.covers:
                raise self._missing(symbol, self._sources(symbol, kind), kind)
            self._tapes[symbol] = tape
        return self._tapes[symbol]

    def quote_sources(self, symbol: str) -> list[Source]:
        """Return the files of recorded quotes of a symbol in the period, finest first."""
        kind = AssetKind.CRYPTO if "/" in symbol else AssetKind.STOCK
        quotes = [one for one in self.catalogue.bars[kind].get(symbol, []) if one.role == "quote"]
        return sorted((one for one in quotes if self._covered([one])), key=lambda one: one.minutes)

    def chain_tape(self, underlying: str, size: Decimal) -> ChainTape:
        """Return the snapshots of an underlying; `size` is the contracts at the touch where a file has none."""
        snapshots: list[Snapshot] = []
        for source in self.catalogue.chains[underlying]:
            if self._covered([source]):
                spot = self._spot(underlying)
                snapshots += read_snapshots(source, self._sessions, self._report, size=size, spot=spot)
        return ChainTape(underlying, [one for one in snapshots if self._priced(one)])

    def _priced(self, snapshot: Snapshot) -> bool:
        if snapshot.has_price():
            return True
        self._report.drop(snapshot.underlying, "snapshot without a price of the underlying", 1)
        return False

    def _spot(self, underlying: str) -> Spot:
        if not self._covered(self._sources(underlying, AssetKind.STOCK)):
            return lambda time: None
        prints = self.tape(underlying).prints

        def spot(time: int) -> float | None:
            row = int(np.searchsorted(prints.time, time, side="right")) - 1
            return float(prints.price[row]) if row >= 0 and time - prints.time[row] <= FRESH_S else None

        return spot

    def _sources(self, symbol: str, kind: AssetKind) -> list[Source]:
        return [one for one in self.catalogue.bars[kind].get(symbol, []) if one.role == "trade"]

    def _default(self) -> Universe:
        chains = self.catalogue.chains
        whole = [name for name, files in chains.items() if self._covered(one for one in files if one.whole)]
        return {
            AssetKind.STOCK: [name for name in STOCKS if self._covered(self._sources(name, AssetKind.STOCK))],
            AssetKind.OPTION: whole,
            AssetKind.CRYPTO: [name for name in CRYPTO if self._covered(self._sources(name, AssetKind.CRYPTO))],
        }

    def _covered(self, sources: Iterable[Source | ChainSource]) -> bool:
        spans = [self.catalogue.span(source) for source in sources]
        return any(one is None or (one[0] <= self.end and one[1] >= self.start) for one in spans)

    def _require(self, symbol: str, sources: list[Source] | list[ChainSource], kind: AssetKind) -> None:
        if not self._covered(sources):
            raise self._missing(symbol, sources, kind)

    def _missing(self, symbol: str, sources: list[Source] | list[ChainSource], kind: AssetKind) -> ConfigurationError:
        period = f"{self.start}..{self.end}"
        if not sources:
            folder = {AssetKind.STOCK: "equity", AssetKind.OPTION: "options", AssetKind.CRYPTO: "crypto"}[kind]
            known = sorted(self.catalogue.chains if kind is AssetKind.OPTION else self.catalogue.bars[kind])
            listed = ", ".join(known) or "nothing"
            return ConfigurationError(
                f"{kind.value}: no file of {symbol} under {self.catalogue.root / folder}; there is: {listed}"
            )
        there = "; ".join(f"{source.where} {_text(self.catalogue.span(source))}" for source in sources)
        return ConfigurationError(f"{kind.value}: {symbol} has no data in {period}; there is: {there}")


def _text(period: tuple[date, date] | None) -> str:
    return "(period not readable)" if period is None else f"{period[0]}..{period[1]}"
