"""Keeps what a module that trades options saw: whenever it acts, and on a grid while it does nothing.

The document goes into the commit that the cycle makes anyway, under its slot: doing it twice changes nothing. What
cannot be kept is said in a note and stops no cycle.
"""

from __future__ import annotations

from datetime import timedelta

from orchestrator.domain.codec import encode
from orchestrator.domain.errors import MalformedDataError
from orchestrator.domain.paths import chains_path
from orchestrator.domain.sightings import kept, sighting_of
from orchestrator.module import Context
from orchestrator.ports import Put
from orchestrator.unit import Unit

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
    keeper, session = unit.keeper, context.market.session
    if keeper is None or not session.is_open or unit.book.kept_at == unit.now:
        return []
    last = session.close is not None and session.close - unit.now <= LAST
    if not (acts or last or _trades(unit) or _is_due(unit, keeper.every)):
        return []
    chains = keeper.chains(last)
    if not chains:
        return []
    try:
        sighting = sighting_of(context.market, chains, memory=context.book.memory, now=unit.now)
        doc = encode(kept(sighting, unit.module))
    except MalformedDataError as error:
        unit.note = f"chains are not kept: {error}"
        return []
    return [Put(chains_path(unit.module, unit.label), doc)]


def _trades(unit: Unit) -> bool:
    return bool(unit.changed or unit.trades) or any(not one.state.terminal for one in unit.book.orders.values())


def _is_due(unit: Unit, every: timedelta) -> bool:
    return unit.book.kept_at is None or unit.now - unit.book.kept_at >= every
