"""What the desk did with a module in a span of past days, by its own documents, and what of it no backtest can say.

A position is excused, never left out: it was taken over from the account, left by the owner's word or a plan that cuts
holdings, sized by a limit that modules share, or decided by a version on trial.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

from ml.evidence import Recorded, recorded
from ml.parity.compare import Made, of_position, of_trade
from ml.parity.limits import Reign, reigns
from ml.parity.limits import at as limits_at
from orchestrator.domain.base import ZERO, ModuleName
from orchestrator.domain.codec import decode
from orchestrator.domain.documents import (
    CONFIG_RISK,
    BookDoc,
    CycleDoc,
    EquityDoc,
    EquityPoint,
    EventDoc,
    EventKind,
    MarketDoc,
    OpportunityTrace,
    ParametersDoc,
    book_path,
    equity_path,
    parameters_path,
    parameters_version_path,
)
from orchestrator.domain.errors import MissingDataError
from orchestrator.domain.opportunities import ExitReason
from orchestrator.domain.orders import Purpose
from orchestrator.domain.pages import every
from orchestrator.domain.paths import CONFIG_MARKET
from orchestrator.domain.positions import Position, Trade
from orchestrator.domain.risk import RiskLimits
from orchestrator.ports import Snapshot, Store, Where

REACH = timedelta(days=90)
"""How far before the first day the desk is looked back on for a time at which it held nothing."""
_ADOPTED = "adopted"
_OWN_EXITS = {
    *(ExitReason.STOP, ExitReason.TARGET, ExitReason.SIGNAL, ExitReason.TIME, ExitReason.EXPIRY_WINDOW),
    *("expiry", "delivery"),
}
"""What a strategy leaves for, and how contracts end without an order: a backtest does both."""
_OWN_CAPS = {"module_allocation", "strategy_allocation", "symbol_concentration", "volume_share"}
_OWN_CODES = {
    "MODULE_ALLOCATION_ABOVE_MAX",
    "STRATEGY_ALLOCATION_ABOVE_MAX",
    "SYMBOL_CONCENTRATION_ABOVE_MAX",
    "VOLUME_SHARE_ABOVE_MAX",
    "ORDER_SIZE_BELOW_MIN",
    "DAILY_LOSS_ABOVE_MAX",
    "DRAWDOWN_ABOVE_MAX",
}
"""Refusals that the backtest makes too; every other one is the desk's alone."""
_OPTION_CAPS = {"greek_gamma", "greek_vega", "greek_theta", "touch_multiple"}
_OPTION_CODES = {
    "GAMMA_ABOVE_MAX",
    "VEGA_ABOVE_MAX",
    "THETA_ABOVE_MAX",
    "TOUCH_SHARE_ABOVE_MAX",
}
"""What the backtest of options has beside them: of all limits it lacks only what other modules hold."""


@dataclass(frozen=True, slots=True)
class Held:
    """A position as the desk made it, the parameters that decided it, and why it is not to be compared ("" = it is).

    Parameters
    ----------
    minutes
        Length of the bars that it was decided on; 0 = it does not say.
    """

    made: Made
    version: int
    minutes: int
    excuse: str


@dataclass(frozen=True, slots=True)
class Span:
    """Time in which one version of the parameters traded within the same limits: (begin, end]."""

    begin: datetime
    end: datetime
    version: ParametersDoc
    limits: RiskLimits

    def gave_way(self, later: Span) -> str:
        """Return what is other in the span after it."""
        if self.version.version == later.version.version:
            return "the limits changed"
        return f"version {self.version.version} gave way to {later.version.version}"


@dataclass(frozen=True, slots=True)
class Lived:
    """A module's past. `notes` are what should be known of it, `cash` the desk's equity by the begin of each span."""

    module: ModuleName
    held: tuple[Held, ...]
    spans: tuple[Span, ...]
    cash: Mapping[datetime, float]
    refusals: tuple[tuple[datetime, OpportunityTrace], ...]
    local: bool
    notes: tuple[str, ...]

    def refused(self, made: Made, within: timedelta) -> str:
        """Return why the desk, near that time, refused an entry that a backtest may make; "" = it did not."""
        own = _OWN_CODES | (_OPTION_CODES if self.module is ModuleName.OPTIONS else set())
        for at, one in self.refusals:
            near = abs(at - made.opened_at) <= within
            if near and (one.strategy, one.symbol) == (made.strategy, made.symbol) and one.code not in own:
                return f"refused at the desk: {one.code}"
        return ""


