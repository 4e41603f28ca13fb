"""What a look at the venue costs: HTTP calls and milliseconds of each broker's state and each module's snapshot.

    python docs/benchmarks/venue_calls.py [--data FOLDER] [--write]

Runs the shipped adapters (the real alpaca-py and ccxt) against the local venue in a process of its own, with the
modules' own universes; without a folder the venue's market is made up. "First" is a cold adapter and a venue that has
read nothing yet, "then" the median of the following looks at the same moment. `--write` keeps the table in
venue_calls.md beside this file.
"""

from __future__ import annotations

import argparse
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from modules.crypto.universe import UNIVERSE as CRYPTO  # noqa: E402
from modules.options.universe import UNIVERSE as OPTIONS  # noqa: E402
from modules.stocks.universe import UNIVERSE as STOCKS  # noqa: E402
from orchestrator.adapters.alpaca.broker import AlpacaBroker  # noqa: E402
from orchestrator.adapters.alpaca.client import AlpacaKeys  # noqa: E402
from orchestrator.adapters.alpaca.market import AlpacaMarketData  # noqa: E402
from orchestrator.adapters.ccxt.broker import KrakenBroker  # noqa: E402
from orchestrator.adapters.ccxt.client import binance_client, kraken_client  # noqa: E402
from orchestrator.adapters.ccxt.market import CcxtMarketData  # noqa: E402
from orchestrator.adapters.transport import CallMeter  # noqa: E402
from orchestrator.domain.market import DataRequest  # noqa: E402

ROUNDS = 9
DAILY = 1440
MOMENT = datetime(2026, 8, 3, 18, 0, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Cost:
    """Calls and milliseconds of one look."""

    calls: int
    ms: float


def measured(look: Callable[[], object], meter: CallMeter) -> Cost:
    """Look once."""
    calls, started = meter.calls, time.perf_counter()
    look()
    return Cost(meter.calls - calls, (time.perf_counter() - started) * 1000)


@contextmanager
def venue(data: Path | None) -> Iterator[str]:
    """Serve a market that stands still at `MOMENT`, in a process of its own."""
    made_up = ["--synthetic", "--seed", "7", "--start", MOMENT.isoformat(), "--speed", "0"]
    replay = ["--data", str(data), "--from", "2026-07-16", "--to", "2026-08-21"]
    command = [sys.executable, "-m", "venue", *(made_up if data is None else replay), "--port", "0"]
    server = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        told = server.stdout.readline() if server.stdout is not None else ""
        found = re.search(r"http://\S+", told)
        if found is None:
            raise SystemExit(f"the venue did not start: {told}")
        if data is not None:
            httpx.post(f"{found[0]}/venue/clock", json={"to": MOMENT.isoformat()}, timeout=120).raise_for_status()
        yield found[0]
    finally:
        server.terminate()
        server.wait()
        if server.stdout is not None:
            server.stdout.close()


def looks(url: str) -> dict[str, tuple[Callable[[], object], CallMeter]]:
    """Return every look with the meter of its calls."""
    keys = AlpacaKeys("key", "secret", base_url=url, data_url=url)
    alpaca, stock_data, option_data = AlpacaBroker(keys), AlpacaMarketData(keys), AlpacaMarketData(keys)
    client, data_client = kraken_client("key", "c2VjcmV0", base_url=url), kraken_client(base_url=url)
    pairs, chains = CRYPTO["pairs"], OPTIONS["underlyings"]
    kraken = KrakenBroker(client)
    crypto_data = CcxtMarketData(data_client, binance_client(base_url=url))
    stocks = tuple(sorted({symbol for listed in STOCKS.values() for symbol in listed}))
    ask_stocks = DataRequest(bars={DAILY: stocks}, quotes=stocks)
    ask_options = DataRequest(bars={DAILY: chains}, quotes=chains, chains=chains, max_days_to_expiry=60)
    ask_crypto = DataRequest(bars={DAILY: pairs}, quotes=pairs)
    return {
        "Alpaca state": (lambda: alpaca.state(""), alpaca.meter),
        f"stocks snapshot ({len(stocks)} symbols, 400 days)": (
            lambda: stock_data.snapshot(ask_stocks, MOMENT),
            stock_data.meter,
        ),
        f"options snapshot ({len(chains)} chains, 60 days)": (
            lambda: option_data.snapshot(ask_options, MOMENT),
            option_data.meter,
        ),
        "Kraken state": (lambda: kraken.state(""), kraken.meter),
        f"crypto snapshot ({len(pairs)} pairs)": (lambda: crypto_data.snapshot(ask_crypto, MOMENT), crypto_data.meter),
    }


def table(url: str) -> str:
    """Return the measurements as Markdown."""
    lines = ["| look | calls first | ms first | calls then | ms then | ms a call |", "|---|---|---|---|---|---|"]
    for name, (look, meter) in looks(url).items():
        first = measured(look, meter)
        then = [measured(look, meter) for _ in range(ROUNDS)]
        ms, calls = statistics.median(cost.ms for cost in then), then[-1].calls
        lines.append(f"| {name} | {first.calls} | {first.ms:.0f} | {calls} | {ms:.1f} | {ms / max(calls, 1):.1f} |")
    return "\n".join(lines)


def main() -> int:
    """Measure and print."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--data", type=Path)
    words.add_argument("--write", action="store_true")
    options = words.parse_args()
    with venue(options.data) as url:
        name = "synthetic, seed 7" if options.data is None else f"replay at {MOMENT:%Y-%m-%d}"
        text = f"# Calls to the venue\n\n{(__doc__ or '').splitlines()[0]}\n\nMarket: {name}.\n\n{table(url)}\n"
    print(text)
    if options.write:
        Path(__file__).with_suffix(".md").write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
