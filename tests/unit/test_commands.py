"""Commands: who may ask, what it does, once, answered, audited and told."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from orchestrator.adapters.memory.notifier import MemoryRunner
from orchestrator.adapters.memory.store import MemoryDataLayer
from orchestrator.audit import first_fault
from orchestrator.commands import CLAIM, CONSOLE, LOOSENING_VALID, execute, open_commands
from orchestrator.domain.base import ModuleName
from orchestrator.domain.codec import decode, encode
from orchestrator.domain.documents import (
    DESK_EXPOSURE,
    DESK_STATE,
    AuditDoc,
    CommandDoc,
    CommandKind,
    DeskStateDoc,
    EventKind,
    ExposureDoc,
    NotificationDoc,
)
from orchestrator.domain.errors import (
    BrokerUnavailableError,
    MalformedDataError,
    MissingDataError,
    StoreUnavailableError,
)
from orchestrator.domain.paths import command_path, notification_path
from orchestrator.domain.risk import DeskState
from orchestrator.ports import Put, Replace, Write
from tests.watched_desk import (
    NOW,
    brake,
    documents,
    lose,
    new_desk,
    put_command,
    put_state,
    put_user,
    read,
)

HALT, REDUCE, RESUME = CommandKind.HALT, CommandKind.REDUCE, CommandKind.RESUME
ACKNOWLEDGE, RUN = CommandKind.ACKNOWLEDGE, CommandKind.RUN


@pytest.fixture
def store() -> MemoryDataLayer:
    desk = new_desk()
    assert isinstance(desk, MemoryDataLayer)
    put_user(desk, "olga", role="owner")
    put_user(desk, "oscar", role="operator")
    put_user(desk, "vera", role="viewer")
    return desk


def ask(store: MemoryDataLayer, kind: CommandKind, *, runner: MemoryRunner | None = None, **more: Any) -> CommandDoc:
    return execute(store, put_command(store, kind, **more), NOW, runner=runner)


def audit(store: MemoryDataLayer) -> list[AuditDoc]:
    entries = [decode(AuditDoc, data, where=path) for path, data in documents(store, "audit").items()]
    return sorted(entries, key=lambda entry: entry.n)


@pytest.mark.parametrize(
    ("kind", "state"),
    [(HALT, DeskState.HALTED), (REDUCE, DeskState.REDUCING), (RESUME, DeskState.ACTIVE)],
)
def test_the_owner_moves_the_brake(store: MemoryDataLayer, kind: CommandKind, state: DeskState) -> None:
    put_state(store, DeskState.REDUCING if kind is not REDUCE else DeskState.ACTIVE)
    done = ask(store, kind, reason="lunch")
    assert (done.status, brake(store)) == ("done", state)
    assert done.result is not None
    assert done.result.message == f"the desk is {state}"
    assert read(store, DeskStateDoc, DESK_STATE).reason == "lunch"


def test_a_command_is_answered_audited_and_told(store: MemoryDataLayer) -> None:
    ask(store, HALT, reason="lunch")
    (entry,) = audit(store)
    assert (entry.n, entry.who, entry.action, entry.detail["status"]) == (1, "olga", "halt", "done")
    kinds = sorted(event["kind"] for event in documents(store, "events").values())
    assert kinds == ["command_executed", "state_changed"]


@pytest.mark.parametrize(
    ("by", "role", "kind", "status"),
    [
        ("olga", "owner", HALT, "done"),
        ("oscar", "operator", HALT, "done"),
        ("oscar", "operator", REDUCE, "done"),
        ("oscar", "operator", RESUME, "refused"),
        ("vera", "viewer", HALT, "refused"),
        ("vera", "viewer", RESUME, "refused"),
        # The lesser of claim and mirror counts: a token that outlived a demotion, a mirror nobody made.
        ("vera", "owner", HALT, "refused"),
        ("oscar", "owner", RESUME, "refused"),
        ("olga", "viewer", HALT, "refused"),
        ("olga", "", HALT, "refused"),
        ("nobody", "owner", HALT, "refused"),
        (CONSOLE, "owner", HALT, "done"),
        (CONSOLE, "viewer", HALT, "refused"),
    ],
)
def test_rights_are_the_lesser_of_claim_and_mirror(
    store: MemoryDataLayer, by: str, role: str, kind: CommandKind, status: str
) -> None:
    before = brake(store)
    done = ask(store, kind, by=by, role=role)
    assert done.status == status
    if status == "refused":
        assert brake(store) is before
        assert "ask the owner" in (done.result.message if done.result else "")
    assert [entry.detail["status"] for entry in audit(store)] == [status]


def test_a_damaged_mirror_is_no_right(store: MemoryDataLayer) -> None:
    store.commit([Put("users/olga", {"schema": 1, "role": 7})])
    assert ask(store, HALT).status == "refused"


def test_an_operator_does_not_loosen_a_halt_by_reducing(store: MemoryDataLayer) -> None:
    put_state(store, DeskState.HALTED)
    done = ask(store, REDUCE, by="oscar", role="operator")
    assert (done.status, brake(store)) == ("refused", DeskState.HALTED)
    assert ask(store, REDUCE, command_id="again").status == "done"
    assert brake(store) is DeskState.REDUCING


def test_what_is_so_already_is_answered_and_changes_nothing(store: MemoryDataLayer) -> None:
    before = store.get_many([DESK_STATE])[DESK_STATE].version
    done = ask(store, RESUME)
    assert done.result is not None
    assert done.result.message == "the desk already was ACTIVE"
    assert store.get_many([DESK_STATE])[DESK_STATE].version == before


def test_resume_waits_for_the_loss_to_be_accepted(store: MemoryDataLayer) -> None:
    lose(store, 20_000)
    put_state(store, DeskState.HALTED)
    refused = ask(store, RESUME)
    assert refused.status == "refused"
    assert refused.result is not None
    assert "resume with accept_loss=yes" in refused.result.message
    accepted = ask(store, RESUME, command_id="again", args={"accept_loss": "yes"})
    assert (accepted.status, brake(store)) == ("done", DeskState.ACTIVE)
    exposure = read(store, ExposureDoc, DESK_EXPOSURE)
    assert (exposure.peak_equity, exposure.day_start_equity) == (Decimal(80_000), Decimal(80_000))


def test_an_old_resume_is_refused_and_an_old_halt_is_not(store: MemoryDataLayer) -> None:
    long_ago = NOW - LOOSENING_VALID - timedelta(minutes=1)
    put_state(store, DeskState.REDUCING)
    assert ask(store, RESUME, created_at=long_ago).status == "refused"
    assert ask(store, HALT, created_at=long_ago).status == "done"


def test_a_command_is_done_once(store: MemoryDataLayer) -> None:
    command_id = put_command(store, HALT)
    first = execute(store, command_id, NOW)
    put_state(store, DeskState.ACTIVE)
    written = store.usage.writes
    assert execute(store, command_id, NOW + timedelta(minutes=3)) == first
    assert (store.usage.writes, brake(store)) == (written, DeskState.ACTIVE)


class Interrupted(MemoryDataLayer):
    """Runs something else right before a commit: the other one of two triggers."""

    def __init__(self, store: MemoryDataLayer) -> None:
        super().__init__()
        self.store = store
        self.rival: list[str] = []

    def get_many(self, paths):  # type: ignore[no-untyped-def]
        return self.store.get_many(paths)

    def query(self, *given, **named):  # type: ignore[no-untyped-def]
        return self.store.query(*given, **named)

    def commit(self, writes: Sequence[Write]) -> Mapping[str, str]:
        while self.rival:
            execute(self.store, self.rival.pop(), NOW)
        return self.store.commit(writes)


def test_two_triggers_of_one_command_do_it_once(store: MemoryDataLayer) -> None:
    slow = Interrupted(store)
    command_id = put_command(store, HALT)
    slow.rival.append(command_id)
    assert execute(slow, command_id, NOW).status == "done"
    assert [entry.n for entry in audit(store)] == [1]


def test_two_commands_at_once_take_two_numbers_of_the_audit(store: MemoryDataLayer) -> None:
    slow = Interrupted(store)
    slow.rival.append(put_command(store, REDUCE, command_id="b"))
    execute(slow, put_command(store, HALT, command_id="a"), NOW)
    entries = audit(store)
    assert [(entry.n, entry.action) for entry in entries] == [(1, "reduce"), (2, "halt")]
    assert first_fault(entries) is None
    assert brake(store) is DeskState.HALTED


def test_a_notification_is_acknowledged_once(store: MemoryDataLayer) -> None:
    doc = NotificationDoc(
        event_id="e1", kind=EventKind.ORDER_FILLED, severity="info", title="t", body="b", created_at=NOW
    )
    store.commit([Put(notification_path("e1"), encode(doc))])
    ask(store, ACKNOWLEDGE, by="oscar", role="operator", args={"notification": "e1"})
    again = ask(store, ACKNOWLEDGE, command_id="again", args={"notification": "e1"})
    assert read(store, NotificationDoc, notification_path("e1")).acknowledged_by == "oscar"
    assert again.result is not None
    assert again.result.message == "oscar already acknowledged it"


def test_an_unknown_notification_is_refused_by_name(store: MemoryDataLayer) -> None:
    for args in ({}, {"notification": "nothing"}):
        done = ask(store, ACKNOWLEDGE, command_id=f"c{len(args)}", args=args)
        assert (done.status, done.result is not None and "no notification" in done.result.message) == ("refused", True)


def test_run_fires_the_module_once(store: MemoryDataLayer) -> None:
    runner = MemoryRunner()
    command_id = put_command(store, RUN, by="oscar", role="operator", args={"module": "crypto"})
    for _ in range(3):
        assert execute(store, command_id, NOW, runner=runner).status == "done"
    assert runner.fired == [ModuleName.CRYPTO]


@pytest.mark.parametrize(
    ("args", "runner", "words"),
    [
        ({"module": "bonds"}, MemoryRunner(), "no module 'bonds'; args.module is one of stocks, options, crypto"),
        ({}, MemoryRunner(), "no module ''"),
        ({"module": "stocks"}, None, "use `desk run`"),
        ({"module": "stocks"}, MemoryRunner(faults=[BrokerUnavailableError("no answer")]), "was not fired: no answer"),
    ],
)
def test_a_run_that_cannot_be_is_refused(
    store: MemoryDataLayer, args: dict[str, str], runner: MemoryRunner | None, words: str
) -> None:
    done = ask(store, RUN, args=args, runner=runner)
    assert done.status == "refused"
    assert done.result is not None
    assert words in done.result.message


def test_a_run_whose_answer_was_lost_is_never_fired_again(store: MemoryDataLayer) -> None:
    command_id = put_command(store, RUN, args={"module": "crypto"})

    class Dies(MemoryRunner):
        def run(self, module: ModuleName) -> None:
            super().run(module)
            raise KeyboardInterrupt

    dying, runner = Dies(), MemoryRunner()
    with pytest.raises(KeyboardInterrupt):
        execute(store, command_id, NOW, runner=dying)
    assert execute(store, command_id, NOW + timedelta(minutes=1), runner=runner).status == "executing"
    late = execute(store, command_id, NOW + CLAIM + timedelta(seconds=1), runner=runner)
    assert (late.status, dying.fired, runner.fired) == ("refused", [ModuleName.CRYPTO], [])
    assert late.result is not None
    assert "it may have run" in late.result.message


def test_a_store_that_does_not_answer_is_passed_on(store: MemoryDataLayer) -> None:
    class Down(MemoryDataLayer):
        def get_many(self, paths):  # type: ignore[no-untyped-def]
            return store.get_many(paths)

        def query(self, *given, **named):  # type: ignore[no-untyped-def]
            return store.query(*given, **named)

        def commit(self, writes):  # type: ignore[no-untyped-def]
            raise StoreUnavailableError("no answer")

    with pytest.raises(StoreUnavailableError):
        execute(Down(), put_command(store, HALT), NOW)
    assert open_commands(store) == ["halt-1"]


def test_a_desk_that_is_not_set_up_refuses_with_the_reason() -> None:
    store = MemoryDataLayer()
    done = ask(store, HALT, by=CONSOLE)
    assert done.result is not None
    assert "desk/state is missing" in done.result.message


def test_a_command_that_is_not_there_is_named(store: MemoryDataLayer) -> None:
    with pytest.raises(MissingDataError, match="commands/none does not exist"):
        execute(store, "none", NOW)


def test_a_damaged_command_is_named(store: MemoryDataLayer) -> None:
    store.commit([Put(command_path("bad"), {"schema": 1, "kind": "explode"})])
    with pytest.raises(MalformedDataError, match="commands/bad is not a valid CommandDoc: kind"):
        execute(store, "bad", NOW)


def test_open_commands_are_found_oldest_first(store: MemoryDataLayer) -> None:
    put_command(store, HALT, command_id="second", created_at=NOW)
    put_command(store, HALT, command_id="first", created_at=NOW - timedelta(minutes=1))
    execute(store, put_command(store, HALT, command_id="done"), NOW)
    assert open_commands(store) == ["first", "second"]


def test_a_changed_entry_breaks_the_audit_chain(store: MemoryDataLayer) -> None:
    for number in range(4):
        ask(store, HALT, command_id=f"c{number}")
    entries = audit(store)
    assert first_fault(entries) is None
    snapshot = store.get_many(["audit/2"])["audit/2"]
    forged = {**snapshot.data, "who": "somebody else"}
    store.commit([Replace("audit/2", forged, snapshot.version)])
    assert first_fault(audit(store)) == 2
    assert first_fault([entry for entry in entries if entry.n != 3]) == 3
