"""The brake with the modules' functions dead: one command, and the events functions do it all at the venue."""

from __future__ import annotations

import os
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from orchestrator.adapters.firestore.client import make_client
from orchestrator.adapters.firestore.data_layer import FirebaseDataLayer
from orchestrator.bootstrap import Builder, default_parameters
from orchestrator.domain.base import ModuleName
from orchestrator.domain.codec import encode
from orchestrator.domain.documents import DESK_STATE, BookDoc, CommandDoc, CommandKind, DeskStateDoc, book_path
from orchestrator.domain.orders import Evidence, Order, OrderState, OrderType, TimeInForce, apply, plan
from orchestrator.domain.paths import command_path
from orchestrator.domain.risk import DeskState
from orchestrator.ports import Broker, Put, Store
from orchestrator.seed import seed
from orchestrator.settings import Settings
from scripts import suite
from scripts.market import desk_environment
from scripts.steps import MissingToolError, in_ci
from tests.builders import intent, position
from tests.small_market import FIRST, LAST, write_folder
from tests.watched_desk import put_command, put_user, read
from venue import Exchange, serve
from venue.replay.feed import ReplayFeed

pytestmark = [pytest.mark.suite, pytest.mark.slow]

OPEN = datetime(2026, 7, 16, 13, 40, tzinfo=UTC)
STOCKS = ModuleName.STOCKS


@dataclass(frozen=True)
class Stage:
    """The emulators with the events functions only, and a venue of this process."""

    store: Store
    broker: Broker
    exchange: Exchange
    sweep: str
    """Where the sweeper is fired."""


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder: Path = write_folder(tmp_path_factory.mktemp("market") / "data")
    exchange = Exchange(ReplayFeed(folder, FIRST, LAST, None))
    exchange.advance(OPEN)
    patch = pytest.MonkeyPatch()
    try:
        with (
            serve(exchange) as url,
            suite.running(
                project=f"demo-brake-{os.getpid()}",
                only=("firestore", "functions"),
                codebases=("events",),
                environment={**desk_environment(url), "NOTIFY_URLS": " "},
            ) as running,
        ):
            patch.setenv("FIRESTORE_EMULATOR_HOST", running.address("firestore"))
            client = make_client(running.project, emulator=True)
            store = FirebaseDataLayer(client)
            seed(store, default_parameters(), now=OPEN)
            put_user(store, "olga", role="owner")
            settings = Settings({**desk_environment(url), "GCLOUD_PROJECT": running.project})
            with closing(Builder(settings, store=store)) as built:
                yield Stage(store, built.desk(STOCKS).broker, exchange, running.trigger_url("sweep"))
            client.close()  # type: ignore[no-untyped-call]
    except MissingToolError as error:
        if in_ci():
            raise
        pytest.skip(str(error))
    finally:
        patch.undo()


def soon(look: Callable[[], Any], seconds: float = 60.0) -> Any:
    """Return what `look` finds as soon as it finds it."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.1)
    return found


def sent(stage: Stage, name: str, **changes: Any) -> Order:
    """Send an order as a stocks cycle would have, before its function died."""
    decided = {"client_order_id": name, "position_id": name, "decided_at": OPEN, "limit_price": Decimal(20)}
    asked = intent(**decided | {"valid_until": OPEN + timedelta(minutes=15)} | changes)
    order = apply(plan(asked, OPEN), Evidence.SUBMIT_STARTED, OPEN)
    said = stage.broker.submit(order)
    return apply(order.model_copy(update={"broker_order_id": said.broker_order_id}), Evidence.ACKNOWLEDGED, OPEN)


def put_stocks(stage: Stage, **holds: Any) -> None:
    book = BookDoc(module=STOCKS, last_slot=OPEN, updated_at=OPEN, **holds)
    stage.store.commit([Put(book_path(STOCKS), encode(book))])


def asked(stage: Stage, kind: CommandKind, **args: str) -> str:
    """Ask as the owner's page does; return the answer."""
    command = put_command(stage.store, kind, created_at=datetime.now(UTC), args=args, command_id=f"{kind}-{len(args)}")
    result = soon(lambda: read(stage.store, CommandDoc, command_path(command)).result)
    return str(result.message)


def own_book(stage: Stage) -> BookDoc:
    return read(stage.store, BookDoc, book_path(STOCKS))


def test_a_halt_cancels_a_resting_entry_at_the_venue(stage: Stage) -> None:
    entry = sent(stage, "sbrakeentryaaaaaa1")
    put_stocks(stage, orders={entry.id: entry})
    assert asked(stage, CommandKind.HALT) == "the desk is HALTED"
    soon(lambda: own_book(stage).orders[entry.id].state is OrderState.CANCELLED)
    found = stage.broker.find(entry)
    assert found is not None
    assert found.state is OrderState.CANCELLED
    assert own_book(stage).last_slot == OPEN, "no cycle of the module has run"


def test_a_flatten_sells_at_the_venue_and_says_when_it_is_over(stage: Stage) -> None:
    bought = sent(
        stage, "sbrakeboughtaaaaa2", order_type=OrderType.MARKET, limit_price=None, time_in_force=TimeInForce.DAY
    )
    stage.exchange.advance(OPEN + timedelta(minutes=5))
    held = stage.broker.state("").positions["XLK"]
    assert held == bought.intent.qty
    put_stocks(stage, positions={bought.id: position(id=bought.id)}, orders={})
    stage.store.commit([Put(DESK_STATE, encode(DeskStateDoc(changed_at=OPEN)))])
    assert asked(stage, CommandKind.FLATTEN, confirm="flatten") == "the desk is HALTED and closes everything it holds"
    soon(lambda: own_book(stage).orders)
    stage.exchange.advance(OPEN + timedelta(minutes=10))
    soon(lambda: stage.broker.state("").positions.get("XLK", 0) == 0)
    for _ in range(2):
        swept(stage)
    state = read(stage.store, DeskStateDoc, DESK_STATE)
    assert (state.state, state.flatten) == (DeskState.HALTED, False)
    assert [event.data["kind"] for event in stage.store.query("events")].count("flattened") == 1


def swept(stage: Stage) -> None:
    """Fire the sweeper as Cloud Scheduler does: once it finds what was sold, once it finds nothing held."""
    slot = stage.exchange.now.strftime("%Y-%m-%dT%H:%M:%SZ")
    request = urllib.request.Request(stage.sweep, method="POST", data=b"")
    request.add_header("X-CloudScheduler-ScheduleTime", slot)
    with urllib.request.urlopen(request, timeout=60) as answer:
        assert answer.status == 200
