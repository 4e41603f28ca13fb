"""What a cold start of each codebase costs in imports, against the libraries it cannot do without.

    python docs/benchmarks/import_cost.py [--write]

For each codebase: the cost of importing its `main`, and of having everything its first call needs, divided by the cost
of importing firebase_functions (the parts it uses), google.cloud.firestore and its broker's library. All are processor
seconds of fresh interpreters, measured in turns; the median counts. The budget is a ratio of 2 for both. `--write`
keeps the table in import_cost.md beside this file.
"""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from scripts.market import desk_environment

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
_BOOT = (
    "import main; from orchestrator import bootstrap; built = bootstrap.builder(); built.store; built.orchestrator()"
)
READY: dict[str, str] = {
    "stocks": _BOOT + "; built.desk(bootstrap.ModuleName.STOCKS)",
    "options": _BOOT + "; built.desk(bootstrap.ModuleName.OPTIONS)",
    "crypto": _BOOT + "; built.desk(bootstrap.ModuleName.CRYPTO)",
    "events": _BOOT + "; import orchestrator.sweep, orchestrator.posttrade, orchestrator.commands",
    "api": _BOOT + "; import orchestrator.api",
    "tuning": _BOOT,
}
_NOWHERE = "http://127.0.0.1:9"
_ENVIRONMENT = {
    **os.environ,
    **desk_environment(_NOWHERE),
    "FIRESTORE_EMULATOR_HOST": "127.0.0.1:9",
    "FUNCTIONS_EMULATOR": "true",
}
_TIMED = (
    "import sys, time; sys.path.insert(0, ''); t = time.process_time(); {statements}; print(time.process_time() - t)"
)


@dataclass(frozen=True, slots=True)
class Cost:
    """Median cost of one codebase in processor seconds: its libraries, its main, its main with what a call needs."""

    codebase: str
    libraries_s: float
    main_s: float
    ready_s: float

    @property
    def ratio(self) -> float:
        """How many times the libraries' own cost the codebase costs, the greater of both."""
        return max(self.main_s, self.ready_s) / self.libraries_s


def measure(codebase: str) -> Cost:
    """Measure one codebase and its libraries in turns."""
    folder = ROOT / "functions" / codebase
    baseline = "; ".join(f"import {name}" for name in LIBRARIES[codebase])
    statements = (baseline, "import main", READY[codebase])
    rounds = [[_seconds(one, folder) for one in statements] for _ in range(ROUNDS + 1)]
    return Cost(codebase, *(statistics.median(costs) for costs in zip(*rounds[1:], strict=True)))


def table(costs: list[Cost]) -> str:
    """Return the results as a Markdown table."""
    lines = ["| codebase | its libraries, ms | its main, ms | ready for a call, ms | ratio |", "|---|---|---|---|---|"]
    for cost in costs:
        columns = [f"{1000 * seconds:.0f}" for seconds in (cost.libraries_s, cost.main_s, cost.ready_s)]
        lines.append(f"| {cost.codebase} | {' | '.join(columns)} | {cost.ratio:.2f} |")
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
    done = subprocess.run(command, cwd=folder, env=_ENVIRONMENT, stdout=subprocess.PIPE, text=True, check=True)
    return float(done.stdout)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
