"""Minute bars of the synthetic market, made block by block from (seed, symbol, block) and nothing else.

A block is 16 sessions (stocks) or 16 UTC days (crypto); block 0 begins on the day of the start. Blocks follow on one
another forward and backward, so any of them can be made again and is the same whatever was asked before.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from venue.dataset import Floats, Ints
from venue.feed import AssetKind
from venue.replay.series import Series
from venue.sessions import DAY_S, Sessions
from venue.synthetic.regimes import Regimes
from venue.synthetic.symbols import Character, character

BLOCK_DAYS = 16
MINUTE = 60
CRYPTO_DRIFT, CRYPTO_VOL = 2.0, 3.2
"""How much stronger the crypto market's drift and volatility are than the equity market's."""
GAP_SHARE = 0.4
"""Overnight move of a stock as a share of its daily volatility."""
JUMP_DAYS, JUMP_SIZE = 25, 0.012
"""A symbol jumps about once in so many days, by about this fraction."""
_MARKET = {AssetKind.STOCK: "market of stocks", AssetKind.CRYPTO: "market of coins"}


@dataclass(frozen=True, slots=True)
class Grid:
    """The minutes of one block: start, end, day number, and which minute of its day each is."""

    start: Ints
    end: Ints
    day: Ints
    minute: Ints
    shape: Floats
    """Relative volatility, about 1 on average."""
    year_minutes: float

    @property
    def opens(self) -> Ints:
        """Index of each day's first minute."""
        return np.flatnonzero(self.minute == 0)


