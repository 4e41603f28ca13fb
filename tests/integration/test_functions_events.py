"""The functions in the real emulators: triggers fire, events doubled by the platform are told once, roles count."""

from __future__ import annotations

import itertools
import json
import os
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeVar

import pytest
from firebase_admin import auth, delete_app, initialize_app
from google.cloud.firestore import Client

from orchestrator.adapters.firestore.client import make_client
from orchestrator.adapters.firestore.data_layer import FirebaseDataLayer
from orchestrator.adapters.functions.tokens import FirebaseAccounts
from orchestrator.domain.base import ModuleName
from orchestrator.domain.codec import encode
from orchestrator.domain.documents import (
    DESK_SUMMARY,
    CommandDoc,
    CommandKind,
    EventDoc,
    EventKind,
    NotificationDoc,
    SummaryDoc,
    UserDoc,
    equity_path,
)
from orchestrator.domain.paths import command_path, notification_path, user_path
from orchestrator.domain.risk import DeskState
from orchestrator.people import grant
from orchestrator.ports import Put, Store
from scripts import cloud_events, suite
from scripts.demo_users import USERS, create_demo_users
from scripts.steps import MissingToolError, in_ci
from tests.watched_desk import brake, filled, lose, new_desk, put_command, put_order, put_user, read, stored, working

pytestmark = [pytest.mark.suite, pytest.mark.slow]
_numbers = itertools.count(1)
T = TypeVar("T")


class Hook:
    """A webhook of the owner."""

    def __init__(self) -> None:
        self.told: list[dict[str, Any]] = []
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                hook.told.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self.server.server_address[1]}"
        self._thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05})
        self._thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self._thread.join()
        self.server.server_close()


@pytest.fixture(scope="module")
def hook() -> Iterator[Hook]:
    hook = Hook()
    yield hook
    hook.close()


@pytest.fixture(scope="module")
def emulators(hook: Hook) -> Iterator[suite.Suite]:
    environment = {"NOTIFY_URLS": f"hook:info=json://{hook.address}/", "METRICS_TOKEN": "scraper", "FIREDESK_CLOCK": ""}
    try:
        with suite.running(
            project=f"demo-events-{os.getpid()}",
            only=("firestore", "auth", "functions", "hosting"),
            codebases=("events", "api", "crypto"),
            environment=environment,
        ) as running:
            create_demo_users(running.url("auth"), running.project)
            yield running
    except MissingToolError as error:
        if in_ci():
            raise
        pytest.skip(str(error))


@pytest.fixture
def client(emulators: suite.Suite, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", emulators.address("firestore"))
    emulators.clear_firestore()
    client = make_client(emulators.project, emulator=True)
    yield client
    client.close()  # type: ignore[no-untyped-call]


@pytest.fixture
def store(client: Client) -> Store:
    return new_desk(FirebaseDataLayer(client), now=now())


def now() -> datetime:
    return datetime.now(UTC)


def soon(look: Callable[[], T | None], seconds: float = 30.0) -> T:
    """Return what `look` finds as soon as it finds it."""
    deadline = time.monotonic() + seconds
    while (found := look()) is None or found is False:
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)
    return found


def settled_notification(store: Store, event_id: str) -> Callable[[], NotificationDoc | None]:
    def look() -> NotificationDoc | None:
        if notification_path(event_id) not in store.get_many([notification_path(event_id)]):
            return None
        doc = read(store, NotificationDoc, notification_path(event_id))
        return doc if doc.settled else None

    return look


def post(url: str, body: bytes = b"", headers: dict[str, str] | None = None) -> int:
    request = urllib.request.Request(url, method="POST", data=body, headers=headers or {})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return int(answer.status)


def get(url: str, token: str = "") -> tuple[int, str]:
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"} if token else {})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return int(answer.status), answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def deliver(emulators: suite.Suite, function: str, path: str, data: dict[str, Any], *, age: timedelta) -> int:
    """Deliver a CloudEvent of a created document, as Eventarc does."""
    return cloud_events.deliver(emulators, function, path, data, moment=now() - age)


