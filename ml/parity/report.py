"""The desk's past days beside their backtest, all modules, as one document; and what is told when they part."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Protocol

import numpy as np

from ml.evidence import kept_chains
from ml.parity.chains import WITHIN, ChainGround
from ml.parity.compare import Made, Pair, paired
from ml.parity.engine import BarGround, Days, GridOf
from ml.parity.lived import Held, Lived, Span, lived
from ml.parity.panels import Known, Source
from orchestrator.domain.base import ZERO, ModuleName, cents
from orchestrator.domain.errors import MissingDataError, StoreUnavailableError, TradingError
from orchestrator.domain.market import Panel, panel_of
from orchestrator.domain.parameters import Parameters
from orchestrator.domain.parity import KEPT, MOST_TRADES, Fate, ParityDoc, ParitySide, ParityTrade
from orchestrator.domain.scene import DAILY, Execution, listed
from orchestrator.domain.sectors import underlying_of
from orchestrator.domain.strategy import StrategyParameters
from orchestrator.domain.tuning import Tunable
from orchestrator.module import TradingModule
from orchestrator.ports import Store

TOLERANCE_BPS = 0.01
"""Largest gap of a price that is said to agree."""
_BPS = 10_000.0
_QUIET = 0.1
"""Share of a stock's bars shorter than a day that may be missing: in some minutes nothing is traded of it."""
_SESSION = timedelta(hours=12)
_PLACES = 8
_QUIET_DAYS = timedelta(days=5)
"""No market of options is closed for longer."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A module, the grid of its symbols, and where its bars come from.

    Parameters
    ----------
    grid
        None = it is not traded on bars, but on chains.
    decides
        The module itself, where it is traded on chains: the backtest asks it for its decisions.
    """

    tunable: Tunable
    grid: GridOf | None
    source: Source
    decides: TradingModule | None = None


def compared(store: Store, subjects: Sequence[Subject], *, first: date, last: date, now: datetime) -> ParityDoc:
    """Return what the backtest makes of the UTC days from `first` to `last` beside what the desk did.

    Notes
    -----
    A module that cannot be compared at all is named with its reason and keeps no other from being compared.

    Raises
    ------
    StoreUnavailableError
        The store did not answer.
    """
    asked = _Asked(store, first, last, now)
    trades: list[ParityTrade] = []
    notes: list[str] = []
    for subject in subjects:
        try:
            told = _module(subject, asked)
        except StoreUnavailableError:
            raise
        except TradingError as error:
            notes.append(f"{subject.tunable.module}: not compared: {error}")
        else:
            trades += told[0]
            notes += told[1]
    trades.sort(key=_when)
    matched = [one for one in trades if one.fate == "matched"]
    gaps = (abs(gap) for one in matched for gap in (one.entry_gap_bps, one.exit_gap_bps) if gap is not None)
    return ParityDoc(
        first=first,
        last=last,
        trades=tuple(trades[-MOST_TRADES:]),
        counts=dict(Counter(one.fate for one in trades)),
        gap_bps_max=max(gaps, default=0.0),
        gap_usd=sum((one.gap_usd for one in matched), ZERO),
        notes=tuple(notes),
        as_of=now,
        expire_at=datetime.combine(last, time(), UTC) + KEPT,
    )


def _when(trade: ParityTrade) -> tuple[datetime, str, str]:
    side = trade.live or trade.backtest
    return (datetime.max.replace(tzinfo=UTC) if side is None else side.opened_at), trade.symbol, trade.strategy


@dataclass(frozen=True, slots=True)
class _Asked:
    """The days that are compared, by the store as it is at `now`."""

    store: Store
    first: date
    last: date
    now: datetime

    def lived(self, module: ModuleName) -> Lived | None:
        begin, end = (datetime.combine(day, time(), UTC) for day in (self.first, self.last + timedelta(days=1)))
        return lived(self.store, module, first=begin, last=min(end, self.now), now=self.now)


Told = tuple[list[ParityTrade], list[str]]


def _module(subject: Subject, asked: _Asked) -> Told:
    module = subject.tunable.module
    past = asked.lived(module)
    if past is None:
        return [], [f"{module}: it has never run"]
    if subject.decides is not None:
        return _on_chains(subject, subject.decides, past, asked)
    if subject.grid is None or not subject.tunable.strategies:
        raise MissingDataError("it is traded neither on bars nor on chains")
    minutes, known = _bars(subject, past, asked.last)
    within = _SESSION if minutes >= DAILY else timedelta(minutes=minutes + 5)
    ground = BarGround(subject.tunable, subject.grid, known.panel, minutes)
    values = _values(subject.tunable, past.spans[-1])
    sides = _Sides(past, ground, within, tuple(_excused(one, minutes, known, values) for one in past.held))
    return sides.trades(), [*past.notes, *_lacks(module, known)]


