"""The two arms of an experiment in a cycle: a shadow that decides on paper, a canary that takes its share.

A challenger never keeps the champion from deciding: what it raises is remembered in the trial and ends the experiment.
Nothing here reads or writes a document; the trial is a part of the book.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import ClassVar, TypeVar

from orchestrator.domain import paper
from orchestrator.domain.base import utc_day
from orchestrator.domain.codec import decode
from orchestrator.domain.documents import BookDoc, ExperimentDoc, experiment_path
from orchestrator.domain.errors import DomainError, MalformedDataError
from orchestrator.domain.experiments import bucketed, trial_for
from orchestrator.domain.greeks import Greeks
from orchestrator.domain.market import DataRequest, MarketSnapshot, joined, middles
from orchestrator.domain.opportunities import TradeOpportunity
from orchestrator.domain.orders import Purpose
from orchestrator.domain.parameters import Parameters
from orchestrator.domain.positions import Position, marked, with_raised_stop
from orchestrator.domain.trial import Paper, Stage, Trial
from orchestrator.module import Context, TradeResult, TradingModule
from orchestrator.unit import Unit

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Trying:
    """An experiment that this cycle takes part in."""

    doc: ExperimentDoc
    champion: Parameters
    challenger: Parameters
    make: Callable[[], TradingModule]
    """Makes one more module like the one that trades."""


def trying(unit: Unit, champion: Parameters, make: Callable[[], TradingModule]) -> Trying | None:
    """Take the experiment as read into the book, and return it where there is something to decide for it.

    A damaged experiment, or one whose values the module refuses, is none: the champion trades alone.
    """
    doc = _experiment(unit)
    trial = trial_for(doc, unit.book.trial, unit.book.parameters_version)
    if trial != unit.book.trial:
        unit.book = unit.book.model_copy(update={"trial": trial})
    if doc is None or trial is None or trial.fault or doc.stage not in {Stage.SHADOW, Stage.CANARY}:
        return None
    try:
        challenger = type(champion).parse(doc.values, where=experiment_path(unit.module))
    except DomainError as error:
        blame(unit, error)
        return None
    return Trying(doc, champion, challenger, make)


def _experiment(unit: Unit) -> ExperimentDoc | None:
    path = experiment_path(unit.module)
    try:
        return decode(ExperimentDoc, unit.experiment, where=path) if unit.experiment else None
    except MalformedDataError as error:
        unit.note = str(error)
        return None


def blame(unit: Unit, error: Exception) -> None:
    """Remember what the challenger raised; the sweeper ends the experiment for it."""
    if unit.book.trial is not None:
        fault = f"{type(error).__name__}: {error}"[:200]
        unit.book = unit.book.model_copy(update={"trial": unit.book.trial.model_copy(update={"fault": fault})})


class Canary(TradingModule):
    """The champion's module, with a share of its decisions made by the challenger; positions stay with who opened them.

    Parameters
    ----------
    champion
        The module that trades.
    tried
        The experiment.
    unit
        The cycle in progress.
    """

    parameters_model: ClassVar[type[Parameters]] = Parameters

    def __init__(self, champion: TradingModule, tried: Trying, unit: Unit) -> None:
        self._champion, self._challenger, self._tried, self._unit = champion, tried.make(), tried, unit
        self.config = champion.config

    @property
    def context(self) -> Context:
        """The context of the running cycle."""
        return self._champion.context

    def begin(self, context: Context) -> None:
        """Start deciding on `context`, each arm with its own parameters."""
        self._champion.begin(context)
        self._challenger.begin(replace(context, parameters=self._tried.challenger))

    def request(self, book: BookDoc, parameters: Parameters, now: datetime) -> DataRequest:
        """Return what both arms need to see."""
        mine = self._champion.request(book, parameters, now)
        return joined(mine, self._asked(lambda: self._challenger.request(book, self._tried.challenger, now), mine))

    def analyze(self, context: Context) -> list[TradeOpportunity]:
        """Return each arm's entries in its own buckets, together no more of a strategy than one arm wants alone."""
        mine = self._champion.analyze_opportunities()
        none: list[TradeOpportunity] = []
        theirs = self._asked(self._challenger.analyze_opportunities, none)
        return shared(mine, theirs, self._tried.doc)

    def monitor(self, context: Context) -> list[TradeOpportunity]:
        """Return what each arm does about the positions that it opened."""
        ours = {key for key, held in context.book.positions.items() if self._owns(held)}
        mine = self._champion.monitor_positions()
        if not ours:
            return mine
        # Without an answer of the challenger its positions are looked after by the champion's rules.
        theirs = self._asked(self._challenger.monitor_positions, mine)
        found = [wish for wish in mine if wish.position_id not in ours]
        found += [wish for wish in theirs if wish.position_id in ours]
        return sorted(found, key=lambda wish: wish.purpose is not Purpose.EXIT)

    def raised_stops(self, context: Context) -> Mapping[str, Decimal]:
        """Return the stops that have risen by the rules of the arm that opened the position."""
        mine = self._champion.raised_stops(context)
        none: Mapping[str, Decimal] = {}
        theirs = self._asked(lambda: self._challenger.raised_stops(self._challenger.context), none)
        held = context.book.positions
        return {key: stop for key, stop in mine.items() if not self._owns(held[key])} | {
            key: stop for key, stop in theirs.items() if self._owns(held[key])
        }

    def greeks(self, context: Context) -> Mapping[str, Greeks]:
        """Return the Greeks of the positions; they depend on no parameter of an arm."""
        return self._champion.greeks(context)

    def remember(self, context: Context) -> Mapping[str, str]:
        """Return what either arm would remember."""
        mine = self._champion.remember(context)
        theirs = self._asked(lambda: self._challenger.remember(self._challenger.context), mine)
        return {**mine, **{key: said for key, said in theirs.items() if context.book.memory.get(key) != said}}

    def analyze_opportunities(self) -> list[TradeOpportunity]:
        """Return the entries of both arms."""
        return self.analyze(self.context)

    def monitor_positions(self) -> list[TradeOpportunity]:
        """Return the exits and protective orders of both arms."""
        return self.monitor(self.context)

    def execute_trades(self, opportunities: Sequence[TradeOpportunity]) -> list[TradeResult]:
        """Screen, commit, submit and record, as the champion's module does."""
        return self._champion.execute_trades(opportunities)

    def _owns(self, position: Position) -> bool:
        return position.parameters_version == self._tried.doc.challenger

    def _asked(self, decide: Callable[[], T], otherwise: T) -> T:
        try:
            return decide()
        except Exception as error:  # noqa: BLE001 - a faulty challenger must not keep the champion from deciding
            blame(self._unit, error)
            return otherwise


