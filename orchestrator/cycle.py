"""ModularOrchestrator: one module, one slot, start to end.

read → reconcile → snapshot → decide → screen → commit → submit → record. Every invocation is a restart: what the
cycle needs it reads, what it decided it writes. A slot that has run does nothing.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar

from orchestrator.arms import Canary, Shadow, decide_shadow, shadow_of, trying, with_shadow_request
from orchestrator.caretaker import Caretaker, Closer
from orchestrator.domain import flatten
from orchestrator.domain.base import ModuleName
from orchestrator.domain.codec import decode
from orchestrator.domain.documents import (
    CONFIG_RISK,
    CycleStatus,
    CycleSummary,
    EventKind,
    ParametersDoc,
    parameters_path,
)
from orchestrator.domain.errors import (
    AlreadyExistsError,
    BrokerError,
    ConfigurationError,
    DomainError,
    MalformedDataError,
    StoreError,
)
from orchestrator.domain.ledger import with_raised_stops
from orchestrator.domain.market import MarketSnapshot, SessionState, middles
from orchestrator.domain.opportunities import TradeOpportunity
from orchestrator.domain.orders import TERMINAL, OrderState, Purpose
from orchestrator.domain.outlook import judged, trusted
from orchestrator.domain.parameters import Parameters
from orchestrator.domain.positions import Position, marked
from orchestrator.domain.risk import Denied
from orchestrator.domain.venues import Protection
from orchestrator.domain.watch import watched
from orchestrator.execution import OrderExecutor
from orchestrator.module import Context, ModuleConfig, TradeResult, TradingModule
from orchestrator.ports import Broker, MarketData, Store
from orchestrator.protection import count_unprotected, unprotected
from orchestrator.reconcile import reconcile
from orchestrator.reduction import with_cuts
from orchestrator.risk import RiskManager
from orchestrator.unit import Keeper, Unit, open_unit

T = TypeVar("T")

_TAKEN = frozenset({OrderState.WORKING, OrderState.PARTIALLY_FILLED, OrderState.FILLED})

_RACES = 3
"""How often a run decides anew because another one committed first."""

ROUND_TRIPS = 5
"""Calls to the store that a cycle may make when nobody else writes."""


@dataclass(frozen=True, slots=True)
class Desk:
    """What one module runs with: its class, its settings, its venue and its prices."""

    module: type[TradingModule]
    config: ModuleConfig
    broker: Broker
    market: MarketData


@dataclass(frozen=True, slots=True)
class CycleReport:
    """What one cycle did."""

    module: ModuleName
    slot: datetime
    status: CycleStatus
    summary: CycleSummary
    results: tuple[TradeResult, ...] = ()


def running_seconds() -> Callable[[], float]:
    """Begin to measure a run by the machine's steady clock."""
    began = time.monotonic()
    return lambda: time.monotonic() - began