def _on_chains(subject: Subject, decides: TradingModule, past: Lived, asked: _Asked) -> Told:
    module, begin, end = past.module, past.spans[0].begin, past.spans[-1].end
    held = (underlying_of(one.made.symbol) for one in past.held)
    symbols = tuple(dict.fromkeys((*listed(subject.tunable.universe, tuple(subject.tunable.universe)), *held)))
    known = subject.source.known(symbols, DAILY, (begin.date(), asked.last))
    ground = ChainGround(subject.tunable, decides, tuple(kept_chains(asked.store, module, begin, end)), known.panel)
    sides = _Sides(past, ground, WITHIN, tuple(_unseen(one, ground, known) for one in past.held))
    notes = [*past.notes, *_lacks(module, known)]
    if not ground.docs:
        notes.append(f"{module}: no chains were kept from {begin:%Y-%m-%d} to {asked.last:%Y-%m-%d}")
    elif ground.docs[0].at - begin > _QUIET_DAYS:
        notes.append(f"{module}: chains are kept from {ground.docs[0].at:%Y-%m-%d} on")
    return sides.trades(), notes


def _unseen(held: Held, ground: ChainGround, known: Known) -> Held:
    why = held.excuse
    if not why and (lacking := known.lacking.get(underlying_of(held.made.symbol))):
        why = f"bars are missing: {lacking}"
    return replace(held, excuse=why or ground.unseen(held))


def _lacks(module: ModuleName, known: Known) -> list[str]:
    return [f"{module}: {symbol}: {why}" for symbol, why in known.lacking.items()]


def _bars(subject: Subject, past: Lived, last: date) -> tuple[int, Known]:
    """Return the bars of the timeframe that the module traded on: the first of its own of which there are any."""
    tunable, begin = subject.tunable, past.spans[0].begin.date()
    values = _values(tunable, past.spans[-1])
    symbols = listed(tunable.universe, tuple(tunable.universe))
    holes = _QUIET if tunable.module is ModuleName.STOCKS else 0.0
    found = (DAILY, Known(panel_of({}), dict.fromkeys(symbols, "it trades on no bars")))
    for one in dict.fromkeys(int(getattr(values, name)) for name in tunable.timeframes):
        found = one, subject.source.known(symbols, one, (begin, last), holes=holes if one < DAILY else 0.0)
        if len(found[1].panel):
            break
    return found


def _values(tunable: Tunable, span: Span) -> Parameters:
    return tunable.model.parse(span.version.values, where=f"parameters/{tunable.module}/{span.version.version}")


def _excused(held: Held, minutes: int, known: Known, values: Parameters) -> Held:
    made, why = held.made, held.excuse
    if not why and made.symbol in known.lacking:
        why = f"bars are missing: {known.lacking[made.symbol]}"
    elif not why and held.minutes not in {0, minutes}:
        why = f"decided on bars of {held.minutes} minutes; those of {minutes} are compared"
    elif not why:
        why = _unready(made, known.panel, values)
    return replace(held, excuse=why)


def _unready(made: Made, panel: Panel, values: Parameters) -> str:
    """Return why the backtest could not have entered a position: no such strategy, or bars too few to warm it up."""
    settings: StrategyParameters | None = getattr(values, made.strategy, None)
    if settings is None:
        return f"{made.strategy} is no strategy of the backtest"
    if made.symbol not in panel.symbols:
        return f"{made.symbol} is not among what the module trades now"
    need = max(settings.warmup, getattr(values, "execution", Execution()).warmup)
    before = panel.ends <= made.opened_at.timestamp()
    count = int(np.isfinite(panel.close[before, panel.column(made.symbol)]).sum())
    return "" if count >= need else f"{count} bars are known before it, {need} are needed"


class Ground(Protocol):
    """What a module's backtest runs on, whatever the days."""

    @property
    def tunable(self) -> Tunable:
        """The module as the tuning job sees it."""

    def by_engine(self, days: Days) -> list[Made]:
        """Return every position that the backtest makes of the days; USD."""


