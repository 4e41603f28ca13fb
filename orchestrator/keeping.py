"""Keeps what a module that trades options saw: whenever it acts, and on a grid while it does nothing.

The document goes into the commit that the cycle makes anyway, under its slot: doing it twice changes nothing. What
cannot be kept, whatever the reason, is told and stops no cycle; the commit itself is not made here, so that one that
is lost is lost as ever.
"""

from __future__ import annotations

from datetime import timedelta

from orchestrator.domain.codec import encode
from orchestrator.domain.messages import EventKind
from orchestrator.domain.paths import chains_path
from orchestrator.domain.sightings import kept, sighting_of
from orchestrator.module import Context
from orchestrator.ports import Json, Put
from orchestrator.unit import Keeper, Unit

LAST = timedelta(minutes=5)
"""Time before a close from which a cycle is the last one of its session: what a module remembers of a day is its."""


def kept_writes(unit: Unit, context: Context, *, acts: bool) -> list[Put]:
    """Return the write that keeps what this cycle decides on; none where nothing is to be kept now.

    Parameters
    ----------
    acts
        Whether the cycle sends, cancels or gives up an order. One that takes in a fill, or has an order at the venue,
        is kept too: a fill is repeated at the prices that are kept next to it.
    """
    if unit.keeper is None:
        return []
    try:
        doc = _moment(unit, unit.keeper, context, acts=acts)
    except Exception as error:  # noqa: BLE001 - a record of what was seen must not keep orders from being sent
        _tell(unit, error)
        return []
    return [] if doc is None else [Put(chains_path(unit.module, unit.label), doc)]


def _moment(unit: Unit, keeper: Keeper, context: Context, *, acts: bool) -> Json | None:
    """Return what this cycle decides on as it is stored, None where nothing is to be kept now. It writes nothing."""
    session = context.market.session
    if not session.is_open or unit.book.kept_at == unit.now:
        return None
    last = session.close is not None and session.close - unit.now <= LAST
    if not (acts or last or _trades(unit) or _is_due(unit, keeper.every())):
        return None
    chains = keeper.chains(last)
    if not chains:
        return None
    return encode(kept(sighting_of(context.market, chains, memory=context.book.memory, now=unit.now), unit.module))


def _tell(unit: Unit, error: Exception) -> None:
    """Say that this moment is not kept; once a day and kind of error. A note that is there already says more."""
    text = f"chains are not kept: {type(error).__name__}: {error}"
    unit.note = unit.note or text
    key = f"chains_dropped_{unit.module}_{type(error).__name__}_{unit.now:%Y%m%d}"
    unit.tell(key, EventKind.CHAINS_DROPPED, f"{unit.module}: {text}", severity="warning")


def _trades(unit: Unit) -> bool:
    return bool(unit.changed or unit.trades) or any(not one.state.terminal for one in unit.book.orders.values())


def _is_due(unit: Unit, every: timedelta) -> bool:
    return unit.book.kept_at is None or unit.now - unit.book.kept_at >= every
