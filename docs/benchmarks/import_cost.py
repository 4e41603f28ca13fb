"""What a cold start of each codebase costs in imports, against the libraries it cannot do without.

    python docs/benchmarks/import_cost.py [--write]

For each codebase: seconds to import its `main`, divided by the seconds to import firebase_functions (the parts it
uses), google.cloud.firestore and its broker's library. Both are measured in fresh interpreters, in turns; the median
counts, so that a busy machine slows both. The budget is a ratio of 2. `--write` keeps the table in import_cost.md
beside this file.
"""

from __future__ import annotations

import platform
import statistics
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROUNDS = 5
BUDGET = 2.0

_COMMON = ("google.cloud.firestore",)
_ALPACA = ("alpaca.trading.client", "alpaca.data")
LIBRARIES: dict[str, tuple[str, ...]] = {
    "stocks": ("firebase_functions.scheduler_fn", *_COMMON, *_ALPACA),
    "options": ("firebase_functions.scheduler_fn", *_COMMON, *_ALPACA),
    "crypto": ("firebase_functions.scheduler_fn", *_COMMON, "ccxt"),
    "events": ("firebase_functions.firestore_fn", "firebase_functions.scheduler_fn", *_COMMON),
    "api": ("firebase_functions.https_fn", *_COMMON),
    "tuning": ("firebase_functions.scheduler_fn", *_COMMON),
}
_TIMED = (
    "import sys, time; sys.path.insert(0, ''); t = time.perf_counter(); {statements}; print(time.perf_counter() - t)"
)


@dataclass(frozen=True, slots=True)
class Cost:
    """Median import times of one codebase, in seconds."""

    codebase: str
    libraries_s: float
    main_s: float

    @property
    def ratio(self) -> float:
        """How many times the libraries' own cost the codebase costs."""
        return self.main_s / self.libraries_s


def measure(codebase: str) -> Cost:
    """Measure one codebase and its libraries in turns."""
    folder = ROOT / "functions" / codebase
    baseline = "; ".join(f"import {name}" for name in LIBRARIES[codebase])
    _seconds(baseline, folder), _seconds("import main", folder)
    rounds = [(_seconds(baseline, folder), _seconds("import main", folder)) for _ in range(ROUNDS)]
    libraries, mains = zip(*rounds, strict=True)
    return Cost(codebase, statistics.median(libraries), statistics.median(mains))


def table(costs: list[Cost]) -> str:
    """Return the results as a Markdown table."""
    lines = ["| codebase | its libraries, ms | its main, ms | ratio |", "|---|---|---|---|"]
    lines += [f"| {c.codebase} | {c.libraries_s * 1000:.0f} | {c.main_s * 1000:.0f} | {c.ratio:.2f} |" for c in costs]
    return "\n".join(lines) + "\n"


def main(arguments: list[str]) -> int:
    """Measure every codebase that exists; return 1 when one is over the budget."""
    costs = [measure(name) for name in LIBRARIES if (ROOT / "functions" / name / "main.py").is_file()]
    print(table(costs), end="")
    if "--write" in arguments:
        head = (
            "# Import cost of each codebase\n\nWritten by `python docs/benchmarks/import_cost.py --write`: median of "
        )
        head += f"{ROUNDS}, Python {platform.python_version()}. Budget: ratio at most {BUDGET:g}.\n\n"
        (ROOT / "docs" / "benchmarks" / "import_cost.md").write_text(head + table(costs), encoding="utf-8")
    over = [cost.codebase for cost in costs if cost.ratio > BUDGET]
    if over:
        print(f"over the budget of {BUDGET:g}: {', '.join(over)}", file=sys.stderr)
    return 1 if over else 0


def _seconds(statements: str, folder: Path) -> float:
    command = [sys.executable, "-c", _TIMED.format(statements=statements)]
    return float(subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
