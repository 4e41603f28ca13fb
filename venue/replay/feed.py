"""`ReplayFeed`: a folder of recorded data as a market whose time only moves forward.

Answers from the past of `now` only. Files are read when a symbol is first needed; what was left out of them is told
by `report()`. It knows nothing of accounts or orders and never makes a price.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cached_property
from pathlib import Path

import numpy as np

from orchestrator.domain.errors import ConfigurationError, MalformedDataError, MissingDataError
from orchestrator.domain.instruments import parse_occ
from venue.dataset import Ints, Report
from venue.feed import (
    Advance,
    Asset,
    AssetKind,
    Chain,
    CorporateAction,
    MarketBar,
    MarketQuote,
    Moment,
    Session,
)
from venue.replay.actions import Actions
from venue.replay.assets import asset_of
from venue.replay.chains import ChainTape
from venue.replay.quotes import SpreadModel, Touches, modelled, read_touches
from venue.replay.selection import Selection
from venue.replay.tape import Tape
from venue.replay.universe import Universe
from venue.sessions import xnys


def as_time(moment: date | datetime, *, last: bool = False) -> datetime:
    """Return a day as its first (or last) second in UTC; a datetime as it is.

    Raises
    ------
    ConfigurationError
        A datetime carries no time zone.
    """
    if isinstance(moment, datetime):
        if moment.tzinfo is None:
            raise ConfigurationError(f"{moment}: expected a time with a time zone")
        return moment.astimezone(UTC)
    begin = datetime(moment.year, moment.month, moment.day, tzinfo=UTC)
    return begin + timedelta(days=1, seconds=-1) if last else begin


class ReplayFeed:
    """A `venue.feed.Feed` of the data folder `root` between `start` and `end` (days are included whole).

    Parameters
    ----------
    root
        A folder in the documented layout: `equity/`, `options/`, `crypto/`.
    universe
        Symbols by kind; None offers what the shipped modules trade and the folder has in the period. Underlyings
        of the options are offered as stocks too, for exercise delivers them.
    spread
        The assumptions of quotes that no file records.

    Raises
    ------
    ConfigurationError
        The folder, a symbol or the period is not there; the message says where it looked and what exists.
    MalformedDataError
        A file is not usable; the message names file, row, column and what was expected.
    """

    synthetic = False

    def __init__(
        self,
        root: Path,
        start: date | datetime,
        end: date | datetime,
        universe: Universe | None = None,
        *,
        spread: SpreadModel | None = None,
    ) -> None:
        self.now, self.end = as_time(start), as_time(end, last=True)
        self.name = f"replay of {root.name} {self.now:%Y-%m-%d}..{self.end:%Y-%m-%d}"
        self._spread = spread or SpreadModel()
        self._report, self._sessions = Report(), xnys()
        self._data = Selection(root, self.now, self.end, self._report)
        chosen = self._data.choose(universe)
        self._tapes = {symbol: self._data.tape(symbol) for symbol in chosen.symbols}
        self._assets = {symbol: asset_of(symbol, tape.kind, tape.prints.price) for symbol, tape in self._tapes.items()}
        self._options = chosen.underlyings
        self._chains: dict[str, ChainTape] = {}
        self._touches: dict[str, list[Touches]] = {}
        self._splits = Actions(self._data.catalogue, self._sessions, self._report)
        self._past: dict[str, list[tuple[int, CorporateAction]]] = {}
        self._quoted: dict[str, MarketQuote | None] = {}
        """Quotes as of `now`: a moment asks for the same ones many times."""

    # The Feed contract

    def schedule(self, start: datetime, end: datetime) -> list[Moment]:
        """Return the moments in [start, end] at which a print or a snapshot of the universe becomes known."""
        low, high = np.searchsorted(self._moments[0], (int(start.timestamp()), int(end.timestamp()) + 1))
        return [
            Moment(datetime.fromtimestamp(time, UTC), kinds)
            for time, kinds in zip(self._moments[0][low:high].tolist(), self._moments[1][low:high], strict=True)
        ]

    def advance(self, to: datetime) -> Advance:
        """Move the clock to `to` and tell what happened on the way, in time order.

        Raises
        ------
        MissingDataError
            `to` is before `now`.
        """
        if to < self.now:
            raise MissingDataError(f"replay clock is at {self.now}: it cannot go back to {to}")
        after, until = self._seconds(), int(to.timestamp())
        self.now = to
        self._quoted.clear()
        return Advance(
            bars=self._bars_between(after, until),
            quotes=tuple(name for name, tape in self._tapes.items() if _any(tape.prints.time, after, until)),
            actions=self._actions_between(after, until),
            sessions_closed=self._sessions.closed_between(after, until),
            chains=tuple(name for name in self._options if _any(self.chain_tape(name).times, after, until)),
        )

    def assets(self) -> dict[str, Asset]:
        """Return stocks and crypto pairs by symbol."""
        return dict(self._assets)

    def sessions(self, start: date, end: date) -> list[Session]:
        """Return the US equity sessions of [start, end]."""
        return self._sessions.between(start, end)

    def quote(self, symbol: str) -> MarketQuote | None:
        """Return the latest quote of a stock, pair or OCC contract symbol known at `now`, None if there is none."""
        if symbol not in self._quoted:
            tape = self._tapes.get(symbol)
            self._quoted[symbol] = self._contract_quote(symbol) if tape is None else self._quote(symbol, tape)
        return self._quoted[symbol]

    def bars(self, symbol: str, minutes: int, start: datetime, end: datetime) -> list[MarketBar]:
        """Return the bars of that many minutes that ended by `now` and start in [start, end).

        Prices are as recorded: across a split they jump (see `actions`). Empty when the data is coarser.
        """
        tape = self._tapes.get(symbol)
        if tape is None or minutes <= 0:
            return []
        return tape.bars(minutes).known(self._seconds(), int(start.timestamp()), int(end.timestamp()))

    def chain(self, underlying: str) -> Chain | None:
        """Return the latest chain snapshot known at `now`."""
        if underlying not in self._options:
            return None
        return self.chain_tape(underlying).at(self._seconds())

    def actions(self, symbol: str) -> list[CorporateAction]:
        """Return the splits and dividends of a stock that went ex by `now`, as far as the data goes back."""
        tape = self._tapes.get(symbol)
        if tape is None or tape.kind is not AssetKind.STOCK:
            return []
        if symbol not in self._past:
            self._past[symbol] = self._splits.of(tape.whole)
        now = self._seconds()
        return [action for time, action in self._past[symbol] if time <= now]

    # Beyond the contract

    def underlyings(self) -> tuple[str, ...]:
        """Return the underlyings that have chains."""
        return self._options

    def chain_tape(self, underlying: str) -> ChainTape:
        """Return all recorded snapshots of an underlying, those to come too, read once."""
        if underlying not in self._chains:
            self._chains[underlying] = self._data.chain_tape(underlying, Decimal(self._spread.option_size))
        return self._chains[underlying]

    def report(self) -> dict[str, dict[str, int]]:
        """Return file -> reason -> rows left out (or sorted), of the files read so far."""
        return self._report.by_file()

    def notes(self) -> dict[str, list[str]]:
        """Return file -> remarks on how its series was joined with others."""
        return dict(self._report.notes)

    def _seconds(self) -> int:
        return int(self.now.timestamp())

    @cached_property
    def _moments(self) -> tuple[Ints, list[frozenset[AssetKind]]]:
        """All times at which anything of the universe becomes known, and of which kinds it is."""
        known = [(tape.kind, tape.prints.time) for tape in self._tapes.values()]
        known += [(AssetKind.OPTION, self.chain_tape(name).times) for name in self._options]
        kinds: dict[int, set[AssetKind]] = {}
        for kind, times in known:
            for time in set(times.tolist()):
                kinds.setdefault(time, set()).add(kind)
        order = sorted(kinds)
        return np.array(order, np.int64), [frozenset(kinds[time]) for time in order]

    def _bars_between(self, after: int, until: int) -> tuple[tuple[str, MarketBar], ...]:
        found = []
        for symbol, tape in self._tapes.items():
            low, high = np.searchsorted(tape.trades.series.end, (after, until), side="right")
            found += [(symbol, bar) for bar in tape.trades.slice(int(low), int(high))]
        return tuple(sorted(found, key=lambda pair: (pair[1].end, pair[0])))

    @cached_property
    def _coming(self) -> list[tuple[int, CorporateAction]]:
        """The actions of the replayed period, in order."""
        stocks = [tape for tape in self._tapes.values() if tape.kind is AssetKind.STOCK]
        return sorted((pair for tape in stocks for pair in self._splits.of(tape.accepted)), key=lambda pair: pair[0])

    def _actions_between(self, after: int, until: int) -> tuple[CorporateAction, ...]:
        return tuple(action for time, action in self._coming if after < time <= until)

    def _quote(self, symbol: str, tape: Tape) -> MarketQuote | None:
        now = self._seconds()
        row = int(np.searchsorted(tape.prints.time, now, side="right")) - 1
        if row < 0:
            return None
        model = modelled(tape.prints, row, self._assets[symbol], self._spread)
        recorded = [touch.at(now, model.last, int(tape.prints.time[row])) for touch in self._recorded(symbol)]
        return next((quote for quote in recorded if quote is not None), model)

    def _recorded(self, symbol: str) -> list[Touches]:
        """Return the recorded quotes of a symbol that lie in the period, finest first."""
        if symbol not in self._touches:
            sources = self._data.quote_sources(symbol)
            self._touches[symbol] = [read_touches(source, self._sessions, self._report) for source in sources]
        return self._touches[symbol]

    def _contract_quote(self, symbol: str) -> MarketQuote | None:
        try:
            underlying = parse_occ(symbol).underlying
        except (MalformedDataError, ValueError):
            return None
        if underlying not in self._options:
            return None
        found = self.chain_tape(underlying).contract(symbol, self._seconds())
        if found is None:
            return None
        time, contract = found
        ts = datetime.fromtimestamp(time, UTC)
        return MarketQuote(ts, contract.bid, contract.ask, contract.bid_size, contract.ask_size, contract.last)


def _any(times: Ints, after: int, until: int) -> bool:
    low, high = np.searchsorted(times, (after, until), side="right")
    return bool(high > low)
