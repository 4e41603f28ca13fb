"""The ways out, through the real client libraries against servers of this machine."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from concurrent import futures
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import firebase_admin
import grpc
import pytest
from firebase_admin import credentials, messaging
from google.auth.credentials import AnonymousCredentials
from google.cloud.scheduler_v1 import CloudSchedulerClient
from google.cloud.scheduler_v1.services.cloud_scheduler.transports import CloudSchedulerGrpcTransport
from google.cloud.scheduler_v1.types import Job, RunJobRequest

from orchestrator.adapters.functions.jobs import CloudSchedulerRunner, EmulatorRunner
from orchestrator.adapters.notifications.push import FcmPush
from orchestrator.adapters.notifications.urls import UrlNotifier, channels_of
from orchestrator.domain.base import ModuleName
from orchestrator.domain.errors import BrokerUnavailableError, ConfigurationError

# apprise imports imghdr where it exists; FCM's `fid`, which is to replace `token`, is not what clients hold yet.
pytestmark = [
    pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:.*token.*:DeprecationWarning"),
]


@dataclass
class Server:
    """Answers what the test says and keeps what it was asked."""

    answers: dict[str, tuple[int, Any]] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, str], Any]] = field(default_factory=list)
    address: str = ""

    @property
    def url(self) -> str:
        return f"http://{self.address}"


@contextmanager
def serving(server: Server) -> Iterator[Server]:
    class Handler(BaseHTTPRequestHandler):
        def handle_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            told = json.loads(body) if body else None
            server.asked.append((self.path, dict(self.headers), told))
            message = told.get("message") if isinstance(told, dict) else None
            token = message["token"] if isinstance(message, dict) else ""
            status, answer = server.answers.get(token or self.path, (200, {"name": "projects/p/messages/1"}))
            text = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_POST = handle_any  # noqa: N815 - names that http.server calls

        def log_message(self, *_: Any) -> None:
            return

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.address = f"127.0.0.1:{http.server_address[1]}"
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        http.shutdown()
        thread.join()
        http.server_close()


@pytest.fixture
def server() -> Iterator[Server]:
    with serving(Server()) as running:
        yield running


class Anonymous(credentials.Base):  # type: ignore[misc]
    def get_credential(self) -> AnonymousCredentials:
        return AnonymousCredentials()  # type: ignore[no-untyped-call]


@pytest.fixture
def push(server: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[FcmPush]:
    # FCM has no emulator variable; the address is a private name, which this test pins.
    monkeypatch.setattr(messaging._MessagingService, "FCM_URL", f"{server.url}/v1/projects/{{0}}/messages:send")
    app = firebase_admin.initialize_app(Anonymous(), {"projectId": "demo-push"}, name=f"push-{server.address}")
    yield FcmPush(app)
    firebase_admin.delete_app(app)


def fcm_error(status: str, code: str = "") -> dict[str, Any]:
    details = [{"@type": "type.googleapis.com/google.firebase.fcm.v1.FcmError", "errorCode": code}] if code else []
    return {"error": {"status": status, "message": status.lower(), "details": details}}


UNREGISTERED = (404, fcm_error("NOT_FOUND", "UNREGISTERED"))
BUSY = (429, fcm_error("RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED"))


def test_fcm_gets_one_message_for_each_device(push: FcmPush, server: Server) -> None:
    assert push.send_to(["a", "b"], "Order filled", "Bought 10 XLK", severity="critical") == []
    messages = sorted((body["message"] for _, _, body in server.asked), key=lambda message: message["token"])
    assert [message["token"] for message in messages] == ["a", "b"]
    assert messages[0]["notification"] == {"title": "Order filled", "body": "Bought 10 XLK"}
    assert messages[0]["data"] == {"severity": "critical"}
    assert messages[0]["webpush"]["headers"]["Urgency"] == "high"
    assert server.asked[0][0] == "/v1/projects/demo-push/messages:send"


@pytest.mark.parametrize(
    "answer",
    [
        UNREGISTERED,
        (403, fcm_error("PERMISSION_DENIED", "SENDER_ID_MISMATCH")),
        (400, fcm_error("INVALID_ARGUMENT", "INVALID_ARGUMENT")),
    ],
)
def test_fcm_names_devices_that_are_gone(push: FcmPush, server: Server, answer: tuple[int, Any]) -> None:
    server.answers["lost"] = answer
    assert push.send_to(["phone", "lost"], "t", "b", severity="info") == ["lost"]
    assert push.send_to(["lost"], "t", "b", severity="info") == ["lost"]


def test_fcm_is_tried_again_only_when_nobody_was_reached(push: FcmPush, server: Server) -> None:
    server.answers |= {"busy": BUSY, "lost": UNREGISTERED}
    assert push.send_to(["busy", "phone"], "t", "b", severity="info") == []
    with pytest.raises(BrokerUnavailableError, match="FCM"):
        push.send_to(["busy", "lost"], "t", "b", severity="info")


def test_fcm_refusing_the_project_is_a_matter_of_configuration(push: FcmPush, server: Server) -> None:
    server.answers["phone"] = (403, fcm_error("PERMISSION_DENIED"))
    with pytest.raises(ConfigurationError, match="messaging permission"):
        push.send_to(["phone"], "t", "b", severity="info")


def test_a_webhook_gets_title_body_and_kind(server: Server) -> None:
    UrlNotifier("hook", f"json://{server.address}/desk").send("Desk state changed", "HALTED", severity="critical")
    ((path, _, body),) = server.asked
    assert (path.rstrip("/"), body["title"], body["message"], body["type"]) == (
        "/desk",
        "Desk state changed",
        "HALTED",
        "failure",
    )


def test_a_webhook_that_fails_may_be_tried_again(server: Server) -> None:
    server.answers["/desk"] = (503, {})
    with pytest.raises(BrokerUnavailableError, match="channel hook"):
        UrlNotifier("hook", f"json://{server.address}/desk").send("t", "b", severity="info")


def test_channels_are_read_with_their_least_severity(server: Server) -> None:
    channels = channels_of(
        f"hook:info=json://{server.address}/a\n  mail:critical=json://{server.address}/b x=json://h/c"
    )
    assert {name: channel.least for name, channel in channels.items()} == {
        "hook": "info",
        "mail": "critical",
        "x": "warning",
    }


@pytest.mark.parametrize("text", ["hook", "hook=", "=json://h", "hook:loud=json://h", "a b", "hook=mailto"])
def test_a_bad_channel_is_named_and_its_secrets_are_not(text: str) -> None:
    with pytest.raises(ConfigurationError, match="NOTIFY_URLS, entry 1: write name=URL"):
        channels_of(text)
    with pytest.raises(ConfigurationError, match="channel 'hook': apprise does not know") as caught:
        channels_of("hook=nonsense://user:secret@host")
    assert "secret" not in str(caught.value)


@dataclass
class SchedulerServer:
    """The one method of Cloud Scheduler that the desk calls."""

    jobs: set[str]
    run: list[str] = field(default_factory=list)

    def RunJob(self, request: RunJobRequest, context: grpc.ServicerContext) -> Job:  # noqa: N802
        if request.name not in self.jobs:
            context.abort(grpc.StatusCode.NOT_FOUND, "Job not found.")
        self.run.append(request.name)
        return Job(name=request.name)


JOB = "projects/demo-run/locations/us-central1/jobs/firebase-schedule-crypto_cycle-us-central1"


@contextmanager
def scheduler(server: SchedulerServer) -> Iterator[CloudSchedulerClient]:
    handler = grpc.unary_unary_rpc_method_handler(server.RunJob, RunJobRequest.deserialize, Job.serialize)
    service = grpc.method_handlers_generic_handler("google.cloud.scheduler.v1.CloudScheduler", {"RunJob": handler})
    with futures.ThreadPoolExecutor(2) as pool:
        running = grpc.server(pool)
        running.add_generic_rpc_handlers((service,))
        port = running.add_insecure_port("127.0.0.1:0")
        running.start()
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            yield CloudSchedulerClient(transport=CloudSchedulerGrpcTransport(channel=channel))
        running.stop(None).wait()


def test_cloud_scheduler_runs_the_job_that_the_deployment_made() -> None:
    server = SchedulerServer({JOB})
    with scheduler(server) as client:
        runner = CloudSchedulerRunner(lambda: client, project="demo-run", region="us-central1")
        runner.run(ModuleName.CRYPTO)
        assert server.run == [JOB]
        with pytest.raises(ConfigurationError, match="deploy stocks"):
            runner.run(ModuleName.STOCKS)


def test_a_scheduler_that_does_not_answer_is_unavailable() -> None:
    server = SchedulerServer({JOB})

    def lost(_request: Any, context: grpc.ServicerContext) -> Job:
        context.abort(grpc.StatusCode.UNAVAILABLE, "try later")
        raise AssertionError

    server.RunJob = lost  # type: ignore[method-assign, assignment]
    with scheduler(server) as client, pytest.raises(BrokerUnavailableError, match="Cloud Scheduler"):
        CloudSchedulerRunner(lambda: client, project="demo-run", region="us-central1").run(ModuleName.CRYPTO)


def test_the_functions_emulator_is_called_as_cloud_scheduler_calls(server: Server) -> None:
    host, port = server.address.split(":")
    server.answers["/emulators"] = (200, {"functions": {"host": host, "port": int(port)}})
    slot = datetime(2026, 7, 16, 13, 30, tzinfo=UTC)
    runner = EmulatorRunner(server.address, project="demo-run", region="us-central1", clock=lambda: slot)
    runner.run(ModuleName.STOCKS)
    path, headers, _ = server.asked[-1]
    assert path == "/functions/projects/demo-run/triggers/us-central1-stocks_cycle-0"
    told = {name.lower(): value for name, value in headers.items()}
    assert told["x-cloudscheduler-scheduletime"] == "2026-07-16T13:30:00Z"


@pytest.mark.parametrize("broken", ["/emulators", "/functions/projects/demo-run/triggers/us-central1-stocks_cycle-0"])
def test_an_emulator_that_fails_is_unavailable(server: Server, broken: str) -> None:
    host, port = server.address.split(":")
    server.answers["/emulators"] = (200, {"functions": {"host": host, "port": int(port)}})
    server.answers[broken] = (500, {})
    runner = EmulatorRunner(
        server.address, project="demo-run", region="us-central1", clock=lambda: datetime(2026, 7, 16, tzinfo=UTC)
    )
    with pytest.raises(BrokerUnavailableError, match="functions emulator"):
        runner.run(ModuleName.STOCKS)
