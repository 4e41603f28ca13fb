"""The built dashboard on emulators of its own, and a browser that opens it."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from google.cloud import firestore
from playwright.sync_api import Browser, Page, ViewportSize
from pydantic import BaseModel

from orchestrator.domain.codec import decode, encode
from orchestrator.domain.documents import CommandDoc, CommandResult
from scripts.demo_users import DemoUser, create_demo_users, mirror_demo_users
from scripts.suite import Suite
from tests.browser.sample import NOW

ROOT = Path(__file__).resolve().parents[2]
DESKTOP: ViewportSize = {"width": 1440, "height": 900}
PHONE: ViewportSize = {"width": 390, "height": 844}
STRANGER = ("stranger@demo.firedesk", "demo-stranger")


@dataclass
class Site:
    """Where the page is served, and its store as the desk's service account sees it."""

    suite: Suite
    db: firestore.Client

    @property
    def url(self) -> str:
        return self.suite.url("hosting")

    def put(self, path: str, model: BaseModel) -> None:
        self.db.document(path).set(encode(model))

    def put_all(self, models: Iterable[tuple[str, BaseModel]]) -> None:
        """Write in one commit: the emulator works each out for every page that was ever open, closed ones included."""
        batch = self.db.batch()
        for path, model in models:
            batch.set(self.db.document(path), encode(model))
        batch.commit()

    @contextmanager
    def answering(self, do: Callable[[CommandDoc], str]) -> Iterator[list[CommandDoc]]:
        """Answer commands as the desk would: `do` does one and returns what is said to it; yield what was asked."""
        asked: list[CommandDoc] = []

        def answer(snapshots: Any, _changes: Any, _time: Any) -> None:
            for snapshot in snapshots:
                command = decode(CommandDoc, snapshot.to_dict(), where=snapshot.reference.path)
                if command.status == "new":
                    asked.append(command)
                    result = CommandResult(ok=True, message=do(command), at=NOW)
                    done = command.model_copy(update={"status": "done", "result": result})
                    self.put(snapshot.reference.path, done)

        watch = self.db.collection("commands").on_snapshot(answer)
        try:
            yield asked
        finally:
            watch.unsubscribe()  # type: ignore[no-untyped-call]

    @contextmanager
    def other_rules(self, content: str) -> Iterator[None]:
        """Let other rules hold for a while."""
        self._load_rules(content)
        try:
            yield
        finally:
            self._load_rules((ROOT / "firestore.rules").read_text(encoding="utf-8"))

    def _load_rules(self, content: str) -> None:
        body = {"rules": {"files": [{"name": "firestore.rules", "content": content}]}}
        request = urllib.request.Request(
            f"{self.suite.url('firestore')}/emulator/v1/projects/{self.suite.project}:securityRules",
            method="PUT",
            data=json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        urllib.request.urlopen(request, timeout=30).close()


@dataclass
class Visit:
    """One browser window and what its console said."""

    page: Page
    console: list[str] = field(default_factory=list)

    def sign_in(self, user: DemoUser) -> None:
        self.enter(user.email, user.password)

    def enter(self, email: str, password: str) -> None:
        self.page.get_by_label("E-mail").fill(email)
        self.page.get_by_label("Password").fill(password)
        self.page.get_by_role("button", name="Sign in").click()


def open_site(suite: Suite) -> Site:
    """Create the demo users and a stranger; return the site."""
    create_demo_users(suite.url("auth"), suite.project)
    mirror_demo_users(suite.url("firestore"), suite.project)
    _create_stranger(suite)
    return Site(suite, store(suite))


def store(suite: Suite) -> firestore.Client:
    """Return a client that no rule is asked about."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FIRESTORE_EMULATOR_HOST", suite.address("firestore"))
        client = firestore.Client(project=suite.project)
        client.document("warm/up").get()
    return client


@contextmanager
def visiting(browser: Browser, url: str, **settings: Any) -> Iterator[Visit]:
    """Open the page in a window of its own."""
    context = browser.new_context(**{"viewport": DESKTOP, "timezone_id": "America/New_York", **settings})
    try:
        visit = Visit(context.new_page())
        visit.page.on("console", lambda line: visit.console.append(f"{line.type}: {line.text}"))
        visit.page.on("pageerror", lambda error: visit.console.append(f"error: {error}"))
        visit.page.goto(url)
        yield visit
    finally:
        context.close()


def fixture_path(name: str) -> Path:
    """Return where a picture or a trace of a test is kept."""
    folder = ROOT / "tests" / "artefacts"
    folder.mkdir(exist_ok=True)
    return folder / name


def _create_stranger(suite: Suite) -> None:
    email, password = STRANGER
    request = urllib.request.Request(
        f"{suite.url('auth')}/identitytoolkit.googleapis.com/v1/projects/{suite.project}/accounts",
        data=json.dumps({"localId": "stranger", "email": email, "password": password}).encode(),
        headers={"Content-Type": "application/json", "Authorization": "Bearer owner"},
    )
    urllib.request.urlopen(request, timeout=30).close()
