"""A process that is killed between two steps of a cycle: the next one finishes its work, through Firestore and HTTP."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from orchestrator.bootstrap import Builder, default_parameters
from orchestrator.domain.base import ModuleName
from orchestrator.domain.codec import decode
from orchestrator.domain.documents import BookDoc, book_path
from orchestrator.seed import seed
from orchestrator.settings import Settings
from scripts.market import desk_environment
from venue import Exchange, serve
from venue.feed import AssetKind
from venue.replay.feed import ReplayFeed

ROOT = Path(__file__).resolve().parents[2]

CHILD = """
import os, signal, sys
from datetime import datetime
from orchestrator.bootstrap import Builder
from orchestrator.settings import Settings
from orchestrator.domain.base import ModuleName

builder, (moment, slot) = Builder(Settings(dict(os.environ))), sys.argv[1:]
broker = builder.desk(ModuleName.STOCKS).broker
submit = broker.submit

def die(order):
    if moment == "after":
        submit(order)
    os.kill(os.getpid(), signal.SIGKILL)

broker.submit = die
now = datetime.fromisoformat(slot)
builder.orchestrator().cycle(ModuleName.STOCKS, slot=now, now=now)
"""


class Scene:
    """A venue on recorded data, and a desk whose state is in the Firestore emulator."""

    def __init__(self, exchange: Exchange, environment: dict[str, str]) -> None:
        self.exchange, self.environment = exchange, environment
        self.builder = Builder(Settings({**os.environ, **environment}))
        seed(self.builder.store, default_parameters(), now=exchange.now)

    def kill(self, moment: str, now: datetime) -> None:
        """Run a cycle in a process of its own that dies at its first submission."""
        child = subprocess.run(
            [sys.executable, "-c", CHILD, moment, now.isoformat()],
            env={**os.environ, **self.environment, "PYTHONPATH": str(ROOT)},
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert child.returncode == -signal.SIGKILL, child.stderr

    def cycle(self, now: datetime) -> None:
        """Run a cycle in a new process's state: nothing but Firestore is remembered."""
        self.exchange.advance(now)
        fresh = Builder(Settings({**os.environ, **self.environment}))
        fresh.orchestrator().cycle(ModuleName.STOCKS, slot=now, now=now)

    @property
    def book(self) -> BookDoc:
        path = book_path(ModuleName.STOCKS)
        return decode(BookDoc, self.builder.store.get_many([path])[path].data, where=path)

    @property
    def venue_orders(self) -> Counter[str]:
        account = self.exchange.accounts["alpaca"]
        return Counter(order.client_order_id for order in account.orders.values())


@pytest.fixture
def scene(firestore_project: str, data_root: Path) -> Iterator[Scene]:
    universe = {AssetKind.STOCK: ("SPY", "QQQ", "XLK", "XLF", "XLV", "DIA", "IWM", "AAPL")}
    feed = ReplayFeed(data_root, date(2026, 7, 16), date(2026, 7, 20), universe)
    exchange = Exchange(feed)
    with serve(exchange) as url:
        first = exchange.schedule(feed.now, feed.end)[0].time
        exchange.advance(first)
        yield Scene(exchange, {**desk_environment(url), "GCLOUD_PROJECT": firestore_project})


@pytest.mark.emulator
@pytest.mark.parametrize("moment", ["before", "after"])
def test_the_next_cycle_finishes_what_a_killed_process_began(scene: Scene, moment: str) -> None:
    start = scene.exchange.now
    scene.kill(moment, start)
    committed = set(scene.book.orders)
    assert committed, "the killed process had committed its intents"
    for minutes in (5, 10, 15):
        scene.cycle(start + timedelta(minutes=minutes))
    assert committed <= set(scene.venue_orders), "every committed intent reached the venue"
    assert set(scene.venue_orders.values()) == {1}, "one order at the venue for each intent"
    assert scene.book.drift == {}
    held = {leg.symbol: leg.qty for position in scene.book.positions.values() for leg in position.legs}
    assert held == {one.symbol: one.qty for one in scene.exchange.accounts["alpaca"].held()}
