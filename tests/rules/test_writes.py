"""What a command and a person's preferences must look like; each case differs from a good one in one thing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from orchestrator.domain.codec import decode
from orchestrator.domain.documents import CommandDoc, CommandKind, UserDoc
from tests.rules.rest import Firestore, Person

pytestmark = pytest.mark.emulator

OWNER = Person("owner", "u-owner", "owner")
OPERATOR = Person("operator", "u-operator", "operator")
VIEWER = Person("viewer", "u-viewer", "viewer")

ABSENT = object()


def command(person: Person = OWNER, **changes: Any) -> dict[str, Any]:
    good = {
        "schema": 1,
        "kind": "halt",
        "by": person.uid,
        "role": person.role,
        "args": {},
        "reason": "something is wrong",
        "created_at": datetime.now(UTC),
        "status": "new",
        **changes,
    }
    return {key: value for key, value in good.items() if value is not ABSENT}


KINDS = {
    "owner": {"halt", "reduce", "flatten", "resume", "rearm", "resolve", "set_limits", "adopt"}
    | {"promote", "reject", "pin", "acknowledge", "run"},
    "operator": {"halt", "reduce", "flatten", "acknowledge", "run"},
    "viewer": set(),
}


@pytest.mark.parametrize("kind", [*CommandKind, "liquidate", "HALT", ""])
@pytest.mark.parametrize("person", [OWNER, OPERATOR, VIEWER], ids=lambda person: person.name)
def test_each_role_asks_for_its_kinds_only(firestore: Firestore, person: Person, kind: str) -> None:
    allowed = kind in KINDS[person.name]
    assert firestore.create(person, "commands/c1", command(person, kind=str(kind))) == (200 if allowed else 403)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"result": None},
        {"reason": ""},
        {"reason": "x" * 500},
        {"args": {"module": "stocks"}},
        {"args": {"notification": "n" * 128, "module": "crypto", "accept_loss": "yes"}},
        {"kind": "flatten", "args": {"confirm": "flatten"}},
        {"kind": "resolve", "args": {"order": "sabc", "outcome": "filled", "qty": "1", "price": "101.5"}},
        {"kind": "adopt", "args": {"symbol": "BTC/USD", "qty": "0.1", "stop": "50000"}},
        {"kind": "set_limits", "args": {"limits": '{"daily_loss": "0.02"}'}},
    ],
    ids=str,
)
def test_a_good_command_is_taken_and_fits_the_model(firestore: Firestore, changes: dict[str, Any]) -> None:
    asked = command(**changes)
    assert firestore.create(OWNER, "commands/c1", asked) == 200
    decode(CommandDoc, asked, where="commands/c1")


def test_a_command_may_carry_the_servers_time(firestore: Firestore) -> None:
    asked = command(created_at=ABSENT)
    assert firestore.create(OWNER, "commands/c1", asked, now=("created_at",)) == 200


BAD = {
    "schema missing": {"schema": ABSENT},
    "schema of tomorrow": {"schema": 2},
    "schema as text": {"schema": "1"},
    "kind missing": {"kind": ABSENT},
    "kind a list": {"kind": ["halt"]},
    "by missing": {"by": ABSENT},
    "by somebody else": {"by": "u-operator"},
    "by null": {"by": None},
    "role missing": {"role": ABSENT},
    "role of somebody else": {"role": "operator"},
    "role empty": {"role": ""},
    "args missing": {"args": ABSENT},
    "args a text": {"args": "module=stocks"},
    "args a list": {"args": ["stocks"]},
    "args with an unknown name": {"args": {"shell": "rm"}},
    "args with a number": {"args": {"module": 1}},
    "args with a map": {"args": {"module": {"deep": "x"}}},
    "args with a truth": {"args": {"accept_loss": True}},
    "args with null": {"args": {"module": None}},
    "args too long": {"args": {"module": "x" * 129}},
    "an order that is a number": {"kind": "resolve", "args": {"order": 1, "outcome": "cancelled"}},
    "an order with an unknown name": {"kind": "resolve", "args": {"order": "s", "shell": "rm"}},
    "limits as a map": {"kind": "set_limits", "args": {"limits": {"daily_loss": "0.02"}}},
    "limits too long": {"kind": "set_limits", "args": {"limits": "1" * 4097}},
    "reason missing": {"reason": ABSENT},
    "reason a number": {"reason": 1},
    "reason null": {"reason": None},
    "reason too long": {"reason": "x" * 501},
    "status missing": {"status": ABSENT},
    "status done": {"status": "done"},
    "status executing": {"status": "executing"},
    "result forged": {"result": {"ok": True, "message": "done", "at": datetime(2026, 7, 16, tzinfo=UTC)}},
    "result a text": {"result": "done"},
    "created_at missing": {"created_at": ABSENT},
    "created_at a text": {"created_at": "2026-07-16T13:30:00Z"},
    "created_at null": {"created_at": None},
    "an extra field": {"admin": True},
}


@pytest.mark.parametrize("changes", BAD.values(), ids=BAD.keys())
def test_a_malformed_command_is_denied(firestore: Firestore, changes: dict[str, Any]) -> None:
    assert firestore.create(OWNER, "commands/c1", command(**changes)) == 403


@pytest.mark.parametrize(("shift_s", "allowed"), [(-40, True), (40, True), (-75, False), (75, False), (86_400, False)])
def test_a_command_is_of_this_minute(firestore: Firestore, shift_s: int, allowed: bool) -> None:
    asked = command(created_at=datetime.now(UTC) + timedelta(seconds=shift_s))
    assert firestore.create(OWNER, "commands/c1", asked) == (200 if allowed else 403)


def test_a_commands_id_has_a_bound(firestore: Firestore) -> None:
    assert firestore.create(OWNER, f"commands/{'x' * 64}", command()) == 200
    assert firestore.create(OWNER, f"commands/{'x' * 65}", command()) == 403


def test_a_command_is_never_changed_or_taken_back_by_who_asked(firestore: Firestore) -> None:
    assert firestore.create(OWNER, "commands/c1", command()) == 200
    assert firestore.create(OWNER, "commands/c1", command()) in (403, 409)
    assert firestore.update(OWNER, "commands/c1", {"status": "done"}) == 403
    assert firestore.update(OWNER, "commands/c1", {"reason": "other"}) == 403
    assert firestore.delete(OWNER, "commands/c1") == 403


def test_a_role_is_the_tokens_and_not_the_documents(firestore: Firestore) -> None:
    forged = command(VIEWER, role="owner")
    assert firestore.create(VIEWER, "commands/c1", forged) == 403
    assert firestore.create(OPERATOR, "commands/c1", command(OPERATOR, kind="resume", role="owner")) == 403


GOOD_PREFERENCES: dict[str, dict[str, Any]] = {
    "devices": {"devices": ["a", "b"]},
    "ten devices": {"devices": ["t" * 512] * 10},
    "notify": {"notify": {"order_filled": True, "drift_found": False}},
    "both, empty": {"devices": [], "notify": {}},
}
BAD_PREFERENCES: dict[str, dict[str, Any]] = {
    "role": {"role": "owner"},
    "email": {"email": "x@example.com"},
    "schema": {"schema": 2},
    "an extra field": {"notify": {}, "admin": True},
    "devices a text": {"devices": "token"},
    "devices of maps": {"devices": [{"a": 1}]},
    "eleven devices": {"devices": ["t"] * 11},
    "devices too long": {"devices": ["t" * 5121]},
    "notify a list": {"notify": [True]},
    "notify with a text": {"notify": {"fills": "yes"}},
    "notify with a number": {"notify": {"fills": 1}},
    "notify with a map": {"notify": {"fills": {"a": True}}},
    "notify too wide": {"notify": {f"k{n}": True for n in range(33)}},
    "notify keys too long": {"notify": {f"{n}{'k' * 1000}": True for n in range(3)}},
}


@pytest.mark.parametrize("changes", GOOD_PREFERENCES.values(), ids=GOOD_PREFERENCES.keys())
def test_preferences_are_taken(firestore: Firestore, changes: dict[str, Any]) -> None:
    firestore.seed("users/u-viewer", {"schema": 1, "email": "v@example.com", "role": "viewer"})
    assert firestore.update(VIEWER, "users/u-viewer", changes) == 200
    decode(UserDoc, {"schema": 1, "role": "viewer", **changes}, where="users/u-viewer")


@pytest.mark.parametrize("changes", BAD_PREFERENCES.values(), ids=BAD_PREFERENCES.keys())
def test_anything_else_in_the_own_document_is_denied(firestore: Firestore, changes: dict[str, Any]) -> None:
    firestore.seed("users/u-viewer", {"schema": 1, "email": "v@example.com", "role": "viewer"})
    assert firestore.update(VIEWER, "users/u-viewer", changes) == 403


def test_a_person_cannot_write_or_remove_anothers_preferences(firestore: Firestore) -> None:
    firestore.seed("users/u-viewer", {"schema": 1})
    assert firestore.update(OWNER, "users/u-viewer", {"notify": {}}) == 403
    assert firestore.delete(VIEWER, "users/u-viewer") == 403
