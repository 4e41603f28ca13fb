"""The local scheduler: which slots it fires, how often it repeats, what it sends."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from scripts import scheduler as scheduling
from scripts.scheduler import Fired, Job, Scheduler, VenueTime, fire_over_http, read_jobs, scheduler_headers
from scripts.schedules import Schedule

START = datetime(2026, 7, 16, 13, 30, tzinfo=UTC)


class Inline(Executor):
    """Runs what it is given at once."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        fn(*args, **kwargs)
        return Future()


class Later(Executor):
    """Keeps what it is given until `finish`."""

    def __init__(self) -> None:
        self.kept: list[Callable[[], Any]] = []

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        self.kept.append(lambda: fn(*args, **kwargs))
        return Future()

    def finish(self) -> None:
        self.kept.pop(0)()


def _job(name: str, every: str, *, retries: int = 0) -> Job:
    return Job(name, f"us-central1-{name}", Schedule.parse(every), retries=retries, min_backoff_s=0.0)


def _scheduler(jobs: list[Job], pool: Executor, statuses: list[int] | None = None) -> tuple[Scheduler, list[Fired]]:
    fired: list[Fired] = []

    def fire(job: Job, slot: datetime) -> Fired:
        return Fired(job.name, slot, statuses.pop(0) if statuses else 200, 0.0)

    return Scheduler(jobs, fire, fired.append, pool), fired


def _at(minutes: float) -> VenueTime:
    return VenueTime(START + timedelta(minutes=minutes), speed=60.0)


def test_each_slot_is_fired_once() -> None:
    scheduler, fired = _scheduler([_job("crypto_cycle", "every 1 minutes")], Inline())
    for minute in (0, 0.5, 1, 1.5, 2, 2):
        scheduler.tick(_at(minute))
    assert [one.slot for one in fired] == [START + timedelta(minutes=1), START + timedelta(minutes=2)]


def test_slots_that_passed_while_the_function_worked_are_skipped_but_the_newest() -> None:
    pool = Later()
    scheduler, fired = _scheduler([_job("crypto_cycle", "every 1 minutes")], pool)
    for minute in (0, 1, 2, 3):
        scheduler.tick(_at(minute))
    assert len(pool.kept) == 1
    pool.finish()
    assert scheduler.tick(_at(4)) == 1
    pool.finish()
    assert [one.slot for one in fired] == [START + timedelta(minutes=1), START + timedelta(minutes=4)]


def test_one_function_does_not_wait_for_another() -> None:
    pool = Later()
    scheduler, _ = _scheduler([_job("a", "every 1 minutes"), _job("b", "every 1 minutes")], pool)
    scheduler.tick(_at(0))
    assert scheduler.tick(_at(1)) == 2


def test_a_failure_is_repeated_with_the_same_slot_as_often_as_configured() -> None:
    scheduler, fired = _scheduler([_job("sweep", "every 5 minutes", retries=2)], Inline(), [500, 500, 500, 200])
    scheduler.tick(_at(0))
    scheduler.tick(_at(5))
    assert [one.status for one in fired] == [500, 500, 500]
    assert {one.slot for one in fired} == {START + timedelta(minutes=5)}


def test_a_kick_fires_what_is_about_to_run_anyway_and_nothing_nightly() -> None:
    jobs = [_job("crypto_cycle", "every 1 minutes"), _job("sweep", "every 5 minutes"), _job("tune", "every day 03:30")]
    scheduler, fired = _scheduler(jobs, Inline())
    scheduler.kick(_at(2.5))
    assert [(one.job, one.slot) for one in fired] == [
        ("crypto_cycle", START + timedelta(minutes=2, seconds=30)),
        ("sweep", START + timedelta(minutes=2, seconds=30)),
    ]
    scheduler.tick(_at(3))
    assert [one.job for one in fired[2:]] == ["crypto_cycle"]


def test_the_request_is_the_one_cloud_scheduler_sends() -> None:
    headers = scheduler_headers("us-central1-stocks_cycle", START)
    assert headers["X-CloudScheduler-JobName"] == "firebase-schedule-stocks_cycle-us-central1"
    assert headers["X-CloudScheduler-ScheduleTime"] == "2026-07-16T13:30:00Z"


class Emulator(BaseHTTPRequestHandler):
    """A functions emulator whose function never answers, because its process was killed."""

    let_go = threading.Event()

    def do_GET(self) -> None:
        trigger = {"name": "crypto_cycle", "region": "us-central1", "schedule": {"schedule": "* * * * *"}}
        body = json.dumps({"backends": [{"functionTriggers": [{**trigger, "timeoutSeconds": 50}]}]}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        self.let_go.wait(30)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


def test_a_run_that_never_answers_is_given_up_after_its_time_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scheduling, "_GRACE_S", 0.1)
    with ThreadingHTTPServer(("127.0.0.1", 0), Emulator) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        (job,) = read_jobs(url)
        assert job.timeout_s == 50
        given_up = fire_over_http(url, "demo")(replace(job, timeout_s=0.2), START)
        Emulator.let_go.set()
        server.shutdown()
    assert (given_up.status, given_up.succeeded) == (0, False)
