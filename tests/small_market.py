"""A small folder of market data and a desk on it, in this process: two funds, a year of daily bars, made up."""

from __future__ import annotations

import gzip
import math
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import date, timedelta
from pathlib import Path

from orchestrator.adapters.memory.store import MemoryDataLayer
from orchestrator.bootstrap import Builder, default_parameters
from orchestrator.seed import seed
from orchestrator.settings import Settings
from scripts.market import desk_environment
from venue import Exchange, serve
from venue.replay.feed import ReplayFeed

FIRST, LAST = date(2026, 7, 16), date(2026, 7, 22)
_HEAD = "date,open,high,low,close,adj_close,volume"


def write_folder(folder: Path) -> Path:
    """Write XLK and SPY in the layout of the market data."""
    daily = folder / "equity" / "daily" / "recent"
    daily.mkdir(parents=True)
    days = [LAST - timedelta(days=back) for back in range(420, -1, -1)]
    days = [day for day in days if day.isoweekday() <= 5]
    for name, start in (("XLK", 200.0), ("SPY", 600.0)):
        rows = [_HEAD, *(_row(day, start, index) for index, day in enumerate(days))]
        write_rows(daily / f"{name}.csv.gz", rows)
    return folder


def _row(day: date, start: float, index: int) -> str:
    close = start * (1 + 0.0008 * index) * (1 + 0.02 * math.sin(index / 3))
    low, high = close * 0.99, close * 1.01
    return f"{day},{close * 0.999:.2f},{high:.2f},{low:.2f},{close:.2f},{close:.2f},1000000"


def write_rows(file: Path, rows: list[str]) -> None:
    with gzip.open(file, "wt", encoding="utf-8") as out:
        out.write("\n".join(rows) + "\n")


def read_rows(file: Path) -> list[str]:
    with gzip.open(file, "rt", encoding="utf-8") as found:
        return found.read().splitlines()


@contextmanager
def desk_on(folder: Path, **variables: str) -> Iterator[tuple[Builder, Exchange]]:
    """A desk that is set up, with its store in memory and its venue on a port of this machine."""
    feed = ReplayFeed(folder, FIRST, LAST, None)
    exchange = Exchange(feed)
    with serve(exchange) as url:
        environment = {**desk_environment(url), "GCLOUD_PROJECT": "demo-small", **variables}
        store = MemoryDataLayer()
        seed(store, default_parameters(), now=feed.now)
        with closing(Builder(Settings(environment), store=store)) as built:
            yield built, exchange
