"""Who imports whom, beyond what import-linter's contracts in pyproject.toml say."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
OPEN_TO_MODULES = {"orchestrator.domain", "orchestrator.ports", "orchestrator.module"}
VENDORS = {
    "google", "firebase_admin", "firebase_functions", "functions_framework", "alpaca", "ccxt", "requests", "httpx",
    "aiohttp", "starlette", "uvicorn", "apprise", "flask", "typer", "rich", "sklearn", "optuna", "grpc",
}  # fmt: skip
SHELL = {ROOT / "orchestrator" / "bootstrap.py"}


def _imports(file: Path) -> Iterator[str]:
    """Yield the full name of everything a file imports, wherever in the file."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _starts(name: str, packages: set[str]) -> bool:
    return any(name == package or name.startswith(package + ".") for package in packages)


def _python_files(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


def test_modules_and_ml_see_only_domain_ports_and_module() -> None:
    strays = [
        f"{file.relative_to(ROOT)}: {name}"
        for package in ("modules", "ml")
        for file in _python_files(package)
        for name in _imports(file)
        if _starts(name, {"orchestrator"}) and not _starts(name, OPEN_TO_MODULES)
    ]
    assert not strays


def test_adding_a_module_touches_no_file_of_the_desk() -> None:
    files = [file for file in _python_files("orchestrator") if file not in SHELL and "cli" not in file.parts]
    strays = [
        f"{file.relative_to(ROOT)}: {name}"
        for file in files
        for name in _imports(file)
        if _starts(name, {"modules", "ml", "venue", "scripts", "functions"})
    ]
    assert not strays


def test_no_vendor_is_named_outside_the_shell() -> None:
    outside = {"cli", "adapters"}
    files = [file for file in _python_files("orchestrator") if file not in SHELL and not outside & set(file.parts)]
    named = [(file.relative_to(ROOT), name) for file in files for name in _imports(file)]
    strays = [f"{file}: {name}" for file, name in named if _starts(name, VENDORS)]
    assert not strays


def test_every_port_has_at_most_five_methods() -> None:
    tree = ast.parse((ROOT / "orchestrator" / "ports.py").read_text(encoding="utf-8"))
    ports = [
        node
        for node in tree.body
        if isinstance(node, ast.ClassDef) and any(isinstance(b, ast.Name) and b.id == "Protocol" for b in node.bases)
    ]
    sizes = {port.name: sum(isinstance(node, ast.FunctionDef) for node in port.body) for port in ports}
    assert sizes
    assert {name: size for name, size in sizes.items() if size > 5} == {}
