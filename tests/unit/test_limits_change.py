"""The owner's limits are changed by command: checked as a whole, answered, audited, every version kept."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from orchestrator.adapters.memory.store import MemoryDataLayer
from orchestrator.commands import execute
from orchestrator.domain.base import ModuleName
from orchestrator.domain.documents import CONFIG_RISK, CommandDoc, CommandKind, RiskLimitsDoc, limits_version_path
from orchestrator.domain.errors import MalformedDataError
from orchestrator.domain.paths import command_path
from orchestrator.domain.risk import RiskLimits
from orchestrator.ports import Put
from orchestrator.sweep import sweep
from tests.watched_desk import NOW, documents, new_desk, put_book, put_command, put_user, read


@pytest.fixture
def store() -> MemoryDataLayer:
    desk = new_desk()
    assert isinstance(desk, MemoryDataLayer)
    put_user(desk, "olga", role="owner")
    return desk


def ask(store: MemoryDataLayer, limits: object) -> CommandDoc:
    number = len(documents(store, "commands"))
    text = limits if isinstance(limits, str) else json.dumps(limits)
    command = put_command(store, CommandKind.SET_LIMITS, args={"limits": text}, command_id=f"l{number}")
    return execute(store, command, NOW)


def said(command: CommandDoc) -> str:
    return command.result.message if command.result else ""


def stored(store: MemoryDataLayer) -> RiskLimitsDoc:
    return read(store, RiskLimitsDoc, CONFIG_RISK)


def test_a_limit_is_changed_and_the_rest_stays(store: MemoryDataLayer) -> None:
    done = ask(store, {"daily_loss": "0.02", "open_positions": 7})
    assert said(done) == "limits, version 1: daily_loss 0.03 → 0.02; open_positions 20 → 7"
    wanted = RiskLimits(daily_loss=Decimal("0.02"), open_positions=7)
    assert stored(store).limits == wanted
    assert (stored(store).version, stored(store).updated_by) == (1, "olga")


def test_a_row_of_a_table_is_changed_and_taken_out(store: MemoryDataLayer) -> None:
    ask(store, {"module_allocation": {"crypto": 0.1}, "sectors": {"TSLA": "cars", "F": "cars"}})
    ask(store, {"sectors": {"F": None}})
    limits = stored(store).limits
    assert limits.module_allocation == {**RiskLimits().module_allocation, ModuleName.CRYPTO: Decimal("0.1")}
    assert limits.sectors == {"TSLA": "cars"}


def test_the_limits_before_the_first_command_are_kept_too(store: MemoryDataLayer) -> None:
    before = stored(store)
    for loss in ("0.02", "0.01"):
        ask(store, {"daily_loss": loss})
    assert read(store, RiskLimitsDoc, limits_version_path(0)) == before


def test_every_version_is_kept_and_audited(store: MemoryDataLayer) -> None:
    for loss in ("0.02", "0.01"):
        ask(store, {"daily_loss": loss})
    kept = [read(store, RiskLimitsDoc, limits_version_path(n)).limits.daily_loss for n in (1, 2)]
    assert kept == [Decimal("0.02"), Decimal("0.01")]
    details = [entry["detail"] for entry in documents(store, "audit").values()]
    assert [(one["version"], one["limits"]) for one in details] == [
        ("1", '{"daily_loss": "0.02"}'),
        ("2", '{"daily_loss": "0.01"}'),
    ]


def test_what_is_so_already_writes_no_version(store: MemoryDataLayer) -> None:
    assert said(ask(store, {"daily_loss": "0.03"})) == "the limits already are so"
    assert stored(store).version == 0


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        ("", "args.limits is not JSON"),
        ("daily_loss=0.02", "args.limits is not JSON"),
        ("[]", "args.limits names no limit"),
        ("{}", "args.limits names no limit"),
        ({"daily_los": "0.02"}, "daily_los"),
        ({"daily_loss": "-0.01"}, "daily_loss"),
        ({"daily_loss": "1.5"}, "daily_loss"),
        ({"daily_loss": "NaN"}, "daily_loss"),
        ({"daily_loss": None}, "daily_loss"),
        ({"daily_loss": {"stocks": "0.1"}}, "daily_loss"),
        ({"module_allocation": {"stocks": "0.9"}}, "module_allocation adds up to 1.40, more than 1"),
        ({"module_allocation": {"bonds": "0.1"}}, "module_allocation"),
        ({"module_allocation": "0.1"}, "module_allocation"),
        ({"drawdown_reducing": "0.2"}, "drawdown_reducing is 0.2, above drawdown_halted, 0.15"),
        ({"daily_los": "1", "open_positions": -1}, "open_positions"),
    ],
)
def test_limits_that_make_no_sense_are_refused_with_the_reason(store: MemoryDataLayer, limits: Any, words: str) -> None:
    before = store.get_many([CONFIG_RISK])[CONFIG_RISK]
    refused = ask(store, limits)
    assert (refused.status, store.get_many([CONFIG_RISK])[CONFIG_RISK]) == ("refused", before)
    assert words in said(refused)
    assert "\n" not in said(refused)


def test_a_change_makes_damaged_limits_whole_again(store: MemoryDataLayer) -> None:
    good = RiskLimits(daily_loss=Decimal("0.01"))
    put_book(store, ModuleName.STOCKS, equity=80_000, limits=good.model_dump(mode="json"))
    store.commit([Put(CONFIG_RISK, {"schema": 1, "limits": {"daily_loss": "lots"}, "updated_at": NOW})])
    assert ask(store, {"open_positions": 5}).status == "done"
    assert stored(store).limits == RiskLimits(daily_loss=Decimal("0.01"), open_positions=5)


def raw(**changes: Any) -> dict[str, Any]:
    return {
        "schema": 1,
        "kind": "liquidate",
        "by": "olga",
        "role": "owner",
        "args": {},
        "reason": "",
        "created_at": NOW,
        "status": "new",
        **changes,
    }


def test_a_command_nobody_knows_is_refused_once_by_name(store: MemoryDataLayer) -> None:
    store.commit([Put(command_path("c1"), raw())])
    with pytest.raises(MalformedDataError, match="commands/c1"):
        execute(store, "c1", NOW)
    answered = documents(store, "commands")["commands/c1"]
    assert answered["status"] == "refused"
    assert answered["result"]["message"].startswith("no command 'liquidate'; kind is one of halt, reduce, resume,")
    (entry,) = documents(store, "audit").values()
    assert (entry["action"], entry["who"]) == ("unknown", "olga")
    assert sweep(store, NOW).problems == []


def test_a_command_that_is_damaged_beyond_its_kind_is_left_alone(store: MemoryDataLayer) -> None:
    store.commit([Put(command_path("c1"), raw(by=7))])
    with pytest.raises(MalformedDataError, match="by"):
        execute(store, "c1", NOW)
    assert documents(store, "commands")["commands/c1"]["status"] == "new"