class ModularOrchestrator:
    """Runs the cycles of the modules it was given.

    Parameters
    ----------
    store
        The only state.
    desks
        What each module runs with, built when first used.
    stopwatch
        Begins to measure the time a run takes.
    """

    def __init__(
        self,
        store: Store,
        desks: Mapping[ModuleName, Callable[[], Desk]],
        *,
        stopwatch: Callable[[], Callable[[], float]] = running_seconds,
    ) -> None:
        self._store = store
        self._desks = desks
        self._stopwatch = stopwatch

    def cycle(self, module: ModuleName, *, slot: datetime, now: datetime) -> CycleReport:
        """Run one slot of one module.

        Raises
        ------
        ConfigurationError
            The desk is not set up.
        StoreUnavailableError
            The store did not answer; the same slot may be run again.
        """
        return self._settled(module, slot=slot, now=now, care=False)

    def care(self, module: ModuleName, *, now: datetime) -> CycleReport:
        """Run the caretaker on a module's book: no slot is used up, and the module's own code is not asked.

        Raises
        ------
        ConfigurationError
            The desk is not set up.
        StoreUnavailableError
            The store did not answer; the caretaker may be run again.
        """
        return self._settled(module, slot=now, now=now, care=True)

    def _settled(self, module: ModuleName, *, slot: datetime, now: datetime, care: bool) -> CycleReport:
        """Run, and again on the newer book when another run of another slot, or the caretaker, committed first."""
        elapsed_s, desk = self._stopwatch(), self._desk(module, now)
        for _ in range(_RACES):
            unit = open_unit(self._store, module, venue=desk.broker.name, slot=slot, now=now, care=care)
            unit.elapsed_s = elapsed_s
            if not care and unit.book.last_slot is not None and unit.book.last_slot >= slot:
                break
            with suppress(AlreadyExistsError):
                return self._run(unit, desk)
        return _report(unit, CycleStatus.DUPLICATE)

    def _desk(self, module: ModuleName, now: datetime) -> Desk:
        """Return what a module runs with; that the desk is not set up comes before what its venue lacks."""
        try:
            return self._desks[module]()
        except ConfigurationError:
            open_unit(self._store, module, venue="none", slot=now, now=now)
            raise

    def _run(self, unit: Unit, desk: Desk) -> CycleReport:
        kind = Closer if unit.desk.flatten else Caretaker if unit.care else desk.module
        risk, executor = RiskManager(unit), OrderExecutor(desk.broker, unit, desk=desk.config.desk)
        trading = kind(unit.store, risk, executor, desk.config)
        parameters = Parameters() if issubclass(kind, Caretaker) else usable_parameters(unit, kind.parameters_model)
        remember_limits(unit)
        tried = None
        if not issubclass(kind, Caretaker):
            tried = trying(unit, parameters, lambda: desk.module(unit.store, risk, executor, desk.config))
        shadow = shadow_of(unit, tried)
        unit.keeper = _keeper(trading, parameters)
        if tried is not None and shadow is None:
            trading = Canary(trading, tried, unit)
        market = _market(unit, desk, trading, parameters, shadow=shadow)
        trading.begin(Context(book=unit.book, market=market, parameters=parameters, now=unit.now))
        wanted = [
            *_decide(unit, trading.monitor_positions, "monitor_positions"),
            *_decide(unit, lambda: _judged(unit, trading.analyze_opportunities()), "analyze_opportunities"),
        ]
        if not unit.desk.flatten:
            decided, context = tuple(wanted), trading.context
            wanted = [*_decide(unit, lambda: with_cuts(unit.reduction, context, decided), "with_cuts")] or wanted
            if not _rests(desk):
                wanted = watched(wanted, unit.book, market, unit.now)
        _measure(unit, trading)
        memory = _decide(unit, lambda: list(trading.remember(trading.context).items()), "remember")
        decide_shadow(unit, shadow, market)
        stops = _decide(unit, lambda: list(trading.raised_stops(trading.context).items()), "raised_stops")
        unit.book = with_raised_stops(unit.book, dict(stops))
        unit.book = unit.book.model_copy(update={"memory": unit.book.memory | dict(memory)})
        results = trading.execute_trades(wanted)
        results += _protected_at_once(unit, desk, trading, results)
        return _report(unit, CycleStatus.IDLE if unit.summary is None else unit.summary.status, results)


def _judged(unit: Unit, entries: Sequence[TradeOpportunity]) -> Sequence[TradeOpportunity]:
    """Return the entries with the opinion of the model of trade outcome that came with the parameters in use."""
    if not entries or unit.parameters.get("version") != unit.book.parameters_version:
        return entries
    return judged(trusted(unit.parameters.get("provenance") or {}), entries)


def _rests(desk: Desk) -> bool:
    """Return whether stops can rest at the venue; else the desk looks at them itself, in every cycle."""
    return desk.broker.profile.protection is not Protection.NONE


