"""The commands that look at a desk and steer it, on the memory store and a venue in this process."""

import json
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from orchestrator.adapters.memory.store import MemoryDataLayer
from orchestrator.audit import first_fault
from orchestrator.bootstrap import Builder
from orchestrator.cli import app
from orchestrator.commands import execute
from orchestrator.domain.base import ModuleName
from orchestrator.domain.codec import encode
from orchestrator.domain.documents import DESK_STATE, AuditDoc
from orchestrator.domain.errors import StoreUnavailableError
from orchestrator.domain.risk import DeskState
from orchestrator.domain.searches import TuningDoc
from orchestrator.ports import Put, Snapshot
from orchestrator.settings import Settings
from tests.small_market import desk_on, write_folder
from tests.watched_desk import brake, documents, lose, new_desk, put_book, put_state, working

DAY = datetime(2026, 7, 16, tzinfo=UTC)


@pytest.fixture
def store() -> MemoryDataLayer:
    desk = new_desk(now=datetime.now(UTC))
    assert isinstance(desk, MemoryDataLayer)
    return desk


@pytest.fixture
def watched(store: MemoryDataLayer) -> Builder:
    """A desk without a venue."""
    return Builder(Settings({"GCLOUD_PROJECT": "demo-watched"}), store=store)


@pytest.fixture
def trading(tmp_path: Path) -> Iterator[Builder]:
    """A desk on a small market, ten minutes after the open."""
    with desk_on(write_folder(tmp_path / "data")) as (built, exchange):
        exchange.advance(DAY + timedelta(hours=13, minutes=40))
        yield built


def desk(built: Builder, *arguments: str, **variables: str) -> Result:
    return CliRunner().invoke(app, list(arguments), obj=built, env={"COLUMNS": "80", **variables})


def told(result: Result, *, code: int = 0) -> dict[str, Any]:
    assert result.exit_code == code, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def failed(result: Result, *words: str, code: int) -> None:
    assert result.exit_code == code, result.output
    assert result.stderr.count("\n") == 1, result.stderr
    assert [word for word in words if word not in result.stderr] == []


def test_run_shows_what_was_decided_and_its_cost(trading: Builder) -> None:
    result = desk(trading, "run", "stocks")
    assert result.exit_code == 0, result.output
    assert "stocks slot 2026-07-16 13:40:00 UTC on demo-small" in result.stdout
    assert "round trips to the store" in result.stdout


def test_run_tells_a_program_each_verdict(trading: Builder) -> None:
    found = told(desk(trading, "run", "stocks", "--slot", "2026-07-16T13:40:00Z", "--json"))
    assert (found["module"], found["slot"]) == ("stocks", "2026-07-16T13:40:00+00:00")
    assert found["round_trips"] <= 5
    for result in found["results"]:
        assert result["verdict"] in {"approved", "resized", "denied"}
        assert (result["verdict"] == "denied") == (result["state"] is None)


def test_a_halted_desk_denies_with_code_and_limit(trading: Builder) -> None:
    put_state(trading.store, DeskState.HALTED)
    result = desk(trading, "run", "stocks")
    assert "denied" in result.stdout
    assert "DESK_HALTED" in result.stdout.replace("\n", "")


def test_a_slot_runs_once(trading: Builder) -> None:
    desk(trading, "run", "stocks")
    again = desk(trading, "run", "stocks")
    assert again.exit_code == 0
    assert "has run already" in again.stdout


def test_a_slot_that_is_still_to_come_does_not_run_for_none_would_until_then(trading: Builder) -> None:
    failed(desk(trading, "run", "stocks", "--slot", "2050-01-01T00:00:00Z"), "--slot", "2050", "still to come", code=2)
    assert "duplicate" not in desk(trading, "run", "stocks").stdout


def test_run_says_which_key_is_missing(watched: Builder, store: MemoryDataLayer) -> None:
    put_book(store, ModuleName.STOCKS, equity=1, last_slot=None)
    put_book(store, ModuleName.CRYPTO, equity=1, last_slot=None)
    failed(desk(watched, "run", "stocks"), "ALPACA_API_KEY is not set", code=2)
    failed(desk(watched, "run", "crypto"), "KRAKEN_API_KEY is not set", code=2)


def test_run_refuses_parameters_out_of_range_and_writes_nothing(trading: Builder) -> None:
    path = "parameters/stocks"
    data = trading.store.get_many([path])[path].data
    values = {**data["values"], "timeframe": 7}
    trading.store.commit([Put(path, {**data, "values": values})])
    before = documents(trading.store, "orders", "cycles", "books", "events")
    failed(desk(trading, "run", "stocks"), "parameters/stocks", "timeframe", code=2)
    assert documents(trading.store, "orders", "cycles", "books", "events") == before


