"""`desk flatten`, `rearm`, `resolve`, `limits`: what the owner asks for by hand, and bad input to it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from orchestrator.adapters.memory.store import MemoryDataLayer
from orchestrator.bootstrap import Builder
from orchestrator.cli import app
from orchestrator.domain.base import ModuleName
from orchestrator.domain.codec import encode
from orchestrator.domain.documents import CONFIG_RISK, DESK_STATE, BookDoc, DeskStateDoc, RiskLimitsDoc, book_path
from orchestrator.domain.orders import Evidence, OrderState, plan
from orchestrator.domain.risk import DeskState, RiskLimits
from orchestrator.ports import Put
from orchestrator.settings import Settings
from tests.builders import position
from tests.watched_desk import NOW, brake, documents, intent, life, lose, new_desk, put_book, put_state, read

UNKNOWN = life(plan(intent(5), NOW), Evidence.SUBMIT_STARTED, Evidence.ANSWER_LOST)[-1]


@pytest.fixture
def store() -> MemoryDataLayer:
    found = new_desk(now=datetime.now(UTC))
    assert isinstance(found, MemoryDataLayer)
    return found


@pytest.fixture
def built(store: MemoryDataLayer) -> Builder:
    return Builder(Settings({"GCLOUD_PROJECT": "demo-watched"}), store=store)


def desk(built: Builder, *arguments: str, typed: str = "") -> Result:
    return CliRunner().invoke(app, list(arguments), obj=built, input=typed)


def state(store: MemoryDataLayer) -> DeskStateDoc:
    return read(store, DeskStateDoc, DESK_STATE)


def test_flatten_asks_whether_it_is_meant(built: Builder, store: MemoryDataLayer) -> None:
    refused = desk(built, "flatten", "--wait", "0", typed="n\n")
    assert refused.exit_code == 1
    assert (state(store).flatten, documents(store, "commands")) == (False, {})
    done = desk(built, "flatten", "--wait", "0", "--reason", "storm", typed="y\n")
    assert done.exit_code == 0, done.output
    assert "the desk is HALTED and closes everything it holds" in done.stdout
    assert (brake(store), state(store).by) == (DeskState.HALTED, "console")


def test_status_says_that_everything_is_being_closed(built: Builder, store: MemoryDataLayer) -> None:
    assert "closing everything" not in desk(built, "status").stdout
    doc = DeskStateDoc(state=DeskState.HALTED, flatten=True, breach="drawdown", changed_at=NOW)
    store.commit([Put(DESK_STATE, encode(doc))])
    shown = " ".join(desk(built, "status").stdout.split())
    assert "closing everything it holds" in shown
    assert "the limit for drawdown was reached: `desk rearm` before it is resumed" in shown


def test_a_flatten_of_nothing_is_over_at_once(built: Builder, store: MemoryDataLayer) -> None:
    assert desk(built, "flatten", "--yes", "--wait", "0").exit_code == 0
    assert desk(built, "status").exit_code == 0
    assert {event["kind"] for event in documents(store, "events").values()} >= {"state_changed", "command_executed"}


def test_a_book_that_cannot_be_looked_after_from_here_is_told(built: Builder, store: MemoryDataLayer) -> None:
    """This shell has no venue's keys; the desk is halted all the same."""
    held = position()
    put_book(store, ModuleName.STOCKS, equity=80_000, positions={held.id: held}, now=datetime.now(UTC))
    result = desk(built, "flatten", "--yes", "--wait", "0")
    assert result.exit_code == 0, result.output
    (event,) = [event for event in documents(store, "events").values() if event["kind"] == "cycle_failed"]
    assert "could not look after the book: ConfigurationError: ALPACA_API_KEY is not set" in event["text"]
    assert state(store).flatten


def test_rearm_then_resume(built: Builder, store: MemoryDataLayer) -> None:
    lose(store, 20_000, now=datetime.now(UTC))
    put_state(store, DeskState.HALTED)
    result = desk(built, "rearm", "--wait", "0")
    assert "losses count anew from $80,000.00" in result.stdout.replace("\n", " ")
    assert brake(store) is DeskState.HALTED
    assert desk(built, "resume", "--wait", "0").exit_code == 0


def test_an_order_in_doubt_is_resolved(built: Builder, store: MemoryDataLayer) -> None:
    put_book(store, ModuleName.STOCKS, equity=80_000, orders={UNKNOWN.id: UNKNOWN})
    result = desk(built, "resolve", UNKNOWN.id, "filled", "--qty", "10", "--price", "99.5", "--wait", "0")
    assert result.exit_code == 0, result.output
    order = read(store, BookDoc, book_path(ModuleName.STOCKS)).orders[UNKNOWN.id]
    assert (order.state, order.avg_px) == (OrderState.FILLED, Decimal("99.5"))


