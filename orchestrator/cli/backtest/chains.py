"""A folder of recorded chains as the backtest of options reads it: what the desk would see at the local venue.

The feed is walked through once for prices of stocks; chains are made into values when they are first asked for, and
kept for every further run.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np

from ml.backtest.recorded import Closed, Event, Paid
from orchestrator.cli.replay.driver import CADENCE, SLACK
from orchestrator.domain.base import ModuleName
from orchestrator.domain.chains import NEW_YORK
from orchestrator.domain.errors import ConfigurationError, DomainError
from orchestrator.domain.instruments import OptionRight, is_occ, parse_occ
from orchestrator.domain.market import (
    Bars,
    DataRequest,
    MarketSnapshot,
    OptionChain,
    OptionQuote,
    Panel,
    Quote,
    SessionState,
    panel_of,
)
from orchestrator.domain.orders import Side
from orchestrator.domain.scene import DAILY
from venue.dataset import Ints
from venue.feed import AssetKind, ContractQuote, Feed, MarketQuote
from venue.fees import FeeSchedule
from venue.hours import Hours
from venue.margin import requirement
from venue.occ import parse
from venue.orders import Side as VenueSide
from venue.replay.chains import ChainTape, Snapshot
from venue.replay.feed import ReplayFeed
from venue.replay.universe import parse_universe
from venue.sessions import utc
from venue.web.adjust import adjusted, factors

HISTORY = timedelta(days=1200)
WINDOW = 0.20
"""Strikes further from spot, as a fraction of it, that the desk does not ask for."""
_ONE = Decimal(1)


class LocalHouse:
    """The local venue's fees and collateral; fulfils `ml.backtest.recorded.House`."""

    def __init__(self, fees: FeeSchedule | None = None) -> None:
        self._fees = fees or FeeSchedule()

    def fee(self, symbol: str, side: Side, *, qty: Decimal, price: Decimal) -> Decimal:
        """Return the fee of an execution, USD."""
        kind = AssetKind.OPTION if is_occ(symbol) else AssetKind.STOCK
        return self._fees.fee(kind, VenueSide(side.value), qty, price)

    def collateral(self, held: Mapping[str, Decimal]) -> Decimal | None:
        """Return the cash that sold options tie up, USD; None where a loss has no bound."""
        options = [(contract, qty) for symbol, qty in held.items() if qty and (contract := parse(symbol)) is not None]
        shares = {symbol: qty for symbol, qty in held.items() if not is_occ(symbol)}
        return requirement(options, shares)


@dataclass(eq=False)
class RecordedChains:
    """Fulfils `ml.backtest.recorded.Recorded`; built by `recorded_chains`."""

    moments: Sequence[datetime]
    panel: Panel
    sessions: Mapping[datetime, SessionState]
    prints: Mapping[tuple[str, datetime], MarketQuote]
    happened: Sequence[Event]
    tapes: Mapping[str, ChainTape]
    _chains: dict[tuple[str, int, int, int, Decimal], OptionChain | None] = field(default_factory=dict)
    _made: dict[tuple[str, int], dict[int, OptionQuote]] = field(default_factory=dict)
    _touches: dict[tuple[str, datetime], MarketQuote | None] = field(default_factory=dict)
    _panels: dict[tuple[datetime, int], Panel] = field(default_factory=dict)

    def snapshot(self, request: DataRequest, now: datetime) -> MarketSnapshot:
        """Return what was asked for, as the desk's market data shows it at a moment."""
        asked = {symbol: quote for symbol in request.quotes if (quote := self._quote(symbol, now)) is not None}
        spots = {symbol: quote for symbol in request.chains if (quote := self._quote(symbol, now)) is not None}
        chains = {symbol: self._chain(symbol, quote.mid, request, now) for symbol, quote in spots.items()}
        return MarketSnapshot(
            session=self.sessions[now],
            quotes=asked,
            panels={DAILY: self._panel(now, request.lookback_days[DAILY])},
            chains={symbol: chain for symbol, chain in chains.items() if chain is not None},
        )

    def touch(self, symbol: str, now: datetime) -> MarketQuote | None:
        """Return the newest quote of a stock or contract."""
        if not is_occ(symbol):
            return self.prints.get((symbol, now))
        key = (symbol, now)
        if key not in self._touches:
            tape = self.tapes.get(parse_occ(symbol).underlying)
            found = None if tape is None else tape.contract(symbol, int(now.timestamp()))
            self._touches[key] = None if found is None else _as_quote(*found)
        return self._touches[key]

    def events(self, after: datetime, until: datetime) -> list[Event]:
        """Return what happened in (after, until], in order."""
        return [event for event in self.happened if after < event.at <= until]

    def _quote(self, symbol: str, now: datetime) -> Quote | None:
        seen = self.touch(symbol, now)
        if seen is None:
            return None
        return Quote(
            symbol=symbol,
            ts=seen.ts,
            bid=seen.bid or None,
            ask=seen.ask or None,
            bid_size=seen.bid_size,
            ask_size=seen.ask_size,
        )

    def _chain(self, symbol: str, spot: Decimal | None, request: DataRequest, now: datetime) -> OptionChain | None:
        tape = self.tapes.get(symbol)
        index = 0 if tape is None else int(np.searchsorted(tape.times, int(now.timestamp()), side="right"))
        if tape is None or spot is None or index == 0:
            return None
        today = now.astimezone(NEW_YORK).date()
        first, last = (today + timedelta(days=n) for n in (request.min_days_to_expiry, request.max_days_to_expiry))
        key = (symbol, index, first.toordinal(), last.toordinal(), spot)
        if key not in self._chains:
            snapshot, reach = tape.snapshots[index - 1], Decimal(repr(WINDOW))
            strikes = float(spot * (_ONE - reach)), float(spot * (_ONE + reach))
            contracts = self._contracts_of(snapshot, snapshot.within((first, last), strikes))
            found = OptionChain(underlying=symbol, ts=utc(snapshot.time), spot=spot, contracts=contracts)
            self._chains[key] = found if contracts else None
        return self._chains[key]

    def _contracts_of(self, snapshot: Snapshot, rows: Ints) -> tuple[OptionQuote, ...]:
        """Return contracts of a snapshot by symbol, each made once."""
        made = self._made.setdefault((snapshot.underlying, snapshot.time), {})
        new = np.array([row for row in rows.tolist() if row not in made], np.int64)
        ts = utc(snapshot.time)
        made.update({row: _contract(one, ts) for row, one in zip(new.tolist(), snapshot.contracts(new), strict=True)})
        return tuple(sorted((made[row] for row in rows.tolist()), key=lambda one: one.symbol))

    def _panel(self, now: datetime, lookback: int) -> Panel:
        """Return the daily bars that had ended at `now`, of so many days."""
        key = (now, lookback)
        if key not in self._panels:
            since = int((now - timedelta(days=lookback)).timestamp())
            low, high = np.searchsorted(self.panel.ends, (since, int(now.timestamp())), side="right")
            self._panels[key] = self.panel[int(low) : int(high)]
        return self._panels[key]