def test_a_venue_that_does_not_answer_is_exit_1_and_said(tmp_path: Path) -> None:
    with desk_on(write_folder(tmp_path / "data"), ALPACA_BASE_URL="http://127.0.0.1:9", FIREDESK_CLOCK="") as (
        built,
        _,
    ):
        result = desk(built, "run", "stocks")
    assert result.exit_code == 1
    assert "venue down" in result.stdout


def test_a_venue_clock_that_does_not_answer_is_exit_3(tmp_path: Path) -> None:
    with desk_on(write_folder(tmp_path / "data"), ALPACA_BASE_URL="http://127.0.0.1:9") as (built, _):
        failed(desk(built, "run", "stocks"), "venue clock", "127.0.0.1:9", code=3)


def test_a_desk_that_is_not_set_up_says_how(watched: Builder) -> None:
    empty = Builder(watched.settings, store=MemoryDataLayer())
    for command in (["run", "stocks"], ["status"], ["watch", "--once"]):
        failed(desk(empty, *command), "is missing", "desk doctor --seed", code=2)


def test_status_fits_eighty_columns_and_cuts_no_amount(watched: Builder, store: MemoryDataLayer) -> None:
    order = working()[-1]
    held = Decimal("-1234567.89")
    put_book(
        store, ModuleName.STOCKS, equity=80_000, orders={order.id: order}, realized_pnl=held, now=datetime.now(UTC)
    )
    result = desk(watched, "status")
    assert result.exit_code == 0, result.output
    assert max(map(len, result.stdout.splitlines())) <= 80
    for word in ("demo-watched", "ACTIVE", "equity 100,000.00 USD", "-1,234,567.89", order.id, "WORKING"):
        assert word in result.stdout


def test_status_says_who_pulled_the_brake(watched: Builder, store: MemoryDataLayer) -> None:
    put_state(store, DeskState.HALTED, by="olga")
    assert "HALTED by olga: test" in desk(watched, "status").stdout


def test_status_tells_a_program_money_as_text(watched: Builder) -> None:
    found = told(desk(watched, "status", "--json"))
    assert found["summary"]["equity"] == "100000"
    assert set(found["summary"]["modules"]) == {"stocks", "options", "crypto"}
    assert found["working_orders"] == []


def test_status_is_one_round_trip_and_writes_nothing(watched: Builder, store: MemoryDataLayer) -> None:
    before = (store.usage.round_trips, store.usage.writes)
    desk(watched, "status")
    assert (store.usage.round_trips, store.usage.writes) == (before[0] + 1, before[1])


def test_a_damaged_document_is_one_line(watched: Builder, store: MemoryDataLayer) -> None:
    store.commit([Put(DESK_STATE, {"schema": 1, "state": "MAYBE"})])
    failed(desk(watched, "status"), "desk/state", "state", code=2)


def test_watch_looks_once(watched: Builder) -> None:
    result = desk(watched, "watch", "--once")
    assert result.exit_code == 0
    assert "equity 100,000.00 USD" in result.stdout
    assert told(desk(watched, "watch", "--once", "--json"))["desk"] == "demo-watched"