def test_a_resolution_the_desk_refuses_is_exit_1(built: Builder) -> None:
    result = desk(built, "resolve", "s-nothing", "cancelled", "--wait", "0")
    assert result.exit_code == 1
    assert "no book has an order 's-nothing'" in result.stdout


def test_an_outcome_nobody_knows_is_bad_input(built: Builder) -> None:
    result = desk(built, "resolve", "s1", "sold", "--wait", "0")
    assert result.exit_code == 2
    assert "never_arrived" in result.stderr


def test_limits_are_shown(built: Builder) -> None:
    assert "daily_loss" in desk(built, "limits").stdout
    shown = json.loads(desk(built, "limits", "--json").stdout)
    assert RiskLimits.model_validate(shown) == RiskLimits()


def test_limits_are_changed(built: Builder, store: MemoryDataLayer) -> None:
    changes = ("daily_loss=0.02", "module_allocation.crypto=0.1", "sectors.BRK.B=finance", "auto_reduce=false")
    result = desk(built, "limits", *changes, 'groups.cars=["F", "GM"]', "--wait", "0")
    assert result.exit_code == 0, result.output
    limits = read(store, RiskLimitsDoc, CONFIG_RISK).limits
    assert (limits.daily_loss, limits.module_allocation[ModuleName.CRYPTO]) == (Decimal("0.02"), Decimal("0.1"))
    assert (limits.sectors, limits.auto_reduce, limits.groups) == ({"BRK.B": "finance"}, False, {"cars": ("F", "GM")})
    assert desk(built, "limits", "sectors.BRK.B=null", "--wait", "0").exit_code == 0
    assert read(store, RiskLimitsDoc, CONFIG_RISK).limits.sectors == {}


def test_a_limit_the_desk_refuses_is_exit_1_with_the_reason(built: Builder, store: MemoryDataLayer) -> None:
    result = desk(built, "limits", "daily_loss=-1", "--wait", "0")
    assert result.exit_code == 1
    assert "daily_loss" in result.stdout
    assert read(store, RiskLimitsDoc, CONFIG_RISK).limits == RiskLimits()


@pytest.mark.parametrize("change", ["daily_loss", "=0.1", "daily_loss=0.1 a.b", "a=1", "groups.x=[F"])
def test_a_change_that_cannot_be_read_is_refused(built: Builder, store: MemoryDataLayer, change: str) -> None:
    result = desk(built, "limits", change, "--wait", "0")
    assert result.exit_code in {1, 2}
    assert read(store, RiskLimitsDoc, CONFIG_RISK).version == 0


@pytest.mark.parametrize("changes", [("daily_loss=0.1", "daily_loss=0.2"), ("sectors.F=cars", "sectors.F=boats")])
def test_a_limit_that_is_named_twice_is_bad_input(built: Builder, changes: tuple[str, str]) -> None:
    result = desk(built, "limits", *changes, "--wait", "0")
    assert result.exit_code == 2
    assert f"{changes[0].partition('=')[0]} is named twice" in result.stderr


def test_a_table_and_a_value_under_one_name_are_bad_input(built: Builder) -> None:
    result = desk(built, "limits", "sectors=x", "sectors.F=cars", "--wait", "0")
    assert result.exit_code == 2
    assert "TABLE.ROW=VALUE" in result.stderr


def test_a_symbol_whose_bars_fail_is_barred_until_they_pass(
    built: Builder, store: MemoryDataLayer, tmp_path: Path
) -> None:
    def barred() -> dict[str, str]:
        return read(store, RiskLimitsDoc, CONFIG_RISK).limits.barred

    desk(built, "limits", "barred.F=mine", "barred.XLF=mine", "--wait", "0")
    rows = [f"2026-07-{day:02d},10,11,9,10,100" for day in (13, 14, 15, 16, 17)]
    head = "date,open,high,low,close,volume"
    file, other = tmp_path / "XLK.csv", tmp_path / "XLF.csv"
    other.write_text("\n".join([head, *rows]))
    file.write_text("\n".join([head, *rows, rows[0].replace(",10,100", ",9.5,100")]))
    assert desk(built, "data", "check", str(tmp_path), "--bar").exit_code == 1
    assert barred()["XLK"].startswith("data: ")
    file.write_text("\n".join([head, *rows]))
    assert desk(built, "data", "check", str(tmp_path), "--bar").exit_code == 0
    assert barred() == {"F": "mine", "XLF": "mine"}
