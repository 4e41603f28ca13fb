"""How big files and functions are, so that one reader can hold each in mind."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("orchestrator", "modules", "ml", "venue", "scripts")
MAX_FILE = 400
MAX_BODY = 45
USUAL_BODY = 30


def _files() -> list[Path]:
    return sorted(file for package in PACKAGES for file in (ROOT / package).rglob("*.py"))


def _bodies() -> Iterator[tuple[str, int]]:
    """Yield each function and the lines of its body without its docstring."""
    for file in _files():
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                documented = ast.get_docstring(node) is not None and len(node.body) > 1
                first = node.body[1 if documented else 0].lineno
                yield f"{file.relative_to(ROOT)}:{node.lineno} {node.name}", (node.end_lineno or first) - first + 1


def test_no_file_is_longer_than_four_hundred_lines() -> None:
    lengths = {str(file.relative_to(ROOT)): file.read_text(encoding="utf-8").count("\n") for file in _files()}
    assert {name: lines for name, lines in lengths.items() if lines > MAX_FILE} == {}


def test_no_function_body_is_longer_than_forty_five_lines() -> None:
    assert {name: lines for name, lines in _bodies() if lines > MAX_BODY} == {}


def test_nineteen_of_twenty_bodies_fit_thirty_lines() -> None:
    sizes = [lines for _, lines in _bodies()]
    assert sum(size <= USUAL_BODY for size in sizes) / len(sizes) >= 0.95
