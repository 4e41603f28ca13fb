"""Executions and other movements of the account, from Alpaca's activities; and the cursor over them. No calls.

Activities of one moment may become visible one after the other, so every query goes back `OVERLAP` from the newest
activity seen, and the cursor remembers what was told of that stretch. A row that cannot be read was not told: the
cursor waits for it up to `PATIENCE`, so that it is asked for again with every query, and then goes on without it.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TypeVar

from orchestrator.adapters.alpaca.client import moment, stamp
from orchestrator.adapters.alpaca.orders import SIDES
from orchestrator.adapters.rows import Row, choice, fields, maybe_number, maybe_word, number, said, sort_out, word
from orchestrator.domain.base import ZERO
from orchestrator.domain.errors import MalformedDataError
from orchestrator.domain.orders import Fill
from orchestrator.ports import CashEvent, Trouble, TroubleKind

T = TypeVar("T")

OVERLAP = timedelta(hours=6)
PATIENCE = timedelta(days=1)
_DATED_BACK = timedelta(days=7)
"""How long before it is created a fee or dividend may be dated."""
_AHEAD = timedelta(days=1)
"""How far ahead of our clock a time may lie; a cursor that went further would never see anything again."""

_RESTATES = frozenset({"SPLIT", "NC", "REORG", "SC"})
_N_FOR_M = re.compile(r"\b(\d+(?:\.\d+)?) for (\d+(?:\.\d+)?)\b")

_MOVES_HOLDING = frozenset({
    "SPLIT", "SPIN", "MA", "NC", "REORG", "SC", "SSO", "SSP", "JNLS", "ACATS",
    "OPASN", "OPEXC", "OPEXP", "OPTRD", "OPCA", "OPCSH", "EXTRD",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Activity:
    """A row whose id, kind and time could be read."""

    id: str
    kind: str
    at: datetime
    row: Row

    @property
    def symbol(self) -> str:
        """The symbol it names, "" if it names none."""
        return said(self.row, "symbol")

    @property
    def short(self) -> str:
        """What the cursor remembers of it."""
        return hashlib.sha256(self.id.encode()).hexdigest()[:12]


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

    def news(self, activities: Iterable[Activity]) -> list[Activity]:
        """Return the activities that were not told before, each once."""
        return list({one.id: one for one in activities if one.short not in self.seen}.values())

    def past(self, activities: Sequence[Activity], waiting: frozenset[str] = frozenset()) -> Cursor:
        """Return the cursor after these, which are all that a query from `after` gave; `waiting` ids were not told."""
        newest = max([one.at for one in activities], default=None)
        if newest is None:
            return self
        held = [one.at for one in activities if one.id in waiting and one.at > newest - PATIENCE]
        reached = min([newest, *held])
        reached = reached if self.newest is None else max(reached, self.newest)
        late = reached - OVERLAP - _DATED_BACK
        return Cursor(reached, frozenset(one.short for one in activities if one.at > late and one.id not in waiting))


@dataclass(frozen=True, slots=True)
class Execution:
    """A fill that does not know its client order id yet, and Alpaca's id of its order (of the leg, for several)."""

    fill: Fill
    order_id: str


@dataclass(frozen=True, slots=True)
class News:
    """What the activities since the cursor say."""

    executions: Sequence[Execution] = ()
    cash_events: Sequence[CashEvent] = ()
    troubles: Sequence[Trouble] = ()


def read_rows(rows: Sequence[object], now: datetime) -> tuple[list[Activity], list[Trouble]]:
    """Return the rows as activities, and a trouble for each that lacks an id, a kind or a time not after `now`."""

    def read(row: object) -> Activity:
        one = fields(row)
        at = _time(one)
        if at > now + _AHEAD:
            raise MalformedDataError(f"its time {at} has not come yet")
        return Activity(word(one, "id"), word(one, "activity_type"), at, one)

    return sort_out(
        TroubleKind.ACTIVITY,
        rows,
        read,
        subject=lambda row: said(row, "id"),
        symbol=lambda row: said(row, "symbol"),
    )


