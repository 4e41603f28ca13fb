"""The emulator answers any query; these tests are what stands in for production's FAILED_PRECONDITION.

Every `.query(...)` in the source must be a literal shape that the register declares, and the composite indexes that
the register needs must be the ones in firestore.indexes.json: none missing, none left over.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from orchestrator.adapters.firestore.queries import QUERIES, Query, composite_index, composite_indexes, is_registered
from scripts.codegen_types import outputs

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ("orchestrator", "modules", "ml", "functions")
STORE_FILES = {
    "orchestrator/ports.py",
    "orchestrator/adapters/firestore/data_layer.py",
    "orchestrator/adapters/memory/store.py",
}
INDEXES = json.loads((ROOT / "firestore.indexes.json").read_text(encoding="utf-8"))


class Call(NamedTuple):
    """A query as the source spells it."""

    place: str
    collection: str
    where: list[tuple[str, str]]
    order_by: str | None


def _text(node: ast.expr | None) -> str | None:
    if node is None or (isinstance(node, ast.Constant) and node.value is None):
        return None
    assert isinstance(node, ast.Constant), f"line {node.lineno}: write the shape of a query as literals"
    assert isinstance(node.value, str), f"line {node.lineno}: write the shape of a query as literals"
    return node.value


def _conditions(node: ast.expr | None) -> list[tuple[str, str]]:
    if node is None:
        return []
    assert isinstance(node, ast.List | ast.Tuple), f"line {node.lineno}: write the conditions as a list of Where(...)"
    pairs = []
    for item in node.elts:
        assert isinstance(item, ast.Call), f"line {node.lineno}: write the conditions as a list of Where(...)"
        pairs.append((_text(item.args[0]) or "", _text(item.args[1]) or ""))
    return pairs


def _argument(call: ast.Call, position: int, name: str) -> ast.expr | None:
    named = {keyword.arg: keyword.value for keyword in call.keywords}
    return call.args[position] if len(call.args) > position else named.get(name)


def _is_query(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "query"


def calls_in(source: str, name: str) -> Iterator[Call]:
    """Yield every query that a source file makes."""
    for node in ast.walk(ast.parse(source)):
        if not _is_query(node):
            continue
        assert isinstance(node, ast.Call)
        collection = _text(_argument(node, 0, "collection"))
        assert collection is not None, f"{name}:{node.lineno}: a query without a collection"
        where = _conditions(_argument(node, 1, "where"))
        yield Call(f"{name}:{node.lineno}", collection, where, _text(_argument(node, 2, "order_by")))


def _source_files() -> Iterator[tuple[str, str]]:
    for top in SOURCES:
        for file in sorted((ROOT / top).rglob("*.py")):
            name = file.relative_to(ROOT).as_posix()
            linked = any(part.is_symlink() for part in file.relative_to(ROOT).parents if (ROOT / part).is_symlink())
            if "/venv/" not in name and not linked and name not in STORE_FILES:
                yield name, file.read_text(encoding="utf-8")


def _declared() -> frozenset[Any]:
    return frozenset(
        (index["collectionGroup"], tuple((field["fieldPath"], field["order"]) for field in index["fields"]))
        for index in INDEXES["indexes"]
    )


def test_every_query_of_the_desk_is_registered() -> None:
    calls = [call for name, source in _source_files() for call in calls_in(source, name)]
    unknown = [call for call in calls if not is_registered(call.collection, call.where, call.order_by)]
    assert not unknown, "declare these in orchestrator/adapters/firestore/queries.py: " + "; ".join(map(str, unknown))


def test_every_registered_query_of_the_desk_is_made() -> None:
    made = {
        (call.collection, tuple(sorted(call.where)), call.order_by)
        for name, source in _source_files()
        for call in calls_in(source, name)
    }
    registered = {
        (query.collection, tuple(sorted(query.where)), query.order_by) for query in QUERIES if query.client == "desk"
    }
    assert registered <= made


def test_every_registered_query_of_the_dashboard_is_made() -> None:
    live = (ROOT / "dashboard/src/live.ts").read_text(encoding="utf-8")
    made = set(re.findall(r"QUERIES\.(\w+)", live))
    assert made == {query.name for query in QUERIES if query.client == "dashboard"}


def test_the_dashboard_builds_no_query_beside_the_register() -> None:
    for file in sorted((ROOT / "dashboard/src").rglob("*.ts*")):
        source = file.read_text(encoding="utf-8")
        builders = re.findall(r"\b(?:collection|collectionGroup|where|orderBy)\(", source)
        assert not builders or file.name == "live.ts", f"{file.name} builds a query of its own"


def test_the_indexes_are_exactly_those_the_queries_need() -> None:
    assert _declared() == composite_indexes(QUERIES)


def test_no_query_touches_a_field_that_has_no_index() -> None:
    exempt = {(rule["collectionGroup"], rule["fieldPath"]) for rule in INDEXES["fieldOverrides"] if not rule["indexes"]}
    for query in QUERIES:
        touched = {field for field, _ in query.where} | {(query.order_by or "").lstrip("-")}
        for field in touched:
            parents = {".".join(field.split(".")[: depth + 1]) for depth in range(field.count(".") + 1)}
            assert not {(query.collection, parent) for parent in parents} & exempt, f"{query.name}: {field} is exempted"


def test_names_of_queries_are_unique_and_every_one_has_a_limit() -> None:
    assert len({query.name for query in QUERIES}) == len(QUERIES)
    assert all(0 < query.limit <= 200 for query in QUERIES)


@pytest.mark.parametrize(
    ("where", "order_by", "fields"),
    [
        ((), None, None),
        ((), "-at", None),
        ((("a", "=="),), None, None),
        ((("a", "=="), ("b", "in")), None, None),
        ((("a", ">="),), "a", None),
        ((("a", ">="), ("a", "<")), None, None),
        ((("a", "=="),), "-a", None),
        ((("a", "=="),), "-at", (("a", "ASCENDING"), ("at", "DESCENDING"))),
        ((("b", "=="), ("a", "=="), ("c", "<")), None, (("a", "ASCENDING"), ("b", "ASCENDING"), ("c", "ASCENDING"))),
        ((("a", "<"),), "b", (("b", "ASCENDING"), ("a", "ASCENDING"))),
        ((("a", "=="), ("c", ">")), "-c", (("a", "ASCENDING"), ("c", "DESCENDING"))),
    ],
)
def test_the_index_of_a_query_is_derived(
    where: tuple[tuple[str, str], ...], order_by: str | None, fields: tuple[tuple[str, str], ...] | None
) -> None:
    expected = None if fields is None else ("things", fields)
    assert composite_index(Query("q", "things", where, order_by)) == expected


def test_a_query_hidden_in_the_source_is_found() -> None:
    source = "def f(s): return s.query('orders', [Where('terminal', '==', False)], order_by='-created_at', limit=5)"
    assert list(calls_in(source, "x.py")) == [Call("x.py:1", "orders", [("terminal", "==")], "-created_at")]


def test_a_query_that_is_not_written_out_is_refused() -> None:
    with pytest.raises(AssertionError, match="literals"):
        list(calls_in("s.query(name)", "x.py"))


def test_generated_files_are_up_to_date() -> None:
    """Also part of `make check`; here so that a changed model is noticed beside the test that uses it."""
    for path, text in outputs().items():
        assert (ROOT / path).read_text(encoding="utf-8") == text, f"run `python -m scripts.codegen_types` ({path})"
