"""What a person may ask of the desk: checked, done once, answered, audited and told.

A command is answered in the commit that does it, compared with the command as it was read: whoever comes second finds
the answer. Only `run` reaches outside; it is marked `executing` first and fired at most once:

    new --(all but run: effect + answer + audit + event in one commit)--> done | refused
    new --(run: claim)--> executing --(fire, then answer + audit + event)--> done | refused
    executing, and nobody answered for five minutes --> refused: "it may have run"

Rights: the lesser of the role the rules saw (`command.role`) and the mirror `users/{uid}.role`. An operator may only
tighten the brake (flatten included); loosening it, limits and orders in doubt are the owner's. The command line, which
reaches the store with the owner's own Google credentials, signs as `console`; the rules let nobody else sign so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from orchestrator.adoption import adopt
from orchestrator.answers import Effect, Refusal
from orchestrator.audit import appended
from orchestrator.contention import until_settled
from orchestrator.domain.base import ModuleName
from orchestrator.domain.codec import decode, encode
from orchestrator.domain.documents import (
    CONFIG_RISK,
    DESK_EXPOSURE,
    DESK_STATE,
    CommandDoc,
    CommandKind,
    CommandResult,
    DeskStateDoc,
    NotificationDoc,
    UserDoc,
    event_path,
)
from orchestrator.domain.errors import MalformedDataError, MissingDataError, TradingError
from orchestrator.domain.events import command_answered, usd
from orchestrator.domain.paths import command_path, notification_path, user_path
from orchestrator.domain.risk import DeskState
from orchestrator.experiments import by_owner
from orchestrator.limits_change import set_limits
from orchestrator.ports import Json, Put, Replace, Snapshot, Store, Where, Write
from orchestrator.posttrade import STRICTNESS, assess, state_writes
from orchestrator.reduction import outgrown
from orchestrator.resolution import resolve
from orchestrator.status import PATHS, Desk, current_exposure, desk_of

CONSOLE = "console"
"""Who signs commands from the command line."""

RIGHTS: Mapping[str, frozenset[CommandKind]] = {
    "owner": frozenset(CommandKind),
    "operator": frozenset(
        {CommandKind.HALT, CommandKind.REDUCE, CommandKind.FLATTEN, CommandKind.ACKNOWLEDGE, CommandKind.RUN}
    ),
    "viewer": frozenset(),
}
_RANK = ("viewer", "operator", "owner")

CLAIM = timedelta(minutes=5)
"""How long `executing` may last before the answer counts as lost; longer than the function's time-out."""

LOOSENING_VALID = timedelta(minutes=15)
"""All but the brake that waited longer than this is refused: the person may have changed their mind."""

_NEVER_STALE = frozenset({CommandKind.HALT, CommandKind.REDUCE, CommandKind.ACKNOWLEDGE})

TIGHTENING = frozenset({CommandKind.HALT, CommandKind.REDUCE, CommandKind.FLATTEN})
"""What lets the caretaker look after every book at once: entries are cancelled without waiting for a cycle."""

_TARGET = {
    CommandKind.HALT: DeskState.HALTED,
    CommandKind.REDUCE: DeskState.REDUCING,
    CommandKind.RESUME: DeskState.ACTIVE,
}


