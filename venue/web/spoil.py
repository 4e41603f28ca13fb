"""Spoils answers that were right: a field that says nonsense, rows told twice. What a client must survive."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Any

import orjson

from venue.web.call import Reply

Json = dict[str, Any]
_USUAL = ("qty", "vol", "balance", "c", "filled_qty", "cash", "a")
"""Fields that are spoilt unless one is named: the first of these that a row has."""


class Nonsense(StrEnum):
    """What a field says instead."""

    NULL = "null"
    TEXT = "text"
    NEGATIVE = "negative"
    ABSURD = "absurd"
    MISSING = "missing"
    UNKNOWN_STATE = "unknown_state"
    """Of the order's state, whatever field is named."""


def malformed(answer: Reply, how: Nonsense, *, field: str, row: int) -> Reply:
    """Return the answer with one field of one row spoilt; one without such a row is left as it is.

    Parameters
    ----------
    field
        Its name, "" for the row's usual number.
    row
        Which row, from 0; the only one of an answer that is no list.
    """

    def spoil(body: Any) -> Any:
        rows = rows_of(body)
        if row < len(rows):
            _spoil(rows[row], how, field)
        return body

    return _rewritten(answer, spoil)


def _spoil(row: Json, how: Nonsense, field: str) -> None:
    name = "status" if how is Nonsense.UNKNOWN_STATE else field or next((one for one in _USUAL if one in row), "")
    if how is Nonsense.MISSING:
        row.pop(name, None)
        return
    words: dict[Nonsense, object] = {
        Nonsense.NULL: None,
        Nonsense.TEXT: "soon",
        Nonsense.NEGATIVE: "-7",
        Nonsense.ABSURD: "1e30",
        Nonsense.UNKNOWN_STATE: "levitating",
    }
    row[name] = words[how]


def doubled(answer: Reply) -> Reply:
    """Return the answer with every row of its list told twice; the rows of Kraken have names and cannot be."""
    return _rewritten(answer, lambda body: [row for row in body for _ in "12"] if isinstance(body, list) else body)


_LISTS = ("open", "closed", "trades", "ledger")
"""Names under which Kraken lists rows."""


def rows_of(body: Any) -> list[Json]:
    """Return the rows of an answer: of a list, of Kraken's result by name, or the answer itself."""
    if isinstance(body, list):
        return [row for row in body if isinstance(row, dict)]
    result = body.get("result", body) if isinstance(body, dict) else {}
    listed = next((result[name] for name in _LISTS if isinstance(result.get(name), dict)), None)
    if listed is None and "result" in body and all(isinstance(row, dict) for row in result.values()):
        listed = result
    return [result] if listed is None else list(listed.values())


def _rewritten(answer: Reply, change: Callable[[Any], Any]) -> Reply:
    if answer.status >= 300 or not answer.body:
        return answer
    return Reply(orjson.dumps(change(orjson.loads(answer.body))), answer.status, answer.headers)
