"""Option chain snapshots of one underlying: reading, dropping dead rows, making values only when asked.

Every row of a source with one time is one snapshot. A missing or zero bid or ask is None, `last` 0 means none
was given, an `iv` below 0.1 % is the source's way to say none. Snapshots made at the close are moved to one second
before it; those made with the market closed are left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cache, cached_property
from itertools import pairwise
from math import isnan
from zoneinfo import ZoneInfo

import numpy as np

from venue.dataset import Floats, Ints, Report, Table, days, numbers, read_table, times_local, times_utc
from venue.feed import Chain, ContractQuote
from venue.occ import parse
from venue.replay.layout import ChainSource
from venue.replay.series import Mask
from venue.replay.tape import decimal
from venue.sessions import EPOCH, Sessions, day_number, utc

NEW_YORK = ZoneInfo("America/New_York")
CLOSING_S = 1800
"""A snapshot up to this long after the close shows the closing quotes."""
LEAST_IV = 0.001
LEAST_STEP = 0.0005
"""Half of the finest step that a symbol can spell, USD of strike."""
COLUMNS = (
    *("bid", "ask", "bid_size", "ask_size", "last", "volume", "open_interest"),
    *("iv", "delta", "gamma", "theta", "vega", "rho"),
)
Spot = Callable[[int], float | None]
"""Price of the underlying at an epoch second from its own tape, None when the tape has no print that fresh."""


@dataclass(frozen=True, slots=True)
class Rows:
    """The usable rows of one file, ascending in time."""

    time: Ints
    spot: Floats
    parity: bool
    expiry: Ints
    call: Mask
    strike: Floats
    numbers: dict[str, Floats]

    def take(self, rows: Mask | Ints) -> Rows:
        """Return the rows that `rows` selects."""
        kept = {name: values[rows] for name, values in self.numbers.items()}
        columns = (self.expiry[rows], self.call[rows], self.strike[rows])
        return Rows(self.time[rows], self.spot[rows], self.parity, *columns, kept)


@dataclass
class Snapshot:
    """One chain at one time, as rows [low, high) of a file."""

    underlying: str
    time: int
    rows: Rows
    low: int
    high: int
    size: Decimal
    spot: Spot
    _named: dict[str, ContractQuote | None] = field(default_factory=dict)

    @cached_property
    def underlying_price(self) -> Decimal:
        """The underlying's own print when it is fresh, else put-call parity, else what the file says."""
        price = self.spot(self.time)
        if price is None and self.rows.parity:
            price = parity_spot(self.rows.take(np.arange(self.low, self.high)), self.time)
        return decimal(round(float(self.rows.spot[self.low]) if price is None else price, 4))

    def has_price(self) -> bool:
        """Whether any of the three ways to the underlying's price leads to one."""
        return bool(self.rows.spot[self.low] > 0) or self.underlying_price.is_finite()

    def contract(self, symbol: str) -> ContractQuote | None:
        """Return one contract, None if the snapshot does not list it; what is held is asked for at every moment."""
        if symbol not in self._named:
            self._named[symbol] = self._contract(symbol)
        return self._named[symbol]

    def _contract(self, symbol: str) -> ContractQuote | None:
        terms = parse(symbol)
        if terms is None or terms.underlying != self.underlying:
            return None
        same = self._expiry == day_number(terms.expiry)
        same &= (self._call == (terms.right == "C")) & (np.abs(self._strike - float(terms.strike)) < LEAST_STEP)
        return next(self.contracts(self.low + np.flatnonzero(same)), None)

    def chain(self) -> Chain:
        """Return the whole chain, made anew."""
        contracts = {one.symbol: one for one in self.contracts(slice(self.low, self.high))}
        return Chain(self.underlying, utc(self.time), self.underlying_price, contracts)

    def within(self, expiries: tuple[date, date], strikes: tuple[float, float]) -> Ints:
        """Return the rows of the contracts between two expiries and two strikes, all included."""
        first, last = (day_number(expiry) for expiry in expiries)
        inside = (self._expiry >= first) & (self._expiry <= last)
        inside &= (self._strike >= strikes[0]) & (self._strike <= strikes[1])
        return self.low + np.flatnonzero(inside)

    @property
    def _expiry(self) -> Ints:
        return self.rows.expiry[self.low : self.high]

    @property
    def _call(self) -> Mask:
        return self.rows.call[self.low : self.high]

    @property
    def _strike(self) -> Floats:
        return self.rows.strike[self.low : self.high]

    def _terms(self, rows: slice | Ints) -> Iterator[tuple[str, date, str, float]]:
        """Tell symbol, expiry, right and strike of rows."""
        expiries, calls = self.rows.expiry[rows].tolist(), self.rows.call[rows].tolist()
        for expiry, call, strike in zip(expiries, calls, self.rows.strike[rows].tolist(), strict=True):
            right = "C" if call else "P"
            yield f"{self.underlying}{_yymmdd(expiry)}{right}{round(strike * 1000):08d}", day_of(expiry), right, strike

    def contracts(self, rows: slice | Ints) -> Iterator[ContractQuote]:
        """Give the contracts of rows of the file."""
        cells = [self._cells(name, rows) for name in COLUMNS]
        for terms, values in zip(self._terms(rows), zip(*cells, strict=True), strict=True):
            bid, ask, bid_size, ask_size, last, volume, open_interest, iv, *greeks = values
            yield ContractQuote(
                *terms[:3],
                decimal(terms[3]),
                decimal(bid) if bid else None,
                decimal(ask) if ask else None,
                self._size(bid, bid_size),
                self._size(ask, ask_size),
                decimal(last or 0.0),
                int(volume or 0),
                int(open_interest or 0),
                iv if iv and iv >= LEAST_IV else None,
                *greeks,
            )

    def _cells(self, name: str, rows: slice | Ints) -> list[float | None]:
        """Return the cells of a column, None where the file has none."""
        if name not in self.rows.numbers:
            return [None] * len(self.rows.strike[rows])
        return [None if isnan(cell) else cell for cell in self.rows.numbers[name][rows].tolist()]

    def _size(self, price: float | None, recorded: float | None) -> Decimal:
        if not price:
            return Decimal(0)
        return self.size if recorded is None else decimal(recorded)


