"""`python -m scripts.dashboard`: build the dashboard into dashboard/dist, only when its sources changed."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator
from pathlib import Path

from scripts.steps import ROOT, MissingToolError, is_current, mark_current, run_step, say
from scripts.tools import install_node_packages

_DASHBOARD = ROOT / "dashboard"
_NOT_SOURCES = {"node_modules", "dist"}


def build() -> Path:
    """Return the folder of the built dashboard, after building it if a source changed since.

    Raises
    ------
    MissingToolError
        Node is missing, or the build failed.
    """
    built = _DASHBOARD / "dist"
    key = _key()
    if (built / "index.html").is_file() and is_current("dashboard", key):
        return built
    install_node_packages(_DASHBOARD)
    run_step("Dashboard", ["npm", "run", "build"], directory=_DASHBOARD, advice="mend the dashboard's sources")
    mark_current("dashboard", key)
    return built


def _key() -> str:
    digest = hashlib.sha256()
    for file in _sources(_DASHBOARD):
        digest.update(str(file.relative_to(_DASHBOARD)).encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()


def _sources(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.name in _NOT_SOURCES or path.name.startswith("."):
            continue
        if path.is_dir():
            yield from _sources(path)
        else:
            yield path


def main() -> int:
    """Build the dashboard; return the exit code."""
    try:
        build()
    except MissingToolError as error:
        say(f"error: {error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
