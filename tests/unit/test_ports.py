"""Free ports are given out in turn, whoever asks, and never one that an outgoing connection could take."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from scripts import ports
from scripts.ports import HOST, free_ports, preferred_ports

ROOT = Path(__file__).resolve().parents[2]
NAMES = tuple(f"part{number}" for number in range(20))
ASK = f"from scripts.ports import free_ports; print(*free_ports({NAMES!r}).values())"


@pytest.fixture
def turn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A turn of the test's own."""
    monkeypatch.setattr(ports, "_TURN", tmp_path / "turn")
    return tmp_path / "turn"


def test_processes_that_ask_at_the_same_time_are_given_different_ports() -> None:
    asking = [
        subprocess.Popen([sys.executable, "-c", ASK], cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(4)
    ]
    given = [int(port) for one in asking for port in one.communicate()[0].split()]
    assert len(given) == len(set(given)) == 4 * len(NAMES)


def test_ports_are_not_those_of_outgoing_connections() -> None:
    with socket.create_server((HOST, 0)) as server, socket.create_connection(server.getsockname()) as outgoing:
        assert max(free_ports(NAMES).values()) < outgoing.getsockname()[1]


def test_a_port_that_is_listened_on_is_passed_over(turn: Path) -> None:
    wanted = free_ports(["one"])["one"]
    turn.write_text(str(wanted))
    with socket.create_server((HOST, wanted)):
        assert free_ports(["one"])["one"] != wanted
        assert preferred_ports({"one": wanted})["one"] != wanted


@pytest.mark.parametrize("told", ["", "nonsense", "1", "99999", str(ports._RANGE[-1])])
def test_a_turn_that_is_spoilt_or_at_its_end_begins_anew(turn: Path, told: str) -> None:
    turn.write_text(told)
    given = list(free_ports(NAMES).values())
    assert len(set(given)) == len(NAMES)
    assert ports._RANGE[0] in given or not ports.is_free(ports._RANGE[0])
