"""`python -m scripts.check [--write]`: everything that is checked without running the desk; CI runs the same.

`--write` writes the generated files again instead of checking anything.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from scripts.steps import ROOT, say
from scripts.tools import VENV, find_uv

_BIN = VENV / "bin"
_PYTHON = str(_BIN / "python")
_TYPED = ("orchestrator", "modules", "ml", "venue", "scripts", "functions")
_GENERATORS = ("scripts.requirements", "scripts.codegen_types", "scripts.codegen_orders")


@dataclass(frozen=True, slots=True)
class Check:
    """A command that ends with 0 when all is well, and what it is called."""

    title: str
    command: Sequence[str]
    directory: Path = ROOT


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a check."""

    check: Check
    passed: bool
    output: str
    seconds: float


def checks() -> list[Check]:
    """Return all checks, the slowest first."""
    npm = ROOT / "dashboard"
    return [
        Check("types of Python (mypy)", [str(_BIN / "mypy"), *_TYPED]),
        Check("dashboard: build and bundle size", [_PYTHON, "-m", "scripts.dashboard"]),
        Check("dashboard: types", ["npm", "run", "--silent", "check"], npm),
        Check("dashboard: tests", ["npm", "run", "--silent", "test"], npm),
        Check("layers and imports (import-linter)", [str(_BIN / "lint-imports"), "--no-cache"]),
        Check("style (ruff)", [str(_BIN / "ruff"), "check", "."]),
        *(Check(f"generated files ({name})", [_PYTHON, "-m", name, "--check"]) for name in _GENERATORS),
        Check("lock file", [find_uv(), "lock", "--check", "--offline"]),
        Check("installed packages are those of the lock", [find_uv(), "sync", "--check", "--locked", "--offline"]),
    ]


def run(check: Check) -> Outcome:
    """Run one check and return what came of it."""
    started = time.monotonic()
    done = subprocess.run(check.command, cwd=check.directory, capture_output=True, text=True, check=False)
    outcome = Outcome(check, done.returncode == 0, done.stdout + done.stderr, time.monotonic() - started)
    say(f"  {'ok    ' if outcome.passed else 'FAILED'}  {check.title}  {outcome.seconds:.1f} s")
    return outcome


def main(arguments: list[str]) -> int:
    """Run all checks two at a time, show what failed, return the exit code."""
    if "--write" in arguments:
        return max(subprocess.run([_PYTHON, "-m", name], cwd=ROOT, check=False).returncode for name in _GENERATORS)
    with ThreadPoolExecutor(max_workers=2) as pool:
        outcomes = list(pool.map(run, checks()))
    failed = [outcome for outcome in outcomes if not outcome.passed]
    for outcome in failed:
        say(f"\n--- {outcome.check.title}: {' '.join(outcome.check.command)}\n{outcome.output.rstrip()}")
    say(f"\ncheck: {len(outcomes) - len(failed)} of {len(outcomes)} passed" + (", see above" if failed else ""))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