def lived(store: Store, module: ModuleName, *, first: datetime, last: datetime, now: datetime) -> Lived | None:
    """Return what the desk did from `first` to `last`, or from the last time before at which it held nothing.

    Returns
    -------
    Lived or None
        None where the module has no book.

    Raises
    ------
    MalformedDataError
        A document is damaged; the message names it.
    MissingDataError
        What traded, or what the desk was worth, is not known.
    """
    found = store.get_many([book_path(module), parameters_path(module), CONFIG_RISK, CONFIG_MARKET])
    if book_path(module) not in found:
        return None
    book = decode(BookDoc, found[book_path(module)].data, where=book_path(module))
    known = recorded(store, module, now)
    held = _held(book, known, last)
    begin = _begin(held, first)
    held = [one for one in held if one.made.closed_at is None or one.made.closed_at > begin]
    current = _document(found, parameters_path(module), module)
    known_limits = reigns(store, found.get(CONFIG_RISK), begin, module)
    spans = _limited(_spans(store, current, begin, last), known_limits)
    if not spans:
        raise MissingDataError(f"nothing traded until {last:%Y-%m-%d}: version {current.version} is newer")
    return Lived(
        module=module,
        held=tuple(_on_trial(one, spans) for one in held),
        spans=spans,
        cash={span.begin: _equity(store, module, span.begin, last) for span in spans},
        refusals=tuple(_refusals(known.cycles)),
        local=CONFIG_MARKET in found and bool(decode(MarketDoc, found[CONFIG_MARKET].data, where=CONFIG_MARKET).name),
        notes=(*_notes(book, spans, held, first), *_unknown(module, known_limits, spans)),
    )


def _document(found: Mapping[str, Snapshot], path: str, module: ModuleName) -> ParametersDoc:
    if path not in found:
        raise MissingDataError(f"{path} is missing: nobody can say what {module} traded with")
    return decode(ParametersDoc, found[path].data, where=path)


def _held(book: BookDoc, known: Recorded, last: datetime) -> list[Held]:
    """Return every position entered until `last`, the oldest first; what was left after it counts as open."""
    own = _OWN_CAPS | (_OPTION_CAPS if book.module is ModuleName.OPTIONS else set())
    caps = {
        one.client_order_id: one.binding_cap
        for one in known.entries
        if one.verdict == "resized" and one.client_order_id and one.binding_cap not in own
    }
    open_ones = [_open(one, caps.get(one.id)) for one in book.positions.values() if one.opened_at <= last]
    closed = [_closed(one, caps.get(one.id), last) for one in known.trades if one.opened_at <= last]
    return sorted((*closed, *open_ones), key=lambda one: (one.made.opened_at, one.made.symbol))


def _open(position: Position, cap: str | None) -> Held:
    excuse = _excuse(position.strategy, cap)
    return Held(of_position(position), position.parameters_version, _minutes(position.features), excuse)


def _closed(trade: Trade, cap: str | None, last: datetime) -> Held:
    made, excuse = of_trade(trade), _excuse(trade.strategy, cap)
    if trade.closed_at > last:
        made = replace(made, closed_at=None, exit_px=None, profit=None)
    else:
        word = trade.exit_reason.partition(":")[0].strip()
        own = word in _OWN_EXITS or word.startswith("protect")
        excuse = excuse or ("" if own else f"left by another word than its strategy's: {trade.exit_reason}")
    return Held(made, trade.parameters_version, _minutes(trade.features), excuse)


def _minutes(features: Mapping[str, float]) -> int:
    return int(features.get("timeframe_minutes", 0))


def _excuse(strategy: str, cap: str | None) -> str:
    if strategy == _ADOPTED:
        return "taken over from the account by the owner's word"
    return "" if cap is None else f"sized down by {cap}, a limit that is not the module's own"


def _begin(held: Sequence[Held], first: datetime) -> datetime:
    """Return the last time up to `first` at which nothing was held, within reach; else `first`."""
    begin = first
    for one in reversed(held):
        over = one.made.opened_at < begin and (one.made.closed_at is None or one.made.closed_at > begin)
        if over and not one.excuse:
            begin = one.made.opened_at - timedelta(seconds=1)
    return begin if first - begin <= REACH else first


_Traded = tuple[datetime, datetime, ParametersDoc]
"""Begin and end of the time in which a version of the parameters traded, and the version."""


def _spans(store: Store, current: ParametersDoc, begin: datetime, last: datetime) -> tuple[_Traded, ...]:
    """Return when each version traded between `begin` and `last`."""
    if current.activated_at <= begin:
        return ((begin, last, current),)
    changes = [event for event in _events(store, begin) if _is_change(event, current.module)]
    started, versions = list[datetime](), list[int]()
    for event in changes:
        number, champion = int(event.data["version"]), int(event.data["champion"])
        back = event.kind is EventKind.PARAMETERS_ROLLED_BACK
        before, after = (number, champion) if back else (champion, number)
        if not versions:
            versions.append(before)
        started.append(event.at)
        versions.append(after)
    found = [_version(store, current, number) for number in versions or [current.version]]
    started = [max(begin, found[0].activated_at), *started]  # none traded before it was written
    ends = [*started[1:], last]
    return tuple(
        (start, min(end, last), version)
        for start, end, version in zip(started, ends, found, strict=True)
        if start < min(end, last)
    )


