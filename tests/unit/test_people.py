"""Roles are given in the mirror and in the audit first, in the claim last, once."""

import json

import pytest
from typer.testing import CliRunner

from orchestrator.adapters.memory.store import MemoryDataLayer
from orchestrator.bootstrap import Builder
from orchestrator.cli import app
from orchestrator.domain.documents import AuditDoc, UserDoc
from orchestrator.domain.errors import ConfigurationError
from orchestrator.domain.paths import audit_path, user_path
from orchestrator.people import grant
from orchestrator.ports import Put
from orchestrator.settings import Settings
from tests.watched_desk import NOW, documents, put_user, read


class Accounts:
    """One account, and what became of it."""

    def __init__(self, store: MemoryDataLayer) -> None:
        self.claims: list[tuple[str, str]] = []
        self.mirrored_before: list[bool] = []
        self._store = store

    def uid_of(self, email: str) -> str:
        if email != "olga@example.org":
            raise ConfigurationError(f"nobody has the address {email}")
        return "olga"

    def claim(self, uid: str, role: str) -> None:
        self.mirrored_before.append(read(self._store, UserDoc, user_path(uid)).role == role)
        self.claims.append((uid, role))


@pytest.fixture
def store() -> MemoryDataLayer:
    return MemoryDataLayer()


def give(store: MemoryDataLayer, role: str, *, email: str = "olga@example.org") -> Accounts:
    accounts = Accounts(store)
    grant(store, accounts, email=email, role=role, now=NOW)
    return accounts


def test_a_role_is_mirrored_audited_and_claimed(store: MemoryDataLayer) -> None:
    accounts = give(store, "owner")
    assert (accounts.claims, accounts.mirrored_before) == ([("olga", "owner")], [True])
    entry = read(store, AuditDoc, audit_path(1))
    assert (entry.who, entry.action, entry.detail["role"]) == ("console", "grant", "owner")


def test_devices_and_choices_are_kept(store: MemoryDataLayer) -> None:
    put_user(store, "olga", role="owner", devices=("phone",), notify={"info": False})
    give(store, "viewer")
    user = read(store, UserDoc, user_path("olga"))
    assert (user.role, user.devices, user.notify) == ("viewer", ("phone",), {"info": False})


def test_what_a_client_created_gets_its_role(store: MemoryDataLayer) -> None:
    store.commit([Put(user_path("olga"), {"schema": 1, "devices": ["phone"], "notify": {}})])
    give(store, "viewer")
    assert store.get_many(["users/olga"])["users/olga"].data["role"] == "viewer"


def test_the_same_again_claims_again_and_writes_nothing(store: MemoryDataLayer) -> None:
    give(store, "owner")
    written = store.usage.writes
    assert give(store, "owner").claims == [("olga", "owner")]
    assert store.usage.writes == written


@pytest.mark.parametrize(("role", "email"), [("king", "olga@example.org"), ("owner", "nobody@example.org")])
def test_what_cannot_be_leaves_nothing(store: MemoryDataLayer, role: str, email: str) -> None:
    with pytest.raises(ConfigurationError, match=r"king|nobody"):
        give(store, role, email=email)
    assert documents(store, "users", "audit") == {}


def test_the_command_line_gives_roles(store: MemoryDataLayer) -> None:
    class Built(Builder):
        def accounts(self) -> Accounts:
            return Accounts(store)

    built = Built(Settings({"GCLOUD_PROJECT": "demo-grant"}), store=store)
    done = CliRunner().invoke(app, ["grant", "olga@example.org", "owner", "--json"], obj=built)
    assert (done.exit_code, json.loads(done.stdout)) == (
        0,
        {"uid": "olga", "email": "olga@example.org", "role": "owner"},
    )
    assert read(store, UserDoc, user_path("olga")).role == "owner"
    assert CliRunner().invoke(app, ["grant", "olga@example.org", "king"], obj=built).exit_code == 2