def test_ctrl_c_ends_a_watch_cleanly(watched: Builder, monkeypatch: pytest.MonkeyPatch) -> None:
    def pressed(_seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(time, "sleep", pressed)
    for more in ([], ["--json"]):
        result = desk(watched, "watch", *more)
        assert result.exit_code == 0, result.output
        assert result.stderr == ""


class ShakyStore(MemoryDataLayer):
    """A store that is away for one look, once it is told."""

    away = 0

    def get_many(self, paths: Sequence[str]) -> Mapping[str, Snapshot]:
        if self.away:
            self.away -= 1
            raise StoreUnavailableError("the store is away")
        return super().get_many(paths)


def test_a_watch_survives_a_store_that_is_away_for_a_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    store = ShakyStore()
    new_desk(store, now=datetime.now(UTC))
    steps = iter([1, 0])

    def look_again(_seconds: float) -> None:
        away = next(steps, None)
        if away is None:
            raise KeyboardInterrupt
        store.away = away

    monkeypatch.setattr(time, "sleep", look_again)
    result = desk(Builder(Settings({"GCLOUD_PROJECT": "demo-watched"}), store=store), "watch")
    assert result.exit_code == 0, result.output
    assert "no answer, trying again: the store is away" in result.stdout
    assert "equity 100,000.00 USD" in result.stdout


def test_halt_is_done_from_here_when_nobody_answers(watched: Builder, store: MemoryDataLayer) -> None:
    result = desk(watched, "halt", "--reason", "storm", "--wait", "0")
    assert result.exit_code == 0, result.output
    assert "done on demo-watched: the desk is HALTED" in result.stdout
    assert brake(store) is DeskState.HALTED
    assert documents(store, "desk")[DESK_STATE]["by"] == "console"


def test_halt_is_asked_as_every_client_asks_and_audited(watched: Builder, store: MemoryDataLayer) -> None:
    found = told(desk(watched, "halt", "--reason", "storm", "--wait", "0", "--json"))
    assert (found["status"], found["ok"]) == ("done", True)
    (command,) = documents(store, "commands").values()
    assert (command["kind"], command["by"], command["reason"]) == ("halt", "console", "storm")
    trail = [AuditDoc.model_validate(entry) for entry in documents(store, "audit").values()]
    assert [entry.action for entry in trail] == ["halt"]
    assert first_fault(trail) is None


def test_a_trigger_that_answers_is_waited_for(watched: Builder, store: MemoryDataLayer) -> None:
    def trigger(path: str, before: object, after: object) -> None:
        if path.startswith("commands/") and before is None:
            threading.Thread(target=execute, args=(store, path.partition("/")[2], datetime.now(UTC))).start()

    store.listen(trigger)
    assert told(desk(watched, "halt", "--wait", "30", "--json"))["status"] == "done"
    assert len(documents(store, "audit")) == 1


def test_reduce_and_resume(watched: Builder, store: MemoryDataLayer) -> None:
    assert desk(watched, "reduce", "--wait", "0").exit_code == 0
    assert brake(store) is DeskState.REDUCING
    assert desk(watched, "resume", "--wait", "0").exit_code == 0
    assert brake(store) is DeskState.ACTIVE


def test_a_refusal_is_exit_1_and_says_what_to_do(watched: Builder, store: MemoryDataLayer) -> None:
    lose(store, 12_000, now=datetime.now(UTC))
    desk(watched, "halt", "--wait", "0")
    refusal = desk(watched, "resume", "--wait", "0")
    assert refusal.exit_code == 1, refusal.output
    assert "refused" in refusal.stdout
    assert "accept_loss" in refusal.stdout
    assert brake(store) is DeskState.HALTED
    assert desk(watched, "resume", "--accept-loss", "--wait", "0").exit_code == 0
    assert brake(store) is DeskState.ACTIVE


def test_parameters_go_back_to_an_earlier_version(trading: Builder) -> None:
    second = _second_version(trading, {"timeframe": 60})
    assert told(desk(trading, "parameters", "stocks", "--json"))["active"] == 2
    found = told(desk(trading, "parameters", "stocks", "--activate", "1", "--json"))
    assert (found["active"], [doc["version"] for doc in found["versions"]]) == (1, [1, 2])
    stored = trading.store.get_many(["parameters/stocks"])["parameters/stocks"].data
    assert (stored["version"], stored["activated_by"]) == (1, "console")
    assert stored["values"] != second
    (entry,) = documents(trading.store, "audit").values()
    assert (entry["action"], entry["detail"]["from"], entry["detail"]["to"]) == ("activate_parameters", "2", "1")
    assert [event["kind"] for event in documents(trading.store, "events").values()] == ["parameters_activated"]
    assert "trades" in desk(trading, "parameters", "stocks").stdout


def test_parameters_say_what_the_last_night_of_tuning_came_to(trading: Builder) -> None:
    assert told(desk(trading, "parameters", "options", "--json"))["last_night"] == ""
    assert "last tuning: none yet" in desk(trading, "parameters", "options").stdout
    doc = TuningDoc(
        module=ModuleName.OPTIONS, said="not enough evidence: 3 closed trades", updated_at=datetime.now(UTC)
    )
    trading.store.commit([Put("tuning/options", encode(doc))])
    assert "last tuning: not enough evidence: 3 closed trades" in desk(trading, "parameters", "options").stdout


def test_a_version_out_of_bounds_or_missing_does_not_trade(trading: Builder) -> None:
    _second_version(trading, {"timeframe": 60})
    path = "parameters/stocks/versions/1"
    first = trading.store.get_many([path])[path].data
    trading.store.commit([Put(path, {**first, "values": {**first["values"], "timeframe": 7}})])
    failed(desk(trading, "parameters", "stocks", "--activate", "1"), path, "timeframe", code=2)
    failed(desk(trading, "parameters", "stocks", "--activate", "9"), "versions/9 does not exist", code=2)
    assert told(desk(trading, "parameters", "stocks", "--json"))["active"] == 2
    assert documents(trading.store, "audit") == {}


def _second_version(built: Builder, change: dict[str, Any]) -> dict[str, Any]:
    """Let a second version trade, as tuning would."""
    path = "parameters/stocks"
    data = built.store.get_many([path])[path].data
    values = {**data["values"], **change}
    doc = {**data, "version": 2, "values": values, "activated_by": "tuning"}
    built.store.commit([Put(path, doc), Put(f"{path}/versions/2", doc)])
    return values
