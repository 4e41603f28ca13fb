"""What a night of tuning costs as a function: seconds and memory of `tune` in the emulator, on years of bars.

    python docs/benchmarks/nightly.py [--write]

The tuning codebase alone, a desk just seeded, and a made-up venue with 900 days of history for the three modules (of
one year, 274 daily bars of stocks, no strategy of theirs can be judged): the job asks the venues for bars, as it does
in production. Fired twice: with nothing compiled yet, as on an instance that
has just started, and for the next night. Memory is the most that the emulator's Python worker ever held. `--write`
keeps the table in nightly.md.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from orchestrator.adapters.firestore.client import make_client  # noqa: E402
from orchestrator.adapters.firestore.data_layer import FirebaseDataLayer  # noqa: E402
from orchestrator.bootstrap import default_parameters  # noqa: E402
from orchestrator.domain.base import ModuleName  # noqa: E402
from orchestrator.seed import seed  # noqa: E402
from scripts import suite  # noqa: E402
from scripts.market import desk_environment  # noqa: E402
from scripts.scheduler import Job, fire_over_http  # noqa: E402
from scripts.schedules import Schedule  # noqa: E402
from venue import Exchange, serve  # noqa: E402
from venue.synthetic.feed import SyntheticFeed  # noqa: E402

HERE = Path(__file__)
START = datetime(2026, 7, 16, 13, 30, tzinfo=UTC)
HISTORY_DAYS = 900
LIMIT_S, LIMIT_MB = 900, 2048


def children(root: int) -> set[int]:
    """Return the process and all that came from it, by /proc."""
    found = {root}
    parents = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            told = status.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        parents[int(status.parent.name)] = int(told[1])
    while grown := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= grown
    return found


def peak_mb(root: int) -> float:
    """Return the most memory that one of the Python workers under a process ever held, in MB."""
    most = 0.0
    for pid in children(root):
        try:
            lines = Path(f"/proc/{pid}/status").read_text().splitlines()
            command = Path(f"/proc/{pid}/cmdline").read_text()
        except OSError:
            continue
        told = dict(line.split(":", 1) for line in lines if ":" in line)
        if "functions-framework" in command and "VmHWM" in told:
            most = max(most, int(told["VmHWM"].split()[0]) / 1000)
    return most


def measure() -> tuple[list[tuple[str, str]], list[str]]:
    """Return the rows of the table, and what was written of each module."""
    exchange = Exchange(SyntheticFeed(7, START, history_days=HISTORY_DAYS))
    with serve(exchange) as url, tempfile.TemporaryDirectory() as empty:
        environment = {**desk_environment(url), "NOTIFY_URLS": " ", "NUMBA_CACHE_DIR": empty}
        project = f"demo-night-{os.getpid()}"
        with suite.running(
            project=project, only=("firestore", "functions"), codebases=("tuning",), environment=environment
        ) as running:
            os.environ["FIRESTORE_EMULATOR_HOST"] = running.address("firestore")
            client = make_client(project, emulator=True)
            store = FirebaseDataLayer(client)
            seed(store, default_parameters(), now=exchange.feed.now)
            fire = fire_over_http(running.url("functions"), project)
            rows = []
            for night, name in enumerate(("first night, nothing compiled", "next night, same instance")):
                slot = exchange.feed.now.replace(second=0, microsecond=0) + timedelta(minutes=night)
                started = time.monotonic()
                fired = fire(Job("tune", "us-central1-tune", Schedule.parse("30 22 * * *"), timeout_s=1800), slot)
                if fired.status != HTTPStatus.OK:
                    raise SystemExit(f"tune: status {fired.status}: {fired.text}")
                rows.append((name, f"{time.monotonic() - started:.0f} s"))
            rows.append(("most memory of the worker", f"{peak_mb(running.process.pid):.0f} MB"))
            told = [verdict for module in ModuleName for verdict in verdicts(store, module)]
            client.close()  # type: ignore[no-untyped-call]
    return rows, told


def verdicts(store: FirebaseDataLayer, module: ModuleName) -> list[str]:
    """Return one line for each version of a module that the nights wrote."""
    paths = [f"parameters/{module}/versions/{number}" for number in (2, 3)]
    found = store.get_many(paths)
    return [f"- {path}: activated by {found[path].data['activated_by']}" for path in paths if path in found]


def main(arguments: list[str]) -> None:
    """Measure, print, and keep the table where it is asked for."""
    rows, told = measure()
    text = "# A night of tuning as a function\n\nWritten by `python docs/benchmarks/nightly.py --write`: by the clock, "
    text += f"{HISTORY_DAYS} days of history, the emulator and the venue on the same two cores.\n"
    text += f"The function may take {LIMIT_S} s and {LIMIT_MB} MB.\n\n| what | measured |\n|---|---|\n"
    text += "".join(f"| {what} | {measured} |\n" for what, measured in rows)
    text += "\nWhat the nights wrote:\n\n" + "".join(f"{line}\n" for line in told)
    print(text)
    if "--write" in arguments:
        HERE.with_suffix(".md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