class Runner(Protocol):
    """Fires a module's cycle now."""

    def run(self, module: ModuleName) -> None:
        """Fire it, or raise BrokerUnavailableError or ConfigurationError."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """A command with everything its answer depends on, read together."""

    store: Store
    id: str
    command: CommandDoc
    version: str
    user: UserDoc | None
    found: Mapping[str, Snapshot]
    now: datetime


def execute(store: Store, command_id: str, now: datetime, *, runner: Runner | None = None) -> CommandDoc:
    """Do a command if it is still open, and return it with its answer.

    Parameters
    ----------
    now
        The wall clock, also in a replay: people act in real time.
    runner
        Fires cycles; None = `run` is refused.

    Raises
    ------
    MissingDataError
        There is no such command.
    MalformedDataError
        The command document is damaged.
    """
    return until_settled(lambda: _execute(store, command_id, now, runner))


def _execute(store: Store, command_id: str, now: datetime, runner: Runner | None) -> CommandDoc:
    asked = _read(store, command_id, now)
    if asked.command.status in {"done", "refused"}:
        return asked.command
    try:
        _authorise(asked)
        _not_stale(asked)
        if asked.command.kind is CommandKind.RUN:
            return _run(asked, runner)
        return _answer(asked, "done", _EFFECTS[asked.command.kind](asked))
    except Refusal as refusal:
        return _answer(asked, "refused", Effect(str(refusal)))


def _read(store: Store, command_id: str, now: datetime) -> _Asked:
    path = command_path(command_id)
    snapshot = store.get_many([path]).get(path)
    if snapshot is None:
        raise MissingDataError(f"{path} does not exist: it was deleted before it was done")
    if _is_unheard_of(snapshot):
        _refuse_unheard_of(store, snapshot, now)
    command = decode(CommandDoc, snapshot.data, where=path)
    notification = notification_path(command.args.get("notification", "-"))
    found = store.get_many([user_path(command.by), notification, *PATHS])
    return _Asked(
        store=store,
        id=command_id,
        command=command,
        version=snapshot.version,
        user=_user(found.get(user_path(command.by))),
        found=found,
        now=now,
    )


def _is_unheard_of(snapshot: Snapshot) -> bool:
    """Whether it is an open command, sound but for its kind: of a newer page, or misspelt."""
    kind = snapshot.data.get("kind")
    return isinstance(kind, str) and kind not in set(CommandKind) and snapshot.data.get("status") == "new"


def _refuse_unheard_of(store: Store, snapshot: Snapshot, now: datetime) -> None:
    """Answer a command that this desk does not know; what else is damaged is left to the error that follows."""
    sound = decode(CommandDoc, {**snapshot.data, "kind": CommandKind.HALT.value}, where=snapshot.path)
    message = f"no command {snapshot.data['kind']!r}; kind is one of {', '.join(CommandKind)}"
    answer = {"status": "refused", "result": encode(CommandResult(ok=False, message=message, at=now))}
    detail = {"command": snapshot.path.rpartition("/")[2], "status": "refused", "message": message}
    entry = appended(store, who=sound.by, action="unknown", detail=detail, at=now)
    store.commit([Replace(snapshot.path, {**snapshot.data, **answer}, snapshot.version), entry])


def _user(snapshot: Snapshot | None) -> UserDoc | None:
    try:
        return None if snapshot is None else decode(UserDoc, snapshot.data, where=snapshot.path)
    except MalformedDataError:
        return None


def _role(asked: _Asked) -> str:
    """Return the lesser of the claimed and the mirrored role; "" when either is unknown."""
    claimed = asked.command.role
    mirrored = "owner" if asked.command.by == CONSOLE else asked.user.role if asked.user is not None else ""
    if claimed not in _RANK or mirrored not in _RANK:
        return ""
    return min(claimed, mirrored, key=_RANK.index)


def _authorise(asked: _Asked) -> None:
    role = _role(asked)
    if asked.command.kind not in RIGHTS.get(role, frozenset()):
        raise Refusal(f"{role or 'a person without a role'} may not {asked.command.kind}; ask the owner")


def _not_stale(asked: _Asked) -> None:
    age = asked.now - asked.command.created_at
    if asked.command.kind not in _NEVER_STALE and asked.command.status == "new" and age > LOOSENING_VALID:
        raise Refusal(f"asked {int(age.total_seconds() // 60)} minutes ago, which is too long; ask again")


def _desk(asked: _Asked) -> Desk:
    try:
        return desk_of(asked.found)
    except TradingError as error:
        raise Refusal(str(error)) from error


def _brake(asked: _Asked) -> Effect:
    """Tighten the brake; loosening from HALTED to REDUCING is the owner's."""
    desk, target = _desk(asked), _TARGET[asked.command.kind]
    if STRICTNESS[target] < STRICTNESS[desk.state.state] and _role(asked) != "owner":
        raise Refusal(f"the desk is {desk.state.state}; only the owner may loosen it")
    if desk.state.state is target:
        return Effect(f"the desk already was {target}")
    return Effect(f"the desk is {target}", state_writes(desk, _state(asked, target, breach=desk.state.breach)))


