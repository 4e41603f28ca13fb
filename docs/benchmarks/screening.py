"""What pre-trade risk costs: milliseconds to screen 1,000 opportunities against 500 positions.

    python docs/benchmarks/screening.py [--write]

The shipped RiskManager, with every symbol's 260 days of history, in three situations: as traded (some are approved,
then their strategy's allocation is used up), with a full sector, and with every rule asked and every cap calculated
for every opportunity, of which the last leaves nothing. Beside them the time of one Firestore round trip (the batched
read of a cycle whose book is empty) on the emulator in the same run, since a machine's milliseconds say little
elsewhere; the least processor time is nearest to what a screening takes when nobody else uses the machine. `--write`
keeps the table in screening.md.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from orchestrator.adapters.firestore.client import make_client  # noqa: E402
from orchestrator.adapters.firestore.data_layer import FirebaseDataLayer  # noqa: E402
from orchestrator.adapters.memory.store import MemoryDataLayer  # noqa: E402
from orchestrator.domain.base import ModuleName  # noqa: E402
from orchestrator.domain.documents import book_path  # noqa: E402
from orchestrator.domain.market import MarketSnapshot, Panel, Quote, SessionState  # noqa: E402
from orchestrator.domain.opportunities import TradeOpportunity  # noqa: E402
from orchestrator.domain.orders import Leg, Side  # noqa: E402
from orchestrator.domain.parameters import Parameters  # noqa: E402
from orchestrator.domain.risk import Denied, DeskState, RiskLimits  # noqa: E402
from orchestrator.module import Context  # noqa: E402
from orchestrator.ports import Store  # noqa: E402
from orchestrator.risk import RiskManager  # noqa: E402
from orchestrator.seed import seed  # noqa: E402
from orchestrator.unit import DeskView, Unit, shared_paths  # noqa: E402
from scripts import suite  # noqa: E402
from tests.builders import NOW, account, book, exposure, opportunity, position  # noqa: E402

POSITIONS, OPPORTUNITIES, DAYS, ROUNDS = 500, 1000, 260, 25
EQUITY = Decimal(100_000_000)
LIMIT_MS = 20
NAMES = [f"S{number:04}" for number in range(POSITIONS + OPPORTUNITIES)]
WIDE = RiskLimits(open_positions=2000)
SITUATIONS = {
    "as traded": WIDE,
    "a sector is full": WIDE.model_copy(update={"sector_concentration": Decimal("0.0001")}),
    "every rule asked, every cap calculated": WIDE.model_copy(update={"greek_delta": Decimal(0)}),
}


def market() -> MarketSnapshot:
    """Return quotes and a random walk of every symbol."""
    walk = np.random.default_rng(1).normal(0, 0.01, (DAYS, len(NAMES)))
    close = 100 * np.exp(np.cumsum(walk, axis=0))
    ends = np.array([int((NOW - timedelta(days=DAYS - day)).timestamp()) for day in range(DAYS)], dtype=np.int64)
    return MarketSnapshot(
        session=SessionState(is_open=True),
        panels={1440: Panel(tuple(NAMES), ends, close, close, close, close, np.full(close.shape, 1e6))},
        quotes={
            name: Quote(symbol=name, ts=NOW, bid=Decimal(100), ask=Decimal("100.02"), ask_size=Decimal(1000))
            for name in NAMES
        },
    )


def unit(limits: RiskLimits) -> Unit:
    """Return a stocks cycle that holds the positions."""
    held = {
        name: position(id=name, symbol=name, legs=({"symbol": name, "qty": 10, "avg_px": 100},), annual_vol=0.2)
        for name in NAMES[:POSITIONS]
    }
    levels = ("peak_equity", "day_start_equity", "week_start_equity")
    desk = exposure(venue_equity={"alpaca": EQUITY}, **dict.fromkeys(levels, EQUITY))
    return Unit(
        store=MemoryDataLayer(),
        module=ModuleName.STOCKS,
        venue="alpaca",
        slot=NOW,
        now=NOW,
        book=book(positions=held, account=account(equity=EQUITY, buying_power=EQUITY)),
        book_version="1",
        desk=DeskView(DeskState.ACTIVE, "1", desk, "1", limits),
        parameters={},
    )


def wishes() -> list[TradeOpportunity]:
    """Return the opportunities, each in a symbol of its own."""
    return [opportunity(symbol=name, legs=(Leg(symbol=name, side=Side.BUY),)) for name in NAMES[POSITIONS:]]


@dataclass(frozen=True, slots=True)
class Cost:
    """Median milliseconds by the clock, median and least of the processor."""

    ms: float
    cpu_ms: float
    least_cpu_ms: float


def cost(work: Callable[[], object]) -> Cost:
    """Return the median of several runs, after one that does not count."""
    work()
    clock, cpu = [], []
    for _ in range(ROUNDS):
        started, busy = time.perf_counter(), time.process_time()
        work()
        clock.append((time.perf_counter() - started) * 1000)
        cpu.append((time.process_time() - busy) * 1000)
    return Cost(statistics.median(clock), statistics.median(cpu), min(cpu))


def screened(name: str, limits: RiskLimits) -> tuple[Cost, str]:
    """Return what one screening costs and what most verdicts were."""
    cycle, found = unit(limits), wishes()
    context = Context(book=cycle.book, market=market(), parameters=Parameters(), now=NOW)
    verdicts = RiskManager(cycle).screen(context, found)
    counted = Counter(one.code.value if isinstance(one, Denied) else "approved" for one in verdicts)
    told = ", ".join(f"{count} {code}" for code, count in counted.most_common(3))
    return cost(lambda: RiskManager(cycle).screen(context, found)), told


def round_trip_ms(store: Store) -> float:
    """Return the time of a cycle's batched read."""
    seed(store, {ModuleName.STOCKS: Parameters()}, now=NOW)
    return cost(lambda: store.get_many([book_path(ModuleName.STOCKS), *shared_paths()])).ms