class Paths:
    """Minute bars of any symbol and block; `start_day` is the day number on which block 0 begins."""

    def __init__(self, seed: int, start_day: int, sessions: Sessions) -> None:
        self._seed, self._sessions = seed, sessions
        self._origin = {
            AssetKind.STOCK: int(np.searchsorted(sessions.days, start_day)),
            AssetKind.CRYPTO: start_day,
        }
        self.regimes = Regimes(seed, start_day)
        self._levels: dict[tuple[str, int], float] = {}
        self.block = lru_cache(maxsize=96)(self._block)
        self._grid = lru_cache(maxsize=16)(self._make_grid)
        self._moves = lru_cache(maxsize=128)(self._make_moves)

    def number(self, kind: AssetKind, time: int) -> int:
        """Return the block that holds a time (for stocks: the last session that began by then)."""
        if kind is AssetKind.CRYPTO:
            return (time // DAY_S - self._origin[kind]) // BLOCK_DAYS
        index = int(np.searchsorted(self._sessions.opens, time, side="right")) - 1
        return (index - self._origin[kind]) // BLOCK_DAYS

    def _block(self, symbol: str, kind: AssetKind, number: int) -> Series:
        """Return the minute bars of a block."""
        who, grid = character(symbol, kind), self._grid(kind, number)
        gap, move = self._moves(symbol, kind, number)
        level = self._level(who, number)
        closes = level + np.cumsum(gap + move)
        random = self._random(symbol, number, "bars")
        opens = np.append(level, closes[:-1]) + gap
        wick = np.abs(move).mean() * np.abs(random.standard_normal((2, len(move)))) * 0.5
        tick = 0.01 if kind is AssetKind.STOCK else 10.0 ** np.floor(np.log10(who.price) - 4)
        prices = [opens, np.maximum(opens, closes) + wick[0], np.minimum(opens, closes) - wick[1], closes]
        open_, high, low, close = (np.maximum(np.round(np.exp(one) / tick), 1) * tick for one in prices)
        return Series(grid.start, grid.end, grid.day, open_, high, low, close, _volume(who, grid, random, move))

    def _level(self, who: Character, number: int) -> float:
        """Return the logarithm of the price before a block's first minute."""
        key = (who.symbol, number)
        if number == 0:
            return float(np.log(who.price))
        if key not in self._levels:
            near = number - 1 if number > 0 else number + 1
            total = self._total(who, near if number > 0 else number)
            self._levels[key] = self._level(who, near) + (total if number > 0 else -total)
        return self._levels[key]

    def _total(self, who: Character, number: int) -> float:
        gap, move = self._moves(who.symbol, who.kind, number)
        return float(gap.sum() + move.sum())

    def _make_moves(self, symbol: str, kind: AssetKind, number: int) -> tuple[Floats, Floats]:
        """Return the gap before each minute (only before a session) and the move within it, as log returns."""
        who = character(symbol, kind)
        if who.parent:
            gap, move = self._moves(who.parent, kind, number)
            return who.leverage * gap, who.leverage * move
        grid = self._grid(kind, number)
        market_gap, market_move = self._market(kind, number)
        own_gap, own_move = self._noise(symbol, grid, number, np.full(len(grid.start), who.idio_vol))
        random = self._random(symbol, number, "jumps")
        jumps = (random.random(len(own_move)) < 1 / (JUMP_DAYS * len(grid.start) / BLOCK_DAYS)) * JUMP_SIZE
        own_move = own_move + jumps * random.standard_normal(len(own_move)) * (who.idio_vol / 0.2)
        return who.beta * market_gap + own_gap, who.beta * market_move + own_move

    def _market(self, kind: AssetKind, number: int) -> tuple[Floats, Floats]:
        grid = self._grid(kind, number)
        drift, vol = self.regimes.drift_and_vol(grid.day)
        crypto = kind is AssetKind.CRYPTO
        drift, vol = (drift * CRYPTO_DRIFT, vol * CRYPTO_VOL) if crypto else (drift, vol)
        gap, move = self._noise(_MARKET[kind], grid, number, vol)
        return gap, move + (drift - vol**2 / 2) / grid.year_minutes

    def _noise(self, name: str, grid: Grid, number: int, vol: Floats) -> tuple[Floats, Floats]:
        random = self._random(name, number, "moves")
        move = random.standard_normal(len(vol)) * vol * grid.shape / np.sqrt(grid.year_minutes)
        gap = np.zeros(len(vol))
        if grid.year_minutes < 365 * 1440:  # stocks: the market sleeps between sessions
            first = grid.opens
            gap[first] = random.standard_normal(len(first)) * vol[first] / np.sqrt(252) * GAP_SHARE
        return gap, move

    def _random(self, name: str, number: int, purpose: str) -> np.random.Generator:
        words = [zlib.crc32(name.encode()), zlib.crc32(purpose.encode()), number % (1 << 32)]
        return np.random.default_rng([self._seed, *words])

    def _make_grid(self, kind: AssetKind, number: int) -> Grid:
        first = self._origin[kind] + number * BLOCK_DAYS
        if kind is AssetKind.CRYPTO:
            days = np.arange(first, first + BLOCK_DAYS, dtype=np.int64)
            opens, lengths, year = days * DAY_S, np.full(BLOCK_DAYS, 1440), 365.0 * 1440
        else:
            rows = slice(first, first + BLOCK_DAYS)
            days, opens, year = self._sessions.days[rows], self._sessions.opens[rows], 252.0 * 390
            lengths = (self._sessions.closes[rows] - opens) // MINUTE
        minute = np.concatenate([np.arange(length, dtype=np.int64) for length in lengths])
        day, start = np.repeat(days, lengths), np.repeat(opens, lengths) + minute * MINUTE
        left = np.repeat(lengths, lengths) - 1 - minute
        end = start + MINUTE - ((left == 0) if kind is AssetKind.STOCK else 0)
        shape = _coin_shape(day, minute) if kind is AssetKind.CRYPTO else _session_shape(minute, left)
        return Grid(start, end.astype(np.int64), day, minute, shape, year)


def _session_shape(minute: Ints, left: Ints) -> Floats:
    """Return the U of a US session: lively at the open, calm at noon, lively again before the close."""
    return 0.8 + 1.2 * np.exp(-minute / 25) + 0.6 * np.exp(-left / 25)


def _coin_shape(day: Ints, minute: Ints) -> Floats:
    """Return the day of a coin: liveliest in US hours (about 17 UTC), calmer at weekends."""
    hours = 1 + 0.35 * np.cos((minute / 60 - 17) / 24 * 2 * np.pi)
    return np.asarray(np.where((day + 3) % 7 >= 5, 0.7, 1.0) * hours)  # day 0, 1970-01-01, was a Thursday


def _volume(who: Character, grid: Grid, random: np.random.Generator, move: Floats) -> Floats:
    """Return units traded: the day's volume spread by shape, more when the price moves."""
    typical = np.abs(move).mean() or 1.0
    lively = (0.6 + 0.4 * np.abs(move) / typical) * np.exp(0.35 * random.standard_normal(len(move)))
    per_minute = who.volume * BLOCK_DAYS / len(move) * grid.shape**2 * lively
    return np.round(per_minute, 0 if who.kind is AssetKind.STOCK else 4)