def _state(asked: _Asked, target: DeskState, *, breach: str = "") -> DeskStateDoc:
    reason = asked.command.reason or f"asked to {asked.command.kind}"
    return DeskStateDoc(state=target, by=asked.command.by, reason=reason, breach=breach, changed_at=asked.now)


def _resume(asked: _Asked) -> Effect:
    """Go back to ACTIVE; while a loss limit is reached only with `accept_loss`, which counts losses anew from here."""
    desk = _desk(asked)
    if desk.state.state is DeskState.ACTIVE:
        return Effect("the desk already was ACTIVE")
    # Equity is judged on the desk's own day: its clock may be a replay's.
    finding = assess(desk, desk.exposure.updated_at)
    if (over := outgrown(desk, desk.exposure.updated_at)) is not None:
        raise Refusal(f"{over}; bring it back under the limit, or raise the limit, then resume")
    writes = state_writes(desk, _state(asked, DeskState.ACTIVE))
    if finding.state is DeskState.ACTIVE and not desk.state.breach:
        return Effect("the desk is ACTIVE", writes)
    why = _breach(desk)
    if asked.command.args.get("accept_loss") != "yes":
        raise Refusal(f"{why}; rearm, or resume with accept_loss=yes, to count losses anew from here")
    return Effect(f"the desk is ACTIVE; losses count anew from here ({why})", [*writes, _rearmed(desk)])


def _breach(desk: Desk) -> str:
    """Return which loss limit is or was reached, "" when none."""
    finding = assess(desk, desk.exposure.updated_at)
    lasting = f"the limit for {desk.state.breach} was reached" if desk.state.breach else ""
    return finding.reason if finding.breach else lasting


def _rearm(asked: _Asked) -> Effect:
    """Count losses anew from the present equity; the brake stays where it is."""
    desk = _desk(asked)
    why, equity = _breach(desk), current_exposure(desk, desk.exposure.updated_at).equity
    writes: list[Write] = [_rearmed(desk)]
    if desk.state.breach:
        after = desk.state.model_copy(update={"breach": ""})
        writes.append(Replace(DESK_STATE, encode(after), desk.versions[DESK_STATE]))
    rest = "" if desk.state.state is DeskState.ACTIVE else f"; the desk stays {desk.state.state} until it is resumed"
    return Effect(f"losses count anew from {usd(equity)}" + (f" ({why})" if why else "") + rest, writes)


def _rearmed(desk: Desk) -> Write:
    exposure = current_exposure(desk, desk.exposure.updated_at)
    starts = dict.fromkeys(("peak_equity", "day_start_equity", "week_start_equity"), exposure.equity)
    return Replace(DESK_EXPOSURE, encode(exposure.model_copy(update=starts)), desk.versions[DESK_EXPOSURE])


def _flatten(asked: _Asked) -> Effect:
    """Close everything held: HALTED, and a mark that stays until every book is flat."""
    desk = _desk(asked)
    if asked.command.args.get("confirm") != "flatten":
        raise Refusal("this closes everything the desk holds; ask with args.confirm = flatten")
    if desk.state.flatten:
        return Effect("the desk already is closing everything")
    after = _state(asked, DeskState.HALTED, breach=desk.state.breach).model_copy(update={"flatten": True})
    return Effect("the desk is HALTED and closes everything it holds", state_writes(desk, after))


def _adopt(asked: _Asked) -> Effect:
    return adopt(_desk(asked), asked.command.args, command_id=asked.id, now=asked.now)


def _acknowledge(asked: _Asked) -> Effect:
    notification_id = asked.command.args.get("notification", "")
    snapshot = asked.found.get(notification_path(notification_id or "-"))
    if snapshot is None:
        raise Refusal(f"there is no notification {notification_id!r}; name one in args.notification")
    doc = decode(NotificationDoc, snapshot.data, where=snapshot.path)
    if doc.acknowledged_by is not None:
        return Effect(f"{doc.acknowledged_by} already acknowledged it")
    doc = doc.model_copy(update={"acknowledged_by": asked.command.by})
    return Effect("acknowledged", [Replace(snapshot.path, encode(doc), snapshot.version)])


