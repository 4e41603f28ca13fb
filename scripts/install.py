"""`python3 -m scripts.install PART...`: install what is missing of the named parts.

Parts: python, node, dashboard, java, firestore, functions, chromium. Runs with any Python 3.9 or newer and the standard
library, because it makes the environment that everything else runs in. Exit code 1 and one line when something is
missing and cannot be had. Chromium is the exception: without it the browser tests are skipped, except when CI=true.
"""

from __future__ import annotations

import fcntl
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from scripts import tools
from scripts.steps import ROOT, STATE, MissingToolError, in_ci, say


def _install_dashboard() -> None:
    if (ROOT / "dashboard" / "package-lock.json").is_file():
        tools.install_node_packages(ROOT / "dashboard")


def _install_chromium() -> None:
    try:
        tools.install_chromium()
    except MissingToolError as error:
        if in_ci():
            raise
        say(f"  {error}. The browser tests will be skipped.")


_PARTS: dict[str, Callable[[], object]] = {
    "python": tools.install_python_environment,
    "node": tools.install_node_packages,
    "dashboard": _install_dashboard,
    "java": tools.find_java,
    "firestore": tools.find_firestore_jar,
    "functions": tools.link_function_environments,
    "chromium": _install_chromium,
}


_ALONE = ("python", "node", "dashboard")
"""Parts that need no other: installed at the same time, for each waits for the network and the disk."""


def main(arguments: list[str]) -> int:
    """Install the named parts, those that need others last; return the exit code."""
    unknown = [part for part in arguments if part not in _PARTS]
    if unknown:
        say(f"unknown part {unknown[0]}; known: {', '.join(_PARTS)}")
        return 2
    STATE.mkdir(exist_ok=True)
    with (STATE / "install.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            with ThreadPoolExecutor() as pool:
                alone = [pool.submit(_PARTS[part]) for part in _ALONE if part in arguments]
            for done in alone:
                done.result()
            for part in arguments:
                if part not in _ALONE:
                    _PARTS[part]()
        except MissingToolError as error:
            say(f"error: {error}")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
