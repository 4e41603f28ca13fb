"""The comparison of a night: kept once a day, and told once where desk and backtest part."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from ml.parity.report import Subject, compared
from orchestrator.domain.base import utc_day
from orchestrator.domain.codec import decode, encode
from orchestrator.domain.documents import EventDoc, EventKind, event_path
from orchestrator.domain.parity import BOUND_BPS, NIGHTLY_DAYS, ParityDoc, ParityTrade
from orchestrator.domain.paths import parity_path
from orchestrator.ports import Create, Put, Store, Write

_NAMED = 5
"""Positions that an event names; the page has all of them."""


def write(store: Store, subjects: Sequence[Subject], now: datetime) -> ParityDoc:
    """Compare the last whole UTC days, keep what came of it, and tell what parts that no night before has told.

    The same night done twice writes the same. A day that is there already and says something else (a fill that came
    late) is written anew; its event is told once.

    Raises
    ------
    StoreUnavailableError
        The store did not answer; the same night may be done again.
    """
    last = utc_day(now) - timedelta(days=1)
    doc = compared(store, subjects, first=last - timedelta(days=NIGHTLY_DAYS - 1), last=last, now=now)
    event = event_path(f"parity_{last:%Y%m%d}")
    found = store.get_many([parity_path(last), parity_path(last - timedelta(days=1)), event])
    before = found.get(parity_path(last - timedelta(days=1)))
    known = () if before is None else decode(ParityDoc, before.data, where=before.path).trades
    fresh = _fresh(doc.trades, known)
    writes: list[Write] = [Put(parity_path(last), encode(doc))]
    if fresh and event not in found:
        writes.append(Create(event, encode(_event(fresh, last, now))))
    store.commit(writes)
    return doc


def _fresh(trades: Sequence[ParityTrade], known: Sequence[ParityTrade]) -> list[ParityTrade]:
    told = {trade.key for trade in known if trade.beyond}
    return [trade for trade in trades if trade.beyond and trade.key not in told]


def _event(fresh: Sequence[ParityTrade], last: date, now: datetime) -> EventDoc:
    named = "; ".join(f"{one.symbol} ({one.module}, {one.strategy}): {_words(one)}" for one in fresh[:_NAMED])
    more = f"; and {len(fresh) - _NAMED} more" if len(fresh) > _NAMED else ""
    return EventDoc(
        kind=EventKind.PARITY_GAP,
        subject=f"{last:%Y%m%d}",
        severity="warning",
        text=f"The backtest says something else than the desk did: {named}{more}.",
        data={"positions": len(fresh), "bound_bps": BOUND_BPS},
        at=now,
    )


def _words(trade: ParityTrade) -> str:
    if trade.fate != "matched":
        return trade.why
    gaps = [gap for gap in (trade.entry_gap_bps, trade.exit_gap_bps) if gap is not None]
    return f"{max(gaps, key=abs):+.0f} bps"
