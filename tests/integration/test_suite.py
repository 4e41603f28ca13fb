"""The emulator suite itself: what it starts answers, and nothing of it is left afterwards."""

from __future__ import annotations

import json
import os
import urllib.request
from pathlib import Path

import pytest
from google.cloud import firestore

from scripts import suite
from scripts.processes import ProcessError

pytestmark = pytest.mark.emulator

_MAIN = """
import functools
import json
import os

from firebase_functions import https_fn, scheduler_fn


def guard(fn):
    @functools.wraps(fn)
    def wrapped(request):
        return https_fn.Response("ok") if request.path == "/__/health" else fn(request)
    return wrapped


@guard
@https_fn.on_request()
def environment(request):
    return https_fn.Response(json.dumps(dict(os.environ)))


@guard
@scheduler_fn.on_schedule(schedule="every 5 minutes")
def tick(event):
    with open(os.environ["FIRES"], "a") as file:
        file.write(f"{event.schedule_time.isoformat()}\\n")
"""


def test_two_tests_get_two_empty_databases(firestore_project: str) -> None:
    client = firestore.Client(project=firestore_project)
    client.document("books/stocks").create({"schema": 1})
    other = firestore.Client(project=f"{firestore_project}-other")
    assert client.document("books/stocks").get().exists
    assert not other.document("books/stocks").get().exists
    client.close()
    other.close()


@pytest.mark.suite
@pytest.mark.skipif(not Path("/proc").is_dir(), reason="counts processes by their environment, which Linux shows")
def test_workers_see_the_environment_and_end_with_the_suite(tmp_path: Path) -> None:
    codebase = tmp_path / "functions" / "probe"
    codebase.mkdir(parents=True)
    (codebase / "main.py").write_text(_MAIN)
    (codebase / "requirements.txt").write_text("firebase-functions\n")
    fires = tmp_path / "fires"
    marker = {"FIRES": str(fires), "ALPACA_API_KEY": "key-of-this-test"}
    with suite.running(
        project=f"demo-probe-{os.getpid()}",
        only=("firestore", "functions"),
        functions=tmp_path / "functions",
        environment=marker,
    ) as emulators:
        with urllib.request.urlopen(emulators.function_url("environment")) as answer:
            seen = json.loads(answer.read())
        assert seen["ALPACA_API_KEY"] == "key-of-this-test"
        assert seen["FIRESTORE_EMULATOR_HOST"] == emulators.address("firestore")
        slot = {"X-CloudScheduler": "true", "X-CloudScheduler-ScheduleTime": "2026-07-16T13:30:00Z"}
        fire = urllib.request.Request(emulators.trigger_url("tick"), method="POST", headers=slot)
        with urllib.request.urlopen(fire) as answer:
            assert answer.status == 200
        assert _processes_of(marker) > 0
        assert "start slowly" not in emulators.log.read_text()
    assert fires.read_text().splitlines() == ["2026-07-16T13:30:00+00:00"]
    assert _processes_of(marker) == 0


def _processes_of(marker: dict[str, str]) -> int:
    """Count the processes that carry this test's own variables."""
    wanted = f"FIRES={marker['FIRES']}".encode()
    found = 0
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            found += wanted in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        except OSError:
            continue
    return found


def test_a_codebase_that_is_not_there_is_named(tmp_path: Path) -> None:
    (tmp_path / "functions").mkdir()
    with (
        pytest.raises(ProcessError, match="no codebase 'nowhere'"),
        suite.running(project="demo-none", functions=tmp_path / "functions", codebases=["nowhere"]),
    ):
        pass