def _set_limits(asked: _Asked) -> Effect:
    desk, who = _desk(asked), asked.command.by
    return set_limits(desk, asked.command.args, stored=asked.found[CONFIG_RISK], by=who, now=asked.now)


def _experiment(asked: _Asked) -> Effect:
    command = asked.command
    return by_owner(asked.store, command.kind, command.args, by=command.by, reason=command.reason, now=asked.now)


_EFFECTS: Mapping[CommandKind, Callable[[_Asked], Effect]] = {
    CommandKind.HALT: _brake,
    CommandKind.REDUCE: _brake,
    CommandKind.RESUME: _resume,
    CommandKind.ACKNOWLEDGE: _acknowledge,
    CommandKind.FLATTEN: _flatten,
    CommandKind.REARM: _rearm,
    CommandKind.ADOPT: _adopt,
    CommandKind.RESOLVE: lambda asked: resolve(_desk(asked), asked.command.args, by=asked.command.by, now=asked.now),
    CommandKind.SET_LIMITS: _set_limits,
    CommandKind.PROMOTE: _experiment,
    CommandKind.REJECT: _experiment,
    CommandKind.PIN: _experiment,
}


def _run(asked: _Asked, runner: Runner | None) -> CommandDoc:
    """Fire a module's cycle, at most once."""
    if asked.command.status == "executing":
        return _overdue(asked)
    module = asked.command.args.get("module", "")
    if module not in set(ModuleName):
        raise Refusal(f"no module {module!r}; args.module is one of {', '.join(ModuleName)}")
    if runner is None:
        raise Refusal("cycles cannot be fired from here; use `desk run`")
    claimed = asked.command.model_copy(update={"status": "executing"})
    asked.store.commit([Replace(command_path(asked.id), encode(claimed), asked.version)])
    try:
        runner.run(ModuleName(module))
    except TradingError as error:
        return _answer_claimed(asked, "refused", f"{module} was not fired: {error}")
    return _answer_claimed(asked, "done", f"{module} was fired")


def _overdue(asked: _Asked) -> CommandDoc:
    if asked.now - asked.command.created_at <= CLAIM:
        return asked.command
    raise Refusal("the answer was lost, it may have run; look at the module's last cycle before asking again")


def _answer_claimed(asked: _Asked, status: str, message: str) -> CommandDoc:
    """Answer a command that this call has claimed; nobody else writes it before the claim runs out."""

    def answer() -> CommandDoc:
        again = _read(asked.store, asked.id, asked.now)
        return again.command if again.command.result else _answer(again, status, Effect(message))

    return until_settled(answer)


def _answer(asked: _Asked, status: str, effect: Effect) -> CommandDoc:
    """Commit effect, answer, audit entry and event as one."""
    result = CommandResult(ok=status == "done", message=effect.message, at=asked.now)
    answered = CommandDoc.model_validate({**asked.command.model_dump(), "status": status, "result": result})
    event = command_answered(asked.id, answered)
    detail = {"command": asked.id, "status": status, "message": effect.message, "reason": answered.reason}
    detail |= effect.detail
    asked.store.commit(
        [
            Replace(command_path(asked.id), encode(answered), asked.version),
            *effect.writes,
            appended(asked.store, who=answered.by, action=answered.kind.value, detail=detail, at=asked.now),
            Put(event_path(event.id), encode(event.doc)),
        ]
    )
    return answered


def open_commands(store: Store) -> list[str]:
    """Return the ids of commands without an answer, oldest first."""
    found = store.query("commands", [Where("status", "in", ["new", "executing"])])
    return [snapshot.path.rpartition("/")[2] for snapshot in sorted(found, key=_asked_at)]


def _asked_at(snapshot: Snapshot) -> str:
    data: Json = snapshot.data
    return str(data.get("created_at", ""))