def shared(
    mine: Sequence[TradeOpportunity], theirs: Sequence[TradeOpportunity], doc: ExperimentDoc
) -> list[TradeOpportunity]:
    """Return the champion's and the challenger's entries, each where the bucket is its own."""

    def drawn(wish: TradeOpportunity) -> bool:
        return bucketed(doc, wish.strategy, wish.symbol, utc_day(wish.decided_at))

    version = {"parameters_version": doc.challenger}
    found = [wish for wish in mine if not drawn(wish)]
    found += [wish.model_copy(update=version) for wish in theirs if drawn(wish)]
    wanted = [Counter(wish.strategy for wish in arm) for arm in (mine, theirs)]
    room = wanted[0] | wanted[1]
    kept = []
    for wish in sorted(found, key=lambda wish: -wish.confidence):
        room[wish.strategy] -= 1
        if room[wish.strategy] >= 0:
            kept.append(wish)
    return kept


@dataclass(frozen=True, slots=True)
class _PaperArm:
    """One arm of a shadow: its module, its parameters, its version, what it holds."""

    module: TradingModule
    parameters: Parameters
    version: int
    paper: Paper

    def book(self, unit: Unit) -> BookDoc:
        """Return the module's book as if it held what the arm holds on paper, and nothing else."""
        own = {"positions": self.paper.positions, "memory": self.paper.memory}
        return unit.book.model_copy(update={**own, "orders": {}, "drift": {}, "parameters_version": self.version})