@cache
def day_of(number: int) -> date:
    """Return a day number as a date."""
    return EPOCH + timedelta(days=number)


@cache
def _yymmdd(number: int) -> str:
    """Return a day number as OCC symbols write it."""
    return f"{day_of(number):%y%m%d}"


def parity_spot(rows: Rows, time: int) -> float | None:
    """Return the underlying's price by put-call parity (K + C - P) of the nearest expiry after today.

    Interest and dividends of those few days are neglected: well below a thousandth. None without ten two-sided pairs.
    """
    bid, ask = rows.numbers["bid"], rows.numbers["ask"]
    today = time // 86_400
    usable = (bid > 0) & (ask > 0) & (rows.expiry > today)
    if not usable.any():
        return None
    usable &= rows.expiry == rows.expiry[usable].min()
    mid = (bid + ask) / 2
    calls = dict(zip(rows.strike[usable & rows.call], mid[usable & rows.call], strict=True))
    puts = dict(zip(rows.strike[usable & ~rows.call], mid[usable & ~rows.call], strict=True))
    pairs = sorted(
        (abs(calls[strike] - puts[strike]), strike + calls[strike] - puts[strike]) for strike in calls if strike in puts
    )
    return float(np.median([implied for _, implied in pairs[:5]])) if len(pairs) >= 10 else None


def read_snapshots(
    source: ChainSource, sessions: Sessions, report: Report, *, size: Decimal, spot: Spot
) -> list[Snapshot]:
    """Read the snapshots of a file; a malformed file raises MalformedDataError."""
    table = read_table(source.path, ("expiration", "right", "strike"))
    stamp, fetched = _times(table, source, sessions)
    rows = _clean(_rows(table, stamp, parity=fetched), source, sessions, report)
    if not len(rows.time):
        return []
    bounds = [*np.flatnonzero(np.append(True, np.diff(rows.time) != 0)).tolist(), len(rows.time)]
    return [
        Snapshot(source.underlying, int(rows.time[low]), rows, low, high, size, spot) for low, high in pairwise(bounds)
    ]


def _times(table: Table, source: ChainSource, sessions: Sessions) -> tuple[Ints, bool]:
    """Return when each row's quotes were made, and whether the file's own underlying price is from later."""
    if "asof_ny" in table.columns:
        return _new_york(times_local(table, "asof_ny")), True
    if "snapshot_utc" in table.columns:
        return times_utc(table, "snapshot_utc"), False
    if "ts_utc" in table.columns:
        length = 3600 if "_hour_" in source.where else 60
        return times_utc(table, "ts_utc") + length, True
    column = "date" if "date" in table.columns else "quotedate"
    index = sessions.on(days(table, column))
    return np.where(index >= 0, sessions.closes[index], 0), True