def _time(row: Row) -> datetime:
    names = ("transaction_time", "created_at", "date")
    return moment(word(row, next((name for name in names if row.get(name)), "date")))


def read_news(news: Sequence[Activity]) -> News:
    """Return executions, and everything that is neither one nor the fee of one.

    A fee that names its execution is part of the fill; Alpaca itself books fees a day later, in one sum. A fee that
    cannot be read is missing from its fill, and is a cash event once it can.
    """
    executed = {said(one.row, "execution_id") for one in news if one.kind == "FILL"} - {""}
    own_fees = [one for one in news if _is_fee_of(one, executed)]
    costs, bad_fees = _sorted(TroubleKind.ACTIVITY, own_fees, _cost)
    fees: dict[str, Decimal] = {}
    for group, cost in costs:
        fees[group] = fees.get(group, ZERO) + cost
    fills = [one for one in news if one.kind == "FILL"]
    executions, bad_fills = _sorted(TroubleKind.FILL, fills, lambda one: _execution(one, fees))
    others = [one for one in news if one.kind != "FILL" and one not in own_fees]
    events, bad_events = _sorted(TroubleKind.ACTIVITY, others, _cash_event)
    return News(executions, events, [*bad_fills, *bad_fees, *bad_events])


def _sorted(
    kind: TroubleKind, activities: Sequence[Activity], read: Callable[[Activity], T]
) -> tuple[list[T], list[Trouble]]:
    return sort_out(kind, activities, read, subject=lambda one: one.id, symbol=lambda one: one.symbol)


def _is_fee_of(one: Activity, executed: set[str]) -> bool:
    return one.kind == "FEE" and said(one.row, "group_id") in executed


def _cost(one: Activity) -> tuple[str, Decimal]:
    return word(one.row, "group_id"), -number(one.row, "net_amount")


def _execution(one: Activity, fees: Mapping[str, Decimal]) -> Execution:
    fill = Fill(
        trade_id=one.id,
        client_order_id="",
        symbol=word(one.row, "symbol"),
        side=choice(one.row, "side", SIDES),
        qty=number(one.row, "qty", above=ZERO),
        price=number(one.row, "price", above=ZERO),
        fee=fees.get(said(one.row, "execution_id"), ZERO),
        ts_event=one.at,
    )
    return Execution(fill, word(one.row, "order_id"))


def _cash_event(one: Activity) -> CashEvent:
    moves = one.kind in _MOVES_HOLDING
    amount = maybe_number(one.row, "net_amount") if moves else number(one.row, "net_amount")
    price = maybe_number(one.row, "price", least=ZERO)
    new_rate, old_rate = _rates(one)
    return CashEvent(
        id=one.id,
        kind=one.kind,
        symbol=maybe_word(one.row, "symbol"),
        amount=amount or ZERO,
        qty=number(one.row, "qty") if moves else ZERO,
        price=price or maybe_number(one.row, "per_share_amount", least=ZERO) or ZERO,
        ts_event=_effective(one),
        new_rate=new_rate,
        old_rate=old_rate,
    )


def _effective(one: Activity) -> datetime:
    """Return from when a split or change of symbol counts: its date, not when it was written down."""
    dated = one.kind in _RESTATES and said(one.row, "date")
    return moment(word(one.row, "date")) if dated else one.at


def _rates(one: Activity) -> tuple[Decimal | None, Decimal | None]:
    """Return new units for old ones of a split: by its rates, or in the words `4 for 1` of its description."""
    if one.kind not in _RESTATES:
        return None, None
    new, old = (maybe_number(one.row, name, least=ZERO) for name in ("new_rate", "old_rate"))
    if new and old:
        return new, old
    found = _N_FOR_M.search(said(one.row, "description"))
    return (Decimal(found[1]), Decimal(found[2])) if found else (None, None)