@dataclass(frozen=True, slots=True)
class _Sides:
    """What the desk held, and what its backtest may be asked of."""

    past: Lived
    ground: Ground
    within: timedelta
    held: tuple[Held, ...]

    def trades(self) -> list[ParityTrade]:
        """Return every position of both sides, or of one."""
        begin = self.past.spans[0].begin
        early = [one for one in self.held if one.made.opened_at < begin]
        found = [self._trade((one.made, None), "not_compared", one.excuse) for one in early]
        for span in self.past.spans:
            inside = [one for one in self.held if span.begin <= one.made.opened_at <= span.end and one not in early]
            found += self._span(span, inside)
        return found

    def _span(self, span: Span, held: Sequence[Held]) -> list[ParityTrade]:
        past = self.past
        values = _values(self.ground.tunable, span)
        days = Days(span.begin, span.end, values, past.cash[span.begin], span.limits, past.local)
        try:
            made = self.ground.by_engine(days)
        except TradingError as error:
            why = f"the backtest did not run: {error}"
            return [self._trade((one.made, None), "not_compared", one.excuse or why) for one in held]
        found = []
        for one in held:
            if one.excuse:
                twin = self._twin(one.made, made)
                made = [other for other in made if other is not twin]
                found.append(self._trade((one.made, twin), "not_compared", one.excuse))
        fair = [one.made for one in held if not one.excuse]
        pairs = paired(fair, made, tolerance_bps=TOLERANCE_BPS, within=self.within)
        reasons = {id(pair): self._reason(pair) for pair in pairs}
        early = [pair.backtest for pair in pairs if pair.backtest and reasons[id(pair)]]
        return [*found, *(self._judged(pair, reasons[id(pair)] or _overtaken(pair, early)) for pair in pairs)]

    def _reason(self, pair: Pair) -> str:
        """Return why the desk could not have entered what the backtest alone did; "" = it could."""
        made = pair.backtest
        if pair.desk is not None or made is None:
            return ""
        return self.past.refused(made, self.within) or self._taken(made)

    def _twin(self, desk: Made, made: Sequence[Made]) -> Made | None:
        """Return what the backtest made of a position that is not compared; it is shown beside it."""
        same = (one for one in made if (one.strategy, one.symbol) == (desk.strategy, desk.symbol))
        return next((one for one in same if abs(one.opened_at - desk.opened_at) <= self.within), None)

    def _judged(self, pair: Pair, excuse: str) -> ParityTrade:
        sides = pair.desk, pair.backtest
        if excuse:
            return self._trade(sides, "not_compared", excuse)
        if pair.desk is None:
            return self._trade(sides, "only_backtest", pair.why)
        return self._trade(sides, "only_live" if pair.backtest is None else "matched", pair.why)

    def _taken(self, made: Made) -> str:
        """Return why the desk had no place for what the backtest entered: something that is not compared had it."""
        for one in self.held:
            there = one.made.opened_at <= made.opened_at and (one.made.closed_at or made.opened_at) >= made.opened_at
            if one.excuse and there and (one.made.symbol == made.symbol or one.made.strategy == made.strategy):
                return f"the desk held {one.made.symbol}, which is not compared, in its place"
        return ""

    def _trade(self, sides: _Both, fate: Fate, why: str) -> ParityTrade:
        return _trade(self.past.module, sides, fate, why)


def _overtaken(pair: Pair, early: Sequence[Made]) -> str:
    """Return why the backtest could not enter what the desk alone did: it held it, and that is not compared."""
    made = pair.desk
    if made is None or pair.backtest is not None:
        return ""
    for one in early:
        same = (one.strategy, one.symbol) == (made.strategy, made.symbol)
        if same and one.opened_at <= made.opened_at and (one.closed_at is None or made.opened_at <= one.closed_at):
            return f"the backtest held {made.symbol} from an entry before, which is not compared"
    return ""


_Both = tuple[Made | None, Made | None]
"""A position as the desk made it, and as the backtest did."""


def _trade(module: ModuleName, sides: _Both, fate: Fate, why: str) -> ParityTrade:
    desk, backtest = sides
    named = desk or backtest
    if named is None:
        raise ValueError("a pair of nothing")
    entry = leave = None
    gained = ZERO
    if desk is not None and backtest is not None:
        entry = _gap(desk.entry_px, backtest.entry_px) if backtest.entry_px else None
        if desk.exit_px and backtest.exit_px:
            leave = _gap(backtest.exit_px, desk.exit_px)
        if desk.profit is not None and backtest.profit is not None:
            gained = cents(Decimal(repr(backtest.profit - desk.profit))) + ZERO
    return ParityTrade(
        module=module,
        strategy=named.strategy,
        symbol=named.symbol,
        fate=fate,
        live=_side(desk),
        backtest=_side(backtest),
        entry_gap_bps=entry,
        exit_gap_bps=leave,
        gap_usd=gained,
        why=why,
    )


def _gap(worse: float, better: float) -> float:
    """Return how much more `worse` is, in basis points of `better`; to a thousandth, so that noise says nothing.

    A net price below 0 is a credit: more is worse there too.
    """
    return round((worse - better) / abs(better) * _BPS, 3) + 0.0


def _side(made: Made | None) -> ParitySide | None:
    if made is None:
        return None
    return ParitySide(
        qty=_amount(made.qty),
        opened_at=made.opened_at,
        entry_px=_amount(made.entry_px),
        closed_at=made.closed_at,
        exit_px=None if made.exit_px is None else _amount(made.exit_px),
        profit=None if made.profit is None else cents(_amount(made.profit)),
    )


def _amount(value: float) -> Decimal:
    return Decimal(repr(round(value, _PLACES)))
