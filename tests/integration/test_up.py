"""`desk up`: everything answers, the page can be signed in to, a signal ends all of it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scripts.demo_users import USERS
from scripts.ports import free_ports

pytestmark = [
    pytest.mark.suite,
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc").is_dir(), reason="counts processes by their environment, which Linux shows"),
]

ROOT = Path(__file__).resolve().parents[2]
MOVABLE = ("hosting", "firestore", "auth", "functions", "venue")


class Desk:
    """A `desk up` that was started, and what it said so far."""

    def __init__(self, marker: str) -> None:
        ports = [part for name, port in free_ports(MOVABLE).items() for part in (f"--{name}-port", str(port))]
        # Started as a shell starts what it puts in the background: with Ctrl-C turned off.
        command = [
            "sh",
            "-c",
            'trap "" INT; exec "$@"',
            "sh",
            str(Path(sys.executable).parent / "desk"),
            "up",
            "--json",
            "--speed",
            "60",
        ]
        self.marker = f"FIREDESK_TEST={marker}"
        self.process = subprocess.Popen(
            [*command, "--project", f"demo-up-{os.getpid()}", *ports],
            cwd=ROOT,
            env={**os.environ, "FIREDESK_TEST": marker},
            stdout=subprocess.PIPE,
            text=True,
        )
        self.ready = self.say()

    def say(self) -> dict[str, Any]:
        """Return the next thing it says."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, f"ended with {self.process.wait()}"
        return dict(json.loads(line))

    def processes(self) -> int:
        """Count the processes that were started by it, itself included."""
        found = 0
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                found += self.marker.encode() in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
            except OSError:
                continue
        return found

    def end(self, stop: signal.Signals) -> int:
        """Send a signal and return the exit code."""
        self.process.send_signal(stop)
        code = self.process.wait(60)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    started = Desk(str(tmp_path))
    yield started
    if started.process.poll() is None:
        started.end(signal.SIGTERM)


def test_page_people_and_functions_are_up_until_a_signal_ends_all(desk: Desk) -> None:
    with urllib.request.urlopen(desk.ready["page"] + "/config.json") as answer:
        config = json.load(answer)
    assert config["projectId"] == desk.ready["project"]
    assert config["emulators"]["auth"] == desk.ready["addresses"]["auth"]
    assert _role_of(desk.ready) == "owner"

    fired = [desk.say() for _ in range(4)]
    assert [one["job"] for one in fired] == ["crypto_cycle", "options_cycle", "stocks_cycle", "sweep"]
    assert [one["status"] for one in fired] == [200] * 4

    assert desk.processes() > 4
    assert desk.end(signal.SIGINT) == 0
    assert desk.processes() == 0


def _role_of(ready: dict[str, Any]) -> str:
    """Sign in as the page does and return the role that Auth gives."""
    auth = f"http://{ready['addresses']['auth']}/identitytoolkit.googleapis.com/v1"
    told = {"email": ready["email"], "password": ready["password"], "returnSecureToken": True}
    token = _post(f"{auth}/accounts:signInWithPassword?key=demo", told)["idToken"]
    person = _post(f"{auth}/accounts:lookup?key=demo", {"idToken": token})["users"][0]
    assert person["email"] == USERS[0].email
    return str(json.loads(person["customAttributes"])["role"])


def _post(url: str, told: dict[str, Any]) -> dict[str, Any]:
    request = urllib.request.Request(url, data=json.dumps(told).encode(), headers={"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return dict(json.load(answer))
