"""What this machine has: Python, packages, Node.js, Java, the emulator, a browser. It installs nothing."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from importlib.util import find_spec

from orchestrator.cli.doctor.finding import Finding
from scripts import tools
from scripts.steps import MissingToolError

_PACKAGES = ("firebase_admin", "alpaca", "ccxt", "talib", "apprise", "starlette", "uvicorn")
_MIN_PYTHON = (3, 11)


def findings(*, local: bool) -> Iterator[Finding]:
    """Check the machine; what only the local suite needs is optional for a desk in the cloud (`local` False)."""
    version = ".".join(map(str, sys.version_info[:3]))
    yield Finding("Python", sys.version_info >= _MIN_PYTHON, version, "install Python 3.11 or newer")
    absent = [name for name in _PACKAGES if find_spec(name) is None]
    told = f"{len(_PACKAGES)} of the packages found" if not absent else f"missing: {', '.join(absent)}"
    yield Finding("packages", not absent, told, "run `make setup`")
    yield _tool("Node.js", tools.require_node, needed=local)
    yield _tool("Java", lambda: str(tools.find_java()), needed=local)
    yield _tool("Firestore emulator", _jar, needed=local)
    browser = tools.find_chromium()
    found = "not found" if browser is None else str(browser)
    advice = "the browser tests need it: run `make setup` as root, or set CHROMIUM_PATH"
    yield Finding("Chromium", browser is not None, found, advice, needed=False)


def _jar() -> str:
    jar = tools.existing_firestore_jar()
    if jar is None:
        raise MissingToolError("not downloaded yet; run `make setup`")
    return str(jar)


def _tool(name: str, find: Callable[[], str], *, needed: bool) -> Finding:
    """Look for a tool; the line of its error says what to do."""
    try:
        return Finding(name, ok=True, detail=find())
    except MissingToolError as error:
        return Finding(name, ok=False, detail=str(error).removeprefix(f"{name}: "), needed=needed)
