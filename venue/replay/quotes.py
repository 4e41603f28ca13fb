"""Touch prices of stocks and pairs: recorded bid and ask where a file has them, else a stated spread model.

The model makes no price: it sets bid and ask a constant half-spread around a real trade price, rounded outward to
the tick, with a share of the bar's volume as size. `MarketQuote.ts` is the time of that trade.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

import numpy as np

from venue.dataset import Floats, Ints, Report, numbers, read_table
from venue.feed import Asset, AssetKind, MarketQuote
from venue.replay.layout import Source
from venue.replay.series import own_rows, place
from venue.replay.tape import Prints, decimal
from venue.sessions import Sessions, utc

SIDES = ("bid_open", "bid_close", "bid_size", "ask_open", "ask_close", "ask_size")
BPS = Decimal(10_000)


@dataclass(frozen=True, slots=True)
class SpreadModel:
    """Stated assumptions for quotes that no file records.

    Half-spreads are in basis points of the price; `participation` is the share of a bar's volume that is shown on
    each side; `option_size` is the contracts at the touch where a chain file has no sizes.
    """

    stock_half_bps: Decimal = Decimal(1)
    crypto_half_bps: Decimal = Decimal("2.5")
    participation: Decimal = Decimal("0.05")
    option_size: Decimal = Decimal(20)

    def half_bps(self, kind: AssetKind) -> Decimal:
        """Return the half-spread of a class of assets."""
        return self.crypto_half_bps if kind is AssetKind.CRYPTO else self.stock_half_bps


def modelled(prints: Prints, row: int, asset: Asset, model: SpreadModel) -> MarketQuote:
    """Return the quote around one print."""
    last = decimal(round(float(prints.price[row]), 10))
    half = last * model.half_bps(asset.kind) / BPS
    bid, ask = _grid(last - half, asset.tick_size, ROUND_FLOOR), _grid(last + half, asset.tick_size, ROUND_CEILING)
    size = _grid(Decimal(float(prints.size[row])) * model.participation, asset.lot_size, ROUND_FLOOR)
    return MarketQuote(utc(prints.time[row]), bid if bid > 0 else None, ask, size, size, last)


def _grid(value: Decimal, step: Decimal, rounding: str) -> Decimal:
    return (value / step).to_integral_value(rounding=rounding) * step


@dataclass(frozen=True, slots=True)
class Touches:
    """Recorded quotes by time; NaN or a zero is no quote on that side."""

    time: Ints
    bid: Floats
    ask: Floats
    bid_size: Floats
    ask_size: Floats

    def at(self, now: int, last: Decimal, printed: int) -> MarketQuote | None:
        """Return the latest recorded quote, None when the print made at `printed` is newer."""
        row = int(np.searchsorted(self.time, now, side="right")) - 1
        if row < 0 or self.time[row] < printed:
            return None
        bid, ask = self._side(self.bid, row), self._side(self.ask, row)
        sizes = [self._side(column, row) or Decimal(0) for column in (self.bid_size, self.ask_size)]
        return MarketQuote(utc(self.time[row]), bid, ask, sizes[0], sizes[1], last)

    @staticmethod
    def _side(column: Floats, row: int) -> Decimal | None:
        value = float(column[row])
        return decimal(value) if value > 0 else None


def read_touches(source: Source, sessions: Sessions, report: Report) -> Touches:
    """Read recorded quote bars: their opens at the bar's start, their closes at its end.

    The size beside an opening quote is the one of the bar before. Crossed quotes are dropped and counted.
    """
    table = read_table(source.path, SIDES)
    start, end, _, inside = place(table, source, sessions)
    keep = inside & own_rows(table, source)
    report.drop(source.where, "outside the regular session", int((~keep).sum()))
    columns = {name: numbers(table, name)[keep] for name in SIDES}
    before = {name: np.append(np.nan, columns[name][:-1])[: keep.sum()] for name in ("bid_size", "ask_size")}
    time = np.concatenate([end[keep], start[keep]])
    sides = [np.concatenate([columns[f"{side}_close"], columns[f"{side}_open"]]) for side in ("bid", "ask")]
    sizes = [np.concatenate([columns[name], before[name]]) for name in ("bid_size", "ask_size")]
    opens = np.arange(len(time)) >= keep.sum()
    crossed = sides[0] > sides[1]
    report.drop(source.where, "crossed quote (bid above ask)", int(crossed.sum()))
    order = np.lexsort((opens, time))
    order = order[~crossed[order]]
    bid, ask, bid_size, ask_size = (column[order] for column in (*sides, *sizes))
    return Touches(time[order], bid, ask, bid_size, ask_size)
