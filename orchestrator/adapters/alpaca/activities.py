"""Executions and other movements of the account, from Alpaca's activities; and the cursor over them. No calls.

Activities of one moment may become visible one after the other, so every query goes back `OVERLAP` from the newest
activity seen, and the cursor remembers what was told of that stretch.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from orchestrator.adapters.alpaca.client import Raw, decimal, moment, stamp
from orchestrator.domain.base import ZERO
from orchestrator.domain.errors import MalformedDataError
from orchestrator.domain.orders import Fill, Side
from orchestrator.ports import CashEvent

OVERLAP = timedelta(hours=6)
_DATED_BACK = timedelta(days=7)
"""How long before it is created a fee or dividend may be dated."""

_MOVES_HOLDING = frozenset({
    "SPLIT", "SPIN", "MA", "NC", "REORG", "SC", "SSO", "SSP", "JNLS", "ACATS",
    "OPASN", "OPEXC", "OPEXP", "OPTRD", "OPCA", "OPCSH", "EXTRD",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far the activities were told: the newest time, and short hashes of the ids behind it."""

    newest: datetime | None = None
    seen: frozenset[str] = field(default_factory=frozenset)

    @classmethod
    def parse(cls, text: str) -> Cursor:
        """Read a cursor; the empty one is the beginning.

        Raises
        ------
        MalformedDataError
            The text is no cursor of this adapter.
        """
        if not text:
            return cls()
        try:
            raw = json.loads(text)
            return cls(moment(raw["t"]), frozenset(raw["seen"]))
        except (ValueError, KeyError, TypeError) as error:
            raise MalformedDataError(f"{text[:60]!r} is not a cursor of Alpaca's activities") from error

    def text(self) -> str:
        """Write the cursor."""
        if self.newest is None:
            return ""
        return json.dumps({"t": stamp(self.newest), "seen": sorted(self.seen)}, separators=(",", ":"))

    @property
    def after(self) -> datetime | None:
        """From when to ask."""
        return None if self.newest is None else self.newest - OVERLAP

    def news(self, activities: Sequence[Raw]) -> list[Raw]:
        """Return the activities that were not told before, each once."""
        fresh = {str(one["id"]): one for one in activities if _short(one) not in self.seen}
        return list(fresh.values())

    def past(self, activities: Sequence[Raw]) -> Cursor:
        """Return the cursor after these, which are all that a query from `after` gave."""
        times = [_time(one) for one in activities]
        newest = max([*times, *([self.newest] if self.newest is not None else [])], default=None)
        if newest is None:
            return self
        kept = {_short(one) for one in activities if _time(one) > newest - OVERLAP - _DATED_BACK}
        return Cursor(newest, frozenset(kept))


def _short(one: Raw) -> str:
    return hashlib.sha256(str(one["id"]).encode()).hexdigest()[:12]


def _time(one: Raw) -> datetime:
    return moment(str(one.get("transaction_time") or one.get("created_at") or one["date"]))


def fills_of(activities: Sequence[Raw], own_ids: Mapping[str, str]) -> list[Fill]:
    """Return the executions; `own_ids` tells client order ids by Alpaca's order ids, of legs too.

    A fee that names its execution is part of the fill; Alpaca itself books fees a day later, in one sum.
    """
    fees = _fees(activities)
    return [
        Fill(
            trade_id=str(one["id"]),
            client_order_id=own_ids.get(str(one["order_id"]), ""),
            symbol=str(one["symbol"]),
            side=Side.SELL if str(one["side"]).startswith("sell") else Side.BUY,
            qty=decimal(one["qty"]),
            price=decimal(one["price"]),
            fee=fees.get(str(one.get("execution_id")), ZERO),
            ts_event=_time(one),
        )
        for one in activities
        if one["activity_type"] == "FILL"
    ]


def _fees(activities: Sequence[Raw]) -> dict[str, Decimal]:
    fees: dict[str, Decimal] = {}
    for one in activities:
        if one["activity_type"] == "FEE" and one.get("group_id"):
            key = str(one["group_id"])
            fees[key] = fees.get(key, ZERO) - decimal(one.get("net_amount"))
    return fees


def cash_events_of(activities: Sequence[Raw]) -> list[CashEvent]:
    """Return everything that is neither an execution nor the fee of one of these executions."""
    executions = {str(one.get("execution_id")) for one in activities if one["activity_type"] == "FILL"}
    others = [one for one in activities if one["activity_type"] != "FILL"]
    return [_cash_event(one) for one in others if not _belongs_to(one, executions)]


def _belongs_to(one: Raw, executions: set[str]) -> bool:
    return one["activity_type"] == "FEE" and str(one.get("group_id")) in executions


def _cash_event(one: Raw) -> CashEvent:
    kind = str(one["activity_type"])
    return CashEvent(
        id=str(one["id"]),
        kind=kind,
        symbol=str(one.get("symbol") or ""),
        amount=decimal(one.get("net_amount")),
        qty=decimal(one.get("qty")) if kind in _MOVES_HOLDING else ZERO,
        price=decimal(one.get("price") or one.get("per_share_amount")),
        ts_event=_time(one),
    )
