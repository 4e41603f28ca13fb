"""What a night of tuning costs as a function: seconds and memory of `tune` in the emulator, on a year of bars and more.

    python docs/benchmarks/nightly.py [--write]

The tuning codebase alone, and a made-up venue whom the job asks for bars, as it does in production. The desk has traded
stocks and coins for 31 days before, by cycles in this process, so that the night has a past to compare with its
backtest. Fired three times: with nothing compiled yet, as on an instance that has just started; for the next night; and
for that slot again, which finds the tuning done and compares only. Memory is the most that the emulator's Python worker
ever held. `--write` keeps the tables in nightly.md. A signal ends it with all that it began.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from orchestrator.adapters.firestore.client import make_client  # noqa: E402
from orchestrator.adapters.firestore.data_layer import FirebaseDataLayer  # noqa: E402
from orchestrator.bootstrap import Builder, default_parameters  # noqa: E402
from orchestrator.cli.replay.inprocess import ExchangeClock  # noqa: E402
from orchestrator.domain.base import ModuleName  # noqa: E402
from orchestrator.domain.codec import decode  # noqa: E402
from orchestrator.domain.documents import MarketDoc, ParametersDoc, ParityDoc  # noqa: E402
from orchestrator.domain.paths import parity_path, tuning_path  # noqa: E402
from orchestrator.domain.searches import TuningDoc  # noqa: E402
from orchestrator.ports import Store  # noqa: E402
from orchestrator.seed import seed  # noqa: E402
from orchestrator.settings import Settings  # noqa: E402
from orchestrator.sweep import sweep  # noqa: E402
from scripts import suite  # noqa: E402
from scripts.market import desk_environment  # noqa: E402
from scripts.processes import stopped_by_signals  # noqa: E402
from scripts.scheduler import Fired, Job, fire_over_http  # noqa: E402
from scripts.schedules import Schedule  # noqa: E402
from venue import Exchange, serve  # noqa: E402
from venue.synthetic.feed import SyntheticFeed  # noqa: E402

HERE = Path(__file__)
NIGHT = datetime(2026, 7, 16, 22, 30, tzinfo=UTC)
BEGIN = datetime(2026, 6, 15, 13, 30, tzinfo=UTC)
HISTORIES = (365, 900)
"""Calendar days of bars before the desk begins."""
HOUR = timedelta(hours=1)
STOCK_HOURS = (14, 16, 18, 19)
"""Hours of a session in UTC, in summer."""
HOURS = (0, 4, 8, 12, *STOCK_HOURS, 21)
ROWS = (
    "first night, nothing compiled",
    "next night, same instance",
    "the same slot again: the comparison alone",
    "most memory of the worker",
)
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


def live(store: Store, exchange: Exchange, url: str, until: datetime) -> None:
    """Let the desk trade up to a time: coins every two to four hours, stocks four times a session."""
    settings = Settings({**desk_environment(url), "GCLOUD_PROJECT": "demo-night", "FIREDESK_DESK": "night"})
    builder = Builder(settings, store=store, clock=ExchangeClock(exchange))
    with closing(builder):
        orchestrator = builder.orchestrator()
        slot = exchange.feed.now.replace(minute=0, second=0)
        while (slot := slot + HOUR) < until:
            if slot.hour not in HOURS:
                continue
            exchange.advance(slot)
            orchestrator.cycle(ModuleName.CRYPTO, slot=slot, now=slot)
            if slot.hour in STOCK_HOURS and exchange.feed.sessions(slot.date(), slot.date()):
                orchestrator.cycle(ModuleName.STOCKS, slot=slot, now=slot)
            sweep(store, slot)
    exchange.advance(until)


def fired(fire: Callable[..., Fired], slot: datetime) -> str:
    """Fire the job for a slot and return the seconds it took."""
    started = time.monotonic()
    answer = fire(Job("tune", "us-central1-tune", Schedule.parse("30 22 * * *"), timeout_s=1800), slot)
    if answer.status != HTTPStatus.OK:
        raise SystemExit(f"tune: status {answer.status}: {answer.text}")
    return f"{time.monotonic() - started:.0f} s"


def measure(history_days: int) -> tuple[list[str], list[str]]:
    """Return what was measured, in the order of `ROWS`, and what the nights wrote."""
    exchange = Exchange(SyntheticFeed(7, BEGIN, history_days=history_days))
    with serve(exchange) as url, tempfile.TemporaryDirectory() as empty:
        environment = {**desk_environment(url), "NOTIFY_URLS": " ", "NUMBA_CACHE_DIR": empty}
        project = f"demo-night-{os.getpid()}-{history_days}"
        with suite.running(
            project=project, only=("firestore", "functions"), codebases=("tuning",), environment=environment
        ) as running:
            os.environ["FIRESTORE_EMULATOR_HOST"] = running.address("firestore")
            client = make_client(project, emulator=True)
            store = FirebaseDataLayer(client)
            market = MarketDoc(name=exchange.feed.name, synthetic=True)
            seed(store, default_parameters(), now=exchange.feed.now, market=market)
            live(store, exchange, url, NIGHT)
            fire = fire_over_http(running.url("functions"), project)
            slots = NIGHT, NIGHT + timedelta(minutes=1)
            measured = [fired(fire, slot) for slot in (*slots, slots[-1])]
            measured.append(f"{peak_mb(running.process.pid):.0f} MB")
            told = [line for module in ModuleName for line in verdicts(store, module)]
            told += compared(store)
            client.close()  # type: ignore[no-untyped-call]
    return measured, told


def verdicts(store: Store, module: ModuleName) -> list[str]:
    """Return what the last night said of a module, and on how many bars of what length."""
    versions = [f"parameters/{module}/versions/{number}" for number in (2, 3)]
    found = store.get_many([tuning_path(module), *versions])
    doc = decode(TuningDoc, found[tuning_path(module)].data, where=tuning_path(module))
    bars = {
        f"{told['bars']} of {told['minutes_per_bar']} minutes"
        for path in versions
        if path in found
        for told in decode(ParametersDoc, found[path].data, where=path).provenance["tuned"].values()
        if "bars" in told
    }
    rows = f" (bars: {', '.join(sorted(bars))})" if bars else ""
    return [f"- {module}{rows}: {doc.said}"]


def compared(store: Store) -> list[str]:
    """Return what the nights' comparison of the desk's past with its backtest found."""
    path = parity_path(NIGHT.date() - timedelta(days=1))
    doc = decode(ParityDoc, store.get_many([path])[path].data, where=path)
    counts = ", ".join(f"{count} {fate}" for fate, count in sorted(doc.counts.items()))
    return [f"- parity of {doc.first} to {doc.last}: {counts}"]


def main(arguments: list[str]) -> None:
    """Measure, print, and keep the tables where it is asked for."""
    before = os.getloadavg()[0]
    found = {days: measure(days) for days in HISTORIES}
    text = "# A night of tuning as a function\n\nWritten by `python docs/benchmarks/nightly.py --write`: by the clock, "
    text += f"the emulator and the venue on the same {os.cpu_count()} cores.\n"
    text += f"Load of the machine: {before:.1f} before, {os.getloadavg()[0]:.1f} at the end; niceness {os.nice(0)}.\n"
    text += f"The function may take {LIMIT_S} s and {LIMIT_MB} MB. The desk has traded for 31 days before,\n"
    text += "by cycles hours apart: how many positions agree says nothing here (docs/parity.md does).\n\n"
    text += f"| what | {' | '.join(f'{days} days of history' for days in found)} |\n"
    text += f"|---|{'---|' * len(found)}\n"
    for number, what in enumerate(ROWS):
        text += f"| {what} | {' | '.join(measured[number] for measured, _ in found.values())} |\n"
    for days, (_, told) in found.items():
        text += f"\nWhat the last night wrote, on {days} days:\n\n" + "".join(f"{line}\n" for line in told)
    print(text)
    if "--write" in arguments:
        HERE.with_suffix(".md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    try:
        with stopped_by_signals():
            main(sys.argv[1:])
    except KeyboardInterrupt:
        raise SystemExit("stopped; no process is left") from None
