"""How fast the backtest is, against vectorbt and backtesting.py on the same bars in one run.

    python docs/benchmarks/backtest.py [--write]

500,000 made-up one-minute bars, crossing of SMA(10) and SMA(30), filled at the next open at 0.1 % a side; a sweep of
1,000 pairs; trials of the search on 100,000 bars; the first call with nothing compiled. The peers get environments of
their own under .firedesk/. Times are processor seconds, medians of several runs: other work on the machine slows every
engine, it does not count as theirs. Sweeps are measured by the clock, for they may use every core; the fastest of
several counts. The desk's engine runs with stops, caps, spread, impact and fees on; the
peers with the fee alone. `--write` keeps the result in backtest.md beside this file.
"""

from __future__ import annotations

import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(Path(__file__).parent)]

import numpy as np  # noqa: E402
from backtest_peers import CASH, FAST, FEE, SLOW, pairs_of  # noqa: E402

from ml.backtest import layout  # noqa: E402
from ml.backtest.account import Account, Costs, Limits  # noqa: E402
from ml.backtest.cross import Cross, crosses, sweep  # noqa: E402
from ml.backtest.engine import Market, Plan, Result, Rules, backtest  # noqa: E402
from ml.backtest.score import objective  # noqa: E402
from ml.tuning.search import best_values  # noqa: E402
from ml.tuning.space import Knob  # noqa: E402
from orchestrator.domain.market import Panel  # noqa: E402
from orchestrator.domain.stops import ExitRules  # noqa: E402

PEERS = {"vectorbt-rust": "vectorbt[rust]", "vectorbt-numba": "vectorbt[rust]", "backtesting": "backtesting"}
BARS, TRIAL_BARS, TRIALS, PEER_PAIRS = 500_000, 100_000, 200, 40
HERE = Path(__file__)
FULL = Account(
    capital=CASH,
    compound=True,
    costs=Costs(fee=FEE, half_spread=0.0001, impact=0.1, least_fee=0.01),
    limits=Limits(risk_per_trade=0.01, strategy=0.9, symbol=0.9, gross=0.9, min_order=1, volume_share=0.05),
)
SAME = Account(capital=CASH, compound=True, costs=Costs(fee=FEE), limits=Limits(gross=1.0))
STOPS = ExitRules(stop_moves=8, target_r=10, trail_after_r=3, trail_r=2, max_hold_hours=480)
NO_STOPS = ExitRules(stop_pct=0.5, target_r=10, trail_after_r=10, trail_r=5, max_hold_hours=2160)


def bars_of(rows: int) -> dict[str, Any]:
    """Return a random walk of one-minute bars."""
    chance = np.random.default_rng(1)
    close = 100 * np.exp(np.cumsum(chance.normal(0, 0.0005, rows)))
    opened = np.concatenate([[100.0], close[:-1]]) * (1 + chance.normal(0, 1e-4, rows))
    return {
        "ends": 1_700_000_040 + 60 * np.arange(rows, dtype=np.int64),
        "open": opened,
        "high": np.maximum(opened, close) * (1 + np.abs(chance.normal(0, 2e-4, rows))),
        "low": np.minimum(opened, close) * (1 - np.abs(chance.normal(0, 2e-4, rows))),
        "close": close,
        "volume": chance.uniform(1e5, 1e6, rows),
    }


def market_of_bars(bars: dict[str, Any], *, move: float = 0.0005) -> Market:
    """Return the bars as the engine's market; the move is a share of the price, sizes want all there is."""
    columns = (bars[name][:, None] for name in ("open", "high", "low", "close", "volume"))
    panel = Panel(("A",), bars["ends"], *columns)
    return Market(panel, panel.close * move, 0.0005, np.full(panel.close.shape, 1.0))


def single(market: Market, account: Account, exits: ExitRules) -> Result:
    """Return one run, from bars to trades and equity."""
    plan = Plan("cross", crosses(market.panel, Cross(FAST, SLOW)), Rules(exits, 1, 1.0))
    return backtest(market, [plan], account)


def seconds_of(run: Callable[[], Any], *, rounds: int, clock: Callable[[], float] = time.process_time) -> list[float]:
    """Return the seconds of several runs, after a first one that is not counted."""
    run()
    seconds = []
    for _ in range(rounds):
        started = clock()
        run()
        seconds.append(clock() - started)
    return seconds


def median_seconds(run: Callable[[], Any], *, rounds: int) -> float:
    """Return the median of processor seconds."""
    return statistics.median(seconds_of(run, rounds=rounds))