def loop_ms() -> float:
    """Return the least processor time of a loop that is the same everywhere: how fast this machine is now."""
    return min(cost(lambda: sum(range(1_000_000))).least_cpu_ms for _ in range(3))


def table(trip: float) -> str:
    """Return the measured table as Markdown."""
    rows = []
    for name, limits in SITUATIONS.items():
        spent, told = screened(name, limits)
        rows.append(
            f"| {name} | {spent.ms:.1f} | {spent.cpu_ms:.1f} | {spent.least_cpu_ms:.1f} "
            f"| {spent.ms / trip:.2f} | {told} |"
        )
    return "\n".join(
        [
            "# Screening",
            "",
            f"Written by `python docs/benchmarks/screening.py --write`: {OPPORTUNITIES:,} opportunities against "
            f"{POSITIONS} positions, median of {ROUNDS}, Python {sys.version.split()[0]}, load average "
            f"{os.getloadavg()[0]:.1f} on {os.cpu_count()} cores. Budget: {LIMIT_MS} ms on an idle machine. "
            f"One Firestore round trip (a cycle's read) in the same run: {trip:.1f} ms; `sum(range(1_000_000))`: "
            f"{loop_ms():.1f} ms of processor.",
            "",
            "| situation | ms | of them processor | least processor | of a round trip | verdicts |",
            "|---|---|---|---|---|---|",
            *rows,
            "",
        ]
    )


def main() -> None:
    """Measure, print, and with `--write` keep."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="keep the table beside this file")
    asked = parser.parse_args()
    with suite.running(project=f"demo-screening-{os.getpid()}", only=("firestore",)) as emulator:
        os.environ["FIRESTORE_EMULATOR_HOST"] = emulator.address("firestore")
        text = table(round_trip_ms(FirebaseDataLayer(make_client(emulator.project, emulator=True))))
    print(text)
    if asked.write:
        Path(__file__).with_suffix(".md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
