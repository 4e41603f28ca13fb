"""Flatten and rearm: what they write, who may ask, what they refuse."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from orchestrator.adapters.memory.store import MemoryDataLayer
from orchestrator.commands import LOOSENING_VALID, execute
from orchestrator.domain.documents import DESK_EXPOSURE, DESK_STATE, CommandDoc, CommandKind, DeskStateDoc, ExposureDoc
from orchestrator.domain.risk import DeskState
from tests.watched_desk import NOW, brake, documents, lose, new_desk, put_command, put_state, put_user, read

FLATTEN, REARM, RESUME = CommandKind.FLATTEN, CommandKind.REARM, CommandKind.RESUME
YES = {"confirm": "flatten"}


@pytest.fixture
def store() -> MemoryDataLayer:
    desk = new_desk()
    assert isinstance(desk, MemoryDataLayer)
    for name, role in (("olga", "owner"), ("oscar", "operator"), ("vera", "viewer")):
        put_user(desk, name, role=role)
    return desk


def ask(store: MemoryDataLayer, kind: CommandKind, **more: Any) -> CommandDoc:
    return execute(store, put_command(store, kind, **more), NOW)


def said(command: CommandDoc) -> str:
    return command.result.message if command.result else ""


def state(store: MemoryDataLayer) -> DeskStateDoc:
    return read(store, DeskStateDoc, DESK_STATE)


@pytest.mark.parametrize(("by", "role"), [("olga", "owner"), ("oscar", "operator")])
def test_flatten_halts_the_desk_and_marks_it_for_closing(store: MemoryDataLayer, by: str, role: str) -> None:
    done = ask(store, FLATTEN, by=by, role=role, args=YES)
    assert (done.status, state(store).state, state(store).flatten) == ("done", DeskState.HALTED, True)
    (event,) = [e for e in documents(store, "events").values() if e["kind"] == "state_changed"]
    assert "Everything it holds is closed" in event["text"]


def test_a_halted_desk_can_still_be_flattened(store: MemoryDataLayer) -> None:
    put_state(store, DeskState.HALTED)
    assert ask(store, FLATTEN, args=YES).status == "done"
    assert state(store).flatten
    assert said(ask(store, FLATTEN, args=YES, command_id="again")) == "the desk already is closing everything"
    assert said(ask(store, CommandKind.HALT)) == "the desk already was HALTED"
    assert state(store).flatten, "a halt on top does not end it"


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"args": {}}, "ask with args.confirm = flatten"),
        ({"args": {"confirm": "yes"}}, "ask with args.confirm = flatten"),
        ({"args": YES, "by": "vera", "role": "viewer"}, "viewer may not flatten; ask the owner"),
        ({"args": YES, "created_at": NOW - LOOSENING_VALID - timedelta(minutes=1)}, "which is too long; ask again"),
    ],
)
def test_a_flatten_that_was_not_meant_now_is_refused(store: MemoryDataLayer, more: dict[str, Any], words: str) -> None:
    refused = ask(store, FLATTEN, **more)
    assert (refused.status, state(store).flatten, brake(store)) == ("refused", False, DeskState.ACTIVE)
    assert words in said(refused)


def test_only_the_owner_ends_a_flatten_by_resuming(store: MemoryDataLayer) -> None:
    ask(store, FLATTEN, args=YES)
    assert ask(store, CommandKind.REDUCE, by="oscar", role="operator").status == "refused"
    assert state(store).flatten
    assert ask(store, RESUME).status == "done"
    assert (state(store).state, state(store).flatten) == (DeskState.ACTIVE, False)


def test_rearm_counts_losses_anew_and_leaves_the_brake(store: MemoryDataLayer) -> None:
    lose(store, 20_000)
    put_state(store, DeskState.HALTED)
    done = ask(store, REARM)
    assert said(done) == (
        "losses count anew from $80,000.00 (drawdown 20.00% has reached the limit of 15.00%); "
        "the desk stays HALTED until it is resumed"
    )
    exposure = read(store, ExposureDoc, DESK_EXPOSURE)
    assert (exposure.peak_equity, exposure.day_start_equity) == (Decimal(80_000), Decimal(80_000))
    assert ask(store, RESUME).status == "done"
    assert brake(store) is DeskState.ACTIVE


@pytest.mark.parametrize("kind", [REARM, CommandKind.RESOLVE, CommandKind.SET_LIMITS])
@pytest.mark.parametrize(("by", "role"), [("oscar", "operator"), ("vera", "viewer")])
def test_losses_limits_and_orders_in_doubt_are_the_owners(
    store: MemoryDataLayer, kind: CommandKind, by: str, role: str
) -> None:
    assert said(ask(store, kind, by=by, role=role)) == f"{role} may not {kind}; ask the owner"