def _limited(spans: Iterable[_Traded], known: Sequence[Reign]) -> tuple[Span, ...]:
    """Return the spans, cut where other limits came into force."""
    found = []
    for begin, end, version in spans:
        edges = [begin, *(one.since for one in known[1:] if begin < one.since < end), end]
        found += [Span(start, stop, version, limits_at(known, start)) for start, stop in pairwise(edges)]
    return tuple(found)


def _unknown(module: ModuleName, known: Sequence[Reign], spans: Sequence[Span]) -> Iterable[str]:
    if known[0].since > spans[0].begin:
        yield f"{module}: the limits before {known[0].since:%Y-%m-%d} are not kept; those of that day stand for them"


def _is_change(event: EventDoc, module: ModuleName) -> bool:
    kinds = {EventKind.PARAMETERS_ACTIVATED, EventKind.PARAMETERS_ROLLED_BACK}
    return event.kind in kinds and event.module is module and {"version", "champion"} <= set(event.data)


def _events(store: Store, begin: datetime) -> Iterator[EventDoc]:
    def page(since: datetime, limit: int) -> Sequence[Snapshot]:
        return store.query("events", [Where("at", ">=", since)], order_by="at", limit=limit)

    return (decode(EventDoc, one.data, where=one.path) for one in every(page, begin, by="at"))


def _version(store: Store, current: ParametersDoc, number: int) -> ParametersDoc:
    if number == current.version:
        return current
    path = parameters_version_path(current.module, number)
    return _document(store.get_many([path]), path, current.module)


def _on_trial(held: Held, spans: Sequence[Span]) -> Held:
    """Excuse what a version decided that did not trade alone then, and what lived through a change of version."""
    made, excuse = held.made, held.excuse
    at = next((n for n, one in enumerate(spans) if one.begin <= made.opened_at <= one.end), -1)
    if excuse or at < 0:
        why = excuse or f"entered before {spans[0].begin:%Y-%m-%d}, where the comparison begins"
        return replace(held, excuse=why)
    span = spans[at]
    if held.version not in {0, span.version.version}:
        return replace(held, excuse=f"decided by version {held.version}, on trial beside {span.version.version}")
    if (made.closed_at or spans[-1].end) > span.end:
        return replace(held, excuse=f"held while {span.gave_way(spans[at + 1])} on {span.end:%Y-%m-%d}")
    return held


def _equity(store: Store, module: ModuleName, begin: datetime, last: datetime) -> float:
    """Return the desk's equity at `begin`, USD; where it is not known, what the next point says less what was gained.

    Raises
    ------
    MissingDataError
        There is no point of the curve until `last`.
    """
    months = dict.fromkeys(equity_path(day) for day in _days(begin.date() - timedelta(days=31), last.date()))
    found = store.get_many(list(months))
    points = [
        point
        for path in months
        if path in found
        for point in decode(EquityDoc, found[path].data, where=path).points
        if point.at <= last
    ]
    before = [point for point in points if point.at <= begin]
    if before:
        return float(before[-1].equity)
    if not points:
        raise MissingDataError(f"{module}: the equity curve says nothing from {begin:%Y-%m-%d} to {last:%Y-%m-%d}")
    return float(_capital(points[0]))


def _capital(point: EquityPoint) -> Decimal:
    return point.equity - sum(point.pnl.values(), ZERO)


def _days(first: date, last: date) -> Iterable[date]:
    return (first + timedelta(days=number) for number in range((last - first).days + 1))


def _refusals(cycles: Sequence[CycleDoc]) -> Iterable[tuple[datetime, OpportunityTrace]]:
    for cycle in cycles:
        for one in cycle.opportunities:
            if one.verdict == "denied" and one.purpose == Purpose.ENTRY.value and one.code:
                yield cycle.slot, one


def _notes(book: BookDoc, spans: Sequence[Span], held: Sequence[Held], first: datetime) -> Iterable[str]:
    module = book.module
    if spans[0].begin < first:
        yield f"{module}: compared from {spans[0].begin:%Y-%m-%d} on, when it last held nothing"
    elif spans[0].begin > first:
        yield f"{module}: compared from {spans[0].begin:%Y-%m-%d %H:%M} on: nothing traded before"
    elif any(one.made.opened_at < first for one in held):
        yield f"{module}: it held positions on {first:%Y-%m-%d}; the backtest begins with none"
    for before, after in pairwise(spans):
        yield f"{module}: {before.gave_way(after)} on {after.begin:%Y-%m-%d %H:%M}; the backtest begins anew there"
    for symbol, holding in book.foreign.items():
        yield f"{module}: {holding.qty.normalize():f} {symbol} in the account are not the desk's and are not compared"