def _measure(unit: Unit, trading: TradingModule) -> None:
    """Keep the newest Greeks of each position; of what cannot be measured now, the last ones."""
    found = dict(_decide(unit, lambda: list(trading.greeks(trading.context).items()), "greeks"))
    positions = {
        key: held.model_copy(update={"greeks": found[key]}) if key in found else held
        for key, held in unit.book.positions.items()
    }
    unit.book = unit.book.model_copy(update={"positions": positions})


def _keeper(trading: TradingModule, parameters: Parameters) -> Keeper:
    """Return what keeps the chains of this cycle, by the module's own word; keeping tells when that raises."""
    return Keeper(
        every=lambda: trading.keeps_every(parameters),
        chains=lambda last: trading.chains_to_keep(trading.context, last=last),
    )


def _protected_at_once(
    unit: Unit, desk: Desk, trading: TradingModule, sent: Sequence[TradeResult]
) -> list[TradeResult]:
    """Look again after entries and exits were sent, and send the stops of what is held now: no cycle is waited for.

    That is what has been entered by now, what an exit left whose stop it had replaced, and what has no stop and may not
    be left, as on a halted desk, or could not be: an exit that was not sent is given up for a stop. What is not done
    here, because nothing has filled yet or the venue does not answer, the next cycle does.
    """
    kept = {held.id for held in unprotected(unit.book)}
    due = any(_changes_holdings(result) or _is_kept(result, kept) for result in sent)
    if not due or not _rests(desk) or unit.round_trips + 2 > ROUND_TRIPS:
        return []
    before = unit.book
    try:
        reconcile(unit, desk.broker)
        trading.begin(replace(trading.context, book=unit.book))
        stops = _stops(unit, trading, before.positions, sent)
        if stops:
            return trading.execute_trades(stops)
    except (BrokerError, StoreError) as error:
        unit.note = f"looked again after sending: {error}"
    unit.book = before
    unit.written()
    return []


def _changes_holdings(result: TradeResult) -> bool:
    """Return whether an order may have opened a position, or closed a part of one, since it was sent."""
    purpose, state = result.opportunity.purpose, result.state
    return (purpose is Purpose.ENTRY and state in _TAKEN) or (purpose is Purpose.EXIT and state in _TAKEN | TERMINAL)


def _is_kept(result: TradeResult, unprotected_ones: Collection[str]) -> bool:
    """Return whether a position without a stop was to be left, and risk said no or the order was not sent."""
    if result.opportunity.purpose is not Purpose.EXIT or result.opportunity.position_id not in unprotected_ones:
        return False
    return isinstance(result.verdict, Denied) or result.state is OrderState.PLANNED


def _stops(
    unit: Unit, trading: TradingModule, before: Mapping[str, Position], sent: Sequence[TradeResult]
) -> list[TradeOpportunity]:
    """Return stops for what nothing protects: the module's for new positions, plain ones for what exits left."""
    naked = {position.id for position in unprotected(unit.book)}
    opened = naked - before.keys()
    wanted = _decide(unit, trading.monitor_positions, "monitor_positions") if opened else []
    own = [wish for wish in wanted if wish.purpose is Purpose.PROTECT and wish.position_id in opened]
    if not naked - opened:
        return own
    plain = flatten.stops(unit.book, trading.context.market, unit.now, instead_of=_unsent_exits(unit, sent))
    return own + [wish for wish in plain if wish.position_id in naked - opened]


def _unsent_exits(unit: Unit, sent: Sequence[TradeResult]) -> frozenset[str]:
    """Return the exits of this cycle that certainly did not leave."""
    exits = (result.client_order_id or "" for result in sent if result.opportunity.purpose is Purpose.EXIT)
    orders = unit.book.orders
    return frozenset(key for key in exits if key in orders and orders[key].state is OrderState.PLANNED)