def peer(engine: str, mode: str, file: Path) -> dict[str, Any]:
    """Return what a peer measured, in an environment of its own."""
    from scripts.tools import find_uv

    home = ROOT / ".firedesk" / "benchmarks" / engine.partition("-")[0]
    python = home / "bin" / "python"
    if not python.exists():
        subprocess.run([find_uv(), "venv", "--quiet", "--python", sys.executable, str(home)], check=True)
        install = [find_uv(), "pip", "install", "--quiet", "--python", str(python), PEERS[engine]]
        subprocess.run(install, check=True)
    command = [str(python), "-W", "ignore", str(HERE.with_name("backtest_peers.py")), engine, mode, str(file)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def trials_per_second(market: Market) -> float:
    """Return trials of the search in a processor second: windows and stop distance."""
    knobs = [Knob("fast", 5, 24, True, 10), Knob("slow", 30, 280, True, 30), Knob("stop", 2, 8, False, 4)]

    def score(values: Any) -> float:
        signals = crosses(market.panel, Cross(int(values["fast"]), int(values["slow"])))
        exits = ExitRules(stop_moves=values["stop"], target_r=10, trail_after_r=3, trail_r=2)
        return objective(backtest(market, [Plan("cross", signals, Rules(exits, 1, 1.0))], FULL), bars_per_year=525_600)

    return TRIALS / median_seconds(lambda: best_values(score, knobs, seed=1, trials=TRIALS), rounds=1)


def part(name: str, file: Path) -> dict[str, float]:
    """Measure one part in a process of its own."""
    bars = dict(np.load(file))
    if name == "first":
        started = time.perf_counter()
        single(market_of_bars(bars), FULL, STOPS)
        return {"wall": time.perf_counter() - started, "cpu": time.process_time()}
    market, rules = market_of_bars(bars), Rules(STOPS, 1, 1.0)
    pairs = [Cross(*one) for one in pairs_of("sweep1000")]
    alone = median_seconds(lambda: sweep(market, pairs, rules, FULL, threads=1), rounds=3)
    clock = min(seconds_of(lambda: sweep(market, pairs, rules, FULL), rounds=5, clock=time.perf_counter))
    return {"alone": alone, "clock": clock, "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000}


def own(name: str, file: Path, **variables: str) -> dict[str, Any]:
    """Return what a part measured in a new process."""
    command = [sys.executable, str(HERE), "--part", name, str(file)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env={**os.environ, **variables})
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def disagreement(found: dict[str, Any], same: Result) -> float:
    """Return by how much the two engines differ at most: equity before the last bar and gains, relative."""
    closed = same.ledger[same.ledger[:, layout.T_REASON] != layout.ENDED]
    rows = closed[:, layout.T_POSITION + layout.ROW - layout.SIDE]
    if (found["trades"], found["entries"], found["exits"]) != (len(closed), rows.sum(), closed[:, layout.T_EXIT].sum()):
        return float("inf")
    gains = closed[:, layout.T_POSITION + layout.FLOW - layout.SIDE].sum()
    pairs = ((found["equity"], same.equity[-2]), (found["gains"], gains))
    return max(abs(theirs - ours) / abs(theirs) for theirs, ours in pairs)


def measure(file: Path) -> list[tuple[str, str, str]]:
    """Return the rows of the table: what, measured, target."""
    market = market_of_bars(dict(np.load(file)))
    peers = {name: peer(name, "single", file) for name in PEERS}
    theirs = {name: statistics.median(found["seconds"]) for name, found in peers.items()}
    ours = median_seconds(lambda: single(market, FULL, STOPS), rounds=9)
    bare = median_seconds(lambda: single(market, SAME, NO_STOPS), rounds=9)
    swept, first = own("sweep", file), None
    with tempfile.TemporaryDirectory() as empty:
        first = own("first", file, NUMBA_CACHE_DIR=empty)
    rival = peer("vectorbt-rust", f"sweep{PEER_PAIRS}", file)
    rate, alone = 1000 * BARS / swept["clock"], 1000 * BARS / swept["alone"]
    rival_rate = PEER_PAIRS * BARS / min(rival["clock"])
    differ = disagreement(peers["vectorbt-rust"]["agreement"], single(market, SAME, NO_STOPS))
    best = min(theirs["vectorbt-rust"], theirs["vectorbt-numba"])
    trials = trials_per_second(market_of_bars(bars_of(TRIAL_BARS)))
    return [
        ("single run, stops, caps, spread, impact and fees", f"{ours * 1e3:.1f} ms", ""),
        ("single run, fee alone, nothing else", f"{bare * 1e3:.1f} ms", ""),
        *((f"single run, {name}, fee alone", f"{seconds * 1e3:.1f} ms", "") for name, seconds in theirs.items()),
        ("against vectorbt's faster engine", f"{best / ours:.1f} x", "5 x"),
        ("against backtesting.py", f"{theirs['backtesting'] / ours:.0f} x", "200 x"),
        ("largest difference from vectorbt, trades and equity", f"{differ:.1e}", "1e-9"),
        ("sweep of 1,000 pairs, parameter-bars a second by the clock", f"{rate / 1e9:.2f} G", "1 G"),
        ("the same with one thread, parameter-bars a processor second", f"{alone / 1e9:.2f} G", ""),
        (f"sweep, vectorbt (Rust), {PEER_PAIRS} pairs, by the clock", f"{rival_rate / 1e6:.1f} M", ""),
        ("sweep against vectorbt", f"{rate / rival_rate:.0f} x", "60 x"),
        ("peak memory of the sweep", f"{swept['peak_mb']:.0f} MB", "500 MB"),
        (f"search, {TRIALS} trials on {TRIAL_BARS:,} bars", f"{trials:.0f} trials/s", "250"),
        ("first call, nothing compiled", f"{first['wall']:.1f} s ({first['cpu']:.1f} s of processor)", "5 s"),
    ]


def main(arguments: list[str]) -> None:
    """Measure, print, and keep the table where it is asked for."""
    if arguments[:1] == ["--part"]:
        print(json.dumps(part(arguments[1], Path(arguments[2]))))
        return
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "bars.npz"
        np.savez(file, **bars_of(BARS))
        rows = measure(file)
    started = time.process_time()
    sum(range(20_000_000))
    pace = time.process_time() - started
    text = "# Speed of the backtest\n\nWritten by `python docs/benchmarks/backtest.py --write`: medians of processor "
    text += f"seconds, Python {platform.python_version()}. `sum(range(20_000_000))` took {pace:.2f} s "
    text += "afterwards.\n\n| what | measured | target |\n|---|---|---|\n"
    text += "".join(f"| {what} | {measured} | {target} |\n" for what, measured, target in rows)
    print(text)
    if "--write" in arguments:
        notes = HERE.with_suffix(".md")
        kept = notes.read_text(encoding="utf-8").partition("\n## ") if notes.exists() else ("", "", "")
        notes.write_text(text + "".join(kept[1:]), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