def test_a_filled_order_shows_on_the_first_screen_and_reaches_the_owner(store: Store, hook: Hook) -> None:
    order = filled(next(_numbers))[-1]
    put_order(store, order)
    doc = soon(settled_notification(store, f"order-{order.id}-filled-1"))
    assert (doc.title, doc.channels["hook"].state) == ("Order filled · stocks", "sent")
    assert [message["message"] for message in hook.told].count("Bought 10 XLK at 100 (momentum, entry).") == 1
    assert read(store, SummaryDoc, DESK_SUMMARY).state is DeskState.ACTIVE


def test_a_loss_pulls_the_brake(store: Store) -> None:
    lose(store, 16_000, now=now())
    put_order(store, working(next(_numbers))[-1])
    soon(lambda: brake(store) is DeskState.HALTED)
    soon(lambda: read(store, SummaryDoc, DESK_SUMMARY).state is DeskState.HALTED)


def test_an_event_delivered_twice_is_told_once(
    store: Store, client: Client, emulators: suite.Suite, hook: Hook
) -> None:
    doc = EventDoc(kind=EventKind.DRIFT_FOUND, severity="critical", text="look at XLF", at=now())
    path = f"events/replayed-{next(_numbers)}"
    for _ in range(2):
        assert deliver(emulators, "on_event_created", path, encode(doc), age=timedelta(0)) == 200
    soon(settled_notification(store, path.removeprefix("events/")))
    assert [message["message"] for message in hook.told].count("look at XLF") == 1


def test_an_order_delivered_twice_and_late_is_told_once_or_never(
    store: Store, client: Client, emulators: suite.Suite
) -> None:
    fresh, stale = filled(next(_numbers))[-1], filled(next(_numbers))[-1]
    for _ in range(2):
        path = f"orders/{fresh.id}"
        assert deliver(emulators, "on_order_written", path, stored(fresh), age=timedelta(0)) == 200
    path = f"orders/{stale.id}"
    assert deliver(emulators, "on_order_written", path, stored(stale), age=timedelta(minutes=11)) == 200
    assert [snapshot.id for snapshot in client.collection("events").stream()] == [f"order-{fresh.id}-filled-1"]


def test_a_halt_is_done_answered_and_audited(store: Store, client: Client) -> None:
    put_user(store, "demo-owner", role="owner")
    command_id = put_command(store, CommandKind.HALT, by="demo-owner", created_at=now(), reason="the test")
    soon(lambda: read(store, CommandDoc, command_path(command_id)).result)
    assert brake(store) is DeskState.HALTED
    (entry,) = [snapshot.to_dict() or {} for snapshot in client.collection("audit").stream()]
    assert (entry["who"], entry["action"], entry["detail"]["reason"]) == ("demo-owner", "halt", "the test")


def test_an_operator_does_not_resume(store: Store) -> None:
    put_user(store, "demo-operator", role="operator")
    command_id = put_command(store, CommandKind.RESUME, by="demo-operator", role="operator", created_at=now())
    answer = soon(lambda: read(store, CommandDoc, command_path(command_id)).result)
    assert (answer.ok, answer.message) == (False, "operator may not resume; ask the owner")


def test_a_module_is_fired_through_its_own_function(store: Store) -> None:
    """The cycle itself ends at once: this suite has no venue, which is logged and acknowledged."""
    put_user(store, "demo-operator", role="operator")
    command_id = put_command(
        store, CommandKind.RUN, by="demo-operator", role="operator", created_at=now(), args={"module": "crypto"}
    )
    answer = soon(lambda: read(store, CommandDoc, command_path(command_id)).result)
    assert (answer.ok, answer.message) == (True, "crypto was fired")