class Shadow:
    """Both arms on paper, under the same rules; the champion's real trades are none of its business."""

    def __init__(self, tried: Trying, trial: Trial) -> None:
        doc = tried.doc
        self._cost_bps = doc.cost_bps
        self._arms = (
            _PaperArm(tried.make(), tried.champion, doc.champion, trial.champion_paper),
            _PaperArm(tried.make(), tried.challenger, doc.challenger, trial.challenger_paper),
        )

    def request(self, unit: Unit, base: DataRequest) -> DataRequest:
        """Return what is asked for, with what the arms need to see besides."""
        for arm in self._arms:
            base = joined(base, arm.module.request(arm.book(unit), arm.parameters, unit.now))
        return base

    def decided(self, unit: Unit, market: MarketSnapshot, trial: Trial) -> Trial:
        """Return the trial after this cycle's decisions on paper; a closed market decides nothing."""
        if not market.session.is_open:
            return trial
        papers = []
        for arm in self._arms:
            after, ended = _stepped(arm, unit, market)
            papers.append(after)
            for position in ended:
                gained = paper.outcome_r(position, self._cost_bps)
                if gained is not None:
                    trial = trial.with_outcome(arm.version, gained, position.features)
        return trial.model_copy(update={"champion_paper": papers[0], "challenger_paper": papers[1]})


def _stepped(arm: _PaperArm, unit: Unit, market: MarketSnapshot) -> tuple[Paper, list[Position]]:
    """Return what an arm holds after a cycle, and the positions that it left."""
    book = arm.book(unit)
    marks = middles(market, {leg.symbol for held in book.positions.values() for leg in held.legs})
    held = {key: marked(one, marks) for key, one in book.positions.items()}
    context = Context(book.model_copy(update={"positions": held}), market, arm.parameters, unit.now)
    arm.module.begin(context)
    stops = arm.module.raised_stops(context)
    exits, entries = arm.module.monitor_positions(), arm.module.analyze_opportunities()
    memory = dict(arm.module.remember(context))
    held = {key: with_raised_stop(one, stops[key]) if key in stops else one for key, one in held.items()}
    held = _after_exits(held, exits)
    ended = [one for one in held.values() if one.flat]
    open_ones = {key: one for key, one in held.items() if not one.flat}
    return Paper(positions=_after_entries(open_ones, entries, market, arm=arm, now=unit.now), memory=memory), ended


def _after_exits(held: Mapping[str, Position], exits: Iterable[TradeOpportunity]) -> dict[str, Position]:
    after = {key: paper.left(one, one.units) if paper.stopped(one) else one for key, one in held.items()}
    for wish in exits:
        position = after.get(wish.position_id or "")
        if position is not None and wish.purpose is Purpose.EXIT and not position.flat:
            after[position.id] = paper.left(position, wish.qty or position.units, wish.decision_px)
    return after


def _after_entries(
    held: Mapping[str, Position],
    entries: Sequence[TradeOpportunity],
    market: MarketSnapshot,
    *,
    arm: _PaperArm,
    now: datetime,
) -> dict[str, Position]:
    after = dict(held)
    marks = middles(market, {leg.symbol for wish in entries for leg in wish.legs})
    for wish in entries:
        taken = any(wish.symbol == one.symbol for one in after.values())
        position = None if taken or len(after) >= paper.MOST_HELD else paper.entered(wish, marks, arm.version, now)
        if position is not None:
            after[position.id] = position
    return after


def shadow_of(unit: Unit, tried: Trying | None) -> Shadow | None:
    """Return the shadow of an experiment in that stage, None in any other."""
    trial = unit.book.trial
    return Shadow(tried, trial) if tried is not None and trial is not None and trial.stage is Stage.SHADOW else None


def with_shadow_request(unit: Unit, shadow: Shadow | None, base: DataRequest) -> DataRequest:
    """Return what is asked for with what a shadow needs besides; one that raises asks for nothing."""
    if shadow is None:
        return base
    try:
        return shadow.request(unit, base)
    except Exception as error:  # noqa: BLE001 - a faulty challenger must not keep the champion from deciding
        blame(unit, error)
        return base


def decide_shadow(unit: Unit, shadow: Shadow | None, market: MarketSnapshot) -> None:
    """Let a shadow decide, into the book's trial."""
    trial = unit.book.trial
    if shadow is None or trial is None or trial.fault:
        return
    try:
        unit.book = unit.book.model_copy(update={"trial": shadow.decided(unit, market, trial)})
    except Exception as error:  # noqa: BLE001 - a faulty challenger must not keep the champion's orders from being sent
        blame(unit, error)
