"""People of the desk: their roles, as a claim in Auth that rules read, and as a mirror in `users/{uid}`.

A token carries its claim for up to an hour after a change; the mirror is current, and commands obey the lesser of the
two. So a role is taken away in the mirror first and the tokens are revoked last.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from orchestrator.audit import appended
from orchestrator.contention import until_settled
from orchestrator.domain.codec import decode, encode
from orchestrator.domain.documents import UserDoc
from orchestrator.domain.errors import ConfigurationError
from orchestrator.domain.paths import user_path
from orchestrator.ports import Create, Replace, Snapshot, Store, Write

ROLES = ("owner", "operator", "viewer")


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with an account."""

    uid: str
    email: str
    role: str


class Accounts(Protocol):
    """The accounts of the project."""

    def uid_of(self, email: str) -> str:
        """Return a person's uid, or raise ConfigurationError when nobody has that address."""

    def claim(self, uid: str, role: str) -> None:
        """Set the role claim and revoke the tokens that carry the old one."""


def _write(person: Person, found: Mapping[str, Snapshot]) -> Write | None:
    path = user_path(person.uid)
    snapshot = found.get(path)
    if snapshot is None:
        return Create(path, encode(UserDoc(email=person.email, role=person.role)))
    user = decode(UserDoc, snapshot.data, where=path)
    # A document that the person's own client created has no role at all, which reads as viewer.
    if snapshot.data.get("role") == person.role and user.email == person.email:
        return None
    update = {"email": person.email, "role": person.role}
    return Replace(path, encode(user.model_copy(update=update)), snapshot.version)


def grant(store: Store, accounts: Accounts, *, email: str, role: str, now: datetime) -> Person:
    """Give a person a role: mirror and audit, then the claim; safe to do again after a crash.

    Raises
    ------
    ConfigurationError
        There is no such role, or nobody has that address.
    """
    if role not in ROLES:
        raise ConfigurationError(f"role {role!r} is none of {', '.join(ROLES)}")
    person = Person(accounts.uid_of(email), email, role)

    def commit() -> None:
        write = _write(person, store.get_many([user_path(person.uid)]))
        if write is not None:
            detail = {"uid": person.uid, "email": email, "role": role}
            store.commit([write, appended(store, who="console", action="grant", detail=detail, at=now)])

    until_settled(commit)
    accounts.claim(person.uid, role)
    return person