def recorded_chains(data: Path, first: date, last: date, symbols: Sequence[str]) -> RecordedChains:
    """Return the recorded days of a folder, both included.

    Raises
    ------
    ConfigurationError
        The folder has nothing of the symbols in these days, or one of them splits on them.
    MalformedDataError
        A file is not usable; the message names it.
    """
    universe = parse_universe([f"{ModuleName.OPTIONS}={','.join(symbols)}"])
    feed = ReplayFeed(data, first, last, universe)
    moments = _moments(feed)
    if not moments:
        raise DomainError(f"options: no chains of {', '.join(symbols)} in {data} from {first} to {last}")
    start, hours = feed.now, Hours(feed)
    prints: dict[tuple[str, datetime], MarketQuote] = {}
    sessions: dict[datetime, SessionState] = {}
    happened: list[Event] = []
    closes = [one.close for one in hours.between(start.date(), feed.end.date()) if start < one.close <= feed.end]
    for now in sorted({*moments, *closes}):
        happened += events_until(feed, now)
        sessions[now] = _session(hours, now)
        prints.update({(name, now): quote for name in symbols if (quote := feed.quote(name)) is not None})
    bars = {name: daily_bars(feed, name, start - HISTORY) for name in symbols}
    tapes = {name: feed.chain_tape(name) for name in symbols}
    return RecordedChains(moments, panel_of(bars), sessions, prints, tuple(happened), tapes)


def _moments(feed: ReplayFeed) -> list[datetime]:
    """Return when the module looks: at each new chain, no oftener than it is scheduled."""
    found: list[datetime] = []
    for moment in feed.schedule(feed.now, feed.end):
        new = AssetKind.OPTION in moment.kinds
        if new and (not found or moment.time - found[-1] >= CADENCE[ModuleName.OPTIONS] - SLACK):
            found.append(moment.time)
    return found


def events_until(feed: Feed, to: datetime) -> Iterator[Event]:
    """Advance the feed and give what happened on the way.

    Raises
    ------
    ConfigurationError
        A stock splits: what becomes of its contracts is the venue's to say, not the backtest's.
    """
    done = feed.advance(to)
    for action in done.actions:
        if action.ratio is not None:
            raise ConfigurationError(f"{action.symbol} splits on {action.ex_date}: end the days before it, or replay")
        if action.cash is not None:
            yield Paid(to, action.symbol, action.cash)
    for session in done.sessions_closed:
        yield Closed(session.close, session.day)


def _session(hours: Hours, now: datetime) -> SessionState:
    current, following, then = hours.current(now), hours.following(now), hours.next_open(now)
    return SessionState(
        is_open=current is not None,
        close=None if following is None else following.close,
        next_open=None if then is None else then.open,
    )


def daily_bars(feed: Feed, symbol: str, since: datetime) -> Bars:
    """Return the daily bars of a stock until the feed's time, splits worked in as the desk asks for them."""
    splits = factors(feed, symbol, frozenset({"split"}))
    told = [adjusted(one, splits) for one in feed.bars(symbol, DAILY, since, feed.now)]
    rows = [(one.end.timestamp(), one.open, one.high, one.low, one.close, one.volume) for one in told]
    values = np.array(rows, np.float64).reshape(-1, 6)
    return Bars(values[:, 0].astype(np.int64), *(values[:, column] for column in range(1, 6)))


def _as_quote(time: int, one: ContractQuote) -> MarketQuote:
    return MarketQuote(utc(time), one.bid, one.ask, one.bid_size, one.ask_size, one.last)


_GREEKS = ("delta", "gamma", "theta", "vega", "rho")


def _contract(one: ContractQuote, ts: datetime) -> OptionQuote:
    """Return a contract as the desk reads it: its Greeks all or none."""
    greeks = {} if one.delta is None else {name: getattr(one, name) for name in _GREEKS}
    if None in greeks.values():
        greeks = {}
    return OptionQuote(
        symbol=one.symbol,
        expiry=one.expiry,
        right=_RIGHTS[one.right],
        strike=one.strike,
        ts=ts,
        bid=one.bid,
        ask=one.ask,
        bid_size=one.bid_size,
        ask_size=one.ask_size,
        iv=one.iv,
        **greeks,
    )


_RIGHTS = {right.value: right for right in OptionRight}
