"""Reads rows of a venue's answer strictly: what is missing, of another kind or absurd raises, and nothing is guessed.

`sort_out` keeps the rows that can be read and makes a `Trouble` of each that can not. It knows no venue.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from decimal import Decimal, InvalidOperation
from typing import Any, TypeVar

from orchestrator.domain.errors import MalformedDataError
from orchestrator.ports import RAW_LIMIT, Trouble, TroubleKind

T = TypeVar("T")
R = TypeVar("R")
Row = Mapping[str, Any]

LARGEST = Decimal(10) ** 15
"""Beyond any price, quantity or sum of money of an account."""

UNREADABLE = (KeyError, IndexError, TypeError, ValueError, AttributeError, ArithmeticError, MalformedDataError)
"""What reading an answer of another form than the documented one can raise."""


def shortened(raw: object) -> str:
    """Return an answer as text for the owner, at most `RAW_LIMIT` characters."""
    return json.dumps(raw, default=str)[:RAW_LIMIT]


def number(row: Row, name: str, *, least: Decimal | None = None, above: Decimal | None = None) -> Decimal:
    """Return a field that must be a number, as text or as a JSON number.

    Parameters
    ----------
    least, above
        The smallest value allowed, and the largest that is not.

    Raises
    ------
    MalformedDataError
        The field is missing, no number, not finite or out of range.
    """
    value = exact(row.get(name), name)
    if (least is not None and value < least) or (above is not None and value <= above):
        raise MalformedDataError(f"{name} is {value}")
    return value


def maybe_number(row: Row, name: str, *, least: Decimal | None = None, above: Decimal | None = None) -> Decimal | None:
    """Return a field that may be absent, null or empty, and else must be a number."""
    return None if row.get(name) in (None, "") else number(row, name, least=least, above=above)


def exact(value: object, name: str) -> Decimal:
    """Return a value as a finite Decimal below `LARGEST`.

    Raises
    ------
    MalformedDataError
        It is none.
    """
    if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal):
        raise MalformedDataError(f"{name} is {shortened(value)[:60]}, no number")
    try:
        found = Decimal(str(value))
    except InvalidOperation as error:
        raise MalformedDataError(f"{name} is {value!r:.60}, no number") from error
    if "_" in str(value):
        raise MalformedDataError(f"{name} is {value!r:.60}, no number")
    if not found.is_finite() or abs(found) >= LARGEST:
        raise MalformedDataError(f"{name} is {value!r:.60}")
    return found


def word(row: Row, name: str) -> str:
    """Return a field that must be a text with something in it.

    Raises
    ------
    MalformedDataError
        It is none.
    """
    value = row.get(name)
    if not isinstance(value, str) or not value:
        raise MalformedDataError(f"{name} is {shortened(value)[:60]}, no text")
    return value


def maybe_word(row: Row, name: str) -> str:
    """Return a field that must be a text, or absent, null or empty, which is ""."""
    return "" if row.get(name) in (None, "") else word(row, name)


def choice(row: Row, name: str, meanings: Mapping[str, T]) -> T:
    """Return what the word in a field means.

    Raises
    ------
    MalformedDataError
        The word is none of the known ones.
    """
    said = word(row, name)
    if said not in meanings:
        raise MalformedDataError(f"{name} is {said!r:.60}, a word that is not known")
    return meanings[said]


def fields(value: object) -> Row:
    """Return a row as its fields.

    Raises
    ------
    MalformedDataError
        It is no object.
    """
    if not isinstance(value, dict):
        raise MalformedDataError(f"a row is {shortened(value)[:60]}, no object")
    return value


def said(value: object, *names: str) -> str:
    """Return the first of these fields that is a text, "" if none is: what a row in trouble calls itself."""
    row = value if isinstance(value, dict) else {}
    return next((str(row[name]) for name in names if isinstance(row.get(name), str) and row[name]), "")


def readable(rows: Mapping[str, Any], read: Callable[[str, Any], T]) -> dict[str, T]:
    """Return what could be read, by the name under which it was told; the rest is absent."""
    found: dict[str, T] = {}
    for name, row in rows.items():
        with suppress(*UNREADABLE):
            found[name] = read(name, row)
    return found


def sort_out(
    kind: TroubleKind,
    rows: Iterable[R],
    read: Callable[[R], T],
    *,
    subject: Callable[[R], str],
    symbol: Callable[[R], str] = lambda _: "",
) -> tuple[list[T], list[Trouble]]:
    """Return what could be read, and a trouble for each row that could not.

    Parameters
    ----------
    read
        Reads one row, or raises.
    subject, symbol
        What a row in trouble is about; must not raise.
    """
    good: list[T] = []
    bad: list[Trouble] = []
    for row in rows:
        try:
            good.append(read(row))
        except UNREADABLE as error:
            bad.append(Trouble(kind, subject(row), str(error) or repr(error), shortened(row), symbol(row)))
    return good, bad