def usable_parameters(unit: Unit, model: type[Parameters]) -> Parameters:
    """Return the stored parameters, the last good ones when those are unusable, and remember them in the book.

    Raises
    ------
    ConfigurationError
        Neither are usable: the module must not trade.
    """
    path = parameters_path(unit.module)
    try:
        if not unit.parameters:
            raise MalformedDataError(f"{path} is missing")
        stored = decode(ParametersDoc, unit.parameters, where=path)
        good = model.parse(stored.values, where=path)
    except (MalformedDataError, DomainError) as error:
        return _last_good(unit, model, error)
    if unit.book.parameters_version != stored.version or unit.book.parameters != stored.values:
        update = {"parameters": stored.values, "parameters_version": stored.version}
        unit.book = unit.book.model_copy(update=update)
    return good


def _last_good(unit: Unit, model: type[Parameters], error: Exception) -> Parameters:
    if not unit.book.parameters:
        raise ConfigurationError(f"{error}; there are no earlier good ones: write parameters/{unit.module}") from error
    version = unit.parameters.get("version", "none")
    unit.note = f"parameters refused, version {unit.book.parameters_version} stays: {error}"
    key = f"parameters_{unit.module}_{version}_refused"
    unit.tell(key, EventKind.PARAMETERS_REJECTED, unit.note, severity="warning")
    return model.parse(unit.book.parameters, where=f"last good parameters of {unit.module}")


def remember_limits(unit: Unit) -> None:
    """Keep the limits of this cycle in the book as the last good ones, or tell that the stored ones are not."""
    if not unit.desk.limits_fault:
        unit.book = unit.book.model_copy(update={"limits": unit.desk.limits_stored})
        return
    unit.note = f"limits refused, the last good ones hold: {unit.desk.limits_fault}"
    key = f"limits_refused_{hashlib.sha256(unit.desk.limits_fault.encode()).hexdigest()[:12]}"
    unit.tell(key, EventKind.LIMITS_REJECTED, unit.note, severity="critical", subject=CONFIG_RISK)


def _market(
    unit: Unit, desk: Desk, trading: TradingModule, parameters: Parameters, *, shadow: Shadow | None
) -> MarketSnapshot:
    """Reconcile, then look at the market; a venue that does not answer leaves a closed, empty market."""
    try:
        reconcile(unit, desk.broker)
        request = with_shadow_request(unit, shadow, trading.request(unit.book, parameters, unit.now))
        market = desk.market.snapshot(request, unit.now)
    except BrokerError as error:
        unit.note, unit.trouble = f"venue down: {error}", CycleStatus.VENUE_DOWN
        key = f"venue_down_{desk.broker.name}_{unit.now:%Y%m%dT%H}"
        unit.tell(key, EventKind.VENUE_DOWN, f"{unit.module}: {error}", severity="warning")
        return MarketSnapshot(session=SessionState(is_open=False))
    legs = {leg.symbol for position in unit.book.positions.values() for leg in position.legs}
    marks = middles(market, legs)
    vague = {symbol for symbol in legs & market.quotes.keys() if not market.quotes[symbol].firm} | set(
        unit.book.quarantine
    )
    unit.book = unit.book.model_copy(
        update={"positions": {key: marked(held, marks, vague=vague) for key, held in unit.book.positions.items()}}
    )
    count_unprotected(unit, is_open=market.session.is_open and _rests(desk))
    return market


def _decide(unit: Unit, decide: Callable[[], Sequence[T]], name: str) -> Sequence[T]:
    """Return what the module decides; a decision that raises is none, and is told."""
    try:
        return decide()
    except Exception as error:  # noqa: BLE001 - a faulty strategy must not keep exits from being sent
        unit.note, unit.trouble = f"{name}: {type(error).__name__}: {error}", CycleStatus.FAILED
        key = f"failed_{unit.module}_{type(error).__name__}_{unit.now:%Y%m%d}"
        unit.tell(key, EventKind.CYCLE_FAILED, f"{unit.module}: {unit.note}", severity="critical")
        return []


def _report(unit: Unit, status: CycleStatus, results: list[TradeResult] | None = None) -> CycleReport:
    summary = unit.summary or unit.book.last_cycle or CycleSummary(slot=unit.slot, status=status)
    return CycleReport(module=unit.module, slot=unit.slot, status=status, summary=summary, results=tuple(results or ()))
