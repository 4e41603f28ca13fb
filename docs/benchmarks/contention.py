"""What racing for one limit costs: 30 writers reserve at the same moment on the Firestore emulator.

    python docs/benchmarks/contention.py [--writers 30] [--rounds 5] [--write]

Each writer reads the shared documents, takes what the limit leaves and commits it by compare-and-set, as a cycle does
(`orchestrator/contention.py`); the ratio is to the same reservation without anybody else. A first round, which warms
the emulator's JVM, is not shown. `--write` keeps the table in contention.md beside this file.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from decimal import Decimal
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from orchestrator.adapters.firestore.client import make_client  # noqa: E402
from orchestrator.adapters.firestore.data_layer import FirebaseDataLayer  # noqa: E402
from scripts import suite  # noqa: E402
from scripts.chaos.contention import EQUITY, Reserved, prepare, race, reserve, reserved  # noqa: E402


def alone(store: FirebaseDataLayer, times: int) -> float:
    """Return the median seconds of a reservation that nobody contends."""
    spent = []
    for _ in range(times):
        started = time.perf_counter()
        reserve(store, Decimal(1))
        spent.append(time.perf_counter() - started)
    return statistics.median(spent)


def row(number: int, answers: list[Reserved], uncontended: float) -> str:
    """Return one round as a row of the table."""
    spent = sorted(one.seconds for one in answers)
    p50, p95 = statistics.median(spent), spent[int(0.95 * (len(spent) - 1))]
    return (
        f"| {number} | {len(answers)} of {len(answers)} | {sum(one.usd for one in answers):,.0f} | {p50 * 1000:.0f} | "
        f"{p95 * 1000:.0f} | {spent[-1] * 1000:.0f} | {uncontended * 1000:.1f} | {p95 / uncontended:.0f} |"
    )


def measured(project: str, *, writers: int, rounds: int) -> str:
    """Return the rounds as Markdown."""
    lines = [
        "| round | answered | reserved USD | p50 ms | p95 ms | slowest ms | alone ms | p95 / alone |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for number in range(rounds + 1):
        client = make_client(f"{project}-{number}", emulator=True)
        store = FirebaseDataLayer(client)
        prepare(store)
        uncontended = alone(store, 20)
        prepare(store)
        answers = race(lambda client=client: FirebaseDataLayer(client), writers=writers, wanted=EQUITY / 20)
        if reserved(store) > EQUITY or sum(one.usd for one in answers) != reserved(store):
            raise SystemExit(f"round {number}: {reserved(store)} USD are reserved of {EQUITY}")
        lines += [row(number, answers, uncontended)] if number else []
        client.close()
    return "\n".join(lines)


def main() -> int:
    """Measure and print."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--writers", type=int, default=30)
    words.add_argument("--rounds", type=int, default=5)
    words.add_argument("--write", action="store_true")
    options = words.parse_args()
    with suite.running(project=f"demo-contention-{os.getpid()}", only=("firestore",)) as emulator:
        os.environ.update(emulator.environment)
        table = measured(emulator.project, writers=options.writers, rounds=options.rounds)
    load = os.getloadavg()[0]
    title = f"# Racing for one limit\n\n{(__doc__ or '').splitlines()[0]}\n\n"
    text = f"{title}{options.writers} writers, limit {EQUITY:,} USD; load of the machine {load:.1f}.\n\n{table}\n"
    print(text)
    if options.write:
        Path(__file__).with_suffix(".md").write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
