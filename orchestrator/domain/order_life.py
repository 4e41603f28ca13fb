"""The states of an order, what can be said of it, and the one table that joins them.

`docs/orders.md` is written from `ROWS`. A pair of state and evidence without a row is a bug of the desk's and raises;
whatever a venue may say, late, twice or wrongly, has one. Odd rows are those that should not happen and do.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum


class OrderState(StrEnum):
    """Where an order stands. DENIED is ours (never an order), REJECTED is the venue's."""

    PLANNED = "PLANNED"
    SUBMITTING = "SUBMITTING"
    UNKNOWN = "UNKNOWN"
    WORKING = "WORKING"
    PARTIALLY_FILLED = "PARTIALLY_FILLED"
    FILLED = "FILLED"
    CANCELLED = "CANCELLED"
    EXPIRED = "EXPIRED"
    REJECTED = "REJECTED"

    @property
    def terminal(self) -> bool:
        """Whether nothing more is expected from the venue."""
        return self in TERMINAL


TERMINAL = frozenset({OrderState.FILLED, OrderState.CANCELLED, OrderState.EXPIRED, OrderState.REJECTED})


class Evidence(StrEnum):
    """What can be said of an order, by the desk, by the venue, or by the owner."""

    SUBMIT_STARTED = "submit_started"
    NOT_SENT = "not_sent"
    ANSWER_LOST = "answer_lost"
    UNREADABLE = "unreadable"
    """The venue said something of this order that makes no sense."""
    NOT_FOUND = "not_found"
    """Never acknowledged, and in no list of the venue after longer than the venue's lists lag."""
    VANISHED = "vanished"
    """Once acknowledged, and in no list of the venue any more."""
    ABANDONED = "abandoned"
    ACKNOWLEDGED = "acknowledged"
    RESURFACED = "resurfaced"
    """Rests at the venue although the desk had concluded that it does not."""
    REFUSED = "refused"
    REFUSED_AGAIN = "refused_again"
    """Refused when it was sent again: the attempt before may have arrived after all."""
    PARTIAL_FILL = "partial_fill"
    FULL_FILL = "full_fill"
    DUPLICATE_FILL = "duplicate_fill"
    SMALLER_QUANTITY = "smaller_quantity"
    """The venue tells a smaller filled quantity than it proved before."""
    CANCEL_CONFIRMED = "cancel_confirmed"
    CANCEL_REFUSED = "cancel_refused"
    EXPIRY_CONFIRMED = "expiry_confirmed"
    RESOLVED_ABSENT = "resolved_absent"
    RESOLVED_CANCELLED = "resolved_cancelled"
    RESOLVED_FILLED = "resolved_filled"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: in `state`, `evidence` leads to `to`; `odd` = it should not happen, and does."""

    state: OrderState
    evidence: Evidence
    to: OrderState
    does: str
    odd: bool = False

    @property
    def name(self) -> str:
        """The name of the row, and of its test."""
        return f"{self.state.value.lower()}__{self.evidence.value}"


_S, _E = OrderState, Evidence
_AT_VENUE = (_S.SUBMITTING, _S.UNKNOWN, _S.WORKING, _S.PARTIALLY_FILLED)
_ENDED = (_S.FILLED, _S.CANCELLED, _S.EXPIRED, _S.REJECTED)


def _rows(
    states: Iterable[OrderState], evidence: Evidence, to: OrderState | None, does: str, *, odd: bool = False
) -> Iterator[Row]:
    """Yield a row for each state; without a target the state stays."""
    for state in states:
        yield Row(state, evidence, state if to is None else to, does, odd)


ROWS: tuple[Row, ...] = (
    # Sending.
    *_rows([_S.PLANNED], _E.SUBMIT_STARTED, _S.SUBMITTING, "committed with a lease, then sent by its holder"),
    *_rows([_S.PLANNED], _E.ABANDONED, _S.CANCELLED, "too old, or the desk no longer allows it: never sent again"),
    *_rows([_S.PLANNED], _E.NOT_FOUND, None, "certainly not at the venue: may be sent, or is given up"),
    *_rows([_S.SUBMITTING], _E.NOT_SENT, _S.PLANNED, "the request certainly did not leave"),
    *_rows([_S.SUBMITTING], _E.ANSWER_LOST, _S.UNKNOWN, "the venue may have it: look it up, never send it blindly"),
    *_rows([_S.SUBMITTING], _E.REFUSED_AGAIN, _S.UNKNOWN, "looked up once more; not found, it counts as refused"),
    *_rows([_S.SUBMITTING, _S.UNKNOWN], _E.NOT_FOUND, _S.PLANNED, "it never arrived"),
    # The venue's word.
    *_rows(_AT_VENUE[:3], _E.ACKNOWLEDGED, _S.WORKING, "it rests; with something filled it is PARTIALLY_FILLED"),
    *_rows([_S.PARTIALLY_FILLED], _E.ACKNOWLEDGED, None, "it rests"),
    *_rows(_AT_VENUE, _E.PARTIAL_FILL, _S.PARTIALLY_FILLED, "position, fees and average price follow the fill"),
    *_rows(_AT_VENUE, _E.FULL_FILL, _S.FILLED, "position, fees and average price follow the fill"),
    *_rows(_AT_VENUE, _E.CANCEL_CONFIRMED, _S.CANCELLED, "what is left of its reservation is free"),
    *_rows(_AT_VENUE, _E.EXPIRY_CONFIRMED, _S.EXPIRED, "what is left of its reservation is free"),
    *_rows([_S.SUBMITTING, _S.UNKNOWN], _E.REFUSED, _S.REJECTED, "the venue said no"),
    # Doubt after acceptance.
    *_rows(_AT_VENUE, _E.UNREADABLE, _S.UNKNOWN, "the raw answer is kept, the symbol frozen, a person told", odd=True),
    *_rows(
        [_S.UNKNOWN, _S.WORKING, _S.PARTIALLY_FILLED],
        _E.VANISHED,
        _S.UNKNOWN,
        "the symbol is frozen, it is looked up on, a person is told",
        odd=True,
    ),
    *_rows(_AT_VENUE, _E.CANCEL_REFUSED, None, "too late or not known: the next cycle looks it up", odd=True),
    # The owner's word about an order in doubt.
    *_rows([_S.UNKNOWN], _E.RESOLVED_ABSENT, _S.CANCELLED, "the owner looked: the venue never had it"),
    *_rows([_S.UNKNOWN], _E.RESOLVED_CANCELLED, _S.CANCELLED, "the owner looked: it ended without a further fill"),
    *_rows([_S.UNKNOWN], _E.RESOLVED_FILLED, _S.FILLED, "the owner looked: it filled, as entered by hand"),
    # What should not happen, and does. The venue's later word about money wins; its doubled word changes nothing.
    *_rows([_S.PLANNED], _E.ACKNOWLEDGED, _S.WORKING, "thought unsent, and it rests: no second one is sent", odd=True),
    *_rows([_S.PLANNED], _E.PARTIAL_FILL, _S.PARTIALLY_FILLED, "thought unsent, and it filled in part", odd=True),
    *_rows([_S.PLANNED], _E.FULL_FILL, _S.FILLED, "thought unsent, and it filled", odd=True),
    *_rows([_S.PLANNED], _E.CANCEL_CONFIRMED, _S.CANCELLED, "thought unsent, and it has ended there", odd=True),
    *_rows([_S.PLANNED], _E.EXPIRY_CONFIRMED, _S.EXPIRED, "thought unsent, and it has ended there", odd=True),
    *_rows([_S.PLANNED], _E.REFUSED, _S.REJECTED, "thought unsent, and it was refused there", odd=True),
    *_rows([_S.PLANNED], _E.UNREADABLE, _S.UNKNOWN, "thought unsent, and the venue says something of it", odd=True),
    *_rows([_S.WORKING], _E.REFUSED, _S.REJECTED, "refused after it was acknowledged", odd=True),
    *_rows([_S.PARTIALLY_FILLED], _E.REFUSED, _S.CANCELLED, "the rest is refused, what filled stays", odd=True),
    *_rows([_S.CANCELLED, _S.EXPIRED], _E.PARTIAL_FILL, None, "a fill after the end: the position follows", odd=True),
    *_rows([_S.CANCELLED, _S.EXPIRED], _E.FULL_FILL, _S.FILLED, "filled after the end: money wins", odd=True),
    *_rows([_S.REJECTED], _E.PARTIAL_FILL, _S.PARTIALLY_FILLED, "a fill of what was refused: money wins", odd=True),
    *_rows([_S.REJECTED], _E.FULL_FILL, _S.FILLED, "a fill of what was refused: money wins", odd=True),
    *_rows([_S.FILLED], _E.PARTIAL_FILL, None, "a fill of what is complete: counted, and told", odd=True),
    *_rows([_S.FILLED], _E.FULL_FILL, None, "more filled than was ordered: counted, and told", odd=True),
    *_rows(
        [_S.CANCELLED, _S.REJECTED],
        _E.RESURFACED,
        _S.WORKING,
        "given up or refused, and it rests: it counts again, and is cancelled when overdue",
        odd=True,
    ),
    *_rows(_ENDED, _E.ACKNOWLEDGED, None, "an old list: the end stands", odd=True),
    *_rows(_ENDED, _E.CANCEL_CONFIRMED, None, "told twice, or after the fill: the end stands", odd=True),
    *_rows(_ENDED, _E.EXPIRY_CONFIRMED, None, "told twice, or after the fill: the end stands", odd=True),
    *_rows(_ENDED, _E.REFUSED, None, "told twice, or after the fill: the end stands", odd=True),
    *_rows(_ENDED, _E.CANCEL_REFUSED, None, "cancel refused after the end: the end stands", odd=True),
    *_rows(_ENDED, _E.UNREADABLE, None, "the end stands; the raw answer is told", odd=True),
    *_rows(_S, _E.DUPLICATE_FILL, None, "a fill told twice, known by its trade id: changes nothing", odd=True),
    *_rows(_S, _E.SMALLER_QUANTITY, None, "fills once proved stay; the venue's smaller figure is told", odd=True),
)

TRANSITIONS: dict[tuple[OrderState, Evidence], OrderState] = {(row.state, row.evidence): row.to for row in ROWS}
