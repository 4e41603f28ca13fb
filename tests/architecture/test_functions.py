"""The deployable codebases: thin, linked to the shared packages, pinned, and light to start."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from scripts import requirements

ROOT = Path(__file__).resolve().parents[2]
FUNCTIONS = ROOT / "functions"
CODEBASES = ("stocks", "options", "crypto", "events", "api", "tuning")
MAX_MAIN = 80

_HEAVY = {"pandas", "sklearn", "scipy", "optuna", "exchange_calendars", "apprise", "numba", "alpaca", "ccxt"}


@pytest.fixture(params=CODEBASES)
def codebase(request: pytest.FixtureRequest) -> Path:
    return FUNCTIONS / request.param


def test_firebase_json_names_every_codebase() -> None:
    config = json.loads((ROOT / "firebase.json").read_text())
    assert tuple(entry["codebase"] for entry in config["functions"]) == CODEBASES
    assert all("venv" in entry["ignore"] for entry in config["functions"])


def test_shared_packages_are_links(codebase: Path) -> None:
    wanted = {"orchestrator", "modules"} | ({"ml"} if codebase.name == "tuning" else set())
    links = {path.name: path.readlink() for path in codebase.iterdir() if path.is_symlink() and path.name != "venv"}
    assert links == {name: Path("..") / ".." / name for name in wanted}


def test_what_is_deployed_is_what_is_locked(codebase: Path) -> None:
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["firedesk"]["codebases"]
    assert (codebase / "requirements.txt").read_text() == requirements.render(groups[codebase.name])


@pytest.mark.parametrize(
    ("package", "homes"),
    [
        ("alpaca-py", {"stocks", "options", "events", "tuning"}),
        ("pandas", {"stocks", "options", "events", "tuning"}),
        ("ccxt", {"crypto", "events", "tuning"}),
        ("apprise", {"events"}),
        ("scikit-learn", {"tuning"}),
        ("optuna", {"tuning"}),
    ],
)
def test_heavy_packages_go_only_where_they_are_used(package: str, homes: set[str]) -> None:
    carriers = {name for name in CODEBASES if f"\n{package}==" in (FUNCTIONS / name / "requirements.txt").read_text()}
    assert carriers == homes


def test_entry_points_are_thin(codebase: Path) -> None:
    text = (codebase / "main.py").read_text()
    assert text.count("\n") <= MAX_MAIN
    classes = [node.name for node in ast.walk(ast.parse(text)) if isinstance(node, ast.ClassDef)]
    assert classes == []


def test_starting_imports_nothing_heavy(codebase: Path) -> None:
    told = "import sys; sys.path.insert(0, ''); import main; print('\\n'.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", told], cwd=codebase, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    loaded = set(done.stdout.split())
    assert loaded & (_HEAVY) == set()