def test_a_damaged_command_is_acknowledged_and_left(store: Store, client: Client, emulators: suite.Suite) -> None:
    store.commit([Put("commands/bad", {"schema": 1, "kind": "explode"})])
    assert deliver(emulators, "on_command_created", "commands/bad", {}, age=timedelta(0)) == 200


def test_the_sweeper_draws_the_curve(store: Store, emulators: suite.Suite) -> None:
    url, path = emulators.trigger_url("sweep"), equity_path(now())
    assert post(url, headers={"X-CloudScheduler-ScheduleTime": now().strftime("%Y-%m-%dT%H:%M:%SZ")}) == 200
    assert len(store.get_many([path])[path].data["points"]) == 1
    assert sorted(read(store, SummaryDoc, DESK_SUMMARY).modules) == sorted(ModuleName)


@pytest.fixture
def owner_token(emulators: suite.Suite) -> str:
    return sign_in(emulators, USERS[0].email, USERS[0].password)


def sign_in(emulators: suite.Suite, email: str, password: str) -> str:
    url = f"{emulators.url('auth')}/identitytoolkit.googleapis.com/v1/accounts:signInWithPassword?key=demo"
    body = json.dumps({"email": email, "password": password, "returnSecureToken": True}).encode()
    request = urllib.request.Request(url, data=body, headers={"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return str(json.load(answer)["idToken"])


def test_the_api_answers_people_with_a_role(store: Store, emulators: suite.Suite, owner_token: str) -> None:
    api = emulators.function_url("api")
    assert json.loads(get(f"{api}/health")[1]) == {"status": "ok", "version": "0.1.0", "store": "ok"}
    assert get(f"{api}/status")[0] == 401
    assert get(f"{api}/status", "nonsense")[0] == 401
    status, body = get(f"{api}/status", owner_token)
    assert (status, json.loads(body)["equity"]) == (200, "100000")
    for token in (owner_token, "scraper"):
        assert "firedesk_equity 100000.00" in get(f"{api}/metrics", token)[1]


def test_the_hosted_page_reaches_the_api(store: Store, emulators: suite.Suite, owner_token: str) -> None:
    assert get(f"{emulators.url('hosting')}/api/health")[0] == 200
    assert get(f"{emulators.url('hosting')}/api/status", owner_token)[0] == 200


def test_a_granted_role_is_in_the_next_token_and_the_old_one_is_revoked(
    store: Store, emulators: suite.Suite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIREBASE_AUTH_EMULATOR_HOST", emulators.address("auth"))
    app = initialize_app(options={"projectId": emulators.project}, name="grant")
    newcomer = auth.create_user(email="new@demo.firedesk", password="demo-new", app=app)
    old, status = sign_in(emulators, "new@demo.firedesk", "demo-new"), f"{emulators.function_url('api')}/status"
    assert get(status, old)[0] == 403
    time.sleep(1.1)
    grant(store, FirebaseAccounts(app), email="new@demo.firedesk", role="viewer", now=now())
    assert get(status, old)[0] == 401
    assert get(status, sign_in(emulators, "new@demo.firedesk", "demo-new"))[0] == 200
    assert read(store, UserDoc, user_path(newcomer.uid)).role == "viewer"
    delete_app(app)


def test_a_revoked_token_is_refused(store: Store, emulators: suite.Suite, monkeypatch: pytest.MonkeyPatch) -> None:
    viewer = USERS[2]
    token = sign_in(emulators, viewer.email, viewer.password)
    assert get(f"{emulators.function_url('api')}/status", token)[0] == 200
    monkeypatch.setenv("FIREBASE_AUTH_EMULATOR_HOST", emulators.address("auth"))
    app = initialize_app(options={"projectId": emulators.project}, name="revoke")
    # validSince counts whole seconds: a token of the same second still passes.
    time.sleep(1.1)
    auth.revoke_refresh_tokens(viewer.uid, app=app)
    delete_app(app)
    status, body = get(f"{emulators.function_url('api')}/status", token)
    assert (status, json.loads(body)["error"]["code"]) == (401, "unauthenticated")
