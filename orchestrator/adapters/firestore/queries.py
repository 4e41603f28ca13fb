"""The register of every Firestore query that the desk and the dashboard make.

The emulator answers any query; production answers only those it has an index for. So each query is declared here once:
the dashboard's are generated from here, the desk's are compared with here by a test that reads the source, and the
composite indexes that they need are derived and compared with `firestore.indexes.json`. It runs no query itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

EQUALITY = ("==", "in")
RANGES = ("<", "<=", ">", ">=")

Client = Literal["desk", "dashboard"]
Condition = tuple[str, str]
Index = tuple[str, tuple[tuple[str, str], ...]]
"""A composite index: collection and its fields, each with ASCENDING or DESCENDING."""


@dataclass(frozen=True, slots=True)
class Query:
    """One shape of query; `where` holds (field, operator), `order_by` a field with a leading `-` for descending."""

    name: str
    collection: str
    where: tuple[Condition, ...] = ()
    order_by: str | None = None
    limit: int = 100
    client: Client = "desk"


QUERIES: tuple[Query, ...] = (
    Query("books", "books", limit=3, client="dashboard"),
    Query("equity", "equity", order_by="-month", limit=2, client="dashboard"),
    Query("cycles", "cycles", order_by="-slot", limit=10, client="dashboard"),
    Query("orders", "orders", order_by="-updated_at", limit=20, client="dashboard"),
    Query("trades", "trades", order_by="-closed_at", limit=20, client="dashboard"),
    Query("events", "events", order_by="-at", limit=20, client="dashboard"),
    Query("notifications", "notifications", order_by="-created_at", limit=10, client="dashboard"),
    Query("risk_reports", "risk_reports", order_by="-day", limit=30, client="dashboard"),
    Query("backtests", "backtests", order_by="-created_at", limit=10, client="dashboard"),
    Query("experiments", "experiments", limit=3, client="dashboard"),
    Query("parity", "parity", order_by="-last", limit=1, client="dashboard"),
    Query("scores", "scores", limit=3, client="dashboard"),
    Query("users", "users"),
    Query("audit_head", "audit", order_by="-n", limit=1),
    Query("open_commands", "commands", (("status", "in"),)),
    Query("open_notifications", "notifications", (("settled", "=="),)),
    Query("changed_orders", "orders", (("updated_at", ">="),), "updated_at", limit=200),
    Query("closed_trades", "trades", (("module", "=="), ("closed_at", "<=")), "-closed_at", limit=200),
    Query("decided_cycles", "cycles", (("module", "=="), ("slot", "<=")), "-slot", limit=200),
    Query("replayed_equity", "equity", order_by="month"),
    Query("replayed_orders", "orders", order_by="created_at"),
    Query("replayed_trades", "trades", order_by="closed_at"),
    Query("replayed_cycles", "cycles", order_by="slot"),
    Query("traced_cycles", "cycles", (("slot", ">="),), "slot", limit=200),
    Query("kept_chains", "chains", (("module", "=="), ("at", ">=")), "at"),
    Query("changed_events", "events", (("at", ">="),), "at", limit=200),
)


def ordering(order_by: str | None) -> tuple[tuple[str, str], ...]:
    """Return the field and direction of an `order_by` as they stand in an index."""
    if order_by is None:
        return ()
    return ((order_by.lstrip("-"), "DESCENDING" if order_by.startswith("-") else "ASCENDING"),)


def composite_index(query: Query) -> Index | None:
    """Return the composite index a query needs, None when the automatic single-field indexes answer it.

    Notes
    -----
    Firestore joins single-field indexes for any number of equalities, and one field may carry a range and the order.
    As soon as an equality meets a range or an order on another field, or ranges and order are on two fields, one index
    must hold them all: equalities first, then the order, then the remaining ranges.
    """
    equal = sorted({field for field, operator in query.where if operator in EQUALITY})
    ordered = ordering(query.order_by)
    taken = {*equal, *(field for field, _ in ordered)}
    ranged = sorted({field for field, operator in query.where if operator in RANGES} - taken)
    rest = [(field, way) for field, way in ordered if field not in equal]
    tail = [*rest, *((field, "ASCENDING") for field in ranged)]
    if not tail or (not equal and len(tail) == 1):
        return None
    return query.collection, (*((field, "ASCENDING") for field in equal), *tail)


def composite_indexes(queries: Iterable[Query]) -> frozenset[Index]:
    """Return every composite index that these queries need."""
    return frozenset(index for query in queries if (index := composite_index(query)) is not None)


def is_registered(collection: str, where: Sequence[Condition], order_by: str | None) -> bool:
    """Return whether a query of this shape is declared; the order of the conditions and the limit do not matter."""
    return any(
        query.collection == collection and query.order_by == order_by and sorted(query.where) == sorted(where)
        for query in QUERIES
    )