def _new_york(local: Ints) -> Ints:
    stamps, where = np.unique(local, return_inverse=True)
    moments = [datetime.fromisoformat(str(np.datetime64(int(stamp), "s"))) for stamp in stamps]
    return np.array([int(moment.replace(tzinfo=NEW_YORK).timestamp()) for moment in moments], np.int64)[where]


def _rows(table: Table, time: Ints, *, parity: bool) -> Rows:
    names = {"open_interest": "openinterest", "bid": "bid_close", "ask": "ask_close"}
    found = {name: name if name in table.columns else names.get(name, "") for name in COLUMNS}
    columns = {name: numbers(table, column) for name, column in found.items() if column in table.columns}
    spot = next((name for name in ("underlying_price", "underlying_last") if name in table.columns), None)
    rights = np.array(table.columns["right"])
    faulty = np.flatnonzero((rights != "C") & (rights != "P"))
    if len(faulty):
        raise table.fault(int(faulty[0]), "right", "C or P")
    return Rows(
        time,
        numbers(table, spot) if spot else np.full(table.rows, np.nan),
        parity,
        days(table, "expiration"),
        rights == "C",
        numbers(table, "strike"),
        columns,
    )


def _clean(rows: Rows, source: ChainSource, sessions: Sessions, report: Report) -> Rows:
    time, trading = _in_session(rows.time, sessions)
    bid, ask = rows.numbers["bid"], rows.numbers["ask"]
    dead = np.zeros(len(time), np.bool_)
    if "delta" in rows.numbers and source.where.split("/")[1].startswith("chains_greeks"):
        dead = np.isnan(rows.numbers["delta"])
    faults = {
        "snapshot taken with the market closed (stale quotes)": ~trading,
        "strike is missing (NaN)": ~(rows.strike > 0),
        "expired contract": rows.expiry < time // 86_400,
        "dead contract (no Greeks)": dead,
        "no quote on either side": ~((bid > 0) | (ask > 0)),
        "crossed quote (bid above ask)": (bid > ask) & (ask > 0),
    }
    keep = np.ones(len(time), np.bool_)
    for reason, fault in faults.items():
        report.drop(source.where, reason, int((keep & fault).sum()))
        keep &= ~fault
    moved = Rows(time, rows.spot, rows.parity, rows.expiry, rows.call, rows.strike, rows.numbers)
    return _unique(moved.take(keep), source, report)


def _in_session(time: Ints, sessions: Sessions) -> tuple[Ints, Mask]:
    index = sessions.at(time)
    before = np.maximum(np.searchsorted(sessions.closes, time, side="right") - 1, 0)
    closing = (index < 0) & (time - sessions.closes[before] <= CLOSING_S)
    return np.where(closing, sessions.closes[before] - 1, time), (index >= 0) | closing


def _unique(rows: Rows, source: ChainSource, report: Report) -> Rows:
    report.drop(source.where, "out of order (sorted, kept)", int((np.diff(rows.time) < 0).sum()))
    order = np.lexsort((rows.strike, rows.call, rows.expiry, rows.time))
    rows = rows.take(order)
    keys = np.stack([rows.time, rows.expiry, rows.call, rows.strike])
    again = np.append(False, (keys[:, 1:] == keys[:, :-1]).all(axis=0))[: len(rows.time)]
    report.drop(source.where, "contract twice in a snapshot (first kept)", int(again.sum()))
    return rows.take(~again)


class ChainTape:
    """The snapshots of one underlying in time order; where two have one time the whole chain wins."""

    def __init__(self, underlying: str, snapshots: list[Snapshot]) -> None:
        self.underlying = underlying
        by_time: dict[int, Snapshot] = {}
        for snapshot in snapshots:
            by_time.setdefault(snapshot.time, snapshot)
        self.snapshots = [by_time[time] for time in sorted(by_time)]
        self.times = np.array(sorted(by_time), np.int64)
        self._made: tuple[int, Chain] | None = None

    def at(self, now: int) -> Chain | None:
        """Return the latest chain known at `now`; only the last one that was asked for is kept."""
        count = int(np.searchsorted(self.times, now, side="right"))
        if count == 0:
            return None
        if self._made is None or self._made[0] != count:
            self._made = count, self.snapshots[count - 1].chain()
        return self._made[1]

    def contract(self, symbol: str, now: int) -> tuple[int, ContractQuote] | None:
        """Return time and quote of a contract in the latest snapshot that lists it."""
        count = int(np.searchsorted(self.times, now, side="right"))
        for snapshot in reversed(self.snapshots[:count]):
            found = snapshot.contract(symbol)
            if found is not None:
                return snapshot.time, found
        return None
