"""Every collection x role x operation. The table below is the specification; 200 is allowed, 403 is denied."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.rules.rest import Firestore, Person

pytestmark = pytest.mark.emulator

OWNER = Person("owner", "u-owner", "owner")
OPERATOR = Person("operator", "u-operator", "operator")
VIEWER = Person("viewer", "u-viewer", "viewer")
STRANGER = Person("stranger", "u-stranger")
ANONYMOUS = Person("anonymous")
PEOPLE = (OWNER, OPERATOR, VIEWER, STRANGER, ANONYMOUS)

ALL = "owner operator viewer"
NOBODY = ""


@dataclass(frozen=True)
class Row:
    """Who may do what with a document; names of people, separated by blanks."""

    path: str
    get: str = NOBODY
    list: str = NOBODY
    create: str = NOBODY
    update: str = NOBODY
    delete: str = NOBODY
    paged: bool = True
    """Whether a list without a limit is denied."""


TABLE = (
    Row("desk/state", get=ALL, list=ALL, paged=False),
    Row("desk/exposure", get=ALL, list=ALL, paged=False),
    Row("desk/summary", get=ALL, list=ALL, paged=False),
    Row("desk/reduction", get=ALL, list=ALL, paged=False),
    Row("books/stocks", get=ALL, list=ALL, paged=False),
    Row("orders/s1", get=ALL, list=ALL),
    Row("cycles/stocks_20260716T133000Z", get=ALL, list=ALL),
    Row("trades/t1", get=ALL, list=ALL),
    Row("parameters/stocks", get=ALL, list=ALL, paged=False),
    Row("parameters/stocks/versions/1", get=ALL, list=ALL),
    Row("experiments/e1", get=ALL, list=ALL),
    Row("parity/20260716", get=ALL, list=ALL),
    Row("scores/stocks", get=ALL, list=ALL, paged=False),
    Row("events/e1", get=ALL, list=ALL),
    Row("notifications/n1", get=ALL, list=ALL),
    Row("commands/c1", get=ALL, list=ALL, create="owner operator"),
    Row("equity/202607", get=ALL, list=ALL),
    Row("risk_reports/20260716", get=ALL, list=ALL),
    Row("backtests/78e86faadad95941f47b", get=ALL, list=ALL),
    Row("bars/alpaca_SPY_1Day", get=ALL, list=ALL),
    Row("bars/alpaca_SPY_1Day/chunks/2026", get=ALL, list=ALL),
    Row("audit/1", get="owner operator", list="owner operator"),
    Row("config/risk", get="owner", list="owner", paged=False),
    Row("config/risk/versions/1", get="owner", list="owner"),
    Row("tuning/stocks"),
    Row("chains/options_20260716T143000Z"),
    Row("venues/kraken"),
    # Everybody with a role changes the preferences in his own document, which the desk creates.
    Row("users/u-owner", get="owner", list="owner", update="owner"),
    Row("users/u-operator", get="owner operator", list="owner", update="operator"),
    Row("users/u-viewer", get="owner viewer", list="owner", update="viewer"),
    Row("users/u-stranger", get="owner", list="owner"),
    # What no rule names is denied; the state of an API key is the desk's own.
    Row("secrets/s1"),
    Row("desk/state/deeper/x"),
    Row("users/u-owner/deeper/x"),
)

OPERATIONS = ("get", "list", "create", "update", "delete")


def _collection(path: str) -> str:
    return path.rpartition("/")[0]


def _data(path: str, person: Person) -> dict[str, Any]:
    """Return what this person would rightfully write there, so that only the right to do so is in question."""
    if path.startswith("commands/"):
        return {
            "schema": 1,
            "kind": "halt",
            "by": person.uid or "",
            "role": person.role or "",
            "args": {},
            "reason": "test",
            "created_at": datetime.now(UTC),
            "status": "new",
        }
    if path.startswith("users/"):
        return {"devices": ["token"], "notify": {"fills": True}}
    return {"schema": 1}


def _attempt(firestore: Firestore, person: Person, operation: str, path: str) -> int:
    data = _data(path, person)
    if operation == "create":
        return firestore.create(person, path, {"schema": 1, **data})
    firestore.seed(path, {"schema": 1, "kept": "as it is"})
    if operation == "get":
        return firestore.get(person, path)
    if operation == "list":
        return firestore.query(person, _collection(path))
    if operation == "update":
        return firestore.update(person, path, data)
    return firestore.delete(person, path)


def _cells() -> Iterator[Any]:
    for row in TABLE:
        for person in PEOPLE:
            for operation in OPERATIONS:
                allowed = person.name in getattr(row, operation).split()
                yield pytest.param(row.path, person, operation, allowed, id=f"{row.path}-{person.name}-{operation}")


@pytest.mark.parametrize(("path", "person", "operation", "allowed"), list(_cells()))
def test_cell(firestore: Firestore, path: str, person: Person, operation: str, allowed: bool) -> None:
    assert _attempt(firestore, person, operation, path) == (200 if allowed else 403)


@pytest.mark.parametrize("row", [row for row in TABLE if row.list], ids=lambda row: row.path)
def test_a_growing_collection_is_listed_in_pages_only(firestore: Firestore, row: Row) -> None:
    expected = 403 if row.paged else 200
    assert firestore.query(OWNER, _collection(row.path), limit=None) == expected
    assert firestore.query(OWNER, _collection(row.path), limit=201) == expected


@pytest.mark.parametrize("role", ["", "admin", "Owner", "owner ", 1, True, ["owner"], {"owner": True}, None])
def test_a_role_that_is_not_one_of_the_three_opens_nothing(firestore: Firestore, role: Any) -> None:
    person = Person("forger", "u-forger", claims=(("role", role),))
    firestore.seed("desk/summary", {"schema": 1})
    assert firestore.get(person, "desk/summary") == 403
    assert firestore.get(person, "config/risk") == 403
    assert firestore.create(person, "commands/c1", _data("commands/c1", person)) == 403
    assert firestore.create(person, "users/u-forger", {"schema": 1, "notify": {}}) == 403


def test_every_document_of_the_models_is_in_the_table() -> None:
    """A collection that a model or the register names and the table does not would go untested."""
    from orchestrator.adapters.firestore.queries import QUERIES
    from orchestrator.domain import documents

    texts = [member.__doc__ or "" for member in vars(documents).values() if isinstance(member, type)]
    named = {text.split("`")[1].split("/")[0] for text in texts if text.startswith("`") and "/" in text.split("`")[1]}
    tested = {row.path.split("/")[0] for row in TABLE}
    assert named | {query.collection for query in QUERIES} <= tested
