"""The data model page names every document, its path and each of its fields."""

import inspect
import re
from datetime import date
from pathlib import Path

import pytest

from orchestrator.domain import documents, keys, messages, paths
from orchestrator.domain.base import ModuleName
from orchestrator.domain.documents import Document

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "data-model.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| `(\S+)` \| (\w+) \|", PAGE, re.MULTILINE)
MODELS = sorted(
    {
        model
        for module in (documents, messages)
        for model in vars(module).values()
        if isinstance(model, type) and issubclass(model, Document) and model is not Document
    },
    key=lambda model: model.__name__,
)
SAMPLES = {"module": ModuleName.STOCKS, "version": 1, "n": 1, "month": date(2026, 7, 1), "day": date(2026, 7, 1)}


def patterns() -> dict[str, str]:
    """Every path the code builds: constants and functions, with a sample of each."""
    found = {}
    for module in (documents, keys, paths):
        for name, value in vars(module).items():
            if name.isupper() and isinstance(value, str) and "/" in value:
                found[name] = value
            elif name.endswith("_path") and inspect.isfunction(value):
                arguments = {key: SAMPLES.get(key, "x1") for key in inspect.signature(value).parameters}
                found[name] = value(**arguments)
    return found


def as_expression(path: str) -> str:
    return re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(path))


def test_every_document_is_in_the_table() -> None:
    assert {model.__name__ for model in MODELS} == {model for _, model in ROWS}


@pytest.mark.parametrize("name", sorted(patterns()))
def test_every_path_is_in_the_table(name: str) -> None:
    path = patterns()[name]
    assert [row for row, _ in ROWS if re.fullmatch(as_expression(row), path)], f"{path} of {name} is not in the table"


@pytest.mark.parametrize("row", [row for row, _ in ROWS])
def test_every_path_of_the_table_exists(row: str) -> None:
    built = patterns().values()
    assert [path for path in built if re.fullmatch(as_expression(row), path)], f"nothing writes {row}"


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_every_field_is_described(model: type[Document]) -> None:
    section = re.search(rf"^\*\*{model.__name__}\*\*.*?(?=^\*\*|^## )", PAGE, re.MULTILINE | re.DOTALL)
    assert section, f"{model.__name__} has no paragraph"
    named = set(re.findall(r"`(\w+)`", section[0]))
    assert set(model.model_fields) - {"schema_version"} - named == set()
